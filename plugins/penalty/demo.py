"""A demonstration of penalties: officers, a ledger of the past months, goods in custody, matters of its days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.hooks import Demonstration
from plugins.penalty.goods import GOODS
from plugins.penalty.ledger import LEDGER
from plugins.penalty.officers import OFFICERS

DUTY = "URBAN_ENFORCEMENT"
PEOPLE = ("周正", "吴刚", "郑洁", "冯远", "陈立新", "褚卫国", "卫红梅", "蒋志明", "沈丽华", "韩松", "杨国栋", "朱晓燕")
SOON, PAST = (4, 9), 11
"""Officers by place whose certificates end soon, and one whose has ended."""
CAUSES: tuple[tuple[str, str, str, str, tuple[int, ...]], ...] = (
    ("fume", "餐饮油烟超标排放", "大气污染防治法第一百一十八条", "ordinary", (5000, 10000, 20000)),
    ("night_noise", "夜间施工噪声扰民", "噪声污染防治法第七十七条", "ordinary", (10000, 20000, 30000)),
    ("dust", "施工工地未采取防尘措施", "大气污染防治法第一百一十五条", "ordinary", (10000, 30000, 50000)),
    ("spillage", "运输车辆遗撒建筑垃圾", "大气污染防治法第一百一十六条", "ordinary", (2000, 5000, 8000)),
    ("road_damage", "擅自挖掘城市道路", "城市道路管理条例第四十二条", "ordinary", (3000, 8000, 15000)),
    ("street_order", "占用人行道摆摊经营", "城市市容和环境卫生管理条例", "simple", (50, 100, 200)),
    ("advertising", "擅自设置户外广告", "城市市容和环境卫生管理条例", "simple", (200, 500, 1000)),
)
UNITS = (
    "锦湖酒楼有限公司", "望江建设集团有限公司", "云中土石方运输队", "凤岭烧烤店", "澄江混凝土有限公司",
    "西洲餐饮管理公司", "北浦装饰工程公司", "十字街水果店", "鼓楼广告传媒公司", "江湾市政工程公司",
)  # fmt: skip
PERSONS = ("张某某", "李某某", "王某某", "赵某某")
LEADS: tuple[tuple[str, str, str, str, str, str], ...] = (
    (
        "penalty_ordinary",
        "澄江混凝土有限公司",
        "unit",
        "运输车辆遗撒混凝土",
        "遗撒路面约三十米",
        "大气污染防治法第七十条",
    ),
    (
        "penalty_ordinary",
        "望江建设集团有限公司",
        "unit",
        "夜间施工噪声扰民",
        "二十三时仍在浇筑",
        "噪声污染防治法第四十三条",
    ),
    ("penalty_ordinary", "锦湖酒楼有限公司", "unit", "餐饮油烟直排", "未安装油烟净化设施", "大气污染防治法第八十一条"),
    (
        "penalty_ordinary",
        "西洲餐饮管理公司",
        "unit",
        "油烟净化设施未正常使用",
        "净化器断电运行",
        "大气污染防治法第八十一条",
    ),
    (
        "penalty_ordinary",
        "北浦装饰工程公司",
        "unit",
        "施工工地扬尘",
        "裸土未覆盖约两百平方米",
        "大气污染防治法第六十九条",
    ),
    (
        "penalty_ordinary",
        "江湾市政工程公司",
        "unit",
        "擅自挖掘城市道路",
        "未办证挖掘人行道十二米",
        "城市道路管理条例第三十条",
    ),
    (
        "penalty_simple",
        "王某某",
        "person",
        "占用人行道摆摊经营",
        "在人行道摆卖水果",
        "城市市容和环境卫生管理条例第十四条",
    ),
    ("penalty_simple", "十字街水果店", "unit", "店外经营", "货品外摆占道三米", "城市市容和环境卫生管理条例第十四条"),
    ("penalty_seizure", "凤岭烧烤店", "unit", "", "占道使用燃气炉具", "城镇燃气管理条例第四十九条"),
    ("penalty_execution", "鼓楼广告传媒公司", "unit", "", "拆除擅自设置的楼顶广告", ""),
)
GOODS_KEPT = (
    ("燃气炉", 1, "台"),
    ("三轮车", 1, "辆"),
    ("遮阳伞", 4, "把"),
    ("电动切割机", 1, "台"),
    ("折叠桌", 6, "张"),
)


def fill(demo: Demonstration) -> None:
    """Registers at once, matters planned over the days of the demonstration."""
    team = demo.platform.host.directory.answering(DUTY, ())
    if team is None:
        return
    today = demo.now.astimezone(demo.platform.city.time_zone).date()
    demo.enter(OFFICERS, [_officer(demo, team, place) for place in range(len(PEOPLE))], days_ago=200)
    year = today.year
    shapes = list(demo.platform.host.ground.shapes)
    rows: list[dict[str, Any]] = []
    for serial in range(1, 29):
        row = _decided(demo, team, serial, year)
        if shapes:
            point = demo.chance.choice(shapes).representative_point()
            row |= {"lon": round(point.x, 6), "lat": round(point.y, 6)}
        rows.append(row)
    demo.enter(LEDGER, rows, days_ago=14)
    demo.enter(
        GOODS,
        [
            {
                "code": f"{year}-扣-演{serial:03}-01",
                "name": name,
                "amount": amount,
                "unit": unit,
                "kind": "seized",
                "party": demo.chance.choice(UNITS),
                "custodian": "支队扣押仓库",
                "condition": "kept",
                "taken_on": (today - timedelta(days=demo.chance.randint(3, 26))).isoformat(),
            }
            for serial, (name, amount, unit) in enumerate(GOODS_KEPT, 1)
        ],
        days_ago=3,
    )
    for place, lead in enumerate(LEADS):
        _open(demo, place, *lead)


def _officer(demo: Demonstration, team: str, place: int) -> dict[str, Any]:
    today = demo.now.astimezone(demo.platform.city.time_zone).date()
    ahead = 20 + 5 * place if place in SOON else -12 if place == PAST else demo.chance.randint(200, 1500)
    return {
        "certificate": f"ZF-{10001 + place}", "name": PEOPLE[place], "department": team,
        "valid_until": (today + timedelta(days=ahead)).isoformat(), "phone": f"1540000{8000 + place}",
        "conflicts": UNITS[0] if place == 2 else None,
    }  # fmt: skip


def _decided(demo: Demonstration, team: str, serial: int, year: int) -> dict[str, Any]:
    """A decision of the past months: most paid in time, some overdue, one annulled."""
    chance, today = demo.chance, demo.now.astimezone(demo.platform.city.time_zone).date()
    code, cause, law, procedure, amounts = CAUSES[serial % len(CAUSES)]
    kind = "person" if procedure == "simple" and serial % 2 else "unit"
    decided = today - timedelta(days=chance.randint(3, 150))
    served = min(today, decided + timedelta(days=0 if procedure == "simple" else chance.randint(0, 5)))
    amount = (
        min(chance.choice(amounts), 200 if kind == "person" else 3000)
        if procedure == "simple"
        else chance.choice(amounts)
    )
    paid_on = served + timedelta(days=chance.randint(0, 14))
    paid, annulled = paid_on <= today and serial % 9 != 4, serial == 13
    filed = decided - timedelta(days=chance.randint(20, 85)) if procedure == "ordinary" else None
    published = (
        decided + timedelta(days=7) if procedure == "ordinary" and decided + timedelta(days=7) <= today else None
    )
    return {
        "case_number": f"{year}-{'罚' if procedure == 'ordinary' else '简罚'}-演{serial:03}",
        "decision_number": f"云城管{'罚决' if procedure == 'ordinary' else '当罚'}字〔{year}〕第{900 + serial}号",
        "procedure": procedure, "decision": "penalty", "party": chance.choice(PERSONS if kind == "person" else UNITS),
        "party_kind": kind, "cause": cause, "cause_code": code, "law": law, "amount": amount,
        "filed_on": filed.isoformat() if filed else None, "decided_on": decided.isoformat(), "in_time": serial != 21,
        "served_on": served.isoformat(), "manner": chance.choice(("direct", "direct", "mail", "left")),
        "paid": paid, "paid_on": paid_on.isoformat() if paid else None, "paid_amount": amount if paid else None,
        "published_on": published.isoformat() if published else None, "annulled": annulled,
        "remedy": "reconsideration" if annulled else None, "remedy_result": "annulled" if annulled else None,
        "withdrawn_on": today.isoformat() if annulled and published else None, "department": team,
    }  # fmt: skip


def _open(
    demo: Demonstration, place: int, matter: str, party: str, kind: str, cause: str, facts: str, law: str
) -> None:  # fmt: skip
    today = demo.now.astimezone(demo.platform.city.time_zone).date()
    share = 0.02 + 0.9 * place / len(LEADS)
    if matter == "penalty_seizure":
        answers: dict[str, Any] = {"party": party, "facts": facts, "legal_basis": law}
    elif matter == "penalty_execution":
        number = f"云城管罚决字〔{today.year}〕第{900 + place}号"
        served = (today - timedelta(days=200)).isoformat()
        answers = {"party": party, "decision_number": number, "obligation": facts, "served_on": served}
    else:
        answers = {"party": party, "party_kind": kind, "cause": cause, "facts": facts, "legal_basis": law}
        if matter == "penalty_ordinary":
            answers["happened_on"] = (today - timedelta(days=demo.chance.randint(15, 60))).isoformat()
    shapes = list(demo.platform.host.ground.shapes)
    where = demo.chance.choice(shapes).representative_point() if shapes else None
    spot = (round(where.x, 6), round(where.y, 6)) if where else None
    demo.open(matter, answers, share=share, place=spot)
