"""Departments and posts of the city."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tools.yunhe.divisions import Ground


@dataclass(frozen=True)
class Department:
    code: str
    name: str
    name_en: str
    kind: str
    side: str
    parent: str
    duties: str = ""
    territory: str = ""
    fallback: str = ""


@dataclass(frozen=True)
class Post:
    code: str
    name: str
    name_en: str
    role: str
    department: str


COMMITTEE = Department(
    "committee", "云河市城市管理委员会", "Yunhe Urban Management Committee", "command", "command", ""
)
SUPERVISION = Department(
    "supervision_centre", "云河市城市管理监督中心", "Yunhe Supervision Centre", "centre", "supervision", "committee"
)
COMMAND = Department(
    "command_centre", "云河市城市管理指挥中心", "Yunhe Command Centre", "command", "command", "committee"
)
COLLECTION = Department(
    "collection_brigade",
    "信息采集大队",
    "Information Collection Brigade",
    "centre",
    "supervision",
    "supervision_centre",
)

UNITS_FILE = Path(__file__).with_name("handling_units.csv")
FALLBACK = "urban_management"

CENTRE_POSTS = (
    ("mayor", "分管副市长", "Deputy Mayor in Charge", "leader", "committee"),
    ("acceptor", "受理员", "Acceptor", "acceptor", "supervision_centre"),
    ("callback", "回访员", "Callback Officer", "acceptor", "supervision_centre"),
    ("shift_leader", "值班长", "Shift Leader", "shift_leader", "supervision_centre"),
    ("analyst", "流程分析员", "Process Analyst", "analyst", "supervision_centre"),
    ("administrator", "系统管理员", "Administrator", "administrator", "supervision_centre"),
    ("collector", "信息采集员", "Collector", "collector", "collection_brigade"),
    ("dispatcher", "派遣员", "Dispatcher", "dispatcher", "command_centre"),
    ("command_head", "指挥中心主任", "Head of the Command Centre", "command_head", "command_centre"),
)  # fmt: skip
UNIT_POSTS = (
    ("clerk", "收件员", "Clerk", "unit_clerk"),
    ("handler", "经办人", "Handler", "unit_handler"),
    ("head", "负责人", "Head", "unit_head"),
)


def draw_departments(ground: Ground) -> list[Department]:
    """Centres first, then departments and companies, district centres, subdistrict offices."""
    departments = [COMMITTEE, SUPERVISION, COLLECTION, COMMAND]
    with UNITS_FILE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            fallback = "yes" if row["code"] == FALLBACK else ""
            departments.append(Department(**row, side="handling", fallback=fallback))
    districts = [d for d in ground.divisions if d.level == "district"]
    for d in districts:
        departments.append(
            Department(
                f"district_{d.code}", f"{d.name}城市管理指挥分中心", f"{d.name_en} Command Centre",
                "district", "command", "command_centre", "", d.code,
            )
        )  # fmt: skip
    for s in (d for d in ground.divisions if d.level == "subdistrict"):
        departments.append(
            Department(
                subdistrict_office(s.code), f"{s.name}办事处", f"{s.name_en} Office",
                "subdistrict", "handling", f"district_{s.parent}", "SUBDISTRICT", s.code,
            )
        )  # fmt: skip
    return departments


def subdistrict_office(code: str) -> str:
    """The department code of the office of a subdistrict."""
    return f"office_{code[:9]}"


def draw_posts(departments: list[Department]) -> list[Post]:
    """The posts of the centres, and clerk, handler and head of every unit that handles."""
    posts = [Post(*row) for row in CENTRE_POSTS]
    for department in departments:
        if department.kind == "district":
            posts.append(
                Post(
                    f"{department.code}.dispatcher",
                    f"{department.name}派遣员",
                    f"Dispatcher, {department.name_en}",
                    "dispatcher",
                    department.code,
                )
            )
            posts.append(
                Post(
                    f"{department.code}.leader",
                    f"{department.name}主任",
                    f"Head, {department.name_en}",
                    "district_leader",
                    department.code,
                )
            )
        if department.side == "handling":
            posts += [
                Post(
                    f"{department.code}.{key}",
                    f"{department.name}{name}",
                    f"{name_en}, {department.name_en}",
                    role,
                    department.code,
                )
                for key, name, name_en, role in UNIT_POSTS
            ]
    return posts
