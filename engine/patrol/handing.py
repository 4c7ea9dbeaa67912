"""Give a task on site to somebody else: the shift leader's word goes over the choice that was made."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.cases.access import access_case, missing_task, require
from engine.cases.tasks import refuse_closed
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Case, CaseEvent, Person, Task
from engine.organisation.actor import Actor
from engine.patrol.changing import COLLECTOR, collector
from engine.patrol.choosing import BY_HAND, CHOICE
from engine.platform import Platform

ASSIGN = "patrol.assign"


def hand_over(
    session: Session, platform: Platform, actor: Actor, task_id: UUID, login: str, reason: str, now: datetime
) -> Task:
    """Give an open task of the collectors to one of them; commits. History and task keep who, whom and why.

    Raises NotFound for a task the actor cannot see, Invalid for somebody who is no collector, Conflict when it is
    theirs already.
    """
    require(actor, ASSIGN, "give tasks on site to others")
    if not reason.strip():
        raise Invalid("giving a task to somebody else needs a reason; write one", field="reason")

    def act() -> dict[str, Any]:
        task = session.get(Task, task_id, with_for_update=True)
        if task is None or task.role != COLLECTOR:
            missing_task(task_id)
        case = session.get_one(Case, task.case_id)
        access_case(session, actor, platform.host.directory, case.number)
        refuse_closed(session, task)
        person = collector(session, login)
        if task.assignee_id == person.id:
            raise Conflict(f"{person.name} holds this task already; nothing to change")
        if person.id == case.reporter_id:
            raise Invalid(f"{person.name} reported this case; choose somebody else", field="login")
        before = session.get(Person, task.assignee_id) if task.assignee_id else None
        why = {
            "rule": BY_HAND,
            "login": person.login,
            "name": person.name,
            "by": actor.name,
            "note": reason.strip()[:500],
        }
        kept = task.defaults.get(CHOICE)
        barred = {"barred": kept["barred"]} if isinstance(kept, dict) and "barred" in kept else {}
        task.assignee_id, task.version = person.id, task.version + 1
        task.defaults = {**task.defaults, CHOICE: {**why, **barred}}
        session.add(
            CaseEvent(
                case_id=case.id, at=now, kind="handed_over", stage=task.stage, process=task.process,
                element=task.element, actor_id=actor.person_id, actor_role=actor.acting_role, department_code=None,
                data={"before": before.login if before is not None else None, **why},
            )
        )  # fmt: skip
        session.flush()
        return {}

    act_once(session, actor.person_id, None, {}, now, act)
    return session.get_one(Task, task_id)
