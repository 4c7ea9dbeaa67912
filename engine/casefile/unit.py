"""The unit of work of an act: the case files it has, what it adds, and how all of it is written with one commit.

It belongs to a session and follows its transaction: written before the commit, put back on the shelf after it, dropped
with a rollback. An act that read nothing from the database needs no session at all: ``commit`` then takes a bare
connection, writes and commits, and the write lock is held for no longer than that.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from engine.casefile.asking import Asked, Question, ask
from engine.casefile.file import CaseFile
from engine.casefile.reading import reading_of
from engine.casefile.shelf import Shelf
from engine.casefile.translating import translated
from engine.casefile.writers import writer_of
from engine.casefile.writing import pen_for, write_file, write_lines
from engine.database import begin_write

UNIT = "wangge.unit"


class NeedsSession(BaseException):
    """An act that began without the session needs it after all. Whoever runs acts begins it anew; nothing is lost."""


class Unit:
    """What one act has in hand."""

    def __init__(self, session: Session, *, trusting: bool = False) -> None:
        self._session = session
        self._bare: Any = None
        self.trusting = trusting
        self.files: dict[int, CaseFile] = {}
        self.lines: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self._later: list[Asked] = []
        self._shelves: dict[int, Shelf] = {}
        self._drawn: dict[str, int] = {}

    @property
    def session(self) -> Session:
        """The session, in a transaction that may write. What it reads is what was there before this act.

        Raises NeedsSession when the act has begun to do without; it runs again then, with the session from the start.
        """
        if self._bare is not None:
            raise NeedsSession
        if not self._session.in_transaction():
            begin_write(self._session)
        return self._session

    @property
    def info(self) -> dict[Any, Any]:
        """What is noted on the session for all its acts."""
        return self._session.info

    @property
    def remembered(self) -> bool:
        """Whether the act relies on a file that was in memory: no refusal may be given on its word alone."""
        return any(file.remembered for file in self.files.values())

    def take(self, shelf: Shelf, by: str, key: Any, *, lock: str = "lock") -> CaseFile | None:
        """The case file of an instance (``by`` id), of an open task or of a case's running instance; none without one.

        From the shelf when it is there, else from the database. ``lock`` waits for whoever has it, ``skip`` passes it
        over (none then).
        """
        for held in self.files.values():
            if (by == "id" and held.instance.id == key) or (by == "case" and held.case.id == key):
                return held
            if by == "task" and key in held.tasks:
                return held
        file: CaseFile | None = None
        if self.trusting and by != "case":
            file = shelf.take(key) if by == "id" else shelf.take_by_task(key)
        if file is None:
            if self._may_do_without():
                self._open()
            file = reading_of(self._dialect).read(self._bare or self._raw, by, key, lock)
            if file is None:
                return None
            kept = shelf.take(file.instance.id)
            if kept is not None and kept.instance.version == file.instance.version:
                file.live = kept.live
        self.hold(shelf, file)
        return file

    def look(self, by: str, key: Any) -> CaseFile | None:
        """The case file as the database has it, in nobody's hand: what is changed in it is not written."""
        raw = self._session.connection().connection.driver_connection
        return reading_of(self._dialect).read(raw, by, key, "")

    def hold(self, shelf: Shelf, file: CaseFile) -> None:
        """Have a file until the transaction ends."""
        self.files[file.instance.id] = file
        self._shelves[file.instance.id] = shelf

    def ask(self, *asked: Asked) -> list[Any]:
        """The first row of every answer, in the transaction that will write; others wait from now on."""
        if self._bare is None and self._may_do_without():
            return self._open(*asked)
        return ask(self._bare or self._raw, self._dialect, asked)

    def _may_do_without(self) -> bool:
        """Whether the act may go on without the session, which nothing of it has used so far."""
        return self._bare is None and self.trusting and not self._session.in_transaction()

    def _open(self, *asked: Asked) -> list[Any]:
        """Begin to do without the session, where the database allows it; the first answers."""
        writer = writer_of(self._session)
        if writer is None:
            return ask(self._raw, self._dialect, asked)
        self._bare, answers = writer.open(asked)
        return answers

    def fresh_id(self, kind: Any, drawn: int) -> int:
        """The id to give a new record, from what ``NEXT_ID`` drew: rows of this act may not be written yet."""
        name = kind.table.name
        self._drawn[name] = max(drawn, self._drawn.get(name, 0) + 1)
        return self._drawn[name]

    def later(self, question: Question, **values: Any) -> None:
        """Run a statement with the act's own, for rows that are in no file."""
        self._later.append((question, values))

    def flush(self) -> None:
        """Write what there is so far, so that what is read next sees it."""
        session = self.session
        self._write_at_once()
        session.flush()

    def commit(self) -> None:
        """Write everything and commit, in the session's transaction when there is one."""
        session, bare = self._session, self._bare
        if bare is None and (session.in_transaction() or session.new or session.deleted or session.dirty):
            session.commit()
            return
        writer = writer_of(session)
        if writer is None:
            _ = self.session
            session.commit()
            return

        def work(raw: Any) -> None:
            self._write(raw, writer.dialect)

        self._bare = None
        try:
            if bare is not None:
                writer.end(bare, work)
            else:
                writer.write(work)
        except BaseException:
            self.drop()
            raise
        self._put_back()
        session.expire_all()

    def drop(self) -> None:
        """Forget everything; files that were in hand are gone from memory too."""
        self._session.info.pop(UNIT, None)
        bare, self._bare = self._bare, None
        self.files.clear()
        self._clear()
        if bare is not None:
            writer = writer_of(self._session)
            assert writer is not None  # it has opened the connection
            writer.end(bare, None)

    @property
    def _raw(self) -> Any:
        return self.session.connection().connection.driver_connection

    @property
    def _dialect(self) -> Dialect:
        return self._session.get_bind().dialect

    def _write_at_once(self) -> None:
        """Write within the session's transaction, in one round trip where the driver can."""
        raw, dialect = self._raw, self._dialect
        try:
            self._write(raw, dialect)
        except dialect.loaded_dbapi.Error as error:
            raise translated(error, dialect) from error

    def _write(self, raw: Any, dialect: Dialect) -> None:
        pen = pen_for(raw, dialect)
        for file in self.files.values():
            write_file(pen, file)
        write_lines(pen, self.lines, self.letters, self.answers)
        for question, values in self._later:
            pen.run(question.on(dialect), values)
        pen.finish()
        self._clear()

    def _clear(self) -> None:
        self.lines.clear()
        self.letters.clear()
        self.answers.clear()
        self._later.clear()

    def _put_back(self) -> None:
        self._session.info.pop(UNIT, None)
        for key, file in self.files.items():
            file.remembered = False
            file.raised.clear()
            if file.live is not None:
                file.live.step = None
            if file.instance.status == "running":
                self._shelves[key].put(file)


def new_unit(session: Session, *, trusting: bool = False) -> Unit:
    """A unit of work at the beginning of an act. ``trusting``: what is in memory will do, until a write says else."""
    session.rollback()
    unit = session.info[UNIT] = Unit(session, trusting=trusting)
    return unit


def unit_of(session: Session) -> Unit:
    """The unit of work of a session's present transaction."""
    unit: Unit | None = session.info.get(UNIT)
    if unit is None:
        unit = session.info[UNIT] = Unit(session)
    return unit


def _before_commit(session: Session) -> None:
    unit: Unit | None = session.info.get(UNIT)
    if unit is not None and (unit.files or unit.lines or unit.letters or unit.answers or unit._later):
        unit._write_at_once()


def _after_commit(session: Session) -> None:
    unit: Unit | None = session.info.get(UNIT)
    if unit is not None:
        wrote = bool(unit.files)
        unit._put_back()
        if wrote:
            session.expire_all()


def _after_rollback(session: Session) -> None:
    unit: Unit | None = session.info.get(UNIT)
    if unit is not None:
        unit.drop()


event.listen(Session, "before_commit", _before_commit)
event.listen(Session, "after_commit", _after_commit)
event.listen(Session, "after_rollback", _after_rollback)
