"""Open an incident for an act that failed inside a diagram: the act is undone, the failure stays to be mended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.errors import DomainError
from engine.models import Incident

REMEDY = "correct the diagram or the data it names, then do the act again"


def open_incident(session: Session, case_id: int, instance_id: int, error: DomainError, now: datetime) -> int:
    """Note a failed act, one open incident an instance and message; commits. Returns the incident's id."""
    begin_write(session)
    known = session.scalar(
        select(Incident).where(
            Incident.instance_id == instance_id, Incident.message == error.message, Incident.resolved_at.is_(None)
        )
    )
    if known is None:
        known = Incident(
            case_id=case_id, instance_id=instance_id, element="", message=error.message, remedy=REMEDY,
            opened_at=now, resolved_at=None,
        )  # fmt: skip
        session.add(known)
    session.commit()
    return known.id
