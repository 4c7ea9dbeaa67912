"""Files of a demonstration that are well under way: opened before it begins, with the tasks done since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.cases.evidence import add_evidence
from engine.cases.matters import Application, open_matter
from engine.cases.tasks import complete_task
from engine.database import begin_write
from engine.hooks import Demonstration
from engine.models import Case, Task
from engine.organisation.duty import people_for
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.simulation.photos import draw, name_photo

Done = tuple[str, float, Mapping[str, Any]]
"""A task, the hours after the one before, its answers; ``@now`` in them is the moment it is done."""
NOW = "@now"
PHOTOS = {"on_site": "before_photo", "seal": "after_photo", "check_removal": "after_photo", "recheck": "after_photo"}


@dataclass(frozen=True)
class Work:
    """A file: how many days before the demonstration it was opened, what it asks, the tasks done."""

    days: float
    subject: str
    clue: str
    done: Sequence[Done] = field(default=())


def found(finding: str, party: str, address: str, area: float, **more: Any) -> Done:
    """The check on site."""
    answers = {
        "finding": finding, "officer_1": "魏学军 云执0101", "officer_2": "韩玉林 云执0102", "address": address,
        "party_kind": "person", "party": party, "area": area, "storeys": 1, "use": "dwelling", "zone": "urban",
        "found": "砖混结构，未见规划许可。", **more,
    }  # fmt: skip
    return "on_site", 3.0, answers


def stopped(outcome: str) -> Done:
    """The order to stop, served."""
    return "serve_order", 1.5, {"served_at": NOW, "manner": "direct", "outcome": outcome}


OPINION = {"opinion": "no_permit", "opinion_text": "未办理建设工程规划许可证，无法采取改正措施消除影响。"}
NO_PERMIT: Done = ("ask_planning", 40.0, OPINION)
SERVED = {"served_at": NOW, "manner": "direct"}
FACTS = {
    "facts": "未取得建设工程规划许可证擅自建设。", "established": "yes", "party_kind": "person", "temporary": False,
}  # fmt: skip


def filed(*, freeze: bool) -> Done:
    """The filing, with a freeze or without."""
    return "file_case", 20.0, {"decision": "approve", "freeze": freeze}


def decided(party: str, **more: Any) -> tuple[Done, ...]:
    """From the investigation to the decision."""
    return (
        ("investigate", 60.0, {**FACTS, "party_name": party, "cost": 80_000, **more}),
        ("legal_review", 20.0, {"review": "pass"}),
        ("serve_notice", 20.0, SERVED),
        ("defence_period", 30.0, {"kind": "waived", "text": "书面放弃陈述申辩和听证"}),
    )


WORKS = (
    Work(2, "东津路 18 号楼顶", "群众反映楼顶正在浇筑", (
        found("in_progress", "李桂芳", "东津路18号楼顶", 62), stopped("stopped"),
    )),
    Work(4, "望江路 6 号门前", "沿街铺面向外扩建", (
        found("in_progress", "吴国强", "望江路6号门前", 35, use="shop"), stopped("refused"),
        ("report_refusal", 1.0, {"request": "seal", "reason": "拒不停工，夜间抢建"}),
        ("order_measure", 4.0, {"measure": "seal", "text": "请城管会同街道立即查封施工现场。"}),
        ("seal", 3.0, {"items": [{"name": "搅拌机", "count": 1}, {"name": "脚手架", "count": 6}]}),
    )),
    Work(12, "鼓楼巷 33 号后院", "巡查发现新搭彩钢棚", (
        found("built", "孙大海", "鼓楼巷33号后院", 118, use="storage", opinion="ask"), NO_PERMIT, filed(freeze=True),
    )),
    Work(24, "石泉巷 9 号", "邻里举报加层", (
        found("built", "周建平", "石泉巷9号", 54, opinion="no_permit"), filed(freeze=False),
        *decided("周建平", correctable=True),
        ("decide", 20.0, {"fine_percent": 6, "text": "三十日内拆除超建部分，恢复原状。"}),
        ("serve_order", 10.0, SERVED),
    )),
    Work(26, "云台路 71 号", "图斑核查移交", (
        found("built", "陈秀兰", "云台路71号", 203, opinion="no_permit"), filed(freeze=True),
        *decided("陈秀兰", correctable=False, removable=True),
        ("decide", 20.0, {"text": "自收到决定书之日起十五日内自行拆除。"}), ("serve_order", 10.0, SERVED),
    )),
)  # fmt: skip


def open_files(demo: Demonstration, places: Sequence[tuple[float, float]]) -> None:
    """Open the files and do their tasks; in a city with other diagrams or people a file stays where it is."""
    roles = load_roles(demo.platform.city.layers)
    demo.session.commit()
    for work, (lon, lat) in zip(WORKS, places, strict=False):
        at = demo.start - timedelta(days=work.days)
        begin_write(demo.session)
        answers = {"subject": work.subject, "clue": work.clue, "address": work.subject}
        application = Application("illegal_build_file", answers, lon=lon, lat=lat)
        number = open_matter(demo.session, demo.platform, application, None, at).number
        demo.session.commit()
        for element, hours, told in work.done:
            at = min(at + timedelta(hours=hours), demo.start)
            task = open_task(demo, number, element)
            people = people_for(demo.session, task.role, task.scope, most=1) if task is not None else []
            actor = load_actor(demo.session, people[0].id, roles, task.role) if task is not None and people else None
            if task is None or actor is None:
                break
            task_id = task.id
            if element in PHOTOS:
                photo, role = draw(PHOTOS[element], 0), PHOTOS[element]
                add_evidence(
                    demo.session, demo.platform, actor, number, role, name_photo(role, 0), photo, now=at
                )  # fmt: skip
            demo.session.rollback()
            complete_task(demo.session, demo.platform, actor, task_id, at_moment(told, at), now=at)
    begin_write(demo.session)


def at_moment(answers: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The answers with the moment they are given at."""
    return {name: at.isoformat(timespec="seconds") if value == NOW else value for name, value in answers.items()}


def open_task(demo: Demonstration, number: str, element: str) -> Task | None:
    """The open task of an element of a case."""
    query = select(Task).join(Case, Case.id == Task.case_id)
    return demo.session.scalars(
        query.where(Case.number == number, Task.status == "open", Task.element == element)
    ).first()
