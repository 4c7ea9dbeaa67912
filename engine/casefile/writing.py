"""Write what an act changed: one statement a changed row, new rows first where others refer to them.

Every statement fails by itself when somebody else has written the row in between (see ``prepared.update_of``), so all
of them can be sent at once, as one statement that is its own transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, update
from sqlalchemy.engine import Dialect

from engine.casefile.file import CaseFile, Place
from engine.casefile.prepared import (
    KEY,
    NEXT,
    SEEN,
    Prepared,
    at_once,
    delete_from,
    insert_into,
    several,
    update_of,
)
from engine.casefile.records import is_new
from engine.models import CaseEvent, ClockSpan, IdempotencyKey, OutboxMessage, Timer, WaitingEvent

PLACE = ("task_id", "position")
TIMER_KEY = ("instance_id", *PLACE)


class Pen(ABC):
    """Writes rows with prepared statements; ``finish`` when all is said."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self.raw, self.dialect = raw, dialect

    @abstractmethod
    def run(self, statement: Prepared, values: Mapping[str, Any]) -> None:
        """One statement."""

    @abstractmethod
    def insert(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        """New rows with the same columns."""

    @abstractmethod
    def insert_numbered(self, record: Any) -> None:
        """A new row to which the database gives its id."""

    @abstractmethod
    def finish(self) -> None:
        """Everything is in the database, not committed yet."""

    def insert_record(self, record: Any) -> None:
        """A new row of a record; a column without a value is not mentioned."""
        mine = record.__dict__
        names = tuple([name for name in record.columns if mine[name] is not None])
        self.run(insert_into(record.table, self.dialect, names), mine)
        record.settle()

    def update_record(self, record: Any, keys: tuple[str, ...] = ("id",)) -> None:
        """The changed columns of a record. A changed version is the guard."""
        changed: set[str] = record.changed
        mine = record.__dict__
        values = {KEY + name: mine[name] for name in keys}
        guarded = "version" in changed
        names = tuple(sorted(changed)) if len(changed) > 1 else tuple(changed)
        for name in names:
            values[name] = mine[name]
        if guarded:
            values[SEEN], values[NEXT] = record.version_seen, record.version
        self.run(update_of(record.table, self.dialect, names, keys, guarded=guarded), values)
        record.settle()


class StatementPen(Pen):
    """One statement after the other, for a database within the process: a call is no round trip."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        super().__init__(raw, dialect)
        self.cursor = raw.cursor()

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> None:
        self.cursor.execute(statement.text, statement.values(values))

    def insert(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        if values:
            statement = insert_into(table, self.dialect, tuple(values[0]))
            self.cursor.executemany(statement.text, map(statement.values, values))

    def insert_numbered(self, record: Any) -> None:
        self.run(insert_into(record.table, self.dialect, numbered(record)), record.__dict__)
        record.id = self.cursor.lastrowid
        record.settle()

    def finish(self) -> None:
        self.cursor.close()


class ScriptPen(Pen):
    """Everything in one statement at the end, for a database behind a wire. No row may be written twice."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        super().__init__(raw, dialect)
        from psycopg import RawCursor  # a driver that only cities on PostgreSQL have

        self.cursor: Any = RawCursor
        self.texts: list[str] = []
        self.values: list[list[Any]] = []

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> None:
        self.texts.append(statement.text)
        self.values.append(statement.values(values))

    def insert(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        if values:
            statement = insert_into(table, self.dialect, tuple(values[0]))
            self.texts.append(several(statement, len(values)))
            self.values.append([value for each in values for value in statement.values(each)])

    def insert_numbered(self, record: Any) -> None:
        drawn = self.raw.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", (record.table.name,))
        record.id = drawn.fetchone()[0]
        self.insert_record(record)

    def finish(self) -> None:
        if self.texts:
            first, *others = self.values
            ordered = [value for values in (*others, first) for value in values]
            self.cursor(self.raw).execute(at_once(tuple(self.texts)), ordered)


def pen_for(raw: Any, dialect: Dialect) -> Pen:
    """The pen that suits a database."""
    return StatementPen(raw, dialect) if dialect.name == "sqlite" else ScriptPen(raw, dialect)


def numbered(record: Any) -> tuple[str, ...]:
    """The columns of a row to which the database gives its id."""
    return tuple(name for name in record.columns if name != "id")


def write_file(pen: Pen, file: CaseFile) -> None:
    """Bring the database in line with a case file. Whatever changed, the instance's version moves on."""
    touched = file.touched or file.timers_gone or file.listeners_gone or any(map(has_news, file.rows()))
    # The instance first, which everybody locks first; a new one after the case it refers to.
    both = (file.case, file.instance) if is_new(file.case) else (file.instance, file.case)
    for versioned in both:
        record: Any = versioned
        if is_new(versioned):
            record.version = 1
            pen.insert_record(record)
            file.raised.add(record.table.name)
        elif record.changed or (touched and versioned is file.instance):
            if record.table.name not in file.raised:
                record.version = record.version_seen + 1
                file.raised.add(record.table.name)
            if record.changed:
                pen.update_record(record)
    file.touched = False
    _write_units_and_clocks(pen, file)
    for task in (*file.left, *file.tasks.values()):
        _write(pen, task, ("id",))
    instance_id = file.instance.id
    timers, listeners = list(file.timers.values()), list(file.listeners.values())
    _write_places(pen, Timer.__table__, TIMER_KEY, instance_id, timers, file.timers_gone)
    _write_places(pen, WaitingEvent.__table__, PLACE, instance_id, listeners, file.listeners_gone)
    file.left.clear()


def has_news(row: Any) -> bool:
    """Whether a record is new or has changed."""
    changed = row.changed
    return changed is None or bool(changed)


def _write(pen: Pen, row: Any, keys: tuple[str, ...]) -> None:
    if row.changed is None:
        pen.insert_record(row)
    elif row.changed:
        pen.update_record(row, keys)


def _write_units_and_clocks(pen: Pen, file: CaseFile) -> None:
    case: Any = file.case
    for row in (*case.units, *case.clocks):
        if is_new(row):
            row.case_id = case.id
            pen.insert_numbered(row)
        elif row.changed:
            pen.update_record(row)
    for clock in case.clocks:
        for span in clock.spans:
            if is_new(span):
                span.clock_id = clock.id
                pen.run(insert_into(span.table, pen.dialect, numbered(span)), span.__dict__)
                span.settle()
            elif span.changed:
                _end_span(pen, span)


def _end_span(pen: Pen, span: Any) -> None:
    """A stretch ends. Only the last one of a clock is open, so it is found without its id."""
    statement = _END_SPAN.get(pen.dialect)
    if statement is None:
        table = ClockSpan.__table__
        found = update(table).where(table.c.clock_id == bindparam("key_clock"), table.c.ended_at.is_(None))  # type: ignore[arg-type]
        statement = _END_SPAN[pen.dialect] = Prepared(found, pen.dialect, ("ended_at",), ("key_clock",))
    pen.run(statement, {"ended_at": span.ended_at, "key_clock": span.clock_id})
    span.settle()


_END_SPAN: dict[Dialect, Prepared] = {}


def _write_places(
    pen: Pen, table: Any, keys: tuple[str, ...], instance_id: int, rows: list[Any], gone: list[Place]
) -> None:
    for row in rows:
        if row.changed is None and (row.task_id, row.position) in gone:  # the place was left and taken again
            gone.remove((row.task_id, row.position))
            row.settle()
            row.__dict__["changed"] = {name for name in row.columns if name not in TIMER_KEY}
    for task_id, position in gone:
        found = {KEY + "instance_id": instance_id, KEY + "task_id": task_id, KEY + "position": position}
        pen.run(delete_from(table, pen.dialect, keys), found)
    gone.clear()
    for row in rows:
        _write(pen, row, keys)


def write_lines(
    pen: Pen, lines: list[dict[str, Any]], letters: list[dict[str, Any]], keys: list[dict[str, Any]]
) -> None:
    """Append history lines, outbox messages and answered requests."""
    pen.insert(CaseEvent.__table__, lines)  # type: ignore[arg-type]
    pen.insert(OutboxMessage.__table__, letters)  # type: ignore[arg-type]
    pen.insert(IdempotencyKey.__table__, keys)  # type: ignore[arg-type]
