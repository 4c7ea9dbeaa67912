"""A survey of components into the register: in batches that stay, so that an import that was cut off goes on.

Rows are upserted by code. A file that was imported before, and the city's own folder, say only what they did not say
the last time (``engine.loading.survey_changes``). A row that gives an owner other than the registered one does not
change the owner: it becomes an ownership claim (``engine.components.ownership``) that someone decides. What a file does
not say (an empty owner, a column it does not have) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from engine.components.counts import recount
from engine.components.register import read_component
from engine.components.rules import Rules
from engine.database import begin_write
from engine.loading.survey_changes import Batch, Row, Since, claims_of, compare
from engine.loading.survey_file import SurveyFile
from engine.loading.survey_package import open_any
from engine.loading.tables import Progress, Rejection, no_progress
from engine.models import Component, ComponentChange, Survey, SurveyRefusal

BATCH = 2_000
"""Rows a transaction; what is lost when the import is cut off."""
KEPT = 1_000
"""Refused rows a report holds; all of them are in the database and go to ``refuse``."""
IMPORT, FOLDER = "import", "folder"
"""Where a survey comes from: a file somebody named, or the city's own ``components.csv``."""


@dataclass
class SurveyReport:
    """What became of a file's rows, those of a run that was cut off included. ``claims`` count other owners given.

    ``note`` is a remark on how the file's text was read.
    """

    survey_id: int | None = None
    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    claims: int = 0
    resumed_at: int = 0
    note: str = ""
    rejected: list[Rejection] = field(default_factory=list)


def import_survey(
    session: Session, path: Path, rules: Rules, now: Callable[[], datetime], *, progress: Progress = no_progress,
    refuse: Callable[[Rejection], None] = lambda item: None, dry_run: bool = False, batch_rows: int = BATCH,
    origin: str = IMPORT,
) -> SurveyReport:  # fmt: skip
    """Add or change the components of a CSV file or GeoPackage. Commits each batch; the map counts anew at the end.

    The same file again goes on where it was cut off, or changes nothing. ``refuse`` is told every refused row.

    :raises CityBroken: the file itself cannot be read; nothing is written then.
    """
    file = open_any(path, rules.fields)
    survey = _begin(session, file, now(), dry_run, origin)
    since = _since(session, file.sha256, origin)
    report = _so_far(session, survey, refuse, file.path.name)
    report.note = file.note
    progress(report.read)
    rows = checked_rows(file, rules, skip=report.read)
    while lines := list(islice(rows, batch_rows)):
        if not dry_run:
            begin_write(session)
        refused = [item for item in lines if isinstance(item, Rejection)]
        batch = compare(session, [item for item in lines if not isinstance(item, Rejection)], file.header, since)
        claims = claims_of(session, batch)
        _tally(report, batch, len(lines), len(claims), refused, refuse)
        if not dry_run:
            assert survey is not None
            _write(session, batch, claims, refused, survey, now())
            _keep(survey, report)
            session.commit()
        progress(len(lines))
    if survey is not None:
        begin_write(session)
        if report.added or report.changed:
            recount(session)
        session.get_one(Survey, survey.id).finished_at = now()
        session.commit()
        if report.added or report.changed:
            tidy(session)
    return report


def tidy(session: Session) -> None:
    """Let PostgreSQL know what is in the register now, and that its indexes can answer without looking at the rows."""
    engine = session.get_bind().engine
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE) component, component_count"))


def checked_rows(file: SurveyFile, rules: Rules, *, skip: int = 0) -> Iterator[Row | Rejection]:
    """Rows of the register, or what is wrong; the first ``skip`` rows are only remembered by their codes."""
    seen: dict[str, int] = {}
    for number, (line, row) in enumerate(file.read()):
        if isinstance(row, Rejection):
            if number >= skip:
                yield row
            continue
        content, before = hash(tuple(row.values())), seen.get(row["code"])
        if before is not None:
            if number >= skip:
                other = "with the same content" if before == content else "with other content"
                yield file.refuse(line, f"code {row['code']} stands twice, {other}")
            continue
        seen[row["code"]] = content
        if number < skip:
            continue
        try:
            yield read_component(row, rules)
        except ValueError as error:
            yield file.refuse(line, str(error))


def _since(session: Session, sha256: str, origin: str) -> Since | None:
    """The survey that said it before: the folder's last one, or the last of this very file; none for a new file."""
    query = select(Survey.id, Survey.started_at).where(Survey.finished_at.is_not(None)).order_by(Survey.id.desc())
    same = Survey.origin == FOLDER if origin == FOLDER else Survey.sha256 == sha256
    found = session.execute(query.where(same).limit(1)).first()
    if found is None:
        return Since() if origin == FOLDER else None
    return Since(found.id, found.started_at)


def _begin(session: Session, file: SurveyFile, at: datetime, dry_run: bool, origin: str) -> Survey | None:
    """The unfinished survey of this very file, or a new one; none in a dry run."""
    if dry_run:
        return None
    begin_write(session)
    query = select(Survey).where(Survey.sha256 == file.sha256, Survey.finished_at.is_(None)).order_by(Survey.id.desc())
    survey = session.scalars(query.limit(1)).first()
    if survey is None:
        survey = Survey(
            file=file.path.name, sha256=file.sha256, origin=origin, started_at=at, finished_at=None, rows_done=0,
            added=0, changed=0, unchanged=0, refused=0, claims=0,
        )  # fmt: skip
        session.add(survey)
    session.commit()
    return survey


def _so_far(session: Session, survey: Survey | None, refuse: Callable[[Rejection], None], file: str) -> SurveyReport:
    if survey is None or not survey.rows_done:
        return SurveyReport(survey.id if survey else None)
    report = SurveyReport(
        survey.id, survey.rows_done, survey.added, survey.changed, survey.unchanged, survey.refused, survey.claims,
        resumed_at=survey.rows_done,
    )  # fmt: skip
    query = select(SurveyRefusal).where(SurveyRefusal.survey_id == survey.id).order_by(SurveyRefusal.line)
    for row in session.scalars(query):
        item = Rejection(file, row.line, row.reason, row.remedy)
        refuse(item)
        if len(report.rejected) < KEPT:
            report.rejected.append(item)
    return report


def _tally(
    report: SurveyReport, batch: Batch, read: int, claims: int, refused: list[Rejection],
    refuse: Callable[[Rejection], None],
) -> None:  # fmt: skip
    report.read += read
    report.added += len(batch.fresh)
    report.changed += len(batch.updates)
    report.unchanged += batch.unchanged
    report.claims += claims
    report.refused += len(refused)
    report.rejected += refused[: max(0, KEPT - len(report.rejected))]
    for item in refused:
        refuse(item)


def _keep(survey: Survey, report: SurveyReport) -> None:
    survey.rows_done, survey.added, survey.changed = report.read, report.added, report.changed
    survey.unchanged, survey.refused, survey.claims = report.unchanged, report.refused, report.claims


def _write(
    session: Session, batch: Batch, claims: list[Row], refused: list[Rejection], survey: Survey, at: datetime
) -> None:
    """Write one batch; the caller commits."""
    if batch.fresh:
        session.execute(insert(Component.metadata.tables[Component.__tablename__]), batch.fresh)
    if batch.updates:
        session.execute(update(Component), batch.updates)
    same: Row = {
        "reason": "", "proposed_by": None, "proposed_at": at, "decided_by": None, "decision": "",
        "survey_id": survey.id,
    }  # fmt: skip
    done = [change | same | {"status": "confirmed", "decided_at": at} for change in batch.changes]
    open_claims = [claim | same | {"status": "proposed", "decided_at": None} for claim in claims]
    if done or open_claims:
        session.execute(insert(ComponentChange), done + open_claims)
    if refused:
        rows = [
            {"survey_id": survey.id, "line": item.line, "reason": item.reason, "remedy": item.remedy}
            for item in refused
        ]
        session.execute(insert(SurveyRefusal), rows)
