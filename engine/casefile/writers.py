"""Where units of work are written without a session: connections of their own, one writer at a time on SQLite.

SQLite lets one writer in at a time and waits for the disk at each commit. Acts of one process queue at a lock instead
of SQLite's, which sleeps and looks again; whoever gets it writes everything that has queued up meanwhile with one
commit. An act alone waits for nobody.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock, Semaphore
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from engine.casefile.asking import Asked, ask
from engine.casefile.translating import translated

MOST = 15
"""Connections to PostgreSQL a process has for its acts at most: as many as SQLAlchemy's pool gives."""

Work = Callable[[Any], None]
"""Writes on a driver's connection; commits nothing. It may be run by another thread while its own one waits."""


class Writer(ABC):
    """Writes units of work to one database: each is kept whole or not at all."""

    def __init__(self, engine: Engine) -> None:
        self.dialect: Dialect = engine.dialect
        self._pool = engine.pool.recreate()
        # A connection that has died shows at the write, which is tried again; asking before costs a round trip.
        self._pool._pre_ping = False
        event.listen(engine, "engine_disposed", lambda disposed: self.close())

    @abstractmethod
    def write(self, work: Work) -> None:
        """Write and commit. Raises what the database says, in SQLAlchemy's words; nothing of the work is kept then."""

    @abstractmethod
    def open(self, asked: Sequence[Asked]) -> tuple[Any, list[Any]]:
        """Begin a transaction in which others wait, and ask. Returns a connection, for ``end``, and the answers."""

    @abstractmethod
    def end(self, raw: Any, work: Work | None) -> None:
        """Write and commit what ``open`` began, or without work take it back. Raises as ``write``."""

    def close(self) -> None:
        """Give up the connections."""
        self._pool.dispose()

    def told(self, error: BaseException) -> BaseException:
        """An error in SQLAlchemy's words."""
        if isinstance(error, self.dialect.loaded_dbapi.Error):
            told = translated(error, self.dialect)
            told.__cause__ = error
            return told
        return error


class Letter:
    """A unit of work in the queue, and what came of it."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.done = False
        self.error: BaseException | None = None


class QueueWriter(Writer):
    """SQLite: one connection, one queue, one commit for all that queued up while the last one was under way."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._turn = Lock()
        self._queue: deque[Letter] = deque()
        self._pooled: Any = None

    def write(self, work: Work) -> None:
        letter = Letter(work)
        self._queue.append(letter)
        with self._turn:
            if not letter.done:
                letters = [self._queue.popleft() for _ in range(len(self._queue))]
                try:
                    self._deliver(letters)
                finally:
                    for each in letters:
                        each.done = True
        if letter.error is not None:
            raise letter.error

    def open(self, asked: Sequence[Asked]) -> tuple[Any, list[Any]]:
        self._turn.acquire()
        try:
            raw = self._connection()
            raw.execute("BEGIN IMMEDIATE")
            try:
                return raw, ask(raw, self.dialect, asked)
            except BaseException:
                raw.execute("ROLLBACK")
                raise
        except BaseException as error:
            self._turn.release()
            raise self.told(error) from None

    def end(self, raw: Any, work: Work | None) -> None:
        try:
            if work is not None:
                work(raw)
            raw.execute("COMMIT" if work is not None else "ROLLBACK")
        except BaseException as error:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise self.told(error) from None
        finally:
            self._turn.release()

    def close(self) -> None:
        with self._turn:
            if self._pooled is not None:
                self._pooled.close()
                self._pooled = None
        super().close()

    def _deliver(self, letters: list[Letter]) -> None:
        try:
            raw = self._connection()
            raw.execute("BEGIN IMMEDIATE")
            try:
                if len(letters) == 1:
                    letters[0].work(raw)
                else:
                    for letter in letters:
                        self._write_one(raw, letter)
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
                raise
        except BaseException as error:
            for letter in letters:
                letter.error = letter.error or self.told(error)

    def _write_one(self, raw: Any, letter: Letter) -> None:
        """One of several: what fails is taken back alone."""
        raw.execute("SAVEPOINT letter")
        try:
            letter.work(raw)
        except BaseException as error:
            raw.execute("ROLLBACK TO letter")
            letter.error = self.told(error)
        raw.execute("RELEASE letter")

    def _connection(self) -> Any:
        if self._pooled is None:
            self._pooled = self._pool.connect()
        return self._pooled.driver_connection


class WireWriter(Writer):
    """PostgreSQL: a unit of work is one statement, which is a transaction of its own: one round trip.

    What follows a statement that fails in a pipeline is skipped by the server, yet psycopg (3.3) takes it for prepared
    when it was to be prepared there. So nothing prepared follows what may fail: BEGIN, COMMIT and ROLLBACK never are,
    and a connection whose questions fail is thrown away.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._opened: dict[int, Any] = {}
        self._idle: deque[Any] = deque()
        self._free = Semaphore(MOST)

    def write(self, work: Work) -> None:
        pooled = self._take()
        try:
            work(self._settled(pooled))
        except BaseException as error:
            self._give_up(pooled)
            raise self.told(error) from None
        self._put_back(pooled)

    def open(self, asked: Sequence[Asked]) -> tuple[Any, list[Any]]:
        pooled = self._take()
        try:
            raw = self._settled(pooled)
            with raw.pipeline():
                raw.execute("BEGIN", prepare=False)
                answers = ask(raw, self.dialect, asked)
        except BaseException as error:
            self._free.release()
            dead = pooled.driver_connection.closed
            pooled.invalidate()
            self._drop_idle(dead)
            raise self.told(error) from None
        self._opened[id(raw)] = pooled
        return raw, answers

    def end(self, raw: Any, work: Work | None) -> None:
        pooled = self._opened.pop(id(raw))
        try:
            if work is None:
                raw.execute("ROLLBACK", prepare=False)
            else:
                with raw.pipeline():
                    work(raw)
                    raw.execute("COMMIT", prepare=False)
        except BaseException as error:
            self._give_up(pooled)
            raise self.told(error) from None
        self._put_back(pooled)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
        super().close()

    def _take(self) -> Any:
        """A connection between two acts, waiting for one while all are taken; no act leaves anything to be reset."""
        self._free.acquire()
        try:
            return self._idle.pop()
        except IndexError:
            pass
        try:
            return self._pool.connect()
        except BaseException:
            self._free.release()
            raise

    def _put_back(self, pooled: Any) -> None:
        self._idle.append(pooled)
        self._free.release()

    def _settled(self, pooled: Any) -> Any:
        """The driver's connection, made ready when it is new."""
        raw = pooled.driver_connection
        if not raw.autocommit:
            raw.autocommit = True
            raw.prepare_threshold = 1
            raw.execute("SET plan_cache_mode = force_generic_plan")  # rows are found by their keys, always
        return raw

    def _give_up(self, pooled: Any) -> None:
        """Nothing of an unfinished transaction stays; a connection that cannot even say so is thrown away."""
        self._free.release()
        raw = pooled.driver_connection
        try:
            if not raw.closed and raw.info.transaction_status:
                raw.execute("ROLLBACK", prepare=False)
        except self.dialect.loaded_dbapi.Error:
            raw.close()
        if not raw.closed:
            pooled.close()
            return
        pooled.invalidate()
        self._drop_idle(True)

    def _drop_idle(self, dead: bool) -> None:
        """When the server has gone, the others are dead too."""
        while dead and self._idle:
            self._idle.pop().invalidate()


_writers: WeakKeyDictionary[Engine, Writer] = WeakKeyDictionary()
_lock = Lock()
_of_parents: list[list[Writer]] = []


def _begin_anew() -> None:
    """A forked process has connections of its own; those of its parent are neither used nor closed here."""
    _of_parents.append(list(_writers.values()))
    _writers.clear()


os.register_at_fork(after_in_child=_begin_anew)


def writer_of(session: Session) -> Writer | None:
    """The writer of a session's database; none where only the session's own connection will do."""
    bind = session.get_bind()
    if not isinstance(bind, Engine):
        return None
    writer = _writers.get(bind)
    if writer is None:
        kind = _kind_for(bind)
        if kind is None:
            return None
        with _lock:
            writer = _writers.get(bind) or _writers.setdefault(bind, kind(bind))
    return writer


def _kind_for(engine: Engine) -> type[Writer] | None:
    if engine.dialect.name == "sqlite":
        return None if engine.url.database in (None, "", ":memory:") else QueueWriter
    return WireWriter if engine.dialect.driver == "psycopg" else None
