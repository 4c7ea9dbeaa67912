"""The scheduler: fires due timers and delivers the outbox, in one of all workers. ``wangge serve`` starts it.

A round ends after some seconds whatever is left, so that a hundred thousand due timers hold up no message, and it
rests between its transactions, so that clerks find the database free. What is left is worked off a second later.

Being leader only saves work: timers and messages are taken row by row under a lock, so that two leaders for a moment
(a network that parts and heals) still do everything once.
"""

from __future__ import annotations

import fcntl
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

from apscheduler.events import EVENT_SCHEDULER_SHUTDOWN
from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api.context import OUTBOX, db, now, platform, plugins, session
from api.intake_jobs import judge_intake
from engine.cases.drafts import sweep_drafts
from engine.cases.ground_changes import follow_ground
from engine.cases.incidents import settle_incidents
from engine.cases.stuck import find_stuck
from engine.cases.timekeeping import fire_due_timers
from engine.evidence.rounds import sweep_when_due
from engine.hooks.watching import tell_plugins
from engine.hooks.working import run_due_jobs
from engine.outbox import Outbox, deliver_due
from engine.overdue.telling import Lookout, tell_overdue
from engine.pace import Pace
from engine.patrol.upkeep import look_after_patrols
from engine.sensors.tending import tend_devices

log = logging.getLogger("wangge.scheduler")

ADVISORY_KEY = 0x57616E67
"""``Wang`` in ASCII: one key a database, so two cities in two databases have a leader each."""


ROUND_S = 2.0
"""How long timers, and then messages, may take in one round."""
SQLITE_REST = 1.0
"""SQLite has one writer at a time: rest as long as each transaction took."""
SERVER_REST = 0.2


LOOK_AFTER_S = 60.0
"""How often incidents are settled and stuck cases looked for."""
OVERDUE_ROUNDS = 15
"""Overdue tasks are looked for in every fifteenth round."""
FOLLOW_S = 20.0
"""How often every worker looks whether the ground has changed."""


SWEEP_LOOK_S = 600.0
"""How often it is asked whether the evidence is to be swept."""


class Leadership(Protocol):
    """The right to be the one scheduler."""

    def held(self) -> bool:
        """Whether this worker leads now; tries to win when nobody does."""
        ...

    def release(self) -> None:
        """Let another worker lead."""
        ...


class FileLeadership:
    """For SQLite: a lock on a file beside the database. The system frees it when the worker dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def held(self) -> bool:
        """Whether this worker has the lock."""
        if self._file is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock up."""
        if self._file is not None:
            self._file.close()
            self._file = None


class AdvisoryLeadership:
    """For PostgreSQL: an advisory lock on a connection of its own. The server frees it when the connection ends."""

    def __init__(self, engine: Engine, key: int = ADVISORY_KEY) -> None:
        self.engine, self.key = engine, key
        self._connection: Connection | None = None

    def held(self) -> bool:
        """Whether this worker has the lock and its connection still lives."""
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self.key}):
                self._connection = connection
                return True
            connection.close()
        except SQLAlchemyError as error:
            log.warning("the scheduler cannot reach the database: %s", error)
            self.release()
        return False

    def release(self) -> None:
        """End the connection, and with it the lock."""
        if self._connection is not None:
            # A pooled connection would keep the lock: this one is really closed.
            with suppress(SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None


def leadership_for(app: Flask) -> Leadership:
    """The kind of leadership that suits the app's database."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "postgresql":
        return AdvisoryLeadership(engine)
    database = engine.url.database
    beside = Path(database) if database and database != ":memory:" else Path(app.instance_path) / "memory"
    return FileLeadership(beside.with_name(beside.name + ".scheduler.lock"))


def work_once(app: Flask) -> tuple[int, int]:
    """One round: fire what is due and deliver what waits. Returns how many cases moved and messages got through."""
    with app.app_context():
        outbox: Outbox = app.extensions[OUTBOX]
        rest = SQLITE_REST if db.engine.dialect.name == "sqlite" else SERVER_REST
        moved = fire_due_timers(session(), platform(), now(), pace=Pace(ROUND_S, rest=rest))
        return moved, deliver_due(session(), outbox, now(), pace=Pace(ROUND_S, rest=rest))


def work_off_overdue(app: Flask, lookout: Lookout | None = None) -> int:
    """Tell of tasks that are overdue. Returns how many rungs were told of."""
    with app.app_context():
        rest = SQLITE_REST if db.engine.dialect.name == "sqlite" else SERVER_REST
        return tell_overdue(session(), platform(), now(), pace=Pace(ROUND_S, rest=rest), lookout=lookout)


def work_for_plugins(app: Flask) -> int:
    """Tell plugins what happened and run their jobs that are due. Returns how many lines were told and jobs ran."""
    with app.app_context():
        host = plugins()
        if not host.manifests:
            return 0
        rest = SQLITE_REST if db.engine.dialect.name == "sqlite" else SERVER_REST
        told = tell_plugins(session(), host, now(), pace=Pace(ROUND_S, rest=rest))
        return told + run_due_jobs(session(), platform(), now(), pace=Pace(ROUND_S, rest=rest))


def look_after(app: Flask) -> int:
    """Close incidents that are over, forget drafts nobody needs, watch over patrols, and open an incident for every
    case that waits for nothing. Returns how many are stuck."""
    with app.app_context():
        settle_incidents(session(), now())
        sweep_drafts(session(), now())
        look_after_patrols(session(), platform(), now())
        stuck = find_stuck(session(), platform(), now())
        tend_devices(session(), platform(), now())
        return stuck


def sweep_evidence(app: Flask) -> bool:
    """Take files that no case names out of the store, once a day. Returns whether it was time.

    By the machine's clock, as the store's own: a city's frozen one must not make files look old.
    """
    with app.app_context():
        done = sweep_when_due(session(), platform().store, datetime.now(UTC))
        if done is not None and done.failure:
            log.warning("the sweep of the evidence failed: %s; it is tried again in an hour", done.failure)
        elif done is not None and done.taken:
            log.info("the sweep of the evidence took %s of %s files, %s bytes", done.taken, done.seen, done.size)
        return done is not None


def follow_versions(app: Flask, *, lead: bool) -> bool:
    """Let this worker place cases in the ground that is in force now. Returns whether it is another one."""
    with app.app_context():
        return follow_ground(session(), platform(), now(), lead=lead)


def start_scheduler(app: Flask, *, every_s: float = 1.0, leadership: Leadership | None = None) -> BackgroundScheduler:
    """Work every ``every_s`` seconds from a thread of this worker, as long as it leads. Shut it down to stop."""
    leader = leadership or leadership_for(app)

    def tick() -> None:
        try:
            if leader.held():
                work_once(app)
        except Exception:
            # A tick that fails must not end the scheduler: the database may be away for a minute.
            log.exception("a tick of the scheduler failed; the next one tries again")

    # A tick that takes longer than its interval is no fault: the next one finds what is left.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)

    lookout = Lookout()

    def remind() -> None:
        try:
            if leader.held():
                work_off_overdue(app, lookout)
        except Exception:
            log.exception("telling of overdue tasks failed; it is tried again")

    def serve_plugins() -> None:
        try:
            if leader.held():
                work_for_plugins(app)
        except Exception:
            log.exception("the work of plugins failed; it is tried again")

    def look() -> None:
        try:
            if leader.held():
                look_after(app)
        except Exception:
            log.exception("looking for stuck cases failed; it is tried again")

    def sweep() -> None:
        try:
            if leader.held():
                sweep_evidence(app)
        except Exception:
            log.exception("the sweep of the evidence failed; it is tried again")

    def judge() -> None:
        try:
            if leader.held():
                judge_intake(app)
        except Exception:
            log.exception("noting or training suggestions failed; it is tried again")

    def follow() -> None:
        try:
            follow_versions(app, lead=leader.held())
        except Exception:
            log.exception("the ground in force could not be taken up; it is tried again")

    scheduler = BackgroundScheduler(timezone="UTC")
    scheduler.add_job(tick, "interval", seconds=every_s, id="wangge", max_instances=1, coalesce=True)
    scheduler.add_job(
        serve_plugins, "interval", seconds=every_s * 2, id="wangge.plugins", max_instances=1, coalesce=True
    )
    scheduler.add_job(
        remind, "interval", seconds=every_s * OVERDUE_ROUNDS, id="wangge.overdue", max_instances=1, coalesce=True
    )
    scheduler.add_job(look, "interval", seconds=LOOK_AFTER_S, id="wangge.look_after", max_instances=1, coalesce=True)
    scheduler.add_job(sweep, "interval", seconds=SWEEP_LOOK_S, id="wangge.evidence", max_instances=1, coalesce=True)
    scheduler.add_job(judge, "interval", seconds=LOOK_AFTER_S, id="wangge.intake", max_instances=1, coalesce=True)
    scheduler.add_job(follow, "interval", seconds=FOLLOW_S, id="wangge.ground", max_instances=1, coalesce=True)
    scheduler.add_listener(lambda event: leader.release(), mask=EVENT_SCHEDULER_SHUTDOWN)
    scheduler.start()
    return scheduler
