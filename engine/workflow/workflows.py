"""Live instances: the tasks of a process and of the sub-processes that run inside it, and how they are worked off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow

from engine.errors import OperatorError
from engine.workflow.events import Thrown, element_of, settle_thrown, step_of
from engine.workflow.expressions import compile_assignments, compile_expression
from engine.workflow.pruning import prune
from engine.workflow.tree import COMPLETED, FUTURE, NOT_FINISHED, READY, STARTED, WAITING, CaseTask, walk


class ExpressionEngine(PythonScriptEngine):  # type: ignore[misc]
    """Conditions and script tasks in our expression language, never Python. Holds nothing; one serves all instances."""

    def evaluate(self, task: CaseTask, expression: str, external_context: Any = None) -> Any:
        """A condition; ``${}`` around it is optional."""
        step = step_of(task)
        step.element = element_of(task) or step.element
        return step.evaluate(step.compile(compile_expression, expression), step.names(task.data))

    def execute(self, task: CaseTask, script: str, external_context: Any = None) -> bool:
        """A script task: lines of ``name = expression``."""
        step = step_of(task)
        step.element = element_of(task) or step.element
        if step.element is not None and step.skips(step.element):
            return True
        task.data.update(step.execute(step.compile(compile_assignments, script), step.names(task.data)))
        return True


ENGINE = ExpressionEngine()


class _Part:
    """Mixed into workflows: our tasks, scanned flat instead of walking the tree after every task."""

    spec: Any
    data: dict[str, Any]
    tasks: dict[UUID, CaseTask]
    task_tree: CaseTask
    last_task: CaseTask | None
    completed: bool
    completed_event: Any
    top_workflow: Any

    def _begin(self) -> None:
        """Make the first task, ready to run; stock would predict the whole process here."""
        self.task_tree = CaseTask(self, self.spec.start, state=FUTURE)
        self.spec.start._predict(self.task_tree, mask=NOT_FINISHED)
        self.task_tree._ready()

    def is_completed(self) -> bool:
        """Whether no task is left unfinished."""
        if not self.completed:
            self.completed = not any(task._state & NOT_FINISHED for task in self.tasks.values())
        return self.completed

    def update_waiting_tasks(self) -> None:
        """Look again at the joins that wait. Events that wait are told when they happen and need no looking at."""
        waiting = [task for task in self.tasks.values() if task._state == WAITING and task.task_spec.rechecked]
        if len(waiting) > 1:  # as stock: in the order of the tree, as it is when their turn comes
            for task in walk(self.task_tree):
                if task._state == WAITING and task.task_spec.rechecked:
                    task.task_spec._update(task)
        elif waiting:
            waiting[0].task_spec._update(waiting[0])

    def _task_completed_notify(self, task: CaseTask) -> None:
        self.last_task = task
        if task.task_spec.name == "End":
            self._mark_complete(task)
        if self.completed:
            self.completed_event(self)
        else:
            self.update_waiting_tasks()

    def _mark_complete(self, task: CaseTask) -> None:
        self.data.update(task.data)
        self.completed = True

    def _remove_task(self, task_id: UUID) -> None:
        """Take a task and all behind it out of the tree."""
        task = self.tasks[task_id]
        assert task.parent is not None  # nobody removes the root
        task.parent.children.remove(task)
        for gone in list(walk(task)):
            gone.children.clear()  # whoever still holds it must not go on from it
            del self.tasks[gone.id]
            self.top_workflow.forget(gone)


class CaseSubWorkflow(_Part, BpmnSubWorkflow):  # type: ignore[misc]
    """A live sub-process or called process. ``caller`` is the task that stands for it in the process around."""

    def __init__(self, spec: Any, caller: CaseTask, *, deserializing: bool = False) -> None:
        self.caller = caller
        super().__init__(spec, caller.id, caller.workflow.top_workflow, deserializing=True)
        if not deserializing:
            self._begin()

    def _calculate_depth(self) -> int:
        return int(self.caller.workflow.depth) + 1


class CaseWorkflow(_Part, BpmnWorkflow):  # type: ignore[misc]
    """A live instance. Time lives in the due index, so waiting timers are never polled here."""

    step: Any = None
    done: dict[str, list[str]]
    """Completed elements of sub-processes that were dropped, by spec name; see ``drop_finished``."""

    def __init__(self, spec: Any, subprocess_specs: Any, *, deserializing: bool = False) -> None:
        self.done = {}
        super().__init__(spec, subprocess_specs=subprocess_specs, script_engine=ENGINE, deserializing=True)
        if not deserializing:
            self._begin()

    def get_task_from_id_or_none(self, task_id: UUID) -> CaseTask | None:
        """The task, wherever in the instance it is, or none."""
        task = self.tasks.get(task_id)
        if task is None and self.subprocesses:
            return next((sub.tasks[task_id] for sub in self.subprocesses.values() if task_id in sub.tasks), None)
        return task

    def create_subprocess(self, my_task: CaseTask, spec_name: str) -> CaseSubWorkflow:
        """Called by SpiffWorkflow when a sub-process or call activity starts."""
        part = self.subprocesses[my_task.id] = CaseSubWorkflow(self.subprocess_specs[spec_name], my_task)
        return part

    def forget(self, task: CaseTask) -> None:
        """A task left the tree: what ran inside it is gone too, and no event reaches any of it.

        Stock leaves both behind when a multi-instance is interrupted, and stumbles over them later.
        """
        self.event_manager.remove_task(task)
        part = self.subprocesses.pop(task.id, None) if self.subprocesses else None
        if part is not None:
            self._note_done(part, part.tasks.values())
            for inner in list(part.tasks.values()):
                self.forget(inner)

    def drop_finished(self) -> None:
        """Forget what has finished; only which elements were completed is kept.

        Of sub-processes whose task has finished nothing is needed: their data has gone back to the task. Of the others
        ``pruning`` says what is. So the state stays small however often a case goes round.
        """
        for key, part in list(self.subprocesses.items()):
            parent = self.get_task_from_id_or_none(key)
            if parent is None or not parent._state & NOT_FINISHED:
                self._note_done(part, part.tasks.values())
                del self.subprocesses[key]
        for part in (self, *self.subprocesses.values()):
            gone = prune(part)
            if gone:
                self._note_done(part, gone)

    def _note_done(self, part: Any, tasks: Iterable[CaseTask]) -> None:
        seen = self.done.setdefault(part.spec.name, [])
        for task in tasks:
            element = element_of(task)
            if element is not None and task._state == COMPLETED and element.id not in seen:
                seen.append(element.id)

    def do_engine_steps(self, will_complete_task: Any = None, did_complete_task: Any = None) -> None:
        """Run what is automatic until only people, time and other cases can move on.

        Timers fire when the poller says so (``runtime.fire``), never by looking at the machine's clock.
        """
        while self._do_engine_steps():
            pass

    def _do_engine_steps(self, will_complete_task: Any = None, did_complete_task: Any = None) -> bool:
        """Stock's order of work: the innermost sub-processes first, each with all it starts as far as it comes."""
        moved = False
        if self.subprocesses:
            for part in sorted(self.get_active_subprocesses(), key=lambda sub: sub.depth, reverse=True):
                while _run_ready(part):
                    moved = True
                if part.completed and self.subprocesses.get(part.caller.id) is part:
                    part.caller.task_spec._update(part.caller)
        return _run_ready(self) or moved


def _run_ready(part: Any) -> bool:
    """Run the automatic tasks that are ready, here and in what runs inside; of several in tree order, as stock does."""
    inside: dict[UUID, CaseSubWorkflow] = part.top_workflow.subprocesses
    ready, several = _ready_tasks(part, inside)
    if len(ready) > 1:
        order = _walk_inside(part.task_tree, inside) if several else walk(ready[0].workflow.task_tree)
        ready = [task for task in order if _runs_by_itself(task)]
    for task in ready:
        if not _runs_by_itself(task) or not _stands(task, inside):
            continue  # an event that happened meanwhile has ended it
        try:
            task.run()
        except Thrown as thrown:
            settle_thrown(task, thrown)
        except OperatorError as error:
            settle_thrown(task, Thrown("error", error.code, {"code": error.code, "message": error.message}))
    return bool(ready)


def _runs_by_itself(task: CaseTask) -> bool:
    return bool(task._state == READY and not task.task_spec.manual)


def _stands(task: CaseTask, inside: Mapping[UUID, CaseSubWorkflow]) -> bool:
    """Whether the task is still in the tree of a part that is still in the instance."""
    part = task.workflow
    return task.id in part.tasks and (part is part.top_workflow or inside.get(part.caller.id) is part)


def _ready_tasks(part: Any, inside: Mapping[UUID, CaseSubWorkflow]) -> tuple[list[CaseTask], bool]:
    """What is ready in a part and in all that runs inside it, in no order, and whether it is of several parts."""
    ready: list[CaseTask] = []
    parts, several = [part], False
    for each in parts:  # grows meanwhile
        before = len(ready)
        for task in each.tasks.values():
            if task._state == STARTED:
                if task.id in inside:
                    parts.append(inside[task.id])
            elif _runs_by_itself(task):
                ready.append(task)
        several = several or 0 < before < len(ready)
    return ready, several


def _walk_inside(task: CaseTask, inside: Mapping[UUID, CaseSubWorkflow]) -> Iterator[CaseTask]:
    """A task and all behind it, what runs inside a task before what follows it."""
    waiting = [task]
    while waiting:
        task = waiting.pop()
        yield task
        waiting.extend(reversed(task.children))
        if task._state == STARTED and task.id in inside:
            waiting.append(inside[task.id].task_tree)
