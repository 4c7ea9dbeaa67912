"""Bring the task list and the due index in line with where an instance stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task as SpiffTask

from engine.calendar import Limit, LimitError, parse_limit
from engine.casefile.records import TaskRecord, TimerRecord, is_new
from engine.models import Task, Timer
from engine.workflow import cycles
from engine.workflow.elements import Element
from engine.workflow.specs import DueTimer, element_of
from engine.workflow.step import Step
from engine.workflow.timers import CONDITION_LIMIT as CONDITION_LIMIT  # operators and checks take it from here
from engine.workflow.timers import TimerText, TimerUnreadable, moment_of, parse_timer

SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")
DEFAULT_WARNING = 0.8
CHOICE = "choice"
"""Under this name a task's defaults keep why somebody was chosen for it."""

Waiting = list[tuple[str, SpiffTask]]


def settle_tasks(step: Step, waiting: Waiting) -> dict[str, str]:
    """Open, move and withdraw user tasks. Returns the case clocks that must run, with the reason."""
    gone = dict(step.tasks)
    there: list[Task] = []
    running: dict[str, str] = {}
    for process, task in waiting:
        if not task.task_spec.manual:
            continue
        row = gone.pop(task.id, None)
        if row is None:
            row = open_task(step, process, task)
        there.append(row)
        if row.clock:
            running.setdefault(row.clock, task_reason(row))
    for row in gone.values():
        if row.status == "open":
            row.status, row.version = "withdrawn", row.version + 1
        step.file.leave(row)
    # In the order of the diagram, whether the file was in memory or has just been read.
    step.file.tasks = {row.id: row for row in there}
    return running


def task_reason(row: Task) -> str:
    """A task as the reason why a clock runs or pauses: ``process/element|name``, to be said in any language."""
    return f"{row.process}/{row.element}|{row.name}"


def open_task(step: Step, process: str, task: SpiffTask) -> Task:
    """A new row of the task list from what the diagram says about the task."""
    element = element_of(task)
    assert element is not None  # only elements of a diagram are manual
    step.element, step.process = element, process
    names = step.names(task.data)
    role, _, scope = (element.groups or "").partition("@")
    value = step.fill(scope, names) if scope else None
    chosen = choose_person(step, element, role.strip(), value)
    value = chosen["scope"] if chosen else value
    return TaskRecord(
        id=task.id,
        instance_id=step.instance.id,
        case_id=step.case.id,
        process=process,
        element=element.id,
        name=element.name,
        stage=element.properties.get("stage", ""),
        role=role.strip(),
        scope=str(value) if value is not None else None,
        form=element.form,
        clock=element.properties.get("clock") or None,
        limit_text=limit_text(step, element, names),
        evidence=element.properties.get("evidence", ""),
        defaults={
            **{key: step.fill(text, names) for key, text in element.inputs.items()},
            **({CHOICE: chosen["reason"]} if chosen else {}),
        },
        status="open",
        created_at=step.now,
        warn_at=None,
        due_at=None,
        assignee_id=chosen["person_id"] if chosen else None,
        completed_at=None,
        completed_by=None,
        version=1,
    )


def choose_person(step: Step, element: Element, role: str, scope: Any) -> dict[str, Any] | None:
    """What the operator of the property ``choose`` says: ``{person_id, scope, reason}``; none without the property."""
    topic = element.properties.get("choose", "").strip()
    if not topic:
        return None
    try:
        chosen = step.call(replace(element, topic=topic), {"role": role, "scope": scope})
    finally:
        step.element = element
    if not isinstance(chosen, dict) or not chosen.keys() >= {"person_id", "scope", "reason"}:
        raise step.failure(f"operator {topic} chooses nobody; name one that answers person_id, scope and reason")
    return {"person_id": chosen["person_id"], "scope": chosen["scope"], "reason": step.keep(chosen["reason"])}


def limit_text(step: Step, element: Element, names: Mapping[str, Any]) -> str:
    """The element's own limit, expressions evaluated and ``condition_limit`` resolved; empty when it has none."""
    text = element.properties.get("limit", "").strip()
    if "${" in text:
        value = step.fill(text, names)
        if not isinstance(value, str) or not value.strip():
            raise step.failure(f"the limit {text} gives {value!r}; let it give a text such as '4 work_hour'")
        text = value.strip()
    if text == CONDITION_LIMIT:
        limit = step.host.condition_limit(step.case)
        return str(limit) if limit else ""
    return text


def settle_timers(step: Step, waiting: Waiting) -> list[Timer]:
    """Date open tasks and waiting timers anew (clocks may have moved). Returns timers that are due already."""
    date_tasks(step)
    gone = dict(step.timers)
    due: list[Timer] = []
    for process, task in waiting:
        for position, definition in timers_of(task):
            row = gone.pop((task.id, position), None)
            if row is None:
                row = step.timers[task.id, position] = index_timer(step, process, task, position, definition)
            elif row.clock and row.share is not None:
                moment = share_moment(step, process, row.element, row.clock, row.share)
                # A timer whose step failed was put off (see cases.timekeeping) and keeps its later moment.
                put_off = moment is not None and row.due_at is not None and moment <= step.now < row.due_at
                if moment != row.due_at and not put_off:
                    row.due_at = moment
            if row.due_at is not None and row.due_at <= step.now:
                due.append(row)
    for key, row in gone.items():
        drop_timer(step, key, row)
    return due


def drop_timer(step: Step, key: tuple[UUID, int], row: Timer) -> None:
    """Take a timer off the index; one that was never written is simply forgotten."""
    step.timers.pop(key, None)
    if not is_new(row):
        step.file.timers_gone.append(key)


def timers_of(task: SpiffTask) -> Iterator[tuple[int, DueTimer]]:
    """The timers a waiting task waits for, with their positions."""
    definition = getattr(task.task_spec, "event_definition", None)
    if isinstance(definition, DueTimer):
        yield 0, definition
    for position, item in enumerate(getattr(definition, "event_definitions", ())):
        if isinstance(item, DueTimer):
            yield position, item


def index_timer(step: Step, process: str, task: SpiffTask, position: int, definition: DueTimer) -> Timer:
    """A new row of the due index."""
    element = element_of(task)
    assert element is not None  # timers hang on events and gateways of a diagram
    step.element, step.process = element, process
    text = cycles.text_of(task) or str(step.fill(definition.text, step.names(task.data)))
    try:
        parsed = parse_timer(text, step.host.calendar)
    except TimerUnreadable as error:
        raise step.failure(str(error)) from error
    clock = clock_measured(step, process, element) if parsed.share is not None else None
    return TimerRecord(
        task_id=task.id,
        position=position,
        instance_id=step.instance.id,
        element=element.id,
        text=text,
        clock=clock,
        share=parsed.share,
        due_at=(
            cycles.next_moment(step, task, text, parsed.cycle)
            if parsed.cycle is not None
            else timer_moment(step, process, element, parsed, clock, task.data)
        ),
    )


def clock_measured(step: Step, process: str, element: Element) -> str | None:
    """The case clock a share is measured on: the event's own ``clock``, else its host's."""
    host = step.definition.element(process, element.host) if element.host else None
    return element.properties.get("clock") or (host.properties.get("clock") if host else None)


def timer_moment(
    step: Step, process: str, element: Element, parsed: TimerText, clock: str | None, data: Mapping[str, Any]
) -> datetime | None:
    """When a timer that starts now is due; none while its clock is paused."""
    if parsed.moment is not None:
        return parsed.moment
    limit = step.host.condition_limit(step.case) if parsed.by_condition else parsed.limit
    if limit is not None:
        return moment_of(limit, step.now, step.host.calendar)
    if parsed.by_condition:
        if not element.host:
            raise step.failure("the filing condition has no limit and the case would wait for ever; name a limit")
        return None
    share = parsed.share or 0.0
    if clock:
        return share_moment(step, process, element.id, clock, share)
    host = step.definition.element(process, element.host) if element.host else None
    limit = own_limit(step, limit_text(step, host, step.names(data))) if host else None
    if limit is None:
        raise step.failure("the timer measures a limit, but its task has none; give the task a limit or a clock")
    return moment_of(limit, step.now, step.host.calendar, share)


def share_moment(step: Step, process: str, element_id: str, clock: str, share: float) -> datetime | None:
    """When a share of a case clock is used up; none while it is paused, or when this timer has fired on it before."""
    if step.host.has_fired(step.case, clock, f"{process}/{element_id}"):
        return None
    return step.host.clock_moment(step.case, clock, share)


def own_limit(step: Step, text: str) -> Limit | None:
    """Parse a task's limit; none when empty."""
    try:
        return parse_limit(text) if text else None
    except LimitError as error:
        raise step.failure(str(error)) from error


def date_tasks(step: Step) -> None:
    """Due and warning moments of open tasks: their own limit, or the clock that runs with them."""
    for row in step.tasks.values():
        if row.limit_text and row.due_at is None:
            limit, share = own_limit(step, row.limit_text), warning_share(step, row)
            assert limit is not None
            row.due_at = moment_of(limit, row.created_at, step.host.calendar)
            row.warn_at = moment_of(limit, row.created_at, step.host.calendar, share)
        elif row.clock and not row.limit_text:
            due = step.host.clock_moment(step.case, row.clock, 1.0)
            if due != row.due_at:
                row.due_at = due
                row.warn_at = step.host.clock_moment(step.case, row.clock, warning_share(step, row))


def warning_share(step: Step, row: Task) -> float:
    """After which share of the limit the light turns yellow."""
    text = step.definition.element(row.process, row.element).properties.get("warn_at")
    match = SHARE.match(text) if text else None
    return float(match.group(1)) / 100 if match else DEFAULT_WARNING
