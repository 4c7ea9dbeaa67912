"""Where units of work are written without a session: connections of their own, one writer at a time on SQLite.

Acts within one process wait for each other at a lock, first come first served, instead of at SQLite's, which sleeps
and looks again and may let one of them wait for seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from engine.casefile.translating import translated

Work = Callable[[Any], None]
"""Writes on a driver's connection; commits nothing."""


class Writer:
    """Writes units of work to one database, a transaction each."""

    def __init__(self, engine: Engine) -> None:
        self.dialect: Dialect = engine.dialect
        self._pool = engine.pool.recreate()
        # A connection that has died shows at the write, which is tried again; asking before costs a round trip.
        self._pool._pre_ping = False
        self._lock = Lock()
        event.listen(engine, "engine_disposed", lambda disposed: self._pool.dispose())

    def write(self, work: Work) -> None:
        """Write and commit. Raises what the database says; nothing of the work is kept then."""
        if self.dialect.name == "sqlite":
            with self._lock:
                self._write_sqlite(work)
        else:
            self._write_once(work)

    def _write_sqlite(self, work: Work) -> None:
        pooled = self._pool.connect()
        raw: Any = pooled.driver_connection
        try:
            raw.execute("BEGIN IMMEDIATE")
            work(raw)
            raw.execute("COMMIT")
        except self.dialect.loaded_dbapi.Error as error:
            self._give_up(pooled, raw)
            raise translated(error, self.dialect) from error
        except BaseException:
            self._give_up(pooled, raw)
            raise
        pooled.close()

    def _write_once(self, work: Work) -> None:
        """The work is one statement, which is a transaction of its own: one round trip."""
        pooled = self._pool.connect()
        raw: Any = pooled.driver_connection
        try:
            if not raw.autocommit:
                raw.autocommit = True
                raw.prepare_threshold = 1
                raw.execute("SET plan_cache_mode = force_generic_plan")
            work(raw)
        except self.dialect.loaded_dbapi.Error as error:
            self._give_up(pooled, raw)
            raise translated(error, self.dialect) from error
        except BaseException:
            self._give_up(pooled, raw)
            raise
        pooled.close()

    def _give_up(self, pooled: Any, raw: Any) -> None:
        try:
            raw.rollback()
        except self.dialect.loaded_dbapi.Error as error:
            pooled.invalidate(error)
        else:
            pooled.close()


_writers: WeakKeyDictionary[Engine, Writer] = WeakKeyDictionary()
_lock = Lock()


def writer_of(session: Session) -> Writer | None:
    """The writer of a session's database; none for a database in memory, which only its own connection sees."""
    bind = session.get_bind()
    if not isinstance(bind, Engine):
        return None
    writer = _writers.get(bind)
    if writer is None:
        if bind.dialect.name == "sqlite" and bind.url.database in (None, "", ":memory:"):
            return None
        if bind.dialect.name != "sqlite" and bind.dialect.driver != "psycopg":
            return None
        with _lock:
            writer = _writers.setdefault(bind, Writer(bind))
    return writer
