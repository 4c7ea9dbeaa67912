"""Many timers and many pollers: each timer fires once, in order, and clerks hardly notice.

The long form (``WANGGE_TIMERS=3000``) works off as many real cases and prints what it measured.
"""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, text

from engine.cases.tasks import complete_task
from engine.cases.timekeeping import due_instances, fire_due_timers
from engine.city import load_city
from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.models import CaseEvent, Instance, Timer
from engine.pace import Pace
from engine.platform import build_platform
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

CASES = int(os.environ.get("WANGGE_TIMERS", "120"))
POLLERS = 4
LATER = MONDAY + timedelta(days=1)
SERVER_REST, SQLITE_REST = 0.2, 1.0
"""What api.scheduler rests."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def town(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    folder = write_small_city(tmp_path / "small")
    if request.param == "sqlite":
        town = SmallTown(folder, f"sqlite:///{tmp_path / 'city.db'}")
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def report(town: SmallTown, count: int) -> list[CaseWork]:
    """Cases of the core lifecycle; each waits at acceptance with a timer on its limit."""
    return [CaseWork(town) for _ in range(count)]


def firings(town: SmallTown) -> Counter[int]:
    """How often a timer fired, by case."""
    town.session.rollback()
    return Counter(town.session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == "timer_fired")))


def poll(folder: str, url: str, moment: datetime) -> int:
    """What another worker does: its own process, its own platform, the same database."""
    engine = open_database(url)
    with session_factory(engine)() as session:
        platform = build_platform(session, load_city(folder), clock=FrozenClock(moment))
        session.rollback()
        moved = fire_due_timers(session, platform, moment, most=10_000)
    engine.dispose()
    return moved


def in_threads(town: SmallTown) -> list[int]:
    def work(_: int) -> int:
        with town.sessions() as session:
            return fire_due_timers(session, town.platform, LATER, most=10_000)

    with ThreadPoolExecutor(POLLERS) as pool:
        return list(pool.map(work, range(POLLERS)))


def in_processes(town: SmallTown) -> list[int]:
    town.session.rollback()
    url = town.engine.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(POLLERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(poll, str(town.folder), url, LATER) for _ in range(POLLERS)]
        return [job.result() for job in jobs]


@pytest.mark.parametrize("pollers", [in_threads, in_processes])
def test_four_pollers_at_once_fire_each_timer_exactly_once(
    town: SmallTown, pollers: Callable[[SmallTown], list[int]]
) -> None:
    works = report(town, CASES)
    moved = pollers(town)
    assert sum(moved) == CASES
    assert firings(town) == Counter(work.id for work in works)
    left = select(func.count()).select_from(Timer).where(Timer.due_at <= LATER)
    assert town.session.scalar(left) == 0


def test_of_a_hundred_thousand_due_timers_the_first_are_found_by_the_index_alone(town: SmallTown) -> None:
    report(town, 1)
    fill_index(town, 100_000)
    query = due_instances(LATER, 50)
    with town.sessions() as session:
        compiled = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        sqlite = town.engine.dialect.name == "sqlite"
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        plan = "\n".join(str(tuple(row)) for row in session.execute(text(explain + str(compiled))))
        begun = time.perf_counter()
        found = session.scalars(query).all()
        took_ms = (time.perf_counter() - begun) * 1000
    assert len(found) == 50
    assert "ix_timer_due_at" in plan, plan
    assert "TEMP B-TREE" not in plan, plan
    assert "Sort" not in plan, plan
    assert "SCAN timer" not in plan, plan
    assert "Seq Scan on timer" not in plan, plan
    say(f"the next 50 of 100,000 due timers on {town.engine.dialect.name}: {took_ms:.1f} ms")


def fill_index(town: SmallTown, count: int) -> None:
    """Due timers of one minute, each of an instance of its own."""
    session = town.session
    one = session.execute(select(*Instance.__table__.c)).mappings().one()
    rows = [{**one, "id": 1000 + number, "state": b""} for number in range(count)]
    session.execute(insert(Instance), rows)
    session.execute(
        insert(Timer),
        [
            {
                "task_id": uuid4(), "position": 0, "instance_id": row["id"], "element": "e", "text": "15 minute",
                "clock": None, "share": None, "due_at": MONDAY + timedelta(microseconds=600 * number),
            }
            for number, row in enumerate(rows)
        ],
    )  # fmt: skip
    session.commit()
    if town.engine.dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
        session.commit()


@pytest.mark.parametrize("town", ["sqlite"], indirect=True)
def test_the_write_lock_is_free_while_the_poller_rests(town: SmallTown) -> None:
    report(town, 5)
    rests: list[float] = []

    def rest(seconds: float) -> None:
        clerk = sqlite3.connect(str(town.engine.url.database), timeout=0)
        clerk.execute("BEGIN IMMEDIATE")
        clerk.close()
        rests.append(seconds)

    moment = [0.0]

    def clock() -> float:
        moment[0] += 0.01
        return moment[0]

    fire_due_timers(town.session, town.platform, LATER, pace=Pace(60, rest=2.0, clock=clock, sleep=rest))
    assert rests == pytest.approx([0.02] * 5)


def test_a_round_ends_in_time_and_the_next_one_goes_on(town: SmallTown) -> None:
    works = report(town, 7)
    moment = [0.0]

    def pace() -> Pace:
        def clock() -> float:
            moment[0] += 0.1  # asked four times a case
            return moment[0]

        return Pace(1.2, rest=0, clock=clock, sleep=lambda _: None)

    rounds = [fire_due_timers(town.session, town.platform, LATER, pace=pace()) for _ in range(4)]
    assert rounds[0] in (2, 3, 4)
    assert sum(rounds) == 7
    order = select(CaseEvent.case_id).where(CaseEvent.kind == "timer_fired").order_by(CaseEvent.id)
    assert list(town.session.scalars(order)) == [work.id for work in works]  # the oldest first, over all rounds


@pytest.mark.slow
def test_clerks_are_served_while_the_backlog_is_worked_off(town: SmallTown) -> None:
    """Completions beside a poller at work, against the same without one; bounds are wide, the figures are printed."""
    report(town, CASES)
    town.clock.set(LATER)
    clerks_cases = report(town, max(60, CASES // 8))
    tasks = [work.task("accept").id for work in clerks_cases]
    town.session.rollback()
    idle = serve(town, tasks[:20], lambda: True)
    rest = SQLITE_REST if town.engine.dialect.name == "sqlite" else SERVER_REST
    working = threading.Event()
    took: list[float] = []
    moved: list[int] = []

    def work_off() -> None:
        begun = time.perf_counter()
        with town.sessions() as session:
            working.set()
            moved.append(
                fire_due_timers(session, town.platform, LATER, most=100_000, pace=Pace(float("inf"), rest=rest))
            )
        took.append(time.perf_counter() - begun)
        working.clear()

    poller = threading.Thread(target=work_off)
    poller.start()
    assert working.wait(10)
    beside = serve(town, tasks[20:], working.is_set)
    poller.join()
    assert moved == [CASES]
    name = town.engine.dialect.name
    say(f"{CASES} due timers on {name}: {took[0] / CASES * 1000:.1f} ms each with rests")
    say(f"completions on {name}, alone {spread(idle)}; beside the poller {spread(beside)}")
    assert len(beside) >= 10
    assert max(beside) < 2.0
    assert statistics.median(beside) < max(10 * statistics.median(idle), 0.2)


def serve(town: SmallTown, tasks: list[UUID], go_on: Callable[[], bool]) -> list[float]:
    """A clerk completes tasks one after the other; how long each took, in seconds."""
    actor = town.actor("acceptor")
    answers = {"decision": "ok", "condition": CONDITION, "urgent": False}
    took: list[float] = []
    with town.sessions() as session:
        for task_id in tasks:
            if not go_on():
                break
            begun = time.perf_counter()
            complete_task(session, town.platform, actor, task_id, answers, now=LATER)
            took.append(time.perf_counter() - begun)
    return took


def spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"median {statistics.median(ordered) * 1000:.0f} ms, p99 {high * 1000:.0f} ms of {len(ordered)}"


def say(figure: str) -> None:
    sys.stderr.write(f"\n{figure}\n")
