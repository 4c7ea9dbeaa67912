"""Positions of collectors: points a second taken in batches, beside one row and one transaction each."""

from __future__ import annotations

import random
import time
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from benchmarks.town import BenchTown
from engine.models import TrackPoint
from engine.organisation.actor import Actor
from engine.patrol.roster import HAND, new_shift
from engine.patrol.taking import take_points
from engine.testing.scratch import NoServer

BATCH = 500
GOAL = 10_000


def run(setting: Setting) -> Section:
    """Send the same walks batch by batch, then a part of them row by row."""
    batches, singles = setting.pick(100, 4), setting.pick(2_000, 50)
    rows: list[dict[str, Cell]] = []
    notes, verdicts = [], []
    for database in ("sqlite-full", "postgresql"):
        if database not in setting.databases:
            continue
        try:
            with setting.town(database) as town:
                rate, processor = in_batches(town, batches)
                plain, plain_processor = row_by_row(town, singles)
        except NoServer as error:
            notes.append(str(error))
            continue
        rows.append({"kept on": database, "way": f"batches of {BATCH}", "points a second": round(rate),
                     "points a processor second": round(processor)})  # fmt: skip
        rows.append({"kept on": database, "way": "row by row", "points a second": round(plain),
                     "points a processor second": round(plain_processor)})  # fmt: skip
        verdicts.append(Verdict(f"points a processor second, {database}", processor, GOAL))
        verdicts.append(Verdict(f"times the rate of row by row, {database}", rate / plain, 5))
    notes.append(
        "a batch is checked (accuracy, clock, shift, speed, duplicates), written, and moves the person's state"
    )
    return Section("positions", f"{batches * BATCH:,} positions of collectors", rows, notes, verdicts)


def in_batches(town: BenchTown, batches: int) -> tuple[float, float]:
    """Points a second of the clock and of the processor through the service."""
    with town.sessions() as session:
        actor = on_shift(town, session)
        walk = a_walk(town, batches * BATCH)
        end = town.now + timedelta(seconds=len(walk))
        began, spent = time.perf_counter(), time.process_time()
        for first in range(0, len(walk), BATCH):
            taken = take_points(session, town.platform, actor, walk[first : first + BATCH], end)
            assert taken.taken == BATCH, taken.refused[:1]
        seconds, processor = time.perf_counter() - began, time.process_time() - spent
        assert session.scalar(select(func.count()).select_from(TrackPoint)) == len(walk)
    return len(walk) / seconds, len(walk) / processor


def row_by_row(town: BenchTown, count: int) -> tuple[float, float]:
    """What a first attempt would do: no checks, one row, one commit."""
    with town.sessions() as session:
        actor = on_shift(town, session)
        began, spent = time.perf_counter(), time.process_time()
        for at, lon, lat, accuracy, battery in a_walk(town, count):
            session.add(
                TrackPoint(person_id=actor.person_id, device_ms=-at, skew_ms=0, lon=lon, lat=lat, accuracy_m=accuracy,
                           battery=battery)
            )  # fmt: skip
            session.commit()
        return count / (time.perf_counter() - began), count / (time.process_time() - spent)


def on_shift(town: BenchTown, session: Session) -> Actor:
    """The collector, on a shift that lasts."""
    actor = next(each for each in town.actors.values() if each.may("patrol.report"))
    if session.scalar(select(func.count()).select_from(TrackPoint)) == 0:
        session.add(new_shift(actor.person_id, "D1", "day", "", town.now, town.now + timedelta(days=3), HAND, town.now))
        session.commit()
    return actor


def a_walk(town: BenchTown, count: int) -> list[list[float]]:
    """A point a second, here and there in D1."""
    dice = random.Random(20261122)
    first = round(town.now.timestamp() * 1000)
    return [
        [first + at * 1000, 116.001 + dice.uniform(-1, 1) * 2e-5, 28.0015 + dice.uniform(-1, 1) * 2e-5, 6.0, 80.0]
        for at in range(count)
    ]
