"""The register of components at a city's size: a survey's import, nearest of a class, views and counts of the map."""

from __future__ import annotations

import csv
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from math import cos, pi, radians, sin, sqrt
from pathlib import Path

import shapely
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict, quantile
from benchmarks.setting import Setting
from benchmarks.town import BenchTown
from engine.components.finding import components_near, view_of
from engine.components.register import COMPONENT
from engine.components.rules import load_rules
from engine.database import dumps
from engine.ground.versions import Change, Delta, effect_moment, record_version
from engine.loading.surveys import import_survey
from engine.testing.scratch import NoServer

COUNT, SHORT = 800_000, 20_000
AROUND = (116.0015, 28.0015)
"""The middle of the grids of the small city; the benchmark lays a grid of its own over the whole town."""
REACH_M = 12_000.0
SEED = 20261121
CLASSES = ("0101", "0102", "0103", "0104", "0105", "0108", "0110", "0202", "0301", "0401")
GRID = "990101001001999"


def run(setting: Setting) -> Section:
    """Import, near, view and counts on each database; memory of the import is that of a process of its own."""
    count = setting.pick(COUNT, SHORT)
    path = setting.folder / "survey.csv"
    write_survey(path, count)
    rows: list[dict[str, Cell]] = []
    verdicts: list[Verdict] = []
    for database in setting.databases:
        try:
            with setting.town(database) as town:
                row, told = measure(setting, town, path, count)
        except NoServer as error:
            setting.say(f"  {error}")
            continue
        rows.append({"database": database, "components": count, **row})
        verdicts += [Verdict(f"{database}: {claim}", value, bound, at_least=False) for claim, value, bound in told]
    notes = [
        "half of the components stand in a quarter of the town's radius, one in three belongs to the first class",
        "MiB: the most the importing process ever held (VmHWM), interpreter and city included",
    ]
    return Section("components", f"The register: {count:,} components", rows, notes, verdicts)


def measure(
    setting: Setting, town: BenchTown, path: Path, count: int
) -> tuple[dict[str, Cell], list[tuple[str, float, float]]]:
    """What one database says, and the claims that follow."""
    widen_grid(town)
    url = town.engine.url.render_as_string(hide_password=False)
    seconds, mib, added = import_apart(setting.folder / "city", url, path)
    assert added == count, f"{added} of {count} rows were taken"
    times = setting.pick(300, 30)
    dice = random.Random(SEED)
    with town.sessions() as session:
        near = timed(times, lambda: near_once(session, dice, 100))
        wide = timed(times, lambda: near_once(session, dice, 2000))
        answers = [view_once(session, dice, width) for width in WIDTHS for _ in range(times // 5)]
    views = [took for took, _ in answers]
    largest = max(size for _, size in answers)
    row: dict[str, Cell] = {
        "import s": seconds, "import MiB": mib,
        "near 100 m best ms": min(near) * 1e3, "near 100 m median ms": quantile(near, 0.5) * 1e3,
        "near 100 m p99 ms": quantile(near, 0.99) * 1e3,
        "near 2 km best ms": min(wide) * 1e3, "near 2 km median ms": quantile(wide, 0.5) * 1e3,
        "near 2 km p99 ms": quantile(wide, 0.99) * 1e3,
        "view median ms": quantile(views, 0.5) * 1e3, "view p99 ms": quantile(views, 0.99) * 1e3,
        "largest view kB": largest / 1e3,
    }  # fmt: skip
    return row, [
        ("seconds an import of 800,000 rows would take at this rate", seconds * COUNT / count, 300),
        ("MiB of the importing process", mib, 1024),
        ("ms for the nearest 20 of a class within 100 m, median", quantile(near, 0.5) * 1e3, 5),
        ("ms for the nearest 20 of a class within 2 km, median", quantile(wide, 0.5) * 1e3, 5),
        ("ms for a view, p99", quantile(views, 0.99) * 1e3, 50),
        ("kB of the largest view", largest / 1e3, 200),
    ]


WIDTHS = (0.0005, 0.002, 0.005, 0.02, 0.08, 0.3)
"""Views from a street corner to beyond the town, degrees."""


def near_once(session: Session, dice: random.Random, within_m: float) -> None:
    """The nearest twenty of a class somewhere in the town."""
    lon, lat = somewhere(dice)
    found = components_near(session, lon, lat, within_m=within_m, full_code=dice.choice(CLASSES), most=20)
    session.expunge_all()
    assert all(distance <= within_m for _, distance in found)


def view_once(session: Session, dice: random.Random, width: float) -> tuple[float, int]:
    """Seconds and bytes of one view, GeoJSON included; every other view is of one class."""
    from api.resources.components import MOST_DOTS, dot_feature, heap_feature
    from engine.catalogue.provenance import class_sources

    lon, lat = somewhere(dice)
    full_code = dice.choice((None, dice.choice(CLASSES)))
    began = time.perf_counter()
    box = (lon - width / 2, lat - width / 3, lon + width / 2, lat + width / 3)
    view = view_of(session, box, full_code=full_code, most=MOST_DOTS)
    sources = class_sources(session, "component")
    features = [dot_feature(dot, sources) for dot in view.dots] or [heap_feature(heap) for heap in view.heaps]
    content = dumps({"type": "FeatureCollection", "features": features})
    return time.perf_counter() - began, len(content.encode())


def timed(times: int, act: Callable[[], None]) -> list[float]:
    """Seconds of each act, after a tenth of them as warm-up."""
    spent = []
    for number in range(times + times // 10):
        began = time.perf_counter()
        act()
        if number >= times // 10:
            spent.append(time.perf_counter() - began)
    return spent


def somewhere(dice: random.Random) -> tuple[float, float]:
    """A point of the town; half of them in its middle."""
    reach = REACH_M * sqrt(dice.random()) * dice.choice((0.25, 1.0))
    angle = 2 * pi * dice.random()
    north, east = reach * sin(angle), reach * cos(angle)
    lat = AROUND[1] + north / 111_320
    return round(AROUND[0] + east / (111_320 * cos(radians(lat))), 6), round(lat, 6)


def write_survey(path: Path, count: int) -> None:
    """A survey as a company hands it in."""
    dice = random.Random(SEED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*COMPONENT, "photo", "material", "location_description"))
        for number in range(count):
            full_code = CLASSES[0] if number % 3 == 0 else dice.choice(CLASSES)
            lon, lat = somewhere(dice)
            writer.writerow((
                f"990101{full_code}{number:06}", full_code, "", lon, lat, "", "", dice.choice(("MUNICIPAL", "")), "",
                "完好", "2025-03-01", "", "实测", "", f"{number}.jpg", "铸铁", "人行道东侧",
            ))  # fmt: skip


def widen_grid(town: BenchTown) -> None:
    """One more grid around the small city's, as large as the town: every row is found in some grid."""
    area = shapely.box(AROUND[0] - 0.13, AROUND[1] - 0.12, AROUND[0] + 0.13, AROUND[1] + 0.12)
    properties = {"code": GRID, "community": "990101001001", "duty_grid": None, "area_class": "C"}
    delta, zone = Delta("unit_grids", GRID, "whole", properties, area), town.city.time_zone
    with town.sessions() as session:
        moment = effect_moment(session, zone, None, town.now)
        record_version(session, zone, Change("bench", "a grid for the whole town"), [delta], moment, town.now)
        session.commit()


def import_apart(city: Path, url: str, path: Path) -> tuple[float, float, int]:
    """Seconds, MiB at most and rows added of an import in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.workloads.components", str(city), url, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ})
    seconds, mib, added = done.stdout.split()
    return float(seconds), float(mib), int(added)


def import_here(city_folder: str, url: str, path: str) -> None:
    """The process of its own: import, and print what it took."""
    from datetime import UTC, datetime

    from engine.city import load_city
    from engine.database import open_database, session_factory

    engine = open_database(url)
    with session_factory(engine)() as session:
        began = time.perf_counter()
        rules = load_rules(session, load_city(city_folder))
        report = import_survey(session, Path(path), rules, lambda: datetime.now(UTC))
        seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text(encoding="ascii")
    kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(f"{seconds} {kib / 1024} {report.added}\n")


if __name__ == "__main__":
    import_here(*sys.argv[1:])
