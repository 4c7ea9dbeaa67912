"""Write what an act changed: one statement a changed row, new rows first where others refer to them.

Every statement fails by itself when somebody else has written the row in between (see ``prepared.update_of``), so all
of them can be sent at once, the commit with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, update
from sqlalchemy.engine import Dialect

from engine.casefile.file import CaseFile, Place
from engine.casefile.prepared import (
    KEY,
    SEEN,
    Prepared,
    delete_from,
    insert_into,
    update_of,
)
from engine.casefile.records import is_new
from engine.models import CaseEvent, ClockSpan, IdempotencyKey, OutboxMessage, Timer, WaitingEvent

PLACE = ("task_id", "position")


class Pen:
    """Runs prepared statements on a driver's cursor."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self.cursor, self.dialect = cursor, dialect
        self.sqlite = dialect.name == "sqlite"

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> None:
        """One statement."""
        self.cursor.execute(statement.text, statement.values(values))

    def insert(self, table: Table, values: Sequence[Mapping[str, Any]]) -> None:
        """New rows with the same columns."""
        if values:
            statement = insert_into(table, self.dialect, tuple(values[0]))
            if self.sqlite and len(values) > 1:
                self.cursor.executemany(statement.text, [statement.values(each) for each in values])
                return
            for each in values:
                self.run(statement, each)

    def insert_record(self, record: Any, *, named: bool = True) -> None:
        """A new row of a record; unless it is ``named``, the database gives it its id."""
        names = record.columns if named else tuple(name for name in record.columns if name != "id")
        if named or self.sqlite:
            self.run(insert_into(record.table, self.dialect, names), record.__dict__)
        else:
            self.run(insert_into(record.table, self.dialect, names, "id"), record.__dict__)
        if not named:
            record.id = self.cursor.lastrowid if self.sqlite else self.cursor.fetchone()[0]
        record.settle()

    def update_record(self, record: Any, keys: tuple[str, ...] = ("id",)) -> None:
        """The changed columns of a record. A changed version is the guard."""
        changed: set[str] = record.changed
        values = {KEY + name: record.__dict__[name] for name in keys}
        guarded = "version" in changed
        names = tuple(sorted(changed)) if len(changed) > 1 else tuple(changed)
        values.update((name, record.__dict__[name]) for name in names)
        if guarded:
            values |= {SEEN: record.version_seen, "version_next": record.version}
        self.run(update_of(record.table, self.dialect, names, keys, guarded=guarded), values)
        record.settle()


def write_file(pen: Pen, file: CaseFile) -> None:
    """Bring the database in line with a case file. Whatever changed, the instance's version moves on."""
    touched = (
        file.touched or file.timers_gone or file.listeners_gone or any(row.changed != set() for row in file.rows())
    )
    for versioned in (file.case, file.instance):
        record: Any = versioned
        if is_new(versioned):
            record.version = 1
            pen.insert_record(record)
        elif record.changed or (touched and versioned is file.instance):
            record.version = record.version_seen + 1
            pen.update_record(record)
    file.touched = False
    _write_units_and_clocks(pen, file)
    for task in (*file.left, *file.tasks.values()):
        _write(pen, task, ("id",))
    for table, rows, gone in (
        (Timer.__table__, file.timers, file.timers_gone),
        (WaitingEvent.__table__, file.listeners, file.listeners_gone),
    ):
        _write_places(pen, table, rows.values(), gone)
    file.left.clear()


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
            pen.insert_record(row, named=False)
        elif row.changed:
            pen.update_record(row)
    for clock in case.clocks:
        for span in clock.spans:
            if is_new(span):
                span.clock_id = clock.id
                names = tuple(name for name in span.columns if name != "id")
                pen.run(insert_into(span.table, pen.dialect, names), span.__dict__)
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


def _write_places(pen: Pen, table: Any, rows: Iterable[Any], gone: list[Place]) -> None:
    for task_id, position in gone:
        keys = {KEY + "task_id": task_id, KEY + "position": position}
        pen.run(delete_from(table, pen.dialect, PLACE), keys)
    gone.clear()
    for row in rows:
        _write(pen, row, PLACE)


def write_lines(
    pen: Pen, lines: list[dict[str, Any]], letters: list[dict[str, Any]], keys: list[dict[str, Any]]
) -> None:
    """Append history lines, outbox messages and answered requests."""
    pen.insert(CaseEvent.__table__, lines)  # type: ignore[arg-type]
    pen.insert(OutboxMessage.__table__, letters)  # type: ignore[arg-type]
    pen.insert(IdempotencyKey.__table__, keys)  # type: ignore[arg-type]
