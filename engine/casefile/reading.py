"""Read case files: one look finds case and instance and locks them, the next everything that hangs on them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Dialect

from engine.casefile.file import CaseFile
from engine.casefile.prepared import Prepared, Rows, select_rows
from engine.casefile.records import (
    CaseRecord,
    ClockRecord,
    InstanceRecord,
    SpanRecord,
    TaskRecord,
    TimerRecord,
    UnitRecord,
    WaitingRecord,
    read_record,
)
from engine.models import Case, CaseClock, CaseUnit, ClockSpan, Instance, Task, Timer, WaitingEvent

CASE, INSTANCE, TASK = Case.__table__, Instance.__table__, Task.__table__


class Reading:
    """The statements that read a case file on one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.pipelined = dialect.driver == "psycopg"
        both = select(*INSTANCE.c, *CASE.c).join_from(INSTANCE, CASE, CASE.c.id == INSTANCE.c.case_id)
        by_id = both.where(INSTANCE.c.id == bindparam("key"))
        by_task = both.where(
            INSTANCE.c.id == select(TASK.c.instance_id).where(TASK.c.id == bindparam("key")).scalar_subquery()
        )
        by_case = both.where(INSTANCE.c.case_id == bindparam("key"), INSTANCE.c.status == "running")
        self.first = {
            (found, lock): select_rows(locked(statement, lock), dialect, ("key",))
            for found, statement in (("id", by_id), ("task", by_task), ("case", by_case))
            for lock in ("", "lock", "skip")
        }
        self.instance, self.case = Rows(tuple(INSTANCE.c), dialect), Rows(tuple(CASE.c), dialect)
        self.rest = tuple(
            (kind, select_rows(statement, dialect, (key,)), Rows(tuple(kind.table.c), dialect), key)
            for kind, statement, key in _rest()
        )

    def read(self, raw: Any, by: str, key: Any, lock: str) -> CaseFile | None:
        """The case file ``by`` id of an instance, of a task or of a case that runs; none when there is none."""
        cursor = raw.cursor()
        try:
            found = run(cursor, self.first[by, lock], {"key": key}).fetchone()
        finally:
            cursor.close()
        if found is None:
            return None
        instance = read_record(InstanceRecord, self.instance.read(found))
        case = read_record(CaseRecord, self.case.read(found, len(self.instance.names)))
        file = CaseFile(case, instance)
        for kind, rows in self._hanging(raw, {"case": case.id, "instance": instance.id}):
            _hang(file, kind, rows)
        return file

    def _hanging(self, raw: Any, keys: dict[str, int]) -> list[tuple[Any, list[Any]]]:
        """Everything that hangs on the case and the instance; in one round trip where the driver can."""
        asked = []
        with raw.pipeline() if self.pipelined else nullcontext():
            for kind, statement, rows, key in self.rest:
                cursor = raw.cursor()
                run(cursor, statement, {key: keys[key]})
                asked.append((kind, rows, cursor))
        found = []
        for kind, rows, cursor in asked:
            found.append((kind, [read_record(kind, rows.read(row)) for row in cursor.fetchall()]))
            cursor.close()
        return found


def locked(statement: Select[Any], lock: str) -> Select[Any]:
    """The statement, waiting for whoever has the instance (``lock``) or passing it over (``skip``).

    Only the instance is locked, and every write takes it first: nobody ever waits in a ring.
    """
    if not lock:
        return statement
    return statement.with_for_update(of=[INSTANCE], skip_locked=lock == "skip", key_share=True)


def _rest() -> Sequence[tuple[Any, Any, str]]:
    """What hangs on a case or an instance, and by which key."""
    unit, clock, span = CaseUnit.__table__, CaseClock.__table__, ClockSpan.__table__
    timer, waiting = Timer.__table__, WaitingEvent.__table__
    case: Any = bindparam("case")
    instance: Any = bindparam("instance")
    clocks = select(clock.c.id).where(clock.c.case_id == case)
    return (
        (UnitRecord, select(unit).where(unit.c.case_id == case).order_by(unit.c.id), "case"),
        (ClockRecord, select(clock).where(clock.c.case_id == case).order_by(clock.c.id), "case"),
        (SpanRecord, select(span).where(span.c.clock_id.in_(clocks)).order_by(span.c.id), "case"),
        (TaskRecord, select(TASK).where(TASK.c.case_id == case, TASK.c.status == "open"), "case"),
        (TimerRecord, select(timer).where(timer.c.instance_id == instance), "instance"),
        (WaitingRecord, select(waiting).where(waiting.c.instance_id == instance), "instance"),
    )


def _hang(file: CaseFile, kind: Any, rows: list[Any]) -> None:
    case: Any = file.case
    if kind is UnitRecord:
        case.units.extend(rows)
    elif kind is ClockRecord:
        case.clocks.extend(rows)
    elif kind is SpanRecord:
        clocks = {clock.id: clock for clock in case.clocks}
        for span in rows:
            clocks[span.clock_id].spans.append(span)
    elif kind is TaskRecord:
        file.tasks = {row.id: row for row in rows if row.instance_id == file.instance.id}
    elif kind is TimerRecord:
        file.timers = {(row.task_id, row.position): row for row in rows}
    else:
        file.listeners = {(row.task_id, row.position): row for row in rows}


@lru_cache(maxsize=16)
def reading_of(dialect: Dialect) -> Reading:
    """The statements for a dialect, built once."""
    return Reading(dialect)


def run(cursor: Any, statement: Prepared, values: dict[str, Any]) -> Any:
    """Run a prepared statement; the driver's errors pass through."""
    cursor.execute(statement.text, statement.values(values))
    return cursor
