"""Work on tasks: claim, release, complete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session, joinedload

from engine.cases.access import access_task, may_do, missing_task, refuse_own_case
from engine.cases.opening import settle_stage
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Case, CaseEvent, Evidence, Instance, Person, Task
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.definitions import Definition
from engine.workflow.forms import Form, FormInvalid
from engine.workflow.step import Step

# Built once: building a statement costs as much as running it. Everything an act reads of a case comes in one row set.
TASK_AND_CASE = (
    select(Task, Instance, Case)
    .join(Instance, Instance.id == Task.instance_id)
    .join(Case, Case.id == Task.case_id)
    .where(Task.id == bindparam("task"))
    .options(joinedload(Case.units), joinedload(Case.clocks))
    .with_for_update(of=[Instance, Task, Case])
)
EVIDENCE_SINCE = ("dispatched", "redispatched", "rework", "reopened")


def claim_task(session: Session, actor: Actor, task_id: UUID, now: datetime) -> Task:
    """Take a group's task for oneself. Raises Conflict naming who holds it already."""

    def act() -> dict[str, Any]:
        task = access_task(session, actor, task_id, lock=True)
        refuse_closed(session, task)
        if task.assignee_id not in (None, actor.person_id):
            raise Conflict(f"{holder(session, task)} has claimed this task; ask for a release")
        if task.assignee_id is None:
            task.assignee_id, task.version = actor.person_id, task.version + 1
        return {}

    act_once(session, actor.person_id, None, {}, now, act)
    return session.get_one(Task, task_id)


def release_task(session: Session, actor: Actor, task_id: UUID, now: datetime) -> Task:
    """Give a claimed task back to the group."""

    def act() -> dict[str, Any]:
        task = access_task(session, actor, task_id, lock=True)
        refuse_closed(session, task)
        if task.assignee_id != actor.person_id:
            raise Conflict("you do not hold this task; nothing to release")
        task.assignee_id, task.version = None, task.version + 1
        return {}

    act_once(session, actor.person_id, None, {}, now, act)
    return session.get_one(Task, task_id)


def complete_task(
    session: Session,
    platform: Platform,
    actor: Actor,
    task_id: UUID,
    answers: Mapping[str, Any],
    *,
    now: datetime,
    seen_version: int | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """Complete a task in one transaction and say where the case stands then.

    Raises Conflict when the task moved on since ``seen_version``, FormInvalid with a message a field, NotAllowed when
    a handling department would check or close its own case. The same ``key`` answers the same.
    """

    def act() -> dict[str, Any]:
        task, instance, case = take_task(session, actor, task_id)
        refuse_closed(session, task)
        if task.assignee_id not in (None, actor.person_id):
            raise Conflict(f"{holder(session, task)} has claimed this task; ask for a release")
        if seen_version is not None and seen_version != task.version:
            raise Conflict(
                f"the task changed since you opened it (version {task.version}, you saw {seen_version}); reload"
            )
        refuse_own_case(actor, case, task)
        definition = platform.definitions.get(session, instance.deployment_id)
        step = Step(
            session, platform.host, platform.runtime, definition, case, instance, now, actor, process=task.process
        )
        step.department = task.scope if task.scope in platform.host.directory.units else None
        clean = check_answers(step, task, answers)
        require_evidence(session, task)
        step.element = definition.element(task.process, task.element)
        step.record("task_completed", answers=clean, name=task.name, task=str(task.id))
        task.completed_at, task.completed_by, task.version = now, actor.person_id, task.version + 1
        platform.runtime.complete(step, task, clean)
        settle_stage(step)
        return standing(step)

    request = {"task": str(task_id), "answers": dict(answers), "seen_version": seen_version}
    return act_once(session, actor.person_id, key, request, now, act)


def take_task(session: Session, actor: Actor, task_id: UUID) -> tuple[Task, Instance, Case]:
    """A task with its instance and case, locked and read in one go. Raises NotFound as ``access_task`` does."""
    found = session.execute(TASK_AND_CASE, {"task": task_id}).unique().one_or_none()
    if found is None or not may_do(actor, found[0]):
        missing_task(task_id)
    task, instance, case = found
    return task, instance, case


def standing(step: Step) -> dict[str, Any]:
    """Where a case stands, as the answer to an act."""
    case = step.case
    return {
        "case": case.number,
        "status": case.status,
        "stage": case.stage,
        "tasks": [{"id": str(row.id), "element": row.element, "name": row.name} for row in step.tasks.values()],
    }


def refuse_closed(session: Session, task: Task) -> None:
    """Raise Conflict with who did it and when, or why it is gone."""
    if task.status == "done":
        person = session.get(Person, task.completed_by) if task.completed_by else None
        who = person.name if person is not None else "the system"
        raise Conflict(f"{task.name} was completed by {who} at {task.completed_at}; reload the case")
    if task.status != "open":
        raise Conflict(f"{task.name} is no longer needed, the case took another way; reload the case")


def holder(session: Session, task: Task) -> str:
    """The name of who holds a task."""
    person = session.get(Person, task.assignee_id) if task.assignee_id else None
    return person.name if person is not None else "somebody else"


def form_context(step: Step, task: Task) -> dict[str, Any]:
    """The names a form's conditions and value lists may use."""
    host: Any = step.host
    departments = [
        {"value": unit.code, "label": unit.name, "label_en": unit.name_en} for unit in host.directory.handling()
    ]
    version = step.case.catalogue_version_id
    conditions = host.condition_options(step.session, version) if version is not None else ()
    return {"case": step.facts, "departments": departments, "conditions": conditions, **task.defaults}


def find_form(definition: Definition, task: Task) -> Form | None:
    """The form of a task, none when it has none."""
    return definition.forms.get(task.form) if task.form else None


def check_answers(step: Step, task: Task, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Validated answers: hidden and empty fields are there as none, fields one may only read are not."""
    form = find_form(step.definition, task)
    if form is None:
        if answers:
            raise Invalid(f"{task.name} has no form; complete it without answers", field="answers")
        return {}
    return form.validate(answers, form_context(step, task), now=step.now.astimezone(step.host.city.time_zone))


def require_evidence(session: Session, task: Task) -> None:
    """The photos a task asks for, taken since the unit last got the case."""
    for role in task.evidence.split():
        since = session.scalar(
            select(func.max(CaseEvent.at)).where(CaseEvent.case_id == task.case_id, CaseEvent.kind.in_(EVIDENCE_SINCE))
        )
        query = select(func.count()).where(Evidence.case_id == task.case_id, Evidence.role == role)
        if since is not None:
            query = query.where(Evidence.uploaded_at >= since)
        if not session.scalar(query):
            raise Invalid(f"{task.name} needs a photo of kind {role}; upload it first", field="evidence")


__all__ = ["FormInvalid", "claim_task", "complete_task", "release_task", "standing"]
