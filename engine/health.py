"""How the platform is: whether the database answers, what is deployed, what waits too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from engine.models import Incident, OutboxMessage, Timer
from engine.platform import Platform
from engine.workflow.deployments import current_deployment

PATIENCE = timedelta(minutes=1)
"""What is due for longer than this should have been done by the scheduler."""


@dataclass(frozen=True)
class Health:
    """The state of the platform. ``status`` is ok, late (something waits too long) or down (no database)."""

    status: str
    city: str
    database: str
    deployment: int | None
    timers_overdue: int
    outbox_waiting: int
    outbox_failing: int
    incidents_open: int


def check_health(session: Session, platform: Platform, now: datetime) -> Health:
    """Ask the database and count what waits. Never raises for a database that is away."""
    city = platform.city.id
    try:
        deployment = current_deployment(session, now)
        overdue = count(session, Timer.due_at < now - PATIENCE)
        waiting = count(session, OutboxMessage.done_at.is_(None), OutboxMessage.due_at < now - PATIENCE)
        failing = count(session, OutboxMessage.done_at.is_(None), OutboxMessage.attempts > 0)
        incidents = count(session, Incident.resolved_at.is_(None))
    except SQLAlchemyError:
        session.rollback()
        return Health("down", city, "away", None, 0, 0, 0, 0)
    status = "late" if overdue or waiting else "ok"
    found = deployment.id if deployment else None
    return Health(status, city, "ok", found, overdue, waiting, failing, incidents)


def count(session: Session, *conditions: object) -> int:
    """Rows that meet the conditions."""
    return session.scalar(select(func.count()).where(*conditions)) or 0  # type: ignore[arg-type]
