"""A running cycle: what a timer task remembers of it, and how a boundary event fires again and again.

A non-interrupting boundary timer that fires is finished like any other, with a branch of its own; a fresh task of the
same event takes its place beside it and waits for the next moment. So every firing starts its branch once, a branch
outlives the task it hangs on as the notation wants it, and an instance read from the database goes on where it stood.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.util.task import TaskState

from engine.workflow.pruning import fold_ends
from engine.workflow.specs import element_of
from engine.workflow.step import Step
from engine.workflow.timers import Cycle, parse_timer
from engine.workflow.tree import FINISHED, CaseTask, walk

KEPT = "cycle"
"""Internal data of a timer task: ``text`` as first evaluated, ``since`` when it began, how often it has ``fired``."""


def text_of(task: CaseTask) -> str | None:
    """The text of a cycle that goes on; none for a timer that waits for the first time."""
    kept = task.internal_data.get(KEPT)
    return str(kept["text"]) if kept else None


def repeats(task: CaseTask) -> bool:
    """Whether the timer fires again and again: only a boundary event that lets its task go on does."""
    return isinstance(task.task_spec, BoundaryEvent) and not task.task_spec.cancel_activity


def next_moment(step: Step, task: CaseTask, text: str, cycle: Cycle) -> datetime | None:
    """When the cycle fires next, none when it is over; begins it when the task waits for the first time.

    Raises StepFailed when it is over before it began and the case would wait for it for ever.
    """
    kept = task.internal_data.get(KEPT) or {"text": text, "since": step.now.isoformat(), "fired": 0}
    if repeats(task):
        task.internal_data[KEPT] = kept
    moment = cycle.next(datetime.fromisoformat(kept["since"]), kept["fired"], step.now, step.host.calendar)
    if moment is None and not isinstance(task.task_spec, BoundaryEvent):
        raise step.failure(f"the timer {text!r} is over before the case came here; correct its date")
    return moment


def go_on(step: Step, task: CaseTask) -> None:
    """After a firing: let the next task of the same event wait, unless the cycle is over or never was one."""
    kept: dict[str, Any] | None = task.internal_data.get(KEPT)
    if kept is None:
        return
    kept = {**kept, "fired": kept["fired"] + 1}
    cycle = parse_timer(kept["text"], step.host.calendar).cycle
    assert cycle is not None  # only cycles are kept
    since = datetime.fromisoformat(kept["since"])
    drop_finished_branches(task)
    if cycle.next(since, kept["fired"], step.now, step.host.calendar) is not None:
        wait_again(task, **{KEPT: kept})


def comes_again(task: CaseTask) -> bool:
    """Whether a boundary event that lets its task go on may come again: its property ``repeats`` says ``true``."""
    element = element_of(task)
    return repeats(task) and element is not None and element.properties.get("repeats") == "true"


def wait_again(task: CaseTask, **internal_data: Any) -> None:
    """Let a fresh task of the same boundary event wait beside one that has fired."""
    again = task.parent._add_child(task.task_spec, TaskState.FUTURE)
    again.internal_data.update(internal_data)
    again.task_spec._predict(again, mask=TaskState.NOT_FINISHED_MASK)
    again.task_spec._update(again)


def drop_finished_branches(task: CaseTask) -> None:
    """Forget earlier firings of the same event whose branch has ended.

    Otherwise a reminder every half hour would make the state grow for as long as the case waits. What their branches
    leave to the end of the scope is held by the last one that ended; that one stays, unless it leaves nothing.
    """
    workflow = task.workflow
    fold_ends(workflow)
    for earlier in list(task.parent.children):
        if earlier is not task and earlier.task_spec is task.task_spec and _is_over(earlier):
            seen = workflow.top_workflow.done.setdefault(workflow.spec.name, [])
            for passed in walk(earlier):
                element = element_of(passed)
                if element is not None and passed.state == TaskState.COMPLETED and element.id not in seen:
                    seen.append(element.id)
            workflow._remove_task(earlier.id)


def _is_over(timer: CaseTask) -> bool:
    """Whether all of a firing's branch is finished and nothing will ask for its variables."""
    if timer.state != TaskState.COMPLETED:
        return False
    end, left = timer.workflow.spec.end, False
    for task in walk(timer):
        if task.task_spec is end:
            left = left or end.left_by(task) != timer.data
        elif not task.has_state(FINISHED) and not isinstance(task.task_spec, BoundaryEventJoin):
            return False
    return not left
