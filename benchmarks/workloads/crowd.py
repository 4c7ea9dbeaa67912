"""Fifty clients complete the same task at once: one does, the others are told; one key, one effect."""

from __future__ import annotations

import time
from collections import Counter
from threading import Barrier, Thread
from typing import Any

from sqlalchemy import func, select

from benchmarks.peer import Open, answer
from benchmarks.peers.product import Product
from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from benchmarks.town import DATABASES, BenchTown
from engine.cases.tasks import complete_task
from engine.errors import Conflict
from engine.models import CaseEvent, Task
from engine.testing.scratch import NoServer


def run(setting: Setting) -> Section:
    """With and without an idempotency key, on SQLite FULL and PostgreSQL."""
    clients = setting.pick(50, 12)
    rows: list[dict[str, Cell]] = []
    verdicts: list[Verdict] = []
    notes: list[str] = []
    for database in [name for name in setting.databases if name != "sqlite-normal"]:
        try:
            with setting.town(database) as town:
                for key in (None, "the-same"):
                    outcome = crowd(town, clients, key)
                    rows.append({"kept on": DATABASES[database], "key": key or "none", **outcome})
                    answered = clients if key else 1
                    right = (
                        outcome["answered"] == answered
                        and outcome["conflicts"] == clients - answered
                        and outcome["effects"] == 1
                    )
                    claim = f"{answered} answered, {clients - answered} conflicts, one effect, {DATABASES[database]}"
                    verdicts.append(Verdict(claim, float(right), 1))
        except NoServer as error:
            notes.append(f"left out: {error}")
    return Section("crowd", f"{clients} clients complete the same task at once", rows, notes, verdicts)


def crowd(town: BenchTown, clients: int, key: str | None) -> dict[str, int | float]:
    """Counts of answers, different answers, conflicts, other errors and lines of history."""
    product = Product(town)
    task: Open = product.start()
    outcomes: Counter[str] = Counter()
    answers: set[str] = set()
    barrier = Barrier(clients + 1)

    def complete() -> None:
        with town.sessions() as session:
            barrier.wait()
            try:
                given: Any = complete_task(
                    session, town.platform, town.actors[task.element], task.key, answer(task.element, rework=False),
                    now=town.now, key=key,
                )  # fmt: skip
                outcomes["answered"] += 1
                answers.add(repr(given))
            except Conflict:
                outcomes["conflicts"] += 1
            except Exception:
                outcomes["other errors"] += 1

    threads = [Thread(target=complete) for _ in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    with town.sessions() as session:
        case_id = session.get_one(Task, task.key).case_id
        done = CaseEvent.case_id == case_id, CaseEvent.kind == "task_completed"
        effects = session.scalar(select(func.count()).select_from(CaseEvent).where(*done)) or 0
    return {
        "answered": outcomes["answered"],
        "different answers": len(answers),
        "conflicts": outcomes["conflicts"],
        "other errors": outcomes["other errors"],
        "effects": effects,
        "all within ms": seconds * 1000,
    }
