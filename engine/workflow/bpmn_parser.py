"""The BPMN parser: SpiffWorkflow's, with our task specs and our way to read events, loops and event sub-processes."""

from __future__ import annotations

from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import (
    BoundaryEventParser,
    EndEventParser,
    EventBasedGatewayParser,
    EventDefinitionParser,
    IntermediateCatchEventParser,
    IntermediateThrowEventParser,
    ReceiveTaskParser,
    SendTaskParser,
    StartEventParser,
)
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs.data_spec import TaskDataReference
from SpiffWorkflow.bpmn.specs.defaults import (
    BoundaryEvent,
    EndEvent,
    EventSubprocess,
    IntermediateCatchEvent,
    IntermediateThrowEvent,
    ReceiveTask,
    SendTask,
    StartEvent,
)
from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent

from engine.workflow.events import CaseCondition, CodedEvent, NamedMessage, NamedSignal, SentMessage
from engine.workflow.lifecycle import (
    BoundaryJoin,
    BoundarySplit,
    CaseSpec,
    Catching,
    Decide,
    EventGate,
    Inclusive,
    Parallel,
    SubProcess,
)
from engine.workflow.scopes import Call, ScopeSpec
from engine.workflow.specs import (
    DecisionTask,
    DueTimer,
    OperatorTask,
    ParallelInstances,
    RepeatedTask,
    SequentialInstances,
)


class EventBody(EventSubprocess, SubProcess):  # type: ignore[misc]
    """The body of an event sub-process."""


class _Instances:
    """Mixed into every node parser: our loops and multi-instance kinds; item variables are known by name."""

    STANDARD_LOOP_CLASS = RepeatedTask
    PARALLEL_MI_CLASS = ParallelInstances
    SEQUENTIAL_MI_CLASS = SequentialInstances
    EVENT_SUBPROCESS_CLASS = EventBody

    spec: Any
    task: Any
    bpmn_id: str
    process_parser: Any

    def _add_boundary_event(self, children: list[etree._Element]) -> Any:
        """As stock, with our own specs: the activity and its events between a split and a join."""
        lane = self.task.lane
        split = BoundarySplit(self.spec, f"{self.bpmn_id}.BoundaryEventSplit", lane=lane)
        name = f"{self.bpmn_id}.BoundaryEventJoin"
        join = BoundaryJoin(self.spec, name, lane=lane, split_task=split.name, cancel=True)
        split.connect(self.task)
        self.task.connect(join)
        for node in children:
            event = self.process_parser.parse_node(node)
            split.connect(event)
            event.connect(join)
        return split

    def create_data_spec(self, item: etree._Element, cls: type[TaskDataReference]) -> TaskDataReference:
        return cls(item.get("name") or item.get("id"), item.get("name"))


class _Nodes(_Instances, TaskParser):  # type: ignore[misc]
    """Any node that needs no parsing of its own."""


class _Events(_Instances):
    """Event parsing that reads events as this platform writes them."""

    node: etree._Element

    def parse_timer_event(self, event: etree._Element) -> DueTimer:
        text = "".join(str(part) for part in event.itertext()).strip()
        return DueTimer(self.node.get("name") or self.node.get("id") or "", text)

    def parse_message_event(self, message_event: etree._Element) -> Any:
        stock = super().parse_message_event(message_event)  # type: ignore[misc]
        return NamedMessage(stock.name, [])

    def parse_signal_event(self, signal_event: etree._Element) -> NamedSignal:
        stock = super().parse_signal_event(signal_event)  # type: ignore[misc]
        return NamedSignal(stock.name)

    def parse_error_event(self, error_event: etree._Element) -> CodedEvent:
        stock = super().parse_error_event(error_event)  # type: ignore[misc]
        return CodedEvent("error", stock.code or None)

    def parse_escalation_event(self, escalation_event: etree._Element) -> CodedEvent:
        stock = super().parse_escalation_event(escalation_event)  # type: ignore[misc]
        return CodedEvent("escalation", stock.code or None)

    def parse_conditional_event(self, event: etree._Element) -> CaseCondition:
        stock = super().parse_conditional_event(event)  # type: ignore[misc]
        return CaseCondition(self.node.get("name") or self.node.get("id") or "", (stock.expression or "").strip())


EVENTS = [
    f".//bpmn:{kind}EventDefinition"
    for kind in ("timer", "message", "signal", "error", "escalation", "conditional", "terminate")
]


class _Throws(_Events):
    """Events that a diagram throws: a message leaves for another case."""

    def parse_message_event(self, message_event: etree._Element) -> SentMessage:
        return SentMessage(super().parse_message_event(message_event).name)


class _AnyEvent:
    """Stock looks for some kinds of events in some places; which are allowed where is our checker's business."""

    def create_task(self: Any) -> Any:
        return self._create_task(self.get_event_definition(EVENTS))


class _Start(_Events, StartEventParser):  # type: ignore[misc]
    """Start events; those with an event begin an event sub-process."""

    def create_task(self) -> Any:
        task = self._create_task(self.get_event_definition(EVENTS))
        task.interrupting = self.node.get("isInterrupting", "true") == "true"
        self.spec.start.connect(task)
        return task


class _End(_Throws, EndEventParser):  # type: ignore[misc]
    """End events."""

    def create_task(self) -> Any:
        task = self._create_task(self.get_event_definition(EVENTS))
        task.connect(self.spec.end)
        return task


class _Boundary(_Events, BoundaryEventParser):  # type: ignore[misc]
    """Boundary events."""


class _Catch(_AnyEvent, _Events, IntermediateCatchEventParser):  # type: ignore[misc]
    """Intermediate catch events."""


class _Throw(_AnyEvent, _Throws, IntermediateThrowEventParser):  # type: ignore[misc]
    """Intermediate throw events."""


class _Send(_Throws, SendTaskParser):  # type: ignore[misc]
    """Send tasks."""


class _Receive(_Events, ReceiveTaskParser):  # type: ignore[misc]
    """Receive tasks."""


class _Gateway(_Events, EventBasedGatewayParser):  # type: ignore[misc]
    """Event-based gateways."""


class _Process(ProcessParser):  # type: ignore[misc]
    """A process or sub-process; its event sub-processes wait beside its flow."""

    def create_spec(self) -> ScopeSpec:
        if not self.process_executable:
            raise ValidationException("the process is not executable", node=self.node, file_name=self.filename)
        return ScopeSpec(name=self.bpmn_id, description=self.get_name(), filename=self.filename)

    def add_tasks(self) -> None:
        for node in self.xpath("./bpmn:startEvent"):
            self.parse_node(node)
        for node in self.xpath("./bpmn:subProcess[@triggeredByEvent='true']"):
            body = self.parse_node(node)
            inner = self.parser.process_parsers[body.spec].get_spec()
            start = inner.bpmn_start_events[0]
            self.spec.await_event(body, start)
            start.event_definition = NoneEventDefinition()


def _with_our_instances(parser: type[TaskParser]) -> type[TaskParser]:
    return type(parser.__name__, (_Instances, parser), {})


def _ours(tag: str, spec: type) -> tuple[type, type]:
    return _with_our_instances(BpmnParser.PARSER_CLASSES[full_tag(tag)][0]), spec


def _live(spec: type) -> type:
    """A stock kind of task that lives as ours do."""
    return type(spec.__name__, (Catching, spec, CaseSpec) if issubclass(spec, CatchingEvent) else (spec, CaseSpec), {})


class DiagramParser(BpmnParser):  # type: ignore[misc]
    """Parses diagrams that the checker has found in order."""

    PROCESS_PARSER_CLASS = _Process
    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - SpiffWorkflow reads this attribute from the class
        **{
            tag: (_with_our_instances(parser), _live(spec))
            for tag, (parser, spec) in BpmnParser.PARSER_CLASSES.items()
            if not issubclass(parser, EventDefinitionParser)
        },
        full_tag("serviceTask"): (_Nodes, OperatorTask),
        full_tag("businessRuleTask"): (_Nodes, DecisionTask),
        full_tag("exclusiveGateway"): _ours("exclusiveGateway", Decide),
        full_tag("parallelGateway"): _ours("parallelGateway", Parallel),
        full_tag("inclusiveGateway"): _ours("inclusiveGateway", Inclusive),
        full_tag("subProcess"): _ours("subProcess", SubProcess),
        full_tag("callActivity"): _ours("callActivity", Call),
        full_tag("startEvent"): (_Start, _live(StartEvent)),
        full_tag("endEvent"): (_End, _live(EndEvent)),
        full_tag("boundaryEvent"): (_Boundary, _live(BoundaryEvent)),
        full_tag("intermediateCatchEvent"): (_Catch, _live(IntermediateCatchEvent)),
        full_tag("intermediateThrowEvent"): (_Throw, _live(IntermediateThrowEvent)),
        full_tag("sendTask"): (_Send, _live(SendTask)),
        full_tag("receiveTask"): (_Receive, _live(ReceiveTask)),
        full_tag("eventBasedGateway"): (_Gateway, EventGate),
    }
