"""Arrange diagrams so that nothing lies on anything: places, routes and labels by ELK, the best of many tries.

    python tools/diagrams/arrange.py plugins/lamps/processes/*.bpmn [--rounds 12]

What a diagram says stays untouched; only its drawing is written anew. A try differs in the side on which ways leave and
enter gateways and in how ELK orders; the one with the fewest problems of ``engine.workflow.layout_lint`` wins, among
equals the smallest. A drawing that was as good before stays. Problems that are left are printed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from lxml import etree

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from engine.workflow.layout_lint import lint_layout
from tools.assets import npm
from tools.diagrams.place import LABEL_HEIGHT, measure

LAYOUTER = Path(__file__).resolve().parent / "layouter"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
TASK, EVENT, GATEWAY = (100, 80), (36, 36), (50, 50)
ORIGIN = (140, 60)
BREADTH = 16
"""Tries of a round."""
WIDEST = 92.0
"""A longer label is written in several lines."""
OPTIONS = {
    "elk.algorithm": "layered", "elk.direction": "RIGHT", "elk.edgeRouting": "ORTHOGONAL",
    "elk.layered.spacing.nodeNodeBetweenLayers": "40", "elk.spacing.nodeNode": "35", "elk.spacing.edgeNode": "20",
    "elk.spacing.edgeEdge": "16", "elk.layered.spacing.edgeNodeBetweenLayers": "20",
    "elk.layered.spacing.edgeEdgeBetweenLayers": "14", "elk.spacing.edgeLabel": "4", "elk.spacing.labelPort": "6",
    "elk.layered.edgeLabels.sideSelection": "ALWAYS_UP", "elk.layered.thoroughness": "20",
    "elk.layered.unnecessaryBendpoints": "true", "elk.hierarchyHandling": "SEPARATE_CHILDREN",
}  # fmt: skip
VARIED = {
    "elk.layered.nodePlacement.strategy": ("NETWORK_SIMPLEX", "BRANDES_KOEPF"),
    "elk.layered.considerModelOrder.strategy": ("NONE", "NODES_AND_EDGES", "PREFER_EDGES"),
    "elk.layered.crossingMinimization.greedySwitch.type": ("TWO_SIDED", "ONE_SIDED"),
    "elk.layered.feedbackEdges": ("true", "false"),
    "elk.layered.cycleBreaking.strategy": ("GREEDY", "DEPTH_FIRST", "MODEL_ORDER"),
}

Graph = dict[str, Any]
Point = tuple[float, float]
Places = Callable[[float, float], Iterator[Point]]


def nodes_of(scope: etree._Element) -> list[etree._Element]:
    """The flow nodes directly in a process or sub-process."""
    inside = (each for each in scope if isinstance(each.tag, str))
    return [each for each in inside if kind_of(each) in KNOWN]


def kind_of(node: etree._Element) -> str:
    """``userTask`` of ``{…}userTask``."""
    return etree.QName(node).localname


EVENTS = ("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent")
GATEWAYS = ("exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway")
WORK = (
    "task", "userTask", "serviceTask", "scriptTask", "businessRuleTask", "sendTask", "receiveTask", "manualTask",
    "callActivity", "subProcess",
)  # fmt: skip
KNOWN = (*EVENTS, *GATEWAYS, *WORK)


def said(element: etree._Element, key: str) -> str:
    """An attribute that is there."""
    return str(element.attrib[key])


def label(text: str) -> list[Graph]:
    """The labels of something that has a name."""
    if not text:
        return []
    lines = max(1, round(measure(text) / WIDEST + 0.35))
    return [{"text": text, "width": min(measure(text), WIDEST), "height": LABEL_HEIGHT * lines}]


@dataclass(frozen=True)
class Choice:
    """What one try decides: how ELK orders, and a number for each gateway that picks the corners of its ways."""

    options: Mapping[str, str]
    corners: Mapping[str, int]

    def changed(self, chance: Random, troubled: Sequence[str]) -> Choice:
        """Another choice near by: some of the troubled gateways differ, seldom the order."""
        corners, options = dict(self.corners), dict(self.options)
        for name in chance.sample(list(troubled), min(len(troubled), chance.choice((1, 1, 2, 3)))):
            corners[name] = chance.randrange(10_000)
        if chance.random() < 0.25:
            key = chance.choice(list(VARIED))
            options[key] = chance.choice(VARIED[key])
        if chance.random() < 0.3:
            options["elk.randomSeed"] = str(chance.randrange(1, 10_000))
        return Choice(options, corners)


def first_choice(process: etree._Element, chance: Random) -> Choice:
    """A choice to begin from."""
    gateways = [said(each, "id") for each in process.iter() if isinstance(each.tag, str) and "Gateway" in kind_of(each)]
    options = {key: chance.choice(values) for key, values in VARIED.items()}
    options["elk.randomSeed"] = str(chance.randrange(1, 10_000))
    return Choice(options, {name: chance.randrange(10_000) for name in gateways})


def graph_of(scope: etree._Element, choice: Choice, options: Graph) -> Graph:
    """The ELK graph of a scope; sub-processes are graphs within it."""
    nodes, flows = nodes_of(scope), list(scope.iterfind(f"{BPMN}sequenceFlow"))
    made: dict[str, Graph] = {}
    for node in nodes:
        if kind_of(node) != "boundaryEvent":
            made[said(node, "id")] = node_of(node, choice, options)
    hosts = {said(n, "id"): said(n, "attachedToRef") for n in nodes if kind_of(n) == "boundaryEvent"}
    for node in nodes:
        if kind_of(node) == "boundaryEvent":
            port = {
                "id": said(node, "id"),
                "width": EVENT[0],
                "height": EVENT[1],
                "labels": label(str(node.get("name", ""))),
            }
            port["layoutOptions"] = {"elk.port.side": "SOUTH", "elk.port.borderOffset": "-18"}
            made[hosts[said(node, "id")]]["ports"].append(port)
    sides = {said(node, "id"): sides_of(node, flows, choice) for node in nodes}
    edges = []
    for flow in flows:
        name, source, target = (said(flow, key) for key in ("id", "sourceRef", "targetRef"))
        start = source if source in hosts else add_port(made[source], f"{name}@out", sides[source][name, "out"])
        end = add_port(made[target], f"{name}@in", sides[target][name, "in"])
        edges.append({"id": name, "sources": [start], "targets": [end], "labels": label(str(flow.get("name", "")))})
    return {"id": said(scope, "id"), "layoutOptions": options, "children": list(made.values()), "edges": edges}


def node_of(node: etree._Element, choice: Choice, options: Graph) -> Graph:
    """The ELK node of a flow node."""
    kind, name = kind_of(node), str(node.get("name", ""))
    made: dict[str, Any] = {"id": said(node, "id"), "ports": [], "layoutOptions": {"elk.portConstraints": "FIXED_SIDE"}}
    if kind == "subProcess":
        inner = graph_of(node, choice, {**options, "elk.padding": "[top=50,left=30,bottom=40,right=30]"})
        made |= {"children": inner["children"], "edges": inner["edges"]}
        made["layoutOptions"] |= inner["layoutOptions"]
        return made
    made["width"], made["height"] = GATEWAY if "Gateway" in kind else EVENT if kind.endswith("Event") else TASK
    if made["width"] != TASK[0] and name:
        made["labels"] = label(name)
        made["layoutOptions"]["elk.nodeLabels.placement"] = "OUTSIDE V_BOTTOM H_CENTER"
    made["layoutOptions"]["elk.portLabels.placement"] = "[OUTSIDE, NEXT_TO_PORT_IF_POSSIBLE]"
    return made


def add_port(node: Graph, name: str, side: str) -> str:
    """A port on a side of a node."""
    node["ports"].append({"id": name, "width": 0, "height": 0, "layoutOptions": {"elk.port.side": side}})
    return name


def sides_of(node: etree._Element, flows: list[etree._Element], choice: Choice) -> dict[tuple[str, str], str]:
    """On which side each way enters or leaves. A gateway has one way a corner as long as its corners suffice."""
    name = said(node, "id")
    ways = [(said(f, "id"), "in") for f in flows if said(f, "targetRef") == name]
    outs = [(said(f, "id"), "out") for f in flows if said(f, "sourceRef") == name]
    if "Gateway" not in kind_of(node):
        return dict.fromkeys(ways, "WEST") | dict.fromkeys(outs, "EAST")
    chance = Random(choice.corners.get(name, 0))
    free = ["NORTH", "SOUTH"]
    chance.shuffle(free)
    found: dict[tuple[str, str], str] = {}
    for group, first in ((ways, "WEST"), (outs, "EAST")):
        taken = [first]
        while len(taken) < len(group) and free:
            taken.append(free.pop())
        taken += [first] * (len(group) - len(taken))
        if chance.random() < 0.6:
            chance.shuffle(taken)
        found |= dict(zip(group, taken, strict=True))
    return found


def arranged(graphs: list[Graph]) -> list[Graph | None]:
    """The graphs with coordinates; none for one that ELK cannot lay out."""
    if not (LAYOUTER / "node_modules/elkjs").is_dir():
        subprocess.run(
            [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=LAYOUTER, check=True
        )
    done = subprocess.run(
        ["node", "arrange.mjs"], cwd=LAYOUTER, input=json.dumps(graphs), capture_output=True, text=True,
        encoding="utf-8", check=True,
    )  # fmt: skip
    found: list[Graph | None] = json.loads(done.stdout)
    return found


class Picture:
    """The DI of one arranged graph. A label that would lie on something is moved to the nearest free place."""

    def __init__(self, graph: Graph) -> None:
        self.size = float(graph["width"]) * float(graph["height"])
        self.shapes: list[tuple[Graph, float, float]] = []
        self.edges: list[tuple[Graph, list[Point]]] = []
        self._scope(graph, *ORIGIN)
        self.taken = [(x, y, float(s["width"]), float(s["height"])) for s, x, y in self.shapes if "children" not in s]
        for _, points in self.edges:
            for (x1, y1), (x2, y2) in pairwise(points):
                self.taken.append((min(x1, x2), min(y1, y2), abs(x1 - x2), abs(y1 - y2)))

    def _scope(self, graph: Graph, x: float, y: float) -> None:
        for node in graph.get("children", ()):
            left, top = x + node["x"], y + node["y"]
            self.shapes.append((node, left, top))
            self.shapes += [(p, left + p["x"], top + p["y"]) for p in node.get("ports", ()) if p["width"]]
            self._scope(node, left, top)
        for edge in graph.get("edges", ()):
            [section] = edge["sections"]
            points = (section["startPoint"], *section.get("bendPoints", ()), section["endPoint"])
            self.edges.append((edge, [(round(x + p["x"]), round(y + p["y"])) for p in points]))

    def text(self) -> str:
        """The shapes and edges."""
        lines = []
        for shape, x, y in self.shapes:
            extra = ' isExpanded="true"' if "children" in shape else ""
            extra += ' isMarkerVisible="true"' if shape["width"] == GATEWAY[0] else ""
            lines.append(f'      <bpmndi:BPMNShape id="{shape["id"]}_shape" bpmnElement="{shape["id"]}"{extra}>')
            lines.append("        " + bounds(x, y, shape["width"], shape["height"]))
            lines += self._labels(shape, beside_shape(x, y, shape["width"], shape["height"]))
            lines.append("      </bpmndi:BPMNShape>")
        for edge, points in self.edges:
            lines.append(f'      <bpmndi:BPMNEdge id="{edge["id"]}_edge" bpmnElement="{edge["id"]}">')
            lines += [f'        <di:waypoint x="{x:.0f}" y="{y:.0f}"/>' for x, y in points]
            lines += self._labels(edge, along_edge(points))
            lines.append("      </bpmndi:BPMNEdge>")
        return "\n".join(lines)

    def _labels(self, thing: Graph, places: Places) -> Iterator[str]:
        for each in thing.get("labels", ()):
            width, height = each["width"], each["height"]
            found = list(places(width, height))
            x, y = next((at for at in found if self._free(*at, width, height)), found[0])
            self.taken.append((x, y, width, height))
            yield "        <bpmndi:BPMNLabel>"
            yield f"          {bounds(x, y, width, height)}"
            yield "        </bpmndi:BPMNLabel>"

    def _free(self, x: float, y: float, width: float, height: float) -> bool:
        return not any(
            x < left + wide + 1 and left < x + width + 1 and y < top + high + 1 and top < y + height + 1
            for left, top, wide, high in self.taken
        )


def beside_shape(x: float, y: float, wide: float, high: float) -> Places:
    """Places for a name outside its shape, the usual one first."""

    def places(width: float, height: float) -> Iterator[Point]:
        middle = x + wide / 2 - width / 2
        for gap in (5, 12, 20):
            yield middle, y + high + gap
            yield middle, y - height - gap
            yield x + wide / 2 + gap, y + high + 3
            yield x + wide / 2 - gap - width, y + high + 3
            yield x + wide / 2 + gap, y - height - 3
            yield x + wide / 2 - gap - width, y - height - 3

    return places


def along_edge(points: list[Point]) -> Places:
    """Places for a name along its way, near its beginning first."""

    def places(width: float, height: float) -> Iterator[Point]:
        for (x1, y1), (x2, y2) in pairwise(points):
            if y1 == y2:
                starts = (x1 + 6, x2 - 6 - width, (x1 + x2 - width) / 2) if x2 > x1 else (x1 - 6 - width, x2 + 6)
                for x in starts:
                    yield x, y1 - height - 4
                    yield x, y1 + 4
            else:
                for y in (y1 + 6, (y1 + y2 - height) / 2) if y2 > y1 else (y1 - 6 - height, (y1 + y2 - height) / 2):
                    yield x1 + 6, y
                    yield x1 - 6 - width, y

    return places


def bounds(x: float, y: float, width: float, height: float) -> str:
    """A rectangle in whole pixels."""
    return f'<dc:Bounds x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"/>'


def drawings(process: etree._Element, choices: Sequence[Choice], bare: str) -> Iterator[tuple[int, float, str, Choice]]:
    """(problems, size, diagram, choice) of every choice that ELK can lay out."""
    name = said(process, "id")
    graphs = [graph_of(process, choice, {**OPTIONS, **choice.options}) for choice in choices]
    head = (
        f'  <bpmndi:BPMNDiagram id="{name}_diagram">\n    <bpmndi:BPMNPlane id="{name}_plane" bpmnElement="{name}">\n'
    )
    foot = "\n    </bpmndi:BPMNPlane>\n  </bpmndi:BPMNDiagram>\n</bpmn:definitions>"
    for graph, choice in zip(arranged(graphs), choices, strict=True):
        if graph is not None:
            picture = Picture(graph)
            drawn = bare.replace("</bpmn:definitions>", head + picture.text() + foot)
            yield len(lint_layout(drawn)), picture.size, drawn, choice


def arrange(xml: str, rounds: int = 12) -> tuple[str, list[str]]:
    """The diagram with its best drawing, and the problems that are left."""
    process = etree.fromstring(xml.encode()).find(f"{BPMN}process")
    assert process is not None
    bare = re.sub(r"\s*<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", "", xml, flags=re.S)
    before = len(lint_layout(xml)) if bare != xml else None
    if before == 0:
        return xml, []
    chance = Random(said(process, "id"))
    found = sorted(drawings(process, [first_choice(process, chance) for _ in range(BREADTH)], bare), key=rank)
    if not found:
        raise SystemExit(f"{said(process, 'id')}: ELK arranges none of {BREADTH} tries; draw it in a modeler")
    for _ in range(rounds):
        if not found[0][0]:
            break
        choices = []
        for _, _, drawn, choice in found[:4]:
            troubled = troubles(process, drawn, choice)
            choices += [choice.changed(chance, troubled) for _ in range(BREADTH // 4)]
        found = sorted([*found[:4], *drawings(process, choices, bare)], key=rank)
    best = found[0]
    if before is not None and before <= best[0]:
        return xml, [f"{each.element}: {each.message}" for each in lint_layout(xml)]
    return best[2], [f"{each.element}: {each.message}" for each in lint_layout(best[2])]


def rank(drawing: tuple[int, float, str, Choice]) -> tuple[int, float]:
    """Few problems first, then little room."""
    return drawing[:2]


def troubles(process: etree._Element, drawn: str, choice: Choice) -> list[str]:
    """The gateways beside what is wrong; all of them where none is."""
    told = " ".join(f"{each.element} {each.message}" for each in lint_layout(drawn))
    words = set(re.findall(r"[A-Za-z_]\w*", told))
    beside = {
        end
        for flow in process.iter(f"{BPMN}sequenceFlow")
        if {said(flow, "id"), said(flow, "sourceRef"), said(flow, "targetRef")} & words
        for end in (said(flow, "sourceRef"), said(flow, "targetRef"))
    }
    return [name for name in choice.corners if name in beside] or list(choice.corners)


def main() -> None:
    """Arrange files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    for path in options.files:
        drawn, problems = arrange(path.read_text(encoding="utf-8"), options.rounds)
        path.write_text(drawn, encoding="utf-8")
        print(f"{path}: {len(problems)} problems", *problems[:6], sep="\n    ")


if __name__ == "__main__":
    main()
