"""Write the coordinates of a diagram from a layout description; the meaning of the diagram stays untouched.

    python tools/diagrams/place.py                    # every processes/*.bpmn that has a layout
    python tools/diagrams/place.py some.bpmn some.txt

A layout is a text, one element a line, in columns and rows of a grid (fractions allowed):

    pitch 150 110                  pixels a column and a row
    start 0 1                      an element's centre
    box lifecycle 1 0 12 5         an expanded sub-process: left, top, right, bottom
    on limit_80 bottom 5.2         a boundary event: side of its host, position along the side
    flow returned b x4 l           a route: side it leaves (l r t b), turns (x column, y row), side it enters
    label returned 6 4             where a label's top left corner is, pixels from its usual place

Flows without a line run straight, or leave sideways and turn once.
"""

from __future__ import annotations

import sys
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
BPMNDI = "http://www.omg.org/spec/BPMN/20100524/DI"
DC = "http://www.omg.org/spec/DD/20100524/DC"
DI = "http://www.omg.org/spec/DD/20100524/DI"
ORIGIN = (180.0, 120.0)
LABEL_EM, LABEL_HEIGHT = 11, 14
LABEL_SLACK = 6  # a modeler breaks the line when the last letter just fits
OUTSIDE_NAME = ("Event", "Gateway")  # their names stand beside the shape

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    def side(self, name: str) -> Point:
        """The middle of the left, right, top or bottom side."""
        middle_x, middle_y = self.x + self.width / 2, self.y + self.height / 2
        return {
            "l": (self.x, middle_y),
            "r": (self.x + self.width, middle_y),
            "t": (middle_x, self.y),
            "b": (middle_x, self.y + self.height),
        }[name]


@dataclass
class Layout:
    """What a layout text says."""

    pitch: Point = (150.0, 110.0)
    centres: dict[str, Point] = field(default_factory=dict)
    boxes: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    boundaries: dict[str, tuple[str, float]] = field(default_factory=dict)
    routes: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, Point] = field(default_factory=dict)

    def x(self, column: float) -> float:
        return ORIGIN[0] + column * self.pitch[0]

    def y(self, row: float) -> float:
        return ORIGIN[1] + row * self.pitch[1]


def read_layout(text: str) -> Layout:
    """Read a layout description."""
    layout = Layout()
    for line in text.splitlines():
        words = line.split("#")[0].split()
        match words:
            case []:
                continue
            case ["pitch", width, height]:
                layout.pitch = (float(width), float(height))
            case ["box", name, *edges]:
                left, top, right, bottom = map(float, edges)
                layout.boxes[name] = (left, top, right, bottom)
            case ["on", name, side, position]:
                layout.boundaries[name] = (side, float(position))
            case ["flow", name, *turns]:
                layout.routes[name] = turns
            case ["label", name, right, down]:
                layout.labels[name] = (float(right), float(down))
            case [name, column, row]:
                layout.centres[name] = (float(column), float(row))
            case _:
                raise SystemExit(f"cannot read the line {line!r}; see tools/diagrams/place.py")
    return layout


def place(source: bytes, layout: Layout) -> bytes:
    """The diagram with its coordinates replaced."""
    root = etree.fromstring(source, etree.XMLParser(remove_blank_text=True))
    for old in root.findall(f"{{{BPMNDI}}}BPMNDiagram"):
        root.remove(old)
    process = root.find(f"{{{BPMN}}}process")
    diagram = etree.SubElement(root, f"{{{BPMNDI}}}BPMNDiagram", id=f"{process.get('id')}_diagram")
    plane = etree.SubElement(diagram, f"{{{BPMNDI}}}BPMNPlane", id=f"{process.get('id')}_plane")
    plane.set("bpmnElement", process.get("id"))
    nodes = [node for node in process.iter() if _is_node(node)]
    boxes = {node.get("id"): _box(node, layout) for node in nodes}
    for name, (side, position) in layout.boundaries.items():
        boxes[name] = _boundary_box(boxes[_find(nodes, name).get("attachedToRef")], side, position, layout)
    flows = list(process.iter(f"{{{BPMN}}}sequenceFlow"))
    routes = {flow.get("id"): route(flow, boxes, layout) for flow in flows}
    for node in nodes:
        _write_shape(plane, node, boxes, routes, flows, layout)
    for flow in flows:
        _write_edge(plane, flow, routes[flow.get("id")], layout)
    etree.indent(root, "  ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="UTF-8") + b"\n"


def _is_node(node: etree._Element) -> bool:
    if not isinstance(node.tag, str) or etree.QName(node).namespace != BPMN:
        return False
    name = etree.QName(node).localname
    return name.endswith(("Event", "Gateway", "Task")) or name in ("task", "subProcess", "callActivity")


def _find(nodes: list[etree._Element], name: str) -> etree._Element:
    found = next((node for node in nodes if node.get("id") == name), None)
    if found is None:
        raise SystemExit(f"the layout places {name}, which the diagram does not have")
    return found


def _size(node: etree._Element) -> Point:
    name = etree.QName(node).localname
    return (36, 36) if name.endswith("Event") else (50, 50) if name.endswith("Gateway") else (100, 80)


def _box(node: etree._Element, layout: Layout) -> Box:
    name = node.get("id")
    if name in layout.boxes:
        left, top, right, bottom = layout.boxes[name]
        x, y = layout.x(left), layout.y(top)
        return Box(x, y, layout.x(right) - x, layout.y(bottom) - y)
    if etree.QName(node).localname == "boundaryEvent":
        return Box(0, 0, 36, 36)
    if name not in layout.centres:
        raise SystemExit(f"the layout does not place {name}")
    width, height = _size(node)
    column, row = layout.centres[name]
    return Box(round(layout.x(column)) - width / 2, round(layout.y(row)) - height / 2, width, height)


def _boundary_box(host: Box, side: str, position: float, layout: Layout) -> Box:
    if side in ("top", "bottom"):
        return Box(round(layout.x(position)) - 18, (host.y if side == "top" else host.y + host.height) - 18, 36, 36)
    return Box((host.x if side == "left" else host.x + host.width) - 18, round(layout.y(position)) - 18, 36, 36)


def route(flow: etree._Element, boxes: dict[str, Box], layout: Layout) -> list[Point]:
    """The corners of a flow from the border of its source to the border of its target."""
    source, target = boxes[flow.get("sourceRef")], boxes[flow.get("targetRef")]
    leave, *turns, enter = layout.routes.get(flow.get("id")) or _usual(source, target)
    points = [source.side(leave)]
    end = target.side(enter)
    for turn in turns:
        x, y = points[-1]
        points.append((layout.x(float(turn[1:])), y) if turn[0] == "x" else (x, layout.y(float(turn[1:]))))
    x, y = points[-1]
    last_vertical = turns[-1][0] == "x" if turns else leave in "tb"
    if abs(x - end[0]) > 0.5 and abs(y - end[1]) > 0.5:
        points.append((x, end[1]) if last_vertical else (end[0], y))
    points.append(end)
    return [(round(x), round(y)) for x, y in points]


def _usual(source: Box, target: Box) -> list[str]:
    (sx, sy), (tx, ty) = source.side("r"), target.side("l")
    if abs(sy - ty) < 1:
        return ["r", "l"] if tx >= sx else ["l", "r"]
    down = ty > sy
    if abs(source.side("t")[0] - target.side("t")[0]) < 1:
        return ["b", "t"] if down else ["t", "b"]
    if source.width <= 50:
        return ["b" if down else "t", "l" if tx > sx else "r"]
    return ["r", "t" if down else "b"]


def measure(text: str) -> float:
    """Width of a label in pixels, as a modeler writes it."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return wide * LABEL_EM + (len(text) - wide) * LABEL_EM * 0.58 + LABEL_SLACK


def _write_shape(
    plane: etree._Element,
    node: etree._Element,
    boxes: dict[str, Box],
    routes: dict[str, list[Point]],
    flows: list[etree._Element],
    layout: Layout,
) -> None:
    name, box = node.get("id"), boxes[node.get("id")]
    shape = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNShape", id=f"{name}_shape", bpmnElement=name)
    tag = etree.QName(node).localname
    if tag == "exclusiveGateway":
        shape.set("isMarkerVisible", "true")
    if tag == "subProcess":
        shape.set("isExpanded", "true")
    _write_bounds(shape, box.x, box.y, box.width, box.height)
    text = node.get("name")
    if not text or not tag.endswith(OUTSIDE_NAME):
        return
    used = {_side_of(box, routes[f.get("id")][0]) for f in flows if f.get("sourceRef") == name}
    used |= {_side_of(box, routes[f.get("id")][-1]) for f in flows if f.get("targetRef") == name}
    width = measure(text)
    middle = box.x + box.width / 2
    if tag == "boundaryEvent":
        above = any(f.get("sourceRef") == name and routes[f.get("id")][1][1] < box.y for f in flows)
        x, y = box.x + box.width + 2, box.y - LABEL_HEIGHT + 6 if above else box.y + box.height + 2
    elif tag.endswith("Gateway") and "t" not in used:
        x, y = middle - width / 2, box.y - LABEL_HEIGHT - 4
    elif "b" not in used:
        x, y = middle - width / 2, box.y + box.height + 5
    else:
        x, y = middle - 28 - width, box.y - 10
    dx, dy = layout.labels.get(name, (0, 0))
    _write_label(shape, x + dx, y + dy, width)


def _side_of(box: Box, point: Point) -> str:
    """The side of a box in whose middle a point lies, or nothing."""
    near = {side: max(abs(box.side(side)[0] - point[0]), abs(box.side(side)[1] - point[1])) for side in "lrtb"}
    return next((side for side, distance in near.items() if distance < 2), "")


def _write_edge(plane: etree._Element, flow: etree._Element, points: list[Point], layout: Layout) -> None:
    name = flow.get("id")
    edge = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNEdge", id=f"{name}_edge", bpmnElement=name)
    for x, y in points:
        etree.SubElement(edge, f"{{{DI}}}waypoint", x=_number(x), y=_number(y))
    text = flow.get("name")
    if not text:
        return
    (x1, y1), (x2, y2) = points[0], points[1]
    width = measure(text)
    if y1 == y2:
        x, y = (x1 + 6 if x2 > x1 else x1 - 6 - width), y1 - LABEL_HEIGHT - 6
    else:
        x, y = x1 + 9, (y1 + 6 if y2 > y1 else y1 - 6 - LABEL_HEIGHT)
    dx, dy = layout.labels.get(name, (0, 0))
    _write_label(edge, x + dx, y + dy, width)


def _write_label(parent: etree._Element, x: float, y: float, width: float) -> None:
    label = etree.SubElement(parent, f"{{{BPMNDI}}}BPMNLabel")
    _write_bounds(label, round(x), round(y), round(width), LABEL_HEIGHT)


def _write_bounds(parent: etree._Element, x: float, y: float, width: float, height: float) -> None:
    bounds = etree.SubElement(parent, f"{{{DC}}}Bounds")
    for key, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        bounds.set(key, _number(value))


def _number(value: float) -> str:
    return str(round(value))


def main(arguments: list[str]) -> None:
    """Place the named diagram, or every core diagram that has a layout."""
    if arguments:
        pairs = [(Path(arguments[0]), Path(arguments[1]))]
    else:
        layouts = sorted((Path(__file__).parent / "layouts").glob("*.txt"))
        pairs = [(Path("processes") / f"{layout.stem}.bpmn", layout) for layout in layouts]
    for diagram, layout in pairs:
        diagram.write_bytes(place(diagram.read_bytes(), read_layout(layout.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main(sys.argv[1:])
