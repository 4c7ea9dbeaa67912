"""What came of a simulation: cases by status, open tasks by stage, how many were on time, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.models import Case, Task
from engine.models.workflow import OPEN


@dataclass
class Tally:
    """Counted while the city works. ``stuck``: acts the engine refused, by message; ``unstaffed``: roles nobody has."""

    reported: int = 0
    completed: int = 0
    fired: int = 0
    acts: Counter[str] = field(default_factory=Counter)
    branches: Counter[str] = field(default_factory=Counter)
    stuck: Counter[str] = field(default_factory=Counter)
    unstaffed: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Summary:
    """The state of the database after a simulation, and what was done. ``now`` is the moment reached."""

    now: datetime
    tally: Tally
    by_status: Mapping[str, int]
    open_by_stage: Mapping[str, int]
    closed: int
    closed_on_time: int
    overdue_open: int

    @property
    def on_time_share(self) -> float | None:
        """Share of closed cases that were closed on time, none before the first."""
        return self.closed_on_time / self.closed if self.closed else None


def summarise(session: Session, tally: Tally, now: datetime) -> Summary:
    """Count what the database holds at ``now``; matters are none of the street's cases."""
    street = Case.matter.is_(None)
    by_status = session.execute(
        select(Case.status, func.count()).where(street).group_by(Case.status).order_by(Case.status)
    )
    by_stage = session.execute(
        select(Task.stage, func.count()).where(Task.status == OPEN).group_by(Task.stage).order_by(Task.stage)
    )
    verdicts = session.execute(
        select(Case.on_time, func.count()).where(street, Case.status == "closed").group_by(Case.on_time)
    )
    counted = dict(verdicts.all())
    overdue = session.scalar(
        select(func.count())
        .select_from(Case)
        .where(street, Case.due_at < now, Case.status.in_(("filed", "dispatched")))
    )
    summary = Summary(
        now, tally, dict(by_status.all()), dict(by_stage.all()), sum(counted.values()),
        counted.get(True, 0), overdue or 0,
    )  # fmt: skip
    session.rollback()
    return summary
