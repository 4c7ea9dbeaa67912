"""Draw a plan as BPMN: one main process and one for every call. Positions only give the order stock asks for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, pairwise
from xml.sax.saxutils import escape

from walks.plans import VARIABLES, Block

HEAD = (
    '<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="definitions" targetNamespace="urn:walks">'
)
TIMER = "<bpmn:timerEventDefinition><bpmn:timeDuration>100 calendar_day</bpmn:timeDuration></bpmn:timerEventDefinition>"


class Drawing:
    """The files of a plan: ``files`` maps logical paths to BPMN."""

    def __init__(self, plan: Block) -> None:
        self.numbers = count(1)
        self.files: dict[str, str] = {}
        self._process("main", plan, first="\n".join(f"{name} = 0" for name in VARIABLES))

    def _process(self, name: str, body: Block, first: str = "") -> None:
        page = _Page(self, name)
        page.fill(body, first)
        messages = "".join(f'<bpmn:message id="{each}_ref" name="{each}"/>' for each in page.messages)
        shapes = "".join(
            f'<bpmndi:BPMNShape id="{node}_shape" bpmnElement="{node}"><dc:Bounds x="0" y="{y}" width="1" height="1"/>'
            "</bpmndi:BPMNShape>"
            for y, node in enumerate(page.order)
        )
        self.files[f"processes/{name}.bpmn"] = (
            f'{HEAD}{messages}<bpmn:process id="{name}" isExecutable="true">{"".join(page.xml)}</bpmn:process>'
            f'<bpmndi:BPMNDiagram id="d"><bpmndi:BPMNPlane id="p" bpmnElement="{name}">{shapes}</bpmndi:BPMNPlane>'
            "</bpmndi:BPMNDiagram></bpmn:definitions>"
        )


class _Page:
    """One process under the pen. Every ``draw_…`` returns the id where its block begins and the one where it ends."""

    def __init__(self, drawing: Drawing, name: str) -> None:
        self.drawing, self.name = drawing, name
        self.xml: list[str] = []
        self.order: list[str] = []
        self.messages: list[str] = []

    def fill(self, body: Block, first: str = "") -> None:
        """Start, body, end."""
        start, end = self.node("startEvent"), self.node("endEvent")
        if first:
            script = self.node("scriptTask", f"<bpmn:script>{first}</bpmn:script>")
            self.flow(start, script)
            start = script
        entry, leave = self.draw(body)
        self.flow(start, entry)
        self.flow(leave, end)

    def draw(self, block: Block) -> tuple[str, str]:
        pen: Callable[[Block], tuple[str, str]] = getattr(self, f"draw_{block.kind}")
        return pen(block)

    def id(self, kind: str) -> str:
        return f"{kind}_{next(self.drawing.numbers)}"

    def node(self, kind: str, body: str = "", attributes: str = "", name: str = "") -> str:
        name = name or self.id(kind)
        self.order.append(name)
        self.xml.append(f'<bpmn:{kind} id="{name}" name="{name}" {attributes}>{body}</bpmn:{kind}>')
        return name

    def flow(self, source: str, target: str, condition: str = "") -> str:
        name = self.id("flow")
        inner = f"<bpmn:conditionExpression>{escape(condition)}</bpmn:conditionExpression>" if condition else ""
        self.xml.append(
            f'<bpmn:sequenceFlow id="{name}" sourceRef="{source}" targetRef="{target}">{inner}</bpmn:sequenceFlow>'
        )
        return name

    def event(self, kind: str) -> str:
        if kind == "timer":
            return TIMER
        name = self.id("message")
        self.messages.append(name)
        return f'<bpmn:messageEventDefinition messageRef="{name}_ref"/>'

    def draw_task(self, block: Block) -> tuple[str, str]:
        name = self.node("userTask")
        return name, name

    def draw_script(self, block: Block) -> tuple[str, str]:
        name = self.node("scriptTask", f"<bpmn:script>{block.how[0]} = {block.how[1]}</bpmn:script>")
        return name, name

    def draw_catch(self, block: Block) -> tuple[str, str]:
        name = self.node("intermediateCatchEvent", self.event(block.how[0]))
        return name, name

    def draw_repeat(self, block: Block) -> tuple[str, str]:
        most, condition, before = block.how
        loop = (
            f'<bpmn:standardLoopCharacteristics loopMaximum="{most}" testBefore="{str(before).lower()}">'
            f"<bpmn:loopCondition>{escape(condition)}</bpmn:loopCondition></bpmn:standardLoopCharacteristics>"
        )
        name = self.node("userTask", loop)
        return name, name

    def draw_many(self, block: Block) -> tuple[str, str]:
        sequential, number, by_number, until = block.how
        name = self.id("many")
        source = (
            f"<bpmn:loopCardinality>{number}</bpmn:loopCardinality>"
            if by_number
            else f"<bpmn:loopDataInputRef>{name}_list</bpmn:loopDataInputRef>"
        )
        ending = f"<bpmn:completionCondition>{escape(until)}</bpmn:completionCondition>" if until else ""
        loop = (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{str(sequential).lower()}">{source}'
            f"<bpmn:loopDataOutputRef>{name}_all</bpmn:loopDataOutputRef>"
            f'<bpmn:inputDataItem id="{name}_item" name="{name}_item"/>'
            f'<bpmn:outputDataItem id="{name}_out" name="{name}_out"/>{ending}</bpmn:multiInstanceLoopCharacteristics>'
        )
        self.node("userTask", loop, name=name)
        if by_number:
            return name, name
        members = [f"member {index}" for index in range(number)]
        script = self.node("scriptTask", f"<bpmn:script>{name}_list = {members}</bpmn:script>")
        self.flow(script, name)
        return script, name

    def draw_sequence(self, block: Block) -> tuple[str, str]:
        ends = [self.draw(part) for part in block.parts]
        for (_, leave), (entry, _) in pairwise(ends):
            self.flow(leave, entry)
        return ends[0][0], ends[-1][1]

    def draw_parallel(self, block: Block) -> tuple[str, str]:
        return self._split("parallelGateway", block, [""] * len(block.parts))

    def draw_exclusive(self, block: Block) -> tuple[str, str]:
        return self._split("exclusiveGateway", block, ["", *block.how])

    def draw_inclusive(self, block: Block) -> tuple[str, str]:
        return self._split("inclusiveGateway", block, ["", *block.how])

    def _split(self, kind: str, block: Block, conditions: list[str]) -> tuple[str, str]:
        """The first part is the default where the gateway decides."""
        opening, closing = self.id("split"), self.node(kind)
        default = ""
        for part, condition in zip(block.parts, conditions, strict=False):
            entry, leave = self.draw(part)
            flow = self.flow(opening, entry, condition)
            default = default or flow
            self.flow(leave, closing)
        self.node(kind, attributes="" if kind == "parallelGateway" else f'default="{default}"', name=opening)
        return opening, closing

    def draw_loop(self, block: Block) -> tuple[str, str]:
        (rounds,) = block.how
        counter = self.id("round")
        reset = self.node("scriptTask", f"<bpmn:script>{counter} = 0</bpmn:script>")
        entry_gate = self.node("exclusiveGateway")
        entry, leave = self.draw(block.parts[0])
        add = self.node("scriptTask", f"<bpmn:script>{counter} = {counter} + 1</bpmn:script>")
        exit_gate, out = self.id("again"), self.node("exclusiveGateway")
        self.flow(reset, entry_gate)
        self.flow(entry_gate, entry)
        self.flow(leave, add)
        self.flow(add, exit_gate)
        self.flow(exit_gate, entry_gate, f"{counter} < {rounds}")
        done = self.flow(exit_gate, out)
        self.node("exclusiveGateway", attributes=f'default="{done}"', name=exit_gate)
        return reset, out

    def draw_sub(self, block: Block) -> tuple[str, str]:
        name, outer = self.id("sub"), self.xml
        self.xml = []
        self.fill(block.parts[0])
        inner, self.xml = "".join(self.xml), outer
        self.node("subProcess", inner, name=name)
        return name, name

    def draw_call(self, block: Block) -> tuple[str, str]:
        called = self.id("process")
        self.drawing._process(called, block.parts[0])
        name = self.node("callActivity", attributes=f'calledElement="{called}"')
        return name, name

    def draw_boundary(self, block: Block) -> tuple[str, str]:
        """An interrupting event's way joins the host's; the other's comes to an end of its own."""
        kind, interrupting = block.how
        host, _ = self.draw(block.parts[0])
        entry, leave = self.draw(block.parts[1])
        event = self.node(
            "boundaryEvent", self.event(kind), f'attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}"'
        )
        met = self.node("exclusiveGateway") if interrupting else self.node("endEvent")
        self.flow(event, entry)
        self.flow(leave, met)
        if not interrupting:
            return host, host
        self.flow(host, met)
        return host, met

    def draw_await(self, block: Block) -> tuple[str, str]:
        gate, met = self.node("eventBasedGateway"), self.node("exclusiveGateway")
        for part, kind in zip(block.parts, block.how, strict=False):
            event = self.node("intermediateCatchEvent", self.event(kind))
            entry, leave = self.draw(part)
            self.flow(gate, event)
            self.flow(event, entry)
            self.flow(leave, met)
        return gate, met
