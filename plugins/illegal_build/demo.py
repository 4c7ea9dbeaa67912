"""A demonstration of illegal buildings: forty at every stage, findings, freezes, matters under way."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from engine.hooks import Demonstration
from engine.models import RegisterEntry
from plugins.illegal_build.demo_matters import open_files
from plugins.illegal_build.findings import FINDINGS, find_building
from plugins.illegal_build.operators import BUILDINGS

STREETS = (
    "文庙街",
    "鼓楼巷",
    "东津路",
    "十字街",
    "望江路",
    "滨江大道",
    "锦湖路",
    "石泉巷",
    "云台路",
    "澄江街",
    "江湾路",
    "金桥路",
)
PARTIES = (
    "孙大海",
    "李桂芳",
    "周建平",
    "陈秀兰",
    "云河鑫盛仓储有限公司",
    "老街火锅店",
    "望江农机合作社",
    "吴国强",
    "东津物业服务有限公司",
)
KINDS = (
    ("楼顶加建阳光房", "dwelling"), ("沿街搭建铺面", "shop"), ("院内砖混加层", "dwelling"), ("彩钢棚仓库", "storage"),
    ("空地搭建厂棚", "factory"), ("田边看护房", "farm"), ("占道钢结构雨棚", "shop"), ("围圈公共绿地", "other"),
)  # fmt: skip
STAGES = (
    ("found", 3), ("stopped", 3), ("refused", 1), ("sealed", 2), ("investigating", 5), ("correcting", 3),
    ("removal_ordered", 3), ("demanded", 2), ("noticed", 2), ("waiting", 4), ("demolition", 2), ("removed", 6),
    ("corrected", 2), ("confiscated", 1), ("legal", 2), ("annulled", 1),
)  # fmt: skip
"""How many buildings of the demonstration are at each stage: 42."""
DAYS = {
    "found": 1, "stopped": 3, "refused": 2, "sealed": 5, "investigating": 25, "correcting": 60, "removal_ordered": 70,
    "demanded": 100, "noticed": 120, "waiting": 175, "demolition": 240, "removed": 200, "corrected": 120,
    "confiscated": 150, "legal": 40, "annulled": 160,
}  # fmt: skip
"""About how many days ago a building at this stage was found."""
ORDERED = ("removal_ordered", "demanded", "noticed", "waiting", "demolition")
FOUND = 30
STATES = ("new", "new", "new", "checking", "illegal", "legal", "no_building", "filed", "legal", "no_building")


def fill(demo: Demonstration) -> None:
    """Fill the registers and plan matters."""
    places = _places(demo)
    _buildings(demo, places)
    _findings(demo, places)
    _freezes(demo)
    _matters(demo, places)


def _places(demo: Demonstration) -> list[tuple[float, float]]:
    """Places in unit grids, the same for the same chance; none in a city without grids."""
    shapes = list(demo.platform.host.ground.shapes)
    points = (shape.representative_point() for shape in demo.chance.sample(shapes, min(90, len(shapes))))
    return [(round(point.x, 6), round(point.y, 6)) for point in points]


def _buildings(demo: Demonstration, places: list[tuple[float, float]]) -> None:
    chance, today = demo.chance, demo.now.astimezone(demo.platform.city.time_zone).date()
    lead = demo.platform.host.directory.answering("URBAN_ENFORCEMENT", ())
    stages = [stage for stage, count in STAGES for _ in range(count)]
    entries = []
    for number, stage in enumerate(stages, 1):
        what, use = chance.choice(KINDS)
        party = chance.choice(PARTIES)
        found = today - timedelta(days=max(0, DAYS[stage] + chance.randint(-1, max(1, DAYS[stage] // 8))))
        area = round(chance.uniform(8, 420), 1)
        entry: dict[str, Any] = {
            "code": f"WJ{number:04}", "address": f"{chance.choice(STREETS)}{chance.randint(1, 180)}号{what}",
            "party": party, "party_kind": "unit" if len(party) > 4 else "person", "phone": f"1540010{number:04}",
            "area": area, "storeys": chance.choice((1, 1, 1, 2, 2, 3)), "use": use,
            "begun_on": (found - timedelta(days=chance.choice((2, 5, 12, 40, 300)))).isoformat(),
            "found_on": found.isoformat(), "zone": "rural" if use == "farm" else "urban", "stage": stage,
            "department": lead, **_outcome(demo, stage, found, area, today),
        }  # fmt: skip
        if places:
            entry["lon"], entry["lat"] = places[number % len(places)]
        entries.append(entry)
    demo.enter(BUILDINGS, entries)


def _outcome(demo: Demonstration, stage: str, found: date, area: float, today: date) -> dict[str, Any]:
    """What the stage has brought with it."""
    chance = demo.chance
    told: dict[str, Any] = {}
    if stage in ("stopped", "refused", "sealed", *ORDERED, "removed"):
        told["stop_hours"] = round(chance.choice((0.8, 1.2, 1.6, 1.9, 2.6, 5.5)), 1)
    if stage in ORDERED:
        told["decision"] = "限期拆除"
        told["remedy_until"] = (found + timedelta(days=181)).isoformat()
    if stage == "correcting":
        told["decision"] = "限期改正"
    if stage == "removed":
        gone = min(today, found + timedelta(days=chance.randint(20, 195)))
        told |= {"decision": "限期拆除", "removed_on": gone.isoformat(), "removed_area": area}
        told["removed_by"] = chance.choice(("party", "party", "force"))
    return told


def _findings(demo: Demonstration, places: list[tuple[float, float]]) -> None:
    chance, today = demo.chance, demo.now.astimezone(demo.platform.city.time_zone).date()
    entries = []
    for number in range(1, FOUND + 1):
        seen = today - timedelta(days=chance.randint(1, 60))
        status = STATES[number % len(STATES)]
        entry: dict[str, Any] = {
            "code": f"TB-{seen:%Y%m}-{number:03}", "source": chance.choice(("satellite", "satellite", "drone")),
            "found_on": seen.isoformat(), "imported_on": min(today, seen + timedelta(days=3)).isoformat(),
            "area": round(chance.uniform(20, 900), 1), "confidence": chance.randint(55, 98), "status": status,
        }  # fmt: skip
        if places:
            entry["lon"], entry["lat"] = places[number % 8 if status == "filed" else (number + 45) % len(places)]
            entry["building"] = find_building(demo.session, entry["lon"], entry["lat"], 30)
        if status not in ("new", "checking"):
            entry["checked_on"] = min(today, seen + timedelta(days=8)).isoformat()
        entries.append({name: value for name, value in entry.items() if value is not None})
    demo.enter(FINDINGS, entries)


def _freezes(demo: Demonstration) -> None:
    host, today = demo.platform.host, demo.now.astimezone(demo.platform.city.time_zone).date()
    entries = []
    for number in (9, 10, 12, 17, 22, 24):
        for duty, status in (("HOUSING", "frozen"), ("POWER_GRID", "frozen"), ("WATER_SUPPLY", "refused")):
            unit = host.directory.answering(duty, ())
            if unit is not None:
                entries.append(
                    {
                        "code": f"WJ{number:04}-{unit}", "building": f"WJ{number:04}", "department": unit,
                        "status": status, "asked_on": (today - timedelta(days=20)).isoformat(),
                        "answered_on": (today - timedelta(days=18)).isoformat(),
                    }
                )  # fmt: skip
    demo.enter("illegal_build_freezes", entries)


def _matters(demo: Demonstration, places: list[tuple[float, float]]) -> None:
    """Five files under way; two more, two reports, two findings and a freeze opened one after another."""
    if not places:
        return
    open_files(demo, places[50:])
    clues = (("锦湖路 40 号", "群众举报院内加盖"), ("江湾路 112 号", "巡查发现正在砌墙"))
    for number, (subject, clue) in enumerate(clues):
        answers = {"subject": subject, "clue": clue, "address": subject}
        demo.open("illegal_build_file", answers, share=0.6 + number * 0.38, place=places[60 + number])
    for number, what in enumerate(("河边正在砌墙", "空地上新立钢架")):
        answers = {"place": f"{STREETS[number]}一带", "finder": "网格员", "state": "in_progress", "what": what}
        demo.open("illegal_build_report", answers, share=0.5 + number * 0.45, place=places[70 + number])
    for number, code in enumerate(_new_findings(demo)[:2]):
        demo.open("illegal_build_finding", {"finding": code}, share=0.4 + number * 0.5, place=places[75 + number])
    letter: dict[str, Any] = {
        "code": "WJ0009", "freeze_action": "freeze", "address": "鼓楼巷 33 号", "party": "孙大海", "departments": [],
        "why": "涉嫌违法建设，正在查处。",
    }  # fmt: skip
    demo.open("illegal_build_freeze", letter, share=0.9)


def _new_findings(demo: Demonstration) -> list[str]:
    state = RegisterEntry.values["status"].as_string()
    query = select(RegisterEntry.key).where(RegisterEntry.register == FINDINGS, state == "new")
    return list(demo.session.scalars(query.order_by(RegisterEntry.key)))
