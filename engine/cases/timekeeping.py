"""Work off due timers: one transaction a case, each timer exactly once however many pollers run."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.opening import settle_stage
from engine.database import begin_write
from engine.errors import DomainError
from engine.models import Case, Incident, Instance, Timer
from engine.platform import Platform
from engine.workflow.step import Step

RETRY_AFTER = timedelta(minutes=10)


def fire_due_timers(session: Session, platform: Platform, now: datetime, *, most: int = 500) -> int:
    """Fire timers due at ``now``, oldest first, at most ``most`` cases. Returns how many cases moved.

    A step that fails opens an incident and is tried again later; the other cases go on.
    """
    due = session.execute(
        select(Timer.instance_id).where(Timer.due_at <= now).order_by(Timer.due_at).limit(most)
    ).scalars()
    moved = 0
    for instance_id in dict.fromkeys(due.all()):
        begin_write(session)
        try:
            moved += fire_instance(session, platform, instance_id, now)
            session.commit()
        except DomainError as error:
            session.rollback()
            begin_write(session)
            postpone(session, instance_id, now, error)
            session.commit()
    session.rollback()
    return moved


def fire_instance(session: Session, platform: Platform, instance_id: int, now: datetime) -> int:
    """Fire what is due in one instance; 0 when another poller has it or did it."""
    instance = session.scalar(select(Instance).where(Instance.id == instance_id).with_for_update(skip_locked=True))
    if instance is None or instance.status != "running":
        return 0
    timers = session.scalars(
        select(Timer).where(Timer.instance_id == instance_id, Timer.due_at <= now).order_by(Timer.due_at)
    ).all()
    if not timers:
        return 0
    case = session.get_one(Case, instance.case_id)
    definition = platform.definitions.get(session, instance.deployment_id)
    step = Step(
        session, platform.host, platform.runtime, definition, case, instance, now, None, process=instance.process
    )
    platform.runtime.fire(step, timers)
    settle_stage(step)
    return 1


def postpone(session: Session, instance_id: int, now: datetime, error: DomainError) -> None:
    """Open an incident (one an instance and message) and try the timers again later."""
    instance = session.get_one(Instance, instance_id)
    timers = session.scalars(select(Timer).where(Timer.instance_id == instance_id, Timer.due_at <= now)).all()
    for timer in timers:
        timer.due_at = now + RETRY_AFTER
    known = session.scalar(
        select(Incident).where(
            Incident.instance_id == instance_id, Incident.message == error.message, Incident.resolved_at.is_(None)
        )
    )
    if known is None:
        session.add(
            Incident(
                case_id=instance.case_id,
                instance_id=instance_id,
                element=timers[0].element if timers else "",
                message=error.message,
                remedy="correct the diagram or the data it names; the step is tried again by itself",
                opened_at=now,
                resolved_at=None,
            )
        )
