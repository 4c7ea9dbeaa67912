"""Find running cases that wait for nothing: no open task, no timer that will fire, no event from outside.

Such a case would stay where it is for ever without anybody hearing of it; it becomes an incident.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit
from engine.cases.incidents import close_incident, find_incident, open_incident
from engine.cases.steps import begin_step
from engine.database import begin_write
from engine.models import Incident, Instance, Task, Timer
from engine.platform import Platform
from engine.workflow.repairing import waits_for_anything
from engine.workflow.step import StepFailed

MESSAGE = "the case runs, but waits for nothing: no task is open, no timer will fire, no message can move it"
REMEDY = "migrate it to a corrected diagram ('wangge process migrate'), or cancel the case"


def find_stuck(session: Session, platform: Platform, now: datetime) -> int:
    """Open an incident for every case that waits for nothing, and close those of cases that wait again; commits.

    Returns how many cases are stuck now.
    """
    stuck = [
        found for found in session.scalars(idle_instances()).all() if look_at_instance(session, platform, found, now)
    ]
    for instance_id in stuck:
        instance = session.get_one(Instance, instance_id)
        error = StepFailed(f"{instance.process}: {MESSAGE}")
        error.process = instance.process
        open_incident(session, instance.case_id, instance_id, error, now, act={"kind": "stuck"}, remedy=REMEDY)
    query = select(Incident).where(Incident.resolved_at.is_(None), Incident.remedy == REMEDY)
    over = [each.id for each in session.scalars(query) if each.instance_id not in stuck]
    if over:
        begin_write(session)
        for incident_id in over:
            close_incident(find_incident(session, incident_id), now, "the case waits for something again")
        session.commit()
    return len(stuck)


def look_at_instance(session: Session, platform: Platform, instance_id: int, now: datetime) -> bool:
    """Whether an instance waits for nothing."""
    if session.scalar(idle_instances().where(Instance.id == instance_id)) is None:
        return False
    unit = Unit(session)
    file = unit.look("id", instance_id)
    return file is not None and not waits_for_anything(begin_step(unit, platform, file, now, None))


def idle_instances() -> Select[int]:
    """Ids of running instances without an open task and without a timer that has a moment.

    A timer whose clock stands still counts for nothing here: with no task open nothing will let that clock run.
    """
    open_task = exists().where(Task.case_id == Instance.case_id, Task.instance_id == Instance.id, Task.status == "open")
    timer = exists().where(Timer.instance_id == Instance.id, Timer.due_at.is_not(None))
    return select(Instance.id).where(Instance.status == "running", ~open_task, ~timer).order_by(Instance.id)
