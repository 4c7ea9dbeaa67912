"""Forget finished tasks that nothing will ask for again, so that a case may go round as often as it must.

Kept are: what is not finished, the forks that unfinished branches still belong to, and what a join may yet look at.
What a diagram's joins of parallel branches look at is the whole tree, so a process that has one is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.specs.mixins.inclusive_gateway import InclusiveGateway
from SpiffWorkflow.bpmn.specs.mixins.parallel_gateway import ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

WORTH_PRUNING = 24
"""Fewer tasks than this are not looked at: what would go is less than the looking costs."""


def prune(workflow: Any) -> Iterator[SpiffTask]:
    """Remove finished tasks from a workflow (top or sub) and give those that were completed."""
    if len(workflow.tasks) < WORTH_PRUNING or not may_prune(workflow.spec):
        return
    needed = needed_tasks(workflow)
    for task in [task for task in workflow.tasks.values() if task.id not in needed]:
        remove(workflow, task)
        if task.state == TaskState.COMPLETED:
            yield task
    for task in [task for task in workflow.tasks.values() if is_passage(workflow, task)]:
        bridge(workflow, task)
        yield task


def may_prune(spec: Any) -> bool:
    """Whether no join of the process looks back over its whole tree. Told once a spec."""
    known = getattr(spec, "prunable", None)
    if known is None:
        known = not any(isinstance(each, ParallelGateway | InclusiveGateway) for each in spec.task_specs.values())
        spec.prunable = known
    return bool(known)


def needed_tasks(workflow: Any) -> set[UUID]:
    """Unfinished tasks, finished ends (an end merges their data) and the last one, with all their ancestors."""
    needed: set[UUID] = {workflow.task_tree.id}
    for task in workflow.tasks.values():
        if (
            not task.has_state(TaskState.FINISHED_MASK)
            or isinstance(task.task_spec, UnstructuredJoin)
            or task is workflow.last_task
        ):
            at: SpiffTask | None = task
            while at is not None and at.id not in needed:
                needed.add(at.id)
                at = at.parent
    return needed


def is_passage(workflow: Any, task: SpiffTask) -> bool:
    """Whether a completed task only leads from its parent to its one finished child.

    A fork whose main child is finished has been joined; before that its join would miss it. The parent of an end is
    where the end's data comes from.
    """
    if task.state != TaskState.COMPLETED or task._parent is None or len(task._children) != 1:
        return False
    if task is workflow.last_task:
        return False
    child = workflow.tasks[task._children[0]]
    if isinstance(child.task_spec, UnstructuredJoin) or isinstance(task.task_spec, UnstructuredJoin):
        return False
    return bool(child.state == TaskState.COMPLETED)


def remove(workflow: Any, task: SpiffTask) -> None:
    """Take a task out; its descendants go in the same sweep."""
    parent = workflow.tasks.get(task._parent)
    if parent is not None:
        parent._children.remove(task.id)
    del workflow.tasks[task.id]


def bridge(workflow: Any, task: SpiffTask) -> None:
    """Take a passage out and hand its child to its parent, in the same place among its siblings."""
    child, parent = workflow.tasks[task._children[0]], workflow.tasks[task._parent]
    parent._children[parent._children.index(task.id)] = child.id
    child._parent = parent.id
    del workflow.tasks[task.id]
