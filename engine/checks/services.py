"""What a diagram calls: operators with their inputs, decisions, other processes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.calendar import LimitError, parse_limit
from engine.cases.operators import CLOSE_KINDS
from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.workflow.elements import Element
from engine.workflow.lists import CONDITION_LIMIT
from engine.workflow.step import NO_MATCH

NO_MATCH_CHOICES = ("none", "error")


def check_services(material: Material) -> Iterator[Finding]:
    """Every service task, business-rule task, script task and call activity."""
    checks = {
        "serviceTask": check_operator,
        "businessRuleTask": check_rule,
        "callActivity": check_call,
        "scriptTask": check_script,
    }
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            check = checks.get(element.kind)
            if check is not None:
                yield from check(material, element, material.source(diagram))


def check_operator(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """The operator exists and gets the inputs it takes."""
    topics = material.registry.operators
    if not element.topic:
        message = f"{element.name} calls nothing"
        yield source.error(element.id, message, 'set type "external" and a topic such as case/notify', element.line)
        return
    operator = topics.get(element.topic)
    if operator is None:
        remedy = suggest(element.topic, topics, "enable the plugin that has it")
        yield source.error(element.id, f"there is no operator {element.topic!r}", remedy, element.line)
        return
    for fault in operator.faults(element.inputs):
        message, remedy = split_remedy(fault, "correct the inputs")
        yield source.error(element.id, message, remedy, element.line)
    yield from _check_words(material, element, source)


def _check_words(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """Inputs written as plain words that only some words can be."""

    def word(topic: str, name: str) -> str:
        text = element.inputs.get(name, "") if element.topic == topic else ""
        return "" if "${" in text else text

    limit = word("case/start_clock", "limit")
    if limit and limit != CONDITION_LIMIT:
        try:
            parse_limit(limit)
        except LimitError as error:
            message, remedy = split_remedy(error.message, "write for example 5 work_day or condition_limit")
            yield source.error(element.id, message, remedy, element.line)
    kind = word("case/close", "kind")
    if kind and kind not in CLOSE_KINDS:
        message = f"cases are not closed as {kind!r}"
        yield source.error(element.id, message, f"use one of {', '.join(CLOSE_KINDS)}", element.line)
    if word("case/open_linked", "values"):
        message = "values are variables by name, not a text"
        yield source.error(element.id, message, "write a dictionary: ${{'party': party}}", element.line)
    process = word("case/open_linked", "process")
    if process and not material.has_file(f"processes/{process}.bpmn"):
        remedy = suggest(process, material.diagrams, "add the diagram")
        yield source.error(element.id, f"there is no process {process!r} to open", remedy, element.line)


def check_rule(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """The decision exists and its value goes somewhere."""
    if not element.decision:
        message = f"{element.name} names no decision"
        yield source.error(element.id, message, "set decisionRef to a decision's id", element.line)
        return
    if element.decision not in material.decision_ids:
        remedy = suggest(element.decision, material.decision_ids, "add the decision table")
        yield source.error(element.id, f"there is no decision {element.decision!r}", remedy, element.line)
    if not element.result_variable and not element.outputs:
        message = f"nobody keeps what {element.decision} decides"
        yield source.warning(element.id, message, "set resultVariable or an output parameter", element.line)
    chosen = element.properties.get(NO_MATCH)
    if chosen is not None and chosen not in NO_MATCH_CHOICES:
        remedy = f"use one of {', '.join(NO_MATCH_CHOICES)}"
        yield source.error(element.id, f"{NO_MATCH} {chosen!r} is unknown", remedy, element.line)
    decision = material.decisions.get(element.decision)
    if chosen is None and decision is not None and decision.may_find_nothing:
        message = f"when no rule of {element.decision} matches, what it decides is none"
        remedy = f"add a last rule that accepts everything, defaults, or the property {NO_MATCH}: error, or none"
        yield source.warning(element.id, message, remedy, element.line)


def check_call(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """The called process exists."""
    called = element.called or ""
    if not called:
        yield source.error(element.id, f"{element.name} calls no process", "set calledElement", element.line)
    elif "${" in called:
        return  # compiled with the other expressions; what it gives is looked up in the deployment
    elif called not in material.diagrams and not material.has_file(f"processes/{called}.bpmn"):
        remedy = suggest(called, material.diagrams, "add the diagram")
        yield source.error(element.id, f"there is no process {called!r} to call", remedy, element.line)


def check_script(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """A script task has a script; what it says is checked with the expressions."""
    if not (element.script or "").strip():
        message = f"{element.name} has no script"
        yield source.error(element.id, message, "write lines such as count = 0, or delete the task", element.line)
