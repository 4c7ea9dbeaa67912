"""Bring another system's cases in: history as it was, in one transaction, again without doubling anything.

What a row says is kept as it is (``imported`` in the case's history); what it means here follows from the city: grid
by point, unit by the profile, status and verdict by the dates. Such a case has run its course elsewhere: no diagram
runs for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Table, bindparam, func, insert, or_, select, update
from sqlalchemy.orm import Session

from engine.cases.evaluation_facts import EvaluationFacts
from engine.cases.import_intake import Intake
from engine.cases.import_profile import ImportedCase, RowRejected
from engine.cases.import_verdicts import DueMoments, Verdicts, compare_due_moments, compare_verdicts
from engine.database import begin_write
from engine.loading.tables import Progress, no_progress
from engine.models import Base, Case, CaseEvent, CaseLink, CaseUnit, Evaluation, Instance
from engine.platform import Platform

BATCH = 2_000
COMPARED = (
    "status", "closed_at", "close_kind", "on_time", "due_at", "lead_department", "kind", "full_code", "condition_no",
    "source", "title", "address", "lon", "lat", "cell", "grid_code", "reported_at",
    "handled_at",
)  # fmt: skip
"""Columns in which a row may differ from the case it became; a difference updates the case."""

Item = TypeVar("Item")


@dataclass
class ImportReport:
    """What an import did. ``changed`` and ``unchanged`` are cases imported before; ``handled_here`` run a diagram of
    this city and are left alone."""

    read: int = 0
    taken: int = 0
    changed: int = 0
    unchanged: int = 0
    handled_here: int = 0
    outside: int = 0
    merged: int = 0
    rejected: list[RowRejected] = field(default_factory=list)
    verdicts: Verdicts = field(default_factory=Verdicts)
    due_moments: list[DueMoments] = field(default_factory=list)
    drawn_at: datetime | None = None


def import_cases(
    session: Session,
    platform: Platform,
    rows: Iterable[ImportedCase | RowRejected],
    now: datetime,
    *,
    progress: Progress = no_progress,
    dry_run: bool = False,
) -> ImportReport:
    """Take every row that holds; commits once at the end, or nothing with ``dry_run`` or when anything fails.

    A case of the same external id is updated where the file says something new, and left alone otherwise.
    """
    report, taker = ImportReport(), Intake(session, platform)
    cases: dict[str, ImportedCase] = {}
    for row in rows:
        report.read += 1
        progress(1)
        try:
            if isinstance(row, RowRejected):
                raise row
            taker.refuse_unusable(row)
            if row.external_id in cases:
                first = cases[row.external_id].line
                raise RowRejected(
                    row.line, "external id", f"{row.external_id} stands in line {first} too", "remove one of the two"
                )
            cases[row.external_id] = row
        except RowRejected as rejected:
            report.rejected.append(rejected)
    if not cases:
        return report
    report.drawn_at = max(case.last_moment for case in cases.values())
    report.verdicts = compare_verdicts(cases.values(), report.drawn_at)
    report.due_moments = compare_due_moments(cases.values(), platform.host.calendar, taker.limit_of)
    for entry in report.due_moments:
        entry.name = taker.name(entry.kind, entry.full_code)
    begin_write(session)
    try:
        set_aside(session, cases, report)
        write_cases(session, taker, cases, report, now)
        if dry_run:
            session.rollback()
        else:
            session.commit()
    except BaseException:
        session.rollback()
        raise
    return report


def write_cases(
    session: Session, intake: Intake, cases: Mapping[str, ImportedCase], report: ImportReport, now: datetime
) -> None:
    """Insert the new cases with what hangs on them, update the others."""
    drawn_at = report.drawn_at
    assert drawn_at is not None  # there are cases
    known = {
        row.external_id: row
        for batch in batches(cases)
        for row in session.execute(
            select(Case.id, Case.external_id, Case.version, *(getattr(Case, name) for name in COMPARED)).where(
                Case.external_id.in_(batch)
            )
        )
    }
    rows = {key: intake.columns(case, drawn_at) for key, case in cases.items()}
    report.outside = sum(row["grid_code"] is None for row in rows.values())
    fresh = [key for key in rows if key not in known]
    insert_rows(session, Case, (rows[key] for key in fresh))
    ids = case_ids(session, cases)
    changes = {key: row for key, row in rows.items() if key in known and _differs(row, known[key])}
    update_rows(session, changes, known)
    report.taken, report.changed = len(fresh), len(changes)
    report.unchanged = len(known) - len(changes)
    written = {key: cases[key] for key in (*fresh, *changes)}
    insert_rows(session, CaseUnit, (_unit(ids[key], cases[key]) for key in fresh if rows[key]["lead_department"]))
    insert_rows(session, CaseEvent, (event_row(ids[key], case, drawn_at, now) for key, case in written.items()))
    write_evaluations(session, {ids[key]: (case, rows[key]) for key, case in written.items()}, known, ids, now)
    report.merged = link_duplicates(session, written, ids, now)


def set_aside(session: Session, cases: dict[str, ImportedCase], report: ImportReport) -> None:
    """Take out what may not be written: cases that are handled here, and ids that are another case's number."""
    for batch in batches(list(cases)):
        running = select(Instance.case_id).where(Instance.case_id == Case.id).exists()
        rows = session.execute(
            select(Case.number, Case.external_id, running).where(
                or_(Case.external_id.in_(batch), Case.number.in_(batch))
            )
        )
        for number, external_id, handled_here in rows:
            if external_id in cases and handled_here:
                del cases[external_id]
                report.handled_here += 1
            elif number in cases and external_id != number:
                said = f"another case has the number {number} already"
                report.rejected.append(
                    RowRejected(cases.pop(number).line, "external id", said, "give the row another id")
                )


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of ``BATCH``."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def table_of(model: type[Base]) -> Table:
    """The table of a model, for statements that go past its objects."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def insert_rows(session: Session, model: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    """Insert in batches."""
    for batch in batches(rows):
        session.execute(insert(table_of(model)), batch)


def case_ids(session: Session, external_ids: Iterable[str]) -> dict[str, int]:
    """The ids of cases by their external ids."""
    return {
        key: case_id
        for batch in batches(external_ids)
        for key, case_id in session.execute(select(Case.external_id, Case.id).where(Case.external_id.in_(batch)))
        if key is not None
    }


def update_rows(session: Session, rows: Mapping[str, dict[str, Any]], known: Mapping[str, Any]) -> None:
    """Bring cases in line with what the file says now."""
    table = table_of(Case)
    columns = (*COMPARED, "version")
    statement = (
        update(table)
        .where(table.c.id == bindparam("case_id"))
        .values({name: bindparam(f"new_{name}") for name in columns})
    )
    values = (
        {f"new_{name}": row[name] for name in COMPARED}
        | {"new_version": known[key].version + 1, "case_id": known[key].id}
        for key, row in rows.items()
    )
    for batch in batches(values):
        session.connection().execute(statement, batch)


def event_row(case_id: int, case: ImportedCase, drawn_at: datetime, now: datetime) -> dict[str, Any]:
    """The line of the history that says what the file said."""
    return {
        "case_id": case_id, "at": now, "kind": "imported", "stage": "", "process": "", "element": "", "actor_id": None,
        "actor_role": "system", "department_code": None,
        "data": {
            "external_id": case.external_id, "line": case.line, "opened_at": case.opened_at.isoformat(),
            "due_at": case.due_at.isoformat() if case.due_at else None,
            "closed_at": case.closed_at.isoformat() if case.closed_at else None,
            "outcome": str(case.outcome) if case.outcome else None, "note": case.closing_note,
            "duplicate_of": case.duplicate_of, "stated_on_time": case.stated_on_time,
            "on_time": case.on_time(drawn_at),
        },
    }  # fmt: skip


def write_evaluations(
    session: Session,
    cases: Mapping[int, tuple[ImportedCase, dict[str, Any]]],
    known: Mapping[str, Any],
    ids: Mapping[str, int],
    now: datetime,
) -> None:
    """The facts evaluation counts of every closed case."""
    again = [ids[key] for key in known]
    table = table_of(Evaluation)
    for batch in batches(again):
        session.execute(table.delete().where(table.c.case_id.in_([case_id for case_id in batch if case_id in cases])))
    insert_rows(
        session,
        Evaluation,
        (_evaluation(case_id, case, row, now) for case_id, (case, row) in cases.items() if row["status"] == "closed"),
    )


def _evaluation(case_id: int, case: ImportedCase, row: dict[str, Any], now: datetime) -> dict[str, Any]:
    facts = EvaluationFacts(
        department=case.department, district=row["district_code"], due_at=case.due_at or case.closed_at,
        on_time=row["on_time"], close_kind=row["close_kind"], limit_s=0.0, used_s=0.0, extensions=0, suspensions=0,
        reworks=0, returns=0, supervisions=0, tasks_done=0, tasks_in_time=0, satisfaction=None, overdue_excluded=False,
        merged_reports=0, no_report=False,
    )  # fmt: skip
    return {
        "case_id": case_id, "department_code": case.department, "due_at": facts.due_at, "facts": facts.to_json(),
        "evaluated_at": now,
    }  # fmt: skip


def _unit(case_id: int, case: ImportedCase) -> dict[str, Any]:
    return {
        "case_id": case_id, "department_code": case.department, "part": "lead", "since": case.opened_at,
        "until": None,
    }  # fmt: skip


def link_duplicates(session: Session, cases: Mapping[str, ImportedCase], ids: Mapping[str, int], now: datetime) -> int:
    """Point merged cases at their originals where the file or the city has those; how many found theirs."""
    duplicates = {
        key: case.duplicate_of for key, case in cases.items() if case.status == "merged" and case.duplicate_of
    }
    originals = dict(ids) | case_ids(session, set(duplicates.values()) - set(ids))
    pairs = [(ids[key], originals[other]) for key, other in duplicates.items() if other in originals and other != key]
    table = table_of(Case)
    statement = update(table).where(table.c.id == bindparam("case_id")).values(merged_into_id=bindparam("original"))
    links = table_of(CaseLink)
    for batch in batches(pairs):
        session.execute(links.delete().where(links.c.kind == "merged", links.c.from_id.in_([key for key, _ in batch])))
        session.connection().execute(statement, [{"case_id": key, "original": other} for key, other in batch])
    insert_rows(
        session,
        CaseLink,
        ({"from_id": key, "to_id": other, "kind": "merged", "created_at": now} for key, other in pairs),
    )
    merged = table.alias("merged")
    counted = select(func.count()).where(merged.c.merged_into_id == table.c.id, merged.c.status == "merged")
    for leading in batches({other for _key, other in pairs}):
        session.execute(update(table).where(table.c.id.in_(leading)).values(merged_reports=counted.scalar_subquery()))
    return len(pairs)


def _differs(row: Mapping[str, Any], known: Any) -> bool:
    return any(row[name] != getattr(known, name) for name in COMPARED)
