"""Concurrent writers in one process: what a completion takes when others commit at the same time."""

from __future__ import annotations

import time
from threading import Barrier, Thread

from benchmarks.peer import play
from benchmarks.peers.product import Product
from benchmarks.report import Cell, Section, Verdict, quantile, times
from benchmarks.setting import Setting
from benchmarks.town import DATABASES, BenchTown
from engine.testing.scratch import NoServer


def run(setting: Setting) -> Section:
    """One, two and four writers on every database, each on cases of its own."""
    rows: list[dict[str, Cell]] = []
    verdicts: list[Verdict] = []
    notes: list[str] = []
    for database in setting.databases:
        try:
            with setting.town(database) as town:
                Product(town).play(4)
                for writers in (2,) if setting.short else (1, 2, 4):
                    spent, seconds = together(town, writers, setting.pick(96, 8) // writers)
                    rows.append(
                        {
                            "kept on": DATABASES[database],
                            "writers": writers,
                            "tasks/s": len(spent) / seconds,
                            **times(spent),
                        }
                    )
                    if writers == 2:
                        p99 = quantile(spent, 0.99) * 1000
                        verdicts.append(Verdict(f"p99 ms at 2 writers, {DATABASES[database]}", p99, 10, at_least=False))
        except NoServer as error:
            notes.append(f"left out: {error}")
    return Section("writers", "Concurrent writers in one process", rows, notes, verdicts)


def together(town: BenchTown, writers: int, cases: int) -> tuple[list[float], float]:
    """All writers at once: seconds of every completion, and how long all took."""
    spent: list[float] = []
    failures: list[BaseException] = []
    barrier = Barrier(writers + 1)

    def write() -> None:
        product = Product(town)
        barrier.wait()
        try:
            spent.extend(play(product, cases).completions)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    barrier.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return spent, time.perf_counter() - began
