"""The tasks of a live instance, in their tree.

Stock's ``Task`` finds parent and children by id, builds a log record for every change of state and copies every list
and dictionary at every step. Here tasks know each other, nothing is logged, and a step hands its variables on as they
are: **no value is ever changed in place**, a change makes a new one. So branches may share values without one
changing another's, and what was handed on unchanged is known by identity when the state is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from time import time
from typing import Any
from uuid import UUID

from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.deep_merge import DeepMerge
from SpiffWorkflow.util.task import TaskState

from engine.workflow.identities import new_id

FUTURE, WAITING, READY, COMPLETED = TaskState.FUTURE, TaskState.WAITING, TaskState.READY, TaskState.COMPLETED
STARTED = TaskState.STARTED
PREDICTED = TaskState.PREDICTED_MASK
FINISHED = TaskState.FINISHED_MASK
NOT_FINISHED = TaskState.NOT_FINISHED_MASK


class CaseTask(SpiffTask):  # type: ignore[misc]
    """A task of a live instance. ``children`` is the list itself: copy it to change the tree while reading it."""

    parent: Any = None  # another CaseTask; only the root of a process or sub-process has none
    children: list[CaseTask] = []  # noqa: RUF012 - hides stock's property; every task has its own

    def __init__(
        self,
        workflow: Any,
        task_spec: Any,
        parent: CaseTask | None = None,
        state: int = TaskState.MAYBE,
        id: UUID | None = None,
    ) -> None:
        self.id = id or new_id()
        self.workflow = workflow
        self.task_spec = task_spec
        self.parent = parent
        self.children = []
        self._state = state
        self.triggered = False
        self.thread_id = 0
        self.data: dict[str, Any] = {}
        self.internal_data: dict[str, Any] = {}
        self.last_state_change = time()
        workflow.tasks[self.id] = self
        if parent is not None:
            parent.children.append(self)

    @property
    def _children(self) -> list[CaseTask]:
        """Stock's iterators ask whether there are any."""
        return self.children

    def is_descendant_of(self, task: SpiffTask) -> bool:
        above = self.parent
        while above is not None and above is not task:
            above = above.parent
        return above is not None

    def find_ancestor(self, spec_name: str) -> CaseTask | None:
        above: CaseTask | None = self.parent
        while above is not None and above.task_spec.name != spec_name:
            above = above.parent
        return above

    def _add_child(self, task_spec: Any, state: int = TaskState.MAYBE) -> CaseTask:
        if self._state & PREDICTED and not state & PREDICTED:
            raise WorkflowException("Attempt to add non-predicted child to predicted task", task_spec=self.task_spec)
        task = CaseTask(self.workflow, task_spec, self, state)
        if state == TaskState.READY:
            task._ready()
        return task

    def _sync_children(self, task_specs: list[Any], state: int = TaskState.MAYBE) -> None:
        if self.children:
            super()._sync_children(task_specs, state)
        else:
            for task_spec in task_specs:
                self._add_child(task_spec, state)

    def _ready(self) -> None:
        if not self._state & (COMPLETED | TaskState.CANCELLED):
            self._set_state(READY)
            self.task_spec._on_ready(self)

    def run(self) -> Any:
        result = self.task_spec._run(self)
        if result is None:
            self._set_state(TaskState.STARTED)
        elif result is False:
            self.error()
        else:
            self._set_state(COMPLETED)
            self.task_spec._on_complete(self)
        return result

    def _set_state(self, value: int) -> None:
        if value != self._state:
            self._state = value
            self.last_state_change = time()

    def _inherit_data(self) -> None:
        if self.data:
            merge(self.data, self.parent.data)
        else:
            self.data = dict(self.parent.data)

    def replace_by(self, children: list[CaseTask]) -> None:
        """Go out of the tree and leave one's place among the siblings to these."""
        siblings = self.parent.children
        place = siblings.index(self)
        siblings[place : place + 1] = children
        for child in children:
            child.parent = self.parent
        del self.workflow.tasks[self.id]


def walk(task: CaseTask) -> Iterator[CaseTask]:
    """A task and all behind it, parents first, branches in the order of the diagram. The tree may change meanwhile."""
    waiting = [task]
    while waiting:
        task = waiting.pop()
        yield task
        waiting.extend(reversed(task.children))


def merge(data: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Merge variables into ``data`` as stock merges them, without changing a value in place."""
    for key, value in other.items():
        if key not in data:
            data[key] = value
            continue
        mine = data[key]
        if mine is value or mine == value:
            continue
        if any(isinstance(mine, kind) and isinstance(value, kind) for kind in (dict, list)):
            data[key] = DeepMerge.merge({key: deepcopy(mine)}, {key: value})[key]
        else:
            data[key] = value


def own(value: Any) -> Any:
    """A copy of a value that shares no list and no dictionary with it, for what comes from or goes to others' code."""
    kind = type(value)
    if kind is dict:
        return {key: own(each) for key, each in value.items()}
    if kind is list:
        return [own(each) for each in value]
    return value
