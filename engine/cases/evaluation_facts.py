"""The facts of one case that evaluation counts; every figure of an evaluation must lead back to these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.calendar import WorkCalendar, parse_limit
from engine.cases import clocks
from engine.models import Case, CaseClock, Task


@dataclass(frozen=True)
class EvaluationFacts:
    """Counts and verdicts of one case; ``limit_s`` and ``used_s`` are seconds on the limit's own measure.

    ``merged_reports`` other reports joined it; ``no_report``: it was reported where or when nothing is to be.
    """

    department: str | None
    district: str | None
    due_at: datetime | None
    on_time: bool | None
    close_kind: str | None
    limit_s: float
    used_s: float
    extensions: int
    suspensions: int
    reworks: int
    returns: int
    supervisions: int
    tasks_done: int
    tasks_in_time: int
    satisfaction: str | None
    overdue_excluded: bool
    merged_reports: int
    no_report: bool

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {**asdict(self), "due_at": self.due_at.isoformat() if self.due_at else None}


def evaluation_facts(session: Session, case: Case, calendar: WorkCalendar, now: datetime) -> EvaluationFacts:
    """Gather the facts of a case at the end of its lifecycle."""
    clock = next((c for c in reversed(case.clocks) if c.name == clocks.HANDLING), None)
    in_time = func.coalesce(Task.due_at >= Task.completed_at, True)
    counts = dict(
        session.execute(
            select(in_time, func.count()).where(Task.case_id == case.id, Task.status == "done").group_by(in_time)
        ).all()
    )
    return EvaluationFacts(
        department=case.lead_department,
        district=case.district_code,
        due_at=deadline(case, clock, calendar),
        on_time=case.on_time,
        close_kind=case.close_kind,
        limit_s=clock.total if clock else 0.0,
        used_s=clocks.used(clock, calendar, now) if clock else 0.0,
        extensions=case.extensions,
        suspensions=case.suspensions,
        reworks=case.reworks,
        returns=case.returns,
        supervisions=case.supervisions,
        tasks_done=sum(counts.values()),
        tasks_in_time=sum(count for verdict, count in counts.items() if verdict),
        satisfaction=case.satisfaction,
        overdue_excluded=case.overdue_excluded,
        merged_reports=case.merged_reports,
        no_report=bool(case.no_report),
    )


def deadline(case: Case, clock: CaseClock | None, calendar: WorkCalendar) -> datetime | None:
    """The last moment at which the handling clock would have run out: its period is the case's."""
    if clock is None:
        return case.closed_at
    if clock.due_at is not None:
        return clock.due_at
    last = next((span.started_at for span in reversed(clock.spans) if span.running), None)
    if last is None:
        return case.closed_at
    ended = next((span.ended_at for span in reversed(clock.spans) if span.running), None) or last
    left = clock.total - clock.used
    if left <= 0:
        return ended

    return calendar.advance(ended, timedelta(seconds=left), parse_limit(clock.limit_text).unit)
