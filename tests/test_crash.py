"""Kill -9 at any moment: no answered act is lost, none counts twice, no case is stuck.

Four writers and two pollers work one city on SQLite and on PostgreSQL while they are killed at random moments and
others take their places. ``make crashes`` kills 200 writers on each; ``WANGGE_KILLS`` says how many, ``WANGGE_SEED``
repeats the dice (never the exact moments: those are the machine's).
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random, SystemRandom

import pytest
from crashes.crew import POLLERS, WRITERS, Crew
from crashes.desk import Desk
from crashes.hands import Writer
from crashes.ledger import Ledger, read_book
from crashes.town import found_city
from crashes.verdict import judge
from sqlalchemy import ColumnElement, delete, func, make_url, select, update
from sqlalchemy.orm import Session

from engine.cases.timekeeping import fire_due_timers
from engine.clock import FrozenClock
from engine.models import (
    Base,
    CaseEvent,
    Evidence,
    IdempotencyKey,
    Instance,
    Notice,
    OutboxMessage,
    PhotoBand,
    Task,
    Timer,
)  # fmt: skip
from engine.outbox import deliver_due
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY

KILLS = int(os.environ.get("WANGGE_KILLS", "12"))
SEED = int(os.environ.get("WANGGE_SEED") or SystemRandom().randrange(2**32))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'city.sqlite'}"
        return
    try:
        with scratch_postgresql() as address:
            yield address
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


@pytest.mark.slow
def test_kill_9_loses_nothing_doubles_nothing_and_leaves_no_case_stuck(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    found_city(tmp_path / "city", url)
    crew = Crew(tmp_path / "city", url, tmp_path, Random(SEED))
    crew.run(KILLS)
    clock = FrozenClock(crew.now())
    desk, book = Desk(tmp_path / "city", url, clock), read_book(crew.ledgers)
    try:
        verdict, ended = judge(desk, book, clock)
        fired = select(func.count()).select_from(CaseEvent).where(CaseEvent.kind == "timer_fired")
        timers = desk.session.scalar(fired)
        messages = desk.session.scalar(select(func.count()).select_from(OutboxMessage))
    finally:
        desk.close()
    lost, doubled, stuck = len(verdict.lost), len(verdict.doubled), len(verdict.stuck)
    lines = (
        f"kill -9 on {make_url(url).get_backend_name()}, seed {SEED}: {crew.kills} kills of {len(WRITERS)} writers",
        f"{crew.poller_kills} of {len(POLLERS)} pollers, {crew.doomed} at a commit; {book.count('complete')} answered",
        f"{lost} lost, {doubled} doubled, {stuck} stuck, {book.resent} retried ({book.committed} had been done)",
        f"{book.count('report')} cases, {len(book.refusals)} refusals, {timers} timers, {messages} messages",
        f"{ended} cases brought to their end by a fresh process, {time.monotonic() - begun:.0f} s",
    )
    with capsys.disabled():
        sys.stderr.write("\n" + ", ".join(lines) + "\n")
    assert not verdict.findings, "\n".join(verdict.findings)
    assert crew.kills >= KILLS
    assert book.count("complete") >= 2 * KILLS, "the writers did next to nothing between the kills"


Tamper = Callable[[Session], object]


def forget(event: str) -> Tamper:
    """Take the last history line of a kind away."""
    return lambda session: session.delete(last_line(session, event))


def repeat(event: str) -> Tamper:
    """Write the last history line of a kind once more."""

    def write(session: Session) -> None:
        line = last_line(session, event)
        columns = {column.name: getattr(line, column.name) for column in CaseEvent.__table__.columns}
        session.add(CaseEvent(**{**columns, "id": None}))

    return write


def last_line(session: Session, event: str) -> CaseEvent:
    return session.scalars(select(CaseEvent).where(CaseEvent.kind == event).order_by(CaseEvent.id.desc())).first()


def forget_row(table: type[Base], *where: ColumnElement[bool]) -> Tamper:
    """Take a row away."""
    return lambda session: session.delete(session.scalars(select(table).where(*where)).first())


def forget_photo(session: Session) -> None:
    """Take a photo away, with what it is found by."""
    photo = session.scalars(select(Evidence)).first()
    session.execute(delete(PhotoBand).where(PhotoBand.evidence_id == photo.id))
    session.delete(photo)


def skip_version(session: Session) -> None:
    session.execute(update(Instance).values(version=Instance.version + 3))


def undo_completion(session: Session) -> None:
    task = session.scalars(select(Task).where(Task.status == "done").order_by(Task.completed_at.desc())).first()
    task.status = "open"


TAMPERED: dict[str, tuple[Tamper, str]] = {
    "a completion without its history line": (forget("task_completed"), "lost"),
    "a completion written twice": (repeat("task_completed"), "doubled"),
    "a completion undone": (undo_completion, "lost"),
    "an answer forgotten": (forget_row(IdempotencyKey), "lost"),
    "a photo forgotten": (forget_photo, "lost"),
    "a timer fired twice": (repeat("timer_fired"), "doubled"),
    "an operator's work done twice": (repeat("dispatched"), "doubled"),
    "a notice nobody got": (forget_row(Notice), "lost"),
    "a message forgotten": (forget_row(OutboxMessage, OutboxMessage.topic == "notify"), "lost"),
    "a task nobody finds": (forget_row(Task, Task.status == "open"), "stuck"),
    "a timer nobody fires": (forget_row(Timer, Timer.element.like("after_%")), "stuck"),
    "a version too many": (skip_version, "doubled"),
}


@pytest.fixture(scope="module")
def worked_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city in which one writer has worked for a while, killed by nobody."""
    home = tmp_path_factory.mktemp("worked")
    url = f"sqlite:///{home / 'city.sqlite'}"
    found_city(home / "city", url)
    clock = FrozenClock(MONDAY)
    desk = Desk(home / "city", url, clock)
    writer = Writer(desk, Ledger(home / "writer-1.ledger"), "writer-1", Random(5), most=5)
    for _ in range(45):
        writer.act()
        clock.set(clock.now() + timedelta(minutes=1))
        fire_due_timers(desk.session, desk.platform, clock.now())
        deliver_due(desk.session, desk.outbox, clock.now())
    writer.report()
    desk.session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    desk.close()
    return home


@pytest.mark.parametrize(("tamper", "kind"), [(None, ""), *TAMPERED.values()], ids=["nothing", *TAMPERED])
def test_the_judges_find_what_is_wrong(worked_town: Path, tmp_path: Path, tamper: Tamper | None, kind: str) -> None:
    shutil.copy(worked_town / "city.sqlite", tmp_path)
    clock = FrozenClock(MONDAY + timedelta(minutes=45))
    desk = Desk(worked_town / "city", f"sqlite:///{tmp_path / 'city.sqlite'}", clock)
    try:
        if tamper is not None:
            tamper(desk.session)
            desk.session.commit()
        verdict, _ = judge(desk, read_book([worked_town / "writer-1.ledger"]), clock)
    finally:
        desk.close()
    assert {finding.partition(":")[0] for finding in verdict.findings} >= ({kind} - {""})
    assert bool(verdict.findings) is (tamper is not None)
