"""The runtime: start diagrams, complete user tasks, deliver messages, fire timers, all in the caller's transaction.

Every act runs the engine until only people and time can move the case, and then brings the task list, the due index
and the case's clocks in line with it. Nothing here commits; the caller does, once, and answers afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.casefile.shelf import Shelf
from engine.errors import Conflict, DomainError
from engine.models import Instance, Task, Timer
from engine.workflow import cycles
from engine.workflow.codec import decode, encode
from engine.workflow.definitions import Definition
from engine.workflow.events import NamedMessage, NamedSignal, fire_conditions
from engine.workflow.listening import settle_listeners
from engine.workflow.lists import drop_timer, settle_tasks, settle_timers, task_reason
from engine.workflow.specs import CaseWorkflow, DueTimer, element_of, store_outputs
from engine.workflow.step import Step

ENDED = "ended"
RUNNING = "running"


class Runtime:
    """Runs instances. One a process; holds only the shelf of case files with their live instances."""

    def __init__(self, cache_size: int = 512) -> None:
        self.shelf = Shelf(cache_size)

    def start(self, step: Step, data: Mapping[str, Any] | None = None) -> None:
        """Start the process of ``step.instance`` (a row about to be written) with first variables."""
        workflow = CaseWorkflow(step.definition.specs[step.instance.process], subprocess_specs=step.definition.specs)
        workflow.step = step
        workflow.task_tree.data.update(data or {})
        step.file.live = workflow
        self._run(step, workflow)

    def complete(self, step: Step, task: Task, answers: Mapping[str, Any]) -> None:
        """Complete a user task with its answers. Raises Conflict when the diagram no longer waits for it."""
        workflow = self._take(step)
        waiting = workflow.get_task_from_id_or_none(task.id)
        element = element_of(waiting) if waiting is not None else None
        if waiting is None or element is None or waiting.state != TaskState.READY:
            raise Conflict(f"task {task.name} of this case is no longer open; reload the case")
        step.element, step.process, step.answers = element, task.process, answers
        if element.outputs:
            store_outputs(waiting, element, step, {"answer": answers, **answers})
        else:
            waiting.data.update(answers)
        task.status = "done"
        step.file.leave(task)
        self._guard(step, waiting.run)
        self._run(step, workflow)

    def send(self, step: Step, message: str, payload: Mapping[str, Any], *, key: str | None = None) -> bool:
        """Deliver a message to whatever in the instance waits for it; false when nothing does.

        With a ``key`` it is for events that wait for that correlation, without one for those that wait for none.
        """
        correlations = {"key": key} if key is not None else None
        return self._deliver(step, BpmnEvent(NamedMessage(message, []), dict(payload), correlations))

    def signal(self, step: Step, name: str, payload: Mapping[str, Any]) -> bool:
        """Let the instance hear a signal; false when nothing in it waits for that."""
        return self._deliver(step, BpmnEvent(NamedSignal(name), dict(payload)))

    def _deliver(self, step: Step, event: BpmnEvent) -> bool:
        workflow = self._take(step)
        catching = [task for task in workflow.event_manager.tasks.values() if task.task_spec.catches(task, event)]
        if not catching:
            return False
        self._guard(step, lambda: workflow.send_event(event))
        for task in catching:
            if cycles.comes_again(task):
                cycles.drop_finished_branches(task)
                cycles.wait_again(task)
        self._run(step, workflow)
        return True

    def waits_for(self, step: Step, message: str) -> bool:
        """Whether the instance would take the message now."""
        event = BpmnEvent(NamedMessage(message, []), payload={})
        waiting = read_live(step.instance, step.definition).event_manager.tasks.values()
        return any(task.task_spec.catches(task, event) for task in waiting)

    def fire(self, step: Step, timers: Iterable[Timer]) -> None:
        """Fire timers that are due, then run on."""
        workflow = self._take(step)
        for timer in timers:
            self._fire_one(step, workflow, timer)
        self._run(step, workflow)

    def tokens(
        self, instance: Instance, definition: Definition
    ) -> tuple[dict[tuple[str, str], int], set[tuple[str, str]]]:
        """Where the tokens stand and which elements are done, both as (process, element id)."""
        workflow = read_live(instance, definition)
        tokens: dict[tuple[str, str], int] = {}
        done = {(definition.home[spec], element) for spec, elements in workflow.done.items() for element in elements}
        for part in (workflow, *workflow.subprocesses.values()):
            process = definition.home[part.spec.name]
            for task in part.tasks.values():
                element = element_of(task)
                if element is None:
                    continue
                if task.state in (TaskState.READY, TaskState.STARTED, TaskState.WAITING):
                    tokens[process, element.id] = tokens.get((process, element.id), 0) + 1
                elif task.state == TaskState.COMPLETED:
                    done.add((process, element.id))
        return tokens, done

    def _take(self, step: Step) -> CaseWorkflow:
        if step.instance.status != RUNNING:
            raise Conflict(f"case {step.case.number} has run to its end; nothing in it waits any more")
        return take_live(step)

    def _run(self, step: Step, workflow: CaseWorkflow) -> None:
        """Run until only people and time can move on; fire what is due at once; note where it stands."""
        while True:
            self._guard(step, workflow.do_engine_steps)
            if step.definition.conditional and self._meet_conditions(step, workflow):
                continue
            waiting = list(parts_in(workflow, step.definition.home))
            running = settle_tasks(step, waiting)
            open_now = list(dict.fromkeys(task_reason(row) for row in step.tasks.values()))
            step.host.settle_clocks(step.case, running, open_now, step.now)
            settle_due = settle_timers(step, waiting)
            if not settle_due:
                break
            for timer in settle_due:
                self._fire_one(step, workflow, timer)
        if step.definition.listens:
            settle_listeners(step, workflow)
        step.element = None
        instance = step.instance
        instance.state = encode(workflow)
        if workflow.is_completed() and instance.status == RUNNING:
            instance.status, instance.ended_at = ENDED, step.now

    def _meet_conditions(self, step: Step, workflow: CaseWorkflow) -> bool:
        met = False

        def look() -> None:
            nonlocal met
            met = fire_conditions(step, workflow)

        self._guard(step, look)
        return met

    def _fire_one(self, step: Step, workflow: CaseWorkflow, timer: Timer) -> None:
        task = workflow.get_task_from_id_or_none(timer.task_id)
        drop_timer(step, (timer.task_id, timer.position), timer)
        if task is None or task.state != TaskState.WAITING:
            return
        step.element, step.process = element_of(task), step.definition.home[task.workflow.spec.name]
        step.record("timer_fired", timer=timer.text)
        if timer.clock and timer.share is not None:
            step.host.note_fired(step.case, timer.clock, f"{step.process}/{timer.element}", timer.share)
        definitions = getattr(task.task_spec.event_definition, "event_definitions", None)
        if definitions is None:
            task._set_internal_data(event_fired=True)
        else:
            task._set_internal_data(seen_events=[BpmnEvent(definitions[timer.position])])
        self._guard(step, lambda: task.task_spec._update(task))
        cycles.go_on(step, task)

    def _guard(self, step: Step, act: Any) -> None:
        """Run engine code; whatever it raises becomes an error that names the element. The caller rolls back."""
        try:
            act()
        except DomainError:
            raise
        except WorkflowException as error:
            cause = error.__cause__ or error
            raise (cause if isinstance(cause, DomainError) else step.failure(str(error))) from error


def take_live(step: Step) -> CaseWorkflow:
    """The live instance of an act's file, from its state when it is not in memory."""
    file = step.file
    if file.live is None:
        file.live = decode(file.instance.state, step.definition, file.instance.process)
    workflow: CaseWorkflow = file.live
    workflow.step = step
    return workflow


def read_live(instance: Instance, definition: Definition) -> CaseWorkflow:
    """A copy of a live instance to look at; what acts on the case keeps its own."""
    return decode(instance.state, definition, instance.process)


def parts_in(workflow: CaseWorkflow, home: Mapping[str, str]) -> Iterable[tuple[str, SpiffTask]]:
    """(process, task) of every task that waits for a person or a timer."""
    for part in (workflow, *workflow.subprocesses.values()):
        process = home[part.spec.name]
        for task in part.tasks.values():
            person = task.state == TaskState.READY and task.task_spec.manual
            if person or (task.state == TaskState.WAITING and _timed(task)):
                yield process, task


def _timed(task: SpiffTask) -> bool:
    definition = getattr(task.task_spec, "event_definition", None)
    if isinstance(definition, DueTimer):
        return True
    return any(isinstance(item, DueTimer) for item in getattr(definition, "event_definitions", ()))
