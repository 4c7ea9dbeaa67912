"""Sequence flows: every way leads somewhere, every gateway can decide, every element can be reached."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.workflow.elements import Diagram, Element, Flow

DECIDING = ("exclusiveGateway", "inclusiveGateway")
FREE = frozenset({"transaction", "adHocSubProcess"})


def check_flows(material: Material) -> Iterator[Finding]:
    """Every flow, then how the elements hang together."""
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for flow in diagram.flows.values():
            yield from check_flow(diagram, flow, source)
        for element in diagram.elements.values():
            yield from check_ways(diagram, element, source)
        yield from find_unreachable(diagram, source)


def check_flow(diagram: Diagram, flow: Flow, source: Source) -> Iterator[Finding]:
    """Both ends exist, in the same process or sub-process."""
    ends = [diagram.elements.get(name) for name in (flow.source, flow.target)]
    for name, end, word in zip((flow.source, flow.target), ends, ("from", "to"), strict=True):
        if end is None:
            message = f"the flow {flow.id} leads {word} {name or 'nowhere'!r}, which does not exist"
            yield source.error(flow.id, message, "connect it to an element or delete it", flow.line)
    start, target = ends
    if start is None or target is None:
        return
    if start.parent != target.parent:
        message = f"the flow {flow.id} crosses the border of a sub-process, from {start.id} to {target.id}"
        yield source.error(flow.id, message, "end the flow inside and leave from the sub-process itself", flow.line)
    if target.kind in ("startEvent", "boundaryEvent"):
        message = f"the flow {flow.id} leads into the {target.kind} {target.id}"
        yield source.error(flow.id, message, "lead it to the element behind the event", flow.line)


def check_ways(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """The flows that leave one element."""
    ways = diagram.outgoing(element.id)
    if element.kind == "endEvent":
        if ways:
            message = f"the flow {ways[0].id} leaves the end event {element.id}"
            yield source.error(element.id, message, "delete the flow or make the event a task", element.line)
        return
    if not ways:
        if _in_free_order(diagram, element) or element.by_event:
            return
        what = "dead-end gateway" if element.kind.endswith("Gateway") else "dead end"
        message = f"{what}: no flow leaves {element.name}"
        yield source.error(element.id, message, "lead it on, at least to an end event", element.line)
    elif element.kind in DECIDING:
        yield from check_decision(diagram, element, ways, source)
    elif element.kind == "eventBasedGateway":
        yield from check_waiting(diagram, element, ways, source)
    else:
        yield from _refuse_conditions(element, ways, source)
        if len(ways) > 1 and element.kind != "parallelGateway":
            message = f"{len(ways)} flows leave {element.name} at once"
            yield source.error(element.id, message, "put a parallel or exclusive gateway behind it", element.line)


def _in_free_order(diagram: Diagram, element: Element) -> bool:
    """Inside something refused already, whose elements need no flows."""
    around = diagram.elements.get(element.parent)
    return around is not None and around.kind in FREE


def _refuse_conditions(element: Element, ways: list[Flow], source: Source) -> Iterator[Finding]:
    for flow in ways:
        if flow.condition is not None:
            message = f"the condition on {flow.id} is never looked at: {element.name} is no gateway that decides"
            remedy = "put an exclusive gateway before the flow or delete the condition"
            yield source.error(flow.id, message, remedy, flow.line)


def check_decision(diagram: Diagram, element: Element, ways: list[Flow], source: Source) -> Iterator[Finding]:
    """An exclusive or inclusive gateway: a condition on every flow but the default."""
    default = element.default_flow
    if default is not None and default not in {flow.id for flow in ways}:
        message = f"the default flow {default!r} does not leave {element.name}"
        yield source.error(element.id, message, "choose one of its flows as the default", element.line)
    if len(ways) == 1:
        flow = ways[0]
        if flow.condition is not None and flow.id != default:
            message = f"the only flow {flow.id} has a condition, so the case stops here when it does not hold"
            yield source.error(flow.id, message, "delete the condition or draw a default flow", flow.line)
        return
    for flow in ways:
        if flow.id == default and flow.condition is not None:
            message = f"the condition on the default flow {flow.id} is never looked at"
            yield source.warning(flow.id, message, "delete the condition", flow.line)
        elif flow.id != default and flow.condition is None:
            message = f"the flow {flow.id} has no condition and is not the default of {element.name}"
            yield source.error(flow.id, message, "write a condition or make it the default", flow.line)


def check_waiting(diagram: Diagram, element: Element, ways: list[Flow], source: Source) -> Iterator[Finding]:
    """An event-based gateway waits for events, one of them a timer."""
    yield from _refuse_conditions(element, ways, source)
    targets = [target for flow in ways if (target := diagram.elements.get(flow.target)) is not None]
    for target in targets:
        if target.kind != "intermediateCatchEvent":
            message = f"{element.name} waits for events, but {target.id} is a {target.kind}"
            remedy = "lead its flows to intermediate timer, message, signal or conditional events"
            yield source.error(element.id, message, remedy, element.line)
    if targets and not any(target.event == "timer" for target in targets):
        message = f"{element.name} may wait for ever: none of its events is a timer"
        yield source.error(element.id, message, "add a timer event, every wait has a limit", element.line)


def find_unreachable(diagram: Diagram, source: Source) -> Iterator[Finding]:
    """Elements no start event leads to."""
    reached: set[str] = set()
    following: dict[str, list[str]] = {}
    for flow in diagram.flows.values():
        following.setdefault(flow.source, []).append(flow.target)
    for element in diagram.elements.values():
        if element.host:
            following.setdefault(element.host, []).append(element.id)
        if element.kind == "startEvent" and element.parent != diagram.id:
            following.setdefault(element.parent, []).append(element.id)
        if element.by_event and element.parent != diagram.id:
            following.setdefault(element.parent, []).append(element.id)
    waiting = [
        e.id for e in diagram.elements.values() if e.parent == diagram.id and (e.kind == "startEvent" or e.by_event)
    ]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += following.get(name, ())
    for element in diagram.elements.values():
        if element.id not in reached and not _in_free_order(diagram, element):
            if element.kind == "boundaryEvent" and element.host not in diagram.elements:
                continue  # its missing host is told already
            message = f"nothing leads to {element.name}"
            yield source.error(element.id, message, "connect it or delete it", element.line)
