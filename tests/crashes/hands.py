"""What the processes do until they are killed: writers report cases and do tasks, pollers fire timers and deliver."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from multiprocessing import parent_process
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Any

from sqlalchemy import event

from crashes.desk import Desk
from crashes.ledger import Deed, Ledger
from crashes.town import CONDITIONS, LIFECYCLE, WATCH, FastClock, answers_to
from engine.cases.opening import Report
from engine.cases.timekeeping import fire_due_timers
from engine.errors import Conflict
from engine.outbox import deliver_due
from engine.pace import Pace

OPEN_AT_ONCE = 24
"""Writers report a case when there are fewer open tasks: few enough for them to meet at the same task now and then."""
OLDEST_FIRST = 0.2
DOOMED = {"writer": 0.3, "poller": 0.7}
"""How many die at a commit unless a kill comes first; pollers, of whom less is to be seen, more often."""
BEFORE_COMMIT, LATEST_COMMIT = 0.3, 12
ROUND_S = 0.5
IDLE_S = 0.03
CELL = 0.001


def employ(role: str, name: str, folder: Path, url: str, origin_s: float, home: Path, seed: int) -> None:
    """The life of a process; ``role`` is writer or poller. What it has to say goes to a log beside its ledger."""
    log = os.open(home / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    desk, dice = Desk(folder, url, FastClock(origin_s)), Random(seed)
    if dice.random() < DOOMED[role]:
        doom(desk, dice)
    if role == "poller":
        poll(desk)
    else:
        Writer(desk, Ledger(home / f"{name}.ledger"), name, dice).work()


def doom(desk: Desk, dice: Random) -> None:
    """Die at one of the next commits, right before the database is told or right after it said yes.

    A kill from outside seldom hits these moments, the first and the last of an act that is done and not yet answered.
    """
    left = dice.randint(1, LATEST_COMMIT)

    def die(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), SIGKILL)

    if dice.random() < BEFORE_COMMIT:
        event.listen(desk.engine, "commit", die)
    else:
        event.listen(desk.session, "after_commit", die)


def is_employed() -> bool:
    """Whether there is still somebody to kill this process; nobody works on for ever when the test itself died."""
    parent = parent_process()
    return parent is not None and parent.is_alive()


def poll(desk: Desk) -> None:
    """Rounds as the scheduler's (``api.scheduler.work_once``), two pollers at once."""
    while is_employed():
        now = desk.clock.now()
        moved = fire_due_timers(desk.session, desk.platform, now, pace=Pace(ROUND_S))
        delivered = deliver_due(desk.session, desk.outbox, desk.clock.now(), pace=Pace(ROUND_S))
        if not moved and not delivered:
            time.sleep(IDLE_S)


class Writer:
    """A client and the process that serves it: notes every request before it is sent and every answer after it."""

    def __init__(self, desk: Desk, ledger: Ledger, name: str, dice: Random, most: int = OPEN_AT_ONCE) -> None:
        self.desk, self.ledger, self.name, self.dice, self.most = desk, ledger, name, dice, most
        self.serial = len(ledger.book.deeds)

    def work(self) -> None:
        """First ask again for what was never answered, and for the last answer; then go on."""
        book = self.ledger.book
        answered = list(book.answers)[-1:]
        for deed in book.unanswered:
            self.ledger.ask_again(deed, committed=self.desk.is_committed(deed))
            self.send(deed)
        for key in answered:
            self.send(book.deeds[key])
        while is_employed():
            self.act()

    def act(self) -> None:
        """Report a case, or do one of the open tasks, often one that another writer is about to do as well."""
        tasks = self.desk.open_tasks(self.most)
        if len(tasks) < self.most:
            self.report()
            return
        task = tasks[0] if self.dice.random() < OLDEST_FIRST else self.dice.choice(tasks)
        actor = self.desk.server_of(task.role, task.scope)
        if task.evidence:
            self.ask("photo", actor.login, case=task.number)
        answers = answers_to(task.element, condition=self.dice.choice(CONDITIONS))
        self.ask("complete", actor.login, task=str(task.id), answers=answers, seen_version=task.version)

    def report(self) -> None:
        """Report a problem somewhere in the city; its external id is the request's key."""
        column, row = self.dice.randrange(3), self.dice.randrange(3)
        report = Report(
            kind="component", full_code="0101", description="井盖缺失", source="patrol",
            lon=116.0005 + column * CELL, lat=28.0005 + row * CELL, reporter_phone="10000000001",
            external_id=self.next_key(),
        )  # fmt: skip
        process = self.dice.choice((LIFECYCLE, LIFECYCLE, WATCH))
        self.ask("report", "collector", report=asdict(report), process=process)

    def next_key(self) -> str:
        """The key of the next request, never used before: the ledger says how many there were."""
        return f"{self.name}-{self.serial + 1:06}"

    def ask(self, kind: str, login: str, **request: Any) -> None:
        """Note a request, then send it."""
        deed = Deed(self.next_key(), kind, login, request)
        self.serial += 1
        self.ledger.ask(deed)
        self.send(deed)

    def send(self, deed: Deed) -> None:
        """Send a request and note what came of it."""
        try:
            answer = self.desk.do(deed)
        except Conflict as refusal:
            self.ledger.note_refusal(deed, str(refusal))
        else:
            self.ledger.note_answer(deed, answer)
