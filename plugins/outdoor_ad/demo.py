"""A demonstration of outdoor advertising: signs where the city has them, licences, tests, and matters under way."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.cases.matters import Application, open_matter
from engine.cases.tasks import complete_task
from engine.database import begin_write
from engine.hooks import Demonstration
from engine.models import Address, Case, Component, Task
from engine.organisation.duty import people_for
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.registers.keeping import Hand, put_entry
from plugins.outdoor_ad.jobs import open_due
from plugins.outdoor_ad.signs import SIGNS, TESTS

DUTY = "OUTDOOR_AD"
ITEMS, LICENCES = "permit_items", "permit_licences"
LARGE, TEMPORARY, SHOPS = 22, 8, 30
SIGN_CLASS = "0306"
BRANDS = (
    "云河银行",
    "望江百货",
    "锦湖地产",
    "凤岭汽车",
    "澄江文旅",
    "西洲家居",
    "北浦食品",
    "青云通信",
    "云河公益",
    "江湾乳业",
)
AGENCIES = ("云河某传媒公司", "望江某广告公司", "锦湖某文化传播公司", "凤岭某标识公司", "澄江某会展公司")
SHOP_NAMES = (
    "老面馆",
    "便民药房",
    "鲜果店",
    "五金行",
    "理发店",
    "茶馆",
    "书店",
    "烘焙坊",
    "电器维修",
    "花店",
    "裁缝铺",
    "早餐店",
)
FORMS = {
    "large": ("roof", "wall", "pole", "screen"),
    "temporary": ("banner", "lightbox"),
    "shop": ("board", "lightbox"),
}
SIZES = {"large": (8, 20, 4, 9), "temporary": (3, 12, 1, 3), "shop": (2, 6, 1, 2)}
OFFICERS = [{"name": "陈立"}, {"name": "许宁"}]
LAW = "城市市容和环境卫生管理条例第十一条"
Answers = tuple[str, Mapping[str, Any]]


def fill(demo: Demonstration) -> None:
    """Fill the registers and open matters at different stages; a city without the duty keeps them empty."""
    lead = demo.platform.host.directory.answering(DUTY, ())
    if lead is None:
        return
    enter_items(demo, lead)
    signs = enter_signs(demo, lead)
    demo.session.commit()
    begin_write(demo.session)
    open_due(demo.session, demo.platform, demo.now - timedelta(hours=2))
    demo.session.commit()
    open_matters(demo, signs)


def enter_items(demo: Demonstration, lead: str) -> None:
    """The items of ``items.csv``, with the city's departments."""
    host = demo.platform.host
    with (Path(__file__).parent / "items.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            values = {name: value for name, value in row.items() if value}
            values |= {"department": lead, "window": lead, "organ": host.directory.fallback() or lead}
            put_entry(demo.session, host.registers[ITEMS], values, Hand(demo.now, reason="演示数据"))


def places_of(demo: Demonstration) -> tuple[list[tuple[float, float, str]], list[tuple[float, float, str]]]:
    """(lon, lat, address) of large signs and of shops: components of the class, and addresses of the city."""
    session, chance = demo.session, demo.chance
    found = session.scalars(select(Component).where(Component.full_code == SIGN_CLASS).order_by(Component.code)).all()
    doors = session.scalars(select(Address).where(Address.kind.in_(("door", "poi"))).order_by(Address.code)).all()
    near = [(row.lon, row.lat, row.name) for row in chance.sample(doors, min(len(doors), LARGE + TEMPORARY + SHOPS))]
    large = [(row.lon, row.lat, near[at % len(near)][2] if near else row.code) for at, row in enumerate(found)]
    return chance.sample(large, min(len(large), LARGE)) or near[:LARGE], near[LARGE:] or near


def enter_signs(demo: Demonstration, lead: str) -> list[dict[str, Any]]:
    """About sixty signs: most in order, some with a test or licence near its end, late, or against the rules."""
    large, others = places_of(demo)
    today = demo.now.astimezone(demo.platform.city.time_zone).date()
    kinds = [*(["large"] * len(large)), *(["temporary"] * min(TEMPORARY, len(others)))]
    kinds += ["shop"] * max(0, min(SHOPS, len(others) - TEMPORARY))
    signs = []
    for at, (kind, place) in enumerate(zip(kinds, [*large, *others], strict=False), 1):
        sign = a_sign(demo, kind, place, at, today) | {"department": lead}
        located = demo.platform.host.ground.locate(sign["lon"], sign["lat"])
        if located is not None and located.district:
            sign["district"] = located.district
        if kind != "shop":
            enter_licence(demo, sign, lead)
        register = demo.platform.host.registers[SIGNS]
        put_entry(demo.session, register, sign, Hand(demo.now, reason="演示数据"))
        if sign.get("last_test"):
            enter_test(demo, sign)
        signs.append(sign)
    return signs


def a_sign(demo: Demonstration, kind: str, place: tuple[float, float, str], at: int, today: date) -> dict[str, Any]:
    """One sign as the register keeps it."""
    chance, (lon, lat, address) = demo.chance, place
    least_w, most_w, least_h, most_h = SIZES[kind]
    width, height = chance.randint(least_w, most_w), chance.randint(least_h, most_h)
    name = chance.choice(SHOP_NAMES) + "店招" if kind == "shop" else chance.choice(BRANDS) + "广告"
    issued = today - timedelta(days=chance.randrange(20, 640) if kind == "large" else chance.randrange(3, 25))
    sign: dict[str, Any] = {
        "code": f"YH-{at:04}", "title": f"{address}{name}", "kind": kind, "form": chance.choice(FORMS[kind]),
        "holder": name.removesuffix("店招") if kind == "shop" else chance.choice(AGENCIES),
        "phone": f"1540001{at:04}",
        "address": address, "width": width, "height": height, "area": width * height, "lon": lon, "lat": lat,
        "status": "in_use",
    }  # fmt: skip
    if kind == "shop":
        return sign | {"filed_on": issued.isoformat()}
    lasts = 730 if kind == "large" else 30
    sign |= {"issued_on": issued.isoformat(), "valid_to": (issued + timedelta(days=lasts)).isoformat()}
    if kind == "large":
        tested = today - timedelta(days=chance.randrange(10, 380))
        sign |= {"last_test": tested.isoformat(), "next_test": (tested + timedelta(days=365)).isoformat()}
        if tested + timedelta(days=365) < today:
            sign["status"] = "test_overdue"
        if at % 11 == 0:
            sign["status"] = "illegal"
    return sign


def enter_licence(demo: Demonstration, sign: dict[str, Any], lead: str) -> None:
    """The licence of a sign, and its number at the sign."""
    registers, item = demo.platform.host.registers, "AD-01" if sign["kind"] == "large" else "AD-02"
    number = f"云广许证〔{sign['issued_on'][:4]}〕第{sign['code'][-4:]}号"
    today = demo.now.astimezone(demo.platform.city.time_zone).date().isoformat()
    status = "valid" if sign["valid_to"] >= today else "expired"
    sign |= {"licence_no": number, "licence_status": status}
    values = {
        "licence_no": number, "holder": sign["holder"], "item": item, "subject": sign["title"], "department": lead,
        "organ": demo.platform.host.directory.fallback() or lead, "issued_on": sign["issued_on"],
        "valid_to": sign["valid_to"], "status": status, "lon": sign["lon"], "lat": sign["lat"],
        "entry_register": SIGNS, "entry_key": sign["code"],
    }  # fmt: skip
    put_entry(demo.session, registers[LICENCES], values, Hand(demo.now, reason="演示数据"))


def enter_test(demo: Demonstration, sign: Mapping[str, Any]) -> None:
    """The last test report of a sign."""
    values = {
        "report_no": f"云检〔{sign['last_test'][:4]}〕{sign['code']}", "sign": sign["code"], "tester": "云河某检测公司",
        "tested_on": sign["last_test"], "result": "passed",
    }  # fmt: skip
    put_entry(demo.session, demo.platform.host.registers[TESTS], values, Hand(demo.now, reason="演示数据"))


def open_matters(demo: Demonstration, signs: Sequence[Mapping[str, Any]]) -> None:
    """Applications, filings and orders at different stages, and a campaign in the wind under way."""
    formal: Answers = ("check_formality", {"decision": "complete"})
    planned: Answers = ("plan_check", {"decision": "fit", "note": "在设置规划范围内"})
    surveyed: Answers = ("survey", {"officers": OFFICERS, "findings": "结构可靠，不遮挡交通标志", "decision": "fit"})
    ordered: Answers = (
        "inspect",
        {"officers": OFFICERS, "decision": "order", "facts": "超过许可面积设置", "party": "望江某广告公司",
         "party_kind": "unit", "problem": "differs", "legal_basis": LAW},
    )  # fmt: skip
    large = [sign for sign in signs if sign["kind"] == "large"] or list(signs)
    shops = [sign for sign in signs if sign["kind"] == "shop"] or list(signs)
    if not large:
        return
    for at, way in enumerate(([], [formal], [formal, planned], [formal, planned, surveyed])):
        begun = demo.now - timedelta(hours=6 + 5 * at)
        start(demo, "outdoor_ad_application", apply_for(large[at % len(large)], at), large[at % len(large)], begun, way)
    for at, sign in enumerate(shops[:3]):
        answers = {"subject": f"{sign['title']}（换新）", "party": sign["holder"], "sign_address": sign["address"],
                   "width": sign["width"], "height": sign["height"]}  # fmt: skip
        ways: Sequence[Sequence[Answers]] = ([], [("check", {"decision": "guide", "guidance": "与相邻店招同高"})],
                                             [("check", {"decision": "fit"})])  # fmt: skip
        start(demo, "outdoor_ad_filing", answers, sign, demo.now - timedelta(hours=4 + at), ways[at])
    illegal = [sign for sign in signs if sign["status"] == "illegal"]
    for at, sign in enumerate(illegal[:3]):
        answers = {
            "sign_code": sign["code"],
            "subject": f"整改：{sign['title']}",
            "problem": "differs",
            "facts": "巡查发现",
        }
        way = [ordered] if at else []
        start(demo, "outdoor_ad_illegal", answers, sign, demo.now - timedelta(hours=5 + at), way)
    wind = {"wind_level": 8, "district": large[0].get("district"), "basis": "市气象台大风蓝色预警"}
    checks: list[Answers] = [("check_sign", {"decision": "safe"}), ("check_sign", {"decision": "secured"})]
    start(demo, "outdoor_ad_wind", wind, None, demo.now - timedelta(minutes=50), checks)


def apply_for(sign: Mapping[str, Any], at: int) -> dict[str, Any]:
    """Answers of an application for a sign beside one that is there."""
    return {
        "item_code": "AD-01", "subject": f"{sign['address']}新增墙面广告", "applicant": AGENCIES[at % len(AGENCIES)],
        "applicant_kind": "organisation", "address": sign["address"], "form": "wall", "width": 8, "height": 4,
        "route": "ordinary", "phone": f"1540002{at:04}",
    }  # fmt: skip


def start(
    demo: Demonstration, matter: str, answers: Mapping[str, Any], sign: Mapping[str, Any] | None, at: datetime,
    way: Sequence[Answers],
) -> None:  # fmt: skip
    """Open a matter at a moment and complete tasks of it, each by somebody who holds its role."""
    session, platform = demo.session, demo.platform
    place = {"lon": sign["lon"], "lat": sign["lat"], "address": sign["address"]} if sign is not None else {}
    begin_write(session)
    number = open_matter(session, platform, Application(matter, answers, **place), None, at).number
    session.commit()
    roles = load_roles(platform.city.layers)
    for element, given in way:
        at += timedelta(minutes=12)
        query = select(Task).join(Case, Case.id == Task.case_id).where(Case.number == number, Task.status == "open")
        task = session.scalars(query.where(Task.element == element).order_by(Task.created_at, Task.id)).first()
        people = people_for(session, task.role, task.scope, most=1) if task is not None else []
        actor = load_actor(session, people[0].id, roles, task.role) if task is not None and people else None
        if task is None or actor is None:
            break  # nothing of the kind to do, or a city without such people: the case stays where it stands
        rows = {"materials": [{"handed": True} for _ in task.defaults.get("materials", ())]}
        task_id = task.id
        session.rollback()
        complete_task(
            session, platform, actor, task_id, {**given, **(rows if element == "check_formality" else {})}, now=at
        )
    session.rollback()
