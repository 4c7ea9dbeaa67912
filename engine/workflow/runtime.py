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
from sqlalchemy import bindparam, update
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from engine.errors import Conflict, DomainError
from engine.models import Instance, Task, Timer
from engine.workflow import cycles
from engine.workflow.codec import encode
from engine.workflow.definitions import Definition
from engine.workflow.events import NamedMessage, NamedSignal, fire_conditions
from engine.workflow.listening import settle_listeners
from engine.workflow.lists import drop_timer, settle_tasks, settle_timers, task_reason, write_new_tasks
from engine.workflow.live import LiveInstances
from engine.workflow.specs import CaseWorkflow, DueTimer, element_of, store_outputs
from engine.workflow.step import Step

ENDED = "ended"
RUNNING = "running"
WRITE_STATE = (
    update(Instance.__table__)  # type: ignore[arg-type]
    .where(Instance.__table__.c.id == bindparam("key"), Instance.__table__.c.version == bindparam("seen"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "status", "ended_at", "version")})
)


class Runtime:
    """Runs instances. One a process; holds only the cache of live instances."""

    def __init__(self, cache_size: int = 512) -> None:
        self.live = LiveInstances(cache_size)

    def start(self, step: Step, data: Mapping[str, Any] | None = None) -> None:
        """Start the process of ``step.instance`` (a pending row) with first variables."""
        workflow = CaseWorkflow(step.definition.specs[step.instance.process], subprocess_specs=step.definition.specs)
        workflow.step = step
        workflow.task_tree.data.update(data or {})
        step.session.add(step.instance)
        step.instance.state = encode(workflow)
        step.session.flush()
        self.live.adopt(step.session, step.instance, workflow)
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
        step.read_lists()
        task.status = "done"
        step.tasks.pop(task.id, None)
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
        waiting = self.live.read(step.instance, step.definition).event_manager.tasks.values()
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
        workflow = self.live.read(instance, definition)
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
        workflow = self.live.take(step.session, step.instance, step.definition)
        workflow.step = step
        return workflow

    def _run(self, step: Step, workflow: CaseWorkflow) -> None:
        """Run until only people and time can move on; fire what is due at once; write down where it stands."""
        with step.session.no_autoflush:
            self._run_on(step, workflow)

    def _run_on(self, step: Step, workflow: CaseWorkflow) -> None:
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
        write_new_tasks(step)
        ended = workflow.is_completed() and step.instance.status == RUNNING
        write_state(step, encode(workflow), ended=ended)

    def _meet_conditions(self, step: Step, workflow: CaseWorkflow) -> bool:
        met = False

        def look() -> None:
            nonlocal met
            met = fire_conditions(step, workflow)

        self._guard(step, look)
        return met

    def _fire_one(self, step: Step, workflow: CaseWorkflow, timer: Timer) -> None:
        task = workflow.get_task_from_id_or_none(timer.task_id)
        step.read_lists()
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


def write_state(step: Step, state: bytes, *, ended: bool) -> None:
    """Write where an instance stands, unless somebody else has written since it was read (StaleDataError).

    Past the unit of work: this row is written in every act, and by nobody else in the same transaction.
    """
    instance = step.instance
    new = {
        "state": state,
        "status": ENDED if ended else instance.status,
        "ended_at": step.now if ended else instance.ended_at,
        "version": instance.version + 1,
    }
    seen = {"key": instance.id, "seen": instance.version, **{f"new_{name}": value for name, value in new.items()}}
    if step.session.connection().execute(WRITE_STATE, seen).rowcount != 1:
        raise StaleDataError(f"instance {instance.id} was written by somebody else")
    for name, value in new.items():
        set_committed_value(instance, name, value)


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
