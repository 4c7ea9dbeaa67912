"""Work off due timers: one transaction a case, each timer exactly once however many pollers run.

Cases are taken in the order of their due moments, a batch at a time, and a round ends when its pace says so: what is
left is due in the next round. A case another poller has is passed over. A step that fails opens an incident, and its
timers are tried again after a pause as long as the failure has lasted: 1, 2, 4 … minutes, at most six hours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from engine.casefile.asking import Question
from engine.casefile.unit import unit_of
from engine.cases.incidents import open_incident
from engine.cases.opening import settle_stage
from engine.cases.steps import step_on
from engine.database import begin_write
from engine.errors import DomainError
from engine.models import Incident, Instance, Timer
from engine.pace import Pace, at_once
from engine.platform import Platform
from engine.workflow.step import StepFailed

log = logging.getLogger("wangge.timers")

BATCH = 50
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
_table: Any = Incident.__table__
REMEDY = "correct the diagram or the data it names; the timer is tried again by itself"

OVER = Question(
    update(_table)
    .where(_table.c.case_id == bindparam("case"), _table.c.instance_id == bindparam("instance"))
    .where(_table.c.resolved_at.is_(None), _table.c.remedy == REMEDY, _table.c.element == bindparam("element"))
    .values(resolved_at=bindparam("now", type_=_table.c.resolved_at.type)),
    "now", "case", "instance", "element",
)  # fmt: skip
"""The incidents of a timer that has fired are over."""


def fire_due_timers(
    session: Session, platform: Platform, now: datetime, *, most: int = 500, pace: Pace | None = None
) -> int:
    """Fire timers due at ``now``, oldest first, of at most ``most`` cases. Returns how many cases moved."""
    pace = pace or at_once()
    moved = 0
    seen: set[int] = set()
    while len(seen) < most and not pace.spent:
        due = session.scalars(due_instances(now, min(BATCH, most - len(seen)))).all()
        new = [instance_id for instance_id in dict.fromkeys(due) if instance_id not in seen]
        if not new:
            break
        for instance_id in new:
            if pace.spent:
                break
            seen.add(instance_id)
            with pace.transaction():
                moved += try_instance(session, platform, instance_id, now)
    session.rollback()
    return moved


def due_instances(now: datetime, most: int) -> Select[Any]:
    """The instances of the earliest due timers, one row a timer."""
    return (
        select(Timer.instance_id)
        .join(Instance, Instance.id == Timer.instance_id)
        .where(Timer.due_at <= now, Instance.status == "running")
        .order_by(Timer.due_at)
        .limit(most)
    )


def try_instance(session: Session, platform: Platform, instance_id: int, now: datetime) -> int:
    """Fire what is due in one instance and commit; a failure becomes an incident. Returns 1 when the case moved."""
    begin_write(session)
    try:
        moved = fire_instance(session, platform, instance_id, now)
        session.commit()
    except StaleDataError:
        session.rollback()  # somebody has just moved the case; the next round finds what is still due
        return 0
    except Exception as error:
        # Diagrams and plugins are other people's work: whatever they raise must stop this case only.
        log.warning("timers of instance %s failed: %s", instance_id, error, exc_info=not isinstance(error, DomainError))
        session.rollback()
        put_off(session, platform, instance_id, now, error)
        return 0
    return moved


def fire_instance(session: Session, platform: Platform, instance_id: int, now: datetime) -> int:
    """Fire what is due in one instance; 0 when another poller has it or did it."""
    step = step_on(unit_of(session), platform, instance_id, now, None, lock="skip")
    if step is None:
        return 0
    timers = due_timers(step.timers.values(), now)
    if not timers:
        return 0
    elements = [timer.element for timer in timers]
    platform.runtime.fire(step, timers)
    settle_stage(step)
    for element in dict.fromkeys(elements):
        step.unit.later(OVER, case=step.case.id, instance=instance_id, element=element, now=now)
    return 1


def due_timers(timers: Iterable[Timer], now: datetime) -> list[Timer]:
    """Those that are due, oldest first."""
    due = [(timer.due_at, timer.element, timer) for timer in timers if timer.due_at is not None and timer.due_at <= now]
    return [timer for _, _, timer in sorted(due, key=itemgetter(0, 1))]


def put_off(session: Session, platform: Platform, instance_id: int, now: datetime, error: Exception) -> None:
    """Try the due timers of an instance again later and open an incident, one an instance and message."""
    begin_write(session)
    file = unit_of(session).take(platform.runtime.shelf, "id", instance_id)
    if file is None:
        return
    instance, timers = file.instance, due_timers(file.timers.values(), now)
    failing = (
        select(func.min(Incident.opened_at))
        .where(Incident.case_id == instance.case_id, Incident.instance_id == instance_id)
        .where(Incident.remedy == REMEDY, Incident.resolved_at.is_(None))
    )
    since = session.scalar(failing) or now
    for timer in timers:
        timer.due_at = now + min(max(now - since, FIRST_PAUSE), LONGEST_PAUSE)
    file.touched = True
    element = timers[0].element if timers else ""
    session.commit()
    if not isinstance(error, DomainError):
        error = StepFailed(f"{instance.process} / {element}: {type(error).__name__}: {error}")
    act = {"kind": "timers", "timers": [[str(timer.task_id), timer.position] for timer in timers]}
    incident_id = open_incident(session, instance.case_id, instance_id, error, now, act=act)
    begin_write(session)
    incident = session.get_one(Incident, incident_id)
    incident.element, incident.remedy = incident.element or element, REMEDY
    session.commit()
