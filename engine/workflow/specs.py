"""Our kinds of task specs: what differs from stock SpiffWorkflow, and why.

Every task spec that stands for an element of a diagram carries it as ``element`` (set by ``definitions``).
The running ``Step`` (see ``step``) hangs on the top workflow; specs reach it through ``step_of``.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.specs.defaults import (
    ParallelMultiInstanceTask,
    SequentialMultiInstanceTask,
    ServiceTask,
    StandardLoopTask,
)
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.errors import OperatorError
from engine.workflow.elements import Element
from engine.workflow.events import NamedMessage, Thrown, element_of, settle_thrown, step_of, store_outputs
from engine.workflow.expressions import compile_assignments, compile_expression
from engine.workflow.pruning import prune

__all__ = [
    "CaseSubWorkflow", "CaseWorkflow", "DecisionTask", "DueTimer", "NamedMessage", "OperatorTask", "ParallelInstances",
    "RepeatedTask", "SequentialInstances", "element_of", "step_of", "store_outputs",
]  # fmt: skip

MOST_ROUNDS = 1000
"""How often a loop, or a multi-instance by number, may run: more is a mistake in the number."""


class ExpressionEngine(PythonScriptEngine):  # type: ignore[misc]
    """Conditions and script tasks in our expression language, never Python. Holds nothing; one serves all instances."""

    def evaluate(self, task: SpiffTask, expression: str, external_context: Any = None) -> Any:
        """A condition; ``${}`` around it is optional."""
        step = step_of(task)
        step.element = element_of(task) or step.element
        return step.evaluate(step.compile(compile_expression, expression), step.names(task.data))

    def execute(self, task: SpiffTask, script: str, external_context: Any = None) -> bool:
        """A script task: lines of ``name = expression``."""
        step = step_of(task)
        step.element = element_of(task) or step.element
        if step.element is not None and step.skips(step.element):
            return True
        task.data.update(step.execute(step.compile(compile_assignments, script), step.names(task.data)))
        return True


ENGINE = ExpressionEngine()


class _FlatScans:
    """Mixed into workflows: looks for waiting tasks in the flat list instead of walking the tree after every task."""

    tasks: dict[UUID, SpiffTask]

    def _task_removed_notify(self, task: SpiffTask) -> None:
        self.top_workflow.forget(task)  # type: ignore[attr-defined]

    def update_waiting_tasks(self) -> None:
        """As stock, which does this each time any task completes; in tree order when several wait."""
        waiting = [task for task in self.tasks.values() if task._state == TaskState.WAITING]
        if len(waiting) > 1:
            super().update_waiting_tasks()  # type: ignore[misc]
        elif waiting:
            waiting[0].task_spec._update(waiting[0])


class CaseSubWorkflow(_FlatScans, BpmnSubWorkflow):  # type: ignore[misc]
    """A live sub-process or called process."""


class CaseWorkflow(_FlatScans, BpmnWorkflow):  # type: ignore[misc]
    """A live instance. Time lives in the due index, so waiting timers are never polled here."""

    step: Any = None
    done: dict[str, list[str]]
    """Completed elements of sub-processes that were dropped, by spec name; see ``drop_finished``."""

    def __init__(self, spec: Any, subprocess_specs: Any, **kwargs: Any) -> None:
        self.done = {}
        super().__init__(spec, subprocess_specs=subprocess_specs, script_engine=ENGINE, **kwargs)

    def get_task_from_id_or_none(self, task_id: UUID) -> SpiffTask | None:
        """The task, wherever in the instance it is, or none."""
        if task_id in self.tasks:
            return self.tasks[task_id]
        return next((sub.tasks[task_id] for sub in self.subprocesses.values() if task_id in sub.tasks), None)

    def create_subprocess(self, my_task: SpiffTask, spec_name: str) -> CaseSubWorkflow:
        """Called by SpiffWorkflow when a sub-process or call activity starts."""
        part = CaseSubWorkflow(self.subprocess_specs[spec_name], parent_task_id=my_task.id, top_workflow=self)
        self.subprocesses[my_task.id] = part
        return part

    def forget(self, task: SpiffTask) -> None:
        """A task left the tree: what ran inside it is gone too, and no event reaches any of it.

        Stock leaves both behind when a multi-instance is interrupted, and stumbles over them later.
        """
        self.event_manager.remove_task(task)
        part = self.subprocesses.pop(task.id, None)
        if part is not None:
            for inner in list(part.tasks.values()):
                self.forget(inner)

    def drop_finished(self) -> None:
        """Forget what has finished; only which elements were completed is kept.

        Of sub-processes whose task has finished nothing is needed: their data has gone back to the task. Of the others
        ``pruning`` says what is. So the state stays small however often a case goes round.
        """
        for key, part in list(self.subprocesses.items()):
            parent = self.get_task_from_id_or_none(key)
            if parent is None or parent.has_state(TaskState.FINISHED_MASK):
                self._note_done(part, part.tasks.values())
                del self.subprocesses[key]
        for part in (self, *self.subprocesses.values()):
            self._note_done(part, prune(part))

    def _note_done(self, part: Any, tasks: Iterable[SpiffTask]) -> None:
        seen = self.done.setdefault(part.spec.name, [])
        for task in tasks:
            element = element_of(task)
            if element is not None and task.state == TaskState.COMPLETED and element.id not in seen:
                seen.append(element.id)

    def refresh_timers(self) -> None:
        """Timers fire when the poller says so (``runtime.fire``), never by looking at the machine's clock."""

    def _do_engine_steps(self, will_complete_task: Any = None, did_complete_task: Any = None) -> bool:
        """Stock's order of work with flat scans instead of walks through the task tree."""
        moved = False
        for part in sorted(self.get_active_subprocesses(), key=lambda sub: sub.depth, reverse=True):
            while _run_ready(part):
                moved = True
            parent = self.get_task_from_id_or_none(part.parent_task_id)
            if parent is not None:
                parent.task_spec._update(parent)
        return _run_ready(self) or moved


def _run_ready(part: Any) -> bool:
    """Run the automatic tasks that are ready; in tree order when there are several, as stock does."""
    ready = [task for task in part.tasks.values() if task._state == TaskState.READY and not task.task_spec.manual]
    if len(ready) > 1:
        ready = [task for task in part.get_tasks(state=TaskState.READY) if not task.task_spec.manual]
    for task in ready:
        if task._state != TaskState.READY or task.id not in part.tasks:
            continue  # an event that happened meanwhile has ended it
        try:
            task.run()
        except Thrown as thrown:
            settle_thrown(task, thrown)
        except OperatorError as error:
            settle_thrown(task, Thrown("error", error.code, {"code": error.code, "message": error.message}))
    return bool(ready)


class OperatorTask(ServiceTask):  # type: ignore[misc]
    """A service task: calls the operator its topic names and keeps what the output parameters say."""

    element: Element

    def _run_hook(self, my_task: SpiffTask) -> bool:
        step = step_of(my_task)
        if step.skips(self.element):
            return True
        names = step.names(my_task.data)
        arguments = {key: step.fill(text, names) for key, text in self.element.inputs.items()}
        result = step.call(self.element, arguments)
        store_outputs(my_task, self.element, step, {"result": result})
        return True


class DecisionTask(ServiceTask):  # type: ignore[misc]
    """A business-rule task: evaluates a decision and keeps its value; the reason goes into the case's history."""

    element: Element

    def _run_hook(self, my_task: SpiffTask) -> bool:
        step = step_of(my_task)
        if step.skips(self.element):
            return True
        names = step.names(my_task.data)
        arguments = {key: step.fill(text, names) for key, text in self.element.inputs.items()}
        value = step.decide(self.element, step.names({**my_task.data, **arguments}))
        if self.element.result_variable:
            my_task.data[self.element.result_variable] = value
        store_outputs(my_task, self.element, step, {"result": value})
        return True


class DueTimer(TimerEventDefinition):  # type: ignore[misc]
    """A timer written as analysts say it. It only remembers that it fired; when is the due index's business."""

    def __init__(self, name: str, text: str, **kwargs: Any) -> None:
        super().__init__(name, text, **kwargs)
        self.text = text

    def has_fired(self, my_task: SpiffTask) -> bool:
        return bool(my_task._get_internal_data("event_fired", False))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def begin(my_task: SpiffTask) -> None:
    """A loop that begins is no longer a mere possibility: stock refuses to run one right behind a boundary event."""
    if my_task.has_state(TaskState.PREDICTED_MASK):
        my_task._set_state(TaskState.FUTURE)


class RepeatedTask(StandardLoopTask):  # type: ignore[misc]
    """A standard loop. Each round goes on with the variables of the last; stock would mix lists of both."""

    def _update_hook(self, my_task: SpiffTask) -> Any:
        begin(my_task)
        return super()._update_hook(my_task)

    def merge_child(self, workflow: Any, child: SpiffTask) -> None:
        my_task = child.parent
        my_task.data = deepcopy(child.data)
        my_task.internal_data["merged"].append(str(child.id))
        if self.loop_complete(my_task):
            my_task._set_state(TaskState.READY)
        elif len(my_task.internal_data["merged"]) >= MOST_ROUNDS:
            raise step_of(my_task).failure(f"the loop ran {MOST_ROUNDS} times; give it a loopMaximum or correct it")
        else:
            self.create_child(my_task)


class _Instances(MultiInstanceTask):  # type: ignore[misc]
    """Multi-instance that may run again in a loop: stock refuses when its item or a filled output already exists."""

    def _update_hook(self, my_task: SpiffTask) -> Any:
        my_task._inherit_data()
        for reference in (self.input_item, self.output_item, self.data_output):
            if reference is not None:
                my_task.data.pop(reference.bpmn_id, None)
        self.check_number(my_task)
        begin(my_task)
        return super()._update_hook(my_task)

    def check_number(self, my_task: SpiffTask) -> None:
        """A multi-instance by number needs a number that can be. Raises StepFailed naming what it got."""
        if self.cardinality is not None:
            number = my_task.workflow.script_engine.evaluate(my_task, self.cardinality)
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_ROUNDS:
                raise step_of(my_task).failure(
                    f"the multi-instance runs {number!r} times; let loopCardinality be a number from 0 to {MOST_ROUNDS}"
                )

    def init_data_output_with_input_data(self, my_task: SpiffTask, input_data: Any) -> None:
        self.data_output.set(my_task, [])

    def init_data_output_with_cardinality(self, my_task: SpiffTask) -> None:
        self.data_output.set(my_task, [])

    def merge_child(self, workflow: Any, child: SpiffTask) -> None:
        """Collect the instance's output item; without one, instances keep their variables to themselves."""
        my_task = child.parent
        if self.data_output is not None and self.output_item is not None:
            # A list of its own: after a reload the instances still running share the one they began with.
            self.data_output.set(
                my_task, [*self.data_output.get(my_task), deepcopy(child.data.get(self.output_item.bpmn_id))]
            )
        my_task.internal_data["merged"].append(str(child.id))


class ParallelInstances(_Instances, ParallelMultiInstanceTask):  # type: ignore[misc]
    """Parallel multi-instance. The MRO puts our merge between stock's completion check and its data merge."""

    def merge_child(self, workflow: Any, child: SpiffTask) -> None:
        _Instances.merge_child(self, workflow, child)
        my_task = child.parent
        if self.check_completion_condition(my_task):
            for instance in self._instances(my_task):
                instance.cancel()
            my_task._set_state(TaskState.READY)
        elif self.children_complete(my_task):
            my_task._set_state(TaskState.READY)


class SequentialInstances(_Instances, SequentialMultiInstanceTask):  # type: ignore[misc]
    """Sequential multi-instance."""

    def merge_child(self, workflow: Any, child: SpiffTask) -> None:
        _Instances.merge_child(self, workflow, child)
        my_task = child.parent
        if self.children_complete(my_task) or self.check_completion_condition(my_task):
            my_task._set_state(TaskState.READY)
        else:
            self.add_next_child(my_task)
