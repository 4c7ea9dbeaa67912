"""Registers and matters of a demonstration: invented names, deterministic from its chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.reading_messages import HTTP
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from plugins.environment.indicators import entries
from plugins.environment.jobs import expire_certificates, mark_cleanings

OUTLETS, MONITORS, SITES = 80, 10, 20
SILENT = ("ENV-04", "ENV-09")
"""Monitors that say nothing."""
LOUD = {"ENV-02": 3.4, "ENV-07": 262.0}
"""Monitors that are above their limit in the last three quarters of an hour, with what they say then."""
SPEAKS = timedelta(minutes=10)
FIRST = (
    "云上",
    "老街",
    "锦湖",
    "望江",
    "聚福",
    "川味",
    "渔家",
    "巷子里",
    "百味",
    "禾记",
    "阿婆",
    "南桥",
    "青松",
    "澄江",
)
KINDS = ("火锅店", "面馆", "家常菜馆", "烧烤店", "小炒", "酒楼", "土菜馆", "快餐", "早点铺", "海鲜大排档")
WORKS = (
    "花园小区二期",
    "科创中心",
    "实验学校扩建",
    "老旧管网改造",
    "人民医院门诊楼",
    "滨江公园",
    "安置房一标段",
    "轨道三号线站点",
)
RIVERS = ("云河", "澄江", "柳溪", "锦湖支渠", "北浦河", "西洲港")
ITEMS = ("工地周边围挡", "物料堆放覆盖", "出入车辆冲洗", "施工现场地面硬化", "拆迁工地湿法作业", "渣土车辆密闭运输")
OFFICERS = {"officer_1": "魏学军", "officer_2": "韩玉林"}
INSPECTION = {
    **OFFICERS, "party_kind": "unit", "address": "老街 18 号", "stoves": 4, "purifier": "running",
    "facts": "后厨净化设施运行，排烟口有油渍。",
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """A matter of the demonstration: how long ago it was opened, and the tasks done since, with their answers."""

    name: str
    days_ago: float
    answers: Mapping[str, Any]
    done: Sequence[tuple[str, Mapping[str, Any]]] = field(default=())


def fill(demo: Demonstration) -> None:
    """Fill the registers, then open matters and do some of their tasks."""
    _registers(demo)
    mark_cleanings(demo.session, demo.platform, demo.now)
    expire_certificates(demo.session, demo.platform, demo.now)
    demo.session.commit()  # what follows begins its own transactions
    _let_speak(demo)
    for work in _works():
        _do(demo, work)


def _registers(demo: Demonstration) -> None:
    chance, today = demo.chance, demo.now.astimezone(demo.platform.city.time_zone).date()

    def ago(least: int, most: int) -> str:
        return (today - timedelta(days=chance.randint(least, most))).isoformat()

    for number in range(1, MONITORS + 1):
        kind = ("fume", "fume", "fume", "fume", "fume", "fume", "dust", "dust", "dust", "noise")[number - 1]
        words = {"fume": "油烟监测仪", "dust": "扬尘监测仪", "noise": "噪声监测仪"}[kind]
        calibrated = today + timedelta(days=chance.randint(5, 300))
        _put(
            demo, "environment_monitors", code=f"ENV-{number:02}", name=f"{words} {number:02}", kind=kind,
            status="offline" if f"ENV-{number:02}" in SILENT else "online", calibrated_to=calibrated.isoformat(),
        )  # fmt: skip
    for number in range(1, OUTLETS + 1):
        stoves = chance.choice((1, 2, 2, 3, 4, 4, 6, 8))
        purifier = chance.choices(("running", "off", "faulty", "none"), (84, 7, 5, 4))[0]
        _put(
            demo, "environment_outlets", code=f"CY{number:04}",
            name=f"{chance.choice(FIRST)}{chance.choice(KINDS)}（{number} 号）",
            address=f"云河市第 {chance.randint(1, 60)} 街 {chance.randint(1, 200)} 号", stoves=stoves,
            size="large" if stoves >= 6 else "medium" if stoves >= 3 else "small", purifier=purifier,
            grade={"running": chance.choice("AAB"), "off": "C", "faulty": "B", "none": "C"}[purifier],
            status="open" if number % 29 else "suspended", cleaned_on=ago(3, 75), inspected_on=ago(1, 120),
            monitor=f"ENV-{number:02}" if number <= 6 else None,
            concentration=round(chance.uniform(0.3, 1.9), 2) if number <= 30 else None, phone=f"1390000{number:04}",
        )  # fmt: skip
    for number in range(1, SITES + 1):
        failed = chance.sample(ITEMS, chance.choices((0, 1, 2, 3), (55, 20, 15, 10))[0])
        checked = date.fromisoformat(ago(1, 28))
        _put(
            demo, "environment_sites", code=f"GD{number:03}",
            name=f"{chance.choice(FIRST)}{chance.choice(WORKS)}工地（{number}）",
            address=f"云河市第 {chance.randint(1, 60)} 街", builder=f"云河第 {chance.randint(1, 9)} 开发公司",
            contractor=f"云河第 {chance.randint(1, 9)} 建筑公司", area=chance.randint(2, 60) * 1000,
            grade="green" if not failed else "yellow" if len(failed) < 3 else "red", passed=6 - len(failed),
            failed="、".join(failed), checked_on=checked.isoformat(),
            next_check=(checked + timedelta(days=30 if not failed else 15)).isoformat(), status="active",
            monitor=f"ENV-{number + 6:02}" if number <= 3 else None, phone=f"1380000{number:04}",
        )  # fmt: skip
    for number, (since, lasts) in enumerate(((-3, 5), (-20, 10), (1, 4), (-2, 3)), 1):
        first = today + timedelta(days=since)
        _put(
            demo, "environment_night_certificates", place=False, code=f"夜施-{number:03}", site=f"GD{number:03}",
            holder=f"云河第 {number} 建筑公司", work="混凝土连续浇筑", valid_from=first.isoformat(),
            valid_to=(first + timedelta(days=lasts)).isoformat(), posted=number != 4, status="valid",
        )  # fmt: skip
    _put(
        demo, "environment_quiet_periods", place=False, code="KS-1", name="学业水平考试期间",
        from_day=(today + timedelta(days=5)).isoformat(), to_day=(today + timedelta(days=8)).isoformat(),
        from_time="20:00", to_time="07:00", notice="考试期间噪声管控通告（演示）",
    )  # fmt: skip
    offices = sorted(code for code in demo.platform.host.directory.units if code.startswith("office_"))
    for number, name in enumerate(RIVERS, 1):
        _put(
            demo, "environment_rivers", code=f"HD{number:02}", name=f"{name}城区段", stretch="上游闸口至下游桥",
            length_km=round(chance.uniform(0.8, 6.5), 1), chief=chance.choice(("石燕", "田玉梅", "余娟", "林小刚")),
            office=chance.choice(offices) if offices else demo.platform.host.directory.fallback(),
            quality=chance.choice(("good", "good", "good", "light")), checked_on=ago(5, 60),
        )  # fmt: skip


def _put(demo: Demonstration, register: str, *, place: bool = True, **values: Any) -> None:
    """An entry; with a place somewhere in the city."""
    if place:
        point = demo.chance.choice(demo.platform.host.ground.shapes).representative_point()
        values |= {"lon": round(point.x, 6), "lat": round(point.y, 6)}
    known = {name: value for name, value in values.items() if value is not None}
    put_entry(demo.session, demo.platform.host.registers[register], known, Hand(demo.now, reason="演示数据"))


def _let_speak(demo: Demonstration) -> None:
    """Register the monitors as devices and let them speak for three hours, so that alarms become cases."""
    session, platform = demo.session, demo.platform
    kinds = sensing_of(session, platform).kinds
    lead = platform.host.directory.answering("ECO_ENV", ())
    monitors = {
        each.key: (str(each.values["kind"]), {"name": each.title, "lon": each.lon, "lat": each.lat})
        for each in entries(session, "environment_monitors")
    }
    for code, (kind, place) in monitors.items():
        values = {"code": code, "kind": f"environment.{kind}_monitor", "department_code": lead, **place}
        add_device(session, kinds, values, demo.now - timedelta(hours=4), demo=True)
    at = demo.now - timedelta(hours=3)
    while at <= demo.now:
        speaking = ((code, kind) for code, (kind, _) in monitors.items() if code not in SILENT)
        messages = [_message(demo, code, kind, at) for code, kind in speaking]
        taken = take_messages(session, platform, messages, at)
        settle(session, platform, taken.alarms, at)
        at += SPEAKS
    begin_write(session)


def _message(demo: Demonstration, code: str, kind: str, at: datetime) -> Message:
    """What a monitor says at a moment."""
    usual = {"fume": (0.5, 1.5), "dust": (40.0, 90.0), "noise": (42.0, 54.0)}[kind]
    value = round(demo.chance.uniform(*usual), 2)
    if code in LOUD and demo.now - at <= timedelta(minutes=45):
        value = LOUD[code]
    values: dict[str, Any] = {{"fume": "concentration", "dust": "pm10", "noise": "level"}[kind]: value}
    if kind == "fume":
        values |= {"fan": True, "purifier": True}
    return Message(HTTP, code, b"", content=[{"at": at.isoformat(), "values": values}])


def _do(demo: Demonstration, work: Work) -> None:
    """Open a matter and do its tasks, an hour after each other."""
    at = demo.now - timedelta(days=work.days_ago)
    point = demo.chance.choice(demo.platform.host.ground.shapes).representative_point()
    begin_write(demo.session)
    application = Application(work.name, work.answers, lon=point.x, lat=point.y)
    number = open_matter(demo.session, demo.platform, application, None, at).number
    demo.session.commit()
    roles = load_roles(demo.platform.city.layers)
    for element, answers in work.done:
        at += timedelta(hours=1)
        task = _open_task(demo, number, element)
        people = people_for(demo.session, task.role, task.scope, most=1) if task is not None else []
        actor = load_actor(demo.session, people[0].id, roles, task.role) if task is not None and people else None
        if task is None or actor is None:
            return  # a city of its own may have other diagrams, or nobody there: the matter stays where it is
        complete_task(demo.session, demo.platform, actor, task.id, answers, now=min(at, demo.now))


def _open_task(demo: Demonstration, number: str, element: str) -> Task | None:
    query = select(Task).join(Case, Case.id == Task.case_id)
    return demo.session.scalars(
        query.where(Case.number == number, Task.status == "open", Task.element == element)
    ).first()


def _works() -> tuple[Work, ...]:
    fume, noise, petition = "environment_fume", "environment_night_noise", "environment_petition"
    served = ("deliver", {"manner": "direct", "receiver": "当事人"})
    return (
        Work(fume, 0.4, {"party": "老街火锅店", "clue": "居民反映晚间油烟扰民。"}),
        Work(
            fume,
            2.2,
            {"outlet": "CY0002", "party": "聚福酒楼", "clue": "在线监测连续超标。"},
            [("inspect", {**INSPECTION, "outlet": "CY0002", "party": "聚福酒楼", "finding": "purifier_ok"})],
        ),
        Work(
            fume,
            6,
            {"outlet": "CY0003", "party": "川味小炒", "clue": "油烟直排。"},
            [
                (
                    "inspect",
                    {
                        **INSPECTION,
                        "outlet": "CY0003",
                        "party": "川味小炒",
                        "finding": "no_purifier",
                        "purifier": "none",
                        "facts": "未安装净化设施，油烟直排。",
                    },
                ),
                ("order", {"requirement": "安装并使用与规模相适应的油烟净化设施。"}),
                served,
            ],
        ),
        Work(
            noise,
            1.1,
            {"site": "GD001", "party": "云河第 1 建筑公司", "clue": "夜里有打桩声。"},
            [
                (
                    "on_site",
                    {
                        **OFFICERS,
                        "site": "GD001",
                        "party": "云河第 1 建筑公司",
                        "address": "滨江路工地",
                        "working": "working",
                        "facts": "正在浇筑混凝土。",
                    },
                )
            ],
        ),
        Work("environment_dust", 0.1, {"site": "GD002", "party": "科创中心工地", "clue": "PM10 超标报警。"}),
        Work(
            "environment_site_inspection",
            1.5,
            {"site": "GD005", "party": "安置房工地", "clue": "上月黄色工地复查。"},
        ),
        Work("environment_water", 1.2, {"river": "HD03", "clue": "河水发黑，有异味。"}),
        Work(
            petition,
            9,
            {
                "subject": "酒楼油烟长期扰民",
                "petitioner": "信访人甲",
                "respondent": "聚福酒楼",
                "clue": "多次投诉未解决。",
            },
            [("accept", {"acceptance": "accept", "topic": "other"}), served],
        ),
        Work(
            petition,
            2,
            {"subject": "工地夜间施工", "petitioner": "信访人乙", "respondent": "", "clue": "连续三晚施工到凌晨。"},
        ),
    )
