"""Find what makes a diagram hard to read: things on top of each other, crossing flows, slanted lines.

Pure: text in, problems out. `wangge check` and the studio show the same list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from engine.workflow.drawing import Bounds, Drawing, Edge, Point, read_drawing
from engine.workflow.elements import Diagram, Element, Flow, read_diagram

TOUCH = 1.5  # pixels two things may differ and still count as touching

Segment = tuple[Point, Point]


@dataclass(frozen=True)
class LayoutProblem:
    """What is wrong with the drawing of one element, and what to do about it."""

    element: str
    message: str
    remedy: str


def lint_layout(xml: str, source: str = "the diagram") -> list[LayoutProblem]:
    """All layout problems of a diagram, in the order of its elements. Raises DiagramUnreadable."""
    diagram, drawing = read_diagram(xml, source), read_drawing(xml, source)
    checks = (_missing, _shapes, _boundaries, _slanted, _ends, _through, _crossings, _labels)
    return [problem for check in checks for problem in check(diagram, drawing)]


def _missing(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for element in diagram.elements.values():
        if element.id not in drawing.shapes:
            yield LayoutProblem(element.id, f"{element.name} has no place in the drawing", "put it on the canvas")
    for flow in diagram.flows.values():
        if flow.id not in drawing.edges:
            message = f"the flow from {flow.source} to {flow.target} is not drawn"
            yield LayoutProblem(flow.id, message, "delete the flow and connect the two again")


def _shapes(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    placed = [(e, drawing.shapes[e.id]) for e in diagram.elements.values() if e.id in drawing.shapes]
    for (one, its), (other, others) in combinations(placed, 2):
        inside = _ancestors(diagram, one).count(other.id) or _ancestors(diagram, other).count(one.id)
        hosted = one.host == other.id or other.host == one.id
        if not inside and not hosted and its.bounds.overlaps(others.bounds):
            yield LayoutProblem(one.id, f"{one.name} overlaps {other.name} ({other.id})", "move one of them away")
    for element, shape in placed:
        parent = drawing.shapes.get(element.parent)
        if parent and parent.expanded and not element.host and not parent.bounds.contains(shape.bounds):
            message = f"{element.name} lies outside its sub-process {element.parent}"
            yield LayoutProblem(element.id, message, "enlarge the sub-process or move the element in")


def _ancestors(diagram: Diagram, element: Element) -> list[str]:
    """The ids of the sub-processes around an element, innermost first."""
    found = []
    parent = diagram.elements.get(element.parent)
    while parent is not None and parent.id not in found and parent.id != diagram.id:
        found.append(parent.id)
        parent = diagram.elements.get(parent.parent)
    return found


def _boundaries(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for element in diagram.elements.values():
        event, host = drawing.shapes.get(element.id), drawing.shapes.get(element.host or "")
        if event is None or host is None:
            continue
        outer, inner = host.bounds.shrink(-TOUCH), host.bounds.shrink(TOUCH)
        if not _inside(event.bounds.centre, outer) or _inside(event.bounds.centre, inner):
            message = f"{element.name} does not sit on the border of {element.host}"
            yield LayoutProblem(element.id, message, "drag it onto the border of its host")


def _slanted(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for flow in diagram.flows.values():
        for (x1, y1), (x2, y2) in _segments(drawing, flow):
            if abs(x1 - x2) > TOUCH and abs(y1 - y2) > TOUCH:
                message = f"the flow from {flow.source} to {flow.target} runs slanted"
                yield LayoutProblem(flow.id, message, "let it run level and upright only")
                break


def _ends(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for flow in diagram.flows.values():
        edge = drawing.edges.get(flow.id)
        for name, at in ((flow.source, 0), (flow.target, -1)):
            shape = drawing.shapes.get(name)
            if edge is None or shape is None:
                continue
            on = _inside(edge.points[at], shape.bounds.shrink(-TOUCH))
            if not on or _inside(edge.points[at], shape.bounds.shrink(TOUCH + 1)):
                message = f"the flow from {flow.source} to {flow.target} does not end at the border of {name}"
                yield LayoutProblem(flow.id, message, "drag the end of the flow to the border of the shape")


def _through(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for flow in diagram.flows.values():
        source = diagram.elements.get(flow.source)
        around = {*_ancestors(diagram, source)} if source else set()
        segments = _segments(drawing, flow)
        for element in diagram.elements.values():
            shape = drawing.shapes.get(element.id)
            if shape is None or element.id in around:
                continue
            body = shape.bounds.shrink(TOUCH)
            if any(_cuts(segment, body) for segment in segments):
                message = f"the flow from {flow.source} to {flow.target} runs through {element.name} ({element.id})"
                yield LayoutProblem(flow.id, message, "lead the flow around the shape")


def _crossings(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    for one, other in combinations(diagram.flows.values(), 2):
        meeting = _meeting_points(one, other, drawing)
        for first in _segments(drawing, one):
            what = next((w for s in _segments(drawing, other) if (w := _meet(first, s, meeting))), None)
            if what:
                others = f"that from {other.source} to {other.target}"
                message = f"the flow from {one.source} to {one.target} {what} {others}"
                yield LayoutProblem(one.id, message, "lead one of them around, or move their shapes")
                break


def _meeting_points(one: Flow, other: Flow, drawing: Drawing) -> list[Point]:
    """Where two flows may touch: at a shape they share."""
    ends: list[dict[str, Point]] = []
    for flow in (one, other):
        edge = drawing.edges.get(flow.id)
        ends.append({flow.source: edge.points[0], flow.target: edge.points[-1]} if edge else {})
    return [point for name, point in ends[0].items() if name in ends[1]]


def _meet(one: Segment, other: Segment, allowed: list[Point]) -> str | None:
    """How two level or upright segments get in each other's way: crosses, runs on top of, or not at all."""
    (ax, ay), (bx, by) = one
    (cx, cy), (dx, dy) = other
    left, right = max(min(ax, bx), min(cx, dx)), min(max(ax, bx), max(cx, dx))
    if left > right + 0.01:
        return None
    top, bottom = max(min(ay, by), min(cy, dy)), min(max(ay, by), max(cy, dy))
    if top > bottom + 0.01:
        return None
    if right - left > TOUCH or bottom - top > TOUCH:
        return "runs on top of"
    near = any(abs(left - x) <= TOUCH and abs(top - y) <= TOUCH for x, y in allowed)
    return None if near else "crosses"


def _labels(diagram: Diagram, drawing: Drawing) -> Iterator[LayoutProblem]:
    names = {e.id: e.name for e in diagram.elements.values()} | {f.id: f.name for f in diagram.flows.values()}
    labels = {name: label for name, label in drawing.labels().items() if names.get(name)}
    for name, label in labels.items():
        for blocking in _things_under(label, diagram, drawing):
            message = f"the label “{names[name]}” lies on {blocking}"
            yield LayoutProblem(name, message, "drag the label to a free place beside its element")
    for (one, its), (other, others) in combinations(labels.items(), 2):
        if its.overlaps(others):
            message = f"the labels “{names[one]}” and “{names[other]}” lie on each other"
            yield LayoutProblem(one, message, "drag one of the labels away")


def _things_under(label: Bounds, diagram: Diagram, drawing: Drawing) -> Iterator[str]:
    for element in diagram.elements.values():
        shape = drawing.shapes.get(element.id)
        if shape is None:
            continue
        if shape.expanded:
            if label.overlaps(shape.bounds) and not shape.bounds.contains(label):
                yield f"the border of {element.name}"
        elif label.overlaps(shape.bounds):
            yield element.name
    for flow in diagram.flows.values():
        if any(_cuts(segment, label) for segment in _segments(drawing, flow)):
            yield f"the flow from {flow.source} to {flow.target}"


def _segments(drawing: Drawing, flow: Flow) -> list[Segment]:
    edge: Edge | None = drawing.edges.get(flow.id)
    return edge.segments if edge else []


def _cuts(segment: Segment, area: Bounds) -> bool:
    """Whether a segment has a point inside the area (for a slanted one: its bounding box has)."""
    (x1, y1), (x2, y2) = segment
    level = min(x1, x2) < area.right and area.x < max(x1, x2) + 0.01
    return level and min(y1, y2) < area.bottom and area.y < max(y1, y2) + 0.01


def _inside(point: Point, area: Bounds) -> bool:
    return area.x <= point[0] <= area.right and area.y <= point[1] <= area.bottom
