"""Write diagrams, forms and their English texts from a short sketch; the BPMN file is then the source.

    python tools/diagrams/sketch.py repair.sketch plugins/lamps

writes ``processes/<process>.bpmn`` (laid out), ``forms/<form>.json`` and rows of ``translations/en.csv`` below the
second argument. README.md beside this file has the language.
"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tools.assets import npm
from tools.diagrams.label import labelled
from tools.diagrams.sketch_forms import form_json, names, read_field

LAYOUTER = Path(__file__).resolve().parent / "layouter"
HEAD = (
    '<bpmn:definitions xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" '
    'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:di="http://www.omg.org/spec/DD/20100524/DI" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="{id}_definitions" targetNamespace="urn:wangge:process" '
    'exporter="wangge">'
)
ACTIVITIES = {
    "user": "userTask", "manual": "manualTask", "receive": "receiveTask", "send": "sendTask", "service": "serviceTask",
    "script": "scriptTask", "rule": "businessRuleTask", "call": "callActivity", "sub": "subProcess",
}  # fmt: skip
GATEWAYS = {
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
    "or": "inclusiveGateway",
    "events": "eventBasedGateway",
}
EVENTS = {
    "start": "startEvent",
    "end": "endEvent",
    "catch": "intermediateCatchEvent",
    "throw": "intermediateThrowEvent",
}
TAGS = ACTIVITIES | GATEWAYS | EVENTS | {"eventsub": "subProcess", "on": "boundaryEvent"}


@dataclass
class Flow:
    source: str
    target: str
    id: str
    zh: str = ""
    en: str = ""
    condition: str = ""
    default: bool = False


@dataclass
class Node:
    kind: str
    id: str
    zh: str
    en: str
    rest: str = ""
    host: str = ""
    keep: bool = False
    props: dict[str, str] = field(default_factory=dict)
    inputs: list[tuple[str, str]] = field(default_factory=list)
    outputs: list[tuple[str, str]] = field(default_factory=list)
    docs: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    who: str = ""
    form: str = ""
    each: tuple[str, str] = ("", "")
    sequential: bool = False
    until: str = ""
    scope: Scope | None = None


@dataclass
class Scope:
    nodes: list[Node] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)


class SketchError(Exception):
    """A line of the sketch cannot be read; the message names it."""


def formal(tag: str, expression: str) -> str:
    return f'<bpmn:{tag} xsi:type="bpmn:tFormalExpression">{escape(expression)}</bpmn:{tag}>'


def read(text: str) -> tuple[list[tuple[Node, Scope]], list[dict[str, Any]]]:
    """The processes (each a node with its scope) and the forms of a sketch."""
    processes: list[tuple[Node, Scope]] = []
    forms: list[dict[str, Any]] = []
    scopes: list[Scope] = []
    node: Node | None = None
    host: Node | None = None
    form: dict[str, Any] | None = None
    stack: list[tuple[int, Any]] = []
    margin = 0  # of the boundary event read last: what stands no deeper is its host's
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)//\s.*$", "", raw).rstrip()
        if not line.strip():
            continue
        depth, words = len(line) - len(line.lstrip()), line.split()
        try:
            if words[0] == "form" and depth == 0:
                form, node = {"id": words[1], "fields": []}, None
                stack = [(0, form)]
                forms.append(form)
            elif form is not None and depth > 0:
                while stack[-1][0] >= depth:
                    stack.pop()
                stack.append((depth, read_field(line.strip(), stack[-1][1])))
            elif words[0] == "process":
                form = None
                zh, en = names(line.split(None, 2)[2])
                node = Node("process", words[1], zh, en)
                scopes = [Scope()]
                host = node
                processes.append((node, scopes[0]))
            elif words[0] == "endsub":
                scopes.pop()
                node = host = None
            elif words[0] in TAGS and (words[0] != "on" or depth > 0):
                form = None
                head, _, rest = line.strip().partition(" : ")
                kind, name, *title = head.split(None, 2)
                zh, en = names(title[0] if title else "")
                keep = rest.endswith(" keep")
                node = Node(kind, name, zh, en, rest.removesuffix(" keep").strip(), keep=keep)
                if kind == "on":
                    if host is None:
                        raise SketchError("a boundary event needs a task above it")
                    node.host = host.id
                    margin = depth
                else:
                    host = node
                scopes[-1].nodes.append(node)
                if kind in ("sub", "eventsub"):
                    node.scope = Scope()
                    pending = node
                    scopes.append(node.scope)
                    del pending
            elif words[0] == "after":  # flows and boundary events of a sub-process, after its endsub
                host = node = next(n for scope in scopes for n in scope.nodes if n.id == words[1])
            else:
                if node is None:
                    raise SketchError("there is no element above this line")
                if node.kind == "on" and depth <= margin and host is not None:
                    node = host
                scope = next((s for s in scopes if node in s.nodes), scopes[-1])
                read_property(line.strip(), node, scope)
        except (SketchError, ValueError, IndexError) as error:
            raise SketchError(f"line {number}: {raw.strip()!r}: {error}") from error
    return processes, forms


def read_property(line: str, node: Node, scope: Scope) -> None:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    if word == "->":
        scope.flows.append(read_flow(rest, node))
    elif word == "doc":
        node.docs.append(rest)
    elif word == "who":
        node.who = rest
    elif word == "form":
        node.form = rest
    elif word in ("stage", "limit", "clock", "evidence", "choose", "warn_at"):
        node.props[word] = rest
    elif word == "set":
        node.sets.append(rest)
    elif word == "each":
        item, _, many = rest.partition(" in ")
        node.sequential = many.endswith(" sequential")
        node.each = (item.strip(), many.removesuffix(" sequential").strip())
    elif word == "until":
        node.until = rest
    elif word in ("in", "out", "prop"):
        key, equals, value = rest.partition("=")
        if not equals:
            raise SketchError(f"write `{word} name = value`")
        if word == "prop":
            node.props[key.strip()] = value.strip()
        else:
            (node.inputs if word == "in" else node.outputs).append((key.strip(), value.strip()))
    else:
        raise SketchError(f"unknown word {word!r}")


def read_flow(rest: str, node: Node) -> Flow:
    target, _, rest = rest.partition(" ")
    flow = Flow(node.id, target, f"{node.id}_to_{target}")
    rest = rest.strip()
    if rest.startswith("as "):
        _, flow.id, rest = (rest + " ").split(" ", 2)
    head, given, condition = rest.strip().partition("if ${")
    if given:
        flow.condition = "${" + condition.strip()
    head = head.strip()
    if head == "default" or head.endswith(" default"):
        flow.default, head = True, head.removesuffix("default")
    flow.zh, flow.en = names(head)
    return flow


class Writer:
    """The XML of one process."""

    def __init__(self, process: Node, scope: Scope) -> None:
        self.process, self.scope = process, scope
        self.definitions: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.lines: list[str] = []

    def text(self, node_id: str, zh: str, en: str) -> None:
        if zh:
            self.texts[f"process:{self.process.id}:{node_id}"] = en

    def xml(self) -> str:
        p = self.process
        self.texts[f"process:{p.id}"] = p.en
        self.put(1, f'<bpmn:process id="{p.id}" name={quoteattr(p.zh)} isExecutable="true">')
        if p.docs:
            self.put(2, f"<bpmn:documentation>{escape(chr(10).join(p.docs))}</bpmn:documentation>")
        self.scoped(self.scope, 2)
        self.put(1, "</bpmn:process>")
        top = ['<?xml version="1.0" encoding="UTF-8"?>', HEAD.format(id=p.id)]
        return "\n".join(
            [*top, *(f"  {each}" for each in self.definitions.values()), *self.lines, "</bpmn:definitions>", ""]
        )

    def put(self, depth: int, text: str) -> None:
        self.lines.append("  " * depth + text)

    def scoped(self, scope: Scope, depth: int) -> None:
        merged = merge_ways(scope)
        known = {node.id for node in merged.nodes}
        for flow in merged.flows:
            for end in (flow.source, flow.target):
                if end not in known:
                    raise SketchError(f"{self.process.id}: the flow {flow.id} leads to {end!r}, which is not there")
        for node in merged.nodes:
            self.node(node, merged, depth)
        for flow in merged.flows:
            name = f" name={quoteattr(flow.zh)}" if flow.zh else ""
            self.text(flow.id, flow.zh, flow.en)
            tag = f'<bpmn:sequenceFlow id="{flow.id}"{name} sourceRef="{flow.source}" targetRef="{flow.target}"'
            if flow.condition:
                self.put(depth, tag + ">")
                self.put(
                    depth + 1,
                    formal("conditionExpression", flow.condition),
                )
                self.put(depth, "</bpmn:sequenceFlow>")
            else:
                self.put(depth, tag + "/>")

    def node(self, node: Node, scope: Scope, depth: int) -> None:
        tag, attributes = TAGS[node.kind], ""
        self.text(node.id, node.zh, node.en)
        inner: list[str] = []
        if node.kind == "service":
            attributes += f' camunda:type="external" camunda:topic="{node.rest}"'
        elif node.kind == "rule":
            decision, _, variable = node.rest.partition("->")
            decision, variable = decision.strip(), variable.strip() or decision.strip()
            attributes += f' camunda:decisionRef="{decision}" camunda:resultVariable="{variable}"'
        elif node.kind == "script":
            attributes += ' scriptFormat="expression"'
        elif node.kind == "call":
            attributes += f" calledElement={quoteattr(node.rest)}"
        elif node.kind == "eventsub":
            attributes += ' triggeredByEvent="true"'
        elif node.kind in ("send", "receive"):
            attributes += f' messageRef="{self.defined("message", node.rest.removeprefix("message").strip())}"'
        elif node.kind in ("start", "end", "catch", "throw", "on"):
            inner = self.event(node)
            if node.kind == "on":
                attributes += f' attachedToRef="{node.host}"' + (' cancelActivity="false"' if node.keep else "")
            elif node.kind == "start" and node.keep:
                attributes += ' isInterrupting="false"'
        if node.who:
            if node.kind == "user":
                attributes += f" camunda:candidateGroups={quoteattr(node.who)}"
            else:
                node.props.setdefault("role", node.who)
        if node.form:
            attributes += f' camunda:formKey="{node.form}"'
        default = next((flow.id for flow in scope.flows if flow.source == node.id and flow.default), "")
        if default:
            attributes += f' default="{default}"'
        name = f" name={quoteattr(node.zh)}" if node.zh else ""
        self.put(depth, f'<bpmn:{tag} id="{node.id}"{name}{attributes}>')
        if node.docs:
            self.put(depth + 1, f"<bpmn:documentation>{escape(chr(10).join(node.docs))}</bpmn:documentation>")
        self.extensions(node, depth + 1)
        for flow in scope.flows:
            if flow.target == node.id:
                self.put(depth + 1, f"<bpmn:incoming>{flow.id}</bpmn:incoming>")
        for flow in scope.flows:
            if flow.source == node.id:
                self.put(depth + 1, f"<bpmn:outgoing>{flow.id}</bpmn:outgoing>")
        if node.each[0]:
            self.repeated(node, depth + 1)
        if node.sets:
            self.put(depth + 1, f"<bpmn:script>{escape(chr(10).join(node.sets))}</bpmn:script>")
        for line in inner:
            self.put(depth + 1, line)
        if node.scope is not None:
            self.scoped(node.scope, depth + 1)
        self.put(depth, f"</bpmn:{tag}>")

    def extensions(self, node: Node, depth: int) -> None:
        if not (node.props or node.inputs or node.outputs):
            return
        self.put(depth, "<bpmn:extensionElements>")
        if node.props:
            self.put(depth + 1, "<camunda:properties>")
            for key, value in node.props.items():
                self.put(depth + 2, f"<camunda:property name={quoteattr(key)} value={quoteattr(value)}/>")
            self.put(depth + 1, "</camunda:properties>")
        if node.inputs or node.outputs:
            self.put(depth + 1, "<camunda:inputOutput>")
            for word, pairs in (("input", node.inputs), ("output", node.outputs)):
                for key, value in pairs:
                    self.put(
                        depth + 2,
                        f"<camunda:{word}Parameter name={quoteattr(key)}>{escape(value)}</camunda:{word}Parameter>",
                    )
            self.put(depth + 1, "</camunda:inputOutput>")
        self.put(depth, "</bpmn:extensionElements>")

    def repeated(self, node: Node, depth: int) -> None:
        item, many = node.each
        if not (many.isdigit() or many.startswith("${")):
            self.put(depth, f'<bpmn:property id="{many}" name="{many}"/>')
        self.put(depth, f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(node.sequential).lower()}">')
        if many.isdigit() or many.startswith("${"):
            self.put(
                depth + 1,
                formal("loopCardinality", many),
            )
        else:
            self.put(depth + 1, f"<bpmn:loopDataInputRef>{many}</bpmn:loopDataInputRef>")
        self.put(depth + 1, f'<bpmn:inputDataItem id="{item}" name="{item}"/>')
        if node.until:
            self.put(
                depth + 1,
                formal("completionCondition", node.until),
            )
        self.put(depth, "</bpmn:multiInstanceLoopCharacteristics>")

    def event(self, node: Node) -> list[str]:
        if not node.rest:
            return []
        kind, _, value = node.rest.partition(" ")
        if kind == "terminate":
            return ["<bpmn:terminateEventDefinition/>"]
        if kind in ("timer", "date", "cycle"):
            tag = {"timer": "timeDuration", "date": "timeDate", "cycle": "timeCycle"}[kind]
            return [f"<bpmn:timerEventDefinition>{formal(tag, value)}</bpmn:timerEventDefinition>"]
        if kind == "condition":
            return [f"<bpmn:conditionalEventDefinition>{formal('condition', value)}</bpmn:conditionalEventDefinition>"]
        if kind in ("message", "signal", "error", "escalation"):
            reference = f' {kind}Ref="{self.defined(kind, value)}"' if value else ""
            return [f"<bpmn:{kind}EventDefinition{reference}/>"]
        raise SketchError(f"{node.id}: unknown event {node.rest!r}")

    def defined(self, kind: str, value: str) -> str:
        made = f"{value}_{kind}"
        code = f' {kind}Code="{value}"' if kind in ("error", "escalation") else ""
        self.definitions[made] = f'<bpmn:{kind} id="{made}" name="{value}"{code}/>'
        return made


def merge_ways(scope: Scope) -> Scope:
    """The scope with an exclusive gateway before every activity or catching event that several ways lead to."""
    nodes, flows = [], list(scope.flows)
    joined = {"exclusiveGateway", "parallelGateway", "inclusiveGateway", "endEvent"}
    for node in scope.nodes:
        ways = [flow for flow in flows if flow.target == node.id]
        if len(ways) > 1 and TAGS[node.kind] not in joined:
            gate = Node("xor", f"to_{node.id}", "", "")
            nodes.append(gate)
            for flow in ways:
                flow.target = gate.id
            flows.append(Flow(gate.id, node.id, f"{gate.id}_to_{node.id}"))
        elif len(ways) > 1 and node.kind == "xor" and len([f for f in flows if f.source == node.id]) > 1:
            pass
        nodes.append(node)
    return Scope(nodes, flows)


def laid_out(xml: str) -> str:
    """The diagram with coordinates: only the layout is taken over, the text stays as written.

    Where the layouter fails on a way that joins another one, that way is drawn by hand below the diagram.
    """
    if not (LAYOUTER / "node_modules").is_dir():
        subprocess.run(
            [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=LAYOUTER, check=True
        )
    flows = re.findall(r'<bpmn:sequenceFlow id="([^"]+)"[^>]* sourceRef="([^"]+)" targetRef="([^"]+)"', xml)
    joining = [flow for flow in flows if flow[2].startswith("to_")] + [f for f in flows if not f[2].startswith("to_")]
    ways = [(), *((flow,) for flow in joining), *combinations(joining[:12], 2)]
    for left_out in ways:
        reduced = xml
        for flow in left_out:
            reduced = without(reduced, flow[0])
        done = subprocess.run(
            ["node", "layout.mjs"], cwd=LAYOUTER, input=reduced, capture_output=True, text=True, encoding="utf-8",
            check=False,
        )  # fmt: skip
        found = re.search(r"\s*<bpmndi:BPMNDiagram.*</bpmndi:BPMNDiagram>", done.stdout, re.S)
        if not done.returncode and found:
            drawn = found[0].strip("\n")
            for flow in left_out:
                drawn = with_edge(drawn, *flow)
            return labelled(xml.replace("</bpmn:definitions>", drawn + "\n</bpmn:definitions>"))
    raise SketchError("the layouter fails, whichever way is left out; draw fewer ways back, or split the diagram")


def without(xml: str, flow: str) -> str:
    """The diagram without a flow."""
    xml = re.sub(rf"\s*<bpmn:(incoming|outgoing)>{flow}</bpmn:\1>", "", xml).replace(f' default="{flow}"', "")
    return re.sub(
        rf'<bpmn:sequenceFlow id="{flow}"[^>]*(/>|(?<!/)>.*?</bpmn:sequenceFlow>)', "", xml, count=1, flags=re.S
    )


def with_edge(drawn: str, flow: str, source: str, target: str) -> str:
    """The picture with an edge below everything, from one shape's lower side to another's."""
    bounds = re.compile(
        r'bpmnElement="([^"]+)"[^>]*>\s*<dc:Bounds x="([\d.]+)" y="([\d.]+)" width="(\d+)" height="(\d+)"'
    )
    shapes = {each[1]: tuple(float(n) for n in each.groups()[1:]) for each in bounds.finditer(drawn)}
    lowest = max(float(y) for y in re.findall(r'waypoint x="[\d.]+" y="([\d.]+)"', drawn))
    under = max(lowest, *(y + height for _, y, _, height in shapes.values())) + 40
    (x1, y1, w1, h1), (x2, y2, w2, h2) = shapes[source], shapes[target]
    points = ((x1 + w1 / 2, y1 + h1), (x1 + w1 / 2, under), (x2 + w2 / 2, under), (x2 + w2 / 2, y2 + h2))
    lines = "".join(f'        <di:waypoint x="{x:g}" y="{y:g}"/>\n' for x, y in points)
    edge = f'      <bpmndi:BPMNEdge id="{flow}_edge" bpmnElement="{flow}">\n{lines}      </bpmndi:BPMNEdge>\n'
    end = drawn.index("</bpmndi:BPMNPlane>")
    return drawn[:end].rstrip() + "\n" + edge + "    " + drawn[end:]


def write_texts(path: Path, texts: dict[str, str]) -> None:
    """Merge rows into ``translations/en.csv``; rows of the same processes and forms that are no more are taken out."""
    rows: dict[str, str] = {}
    if path.is_file():
        rows = dict(row[:2] for row in list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))[1:])
    owners = {":".join(key.split(":")[:2]) for key in texts}
    rows = {key: text for key, text in rows.items() if ":".join(key.split(":")[:2]) not in owners or key.count(":") > 3}
    rows |= texts
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("key", "text"))
        writer.writerows(sorted(rows.items()))


def main() -> None:
    """Write what a sketch says."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    root = Path(sys.argv[2])
    try:
        processes, forms = read(Path(sys.argv[1]).read_text(encoding="utf-8"))
        texts: dict[str, str] = {}
        for process, scope in processes:
            writer = Writer(process, scope)
            xml = writer.xml()
            texts |= writer.texts
            target = root / "processes" / f"{process.id}.bpmn"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(laid_out(xml), encoding="utf-8")
            print(target)
        for form in forms:
            target = root / "forms" / f"{form['id']}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(form_json(form, texts), encoding="utf-8")
            print(target)
        missing = [key for key, text in texts.items() if not text]
        if missing:
            print("no English for", ", ".join(missing), file=sys.stderr)
        write_texts(root / "translations" / "en.csv", {key: text for key, text in texts.items() if text})
    except SketchError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
