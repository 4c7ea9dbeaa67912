"""Work on tasks: claim, release, complete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.casefile.asking import Question
from engine.casefile.file import CaseFile
from engine.casefile.unit import Unit, unit_of
from engine.cases.access import access_task, may_do, missing_task, refuse_barred, refuse_own_case
from engine.cases.drafts import DROP_OWN
from engine.cases.evidence_asked import require_evidence
from engine.cases.form_names import form_names
from engine.cases.opening import settle_stage
from engine.cases.steps import begin_step
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Person, Task
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.definitions import Definition
from engine.workflow.forms import Form, FormInvalid
from engine.workflow.step import Step

DROP_DRAFT = Question(DROP_OWN, "task", "person")


def claim_task(session: Session, actor: Actor, task_id: UUID, now: datetime) -> Task:
    """Take a group's task for oneself. Raises Conflict naming who holds it already."""

    def act() -> dict[str, Any]:
        task = access_task(session, actor, task_id, lock=True)
        refuse_closed(session, task)
        refuse_barred(actor, task)
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
        unit = unit_of(session)
        file, task = take_task(unit, platform, actor, task_id)
        if task.assignee_id not in (None, actor.person_id):
            raise Conflict(f"{holder(unit.session, task)} has claimed this task; ask for a release")
        if seen_version is not None and seen_version != task.version:
            raise Conflict(
                f"the task changed since you opened it (version {task.version}, you saw {seen_version}); reload"
            )
        refuse_own_case(actor, file.case, task)
        refuse_barred(actor, task)
        step = begin_step(unit, platform, file, now, actor)
        step.process = task.process
        step.department = task.scope if task.scope in platform.host.directory.units else None
        clean = check_answers(step, task, answers)
        require_evidence(step, task, clean)
        filed_under = condition_of(file)
        step.element = step.definition.element(task.process, task.element)
        step.record("task_completed", answers=clean, name=task.name, task=str(task.id))
        if task.form:
            unit.later(DROP_DRAFT, task=task.id, person=actor.person_id)
        task.completed_at, task.completed_by, task.version = now, actor.person_id, task.version + 1
        platform.runtime.complete(step, task, clean)
        if condition_of(file) != filed_under:
            # The answer settled another condition or version: what that one asks for has to be there too.
            require_evidence(step, task, clean)
        settle_stage(step)
        return standing(step)

    request = {"task": str(task_id), "answers": dict(answers), "seen_version": seen_version}
    return act_once(session, actor.person_id, key, request, now, act, from_memory=True)


def take_task(unit: Unit, platform: Platform, actor: Actor, task_id: UUID) -> tuple[CaseFile, Task]:
    """An open task with its case file. Raises NotFound as ``access_task`` does, Conflict when it is not open."""
    file = unit.take(platform.runtime.shelf, "task", task_id)
    task = file.tasks.get(task_id) if file is not None else None
    if file is None or task is None:
        closed = access_task(unit.session, actor, task_id)
        refuse_closed(unit.session, closed)
        raise Conflict(f"{closed.name} cannot be done now, its case is being moved; try again")
    if not may_do(actor, task):
        missing_task(task_id)
    return file, task


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
    departments = host.directory.choices
    version = step.case.catalogue_version_id
    conditions = host.condition_options(step.unit, version) if version is not None else ()
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
    names = {**form_context(step, task), **form_names(step.unit, step.actor, step.case.id, form)}
    return form.validate(answers, names, now=step.now.astimezone(step.host.city.time_zone))


def condition_of(file: CaseFile) -> tuple[int | None, str, str, int | None]:
    """What the manual's rules for a case hang on."""
    case = file.case
    return case.catalogue_version_id, case.kind, case.full_code, case.condition_no


__all__ = ["FormInvalid", "claim_task", "complete_task", "release_task", "standing"]
