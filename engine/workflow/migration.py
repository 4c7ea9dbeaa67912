"""Move one running instance to another deployment, with its open tasks and timers, in the caller's transaction.

Open tasks keep their id, holder and time of creation; what the new diagram says of role, form or limit is applied. A
timer that is new or says something else counts from when its task was opened, or from the move where it sits on no
task. Nothing fires here: what is due already fires with the poller's next round, so the move never moves the case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent
from SpiffWorkflow.task import Task as SpiffTask

from engine.models import Instance, Task, Timer
from engine.workflow.codec import decode, encode
from engine.workflow.elements import Element
from engine.workflow.listening import settle_listeners
from engine.workflow.lists import (
    date_tasks,
    drop_timer,
    index_timer,
    open_task,
    settle_tasks,
    task_reason,
    timers_of,
)
from engine.workflow.migration_checks import is_token
from engine.workflow.migration_nodes import NodeMap, Words, named
from engine.workflow.migration_state import move_state, refuse_state
from engine.workflow.runtime import parts_in
from engine.workflow.specs import CaseWorkflow
from engine.workflow.step import Step

TASK_FIELDS = (
    "process", "element", "name", "stage", "role", "scope", "form", "clock", "limit_text", "evidence", "defaults",
)  # fmt: skip
"""What a diagram says of an open task; everything else of it belongs to the people."""

TIMER_FIELDS = ("element", "text", "clock", "share", "due_at")


@dataclass(frozen=True)
class Outcome:
    """What a move does to an instance, or why it is refused. It is refused when there is any refusal."""

    changes: tuple[Words, ...] = ()
    refusals: tuple[Words, ...] = ()


def move_instance(step: Step, nodes: NodeMap) -> Outcome:
    """Move ``step.instance`` from ``nodes.old`` to ``nodes.new`` (= ``step.definition``), or say why not.

    Changes state, deployment, task list and due index of the case file; commits nothing. Raises StepFailed when the new
    diagram cannot be evaluated for this case. After a refusal or an error nothing may be kept: roll back.
    """
    return _move(step, step.instance, nodes)


def _move(step: Step, instance: Instance, nodes: NodeMap) -> Outcome:
    workflow = decode(instance.state, nodes.old, instance.process)
    workflow.step = step
    refused = refuse_state(workflow, nodes)
    if refused:
        return Outcome(refusals=tuple(refused))
    before = {task.id for task in _tokens(workflow)}
    move_state(workflow, nodes)
    moved = decode(encode(workflow), nodes.new, instance.process)
    after = {task.id for task in _tokens(moved)}
    if before != after:
        raise step.failure("the move would lose or invent a place where the case stands; nothing was changed")
    moved.step = step
    changes = [*_settle_tasks(step, moved, nodes), *_settle_timers(step, moved)]
    if nodes.old.listens or nodes.new.listens:
        settle_listeners(step, moved)
    step.element = None
    # Only now: a cycle that begins is noted in the state when it is indexed.
    instance.state, instance.deployment_id = encode(moved), nodes.new.deployment_id
    step.file.live = None
    return Outcome(changes=tuple(changes))


def _tokens(workflow: CaseWorkflow) -> Iterator[SpiffTask]:
    for part in (workflow, *workflow.subprocesses.values()):
        yield from (task for task in part.tasks.values() if is_token(task))


def _settle_tasks(step: Step, workflow: CaseWorkflow, nodes: NodeMap) -> list[Words]:
    """Apply what the new diagram says to the open tasks and let the case's clocks follow."""
    changes: list[Words] = []
    waiting = list(parts_in(workflow, step.definition.home))
    for process, task in waiting:
        if not task.task_spec.manual:
            continue
        row = step.tasks.get(task.id)
        if row is None:
            raise step.failure(f"task {task.id} waits but is on nobody's list; repair the instance before it migrates")
        changes += _apply(step, row, _fresh(step, process, task), nodes)
    running = settle_tasks(step, waiting)
    open_now = list(dict.fromkeys(task_reason(row) for row in step.tasks.values()))
    step.host.settle_clocks(step.case, running, open_now, step.now)
    date_tasks(step)
    return changes


def _fresh(step: Step, process: str, task: SpiffTask) -> Task:
    """The task as it would be opened now; never written."""
    return open_task(step, process, task)


def _apply(step: Step, row: Task, fresh: Task, nodes: NodeMap) -> list[Words]:
    changed = [name for name in TASK_FIELDS if getattr(row, name) != getattr(fresh, name)]
    old, new = nodes.old.element(row.process, row.element), nodes.new.element(fresh.process, fresh.element)
    dated = {"limit_text", "clock"} & set(changed) or old.properties.get("warn_at") != new.properties.get("warn_at")
    told = list(_task_changes(row, fresh, changed))
    for name in changed:
        setattr(row, name, getattr(fresh, name))
    if dated:
        row.due_at = row.warn_at = None
    if changed or dated:
        row.version += 1
    return told


def _task_changes(row: Task, fresh: Task, changed: list[str]) -> Iterator[Words]:
    for name, zh, en in (
        ("name", "名称", "name"), ("stage", "阶段", "stage"), ("role", "角色", "role"), ("scope", "范围", "scope"),
        ("form", "表单", "form"), ("clock", "计时", "clock"), ("limit_text", "时限", "limit"),
        ("evidence", "证据", "evidence"), ("defaults", "默认值", "defaults"),
    ):  # fmt: skip
        if name in changed:
            before, after = getattr(row, name) or "–", getattr(fresh, name) or "–"
            if name == "defaults":
                yield Words(f"待办“{row.name}”的{zh}更新", f"open task {row.name}: new {en}")
            else:
                yield Words(
                    f"待办“{row.name}”的{zh}：{before} → {after}", f"open task {row.name}: {en} {before} → {after}"
                )


def _settle_timers(step: Step, workflow: CaseWorkflow) -> list[Words]:
    """Index what waits now, keep what says the same as before, forget what is gone."""
    gone = dict(step.timers)
    changes: list[Words] = []
    for process, task in parts_in(workflow, step.definition.home):
        for position, definition in timers_of(task):
            row = gone.pop((task.id, position), None)
            fresh = _fresh_timer(step, process, task, position, definition)
            if row is None:
                step.timers[task.id, position] = fresh
                changes.append(_timer_change(step, process, fresh, "新增定时", "new timer"))
            elif _says_other(row, fresh):
                for name in TIMER_FIELDS:
                    setattr(row, name, getattr(fresh, name))
                changes.append(_timer_change(step, process, fresh, "定时改变", "changed timer"))
            else:
                _rename(step, process, row, fresh)
    for key, row in gone.items():
        drop_timer(step, key, row)
        changes.append(Words(f"定时取消：{row.element}（{row.text}）", f"timer gone: {row.element} ({row.text})"))
    return changes


def _fresh_timer(step: Step, process: str, task: SpiffTask, position: int, definition: Any) -> Timer:
    """The timer as if it had been there since its task was opened; never written by this."""
    beside = task.parent.children if isinstance(task.task_spec, BoundaryEvent) else ()
    host = next((step.tasks[each.id] for each in beside if each.id in step.tasks), None)
    since = replace(step, now=host.created_at) if host is not None else step
    return index_timer(since, process, task, position, definition)


def _says_other(row: Timer, fresh: Timer) -> bool:
    """Whether a timer means something else now. A share of a task's own limit moves with that limit."""
    if (row.text, row.clock, row.share) != (fresh.text, fresh.clock, fresh.share):
        return True
    return row.share is not None and row.clock is None and row.due_at != fresh.due_at


def _rename(step: Step, process: str, row: Timer, fresh: Timer) -> None:
    """Give a timer the new id of its element; what has fired on the clock under the old one has fired."""
    if row.element == fresh.element:
        return
    before, after = f"{process}/{row.element}", f"{process}/{fresh.element}"
    if row.clock and row.share is not None and step.host.has_fired(step.case, row.clock, before):
        step.host.note_fired(step.case, row.clock, after, row.share)
    row.element = fresh.element


def _timer_change(step: Step, process: str, row: Timer, zh: str, en: str) -> Words:
    element: Element = step.definition.element(process, row.element)
    due = row.due_at is not None and row.due_at <= step.now
    return Words(
        f"{zh}：{named(element)}（{row.text}）{'，已到期，随即触发' if due else ''}",
        f"{en}: {named(element)} ({row.text}){', due already: it fires at once' if due else ''}",
    )
