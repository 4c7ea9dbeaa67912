"""Elements: only those of docs/reference/diagrams.md, each complete; what an engine would silently drop is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from engine.checks.events import check_event
from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.workflow.elements import BPMN, Diagram, Element

PAGE = "docs/reference/elements.md lists what a diagram may contain"
KINDS = frozenset(
    {
        "startEvent", "endEvent", "userTask", "manualTask", "serviceTask", "businessRuleTask", "scriptTask",
        "sendTask", "receiveTask", "exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway",
        "subProcess", "callActivity", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent",
    }
)  # fmt: skip
ACTIVITIES = frozenset(
    {
        "userTask", "manualTask", "serviceTask", "businessRuleTask", "scriptTask", "sendTask", "receiveTask",
        "subProcess", "callActivity",
    }
)  # fmt: skip
EVENTS: dict[str, tuple[str | None, ...]] = {
    "startEvent": (None,),
    "endEvent": (None, "terminate", "message", "signal", "error", "escalation"),
    "boundaryEvent": ("timer", "message", "signal", "error", "escalation", "conditional"),
    "intermediateCatchEvent": ("timer", "message", "signal", "conditional"),
    "intermediateThrowEvent": ("message", "signal", "escalation"),
}
DATA = frozenset({"property", "dataObject", "dataObjectReference"})
"""What holds data, for a multi-instance to go through."""
BEGINS_BESIDE = ("timer", "message", "signal", "error", "escalation", "conditional")
"""What may start an event sub-process."""
INSTEAD = {
    "task": "make it a user task or a service task",
    "complexGateway": "use an exclusive, inclusive or parallel gateway",
    "transaction": "use a sub-process",
    "adHocSubProcess": "use a sub-process with flows between its elements",
    "link": "draw the sequence flow instead of the link",
    "compensate": "draw the way back as flows of its own",
    "cancel": "use a message event",
}


def check_diagrams(material: Material) -> Iterator[Finding]:
    """Every element of every diagram."""
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for element in diagram.elements.values():
            yield from check_element(material, diagram, element, source)
        yield from check_ends(diagram, source)
    yield from check_sub_processes(material)
    yield from check_first_process(material)


def check_sub_processes(material: Material) -> Iterator[Finding]:
    """Ids of sub-processes and processes are one space in a city: states remember them by it."""
    owners = {name: name for name in material.diagrams}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.kind == "subProcess" and owners.setdefault(element.id, diagram.id) != diagram.id:
                message = f"{owners[element.id]} has a process or sub-process of this id too"
                remedy = f"give it an id of its own, such as {diagram.id}_{element.id}"
                yield material.source(diagram).error(element.id, message, remedy, element.line)


def check_first_process(material: Material) -> Iterator[Finding]:
    """The process of ``[lifecycle]`` exists."""
    process = material.city.process
    if process not in material.diagrams and not material.has_file(f"processes/{process}.bpmn"):
        message = f"new cases start the process {process!r}, but there is no processes/{process}.bpmn"
        source = Source("city.toml", f"city {material.city.id}")
        yield source.error("lifecycle.process", message, "name a diagram that exists")


def check_element(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """One element: its kind, its events, its loop, its message."""
    name = element.id or f"{element.kind} without id"
    if not element.id:
        yield source.error(name, "an element has no id", "give it one, a word such as check_on_site", element.line)
    if element.kind not in KINDS:
        remedy = INSTEAD.get(element.event or "") or INSTEAD.get(element.kind) or PAGE
        what = f"{element.kind} ({element.event} event)" if element.event else element.kind
        yield source.error(name, f"{what} is not supported", remedy, element.line)
        return
    around = diagram.elements.get(element.parent)
    beside = around is not None and around.by_event and element.kind == "startEvent"
    allowed = BEGINS_BESIDE if beside else EVENTS.get(element.kind)
    if allowed is not None and element.event not in allowed:
        said = f"a {element.event} event" if element.event else "no event"
        kinds = " or ".join(kind or "none" for kind in allowed)
        remedy = INSTEAD.get(element.event or "") or f"use {kinds}; {PAGE}"
        yield source.error(name, f"{element.kind} with {said} is not supported", remedy, element.line)
    yield from _check_node(material, diagram, element, source)
    yield from _check_loop(material, diagram, element, source)
    yield from check_event(material, diagram, element, source)
    if element.kind == "boundaryEvent":
        yield from _check_boundary(diagram, element, source)


def _check_node(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """What the element's XML says beyond the values we read."""
    node = material.nodes[diagram.id].get(element.id)
    if node is None:
        return
    definitions = [child for child in node if isinstance(child.tag, str) and child.tag.endswith("EventDefinition")]
    if len(definitions) > 1:
        message = f"the event waits for {len(definitions)} things at once"
        yield source.error(element.id, message, "draw one event for each", element.line)
    if node.get("isForCompensation") == "true":
        yield source.error(element.id, "compensation is not supported", INSTEAD["compensate"], element.line)


def _check_loop(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """Standard loops and multi-instance say how often they run."""
    node = material.nodes[diagram.id].get(element.id)
    loop = node.find(f"{{{BPMN}}}standardLoopCharacteristics") if node is not None else None
    many = node.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics") if node is not None else None
    if (loop is not None or many is not None) and (element.kind not in ACTIVITIES or element.by_event):
        yield source.error(element.id, f"a {element.kind} cannot repeat", "put it into a sub-process", element.line)
    if loop is not None:
        most = element.loop_most
        if element.loop_while is None and most is None:
            remedy = "write a loopCondition that holds while it goes on, or a loopMaximum"
            yield source.error(element.id, "the loop never ends", remedy, element.line)
        if most is not None and (not most.isdigit() or int(most) < 1):
            remedy = "write a whole number from 1"
            yield source.error(element.id, f"loopMaximum {most!r} is no number of rounds", remedy, element.line)
    if many is not None:
        yield from _check_instances(element, many, source)
        yield from _check_lists(material.nodes[diagram.id], element, many, source)


def _check_instances(element: Element, loop: Any, source: Source) -> Iterator[Finding]:
    """A multi-instance goes through a list or runs a number of times; what it collects has two names."""
    has = {
        tag: loop.find(f"{{{BPMN}}}{tag}") is not None
        for tag in ("loopDataInputRef", "inputDataItem", "loopCardinality", "loopDataOutputRef", "outputDataItem")
    }
    if has["loopDataInputRef"] and has["loopCardinality"]:
        remedy = "keep loopDataInputRef or loopCardinality"
        yield source.error(element.id, "the multi-instance has a list and a number", remedy, element.line)
    elif not has["loopCardinality"]:
        for tag, remedy in (
            ("loopDataInputRef", "name the list variable it goes through, or give a number in loopCardinality"),
            ("inputDataItem", "name the variable of one member in inputDataItem"),
        ):
            if not has[tag]:
                yield source.error(element.id, f"the multi-instance has no {tag}", remedy, element.line)
    if has["loopDataOutputRef"] != has["outputDataItem"]:
        remedy = "name both loopDataOutputRef and outputDataItem, or neither"
        yield source.error(element.id, "the multi-instance collects nothing", remedy, element.line)


def _check_lists(nodes: Mapping[str, Any], element: Element, loop: Any, source: Source) -> Iterator[Finding]:
    """A modeler keeps the name of a list only where it is the id of something that holds data."""
    for tag in ("loopDataInputRef", "loopDataOutputRef"):
        name = (loop.findtext(f"{{{BPMN}}}{tag}") or "").strip()
        if name and (name not in nodes or etree.QName(nodes[name]).localname not in DATA):
            message = f"{tag} {name!r} is the id of no property, so a modeler drops it when it saves the diagram"
            remedy = f'write <bpmn:property id="{name}" name="{name}"/> into {element.id}'
            yield source.warning(element.id, message, remedy, element.line)


def _check_boundary(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    host = diagram.elements.get(element.host or "")
    if host is None:
        message = f"the boundary event sits on {element.host!r}, which does not exist"
        yield source.error(element.id, message, "drag it onto the border of a task or sub-process", element.line)
    elif host.kind not in ACTIVITIES or host.by_event:
        message = f"the boundary event sits on {host.id}, a {host.kind}"
        yield source.error(element.id, message, "drag it onto a task, call activity or sub-process", element.line)
    elif host.parent != element.parent:
        message = f"the boundary event and its host {host.id} are in different sub-processes"
        yield source.error(element.id, message, "move them together", element.line)


def check_ends(diagram: Diagram, source: Source) -> Iterator[Finding]:
    """Every process and sub-process has one start and at least one end."""
    scopes = [(diagram.id, None), *((e.id, e.line) for e in diagram.elements.values() if e.kind == "subProcess")]
    for scope, line in scopes:
        inside = [element for element in diagram.elements.values() if element.parent == scope]
        starts = [element for element in inside if element.kind == "startEvent"]
        if len(starts) != 1:
            message = f"{scope} has {len(starts)} start events"
            remedy = "draw one" if not starts else f"keep one of {', '.join(start.id for start in starts)}"
            yield source.error(scope, message, remedy, line)
        if not any(element.kind == "endEvent" for element in inside):
            yield source.error(scope, f"{scope} has no end event", "draw at least one", line)
