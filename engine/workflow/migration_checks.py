"""What forbids moving an instance to another deployment: read from where it stands, never from diagrams alone.

The engine would take a state that no longer fits its diagram without a word and wait for ever, or do things twice.
Each check answers with sentences; none means the part may move.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent, InclusiveGateway, ParallelGateway
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask, MultiInstanceTask
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.workflow.elements import Element
from engine.workflow.events import Trigger
from engine.workflow.migration_nodes import BOUNDARY_TAILS, NodeMap, Words, named, split_tail

ACTIVE = TaskState.WAITING | TaskState.READY | TaskState.STARTED
PREDICTED = TaskState.FUTURE | TaskState.LIKELY | TaskState.MAYBE


def refusals(part: Any, new: Any, nodes: NodeMap) -> list[Words]:
    """Why a running process or sub-process cannot move to its new spec."""
    found = [*_lost_tokens(part, new, nodes), *_lost_boundaries(part, new, nodes), *_changed_loops(part, new, nodes)]
    return found or [*_broken_joins(part, new, nodes), *_parallel_in_a_row(part, new, nodes)]


def is_token(task: SpiffTask) -> bool:
    """Whether a task is a place the case stands on: active, and no mere watch or helper of one."""
    if isinstance(task.task_spec, BoundaryEventJoin):
        return False
    return bool(task.has_state(ACTIVE)) and not is_watch(task)


def is_watch(task: SpiffTask) -> bool:
    """Whether a task waits beside what goes on: a boundary event, or the start of an event sub-process."""
    return isinstance(task.task_spec, BoundaryEvent | Trigger) and task.state == TaskState.WAITING


def tokens(part: Any) -> list[SpiffTask]:
    """The tokens of a part, predictions under finished tasks included: dropping one would lose its way."""
    return [
        task
        for task in part.tasks.values()
        if is_token(task) or (task.has_state(PREDICTED) and task.parent.has_state(TaskState.FINISHED_MASK))
    ]


def living(task: SpiffTask) -> bool:
    """Whether any token stands behind a task."""
    waiting = list(task.children)
    while waiting:
        child = waiting.pop()
        if is_token(child):
            return True
        waiting.extend(child.children)
    return False


def _lost_tokens(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    for task in tokens(part):
        name = task.task_spec.name
        if nodes.node(part.spec, new, name) is None and not name.endswith(BOUNDARY_TAILS):
            yield _lost(part, nodes, name)


def _lost(part: Any, nodes: NodeMap, name: str) -> Words:
    process, element_id = nodes.old.home[part.spec.name], split_tail(name)[0]
    if element_id not in nodes.old.diagrams[process].elements:
        return Words(f"案件停在引擎节点 {name}，新图中没有", f"the case stands on {name}, which the new diagram lacks")
    found = nodes.target(process, element_id)
    if isinstance(found, Words):
        return Words(f"案件停在这里：{found.zh}", f"the case stands here: {found.en}")
    return Words(f"案件停在{named(found)}，新图中它的种类不同", f"the case stands on {named(found)}, another kind now")


def _lost_boundaries(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    """Boundary events that have fired, are gone from a host that stays, and whose way the case still goes."""
    for task in part.tasks.values():
        spec = task.task_spec
        fired = isinstance(spec, BoundaryEvent) and task.has_state(TaskState.FINISHED_MASK)
        if not fired or nodes.node(part.spec, new, spec.name) is not None or not living(task):
            continue
        split = task.parent
        host_goes_on = any(each is not task and is_token(each) for each in split.children)
        if host_goes_on or nodes.node(part.spec, new, split.task_spec.name) is not None:
            element = spec.element
            yield Words(
                f"边界事件{named(element)}已触发且其后续仍在进行，但新图中没有它",
                f"boundary event {named(element)} has fired and its way is still being gone, but it is gone or moved",
            )


def _changed_loops(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    """Multi-instance activities that run now and would count otherwise."""
    for task in part.tasks.values():
        spec = task.task_spec
        if not isinstance(spec, LoopTask) or not task.has_state(ACTIVE):
            continue
        other = nodes.node(part.spec, new, spec.name)
        if other is not None and _loop(spec) != _loop(other):
            element: Element = spec.element
            yield Words(
                f"多实例{named(element)}正在进行，但它的集合、变量或完成条件变了",
                f"{named(element)} is being repeated now, but its collection, variables or condition of end changed",
            )


def _loop(spec: LoopTask) -> tuple[Any, ...]:
    if isinstance(spec, MultiInstanceTask):
        references = (spec.data_input, spec.data_output, spec.input_item, spec.output_item)
        return (*(each.bpmn_id if each is not None else None for each in references), spec.cardinality, spec.condition)
    return (spec.maximum, spec.condition, spec.test_before)


def _broken_joins(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    """Joins that would wait for ever in the new diagram, or whose branches would no longer meet."""
    standing = {_place(part, new, nodes, task) for task in tokens(part) if not _is_join(task.task_spec)}
    wide = {with_boundaries(new, name) for name in standing}
    arrived = _arrivals(part, new, nodes)
    for join in new.task_specs.values():
        if not isinstance(join, ParallelGateway) or len(join.inputs) < 2:
            continue
        if not any(join.name in reach(new, name, {join.name}) for name in standing) and join.name not in arrived:
            continue
        reached = set().union(*(reach(new, name, {join.name}) for name in wide))
        for source in join.inputs:
            if source.name not in reached and source.name not in arrived.get(join.name, ()):
                yield _never(join, source)
    for join_name, sources in arrived.items():
        known = {source.name for source in new.task_specs[join_name].inputs}
        if not sources <= known:
            yield _changed_branch(new.task_specs[join_name])
    yield from _lost_joins(part, new, nodes)


def _never(join: Any, source: Any) -> Words:
    where = named(join.element)
    branch = split_tail(source.name)[0]
    return Words(
        f"并行网关{where}还要等从 {branch} 来的分支，而本案已走过分叉，不会再走那一支",
        f"the parallel gateway {where} would wait for the branch from {branch}, which this case can no longer take: "
        "it is past the fork",
    )


def _changed_branch(join: Any) -> Words:
    where = named(join.element)
    return Words(
        f"已有分支到达网关{where}，而那一支在新图中变了",
        f"a branch has arrived at gateway {where} already, and that branch changed in the new diagram",
    )


def _arrivals(part: Any, new: Any, nodes: NodeMap) -> dict[str, set[str]]:
    """New names of the joins at which branches wait, with the new names of what they came from."""
    found: dict[str, set[str]] = {}
    waiting = {task.task_spec.name for task in part.tasks.values() if _is_join(task.task_spec) and is_token(task)}
    for task in part.tasks.values():
        name = task.task_spec.name
        if name in waiting and task.parent.state == TaskState.COMPLETED and task.state != TaskState.COMPLETED:
            join = nodes.node(part.spec, new, name)
            source = nodes.node(part.spec, new, task.parent.task_spec.name)
            if join is not None:
                # An origin that is gone keeps its old name, which no input of the new join has.
                found.setdefault(join.name, set()).add(source.name if source is not None else task.parent.id.hex)
    return found


def _lost_joins(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    """Joins ahead of two running branches that are gone: the branches would each go on alone."""
    standing = [task.task_spec.name for task in tokens(part) if not task.triggered]
    for join in part.spec.task_specs.values():
        if not _is_join(join) or len(join.inputs) < 2 or nodes.node(part.spec, new, join.name) is not None:
            continue
        if sum(join.name in reach(part.spec, name, {join.name}) for name in standing) > 1:
            where = named(join.element)
            yield Words(
                f"本案有几支并行，汇合它们的网关{where}在新图中没有了",
                f"branches of this case run in parallel, and the gateway {where} at which they meet is gone",
            )


def _parallel_in_a_row(part: Any, new: Any, nodes: NodeMap) -> Iterator[Words]:
    """Branches that run at the same time now and would follow each other: the later one would be done twice."""
    standing = [task for task in tokens(part) if not task.triggered and not _is_join(task.task_spec)]
    joins = {each.name for each in part.spec.task_specs.values() if _is_join(each)}
    new_joins = {each.name for each in new.task_specs.values() if _is_join(each)}
    for first in standing:
        ahead = reach(part.spec, with_boundaries(part.spec, first.task_spec.name), joins)
        new_ahead = reach(new, _place(part, new, nodes, first), new_joins)
        for second in standing:
            place = _place(part, new, nodes, second)
            same = second is first or place == _place(part, new, nodes, first)
            if not same and place in new_ahead and second.task_spec.name not in ahead:
                one, other = (split_tail(task.task_spec.name)[0] for task in (first, second))
                yield Words(
                    f"{one} 与 {other} 正在并行，新图中却一前一后，{other} 会做两遍",
                    f"{one} and {other} run in parallel but follow each other in the new diagram: {other} would be "
                    "done twice",
                )


def _place(part: Any, new: Any, nodes: NodeMap, task: SpiffTask) -> str:
    """The new name of where a token stands."""
    spec = nodes.node(part.spec, new, task.task_spec.name)
    name: str = spec.name if spec is not None else task.task_spec.name
    return name


def with_boundaries(spec: Any, name: str) -> str:
    """Where to start so that the ways of an activity's boundary events count as well."""
    split = f"{name}.BoundaryEventSplit"
    return split if split in spec.task_specs else name


def _is_join(spec: Any) -> bool:
    return isinstance(spec, ParallelGateway | InclusiveGateway)


def reach(spec: Any, start: str, stops: Set[str]) -> set[str]:
    """Names of the task specs one comes to from ``start`` (itself included), going no further than ``stops``."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        if (name in stops and name != start) or name not in spec.task_specs:
            continue
        for output in spec.task_specs[name].outputs:
            if output.name not in seen:
                seen.add(output.name)
                waiting.append(output.name)
    return seen
