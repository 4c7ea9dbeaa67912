"""State codec: a live instance to bytes and back, without its spec.

One row a task, its data as the difference from its parent's, JSON types only, parents before children. Rows keep the
order in which tasks were made; nothing depends on the order of keys, so the bytes survive any store.

``{format, done, top, sub}``: ``done`` is ``CaseWorkflow.done``, ``top`` the process, ``sub`` its running sub-processes
as pairs of the calling task's id and the sub-process, the outer before the inner. A process or sub-process is
``{spec, data, last, done, success, tasks}``, ``last`` the place of the last completed task among the rows. A row is
``[id, place of the parent (-1: none), task spec, state, moment of the last change, difference, internal data or 0,
triggered]``; the last two are left out where there is nothing to say.

Every format ever written is read; ``codec_formats`` says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from SpiffWorkflow.util.task import TaskState

from engine.workflow.codec_formats import FORMAT, forget_predictions, read_format
from engine.workflow.codec_formats import StateUnreadable as StateUnreadable
from engine.workflow.definitions import Definition
from engine.workflow.tree import CaseTask, walk
from engine.workflow.workflows import CaseSubWorkflow, CaseWorkflow

PASSING = "seen_events"
"""Internal data that means something only within one step: which event won at an event-based gateway."""


def encode(workflow: CaseWorkflow) -> bytes:
    """The state of a live instance with its running sub-processes; finished ones are dropped from it first."""
    workflow.drop_finished()
    return orjson.dumps(
        {
            "format": FORMAT,
            "done": workflow.done,
            "top": _encode_part(workflow),
            "sub": [(key, _encode_part(part)) for key, part in workflow.subprocesses.items()],
        }
    )


def decode(state: bytes, definition: Definition, process: str) -> CaseWorkflow:
    """A live instance from its state. Raises StateUnreadable for a format of a later release."""
    stored, written = read_format(orjson.loads(state))
    workflow = CaseWorkflow(definition.specs[process], definition.specs, deserializing=True)
    workflow.done = stored["done"]
    _decode_part(workflow, stored["top"])
    for key, part in stored["sub"]:
        caller = workflow.get_task_from_id_or_none(UUID(key))
        if caller is None:
            raise StateUnreadable("a sub-process has no parent task; restore the instance from a backup")
        sub = CaseSubWorkflow(definition.specs[part["spec"]], caller, deserializing=True)
        _decode_part(sub, part)
        sub.completed_event.connect(caller.task_spec._on_subworkflow_completed, caller)
        workflow.subprocesses[caller.id] = sub
    for part in (workflow, *workflow.subprocesses.values()):
        if written == 1:
            forget_predictions(part)
        _restore_events(workflow, part)
    return workflow


def _encode_part(part: Any) -> dict[str, Any]:
    places: dict[CaseTask | None, int] = {}
    rows: list[list[Any]] = []
    for task in walk(part.task_tree):  # children are read back in the order of the rows, which decides who comes first
        places[task] = len(rows)
        parent = task.parent
        row = [
            task.id,
            -1 if parent is None else places[parent],
            task.task_spec.name,
            task._state,
            task.last_state_change,
            difference({} if parent is None else parent.data, task.data),
        ]
        internal = task.internal_data
        if internal or task.triggered:
            row.append({key: value for key, value in internal.items() if key != PASSING} or 0)
            if task.triggered:
                row.append(1)
        rows.append(row)
    return {
        "spec": part.spec.name,
        "data": part.data,
        "last": places.get(part.last_task),
        "done": part.completed,
        "success": part.success,
        "tasks": rows,
    }


def difference(base: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """What turns ``base`` into ``data``: 0 for nothing, 1 for "starts empty", else [changed, removed]."""
    if not data:
        return 1 if base else 0
    changed = {
        key: value
        for key, value in data.items()
        if key not in base or (base[key] is not value and not _same(base[key], value))
    }
    removed = [] if base.keys() <= data.keys() else [key for key in base if key not in data]
    return [changed, removed] if changed or removed else 0


def _same(left: Any, right: Any) -> bool:
    """Equal in value and type, all the way down: ``1``, ``1.0`` and ``True`` differ."""
    if type(left) is not type(right) or left != right:
        return False
    return not isinstance(left, dict | list) or bool(orjson.dumps(left) == orjson.dumps(right))


def _apply(base: Mapping[str, Any], delta: Any) -> dict[str, Any]:
    if delta == 0:
        return dict(base)
    if delta == 1:
        return {}
    changed, removed = delta
    if not removed:
        return {**base, **changed}
    gone = set(removed)
    return {**{key: value for key, value in base.items() if key not in gone}, **changed}


def _decode_part(part: Any, stored: Mapping[str, Any]) -> None:
    specs = part.spec.task_specs
    tasks: list[CaseTask] = []
    part.data = stored["data"]
    part.completed = stored["done"]
    part.success = stored["success"]
    for identity, place, spec, state, changed, delta, *rest in stored["tasks"]:
        parent = tasks[place] if place >= 0 else None
        task = CaseTask(part, specs[spec], parent, state, UUID(identity))
        task.last_state_change = changed
        task.data = _apply(parent.data if parent is not None else {}, delta)
        if rest:
            task.internal_data = rest[0] or {}
            task.triggered = len(rest) > 1
        tasks.append(task)
    part.task_tree = next(task for task in tasks if task.parent is None)
    part.last_task = None if stored["last"] is None else tasks[stored["last"]]


def _restore_events(workflow: CaseWorkflow, part: Any) -> None:
    """Tell the event manager which tasks wait; stock does this when a task begins to wait."""
    for task in part.tasks.values():
        if task._state == TaskState.WAITING and hasattr(task.task_spec, "event_definition"):
            workflow.event_manager.add_task(task)
