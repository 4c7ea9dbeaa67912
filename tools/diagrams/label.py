"""Give every named flow of a laid-out diagram a place for its name; those that have one keep it.

    python tools/diagrams/label.py plugins/lamps/processes/*.bpmn

The layouter places shapes and routes only, and a name without a place is not drawn. A name stands above the first
level stretch of its flow that has room for it, near its beginning.
"""

from __future__ import annotations

import re
import sys
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import unescape

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.diagrams.place import LABEL_HEIGHT, measure

FLOW = re.compile(r'<bpmn:sequenceFlow id="([^"]+)" name="([^"]*)"')
EDGE = re.compile(
    r'(?P<indent>[ \t]*)<bpmndi:BPMNEdge [^>]*bpmnElement="(?P<flow>[^"]+)"[^>]*>.*?</bpmndi:BPMNEdge>', re.S
)
WAYPOINT = re.compile(r'<di:waypoint x="([-\d.]+)" y="([-\d.]+)"')
WIDEST, ROOM, ABOVE = 92.0, 40.0, 6

Point = tuple[float, float]


def labelled(xml: str) -> str:
    """The diagram with a label for every named flow."""
    names = {flow: unescape(name, {"&quot;": '"'}) for flow, name in FLOW.findall(xml) if name}

    def write(edge: re.Match[str]) -> str:
        name = names.get(edge["flow"])
        points = [(float(x), float(y)) for x, y in WAYPOINT.findall(edge[0])]
        if not name or len(points) < 2 or "BPMNLabel" in edge[0]:
            return edge[0]
        width = min(measure(name), WIDEST)
        x, y = place_of(points, width)
        inside = edge["indent"] + "  "
        label = (
            f'{inside}<bpmndi:BPMNLabel>\n{inside}  <dc:Bounds x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" '
            f'height="{LABEL_HEIGHT}"/>\n{inside}</bpmndi:BPMNLabel>\n'
        )
        end = edge[0].rindex("</bpmndi:BPMNEdge>")
        return edge[0][:end].rstrip() + "\n" + label + edge["indent"] + edge[0][end:]

    return EDGE.sub(write, xml)


def place_of(points: list[Point], width: float) -> Point:
    """The top left corner of a label ``width`` pixels wide."""
    level = [(start, end) for start, end in pairwise(points) if start[1] == end[1]]
    wide = next(((start, end) for start, end in level if abs(end[0] - start[0]) >= ROOM), None)
    if wide is None:
        (x, y), (_, down) = points[0], points[1]
        return x + 9, y + 6 if down > y else y - 6 - LABEL_HEIGHT
    (x, y), (to, _) = wide
    return (x + 6 if to > x else x - 6 - width), y - LABEL_HEIGHT - ABOVE


def main(files: list[str]) -> None:
    """Write labels into these files."""
    for name in files:
        path = Path(name)
        path.write_text(labelled(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
