"""Incidents: acts that failed inside a diagram. The act is undone; the failure stays until it is mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.errors import DomainError, NotFound
from engine.models import Case, CaseEvent, Incident, Instance, OutboxMessage, Task

REMEDY = "correct the diagram or the data it names, then do the act again"
OPEN_AT_ONCE = 200
"""How many open incidents one look takes up."""


def act_of(person_id: int, request: Mapping[str, Any]) -> dict[str, Any]:
    """A person's act as an incident keeps it, to be tried again; empty for acts that nobody else can repeat."""
    if {"task", "answers"} <= request.keys():
        kept = {name: request[name] for name in ("task", "answers")}
        return {"kind": "complete", "person": person_id, **kept}
    if {"case", "action", "payload"} <= request.keys():
        kept = {name: request[name] for name in ("case", "action", "payload")}
        return {"kind": "action", "person": person_id, **kept}
    return {}


def open_incident(
    session: Session,
    case_id: int,
    instance_id: int,
    error: DomainError,
    now: datetime,
    *,
    act: Mapping[str, Any] | None = None,
    remedy: str = REMEDY,
) -> int:
    """Note a failed act, one open incident an instance and message; commits. Returns the incident's id.

    :param act: what was tried (see ``Incident``); the latest is the one that is tried again.
    """
    begin_write(session)
    known = session.scalar(
        select(Incident).where(
            Incident.case_id == case_id,
            Incident.instance_id == instance_id,
            Incident.message == error.message,
            Incident.resolved_at.is_(None),
        )
    )
    place = {"process": getattr(error, "process", ""), "element": getattr(error, "element", "")}
    if known is None:
        known = Incident(
            case_id=case_id, instance_id=instance_id, process=place["process"], element="", message=error.message,
            remedy=remedy, act={}, opened_at=now, resolved_at=None, resolution="",
        )  # fmt: skip
        session.add(known)
    kind = (act or {}).get("kind")
    if kind != "timers" and place["element"]:  # those bear the timer's element, and resolve themselves by it
        known.element = place["element"]
    known.act = {**(act or {}), "failed": place} if place["element"] else dict(act or {})
    session.commit()
    return known.id


def find_incident(session: Session, incident_id: int) -> Incident:
    """An incident. Raises NotFound."""
    found = session.get(Incident, incident_id)
    if found is None:
        raise NotFound(f"there is no incident {incident_id}; take the id from the list of incidents")
    return found


def list_incidents(
    session: Session, *, resolved: bool = False, case: str | None = None, most: int = OPEN_AT_ONCE
) -> Sequence[tuple[Incident, str | None]]:
    """The latest incidents with their case's number, newest first; ``resolved`` adds those that are over."""
    query = select(Incident, Case.number).outerjoin(Case, Case.id == Incident.case_id).order_by(Incident.id.desc())
    if not resolved:
        query = query.where(Incident.resolved_at.is_(None))
    if case is not None:
        query = query.where(Case.number == case)
    return [(incident, number) for incident, number in session.execute(query.limit(most))]


def resolve_incident(session: Session, incident_id: int, now: datetime, *, by: str, reason: str = "") -> Incident:
    """Close an incident as done with, without trying anything; commits."""
    begin_write(session)
    incident = find_incident(session, incident_id)
    close_incident(incident, now, f"resolved by {by}" + (f": {reason}" if reason else ""))
    session.commit()
    return incident


def close_incident(incident: Incident, now: datetime, resolution: str) -> None:
    """Mark an incident as over, once."""
    if incident.resolved_at is None:
        incident.resolved_at, incident.resolution = now, resolution


def letter_of(incident: Incident) -> int | None:
    """The outbox message an incident is about, none when it is about a step (see ``engine.outbox.letter``)."""
    folder, _, message_id = incident.element.partition("/")
    return int(message_id) if folder == "outbox" and message_id.isdigit() else None


def settle_incidents(session: Session, now: datetime) -> int:
    """Close open incidents whose act has succeeded since, or can no longer fail; commits. Returns how many.

    Timers close theirs when they fire (``engine.cases.timekeeping``).
    """
    query = select(Incident).where(Incident.resolved_at.is_(None)).order_by(Incident.id).limit(OPEN_AT_ONCE)
    over = [(incident.id, why) for incident in session.scalars(query) if (why := _why_over(session, incident))]
    if over:
        begin_write(session)
        for incident_id, why in over:
            close_incident(find_incident(session, incident_id), now, why)
        session.commit()
    return len(over)


def _why_over(session: Session, incident: Incident) -> str:
    """Why an incident is over, empty while it is not."""
    act, kind = incident.act, incident.act.get("kind")
    if (message_id := letter_of(incident)) is not None:
        message = session.get(OutboxMessage, message_id)
        return "delivered" if message is None or message.done_at is not None else ""
    instance = session.get(Instance, incident.instance_id)
    if instance is not None and instance.status != "running":
        return "the case has run to its end"
    if kind == "complete":
        status = session.scalar(select(Task.status).where(Task.id == UUID(act["task"])))
        return {"done": "the task was completed", "withdrawn": "the task is no longer needed"}.get(status or "", "")
    if kind == "action":
        done = select(CaseEvent.id).where(
            CaseEvent.case_id == incident.case_id,
            CaseEvent.kind == f"{act['action']}_requested",
            CaseEvent.at >= incident.opened_at,
        )
        return "the act was done again" if session.scalar(done.limit(1)) is not None else ""
    return ""
