"""How a task lives, from being laid out to being completed: stock's order of acts without its look-ahead.

Stock predicts what may come behind every task, many tasks deep, after every step. Only joins of parallel branches ask
for that (see ``ScopeSpec.looks_ahead``); in every other process a task's children are made when it runs.

The signals ``update_event``, ``ready_event`` and ``run_event`` of stock are not sent; ``completed_event`` is.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.exceptions import WorkflowTaskException
from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.control import BoundaryEventJoin, BoundaryEventSplit, BpmnStartTask, SimpleBpmnTask
from SpiffWorkflow.bpmn.specs.defaults import (
    EventBasedGateway,
    ExclusiveGateway,
    InclusiveGateway,
    ParallelGateway,
    SubWorkflowTask,
)
from SpiffWorkflow.util.task import TaskState

from engine.workflow.tree import COMPLETED, FINISHED, FUTURE, PREDICTED, CaseTask, merge


class CaseSpec(BpmnTaskSpec):  # type: ignore[misc]
    """Last of the bases of every task spec, in the place of stock's own last."""

    rechecked = False
    """Whether a waiting task of this kind must be looked at again whenever another completes."""
    tested = False
    chooses = False
    """Whether not all outputs simply follow: such a kind lays out its children itself, in ``_predict_hook``."""

    def _predict(self, my_task: CaseTask, seen: Any = None, looked_ahead: int = 0, mask: int = PREDICTED) -> None:
        if self._wf_spec.looks_ahead:
            super()._predict(my_task, seen, looked_ahead, mask)

    def _update(self, my_task: CaseTask) -> None:
        if my_task._state & PREDICTED:
            self._predict(my_task)
        if self._update_hook(my_task):
            my_task._ready()

    def _update_hook(self, my_task: CaseTask) -> bool:
        if self.data_input_associations or self.io_specification is not None:
            return bool(super()._update_hook(my_task))
        my_task._inherit_data()
        return True

    def _on_ready(self, my_task: CaseTask) -> None:
        if not self.tested:  # specs do not change once they run
            self.test()
            self.tested = True
        self._on_ready_hook(my_task)

    def _on_ready_hook(self, my_task: CaseTask) -> None:
        """Nothing, unless a kind of task has something to do."""

    def _run(self, my_task: CaseTask) -> Any:
        try:
            if not self._wf_spec.looks_ahead:
                self._lay_out(my_task)
            return self._run_hook(my_task)
        except Exception:
            my_task.error()
            raise

    def _lay_out(self, my_task: CaseTask) -> None:
        """Make the children of a task that is about to run."""
        if my_task.children or self.chooses:
            self._predict_hook(my_task)
            return
        workflow, specs = my_task.workflow, self._wf_spec.task_specs
        for name in self._outputs:
            CaseTask(workflow, specs[name], my_task, FUTURE)

    def _run_hook(self, my_task: CaseTask) -> Any:
        return True

    def _on_complete(self, my_task: CaseTask) -> None:
        self._on_complete_hook(my_task)
        for child in tuple(my_task.children):
            if not child._state & FINISHED:
                child.task_spec._update(child)
        my_task.workflow._task_completed_notify(my_task)

    def _on_complete_hook(self, my_task: CaseTask) -> None:
        if self.data_input_associations or self.data_output_associations or self.io_specification is not None:
            super()._on_complete_hook(my_task)
        elif self.completed_event.hard_subscribers or self.completed_event.weak_subscribers:
            self.completed_event.emit(my_task.workflow, my_task)


class Begin(BpmnStartTask, CaseSpec):  # type: ignore[misc]
    """Where every process and sub-process begins, before its start event."""


class Finish(SimpleBpmnTask, CaseSpec):  # type: ignore[misc]
    """Where every process and sub-process ends, behind its last join."""


class Catching:
    """Mixed in before stock's catching events."""

    event_definition: Any
    _wf_spec: Any

    def _run_hook(self, my_task: CaseTask) -> Any:
        if self._wf_spec.looks_ahead:
            return super()._run_hook(my_task)  # type: ignore[misc]
        self.event_definition.update_task_data(my_task)
        self.event_definition.reset(my_task)
        return True

    def _on_cancel(self, my_task: CaseTask) -> None:
        my_task.workflow.top_workflow.event_manager.remove_task(my_task)


class EventGate(EventBasedGateway, CaseSpec):  # type: ignore[misc]
    """An event-based gateway."""

    chooses = True


class Decide(ExclusiveGateway, CaseSpec):  # type: ignore[misc]
    """An exclusive gateway. Its one child is made when it has decided."""

    chooses = True

    def _predict_hook(self, my_task: CaseTask) -> None:
        if self._wf_spec.looks_ahead:
            super()._predict_hook(my_task)


class Joining:
    """Mixed in before stock's joins of parallel branches: values are merged without changing one in place."""

    rechecked = True

    def _run_hook(self, my_task: CaseTask) -> Any:
        self.join_data(my_task)
        return True

    def join_data(self, my_task: CaseTask) -> None:
        """Merge what the branches that arrived earlier bring, the earliest first; one's own wins."""
        others = [
            task
            for task in my_task.workflow.tasks.values()
            if task.task_spec is self
            and task is not my_task
            and task._state & FINISHED
            and not my_task.is_descendant_of(task)
        ]
        for task in sorted(others, key=lambda each: each.last_state_change):
            merge(my_task.data, self.left_by(task))
            if task._state == COMPLETED:  # left over from before a reset
                task._drop_children(force=True)
        if others:
            my_task._inherit_data()

    def left_by(self, task: CaseTask) -> dict[str, Any]:
        """The variables of a branch that has arrived: those of the task before, for a join that waits holds none."""
        data: dict[str, Any] = task.parent.data
        return data


class Parallel(Joining, ParallelGateway, CaseSpec):  # type: ignore[misc]
    """A parallel gateway."""


class Inclusive(Joining, InclusiveGateway, CaseSpec):  # type: ignore[misc]
    """An inclusive gateway."""

    def _run_hook(self, my_task: CaseTask) -> Any:
        self.join_data(my_task)
        matches, defaults = self._get_matching_outputs(my_task)
        if not matches and not defaults:
            raise WorkflowTaskException("No conditions satisfied on gateway", task=my_task)
        my_task._sync_children(matches or defaults, FUTURE)
        for child in tuple(my_task.children):
            child.task_spec._predict(child, mask=FUTURE | PREDICTED)
        return True


class BoundarySplit(BoundaryEventSplit, CaseSpec):  # type: ignore[misc]
    """Begins an activity together with the events at its boundary."""

    chooses = True


class BoundaryJoin(BoundaryEventJoin, CaseSpec):  # type: ignore[misc]
    """Ends an activity together with the events at its boundary."""

    rechecked = True

    def _do_join(self, my_task: CaseTask) -> None:
        if self._wf_spec.looks_ahead:
            super()._do_join(my_task)
            return
        split = my_task.find_ancestor(self.split_task)
        assert split is not None  # the check that let it join has found it
        for branch in split.children:
            for task in branch.children:
                if task.task_spec is self and task is not my_task:
                    task._set_state(TaskState.CANCELLED)
                    task._drop_children()


class SubProcess(SubWorkflowTask, CaseSpec):  # type: ignore[misc]
    """An embedded sub-process."""

    def copy_data(self, my_task: CaseTask, subworkflow: Any) -> None:
        subworkflow.task_tree.data.update(my_task.data)

    def update_data(self, my_task: CaseTask, subworkflow: Any) -> None:
        my_task.data = dict(subworkflow.last_task.data)
