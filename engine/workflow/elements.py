"""Read a BPMN file into plain values: what the diagram says, before any engine looks at it.

The checker, the runtime, the picture and the clerk's explanations all read these values, so that they agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
NAMESPACES = {"bpmn": BPMN, "camunda": CAMUNDA}
EVENT_KINDS = (
    "timer", "message", "signal", "error", "escalation", "conditional", "terminate", "link", "cancel", "compensate",
)  # fmt: skip

PEOPLE = ("userTask", "manualTask")
"""Tasks that somebody finds on the task list."""


class DiagramUnreadable(Exception):
    """The file is no readable BPMN; the message says where and what to do."""


@dataclass(frozen=True)
class Element:
    """One flow node of a diagram. ``kind`` is the BPMN tag; ``parent`` the enclosing process or sub-process.

    ``code`` is that of an error or escalation event, none for one that catches every code. ``groups`` are the task's
    own (a manual task's property ``role``), or else the role of its lane.
    """

    id: str
    kind: str
    name: str
    parent: str
    line: int
    documentation: str = ""
    event: str | None = None
    timer: str | None = None
    message: str | None = None
    host: str | None = None
    interrupting: bool = True
    by_event: bool = False
    signal: str | None = None
    code: str | None = None
    condition: str | None = None
    called: str | None = None
    topic: str | None = None
    decision: str | None = None
    result_variable: str | None = None
    groups: str | None = None
    form: str | None = None
    default_flow: str | None = None
    script: str | None = None
    multi: str | None = None
    loop_while: str | None = None
    loop_most: str | None = None
    cardinality: str | None = None
    lane: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """A sequence flow with its condition as written, none where there is none."""

    id: str
    source: str
    target: str
    name: str
    condition: str | None
    line: int


@dataclass(frozen=True)
class Diagram:
    """A process with its flow nodes and flows, sub-processes flattened (see ``Element.parent``)."""

    id: str
    name: str
    source: str
    documentation: str
    elements: Mapping[str, Element]
    flows: Mapping[str, Flow]
    xml: str = field(repr=False, default="")

    def outgoing(self, element: str) -> list[Flow]:
        """Flows that leave the element, in document order."""
        return [flow for flow in self.flows.values() if flow.source == element]

    def incoming(self, element: str) -> list[Flow]:
        """Flows that reach the element, in document order."""
        return [flow for flow in self.flows.values() if flow.target == element]

    def boundaries(self, host: str) -> list[Element]:
        """Boundary events on the element."""
        return [element for element in self.elements.values() if element.host == host]


def parse_xml(xml: str, source: str) -> etree._Element:
    """Parse without entities or network; raises DiagramUnreadable with the line."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(xml.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        raise DiagramUnreadable(f"{source}: unreadable XML, {error.msg}; save it again from the modeler") from error


def read_diagram(xml: str, source: str) -> Diagram:
    """The one process of a BPMN file. Raises DiagramUnreadable when there is none, or more than one."""
    root = parse_xml(xml, source)
    processes = root.findall(f"{{{BPMN}}}process")
    if len(processes) != 1:
        raise DiagramUnreadable(f"{source}: {len(processes)} processes in one file; keep exactly one")
    process = processes[0]
    names = _read_names(root)
    lanes = _read_lanes(process)
    elements: dict[str, Element] = {}
    flows: dict[str, Flow] = {}
    for node, parent in _flow_nodes(process, process.get("id", "")):
        if etree.QName(node).localname == "sequenceFlow":
            flow = _flow(node)
            flows[flow.id] = flow
        else:
            element = _element(node, parent, names, lanes)
            if element.id in elements:
                raise DiagramUnreadable(f"{source}: two elements have the id {element.id}; give one another id")
            elements[element.id] = element
    return Diagram(
        id=process.get("id", ""),
        name=process.get("name") or process.get("id") or "",
        source=source,
        documentation=_documentation(process),
        elements=MappingProxyType(elements),
        flows=MappingProxyType(flows),
        xml=xml,
    )


def _flow_nodes(container: etree._Element, parent: str) -> Iterator[tuple[etree._Element, str]]:
    for node in container:
        if not isinstance(node.tag, str) or etree.QName(node).namespace != BPMN:
            continue
        name = etree.QName(node).localname
        if (
            name == "sequenceFlow"
            or name.endswith(("Task", "Event", "Gateway", "SubProcess"))
            or name
            in (
                "task",
                "subProcess",
                "callActivity",
                "transaction",
            )
        ):
            yield node, parent
        if name in ("subProcess", "transaction", "adHocSubProcess"):
            yield from _flow_nodes(node, node.get("id", ""))


def _line(node: etree._Element) -> int:
    return node.sourceline if isinstance(node.sourceline, int) else 0


def _flow(node: etree._Element) -> Flow:
    condition = node.find(f"{{{BPMN}}}conditionExpression")
    return Flow(
        id=node.get("id", ""),
        source=node.get("sourceRef", ""),
        target=node.get("targetRef", ""),
        name=node.get("name", ""),
        condition=(condition.text or "").strip() if condition is not None else None,
        line=_line(node),
    )


def _read_names(root: etree._Element) -> Mapping[str, str]:
    """What messages and signals are called, and the codes of errors and escalations, by their ids."""
    found: dict[str, str] = {}
    for tag, attribute in (
        ("message", "name"),
        ("signal", "name"),
        ("error", "errorCode"),
        ("escalation", "escalationCode"),
    ):
        for node in root.findall(f"{{{BPMN}}}{tag}"):
            found[node.get("id", "")] = node.get(attribute) or ""
    return found


def _read_lanes(process: etree._Element) -> Mapping[str, tuple[str, str]]:
    """The lane of every element that stands in one: its name and the role its property ``role`` gives."""
    found: dict[str, tuple[str, str]] = {}
    for lane in process.iter(f"{{{BPMN}}}lane"):
        role = _properties(lane).get("role", "").strip()
        for reference in lane.findall(f"{{{BPMN}}}flowNodeRef"):
            if reference.text:
                found[reference.text.strip()] = (lane.get("name") or lane.get("id") or "", role)
    return found


def _lane_of(node: etree._Element, lanes: Mapping[str, tuple[str, str]]) -> tuple[str | None, str | None]:
    """The innermost lane around an element; what is in a sub-process stands in the lane of the sub-process."""
    around: etree._Element | None = node
    while around is not None:
        if around.get("id", "") in lanes:
            name, role = lanes[around.get("id", "")]
            return name, role or None
        around = around.getparent()
    return None, None


def _element(
    node: etree._Element, parent: str, names: Mapping[str, str], lanes: Mapping[str, tuple[str, str]]
) -> Element:
    event, definition = _event(node)

    def named(attribute: str) -> str | None:
        reference = node.get(attribute) or (definition.get(attribute) if definition is not None else None)
        return (names.get(reference) or reference) if reference else None

    kind = etree.QName(node).localname
    lane, lane_role = _lane_of(node, lanes) if lanes else (None, None)
    code_ref = definition.get(f"{event}Ref") if definition is not None and event in ("error", "escalation") else None
    return Element(
        id=node.get("id", ""),
        kind=kind,
        name=node.get("name") or node.get("id") or "",
        parent=parent,
        line=_line(node),
        documentation=_documentation(node),
        event=event,
        timer=_timer(definition) if event == "timer" else None,
        message=named("messageRef"),
        host=node.get("attachedToRef"),
        interrupting=node.get("isInterrupting" if kind == "startEvent" else "cancelActivity", "true") == "true",
        by_event=node.get("triggeredByEvent") == "true",
        signal=named("signalRef"),
        code=names.get(code_ref) or None if code_ref else None,
        condition=_text(definition, "condition") if event == "conditional" else None,
        called=node.get("calledElement"),
        topic=_camunda(node, "topic"),
        decision=_camunda(node, "decisionRef"),
        result_variable=_camunda(node, "resultVariable"),
        groups=_camunda(node, "candidateGroups") or _role(node, kind) or (lane_role if kind in PEOPLE else None),
        form=_camunda(node, "formKey"),
        default_flow=node.get("default"),
        script=node.findtext(f"{{{BPMN}}}script"),
        multi=_multi(node),
        loop_while=_text(node.find(f"{{{BPMN}}}standardLoopCharacteristics"), "loopCondition"),
        loop_most=_loop_most(node),
        cardinality=_text(node.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics"), "loopCardinality"),
        lane=lane,
        inputs=_parameters(node, "inputParameter"),
        outputs=_parameters(node, "outputParameter"),
        properties=_properties(node),
    )


def _role(node: etree._Element, kind: str) -> str | None:
    """The property ``role`` of a manual task, on which modelers know no ``candidateGroups``."""
    return _properties(node).get("role", "").strip() or None if kind == "manualTask" else None


def _properties(node: etree._Element) -> Mapping[str, str]:
    path = "bpmn:extensionElements/camunda:properties/camunda:property"
    return MappingProxyType({item.get("name", ""): item.get("value", "") for item in node.findall(path, NAMESPACES)})


def _text(node: etree._Element | None, tag: str) -> str | None:
    """The text of a child, none where there is none."""
    text = node.findtext(f"{{{BPMN}}}{tag}") if node is not None else None
    return text.strip() if text and text.strip() else None


def _loop_most(node: etree._Element) -> str | None:
    """How often a standard loop runs at most, as written."""
    loop = node.find(f"{{{BPMN}}}standardLoopCharacteristics")
    return loop.get("loopMaximum") if loop is not None else None


def _event(node: etree._Element) -> tuple[str | None, etree._Element | None]:
    for kind in EVENT_KINDS:
        definition = node.find(f"{{{BPMN}}}{kind}EventDefinition")
        if definition is not None:
            return kind, definition
    return None, None


def _timer(definition: etree._Element | None) -> str | None:
    if definition is None:
        return None
    for kind in ("timeDuration", "timeDate", "timeCycle"):
        text = definition.findtext(f"{{{BPMN}}}{kind}")
        if text and text.strip():
            return text.strip()
    return ""


def _multi(node: etree._Element) -> str | None:
    loop = node.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics")
    if loop is None:
        return None
    return "sequential" if loop.get("isSequential") == "true" else "parallel"


def _camunda(node: etree._Element, name: str) -> str | None:
    return node.get(f"{{{CAMUNDA}}}{name}")


def _parameters(node: etree._Element, tag: str) -> Mapping[str, str]:
    path = f"bpmn:extensionElements/camunda:inputOutput/camunda:{tag}"
    return MappingProxyType(
        {item.get("name", ""): (item.text or "").strip() for item in node.findall(path, NAMESPACES)}
    )


def _documentation(node: etree._Element) -> str:
    return (node.findtext(f"{{{BPMN}}}documentation") or "").strip()
