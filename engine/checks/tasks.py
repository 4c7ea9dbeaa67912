"""User tasks: who does it, with which form, by when, under whose supervision."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.calendar import LimitError, parse_limit
from engine.cases.evidence import ROLES as EVIDENCE_ROLES
from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.organisation.actor import SUPERVISION_ONLY
from engine.workflow.elements import PEOPLE, Diagram, Element
from engine.workflow.lists import CONDITION_LIMIT, SHARE

STAGES = (
    "accept", "verify", "file", "coordinate", "dispatch", "receive", "handle", "feedback", "suspended", "check",
    "rework", "close", "callback", "evaluate", "appeal", "supervise", "enforce",
)  # fmt: skip
PROPERTIES = ("stage", "choose", "limit", "clock", "warn_at", "evidence", "manual_evidence", "evidence_when")
CLOCK = re.compile(r"[a-z][a-z0-9_]*")


def check_tasks(material: Material) -> Iterator[Finding]:
    """Every user task of every diagram."""
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for element in diagram.elements.values():
            if element.kind in PEOPLE:
                yield from check_role(material, element, source)
                yield from check_form(material, element, source)
                yield from check_properties(material, element, source)
                yield from check_choice(material, element, source)
            elif element.kind == "intermediateCatchEvent" and element.event in ("message", "signal", "conditional"):
                yield from _check_wait(diagram, element, source)
            elif element.kind == "receiveTask":
                yield from _check_receive(diagram, element, source)


def check_role(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """``candidateGroups`` names one known role, narrowed where its people work in units or grids."""
    groups = (element.groups or "").strip()
    role_id, at, scope = groups.partition("@")
    role_id = role_id.strip()
    if not role_id:
        manual = element.kind == "manualTask"
        remedy = f"name a role of roles.csv in {'the property role' if manual else 'candidateGroups'}"
        if element.lane:
            remedy += f", or give the lane {element.lane!r} the property role"
        yield source.error(element.id, f"nobody is asked to do {element.name}", remedy, element.line)
        return
    if "," in role_id:
        message = f"candidateGroups {groups!r} names several roles"
        yield source.error(element.id, message, "name one role; give the others a post with it", element.line)
        return
    if element.kind == "manualTask" and element.lane is None and "role" not in element.properties:
        message = "modelers know no candidateGroups on a manual task and warn when they open the diagram"
        yield source.warning(element.id, message, f"give it the property role = {groups}", element.line)
    role = material.roles.get(role_id)
    if role is None:
        message = f"role {role_id!r} does not exist"
        yield source.error(element.id, message, suggest(role_id, material.roles, "add it to roles.csv"), element.line)
        return
    if at and not scope.strip().startswith("${"):
        message = f"the scope {scope!r} behind {role_id}@ is no expression"
        yield source.error(element.id, message, "write it as ${…}, such as ${case.lead_department}", element.line)
    if not at and role.side in ("handling", "collection"):
        message = f"every {role_id} of the city would get {element.name}"
        remedy = f"narrow it: {role_id}@${{case.{'duty_grid' if role.side == 'collection' else 'lead_department'}}}"
        yield source.warning(element.id, message, remedy, element.line)
    stage = element.properties.get("stage", "")
    if role.side == "handling" and stage in SUPERVISION_ONLY:
        message = f"{element.name} is of stage {stage}, but {role_id} is on the handling side"
        remedy = "give it to a role of the supervision side: a department never closes its own case"
        yield source.error(element.id, message, remedy, element.line)


def check_choice(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """What chooses a person is an operator that takes a role and a scope."""
    topic = element.properties.get("choose", "").strip()
    if not topic:
        return
    operators = material.registry.operators
    if topic not in operators:
        message = f"there is no operator {topic!r} to choose somebody"
        remedy = suggest(topic, operators, "enable the plugin that has it")
        yield source.error(element.id, message, remedy, element.line)
        return
    for fault in operators[topic].faults(("role", "scope")):
        message, remedy = split_remedy(fault, "name an operator that takes role and scope")
        yield source.error(element.id, message, remedy, element.line)


def check_form(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """The form exists. Without one the task is completed by a button alone."""
    if element.form and element.kind == "manualTask":
        remedy = "make it a user task, or take the form away"
        yield source.error(element.id, f"the manual task {element.name} has a form", remedy, element.line)
    if element.form and element.form not in material.forms and not material.has_file(f"forms/{element.form}.json"):
        message = f"there is no form forms/{element.form}.json"
        yield source.error(element.id, message, suggest(element.form, material.forms, "add the file"), element.line)


def check_properties(material: Material, element: Element, source: Source) -> Iterator[Finding]:
    """Stage, limit, clock, warning and evidence can be read; every task is due at some time."""
    properties = element.properties
    allowed = (*PROPERTIES, "role") if element.kind == "manualTask" else PROPERTIES
    for name in properties:
        if name not in allowed:
            remedy = suggest(name, allowed, f"use one of {', '.join(allowed)}")
            yield source.warning(element.id, f"the property {name!r} is not read", remedy, element.line)
    stage = properties.get("stage", "")
    if stage not in STAGES:
        message = f"stage {stage!r} is unknown" if stage else f"{element.name} has no stage"
        yield source.error(element.id, message, suggest(stage, STAGES, f"use one of {', '.join(STAGES)}"), element.line)
    limit = properties.get("limit", "").strip()
    if limit and limit != CONDITION_LIMIT and "${" not in limit:
        try:
            parse_limit(limit)
        except LimitError as error:
            message, remedy = split_remedy(error.message, "write for example 4 work_hour or condition_limit")
            yield source.error(element.id, message, remedy, element.line)
    clock = properties.get("clock", "").strip()
    if not limit and not clock:
        message = f"{element.name} has neither a limit nor a clock, so it may lie for ever"
        yield source.error(element.id, message, "give it a limit such as 4 work_hour, or a clock", element.line)
    if clock and clock not in started_clocks(material):
        known = ", ".join(sorted(started_clocks(material))) or "none"
        message = f"no service task starts the clock {clock!r}"
        yield source.error(element.id, message, f"start it with case/start_clock or use one of: {known}", element.line)
    warn_at = properties.get("warn_at", "")
    match = SHARE.match(warn_at)
    if warn_at and (match is None or not 0 < float(match.group(1)) <= 100):
        yield source.error(element.id, f"warn_at {warn_at!r} is no share of the limit", "write 80 %", element.line)
    yield from _check_evidence(element, source)


def _check_evidence(element: Element, source: Source) -> Iterator[Finding]:
    """Roles of evidence are known, those of the manual too, and what they hang on is an expression."""
    properties = element.properties
    for name in ("evidence", "manual_evidence"):
        for role in properties.get(name, "").split():
            if role not in EVIDENCE_ROLES:
                message = f"{name} {role!r} is unknown"
                yield source.error(element.id, message, f"use {' or '.join(EVIDENCE_ROLES)}", element.line)
    when = properties.get("evidence_when", "").strip()
    if not when:
        return
    if not any(properties.get(name, "").strip() for name in ("evidence", "manual_evidence")):
        message = "evidence_when says when no evidence is asked for"
        yield source.warning(element.id, message, "name roles in evidence or manual_evidence", element.line)
    if not (when.startswith("${") and when.endswith("}")):
        message = f"evidence_when {when!r} is no expression"
        yield source.error(element.id, message, "write ${answer.decision == 'done'}", element.line)


def started_clocks(material: Material) -> set[str]:
    """The clocks some service task of the city starts."""
    return {
        element.inputs["clock"]
        for diagram in material.diagrams.values()
        for element in diagram.elements.values()
        if element.topic == "case/start_clock" and "clock" in element.inputs
    }


def _check_wait(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """A message, signal or condition that alone moves the case on may never come."""
    before = [diagram.elements.get(flow.source) for flow in diagram.incoming(element.id)]
    if not any(each is not None and each.kind == "eventBasedGateway" for each in before):
        what = "condition" if element.event == "conditional" else element.event
        message = f"{element.name} waits for a {what} without any limit"
        tell = source.error if element.event == "message" else source.warning
        yield tell(element.id, message, "put an event-based gateway with a timer before it", element.line)


def _check_receive(diagram: Diagram, element: Element, source: Source) -> Iterator[Finding]:
    """A receive task has a timer on its border that ends the waiting."""
    if not any(each.event == "timer" and each.interrupting for each in diagram.boundaries(element.id)):
        message = f"{element.name} waits for a message without any limit"
        yield source.error(element.id, message, "put an interrupting boundary timer on it", element.line)
