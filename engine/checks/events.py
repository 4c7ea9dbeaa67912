"""Events: what they wait for or throw has a name, somebody can throw or catch it, and it can reach its case."""

from __future__ import annotations

from collections.abc import Iterator

from engine.cases.actions import ACTIONS
from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.workflow.elements import BPMN, Diagram, Element
from engine.workflow.events import CORRELATION

THROWS = frozenset({"endEvent", "intermediateThrowEvent", "sendTask"})
RAISES = {
    "error": frozenset({"serviceTask", "subProcess", "callActivity"}),
    "escalation": frozenset({"subProcess", "callActivity"}),
}
"""Hosts inside which an error or escalation can come up."""


def check_event(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """What one event or message task waits for or throws."""
    if element.event == "message" or element.kind in ("sendTask", "receiveTask"):
        yield from _check_message(material, diagram, element, source)
    elif element.event == "signal":
        yield from _check_signal(material, diagram, element, source)
    elif element.event in RAISES:
        yield from _check_code(diagram, element, source)
    elif element.event == "conditional" and not element.condition:
        remedy = "write one, such as ${case.urgent}"
        yield source.error(element.id, "the conditional event has no condition", remedy, element.line)
    if element.by_event:
        yield from _check_beside(diagram, element, source)


def _check_message(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    sent = {
        each.message
        for other in material.diagrams.values()
        for each in other.elements.values()
        if each.kind in THROWS and each.message
    }
    if not element.message or not _is_named(material, diagram, element, "message"):
        remedy = f"choose a message and name it, such as {', '.join(ACTIONS)}"
        what = "message task" if element.kind.endswith("Task") else "message event"
        yield source.error(element.id, f"the {what} has no message with a name", remedy, element.line)
        return
    correlation = element.properties.get(CORRELATION, "").strip()
    if element.kind in THROWS:
        if not correlation:
            message = f"{element.name} sends {element.message!r} to nobody"
            remedy = (
                "give it the property correlation: the number of the case it is for, or the key that case waits with"
            )
            yield source.error(element.id, message, remedy, element.line)
    elif element.message not in sent and (correlation or element.message not in ACTIONS):
        message = f"nothing sends the message {element.message!r}"
        yield source.warning(element.id, message, f"use one of {', '.join(ACTIONS)} or send it", element.line)
    if CORRELATION in element.properties and "${" not in correlation:
        message = f"the correlation {correlation!r} is the same for every case"
        yield source.error(element.id, message, "write an expression, such as ${case.number}", element.line)


def _check_signal(material: Material, diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    if not element.signal or not _is_named(material, diagram, element, "signal"):
        yield source.error(
            element.id, "the signal event has no signal with a name", "choose a signal and name it", element.line
        )
        return
    others = [
        each.kind in THROWS
        for other in material.diagrams.values()
        for each in other.elements.values()
        if each.signal == element.signal
    ]
    if element.kind not in THROWS and not any(others):
        message = f"nothing throws the signal {element.signal!r}"
        yield source.warning(element.id, message, "throw it in some diagram, or correct the name", element.line)


def _is_named(material: Material, diagram: Diagram, element: Element, tag: str) -> bool:
    """Whether the reference leads to a message or signal that has a name."""
    node = material.nodes[diagram.id].get(element.id)
    if node is None:
        return False
    definition = node.find(f"{{{BPMN}}}{tag}EventDefinition")
    reference = (definition if definition is not None else node).get(f"{tag}Ref")
    root = node.getroottree().getroot()
    return any(item.get("id") == reference and item.get("name") for item in root.findall(f"{{{BPMN}}}{tag}"))


def _check_code(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    kind = element.event or ""
    if element.kind in THROWS and not element.code:
        remedy = f"choose an {kind} with a code"
        yield source.error(element.id, f"the {kind} event throws no code", remedy, element.line)
    if kind == "error" and not element.interrupting:
        message = "an error always ends what it comes from"
        yield source.error(element.id, message, "make the event interrupting", element.line)
    host = diagram.elements.get(element.host or "")
    if host is not None and host.kind not in RAISES[kind]:
        message = f"no {kind} can come from {host.id}, a {host.kind}"
        remedy = f"put it on a {' or '.join(sorted(RAISES[kind]))}"
        yield source.error(element.id, message, remedy, element.line)


def _check_beside(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """An event sub-process stands beside the flow."""
    for flow in (*diagram.incoming(element.id), *diagram.outgoing(element.id)):
        message = f"the flow {flow.id} touches the event sub-process {element.id}, which its start event begins"
        yield source.error(flow.id, message, "delete the flow", flow.line)
