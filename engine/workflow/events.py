"""Events beyond timers: what cases send each other, signals, errors, escalations and conditions.

Definitions here remember their diagram element. What leaves a case goes through the outbox; what stays inside finds
its catcher from the inside out: the activity itself, the event sub-processes around it, the activity around those.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs.control import BoundaryEventSplit
from SpiffWorkflow.bpmn.specs.event_definitions.base import EventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.item_aware_event import SignalEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.message import MessageEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.workflow.elements import Element
from engine.workflow.expressions import compile_expression

CORRELATION = "correlation"
"""Property of a message event or task: the key that finds the waiting case; without it, the case's own number."""


class Thrown(Exception):
    """An error, or an escalation that interrupts, on its way to its catcher. Never leaves the engine."""

    def __init__(self, kind: str, code: str | None, payload: dict[str, Any]) -> None:
        super().__init__(code)
        self.kind, self.code, self.payload = kind, code, payload


def step_of(task: SpiffTask) -> Any:
    """The unit of work in which this task runs."""
    return task.workflow.top_workflow.step


def element_of(task: SpiffTask) -> Element | None:
    """The diagram element this task stands for, none for the engine's own helpers."""
    return getattr(task.task_spec, "element", None)


def store_outputs(task: SpiffTask, element: Element, step: Any, extra: dict[str, Any]) -> None:
    """Evaluate the element's output parameters with ``extra`` names in sight and set the variables."""
    if element.outputs:
        names = step.names({**task.data, **extra})
        # Expressions may hand out the very lists of another variable or branch; each variable gets its own.
        task.data.update({key: step.keep(step.fill(text, names)) for key, text in element.outputs.items()})


def read_inputs(task: SpiffTask, element: Element) -> dict[str, Any]:
    """The element's input parameters, evaluated on the task's data."""
    step = step_of(task)
    names = step.names(task.data)
    return {key: step.keep(step.fill(text, names)) for key, text in element.inputs.items()}


def correlation_key(task: SpiffTask, element: Element) -> str | None:
    """The value of the element's ``correlation``, none where it has none."""
    text = element.properties.get(CORRELATION, "").strip()
    if not text:
        return None
    step = step_of(task)
    step.element = element
    value = step.fill(text, step.names(task.data))
    if value is None or value == "":
        raise step.failure(f"the correlation {text} is empty, so no case can be found; set it before")
    return str(value)


class NamedMessage(MessageEventDefinition):  # type: ignore[misc]
    """A message known by its name; the element's output parameters pick from ``payload`` what the case keeps."""

    element: Any = None

    @property
    def correlated(self) -> bool:
        """Whether a key finds the case, not its number."""
        return self.element is not None and CORRELATION in self.element.properties

    def catches(self, my_task: SpiffTask, event: BpmnEvent) -> bool:
        """Without ``correlation`` whatever is sent to this case by number, with it what bears the key."""
        if self != event.event_definition:
            return False
        key = event.correlations.get("key")
        if not self.correlated:
            return key is None
        return key is not None and my_task.internal_data.get("keys", {}).get(self.name) == key

    def update_task_data(self, my_task: SpiffTask) -> None:
        payload = my_task.internal_data.get(self.name)
        if payload is None:
            return
        if self.element is not None and self.element.outputs:
            store_outputs(my_task, self.element, step_of(my_task), {"payload": payload})
        else:
            my_task.data[self.name] = payload

    def reset(self, my_task: SpiffTask) -> None:
        my_task.internal_data.pop(self.name, None)
        super().reset(my_task)


class SentMessage(EventDefinition):  # type: ignore[misc]
    """A message to another case: it leaves with the outbox and finds its receiver by ``correlation``."""

    element: Element | None = None

    def throw(self, my_task: SpiffTask) -> None:
        element, step = self.element, step_of(my_task)
        assert element is not None  # only elements of a diagram throw
        payload = read_inputs(my_task, element)
        step.tell("case/message", name=self.name, key=correlation_key(my_task, element), content=payload)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class NamedSignal(SignalEventDefinition):  # type: ignore[misc]
    """A signal: everything that waits for its name hears it, in this case at once, in the others by the outbox."""

    element: Element | None = None

    def throw(self, my_task: SpiffTask) -> None:
        assert self.element is not None  # only elements of a diagram throw
        step = step_of(my_task)
        payload = read_inputs(my_task, self.element)
        step.tell("case/signal", name=self.name, content=payload, instance=step.instance.id)
        my_task.workflow.top_workflow.event_manager.catch(BpmnEvent(self, payload=payload), internal=False)

    def update_task_data(self, my_task: SpiffTask) -> None:
        if self.element is not None:
            payload = my_task.internal_data.get(self.name) or {}
            store_outputs(my_task, self.element, step_of(my_task), {"payload": payload})

    def reset(self, my_task: SpiffTask) -> None:
        my_task.internal_data.pop(self.name, None)
        super().reset(my_task)


class CodedEvent(EventDefinition):  # type: ignore[misc]
    """An error or an escalation, thrown or caught. One without a code catches every code."""

    element: Element | None = None

    def __init__(self, kind: str, code: str | None, **kwargs: Any) -> None:
        super().__init__(code or kind, **kwargs)
        self.kind, self.code = kind, code

    def catches(self, my_task: SpiffTask, event: BpmnEvent) -> bool:
        return False  # catchers are found by ``find_catcher``, never by broadcast

    def throw(self, my_task: SpiffTask) -> None:
        assert self.element is not None  # only elements of a diagram throw
        payload = {**read_inputs(my_task, self.element), "code": self.code}
        catcher = find_catcher(my_task, self.kind, self.code)
        if self.kind == "error" or (catcher is not None and interrupts(catcher)):
            raise Thrown(self.kind, self.code, payload)
        if catcher is not None:
            fire(catcher, payload)

    def update_task_data(self, my_task: SpiffTask) -> None:
        if self.element is not None:
            payload = my_task.internal_data.get("payload") or {}
            store_outputs(my_task, self.element, step_of(my_task), {"payload": payload})

    def reset(self, my_task: SpiffTask) -> None:
        my_task.internal_data.pop("payload", None)
        super().reset(my_task)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class CaseCondition(EventDefinition):  # type: ignore[misc]
    """A condition on the case and its variables, looked at after every step; see ``fire_conditions``."""

    element: Element | None = None

    def __init__(self, name: str, text: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.text = text

    def catches(self, my_task: SpiffTask, event: BpmnEvent) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


class Trigger:
    """Marks the spec that waits, beside the flow of its scope, for the start event of an event sub-process."""

    interrupting: bool = True


def interrupts(catcher: SpiffTask) -> bool:
    """Whether the event ends what it is attached to, or the scope it waits in."""
    spec = catcher.task_spec
    return bool(spec.interrupting if isinstance(spec, Trigger) else spec.cancel_activity)


def fire(catcher: SpiffTask, payload: dict[str, Any] | None = None) -> None:
    """Let a waiting event happen."""
    catcher._set_internal_data(event_fired=True)
    if payload is not None:
        catcher._set_internal_data(payload=payload)
    catcher.task_spec._update(catcher)


def find_catcher(task: SpiffTask, kind: str, code: str | None) -> SpiffTask | None:
    """The waiting event that catches what a task throws: innermost first, one with the very code before any."""
    where: SpiffTask | None = task
    while where is not None:
        host = activity_of(where)
        split = host.parent
        around = list(where.workflow.task_tree.children)
        beside = split.children if split is not None and isinstance(split.task_spec, BoundaryEventSplit) else []
        for candidates, wanted in ((beside, BoundaryEvent), (around, Trigger)):
            waiting = [each for each in candidates if isinstance(each.task_spec, wanted)]
            for asked in dict.fromkeys((code, None)):
                for each in waiting:
                    if each.state == TaskState.WAITING and _catches(each, kind, asked):
                        return each
        parent_id = where.workflow.parent_task_id
        where = where.workflow.top_workflow.get_task_from_id_or_none(parent_id) if parent_id is not None else None
    return None


def _catches(task: SpiffTask, kind: str, code: str | None) -> bool:
    found = task.task_spec.event_definition
    return isinstance(found, CodedEvent) and found.kind == kind and found.code == code


def activity_of(task: SpiffTask) -> SpiffTask:
    """The task that stands for the whole activity: of one instance of a loop, the loop."""
    while task.parent is not None and isinstance(task.parent.task_spec, LoopTask):
        if task.parent.task_spec.task_spec != task.task_spec.name:
            break
        task = task.parent
    return task


def settle_thrown(task: SpiffTask, thrown: Thrown) -> None:
    """End what the error interrupts and let its catcher happen. Uncaught, the whole step fails."""
    step = step_of(task)
    catcher = find_catcher(task, thrown.kind, thrown.code)
    if catcher is None:
        step.element = element_of(task)
        told = f" ({thrown.payload['message']})" if thrown.payload.get("message") else ""
        raise step.failure(
            f"the {thrown.kind} {thrown.code or 'without a code'}{told} is caught by nobody; "
            f"attach a boundary {thrown.kind} event or correct what raises it"
        )
    task._drop_children()
    task._set_state(TaskState.CANCELLED)
    if isinstance(catcher.task_spec, Trigger):
        interrupt(catcher)
    else:
        for host in catcher.parent.children:
            if not isinstance(host.task_spec, BoundaryEvent) and host.has_state(TaskState.NOT_FINISHED_MASK):
                host.cancel()
    step.element = element_of(catcher)
    step.record(f"{thrown.kind}_caught", code=thrown.code, message=str(thrown.payload.get("message") or ""))
    fire(catcher, thrown.payload)


def branch_of(task: SpiffTask) -> set[Any]:
    """Ids of a task and everything behind it."""
    found, waiting = set(), [task]
    while waiting:
        each = waiting.pop()
        found.add(each.id)
        waiting += each.children
    return found


def interrupt(trigger: SpiffTask) -> None:
    """End everything in the scope but the branch of its event sub-process."""
    workflow = trigger.workflow
    kept = branch_of(trigger)
    for task in list(workflow.tasks.values()):
        if task.id not in kept and task.id in workflow.tasks and task.has_state(TaskState.NOT_FINISHED_MASK):
            task.cancel()


def standing_data(task: SpiffTask) -> dict[str, Any]:
    """The variables as they stand in a task's scope: its own, with what has changed in tokens elsewhere in it."""
    workflow = task.workflow
    tokens = [
        each
        for scope in scopes_within(workflow)
        for each in scope.tasks.values()
        if each.has_state(TaskState.READY | TaskState.WAITING | TaskState.STARTED)
        and not isinstance(each.task_spec, BoundaryEvent | Trigger)
    ]
    if workflow.last_task is not None:
        tokens.append(workflow.last_task)
    data: dict[str, Any] = dict(task.data)
    for token in sorted(tokens, key=lambda each: each.last_state_change):
        for key, value in token.data.items():
            if key not in task.data or task.data[key] != value:
                data[key] = value
    return data


def scopes_within(workflow: Any) -> list[Any]:
    """A process or sub-process with everything that runs inside it, outer before inner."""
    top = workflow.top_workflow
    found = [workflow]
    for part in top.subprocesses.values():  # in order of creation, so what is around comes first
        parent = top.get_task_from_id_or_none(part.parent_task_id)
        if parent is not None and any(parent.workflow is scope for scope in found):
            found.append(part)
    return found


def fire_conditions(step: Any, workflow: Any) -> bool:
    """Let every waiting condition that holds now happen; whether any did."""
    fired = False
    for task in list(workflow.event_manager.tasks.values()):
        if task.state != TaskState.WAITING:
            continue
        for definition in conditions_of(task):
            element = definition.element
            step.element, step.process = element, step.definition.home[task.workflow.spec.name]
            names = step.names(standing_data(task))
            if step.evaluate(step.compile(compile_expression, definition.text), names):
                step.record("condition_met", condition=definition.text)
                if task.task_spec.event_definition is not definition:
                    task._set_internal_data(seen_events=[BpmnEvent(definition)])
                    task.task_spec._update(task)
                else:
                    fire(task)
                fired = True
                break
    return fired


def conditions_of(task: SpiffTask) -> list[CaseCondition]:
    """The conditions a waiting task waits for."""
    return [each for each in definitions_of(task) if isinstance(each, CaseCondition)]


def definitions_of(task: SpiffTask) -> list[Any]:
    """What an event or gateway waits for; a gateway for several things."""
    definition = getattr(task.task_spec, "event_definition", None)
    if definition is None:
        return []
    return list(getattr(definition, "event_definitions", None) or [definition])
