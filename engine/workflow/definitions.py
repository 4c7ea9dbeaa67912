"""Turn the files of a deployment into prepared specs, cached: parsing happens once a deployment, never once a case."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import (
    BoundaryEventParser,
    EventBasedGatewayParser,
    IntermediateCatchEventParser,
)
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs.data_spec import TaskDataReference
from SpiffWorkflow.bpmn.specs.defaults import BoundaryEvent, EventBasedGateway, IntermediateCatchEvent
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask

from engine.errors import CityBroken
from engine.workflow.decisions import Decision, load_decisions
from engine.workflow.elements import Diagram, Element, read_diagram
from engine.workflow.forms import Form, load_form
from engine.workflow.specs import (
    DecisionTask,
    DueTimer,
    NamedMessage,
    OperatorTask,
    ParallelInstances,
    SequentialInstances,
)

# SpiffWorkflow builds the extras of its log records eagerly, for every state change of every task; nobody reads them.
for _name in ("spiff", "spiff.task", "spiff.workflow", "spiff.data"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class _Instances:
    """Mixed into every node parser: our multi-instance kinds; item variables are known by name."""

    PARALLEL_MI_CLASS = ParallelInstances
    SEQUENTIAL_MI_CLASS = SequentialInstances

    def create_data_spec(self, item: etree._Element, cls: type[TaskDataReference]) -> TaskDataReference:
        return cls(item.get("name") or item.get("id"), item.get("name"))


class _Nodes(_Instances, TaskParser):  # type: ignore[misc]
    """Any node that needs no parsing of its own."""


class _Events:
    """Event parsing that reads timers and messages as this platform writes them."""

    node: etree._Element

    def parse_timer_event(self, event: etree._Element) -> DueTimer:
        text = "".join(str(part) for part in event.itertext()).strip()
        return DueTimer(self.node.get("name") or self.node.get("id") or "", text)

    def parse_message_event(self, message_event: etree._Element) -> NamedMessage:
        stock = super().parse_message_event(message_event)  # type: ignore[misc]
        return NamedMessage(stock.name, [])


class _Boundary(_Events, BoundaryEventParser):  # type: ignore[misc]
    """Boundary events."""


class _Catch(_Events, IntermediateCatchEventParser):  # type: ignore[misc]
    """Intermediate catch events."""


class _Gateway(_Events, EventBasedGatewayParser):  # type: ignore[misc]
    """Event-based gateways."""


def _with_our_instances(parser: type[TaskParser]) -> type[TaskParser]:
    return type(parser.__name__, (_Instances, parser), {})


class _Parser(BpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES = {  # noqa: RUF012 - SpiffWorkflow reads this attribute from the class
        **{tag: (_with_our_instances(parser), spec) for tag, (parser, spec) in BpmnParser.PARSER_CLASSES.items()},
        full_tag("serviceTask"): (_Nodes, OperatorTask),
        full_tag("businessRuleTask"): (_Nodes, DecisionTask),
        full_tag("boundaryEvent"): (_Boundary, BoundaryEvent),
        full_tag("intermediateCatchEvent"): (_Catch, IntermediateCatchEvent),
        full_tag("eventBasedGateway"): (_Gateway, EventBasedGateway),
    }


@dataclass(frozen=True)
class Definition:
    """A deployment made ready to run: specs by process and sub-process id, what the diagrams say, decisions, forms.

    ``home`` maps the name of a spec (process or embedded sub-process) to its process.
    """

    deployment_id: int
    diagrams: Mapping[str, Diagram]
    specs: Mapping[str, Any]
    home: Mapping[str, str]
    decisions: Mapping[str, Decision]
    forms: Mapping[str, Form]

    def element(self, process: str, element_id: str) -> Element:
        """The element of a process, by id."""
        return self.diagrams[process].elements[element_id]


def prepare(deployment_id: int, files: Mapping[str, str]) -> Definition:
    """Parse and prepare a deployment's files (logical path -> text). Raises CityBroken naming the file at fault."""
    diagrams: dict[str, Diagram] = {}
    decisions: dict[str, Decision] = {}
    forms: dict[str, Form] = {}
    for path, text in sorted(files.items()):
        if path.startswith("processes/"):
            diagram = read_diagram(text, path)
            diagrams[diagram.id] = diagram
        elif path.startswith("decisions/"):
            decisions.update(load_decisions(text, path))
        elif path.startswith("forms/"):
            forms[path.removeprefix("forms/").removesuffix(".json")] = load_form(text, path)
    specs = parse_specs(diagrams)
    home = {name: name for name in diagrams}
    for diagram in diagrams.values():
        home.update({e.id: diagram.id for e in diagram.elements.values() if e.kind == "subProcess"})
    for name, spec in specs.items():
        _attach_elements(spec, diagrams[home[name]])
    return Definition(deployment_id, diagrams, specs, home, decisions, forms)


def parse_specs(diagrams: Mapping[str, Diagram]) -> dict[str, Any]:
    """SpiffWorkflow's specs of all processes and embedded sub-processes."""
    parser = _Parser()
    try:
        for diagram in diagrams.values():
            parser.add_bpmn_str(diagram.xml.encode("utf-8"), filename=diagram.source)
        return dict(parser.find_all_specs())
    except ValidationException as error:
        where = f"{error.file_name or 'a diagram'}, element {error.tag or ''} {error.id or ''}".rstrip()
        raise CityBroken(f"{where}: {error}; correct the diagram (docs/reference/diagrams.md)") from error


def _attach_elements(spec: Any, diagram: Diagram) -> None:
    """Give every task spec its element, and connect what stock connects only when it creates a child.

    Multi-instance parents on a freshly parsed spec would otherwise never hear that a reloaded child completed.
    """
    for task_spec in spec.task_specs.values():
        element = diagram.elements.get(task_spec.bpmn_id or "")
        if element is not None:
            task_spec.element = element
            _attach_messages(task_spec, diagram)
        if isinstance(task_spec, LoopTask):
            inner = spec.task_specs[task_spec.task_spec]
            if not inner.completed_event.is_connected(task_spec.merge_child):
                inner.completed_event.connect(task_spec.merge_child)


def _attach_messages(task_spec: Any, diagram: Diagram) -> None:
    """Give message definitions their element, for its output parameters.

    An event-based gateway takes over the definitions of the events behind it, in the order of its outputs.
    """
    definition = getattr(task_spec, "event_definition", None)
    if isinstance(definition, NamedMessage):
        definition.element = task_spec.element
    for item, output in zip(getattr(definition, "event_definitions", ()), task_spec.outputs, strict=False):
        if isinstance(item, NamedMessage):
            item.element = diagram.elements[output.bpmn_id]
