"""Start the processes, kill them at random moments, put others in their place."""

from __future__ import annotations

import time
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from signal import SIGKILL

from crashes.hands import employ
from crashes.town import FastClock

WRITERS = ("writer-1", "writer-2", "writer-3", "writer-4")
POLLERS = ("poller-1", "poller-2")
MOST_WORK = 16_000
"""Bytes that the ledgers grow between two kills, at most: some twenty acts."""
LONGEST_MOMENT_S = 0.03
"""How long after that the kill comes, at most: an act or two. However slow the machine, kills hit people at work."""
LOOK_S = 0.005
PATIENCE_S = 120.0
ALL_AT_ONCE = 0.05
"""How often everybody dies in the same moment, as when a machine does."""

# New processes are forked from one that has imported the engine and never opened a database: they know nothing of
# those before them, and are at work some 0.1 s after a kill instead of a second.
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "__main__", "engine.testing.small_city", "engine.cases.evidence", "engine.cases.messages",
        "engine.cases.reporting", "engine.cases.tasks", "engine.cases.timekeeping", "engine.outbox",
        "engine.simulation.photos", "holidays.countries", "psycopg",
        "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite",
    ]
)  # fmt: skip


class Crew:
    """Four writers and two pollers on one database.

    ``kills`` counts writers killed at a random moment, ``poller_kills`` the others; ``doomed`` those of either kind
    that died at a commit (see ``crashes.hands.doom``).
    """

    def __init__(self, folder: Path, url: str, home: Path, dice: Random) -> None:
        self.folder, self.url, self.home, self.dice = folder, url, home, dice
        self.origin_s = time.time()
        self.kills = self.poller_kills = self.doomed = 0
        self.at_work: dict[str, BaseProcess] = {}

    @property
    def ledgers(self) -> list[Path]:
        """The writers' ledgers."""
        return [self.home / f"{name}.ledger" for name in WRITERS]

    def now(self) -> datetime:
        """The present moment of the crew's clock."""
        return FastClock(self.origin_s).now()

    def run(self, kills: int) -> None:
        """Work and be killed until so many writers were, at last all at once. Raises when one ends by itself."""
        try:
            for name in (*WRITERS, *POLLERS):
                self.start(name)
            while self.kills < kills - len(WRITERS):
                self.wait()
                everybody = self.dice.random() < ALL_AT_ONCE
                victims = list(self.at_work) if everybody else [self.dice.choice(list(self.at_work))]
                self.kill(victims)
                for name in victims:
                    self.start(name)
            self.wait()
        finally:
            self.kill(list(self.at_work))

    def start(self, name: str) -> None:
        """Put a fresh process in the place of that name."""
        role = name.partition("-")[0]
        seed = self.dice.randrange(2**32)
        process = PROCESSES.Process(
            target=employ, args=(role, name, self.folder, self.url, self.origin_s, self.home, seed), daemon=True
        )
        process.start()
        self.at_work[name] = process

    def wait(self) -> None:
        """Let them work for a while; whoever dies at a commit meanwhile is followed at once."""
        enough = self.work_done() + self.dice.randrange(MOST_WORK)
        begun = time.monotonic()
        while self.work_done() < enough:
            ends = {process.sentinel: name for name, process in self.at_work.items()}
            for sentinel in wait(list(ends), LOOK_S):
                name = ends[sentinel]
                self.bury(name)
                self.doomed += 1
                self.start(name)
            if time.monotonic() - begun > PATIENCE_S:
                raise AssertionError(f"four writers got next to nothing done in {PATIENCE_S:.0f} s: {self.home}")
        time.sleep(self.dice.uniform(0, LONGEST_MOMENT_S))

    def work_done(self) -> int:
        """Bytes in all ledgers."""
        return sum(path.stat().st_size for path in self.ledgers if path.exists())

    def kill(self, names: list[str]) -> None:
        """Kill -9, all of them before any is buried."""
        for name in names:
            self.at_work[name].kill()
        for name in names:
            self.bury(name)
            if name in WRITERS:
                self.kills += 1
            else:
                self.poller_kills += 1

    def bury(self, name: str) -> None:
        """Wait for the end of a process. Raises when it was any other than a kill."""
        process = self.at_work.pop(name)
        process.join()
        if process.exitcode != -SIGKILL:
            log = (self.home / f"{name}.log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"{name} ended by itself with {process.exitcode}: {log[-4000:]}")
