"""Read where a diagram's elements stand: the diagram-interchange half of a BPMN file, as plain values.

Lengths are pixels, x to the right, y down. What a diagram means is read in engine/workflow/elements.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from engine.workflow.elements import parse_xml

BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"

Point = tuple[float, float]


@dataclass(frozen=True)
class Bounds:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2

    def shrink(self, margin: float) -> Bounds:
        """The same rectangle, smaller by ``margin`` on every side (larger when negative)."""
        return Bounds(self.x + margin, self.y + margin, self.width - 2 * margin, self.height - 2 * margin)

    def overlaps(self, other: Bounds) -> bool:
        """Whether the two share an area; touching is not overlapping."""
        apart_x = self.right <= other.x or other.right <= self.x
        return not (apart_x or self.bottom <= other.y or other.bottom <= self.y)

    def contains(self, other: Bounds) -> bool:
        """Whether the other lies inside."""
        inside_x = self.x <= other.x and other.right <= self.right
        return inside_x and self.y <= other.y and other.bottom <= self.bottom


@dataclass(frozen=True)
class Shape:
    """Where a flow node stands, and where its name is written when beside it."""

    id: str
    bounds: Bounds
    label: Bounds | None
    expanded: bool


@dataclass(frozen=True)
class Edge:
    """The corners of a flow, and where its name is written."""

    id: str
    points: tuple[Point, ...]
    label: Bounds | None

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        """The straight pieces in order."""
        return list(zip(self.points, self.points[1:], strict=False))


@dataclass(frozen=True)
class Drawing:
    """The coordinates of one diagram, by element id."""

    shapes: Mapping[str, Shape]
    edges: Mapping[str, Edge]

    def labels(self) -> dict[str, Bounds]:
        """Where names are written beside their element or flow, by its id."""
        of_shapes = {shape.id: shape.label for shape in self.shapes.values() if shape.label}
        return of_shapes | {edge.id: edge.label for edge in self.edges.values() if edge.label}


def read_drawing(xml: str, source: str = "the diagram") -> Drawing:
    """Read the coordinates; empty where the file has none. Raises DiagramUnreadable."""
    root = parse_xml(xml, source)
    shapes: dict[str, Shape] = {}
    edges: dict[str, Edge] = {}
    for node in root.iter(f"{{{BPMNDI}}}BPMNShape"):
        bounds = _bounds(node.find(f"{{{DC}}}Bounds"))
        if bounds is not None:
            name = node.get("bpmnElement", "")
            shapes[name] = Shape(name, bounds, _label(node), node.get("isExpanded") == "true")
    for node in root.iter(f"{{{BPMNDI}}}BPMNEdge"):
        name = node.get("bpmnElement", "")
        points = tuple((_length(p, "x"), _length(p, "y")) for p in node.findall(f"{{{DI}}}waypoint"))
        if len(points) >= 2:
            edges[name] = Edge(name, points, _label(node))
    return Drawing(shapes, edges)


def _label(node: etree._Element) -> Bounds | None:
    return _bounds(node.find(f"{{{BPMNDI}}}BPMNLabel/{{{DC}}}Bounds"))


def _bounds(node: etree._Element | None) -> Bounds | None:
    if node is None:
        return None
    return Bounds(*(_length(node, key) for key in ("x", "y", "width", "height")))


def _length(node: etree._Element, key: str) -> float:
    try:
        return float(node.get(key, "0"))
    except ValueError:
        return 0.0
