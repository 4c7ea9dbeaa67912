"""State codec: a live instance to bytes and back, without its spec.

One row a task, its data as the difference from its parent's, JSON types only, parents before children. Rows keep the
order in which tasks were made; nothing sorts keys, so the bytes survive any store that keeps bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from SpiffWorkflow.bpmn.util.subworkflow import BpmnBaseWorkflow
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.workflow.definitions import Definition
from engine.workflow.specs import CaseSubWorkflow, CaseWorkflow

FORMAT = 1
PASSING = frozenset({"seen_events"})
"""Internal data that means something only within one step: which event won at an event-based gateway."""


class StateUnreadable(Exception):
    """The stored state is of a format this release does not know; upgrade in steps."""


def encode(workflow: CaseWorkflow) -> bytes:
    """The state of a live instance with its running sub-processes; finished ones are dropped from it first."""
    workflow.drop_finished()
    return orjson.dumps(
        {
            "format": FORMAT,
            "done": workflow.done,
            "top": _encode_workflow(workflow),
            "sub": {str(key): _encode_workflow(sub) for key, sub in workflow.subprocesses.items()},
        }
    )


def decode(state: bytes, definition: Definition, process: str) -> CaseWorkflow:
    """A live instance from its state. Raises StateUnreadable for a format of a later release."""
    stored = orjson.loads(state)
    if stored.get("format") != FORMAT:
        raise StateUnreadable(f"state format {stored.get('format')}, this release reads {FORMAT}; upgrade Wangge")
    workflow = CaseWorkflow(definition.specs[process], subprocess_specs=definition.specs, deserializing=True)
    workflow.done = stored["done"]
    _decode_workflow(workflow, stored["top"])
    pending = {UUID(key): value for key, value in stored["sub"].items()}
    while pending:
        ready = [key for key in pending if workflow.get_task_from_id_or_none(key) is not None]
        if not ready:
            raise StateUnreadable("a sub-process has no parent task; restore the instance from a backup")
        for key in ready:
            _decode_subprocess(workflow, key, pending.pop(key), definition)
    # Order of creation decides which sub-process an event reaches first.
    workflow.subprocesses = {UUID(key): workflow.subprocesses[UUID(key)] for key in stored["sub"]}
    _restore_events(workflow)
    return workflow


def _encode_workflow(workflow: BpmnBaseWorkflow) -> dict[str, Any]:
    return {
        "spec": workflow.spec.name,
        "data": workflow.data,
        "last": workflow.last_task.id.hex if workflow.last_task is not None else None,
        "done": workflow.completed,
        "success": workflow.success,
        "root": workflow.task_tree.id.hex,
        "tasks": [_encode_task(task) for task in workflow.tasks.values()],
    }


def _encode_task(task: SpiffTask) -> list[Any]:
    parent = task.parent
    return [
        task.id.hex,
        parent.id.hex if parent is not None else None,
        task.task_spec.name,
        task.state,
        int(task.triggered),
        task.thread_id,
        round(task.last_state_change, 3),
        {key: value for key, value in task.internal_data.items() if key not in PASSING} or 0,
        difference(parent.data if parent is not None else {}, task.data),
    ]


def difference(base: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    """What turns ``base`` into ``data``: 0 for nothing, 1 for "starts empty", else [changed, removed]."""
    if not data:
        return 1 if base else 0
    changed = {key: value for key, value in data.items() if key not in base or not _same(base[key], value)}
    removed = [key for key in base if key not in data]
    return [changed, removed] if changed or removed else 0


def _same(left: Any, right: Any) -> bool:
    """Equal in value and type, all the way down: ``1``, ``1.0`` and ``True`` differ."""
    if left is right:
        return True
    if type(left) is not type(right) or left != right:
        return False
    return not isinstance(left, dict | list) or bool(orjson.dumps(left) == orjson.dumps(right))


def _apply(base: Mapping[str, Any], delta: Any) -> dict[str, Any]:
    if delta == 0:
        return dict(base)
    if delta == 1:
        return {}
    changed, removed = delta
    gone = set(removed)
    return {**{key: value for key, value in base.items() if key not in gone}, **changed}


def _decode_workflow(workflow: BpmnBaseWorkflow, stored: Mapping[str, Any]) -> None:
    specs = workflow.spec.task_specs
    workflow.data = stored["data"]
    workflow.completed = stored["done"]
    workflow.success = stored["success"]
    for row in stored["tasks"]:
        _decode_task(workflow, row, specs)
    workflow.task_tree = workflow.tasks[UUID(stored["root"])]
    workflow.last_task = workflow.tasks.get(UUID(stored["last"])) if stored["last"] else None


def _decode_task(workflow: BpmnBaseWorkflow, row: list[Any], specs: Mapping[str, Any]) -> None:
    identity, parent_id, spec, state, triggered, thread, changed, internal, delta = row
    parent = workflow.tasks[UUID(parent_id)] if parent_id else None
    task = SpiffTask(workflow, specs[spec], parent, state=state, id=UUID(identity))
    task.triggered = bool(triggered)
    task.thread_id = thread
    task.last_state_change = changed
    task.internal_data = internal or {}
    task.data = _apply(parent.data if parent is not None else {}, delta)


def _decode_subprocess(workflow: CaseWorkflow, key: UUID, stored: Mapping[str, Any], definition: Definition) -> None:
    parent = workflow.get_task_from_id(key)
    sub = CaseSubWorkflow(
        definition.specs[stored["spec"]], parent_task_id=key, top_workflow=workflow, deserializing=True
    )
    _decode_workflow(sub, stored)
    sub.completed_event.connect(parent.task_spec._on_subworkflow_completed, parent)
    workflow.subprocesses[key] = sub


def _restore_events(workflow: CaseWorkflow) -> None:
    """Tell the event manager which tasks wait; stock does this when a task begins to wait."""
    for part in (workflow, *workflow.subprocesses.values()):
        for task in part.tasks.values():
            if task.state == TaskState.WAITING and hasattr(task.task_spec, "event_definition"):
                workflow.event_manager.add_task(task)
