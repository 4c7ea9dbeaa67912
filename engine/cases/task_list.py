"""The task list: what waits for a person, by time left, and one task with its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from engine.casefile.unit import Unit
from engine.cases.access import access_task, mine_or_my_groups
from engine.cases.evidence_asked import Asked, asked_of, rules_on
from engine.cases.form_names import form_names
from engine.cases.lights import task_light
from engine.cases.paging import Order, fetch_page, moment_key
from engine.cases.steps import begin_step
from engine.cases.tasks import find_form, form_context
from engine.cases.views import CaseSummary, person_names, summarise
from engine.models import Case, Task
from engine.models.workflow import OPEN
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.forms import FieldView, Form

BY_TIME_LEFT = Order("due_at", moment_key(Task.due_at), Task.id, False, datetime.fromisoformat)


@dataclass(frozen=True)
class TaskSummary:
    """A task in one line. ``left_s``: real seconds until it is due, negative when late, none while its clock pauses."""

    id: UUID
    name: str
    stage: str
    process: str
    element: str
    role: str
    scope: str | None
    status: str
    assignee: str | None
    mine: bool
    created_at: datetime
    due_at: datetime | None
    left_s: float | None
    light: str | None
    version: int
    case: CaseSummary


@dataclass(frozen=True)
class TaskPage:
    """A page of tasks with the number of open ones in every stage."""

    tasks: tuple[TaskSummary, ...]
    next_cursor: str | None
    stages: Mapping[str, int]


@dataclass(frozen=True)
class TaskDetail:
    """A task opened: its form as it is shown now, the values it starts with and the evidence it asks for, by which
    rule and how much of it is there."""

    task: TaskSummary
    limit: str
    evidence: tuple[Asked, ...]
    form: Form | None
    fields: tuple[FieldView, ...]
    defaults: Mapping[str, Any]
    context: Mapping[str, Any]


def list_tasks(
    session: Session,
    platform: Platform,
    actor: Actor,
    now: datetime,
    *,
    mine: bool = False,
    group: bool = False,
    stage: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> TaskPage:
    """Open tasks the actor may do, least time left first.

    ``mine`` keeps those the actor holds, ``group`` those nobody holds yet; both or neither keep all.
    """
    conditions = [Task.status == OPEN, mine_or_my_groups(actor)]
    if mine != group:
        conditions.append(Task.assignee_id == actor.person_id if mine else Task.assignee_id.is_(None))
    counts = select(Task.stage, func.count()).where(*conditions).group_by(Task.stage).order_by(Task.stage)
    stages = dict(session.execute(counts).all())
    if stage:
        conditions.append(Task.stage == stage)
    page = fetch_page(
        session,
        select(Task).where(*conditions),
        BY_TIME_LEFT,
        limit=limit,
        cursor=cursor,
        read_tie=lambda tie: UUID(str(tie)),
    )
    return TaskPage(tuple(summarise_tasks(session, platform, actor, list(page.rows), now)), page.next_cursor, stages)


def summarise_tasks(
    session: Session, platform: Platform, actor: Actor, tasks: list[Task], now: datetime
) -> list[TaskSummary]:
    """Tasks in one line each, with their cases."""
    wanted = select(Case).where(Case.id.in_({task.case_id for task in tasks})).options(selectinload(Case.clocks))
    cases = {case.id: case for case in session.scalars(wanted)}
    names = person_names(session, {task.assignee_id for task in tasks if task.assignee_id})
    return [
        TaskSummary(
            id=task.id, name=task.name, stage=task.stage, process=task.process, element=task.element, role=task.role,
            scope=task.scope, status=task.status, assignee=names.get(task.assignee_id or 0),
            mine=task.assignee_id == actor.person_id, created_at=task.created_at, due_at=task.due_at,
            left_s=(task.due_at - now).total_seconds() if task.due_at else None, light=task_light(task, now),
            version=task.version, case=summarise(platform, cases[task.case_id], now),
        )
        for task in tasks
    ]  # fmt: skip


def open_task(
    session: Session,
    platform: Platform,
    actor: Actor,
    task_id: UUID,
    now: datetime,
    answers: Mapping[str, Any] | None = None,
) -> TaskDetail:
    """A task with its form as it is shown for what is answered so far. Raises NotFound for a task of others."""
    task = access_task(session, actor, task_id)
    unit = Unit(session)
    file = unit.look("id", task.instance_id)
    assert file is not None  # a task has an instance
    step = begin_step(unit, platform, file, now, actor)
    step.process = task.process
    form = find_form(step.definition, task)
    properties = step.definition.element(task.process, task.element).properties
    asked = asked_of(session, task, properties, file.case, rules_on(step), step.definition.functions)
    context = {
        **form_context(step, task),
        **form_names(unit, actor, file.case.id, form),
        "now": now.astimezone(platform.city.time_zone),
    }
    return TaskDetail(
        task=summarise_tasks(session, platform, actor, [task], now)[0],
        limit=task.limit_text,
        evidence=tuple(asked),
        form=form,
        fields=form.fields(context, {**task.defaults, **(answers or {})}) if form is not None else (),
        defaults=task.defaults,
        context=context,
    )
