"""Endless work: loops in which nobody acts and no time passes, and processes that call themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.checks.finding import Finding
from engine.checks.material import Material
from engine.workflow.elements import Diagram, Element

WAITING = frozenset({"userTask", "manualTask", "receiveTask", "intermediateCatchEvent", "eventBasedGateway"})


def check_loops(material: Material) -> Iterator[Finding]:
    """Loops without a user task, timer or message, within each process and sub-process."""
    calls = call_graph(material)
    recursive = {name for ring in rings(calls) for name in ring}
    for ring in rings(calls):
        diagram = material.diagrams[ring[0]]
        way = " → ".join([*ring, ring[0]])
        remedy = "remove one of the calls; draw the repetition as a loop"
        yield material.source(diagram).error(ring[0], f"the process calls itself: {way}", remedy)
    for diagram in material.diagrams.values():
        for scope in scopes_of(diagram):
            for ring in rings(_automatic(material, diagram, scope, recursive)):
                names = ", ".join(diagram.elements[name].name for name in ring)
                first = diagram.elements[ring[0]]
                message = f"an endless loop: nobody acts and no time passes in {names}"
                remedy = "put a user task, a timer or a message event into the loop"
                yield material.source(diagram).error(first.id, message, remedy, first.line)


def call_graph(material: Material) -> dict[str, list[str]]:
    """Which processes a process calls."""
    return {
        name: [e.called for e in diagram.elements.values() if e.called in material.diagrams and e.called is not None]
        for name, diagram in material.diagrams.items()
    }


def scopes_of(diagram: Diagram) -> list[str]:
    """The process and its sub-processes."""
    return [diagram.id, *(e.id for e in diagram.elements.values() if e.kind == "subProcess")]


def _automatic(material: Material, diagram: Diagram, scope: str, recursive: set[str]) -> dict[str, list[str]]:
    """The flows among elements of a scope that need neither people nor time."""
    inside = {
        e.id: e for e in diagram.elements.values() if e.parent == scope and not _waits(material, diagram, e, recursive)
    }
    graph: dict[str, list[str]] = {name: [] for name in inside}
    for flow in diagram.flows.values():
        if flow.source in inside and flow.target in inside:
            graph[flow.source].append(flow.target)
    return graph


def _waits(material: Material, diagram: Diagram, element: Element, recursive: set[str]) -> bool:
    """Whether an element always waits for somebody or something before the case goes on behind it."""
    if element.kind in WAITING:
        return element.event != "conditional"  # a condition may hold at once
    if element.kind == "subProcess":
        return not _passes(material, diagram, element.id, recursive)
    if element.kind == "callActivity":
        called = material.diagrams.get(element.called or "")
        return called is None or called.id in recursive or not _passes(material, called, called.id, recursive)
    return False


def _passes(material: Material, diagram: Diagram, scope: str, recursive: set[str]) -> bool:
    """Whether a process or sub-process can run from its start to an end without waiting."""
    graph = _automatic(material, diagram, scope, recursive)
    reached: set[str] = set()
    waiting = [name for name in graph if diagram.elements[name].kind == "startEvent"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += graph[name]
    return any(diagram.elements[name].kind == "endEvent" for name in reached)


def rings(graph: Mapping[str, list[str]]) -> list[list[str]]:
    """One ring for every group of nodes that reach each other, in the order of the ring."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        ring = _way_back(graph, start)
        if ring:
            found.append(ring)
            done |= set(ring)
    return found


def _way_back(graph: Mapping[str, list[str]], start: str) -> list[str]:
    """The shortest way from a node to itself, without the return; empty when there is none."""
    before: dict[str, str] = {}
    level = [start]
    while level:
        following: list[str] = []
        for name in level:
            for target in graph.get(name, ()):
                if target == start:
                    ring = [name]
                    while ring[-1] != start:
                        ring.append(before[ring[-1]])
                    return ring[::-1]
                if target not in before:
                    before[target] = name
                    following.append(target)
        level = following
    return []
