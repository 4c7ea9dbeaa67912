"""Likely duplicates among 100,000 open cases: how long a look takes, beside a look at every open case."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, insert, select, text
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict, times
from benchmarks.setting import Setting
from engine.city import City
from engine.components.cells import cell_of
from engine.duplicates.finding import OPEN, Mine, judge, likely_duplicates
from engine.duplicates.rules import load_rules
from engine.models import Case
from engine.testing.scratch import NoServer

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WEST, SOUTH, WIDTH = 116.35, 28.30, 0.12
"""A city of some 150 square kilometres."""
SPOTS = 400
"""Places where cases heap up: two in five cases lie within some 60 m of one."""
TEXTS = (
    "路口井盖缺失，很危险", "路灯不亮，晚上看不见", "门口垃圾成堆，臭味很大", "路面有个大坑", "流动摊贩占道卖水果",
    "共享单车乱停放",
    "树枝折断压在车上", "墙上贴满小广告", "污水外溢", "工地扬尘很大", "护栏被撞倒", "垃圾桶满溢",
)  # fmt: skip
CLASSES = (
    ("component", "0101"), ("component", "0137"), ("event", "0110"), ("event", "0113"), ("event", "0401"),
    ("event", "0493"), ("component", "0402"), ("event", "0201"), ("event", "0503"), ("event", "0304"),
    ("component", "0217"), ("event", "0192"),
)  # fmt: skip
EMPTY = dict.fromkeys(("stage", "limit_text", "area_class", "reporter_name", "reporter_phone", "address"), "")
ZEROS = dict.fromkeys(("extensions", "suspensions", "reworks", "returns", "supervisions", "appeals"), 0)
FEW_MS = 20.0


def run(setting: Setting) -> Section:
    """Plant open cases, then ask for the duplicates of reports close to some of them."""
    count, looks = setting.pick(100_000, 3_000), setting.pick(200, 30)
    rows = open_cases(count)
    asked = reports_near(rows, looks)
    table: list[dict[str, Cell]] = []
    notes, verdicts = [f"two in five cases lie heaped around {SPOTS} places"], []
    for database in ("sqlite-full", "postgresql"):
        if database not in setting.databases:
            continue
        try:
            with setting.town(database) as town:
                plant(town.engine, rows)
                with Session(town.engine) as session:
                    spent, processor, found = look(session, town.city, asked)
                    naive, by_hand = look_at_all(session, town.city, asked[: setting.pick(3, 2)])
        except NoServer as error:
            notes.append(str(error))
            continue
        assert found[: len(by_hand)] == by_hand
        median = sorted(processor)[looks // 2] * 1000
        table.append({"look-up": database, "looks": looks, **times(spent), "processor ms": round(median, 2)})
        table.append({"look-up": f"every open case, {database}", "looks": len(naive), **times(naive)})
        verdicts.append(Verdict(f"processor ms a look-up, {database}", median, FEW_MS, at_least=False))
        faster = min(naive) / sorted(spent)[looks // 2]
        verdicts.append(Verdict(f"times faster than every open case, {database}", faster, 20))
    notes.append("what the index finds is what a look at every open case finds")
    return Section("duplicates", f"Likely duplicates among {count:,} open cases", table, notes, verdicts)


def open_cases(count: int) -> list[dict[str, Any]]:
    """Cases all over a city, heaped at some places."""
    dice = random.Random(20260302)
    spots = [(WEST + dice.random() * WIDTH, SOUTH + dice.random() * WIDTH) for _ in range(SPOTS)]
    rows = []
    for at in range(1, count + 1):
        if dice.random() < 0.4:
            lon, lat = (each + dice.gauss(0, 0.0006) for each in dice.choice(spots))
        else:
            lon, lat = WEST + dice.random() * WIDTH, SOUTH + dice.random() * WIDTH
        chosen = dice.randrange(len(CLASSES))
        kind, code = CLASSES[chosen]
        rows.append(
            {
                "id": at, "number": f"D{at:07}", "status": OPEN[at % len(OPEN)], "title": "", "kind": kind,
                "full_code": code, "description": TEXTS[chosen], "source": "public", "urgent": False,
                "self_handled": False, "lon": lon, "lat": lat, "cell": cell_of(lon, lat),
                "reported_at": NOW - timedelta(hours=dice.expovariate(1 / 200)), "overdue_excluded": False,
                "merged_reports": 0, "version": 1, **EMPTY, **ZEROS,
            }
        )  # fmt: skip
    return rows


def reports_near(rows: list[dict[str, Any]], looks: int) -> list[dict[str, Any]]:
    """Reports some metres from cases that are there."""
    dice = random.Random(7)
    return [
        {
            "text": row["description"], "kind": row["kind"], "full_code": row["full_code"],
            "lon": row["lon"] + dice.gauss(0, 0.0001), "lat": row["lat"] + dice.gauss(0, 0.0001), "now": NOW,
        }
        for row in (dice.choice(rows) for _ in range(looks))
    ]  # fmt: skip


def plant(engine: Engine, rows: list[dict[str, Any]]) -> None:
    """Write the cases."""
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM city_case"))
        for at in range(0, len(rows), 5_000):
            connection.execute(insert(Case.__table__), rows[at : at + 5_000])  # type: ignore[arg-type]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def look(
    session: Session, city: City, asked: list[dict[str, Any]]
) -> tuple[list[float], list[float], list[list[tuple[str, float]]]]:
    """The index: seconds by the clock, by the processor, and what was found."""
    platform: Any = SimpleNamespace(city=city)
    spent, processor, found = [], [], []
    likely_duplicates(session, platform, **asked[0])
    for each in asked:
        began, worked = time.perf_counter(), time.process_time()
        told = likely_duplicates(session, platform, **each)
        processor.append(time.process_time() - worked)
        spent.append(time.perf_counter() - began)
        found.append([(one.number, one.score) for one in told])
    return spent, processor, found


def look_at_all(
    session: Session, city: City, asked: list[dict[str, Any]]
) -> tuple[list[float], list[list[tuple[str, float]]]]:
    """The plain way: every open case in turn."""
    rules = load_rules(city)
    columns = (
        Case.id, Case.number, Case.title, Case.status, Case.kind, Case.full_code, Case.description, Case.address,
        Case.lon, Case.lat, Case.component_code, Case.reported_at, Case.closed_at,
    )  # fmt: skip
    spent, found = [], []
    for each in asked:
        began = time.perf_counter()
        mine = Mine(each["text"], each["kind"], each["full_code"], each["lon"], each["lat"], each["now"], None)
        weighing = rules.weighing.of(mine.kind, mine.full_code)
        rows = session.execute(select(*columns).where(Case.status.in_(OPEN)))
        told = [one for row in rows if (one := judge(mine, row, weighing, rules.confusion)) is not None]
        told.sort(key=lambda one: (-one.score, one.distance_m, one.case_id))
        spent.append(time.perf_counter() - began)
        found.append([(one.number, one.score) for one in told[:5]])
    return spent, found
