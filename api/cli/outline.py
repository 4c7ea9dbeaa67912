"""A diagram in plain words: each step with who does it, by when, and where it goes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from engine.city import City
from engine.organisation.roles import load_roles
from engine.translations import Translations
from engine.workflow.elements import Diagram, Element, Flow

KINDS = {
    "startEvent": ("开始", "start"), "endEvent": ("结束", "end"), "userTask": ("人工任务", "task for people"),
    "serviceTask": ("自动执行", "done by the system"), "businessRuleTask": ("决策", "decision"),
    "scriptTask": ("计算", "calculation"), "exclusiveGateway": ("分支", "one way"),
    "inclusiveGateway": ("可多选分支", "one or more ways"), "parallelGateway": ("并行", "all ways at once"),
    "eventBasedGateway": ("等待最先发生的事", "whatever happens first"), "subProcess": ("子流程", "sub-process"),
    "callActivity": ("调用流程", "other process"), "boundaryEvent": ("期间发生", "meanwhile"),
    "intermediateCatchEvent": ("等待", "waits"), "intermediateThrowEvent": ("发出", "tells others"),
    "manualTask": ("手工任务", "task by hand"), "sendTask": ("发送消息", "sends a message"),
    "receiveTask": ("等待消息", "waits for a message"),
}  # fmt: skip
THROWING = ("sendTask", "intermediateThrowEvent", "endEvent")
MEETING = ("汇合", "ways meet")
WORDS = {
    "zh": {
        "role": "办理", "form": "表单", "limit": "时限", "clock": "计时", "evidence": "须有证据", "operator": "执行",
        "decision": "决策表", "calls": "流程", "timer": "到时", "message": "收到消息", "host": "在此步骤期间",
        "each": "逐个办理", "default": "其他情况", "stops": "并中断该步骤", "beside": "该步骤照常进行", "if": "当",
        "sends": "发出消息", "signal": "收到信号", "signals": "发出信号", "condition": "条件成立", "error": "错误",
        "escalation": "升级", "any": "任何一种", "again": "再来一次，当",
    },
    "en": {
        "role": "done by", "form": "form", "limit": "limit", "clock": "clock", "evidence": "needs", "operator": "does",
        "decision": "table", "calls": "process", "timer": "after", "message": "on the message", "host": "during",
        "each": "once for each", "default": "otherwise", "stops": "and stops it", "beside": "which goes on", "if": "if",
        "sends": "sends the message", "signal": "on the signal", "signals": "sends the signal", "condition": "once",
        "error": "error", "escalation": "escalation", "any": "any", "again": "again while",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Way:
    """Where a step goes next; ``condition`` as written, none when always."""

    to: str
    to_name: str
    name: str
    condition: str | None
    default: bool


@dataclass(frozen=True)
class OutlineStep:
    """One element of a diagram as the outline tells it; ``depth`` counts the sub-processes around it."""

    id: str
    name: str
    kind: str
    depth: int
    documentation: str
    facts: dict[str, str]
    next: tuple[Way, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return asdict(self)


class Outline:
    """Reads one diagram in one language."""

    def __init__(self, city: City, diagram: Diagram, language: str) -> None:
        self.diagram, self.language = diagram, language
        self.roles = load_roles(city.layers)
        self.translations = Translations.load(city)
        self.words = WORDS["zh" if language == "zh" else "en"]

    @property
    def name(self) -> str:
        """The process's name."""
        return self.translations.say(self.language, f"process:{self.diagram.id}", self.diagram.name)

    def steps(self, scope: str = "", depth: int = 0) -> Iterator[OutlineStep]:
        """All steps in the order the flows lead, a sub-process's own right behind it."""
        for element in self._ordered(scope or self.diagram.id):
            yield OutlineStep(
                element.id, self._say(element.id, element.name), element.kind, depth, element.documentation,
                dict(self._facts(element)), tuple(map(self._way, self.diagram.outgoing(element.id))),
            )  # fmt: skip
            if element.kind == "subProcess":
                yield from self.steps(element.id, depth + 1)

    def lines(self) -> Iterator[str]:
        """The outline as text."""
        for step in self.steps():
            indent = "    " * step.depth
            name = f"{step.name} [{step.id}]" if step.name != step.id else f"[{step.id}]"
            yield f"{indent}● {name}  {self._kind(step)}"
            for word, value in step.facts.items():
                yield f"{indent}    {self.words[word]}: {value}"
            for way in step.next:
                yield f"{indent}    → {self._way_text(way)}"

    def _kind(self, step: OutlineStep) -> str:
        """What a step is, in a word or two; a gateway with one way on only brings ways together."""
        meets = step.kind.endswith("Gateway") and len(step.next) == 1
        names = MEETING if meets else KINDS.get(step.kind, (step.kind, step.kind))
        return names[0 if self.language == "zh" else 1]

    def _say(self, element: str, name: str) -> str:
        return self.translations.element(self.language, self.diagram.id, element, name)

    def _ordered(self, scope: str) -> list[Element]:
        """Elements of a scope as a reader meets them: from the start on, depth first, then what hangs beside."""
        inside = {e.id: e for e in self.diagram.elements.values() if e.parent == scope}
        waiting = [e.id for e in inside.values() if e.kind != "startEvent"][::-1]
        waiting += [e.id for e in inside.values() if e.kind == "startEvent"]
        found: dict[str, Element] = {}
        while waiting:
            name = waiting.pop()
            if name in found or name not in inside:
                continue
            found[name] = inside[name]
            waiting += [flow.target for flow in self.diagram.outgoing(name)][::-1]
            waiting += [event.id for event in self.diagram.boundaries(name)]
        return list(found.values())

    def _facts(self, element: Element) -> Iterator[tuple[str, str]]:
        properties = element.properties
        if element.host:
            host = self.diagram.elements.get(element.host)
            goes_on = self.words["stops" if element.interrupting else "beside"]
            yield "host", f"{self._say(element.host, host.name if host else element.host)}, {goes_on}"
        if element.groups:
            yield "role", self._who(element.groups)
        for word, value in (
            ("form", element.form), ("limit", properties.get("limit")), ("clock", properties.get("clock")),
            ("evidence", properties.get("evidence")), ("operator", element.topic), ("decision", element.decision),
            ("calls", element.called), ("timer", element.timer),
        ):  # fmt: skip
            if value:
                yield word, value
        yield from self._events(element)
        if element.loop_while:
            yield "again", element.loop_while
        if element.multi:
            yield "each", element.multi

    def _events(self, element: Element) -> Iterator[tuple[str, str]]:
        """What an element waits for or sends, by name."""
        throws = element.kind in THROWING
        if element.message:
            yield "sends" if throws else "message", element.message
        if element.signal:
            yield "signals" if throws else "signal", element.signal
        if element.condition:
            yield "condition", element.condition
        if element.event in ("error", "escalation"):
            yield element.event, element.code or self.words["any"]

    def _who(self, groups: str) -> str:
        role_id, at, scope = groups.partition("@")
        role = self.roles.get(role_id.strip())
        name = role_id if role is None else role.name if self.language == "zh" else role.name_en
        return f"{name} ({role_id.strip()}{f' @ {scope.strip()}' if at else ''})"

    def _way(self, flow: Flow) -> Way:
        target, source = self.diagram.elements.get(flow.target), self.diagram.elements.get(flow.source)
        return Way(
            flow.target, self._say(flow.target, target.name if target else flow.target),
            self._say(flow.id, flow.name) if flow.name else "", flow.condition,
            source is not None and source.default_flow == flow.id,
        )  # fmt: skip

    def _way_text(self, way: Way) -> str:
        label = f"{way.name}: " if way.name else ""
        to = f"{way.to_name} [{way.to}]" if way.to_name != way.to else f"[{way.to}]"
        if way.condition:
            return f"{label}{to}  {self.words['if']} {way.condition}"
        return f"{label}{to}  ({self.words['default']})" if way.default else f"{label}{to}"
