"""100,000 timers due in the same minute: how fast they are worked off, and what a clerk feels meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from benchmarks.peer import Open, answer
from benchmarks.peers.product import Product
from benchmarks.report import Cell, Section, Verdict, quantile, times
from benchmarks.setting import Setting
from benchmarks.town import BenchTown
from engine.cases.timekeeping import fire_due_timers
from engine.models import Case, Instance, Task, Timer
from engine.pace import Pace, at_once

BATCH = 2_000
PACE_S = 0.02
"""Between two completions of the clerk: fifty a second, more than a city's clerks together."""


def run(setting: Setting) -> Section:
    """Plant the timers, let time pass, fire for a while with a clerk at work beside."""
    planted, seconds = setting.pick(100_000, 200), setting.pick(30, 1)
    with setting.town("sqlite-full") as town:
        clerk = Clerk(town, setting.pick(1_000, 20))
        began = time.perf_counter()
        plant(town, planted)
        note = f"{planted:,} cases, each with a timer, planted in {time.perf_counter() - began:.0f} s"
        alone = clerk.work(seconds / 3)
        town.clock.set(town.now + timedelta(minutes=16))
        unpaced, unpaced_s = fire(town, seconds / 3, at_once)
        fired, took, meanwhile = fire_beside(town, clerk, seconds)
        with town.sessions() as session:
            left = session.scalar(select(func.count()).select_from(Timer).where(Timer.due_at <= town.now)) or 0
    rate, paced = unpaced / unpaced_s, fired / took
    rows: list[dict[str, Cell]] = [
        {"a clerk's completion": "alone", "completions": len(alone), **times(alone)},
        {"a clerk's completion": "while timers fire", "completions": len(meanwhile), **times(meanwhile)},
    ]
    notes = [
        note,
        f"without a pace and nobody beside: {unpaced:,} cases moved in {unpaced_s:.1f} s, {rate:,.0f} a second",
        f"giving way to the clerk: {fired:,} cases in {took:.1f} s, {paced:,.0f} a second; "
        f"all {planted:,} at this rate: {planted / paced / 60 if paced else 0:.1f} min; {left:,} timers left",
    ]
    verdicts = [Verdict("p99 ms of a clerk while timers fire", quantile(meanwhile, 0.99) * 1000, 50, at_least=False)]
    details = {"planted": planted, "rate": rate, "paced rate": paced, "left": left}
    return Section("timers", f"{planted:,} timers due in the same minute (SQLite FULL)", rows, notes, verdicts, details)


@dataclass
class Clerk:
    """Somebody who completes tasks at an even pace, each on a case of its own."""

    town: BenchTown
    cases: int
    open: list[Open] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.product = Product(self.town)
        # Past the first task, whose timer is the one that comes due.
        for _ in range(self.cases):
            task = self.product.start()
            following = self.product.complete(task, answer(task.element, rework=False))
            assert following is not None
            self.open.append(following)

    def work(self, seconds: float, stop: Event | None = None) -> list[float]:
        """Complete a task every PACE_S for some time; seconds of each completion."""
        spent = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and self.open and not (stop is not None and stop.is_set()):
            task = self.open.pop(0)
            began = time.perf_counter()
            following = self.product.complete(task, answer(task.element, rework=False))
            spent.append(time.perf_counter() - began)
            if following is not None:
                self.open.append(following)
            time.sleep(max(0.0, PACE_S - spent[-1]))
        return spent


def fire_beside(town: BenchTown, clerk: Clerk, seconds: float) -> tuple[int, float, list[float]]:
    """Fire due timers for some time (or until none is due) while the clerk works in a thread of the same process."""
    spent: list[float] = []
    stop = Event()
    thread = Thread(target=lambda: spent.extend(clerk.work(seconds, stop)))
    thread.start()
    fired, took = fire(town, seconds, lambda: Pace(budget_s=1.0))
    stop.set()
    thread.join()
    return fired, took, spent


def fire(town: BenchTown, seconds: float, pace: Callable[[], Pace]) -> tuple[int, float]:
    """Rounds of the poller for some time, or until none is due: cases moved and the seconds it took."""
    fired = 0
    began = time.perf_counter()
    with town.sessions() as session:
        while time.perf_counter() - began < seconds:
            moved = fire_due_timers(session, town.platform, town.now, most=100, pace=pace())
            if not moved:
                break
            fired += moved
    return fired, time.perf_counter() - began


def plant(town: BenchTown, count: int) -> None:
    """Copies of one freshly reported case, each with ids of its own in every row and in its state."""
    with town.sessions() as session:
        number = town.report(session)["case"]
        case = session.scalars(select(Case).where(Case.number == number)).one()
        instance = session.execute(select(Instance.__table__).where(Instance.case_id == case.id)).one()
        originals = {
            Case: [session.execute(select(Case.__table__).where(Case.id == case.id)).one()],
            Instance: [instance],
            Task: session.execute(select(Task.__table__).where(Task.case_id == case.id)).all(),
            Timer: session.execute(select(Timer.__table__).where(Timer.instance_id == instance.id)).all(),
        }
        bases = [int(session.scalar(select(func.max(model.id))) or 0) for model in (Case, Instance)]
    with town.engine.begin() as connection:
        for first in range(0, count, BATCH):
            copy_batch(connection, originals, bases, range(first + 1, min(first + BATCH, count) + 1))


def copy_batch(connection: Connection, originals: dict[Any, Sequence[Any]], bases: list[int], numbers: range) -> None:
    """Write the copies of these numbers."""
    for model, rows in originals.items():
        copies = [dict(copied) for number in numbers for row in rows for copied in [copy(row, number, bases)]]
        connection.execute(insert(model.__table__), copies)


def copy(row: Any, number: int, bases: list[int]) -> dict[str, Any]:
    """A row with its ids moved on by the copy's number."""
    values = dict(row._mapping)
    if "number" in values:
        values.update(id=bases[0] + number, number=f"T{number}")
    elif "state" in values:
        values.update(id=bases[1] + number, case_id=bases[0] + number, state=move_ids(values["state"], number))
    else:
        key = "id" if "id" in values else "task_id"
        values[key] = moved(values[key], number)
        values["instance_id"] = bases[1] + number
        if "case_id" in values:
            values["case_id"] = bases[0] + number
    return values


def moved(identity: UUID, number: int) -> UUID:
    """Another id, one to one."""
    return UUID(int=identity.int ^ (number << 64))


def move_ids(state: bytes, number: int) -> bytes:
    """The state with every id in it moved in the same way."""
    for text in ids_in(state):
        state = state.replace(text, str(moved(UUID(text.decode()), number)).encode())
    return state


def ids_in(state: bytes) -> Iterator[bytes]:
    """Every distinct id of a state."""
    yield from dict.fromkeys(re.findall(rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", state))
