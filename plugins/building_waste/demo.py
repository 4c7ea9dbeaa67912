"""What a demonstration shows: carriers, trucks, projects with routes, disposal sites, manifests, and matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from engine.hooks import Demonstration
from plugins.building_waste.demo_trucks import let_drive
from plugins.building_waste.places import CARRIERS, MANIFESTS, PROJECTS, SITES, VEHICLES, route_code

ITEM = {
    "code": "BW-01", "name": "建筑垃圾处置核准", "days": 20, "materials": "申请表;处理方案;运输合同;消纳场证明",
    "conditions": "密闭运输，按核准的路线、时间运至核准的消纳场", "valid_months": 12, "status": "open",
    "review_process": "building_waste_review", "result_register": PROJECTS, "follow_up": "building_waste_route",
    "law": "城市建筑垃圾管理规定（建设部令第139号）第七条",
}  # fmt: skip
CARRIERS_OF = (
    ("YS-01", "云河顺达运输公司", 3, "normal"),
    ("YS-02", "望江土石方运输公司", 8, "normal"),
    ("YS-03", "北浦安运渣土公司", 12, "suspended"),
    ("YS-04", "西洲鼎力运输公司", 0, "normal"),
    ("YS-05", "澄江宏途运输公司", 23, "blacklisted"),
)
SITES_OF = (("XN-01", "北郊消纳场", 2_400_000, "open"), ("XN-02", "西洲资源化利用厂", 800_000, "open"),
            ("XN-03", "老砖厂回填点", 120_000, "full"))  # fmt: skip
WORKS = (
    ("GC-01", "文庙片区改造土方", 86_000, "active", 0.98),
    ("GC-02", "人民广场地下车库", 142_000, "active", 0.80),
    ("GC-03", "滨江安置房一标段", 54_000, "active", 0.99),
    ("GC-04", "科创中心二期基坑", 120_000, "approved", 1.0),
    ("GC-05", "老旧管网改造余土", 9_000, "finished", 0.97),
)
HOURS = "20:00-06:00"
SPOTS = ("锦湖花园3栋楼下", "鼓楼巷12号门前", "江湾里2单元旁", "凤岭小区东门")
CLUES = (
    ("spill", "云A10003", "北环路渣土遗撒约两百米"),
    ("mud", "云A10006", "工地出口车轮带泥上路"),
    ("dump", "", "河堤边夜间偷倒渣土数车"),
    ("uncovered", "云A10009", "渣土车没有盖顶"),
)
TRIPS, DAYS = 160, 60


def fill(demo: Demonstration) -> None:
    """Fill the registers, let the trucks drive, plan matters. A city without a sanitation office keeps it empty."""
    lead = demo.platform.host.directory.answering("SANITATION", ())
    if lead is None:
        return
    today = demo.now.astimezone(demo.platform.city.time_zone).date()
    places = [each.representative_point() for each in demo.platform.host.ground.shapes]
    spots = [(round(each.x, 6), round(each.y, 6)) for each in demo.chance.sample(places, 16)]
    demo.enter("permit_items", [{**ITEM, "department": lead}], days_ago=300)
    demo.enter(CARRIERS, [_carrier(row, today) for row in CARRIERS_OF], days_ago=300)
    demo.enter(VEHICLES, [_vehicle(number, today) for number in range(1, 16)], days_ago=200)
    demo.enter(SITES, [_site(row, today, spots[at]) for at, row in enumerate(SITES_OF)], days_ago=400)
    demo.enter(PROJECTS, [_project(at, today, lead, spots[3 + at]) for at in range(len(WORKS))], days_ago=70)
    demo.enter(MANIFESTS, [_slip(demo, number, today) for number in range(1, TRIPS + 1)])
    let_drive(demo)
    _open_matters(demo, spots[8:])


def _carrier(row: tuple[str, str, int, str], today: date) -> dict[str, Any]:
    code, name, points, status = row
    number = int(code[-1])
    until = (today + timedelta(days=9)).isoformat() if status == "suspended" else None
    return {
        "code": code, "name": name, "points": points, "status": status, "suspended_to": until,
        "licence_no": f"云渣运〔{today.year - 1}〕第{number:04}号", "contact": "调度室",
        "licence_to": (today + timedelta(days=20 + 70 * number)).isoformat(), "phone": f"1370000{number:04}",
    }  # fmt: skip


def _vehicle(number: int, today: date) -> dict[str, Any]:
    carrier = CARRIERS_OF[(number - 1) // 3]
    return {
        "plate": f"云A{10000 + number}", "carrier": carrier[0], "gps": f"BW-T{number:02}", "sealed": True,
        "load_m3": (16, 18, 20)[number % 3], "points": number % 4, "status": carrier[3],
        "permit_to": (today + timedelta(days=15 * number)).isoformat(),
    }  # fmt: skip


def _site(row: tuple[str, str, int, str], today: date, spot: tuple[float, float]) -> dict[str, Any]:
    code, name, capacity, status = row
    return {
        "code": code, "name": name, "operator": f"{name}经营单位", "address": f"{name}进场路", "capacity": capacity,
        "radius_m": 250, "licence_to": (today + timedelta(days=45 * int(code[-1]))).isoformat(), "status": status,
        "phone": "0500-5550120", "lon": spot[0], "lat": spot[1],
    }  # fmt: skip


def _project(at: int, today: date, lead: str, spot: tuple[float, float]) -> dict[str, Any]:
    code, name, volume, status, _ = WORKS[at]
    issued = today - timedelta(days=68 - at)
    ends = today + timedelta(days=12 + 60 * at) if status != "finished" else today - timedelta(days=3)
    return {
        "code": code, "name": name, "holder": f"云河第{at + 1}建设公司", "site": f"{name}工地", "volume": volume,
        "carrier": _carrier_of(at), "disposal_site": SITES_OF[at % 2][0], "vehicles": "、".join(_plates(at)),
        "way": "工地出口至消纳场，夜间", "fence": route_code(code) if status == "active" else None, "hours": HOURS,
        "licence_no": f"云渣准〔{issued.year}〕第{at + 1:04}号", "licence_status": "valid",
        "issued_on": issued.isoformat(), "valid_to": ends.isoformat(), "department": lead, "status": status,
        "lon": spot[0], "lat": spot[1],
    }  # fmt: skip


def _carrier_of(at: int) -> str:
    return CARRIERS_OF[(0, 1, 3, 0, 1)[at]][0]


def _plates(at: int) -> list[str]:
    first = 3 * (0, 1, 3, 0, 1)[at] + 1
    return [f"云A{10000 + number}" for number in range(first, first + 3)]


def _slip(demo: Demonstration, number: int, today: date) -> dict[str, Any]:
    at = demo.chance.choice((0, 0, 1, 1, 2, 4))
    code, _, _, _, share = WORKS[at]
    day = today - timedelta(days=1 + number * DAYS // TRIPS)
    loaded = float(demo.chance.choice((16, 18, 20)))
    received = round(loaded * min(1.0, demo.chance.uniform(share - 0.04, share + 0.03)), 1)
    matches = received >= loaded * 0.95
    alarm = demo.chance.choices((None, "off_route", "lid_open", "off_hours"), (90, 4, 4, 2))[0]
    return {
        "code": f"{day.year}-渣运-9{number:05}", "project": code, "plate": demo.chance.choice(_plates(at)),
        "carrier": _carrier_of(at), "disposal_site": SITES_OF[at % 2][0],
        "driver": demo.chance.choice("余周徐潘") + "师傅",
        "loaded_on": day.isoformat(), "loaded_at": f"{day.isoformat()}T21:30:00+08:00", "loaded": loaded,
        "alarm": alarm, "arrived": True, "unloaded_on": day.isoformat(), "unloaded": received,
        "status": "matched" if matches else "mismatch",
    }  # fmt: skip


def _open_matters(demo: Demonstration, spots: list[tuple[float, float]]) -> None:
    for at, (violation, plate, facts) in enumerate(CLUES):
        answers: Mapping[str, Any] = {"violation": violation, "plate": plate, "facts": facts}
        demo.open("building_waste_enforcement", answers, share=0.04 + 0.2 * at, place=spots[at])
    for at, spot in enumerate(SPOTS):
        demo.open("building_waste_small", {"spot": spot}, share=0.3 + 0.2 * at, place=spots[4 + at % 4])
    for at, share in enumerate((0.05, 0.4, 0.9)):
        name = ("凤岭小学扩建基坑", "西洲泵站改造", "锦湖花园四期土方")[at]
        answers = {
            "item_code": ITEM["code"], "subject": name, "applicant": f"云河第{at + 6}建设公司",
            "applicant_kind": "organisation", "site": f"{name}工地", "volume": 20_000 + 9_000 * at,
            "carrier": CARRIERS_OF[(0, 3, 4)[at]][0], "vehicles": "云A10001、云A10002", "disposal_site": "XN-01",
            "way": "工地出口经北环路至消纳场，20时至次日6时",
        }  # fmt: skip
        demo.open("building_waste_application", answers, share=share, place=spots[at])
    demo.open("building_waste_route", {"entry_key": "GC-04"}, share=0.85, place=spots[3])
    zone = demo.platform.city.time_zone
    for at in range(6):
        project = at % 3
        day = (demo.start + (demo.now - demo.start) * (0.4 + 0.1 * at)).astimezone(zone)
        morning = day.replace(hour=8, minute=20, second=0, microsecond=0)
        share = max(0.0, (morning - demo.start) / (demo.now - demo.start))
        answers = {"project": WORKS[project][0], "plate": _plates(project)[at // 3]}
        demo.open("building_waste_trip", answers, share=share)
    demo.open("building_waste_reconcile", {"project": "GC-02", "month": ""}, share=0.7)
