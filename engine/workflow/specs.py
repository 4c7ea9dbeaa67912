"""Our kinds of task specs: what differs from stock SpiffWorkflow, and why.

Every task spec that stands for an element of a diagram carries it as ``element`` (set by ``definitions``).
The running ``Step`` (see ``step``) hangs on the top workflow; specs reach it through ``step_of``.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.defaults import (
    ParallelMultiInstanceTask,
    SequentialMultiInstanceTask,
    ServiceTask,
    StandardLoopTask,
)
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import MultiInstanceTask
from SpiffWorkflow.util.task import TaskState

from engine.workflow.elements import Element
from engine.workflow.events import NamedMessage, element_of, step_of, store_outputs
from engine.workflow.lifecycle import CaseSpec
from engine.workflow.tree import PREDICTED, CaseTask, own
from engine.workflow.workflows import CaseSubWorkflow, CaseWorkflow

__all__ = [
    "CaseSubWorkflow", "CaseWorkflow", "DecisionTask", "DueTimer", "NamedMessage", "OperatorTask", "ParallelInstances",
    "RepeatedTask", "SequentialInstances", "element_of", "step_of", "store_outputs",
]  # fmt: skip

MOST_ROUNDS = 1000
"""How often a loop, or a multi-instance by number, may run: more is a mistake in the number."""


class OperatorTask(ServiceTask, CaseSpec):  # type: ignore[misc]
    """A service task: calls the operator its topic names and keeps what the output parameters say."""

    element: Element

    def _run_hook(self, my_task: CaseTask) -> bool:
        step = step_of(my_task)
        if step.skips(self.element):
            return True
        names = step.names(my_task.data)
        # Operators are others' code: what they change or keep must not be ours.
        arguments = {key: own(step.fill(text, names)) for key, text in self.element.inputs.items()}
        step.variables = my_task.data
        result = step.call(self.element, arguments)
        store_outputs(my_task, self.element, step, {"result": result})
        return True


class DecisionTask(ServiceTask, CaseSpec):  # type: ignore[misc]
    """A business-rule task: evaluates a decision and keeps its value; the reason goes into the case's history."""

    element: Element

    def _run_hook(self, my_task: CaseTask) -> bool:
        step = step_of(my_task)
        if step.skips(self.element):
            return True
        names = step.names(my_task.data)
        arguments = {key: step.fill(text, names) for key, text in self.element.inputs.items()}
        value = step.decide(self.element, step.names({**my_task.data, **arguments}))
        if self.element.result_variable:
            my_task.data[self.element.result_variable] = own(value)
        store_outputs(my_task, self.element, step, {"result": value})
        return True


class DueTimer(TimerEventDefinition):  # type: ignore[misc]
    """A timer written as analysts say it. It only remembers that it fired; when is the due index's business."""

    def __init__(self, name: str, text: str, **kwargs: Any) -> None:
        super().__init__(name, text, **kwargs)
        self.text = text

    def has_fired(self, my_task: CaseTask) -> bool:
        return bool(my_task._get_internal_data("event_fired", False))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def begin(my_task: CaseTask) -> None:
    """A loop that begins is no longer a mere possibility: stock refuses to run one right behind a boundary event."""
    if my_task.has_state(PREDICTED):
        my_task._set_state(TaskState.FUTURE)


class RepeatedTask(StandardLoopTask, CaseSpec):  # type: ignore[misc]
    """A standard loop. Each round goes on with the variables of the last; stock would mix lists of both."""

    def _update_hook(self, my_task: CaseTask) -> Any:
        begin(my_task)
        return super()._update_hook(my_task)

    def merge_child(self, workflow: Any, child: CaseTask) -> None:
        my_task = child.parent
        my_task.data = dict(child.data)
        my_task.internal_data["merged"].append(str(child.id))
        if self.loop_complete(my_task):
            my_task._set_state(TaskState.READY)
        elif len(my_task.internal_data["merged"]) >= MOST_ROUNDS:
            raise step_of(my_task).failure(f"the loop ran {MOST_ROUNDS} times; give it a loopMaximum or correct it")
        else:
            self.create_child(my_task)


class _Instances(MultiInstanceTask, CaseSpec):  # type: ignore[misc]
    """Multi-instance that may run again in a loop: stock refuses when its item or a filled output already exists."""

    def _update_hook(self, my_task: CaseTask) -> Any:
        my_task._inherit_data()
        for reference in (self.input_item, self.output_item, self.data_output):
            if reference is not None:
                my_task.data.pop(reference.bpmn_id, None)
        self.check_number(my_task)
        begin(my_task)
        return super()._update_hook(my_task)

    def check_number(self, my_task: CaseTask) -> None:
        """A multi-instance by number needs a number that can be. Raises StepFailed naming what it got."""
        if self.cardinality is not None:
            number = my_task.workflow.script_engine.evaluate(my_task, self.cardinality)
            if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST_ROUNDS:
                raise step_of(my_task).failure(
                    f"the multi-instance runs {number!r} times; let loopCardinality be a number from 0 to {MOST_ROUNDS}"
                )

    def init_data_output_with_input_data(self, my_task: CaseTask, input_data: Any) -> None:
        self.data_output.set(my_task, [])

    def init_data_output_with_cardinality(self, my_task: CaseTask) -> None:
        self.data_output.set(my_task, [])

    def merge_child(self, workflow: Any, child: CaseTask) -> None:
        """Collect the instance's output item; without one, instances keep their variables to themselves."""
        my_task = child.parent
        if self.data_output is not None and self.output_item is not None:
            # A list of its own: after a reload the instances still running share the one they began with.
            self.data_output.set(my_task, [*self.data_output.get(my_task), child.data.get(self.output_item.bpmn_id)])
        my_task.internal_data["merged"].append(str(child.id))


class ParallelInstances(_Instances, ParallelMultiInstanceTask):  # type: ignore[misc]
    """Parallel multi-instance. The MRO puts our merge between stock's completion check and its data merge."""

    def merge_child(self, workflow: Any, child: CaseTask) -> None:
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

    def merge_child(self, workflow: Any, child: CaseTask) -> None:
        _Instances.merge_child(self, workflow, child)
        my_task = child.parent
        if self.children_complete(my_task) or self.check_completion_condition(my_task):
            my_task._set_state(TaskState.READY)
        else:
            self.add_next_child(my_task)
