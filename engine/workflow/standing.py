"""Where an instance stands, for those who explain it: what waits, inside which sub-processes, with which variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.models import Instance
from engine.workflow.definitions import Definition
from engine.workflow.elements import Element
from engine.workflow.runtime import read_live

LIVE = TaskState.READY | TaskState.STARTED | TaskState.WAITING


@dataclass(frozen=True)
class Scope:
    """A process or embedded sub-process in which a token is.

    :param caller: the element of the scope around that this one belongs to; none for the outermost.
    :param siblings: how many other instances of a multi-instance caller still run.
    :param busy: whether another token of this scope is still on its way.
    """

    process: str
    caller: str | None
    siblings: int
    busy: bool


@dataclass(frozen=True)
class Waiting:
    """A task or event that waits. ``scopes`` leads from the outermost to its own; ``caught`` are the elements that one
    of several events leads to, by the position of the event."""

    task_id: UUID
    process: str
    element: Element
    scopes: tuple[Scope, ...]
    variables: Mapping[str, Any]
    caught: tuple[Element, ...]


def waiting_in(instance: Instance, definition: Definition) -> list[Waiting]:
    """Everything that waits in an instance; nothing in one that has ended."""
    workflow = read_live(instance, definition)
    found: list[Waiting] = []
    for part in (workflow, *workflow.subprocesses.values()):
        process = definition.home[part.spec.name]
        for task in part.tasks.values():
            element = _element(task)
            if element is None or not _waits(task):
                continue
            scopes = tuple(_scopes(workflow, definition, part, task))
            caught = tuple(each for spec in task.task_spec.outputs if (each := getattr(spec, "element", None)))
            gateway = element.kind == "eventBasedGateway"
            found.append(Waiting(task.id, process, element, scopes, dict(task.data), caught if gateway else (element,)))
    return found


def _waits(task: SpiffTask) -> bool:
    """Whether people, time or a message must come; what only holds sub-processes together does not wait itself."""
    if task.state == TaskState.READY:
        return bool(task.task_spec.manual)
    return bool(task.state == TaskState.WAITING and getattr(task.task_spec, "event_definition", None) is not None)


def _scopes(workflow: Any, definition: Definition, part: Any, task: SpiffTask) -> Iterator[Scope]:
    """The scopes around a task, outermost first."""
    home = definition.home[part.spec.name]
    if part is workflow:
        yield Scope(home, None, 0, _busy(part, task))
        return
    caller = workflow.get_task_from_id_or_none(part.parent_task_id)
    element = _element(caller)
    assert element is not None  # only elements of a diagram have sub-processes
    yield from _scopes(workflow, definition, caller.workflow, caller)
    yield Scope(home, element.id, len(_siblings(caller)), _busy(part, task))


def _siblings(task: SpiffTask) -> list[SpiffTask]:
    """The other instances of a multi-instance that still run."""
    if task.parent is None or not isinstance(task.parent.task_spec, LoopTask):
        return []
    return [
        each
        for each in task.parent.children
        if each is not task and each.task_spec is task.task_spec and not each.has_state(TaskState.FINISHED_MASK)
    ]


def _busy(part: Any, task: SpiffTask) -> bool:
    """Whether another token of the part is on its way; an event that interrupts takes its host's token along."""
    element = _element(task)
    host = element.host if element is not None and element.interrupting else None
    kin = {task.id, *(each.id for each in _siblings(task))}
    if task.parent is not None and isinstance(task.parent.task_spec, LoopTask):
        kin.add(task.parent.id)
    for other in part.tasks.values():
        there = _element(other)
        if other.id in kin or there is None or there.host is not None or not other.has_state(LIVE):
            continue
        if there.id != host:
            return True
    return False


def _element(task: SpiffTask) -> Element | None:
    element: Element | None = getattr(task.task_spec, "element", None)
    return element
