"""Turn the files of a deployment into prepared specs, cached: parsing happens once a deployment, never once a case."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs.mixins.multiinstance_task import LoopTask

from engine.errors import CityBroken
from engine.workflow.bpmn_parser import DiagramParser
from engine.workflow.decisions import Decision, load_decisions
from engine.workflow.elements import Diagram, Element, read_diagram
from engine.workflow.events import CORRELATION
from engine.workflow.expressions import CORE, Functions
from engine.workflow.forms import Form, load_form

# SpiffWorkflow builds the extras of its log records eagerly, for every state change of every task; nobody reads them.
for _name in ("spiff", "spiff.task", "spiff.workflow", "spiff.data"):
    logging.getLogger(_name).setLevel(logging.WARNING)


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
    listens: bool = False
    """Whether some event waits for what other cases send: a signal, or a message found by a correlation."""
    conditional: bool = False
    """Whether some event waits for a condition."""
    functions: Functions = CORE
    """What its expressions may call."""

    def element(self, process: str, element_id: str) -> Element:
        """The element of a process, by id."""
        return self.diagrams[process].elements[element_id]


def prepare(deployment_id: int, files: Mapping[str, str], functions: Functions = CORE) -> Definition:
    """Parse and prepare a deployment's files (logical path -> text). Raises CityBroken naming the file at fault.

    :param functions: what expressions may call; those of the city's calendar and of plugins beside the core's.
    """
    diagrams: dict[str, Diagram] = {}
    decisions: dict[str, Decision] = {}
    forms: dict[str, Form] = {}
    for path, text in sorted(files.items()):
        if path.startswith("processes/"):
            diagram = read_diagram(text, path)
            diagrams[diagram.id] = diagram
        elif path.startswith("decisions/"):
            decisions.update(load_decisions(text, path, functions))
        elif path.startswith("forms/"):
            forms[path.removeprefix("forms/").removesuffix(".json")] = load_form(text, path, functions)
    specs = parse_specs(diagrams)
    home = {name: name for name in diagrams}
    for diagram in diagrams.values():
        home.update({e.id: diagram.id for e in diagram.elements.values() if e.kind == "subProcess"})
    for name, spec in specs.items():
        _attach_elements(spec, diagrams[home[name]])
    elements = [element for diagram in diagrams.values() for element in diagram.elements.values()]
    return Definition(
        deployment_id,
        diagrams,
        specs,
        home,
        decisions,
        forms,
        listens=any(each.event == "signal" or CORRELATION in each.properties for each in elements),
        conditional=any(each.event == "conditional" for each in elements),
        functions=functions,
    )


def parse_specs(diagrams: Mapping[str, Diagram]) -> dict[str, Any]:
    """SpiffWorkflow's specs of all processes and embedded sub-processes."""
    parser = DiagramParser()
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
            _attach_definitions(task_spec, diagram)
        if isinstance(task_spec, LoopTask):
            inner = spec.task_specs[task_spec.task_spec]
            if not inner.completed_event.is_connected(task_spec.merge_child):
                inner.completed_event.connect(task_spec.merge_child)


def _attach_definitions(task_spec: Any, diagram: Diagram) -> None:
    """Give event definitions their element, for its input and output parameters.

    An event-based gateway takes over the definitions of the events behind it, in the order of its outputs.
    """
    definition: Any = getattr(task_spec, "event_definition", None)
    if hasattr(definition, "element"):
        definition.element = task_spec.element
    for item, output in zip(getattr(definition, "event_definitions", ()), task_spec.outputs, strict=False):
        if hasattr(item, "element"):
            item.element = diagram.elements[output.bpmn_id]
