"""Set variables of a running instance by hand, where it stands, so that a failed step can be tried again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.workflow.codec import encode
from engine.workflow.runtime import read_live, take_live
from engine.workflow.step import Step

ACTIVE = TaskState.WAITING | TaskState.READY | TaskState.STARTED


def set_variables(step: Step, variables: Mapping[str, Any], task_id: UUID | None = None) -> dict[str, Any]:
    """Give every place where the instance stands these variables. Returns the values they had.

    With ``task_id`` only the process or sub-process of that task changes: units that work side by side keep theirs.
    """
    workflow = take_live(step)
    parts = [workflow, *workflow.subprocesses.values()]
    here = [part for part in parts if task_id in part.tasks] or parts
    before: dict[str, Any] = {}
    for part in here:
        for task in _standing(part):
            before |= {name: task.data.get(name) for name in variables if name not in before}
            task.data.update(deepcopy(dict(variables)))
    step.instance.state = encode(workflow)
    return before


def waits_for_anything(step: Step) -> bool:
    """Whether something outside a boundary event could still move the instance by a message, signal or condition.

    What only watches an activity (a cancellation, a supervision) does not count: nothing is going on inside it.
    """
    workflow = read_live(step.instance, step.definition)
    waiting = workflow.event_manager.tasks.values()
    return any(task.state == TaskState.WAITING and not _watches(task) for task in waiting)


def _watches(task: SpiffTask) -> bool:
    return hasattr(task.task_spec, "cancel_activity") or hasattr(task.task_spec, "interrupting")


def _standing(part: Any) -> Iterator[SpiffTask]:
    """Active tasks, each behind its parent: what waits takes its parent's variables over its own when it goes on."""
    for task in list(part.tasks.values()):
        if task.has_state(ACTIVE):
            if task.parent is not None:
                yield task.parent
            yield task
