"""Elements: only those of docs/reference/diagrams.md, each complete; what an engine would silently drop is refused."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cases.actions import ACTIONS
from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.workflow.elements import BPMN, Diagram, Element

PAGE = "docs/reference/diagrams.md lists what a diagram may contain"
KINDS = frozenset(
    {
        "startEvent", "endEvent", "userTask", "serviceTask", "businessRuleTask", "scriptTask", "exclusiveGateway",
        "inclusiveGateway", "parallelGateway", "eventBasedGateway", "subProcess", "callActivity", "boundaryEvent",
        "intermediateCatchEvent",
    }
)  # fmt: skip
ACTIVITIES = frozenset({"userTask", "serviceTask", "businessRuleTask", "scriptTask", "subProcess", "callActivity"})
EVENTS: dict[str, tuple[str | None, ...]] = {
    "startEvent": (None,),
    "endEvent": (None, "terminate"),
    "boundaryEvent": ("timer", "message"),
    "intermediateCatchEvent": ("timer", "message"),
}
INSTEAD = {
    "task": "make it a user task or a service task",
    "manualTask": "make it a user task",
    "sendTask": "make it a service task with an operator",
    "receiveTask": "use an intermediate message event",
    "complexGateway": "use an exclusive, inclusive or parallel gateway",
    "transaction": "use a sub-process",
    "adHocSubProcess": "use a sub-process with flows between its elements",
    "intermediateThrowEvent": "use a service task that does what the event should cause",
    "link": "draw the sequence flow instead of the link",
    "compensate": "draw the way back as flows of its own",
    "signal": "use a message event",
    "conditional": "use an exclusive gateway behind the step that changes the condition",
    "escalation": "use a service task with case/escalate",
    "error": "let the step answer with a result and branch on it in a gateway",
    "cancel": "use a message event",
}


def check_diagrams(material: Material) -> Iterator[Finding]:
    """Every element of every diagram."""
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for element in diagram.elements.values():
            yield from check_element(material, diagram, element, source)
        yield from check_ends(diagram, source)
    yield from check_first_process(material)


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
    allowed = EVENTS.get(element.kind)
    if allowed is not None and element.event not in allowed:
        said = f"a {element.event} event" if element.event else "no event"
        kinds = " or ".join(kind or "none" for kind in allowed)
        remedy = INSTEAD.get(element.event or "") or f"use {kinds}; {PAGE}"
        yield source.error(name, f"{element.kind} with {said} is not supported", remedy, element.line)
    if element.by_event:
        remedy = "use a boundary event on the sub-process around it"
        yield source.error(name, "event sub-processes are not supported", remedy, element.line)
    yield from _check_node(material, diagram, element, source)
    if element.event == "message" and allowed is not None:
        yield from _check_message(material, diagram, element, source)
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
    if node.find(f"{{{BPMN}}}standardLoopCharacteristics") is not None:
        remedy = "draw the loop with a gateway, or use multi-instance"
        yield source.error(element.id, "standard loops are not supported", remedy, element.line)
    loop = node.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics")
    if loop is not None:
        for tag, remedy in (
            ("loopDataInputRef", "name the list variable it goes through in loopDataInputRef"),
            ("inputDataItem", "name the variable of one member in inputDataItem"),
        ):
            if loop.find(f"{{{BPMN}}}{tag}") is None:
                yield source.error(element.id, f"the multi-instance has no {tag}", remedy, element.line)
        if loop.find(f"{{{BPMN}}}loopCardinality") is not None:
            remedy = "let it go through a list named in loopDataInputRef"
            yield source.error(element.id, "a multi-instance by number is not supported", remedy, element.line)
        collects = [loop.find(f"{{{BPMN}}}{tag}") is not None for tag in ("loopDataOutputRef", "outputDataItem")]
        if any(collects) and not all(collects):
            remedy = "name both loopDataOutputRef and outputDataItem, or neither"
            yield source.error(element.id, "the multi-instance collects nothing", remedy, element.line)


def _check_message(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    node = material.nodes[diagram.id].get(element.id)
    definition = node.find(f"{{{BPMN}}}messageEventDefinition") if node is not None else None
    reference = definition.get("messageRef") if definition is not None else None
    messages = {} if node is None else {
        item.get("id"): item.get("name") for item in node.getroottree().getroot().findall(f"{{{BPMN}}}message")
    }  # fmt: skip
    if not reference or not messages.get(reference):
        remedy = f"choose a message and name it, one of {', '.join(ACTIONS)}"
        yield source.error(element.id, "the message event has no message with a name", remedy, element.line)
    elif messages[reference] not in ACTIONS:
        message = f"nothing sends the message {messages[reference]!r}"
        yield source.warning(element.id, message, f"use one of {', '.join(ACTIONS)}", element.line)


def _check_boundary(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    host = diagram.elements.get(element.host or "")
    if host is None:
        message = f"the boundary event sits on {element.host!r}, which does not exist"
        yield source.error(element.id, message, "drag it onto the border of a task or sub-process", element.line)
    elif host.kind not in ACTIVITIES:
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
