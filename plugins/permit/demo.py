"""A demonstration of licences: items of several departments, licences at every age, applications under way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.cases.matters import Application, open_matter
from engine.cases.tasks import complete_task
from engine.database import begin_write
from engine.hooks import Demonstration
from engine.models import Case, Task
from engine.organisation.duty import people_for
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.registers.keeping import Hand, put_entry
from plugins.permit.licences import ITEMS, LICENCES, end_of_term

ITEMS_OF: tuple[tuple[str, str, str, int, int, str, str], ...] = (
    (
        "ROAD-01",
        "占用、挖掘城市道路",
        "MUNICIPAL",
        20,
        3,
        "申请书;施工方案;交通组织方案;管线单位意见（如需）",
        "城市道路管理条例第三十条、第三十一条",
    ),
    (
        "ROAD-02",
        "依附城市道路建设管线、杆线",
        "MUNICIPAL",
        20,
        12,
        "申请书;设计文件;安全评估（如需）",
        "城市道路管理条例第二十九条",
    ),
    ("GREEN-01", "砍伐、移植城市树木", "LANDSCAPING", 20, 6, "申请书;位置图和照片;补植方案", "城市绿化条例第二十条"),
    ("GREEN-02", "临时占用城市绿地", "LANDSCAPING", 20, 12, "申请书;占用范围图;恢复方案", "城市绿化条例第十九条"),
    (
        "WASTE-01",
        "城市生活垃圾经营性清扫、收集、运输、处理",
        "SANITATION",
        20,
        36,
        "申请书;车辆和设施清单;作业方案",
        "城市生活垃圾管理办法第十七条",
    ),
    (
        "FACE-01",
        "临街摆设摊点、堆放物料",
        "URBAN_APPEARANCE",
        5,
        3,
        "申请书;位置图",
        "城市市容和环境卫生管理条例第十四条",
    ),
)
BY_COMMITMENT = "FACE-01"
HOLDERS = (
    "云河某市政工程公司",
    "望江某建设集团",
    "锦湖某燃气管网公司",
    "云河某通信工程公司",
    "凤岭某地产公司",
    "澄江某园林公司",
    "西洲某环境服务公司",
    "北浦某物业公司",
    "鼓楼某商业街管理公司",
    "十字街某餐饮店",
    "江湾某供水工程公司",
    "青云某文化传播公司",
)
SUBJECTS = {
    "ROAD-01": "接驳管线挖掘道路",
    "ROAD-02": "通信管线附属道路敷设",
    "GREEN-01": "移植行道树",
    "GREEN-02": "施工便道临时占用绿地",
    "WASTE-01": "片区生活垃圾收运",
    "FACE-01": "节庆促销临时摆摊",
}
Answers = tuple[str, Mapping[str, Any]]


def fill(demo: Demonstration) -> None:
    """Fill the registers and open applications at different stages."""
    leads = enter_items(demo)
    if leads:
        enter_licences(demo, leads)
        open_applications(demo, leads)


def enter_items(demo: Demonstration) -> dict[str, str]:
    """Items of the departments the city has. Returns unit in charge by item."""
    host, leads = demo.platform.host, {}
    for code, name, duty, days, months, materials, law in ITEMS_OF:
        lead = host.directory.answering(duty, ())
        if lead is None:
            continue
        leads[code] = lead
        values = {
            "code": code, "name": name, "department": lead, "days": days, "valid_months": months,
            "materials": materials, "law": law, "commitment": code == BY_COMMITMENT, "status": "open",
            "conditions": "按批准的范围、时间和方案实施",
        }  # fmt: skip
        put_entry(demo.session, host.registers[ITEMS], values, Hand(demo.now, reason="演示数据"))
    return leads


def enter_licences(demo: Demonstration, leads: Mapping[str, str]) -> None:
    """Licences of the past two years; some end in the coming weeks."""
    host, today = demo.platform.host, demo.now.astimezone(demo.platform.city.time_zone).date()
    months = {code: length for code, _, _, _, length, _, _ in ITEMS_OF}
    for serial in range(1, 37):
        code = demo.chance.choice(sorted(leads))
        issued = today - timedelta(days=demo.chance.randrange(5, 60 + 31 * months[code]))
        ends = end_of_term(issued, months[code], host.calendar)
        status = "valid" if ends >= today else "expired"
        if serial % 12 == 0:
            status = "revoked" if serial == 12 else "deregistered"
        values = {
            "licence_no": f"云许证〔{issued.year}〕第{serial:05}号", "item": code,
            "holder": demo.chance.choice(HOLDERS), "subject": SUBJECTS[code],
            "department": leads[code], "organ": leads[code],
            "issued_on": issued.isoformat(),
            "valid_to": ends.isoformat(), "by_commitment": code == BY_COMMITMENT and demo.chance.random() < 0.7,
            "status": status, "conditions": "按批准的范围、时间和方案实施",
        }  # fmt: skip
        put_entry(demo.session, host.registers[LICENCES], values, Hand(demo.now, reason="演示数据"))


def open_applications(demo: Demonstration, leads: Mapping[str, str]) -> None:
    """Applications just handed in, awaiting papers, under review, before the decision, and granted."""
    ways: Sequence[Sequence[Answers]] = ((), (), MISSING, FORMAL, FORMAL, REVIEWED, REVIEWED, GRANTED)
    for at, way in enumerate(ways):
        code = sorted(leads)[at % len(leads)]
        answers = {
            "item_code": code, "department": leads[code], "subject": SUBJECTS[code], "applicant": HOLDERS[at],
            "applicant_kind": "organisation", "route": "ordinary", "phone": f"1540000{at:04}",
        }  # fmt: skip
        begun = demo.now - timedelta(hours=20 + at * 3)
        case = open_matter(demo.session, demo.platform, Application("permit_application", answers), None, begun)
        demo.session.commit()
        advance(demo, case.number, way, begun + timedelta(minutes=40))
        begin_write(demo.session)


MISSING: tuple[Answers, ...] = (("check_formality", {"decision": "missing", "supplement": "一、位置图；二、委托书"}),)
FORMAL: tuple[Answers, ...] = (("check_formality", {"decision": "complete"}),)
REVIEWED: tuple[Answers, ...] = (*FORMAL, ("examine", {"decision": "fit", "note": "材料真实，建议准予"}))


GRANTED: tuple[Answers, ...] = (
    *REVIEWED,
    ("decide", {"decision": "grant", "valid_months": 3, "conditions": "按批准的范围实施"}),
    ("issue", {"manner": "direct", "received_by": "经办人"}),
)


def advance(demo: Demonstration, number: str, way: Sequence[Answers], at: datetime) -> None:
    """Complete tasks of a case one after another, each by somebody who holds its role."""
    session, platform = demo.session, demo.platform
    roles = load_roles(platform.city.layers)
    for element, answers in way:
        query = select(Task).join(Case, Case.id == Task.case_id).where(Case.number == number, Task.element == element)
        task = session.scalars(query.where(Task.status == "open")).one()
        people = people_for(session, task.role, task.scope, most=1)
        actor = load_actor(session, people[0].id, roles, task.role) if people else None
        if actor is None:
            return  # a city without such people keeps the case where it stands
        given = dict(answers)
        if element == "check_formality":
            given["materials"] = [{"handed": given["decision"] == "complete"} for _ in task.defaults["materials"]]
        if element == "issue":
            given["on"] = at.astimezone(platform.city.time_zone).date().isoformat()
        task_id = task.id
        session.rollback()
        complete_task(session, platform, actor, task_id, given, now=at)
        at += timedelta(minutes=50)
