"""What a demonstration shows: yards, car parks, bike operators with scores, and matters of its days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.hooks import Demonstration

YARDS = (("TC-01", "城东拖移停放场", "东环路88号", 120), ("TC-02", "西洲拖移停放场", "西洲大道12号", 80))
OPERATORS = (
    ("DX-01", "云骑单车", "bike", 12000, 12860),
    ("DX-02", "小蓝车出行", "bike", 8000, 7640),
    ("DX-03", "轻行单车", "bike", 5000, 5210),
)
LOTS = (
    ("人民广场地下停车场", "public", 620, 0, ""),
    ("文庙路道路泊位", "street", 84, 0, ""),
    ("云河市政府机关停车场", "unit", 310, 180, "工作日18:00至次日8:00，节假日全天"),
    ("锦湖花园小区", "estate", 540, 60, "工作日9:00-17:00"),
    ("望江商场停车楼", "public", 880, 0, ""),
    ("凤岭小学停车场", "unit", 45, 40, "18:00至次日7:00"),
    ("澄江医院停车场", "public", 410, 0, ""),
    ("北浦客运站停车场", "public", 260, 0, ""),
)
PLATES = ("云A3K27P", "云A8812N", "云B60D45", "云A5Q930", "云AD12345", "云A771MX", "云B2298C", "云A0V618")
CLUES = (
    ("car", "人行道上停了一辆小车，轮椅过不去"),
    ("bike", "地铁口共享单车堆成一片，挡住盲道"),
    ("car", "消防通道被私家车占用"),
    ("bike", "公交站台前共享单车乱停"),
    ("car", "学校门口违停，早高峰堵路"),
    ("bike", "公园入口共享单车倒伏"),
    ("car", "盲道上停放面包车"),
    ("bike", "商场门前共享单车溢出停放区"),
)


def fill(demo: Demonstration) -> None:
    """Registers and matters; entries lie inside the city's grids."""
    chance, today = demo.chance, demo.now.astimezone(demo.platform.city.time_zone).date()
    shapes = list(demo.platform.host.ground.shapes)

    def spot() -> dict[str, float]:
        point = chance.choice(shapes).representative_point()
        return {"lon": round(point.x, 6), "lat": round(point.y, 6)}

    def place() -> tuple[float, float]:
        where = spot()
        return where["lon"], where["lat"]

    demo.enter(
        "traffic_yards",
        [{"code": c, "name": n, "address": a, "places": p, "phone": "0500-5550110", **spot()} for c, n, a, p in YARDS],
        days_ago=200,
    )
    demo.enter(
        "traffic_operators",
        [
            {
                "code": code,
                "name": name,
                "department": unit if unit in demo.platform.host.directory.units else None,
                "quota": quota,
                "fleet": fleet,
                "grade": chance.choice("AAB"),
                "month_points": chance.randint(2, 22),
                "contract_to": today + timedelta(days=chance.randint(20, 400)),
            }
            for code, name, unit, quota, fleet in OPERATORS
        ],
        days_ago=200,
    )
    demo.enter("traffic_lots", [_lot(number, row, today, spot()) for number, row in enumerate(LOTS, 1)], days_ago=90)
    demo.enter(
        "traffic_bike_areas",
        [
            {
                "code": f"WL-{number:03}",
                "name": f"非机动车停放区{number}号",
                "capacity": chance.randint(20, 160),
                "operator": chance.choice(OPERATORS)[0],
                "fenced": chance.random() < 0.6,
                **spot(),
            }
            for number in range(1, 37)
        ],
        days_ago=60,
    )
    demo.enter("traffic_scores", [_score(demo, number, today) for number in range(1, 25)])
    demo.enter("traffic_tows", [_tow(demo, number, today) for number in range(1, 13)])
    for number, (vehicle, clue) in enumerate(CLUES):
        share = (number + 0.5) / len(CLUES)
        demo.open("traffic_parking", {"vehicle": vehicle, "clue": clue}, share=share, place=place())
    van = {"spot": "文庙路37号后巷", "clue": "无牌面包车停放半年，轮胎已瘪"}
    demo.open("traffic_abandoned", van, share=0.3, place=place())
    demo.open("traffic_handover", {"spot": "人民路与解放路交叉口", "clue": "南向信号灯不亮"}, share=0.95, place=place())
    demo.open("traffic_sharing", {"lot": "P-006", "berths": 40, "times": "18:00至次日7:00"}, share=0.6)
    demo.open("traffic_release", {"tow": "TY-0003", "applicant": "车主"}, share=0.8)


def _lot(number: int, row: tuple[str, str, int, int, str], today: Any, spot: dict[str, float]) -> dict[str, Any]:
    name, kind, berths, shared, times = row
    until = today + timedelta(days=25 * number) if shared else None
    return {
        "code": f"P-{number:03}",
        "name": name,
        "kind": kind,
        "berths": berths,
        "shared_berths": shared,
        "shared_times": times or None,
        "shared_until": until,
        **spot,
    }


def _score(demo: Demonstration, number: int, today: Any) -> dict[str, Any]:
    reason, points = demo.chance.choice((("逾期未清运。", 3), ("清运不到位。", 1), ("逾期未清运，五十辆以上。", 5)))
    return {
        "code": f"KF-{number:04}",
        "operator": demo.chance.choice(OPERATORS)[0],
        "on": today - timedelta(days=number * 2),
        "reason": reason,
        "points": points,
        "bikes": demo.chance.randint(8, 90),
        "spot": demo.chance.choice(("地铁口", "商场门前", "公交站台", "公园入口")),
    }


def _tow(demo: Demonstration, number: int, today: Any) -> dict[str, Any]:
    kept = number <= 5
    towed = today - timedelta(days=number * 6)
    return {
        "code": f"TY-{number:04}",
        "plate": demo.chance.choice(PLATES),
        "spot": demo.chance.choice(("文庙路", "望江路", "东站前街")),
        "towed_on": towed,
        "yard": demo.chance.choice(YARDS)[0],
        "contents": "车况完好，无贵重物品",
        "status": "kept" if kept else "released",
        "ended_on": None if kept else towed + timedelta(days=3),
    }
