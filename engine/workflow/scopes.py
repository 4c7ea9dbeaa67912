"""Scopes: event sub-processes that wait beside the flow of their scope, and call activities that find their process.

Stock SpiffWorkflow changes a shared spec when a message starts an event sub-process, and a scope with a waiting timer
start never ends. Here the start event of an event sub-process becomes a waiting task of the scope around it, an output
of the scope's own start: specs stay as they were parsed, states hold nothing special, and a scope ends when only
such tasks still wait.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.control import _EndJoin
from SpiffWorkflow.bpmn.specs.defaults import CallActivity, InclusiveGateway, IntermediateCatchEvent, ParallelGateway
from SpiffWorkflow.bpmn.specs.event_definitions.timer import TimerEventDefinition
from SpiffWorkflow.util.task import TaskState

from engine.workflow.elements import Element
from engine.workflow.events import CaseCondition, Trigger, branch_of, interrupt, standing_data, step_of
from engine.workflow.lifecycle import Begin, CaseSpec, Catching, Finish, Joining, SubProcess
from engine.workflow.tree import NOT_FINISHED, CaseTask

DEEPEST = 20
"""How deep calls may nest; a process that calls itself by an expression would never end."""


class EventTrigger(Trigger, Catching, IntermediateCatchEvent, CaseSpec):  # type: ignore[misc]
    """Waits in a scope for the start event of an event sub-process, which follows it."""

    def __init__(self, wf_spec: Any, name: str, event_definition: Any, interrupting: bool, bpmn_id: str) -> None:
        super().__init__(wf_spec, name, event_definition)
        self.bpmn_id = bpmn_id
        self.interrupting = interrupting

    def _run_hook(self, my_task: CaseTask) -> Any:
        # What the event sub-process sees is what the scope holds now, not what it held at its start.
        my_task.data = standing_data(my_task)
        if self.interrupting:
            interrupt(my_task)
        result = super()._run_hook(my_task)
        if not self.interrupting and not isinstance(self.event_definition, TimerEventDefinition | CaseCondition):
            again = my_task.parent._add_child(self, TaskState.FUTURE)
            self._predict(again, mask=TaskState.NOT_FINISHED_MASK)
            self._update(again)
        return result


class ScopeEnd(Joining, _EndJoin, CaseSpec):  # type: ignore[misc]
    """The end of a scope: waits for every token but not for events that have not happened."""

    def _update_hook(self, my_task: CaseTask) -> bool:
        workflow = my_task.workflow
        idle = {key for trigger in waiting_triggers(workflow) for key in branch_of(trigger)}
        others, arrived = [], True
        for task in workflow.tasks.values():
            if task is my_task or not task._state & NOT_FINISHED or task.id in idle or task.task_spec.name == "End":
                continue
            arrived = False
            if task.task_spec is self and task._state == TaskState.WAITING:
                others.append(task)
        for task in others:  # one that waits is enough
            task.data = dict(task.parent.data)
            task.cancel()
        if arrived:
            my_task._inherit_data()
        else:
            my_task._set_state(TaskState.WAITING)
        return arrived

    def _run_hook(self, my_task: CaseTask) -> Any:
        for trigger in waiting_triggers(my_task.workflow):
            trigger.cancel()
        self.join_data(my_task)
        my_task.workflow.data.update(my_task.data)
        return True

    def left_by(self, task: CaseTask) -> dict[str, Any]:
        """The variables of a branch that has ended, held by its end since another came after it."""
        return task.data or super().left_by(task)


def waiting_triggers(workflow: Any) -> list[CaseTask]:
    """The event sub-processes of a scope that have not begun."""
    return [
        task
        for task in workflow.task_tree.children
        if isinstance(task.task_spec, Trigger) and task.has_state(TaskState.NOT_FINISHED_MASK)
    ]


class ScopeSpec(BpmnProcessSpec):  # type: ignore[misc]
    """A process or sub-process that may have event sub-processes."""

    start: Any
    end: Any

    def __init__(self, name: str, description: str | None = None, filename: str | None = None) -> None:
        super().__init__(name, description, filename)
        self.task_specs.clear()  # stock's own beginning and end
        self.start = Begin(self, "Start")
        self.end = ScopeEnd(self, f"{name}.EndJoin")
        self.end.connect(Finish(self, "End"))

    @cached_property
    def looks_ahead(self) -> bool:
        """Whether what may come must be predicted: joins of parallel branches look for it, and at the whole past."""
        return any(isinstance(each, ParallelGateway | InclusiveGateway) for each in self.task_specs.values())

    def await_event(self, body: Any, start: Any) -> None:
        """Let ``body`` (an event sub-process) begin when what its ``start`` event waits for happens."""
        trigger = EventTrigger(
            self, f"{body.name}.Trigger", start.event_definition, bool(start.interrupting), start.bpmn_id
        )
        self.start.connect(trigger)
        trigger.connect(body)
        body.connect(self.end)


class Call(CallActivity, SubProcess):  # type: ignore[misc]
    """A call activity. The process may be named by an expression; every call works on its own copy of the data."""

    element: Element

    def start_workflow(self, my_task: CaseTask) -> None:
        top = my_task.workflow.top_workflow
        part = top.create_subprocess(my_task, self.called_by(my_task))
        part.completed_event.connect(self._on_subworkflow_completed, my_task)
        start = part.task_tree
        start.data.update(my_task.data)
        start.run()

    def update_data(self, my_task: CaseTask, subworkflow: Any) -> None:
        SubProcess.update_data(self, my_task, subworkflow)

    def called_by(self, my_task: CaseTask) -> str:
        """The process to run. Raises StepFailed when there is none of that name in the deployment."""
        step = step_of(my_task)
        step.element = self.element
        name = self.spec
        if "${" in name:
            name = str(step.fill(name, step.names(my_task.data)))
        if name not in step.definition.diagrams:
            raise step.failure(
                f"there is no process {name!r} to call; deploy its diagram or correct calledElement {self.spec!r}"
            )
        if my_task.workflow.depth >= DEEPEST:
            raise step.failure(f"processes call each other {DEEPEST} deep; {name!r} would never come to an end")
        return str(name)
