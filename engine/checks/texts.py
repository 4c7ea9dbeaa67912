"""Every expression written in a diagram, compiled: where it stands and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.calendar import WorkCalendar
from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.workflow.elements import BPMN, Diagram, Element
from engine.workflow.events import CORRELATION
from engine.workflow.expressions import (
    Assignments,
    Expression,
    ExpressionError,
    Template,
    compile_assignments,
    compile_expression,
    parse_template,
)
from engine.workflow.timers import TimerUnreadable, parse_timer


@dataclass(frozen=True)
class Use:
    """One text of an element or flow; ``own`` are the names only this place knows, such as ``answer``."""

    source: Source
    diagram: Diagram
    owner: str
    line: int
    place: str
    text: Expression | Template | Assignments
    own: frozenset[str] = frozenset()

    @property
    def expressions(self) -> list[Expression]:
        """The expressions of the text."""
        if isinstance(self.text, Expression):
            return [self.text]
        if isinstance(self.text, Template):
            return list(self.text.expressions())
        return [expression for _, expression in self.text.lines]

    @property
    def paths(self) -> frozenset[str]:
        """What the text reads from outside itself."""
        return self.text.paths


OWN = {
    "userTask": {"answer"},
    "serviceTask": {"result"},
    "businessRuleTask": {"result"},
    "receiveTask": {"payload"},
}
CARRY = ("message", "signal", "error", "escalation")
"""Events that bring a ``payload``."""


def read_uses(material: Material, calendar: WorkCalendar | None) -> tuple[list[Use], list[Finding]]:
    """All texts of all diagrams; those that cannot be compiled are findings with the character."""
    uses: list[Use] = []
    findings: list[Finding] = []
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for owner, line, place, kind, text, own in _texts(material, diagram):
            try:
                compiled = _compile(kind, text, material, calendar)
            except ExpressionError as error:
                message, remedy = f"{place}, {error.place}: {error.message}", error.remedy or "correct the expression"
                findings.append(source.error(owner, message, remedy, line, error.excerpt))
                continue
            except TimerUnreadable as error:
                message, _, remedy = str(error).rpartition("; ")
                findings.append(source.error(owner, message, remedy, line))
                continue
            if compiled is not None:
                uses.append(Use(source, diagram, owner, line, place, compiled, own))
    return uses, findings


def _compile(
    kind: str, text: str, material: Material, calendar: WorkCalendar | None
) -> Expression | Template | Assignments | None:
    if kind == "condition":
        return compile_expression(text, material.functions)
    if kind == "script":
        return compile_assignments(text, material.functions)
    if kind == "timer" and "${" not in text:
        if calendar is not None:
            parse_timer(text, calendar)
        return None
    return parse_template(text, material.functions)


def _texts(material: Material, diagram: Diagram) -> Iterator[tuple[str, int, str, str, str, frozenset[str]]]:
    """(owner, line, place, kind, text, own names) of every text of a diagram."""
    nothing: frozenset[str] = frozenset()
    for flow in diagram.flows.values():
        if flow.condition is not None:
            yield flow.id, flow.line, "condition", "condition", flow.condition, nothing
    for element in diagram.elements.values():
        yield from _element_texts(material, diagram, element)


def _element_texts(
    material: Material, diagram: Diagram, element: Element
) -> Iterator[tuple[str, int, str, str, str, frozenset[str]]]:
    nothing: frozenset[str] = frozenset()
    for name, text in element.inputs.items():
        yield element.id, element.line, f"input {name}", "template", text, nothing
    own = frozenset({"payload"} if element.event in CARRY else OWN.get(element.kind, ()))
    if element.kind == "userTask" and (form := material.forms.get(element.form or "")):
        own |= frozenset(form.keys)
    for name, text in element.outputs.items():
        yield element.id, element.line, f"output {name}", "template", text, own
    if "${" in (limit := element.properties.get("limit", "")):
        yield element.id, element.line, "limit", "template", limit, nothing
    if element.kind == "userTask" and (when := element.properties.get("evidence_when", "").strip()):
        yield element.id, element.line, "evidence_when", "template", when, own
    if element.script and element.script.strip():
        yield element.id, element.line, "script", "script", element.script, nothing
    if element.timer is not None:
        yield element.id, element.line, "timer", "timer", element.timer, nothing
    for place, kind, written in (
        ("condition", "condition", element.condition),
        ("loopCondition", "condition", element.loop_while),
        ("loopCardinality", "condition", element.cardinality),
        ("correlation", "template", element.properties.get(CORRELATION)),
        ("calledElement", "template", element.called if "${" in (element.called or "") else None),
    ):
        if written:
            yield element.id, element.line, place, kind, written, nothing
    scope = (element.groups or "").partition("@")[2]
    if scope.strip():
        yield element.id, element.line, "scope of candidateGroups", "template", scope, nothing
    node = material.nodes[diagram.id].get(element.id)
    loop = node.find(f"{{{BPMN}}}multiInstanceLoopCharacteristics") if node is not None else None
    if loop is not None:
        list_name = (loop.findtext(f"{{{BPMN}}}loopDataInputRef") or "").strip()
        if list_name:
            yield element.id, element.line, "loopDataInputRef", "condition", list_name, nothing
        until = loop.findtext(f"{{{BPMN}}}completionCondition")
        if until and until.strip():
            members = {item.get("name") or item.get("id") or "" for item in loop}
            yield element.id, element.line, "completionCondition", "condition", until.strip(), frozenset(members)
