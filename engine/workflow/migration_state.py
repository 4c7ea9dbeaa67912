"""Move a live instance's state to the specs of another deployment: tokens stay, predictions are made anew.

What is done stays done: finished tasks whose element is gone are taken out of the tree. What is ahead is forgotten and
predicted again on the new spec, so that a task added ahead is reached and one removed ahead is not.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent
from SpiffWorkflow.util.task import TaskState

from engine.workflow import cycles
from engine.workflow.elements import Element
from engine.workflow.events import Trigger
from engine.workflow.migration_checks import ACTIVE, PREDICTED, is_token, is_watch, refusals
from engine.workflow.migration_nodes import NodeMap, Words
from engine.workflow.specs import CaseWorkflow
from engine.workflow.tree import CaseTask

SPLIT = ".BoundaryEventSplit"


def refuse_state(workflow: CaseWorkflow, nodes: NodeMap) -> list[Words]:
    """Why the instance cannot move, every reason once; empty when it can."""
    found: dict[Words, None] = {}
    for part in _parts(workflow):
        name = nodes.part(part.spec.name)
        if isinstance(name, Words):
            found[name] = None
        else:
            found |= dict.fromkeys(refusals(part, nodes.new.specs[name], nodes))
    return list(found)


def move_state(workflow: CaseWorkflow, nodes: NodeMap) -> None:
    """Move an instance that ``refuse_state`` lets through. Afterwards it is good for encoding only."""
    for part in _parts(workflow):
        name = nodes.part(part.spec.name)
        assert isinstance(name, str)  # refuse_state has seen to it
        _move_part(part, nodes.new.specs[name], nodes)
    workflow.subprocess_specs = nodes.new.specs
    workflow.done = _move_done(workflow.done, nodes)


def _parts(workflow: CaseWorkflow) -> list[Any]:
    return [workflow, *workflow.subprocesses.values()]


def _move_done(done: dict[str, list[str]], nodes: NodeMap) -> dict[str, list[str]]:
    """What was completed in sub-processes long gone, by the new ids; what the new diagrams lack is left out."""
    moved: dict[str, list[str]] = {}
    for name, elements in done.items():
        part = nodes.part(name)
        if isinstance(part, str):
            found = (nodes.target(nodes.old.home[name], element) for element in elements)
            moved[part] = [each.id for each in found if isinstance(each, Element)]
    return moved


def _move_part(part: Any, new: Any, nodes: NodeMap) -> None:
    old = part.spec
    _forget_predictions(part)
    _drop_watches(part, old, new, nodes)
    for task in reversed(list(part.tasks.values())):
        spec = nodes.node(old, new, task.task_spec.name)
        if spec is None:
            _take_out(part, task, under_kept=nodes.node(old, new, task.parent.task_spec.name) is not None)
        else:
            _forget_other_cycle(task, spec)
            task.task_spec = spec
    part.spec = new
    if part.last_task is not None and part.last_task.id not in part.tasks:
        part.last_task = None
    for task in [each for each in part.tasks.values() if is_token(each)]:
        _settle_boundaries(part, new, task)
    _settle_triggers(part)
    _put_parents_first(part)
    for task in [each for each in part.tasks.values() if each.has_state(ACTIVE)]:
        _predict(task)


def _forget_predictions(part: Any) -> None:
    for task in list(part.tasks.values()):
        gone = task.id not in part.tasks
        if not gone and task.has_state(PREDICTED) and task.parent.has_state(ACTIVE):
            part._remove_task(task.id)


def _drop_watches(part: Any, old: Any, new: Any, nodes: NodeMap) -> None:
    """Boundary events that waited and are gone, and helpers of boundary events that wait on nothing now."""
    for task in list(part.tasks.values()):
        if nodes.node(old, new, task.task_spec.name) is None and task.has_state(ACTIVE):
            part._remove_task(task.id)


def _forget_other_cycle(task: CaseTask, spec: Any) -> None:
    """A cycle goes on as it began, unless the diagram says another one now: that begins afresh."""
    before = getattr(getattr(task.task_spec, "event_definition", None), "text", None)
    if before != getattr(getattr(spec, "event_definition", None), "text", None):
        task.internal_data.pop(cycles.KEPT, None)


def _take_out(part: Any, task: CaseTask, *, under_kept: bool) -> None:
    """Take a finished task out of the tree; what follows it moves up to its parent.

    A boundary event under a split that stays goes with all that followed it: moved up, the rest would pass for the
    split's own activity. Nothing lives there; ``migration_checks`` has seen to it.
    """
    parent = task.parent
    if under_kept and isinstance(parent.task_spec, BoundaryEventSplit):
        part._remove_task(task.id)
        return
    task.replace_by(list(task.children))
    if part.last_task is task:
        part.last_task = parent


def _predict(task: CaseTask) -> None:
    """Predict what lies ahead of a running task. What lies behind a watch is never certain."""
    if not task.workflow.spec.looks_ahead:
        return
    if not is_watch(task):
        task.task_spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
        return
    task._sync_children(task.task_spec.outputs, TaskState.MAYBE)
    for child in task.children:
        child.task_spec._predict(child)


def _settle_boundaries(part: Any, new: Any, task: CaseTask) -> None:
    """Let a running activity have exactly the boundary events its new spec draws on it."""
    split_spec = new.task_specs.get(task.task_spec.name + SPLIT)
    if split_spec is None:
        return
    split = task.parent if task.parent.task_spec is split_spec else _wrap(part, task, split_spec)
    there = {child.task_spec for child in split.children}
    for spec in split_spec.outputs:
        if isinstance(spec, BoundaryEvent) and spec not in there:
            watch = split._add_child(spec, TaskState.WAITING)
            watch.data = dict(split.data)


def _settle_triggers(part: Any) -> None:
    """Let a running scope wait for the event sub-processes its new spec draws in it, unless one has taken over."""
    root = part.task_tree
    there = {child.task_spec: child for child in root.children}
    over = any(isinstance(spec, Trigger) and spec.interrupting and not is_watch(each) for spec, each in there.items())
    if part.completed or over:
        return
    for spec in root.task_spec.outputs:
        if isinstance(spec, Trigger) and spec not in there:
            watch = root._add_child(spec, TaskState.WAITING)
            watch.data = dict(root.data)


def _wrap(part: Any, task: CaseTask, split_spec: Any) -> CaseTask:
    """Put the finished split of a task's new boundary events between it and its parent."""
    parent = task.parent
    split = CaseTask(part, split_spec, parent, state=TaskState.COMPLETED)
    siblings = parent.children
    siblings.remove(split)
    siblings[siblings.index(task)] = split
    split.data = dict(parent.data)
    split.children, task.parent = [task], split
    return split


def _put_parents_first(part: Any) -> None:
    """The codec reads parents before their children."""
    ordered: dict[Any, CaseTask] = {}
    for task in part.tasks.values():
        line = []
        above: CaseTask | None = task
        while above is not None and above.id not in ordered:
            line.append(above)
            above = above.parent
        ordered |= {each.id: each for each in reversed(line)}
    part.tasks.clear()
    part.tasks.update(ordered)
