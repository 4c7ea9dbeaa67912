"""Everything the checks look at, read once: diagrams, decisions, forms, roles. What cannot be read is a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from engine.calendar import WorkCalendar
from engine.checks.finding import Finding, Source, split_remedy
from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found
from engine.loading.tables import read_csv
from engine.organisation.roles import Role, merge_role
from engine.registry import Registry
from engine.workflow.decisions import Decision, DecisionFileError, check_decisions, load_decisions
from engine.workflow.elements import BPMN, Diagram, DiagramUnreadable, parse_xml, read_diagram
from engine.workflow.expressions import CORE, Functions
from engine.workflow.forms import Form, FormError, load_form
from engine.workflow.language import calendar_functions, city_functions

ROLE = ("role", "name", "name_en", "side", "permissions")
SIDES = ("supervision", "command", "handling", "collection", "administration")


@dataclass
class Material:
    """A city's files as values. ``broken`` are the logical paths that could not be read."""

    city: City
    registry: Registry
    functions: Functions = CORE
    diagrams: dict[str, Diagram] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The XML node of every element and flow, by process."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    decision_ids: set[str] = field(default_factory=set)
    """Ids of all decisions, those of unreadable tables included."""
    forms: dict[str, Form] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def source(self, diagram: Diagram) -> Source:
        """The file of a diagram."""
        return self.sources[diagram.source]

    def has_file(self, logical: str) -> bool:
        """Whether any layer has the file, readable or not."""
        return self.city.layers.find(logical) is not None


def read_material(city: City, registry: Registry) -> tuple[Material, list[Finding]]:
    """Read a city's files; findings are what could not be read."""
    material = Material(city, registry, _functions(city, registry))
    readers = (
        ("processes", ".bpmn", _read_diagram), ("decisions", ".dmn", _read_decisions), ("forms", ".json", _read_form),
    )  # fmt: skip
    findings: list[Finding] = []
    for folder, suffix, read in readers:
        for found in city.layers.listing(folder, suffix):
            source = material.sources[found.logical] = Source.of(found)
            try:
                text = found.read()
            except (UnicodeDecodeError, OSError) as error:
                material.broken.add(found.logical)
                findings.append(source.error("file", f"cannot be read as UTF-8 text: {error}", "save it as UTF-8"))
                continue
            faults = list(read(material, found, source, text))
            findings += faults
            if faults:
                material.broken.add(found.logical)
    return material, findings + list(_read_roles(material))


def _functions(city: City, registry: Registry) -> Functions:
    """What expressions may call; a calendar that cannot be built is another check's finding, its functions exist."""
    try:
        return city_functions(city, registry)
    except (CityBroken, KeyError, TypeError, ValueError, AttributeError, OSError):
        return calendar_functions(WorkCalendar.from_settings("UTC", ("00:00-24:00",)), registry)


def _read_diagram(material: Material, found: Found, source: Source, text: str) -> Iterator[Finding]:
    try:
        diagram = read_diagram(text, found.logical)
    except DiagramUnreadable as error:
        message, remedy = split_remedy(str(error).removeprefix(f"{found.logical}: "), "correct the diagram")
        line = getattr(error.__cause__, "lineno", None)
        yield source.error("file", message, remedy, line)
        return
    name = found.path.stem
    if diagram.id != name:
        message = f"the process id is {diagram.id!r}, the file is named {name!r}"
        yield source.error(diagram.id or "process", message, "give both the same name")
    if diagram.id in material.diagrams:
        other = material.diagrams[diagram.id].source
        yield source.error(diagram.id, f"{other} has a process of this id too", "rename one process and its file")
        return
    material.diagrams[diagram.id] = diagram
    process = parse_xml(text, found.logical).find(f"{{{BPMN}}}process")
    nodes: dict[str, Any] = {}
    for node in process.iter() if process is not None else ():
        if isinstance(node.tag, str) and node.get("id") and etree.QName(node).namespace == BPMN:
            if node.get("id") in nodes:
                message = "two elements or flows have this id"
                yield source.error(str(node.get("id")), message, "give one another id", line_of(node))
            nodes[str(node.get("id"))] = node
    material.nodes[diagram.id] = nodes


def line_of(node: Any) -> int | None:
    """The line of an XML node."""
    return int(node.sourceline) if node.sourceline else None


def _read_decisions(material: Material, found: Found, source: Source, text: str) -> Iterator[Finding]:
    problems = check_decisions(text, found.logical, material.functions)
    for problem in problems:
        place = ", ".join(part for part in (problem.decision_id, problem.rule_id) if part)
        yield source.error(place or "file", problem.message, problem.remedy, excerpt=problem.excerpt)
    try:
        decisions = load_decisions(text, found.logical, material.functions) if not problems else {}
    except DecisionFileError as error:  # the same problems as above, told already
        decisions = {}
        assert error.problems
    for name, decision in decisions.items():
        if name in material.decisions:
            other = material.decisions[name].source
            yield source.error(name, f"{other} has a decision of this id too", "rename one of them")
        material.decisions[name] = decision
    material.decision_ids |= set(decisions) or _ids_of_decisions(text) or {found.path.stem}


def _ids_of_decisions(text: str) -> set[str]:
    """Ids in a file with faults, so that its readers are not blamed for them."""
    try:
        root = parse_xml(text, "")
    except DiagramUnreadable:
        return set()
    return {str(node.get("id")) for node in root.iter("{*}decision")}


def _read_form(material: Material, found: Found, source: Source, text: str) -> Iterator[Finding]:
    name = found.path.stem
    try:
        form = load_form(text, found.logical, material.functions)
    except FormError as error:
        for problem in error.problems:
            yield source.error(problem.field or "form", problem.message, problem.remedy)
        return
    material.forms[name] = form
    if form.form_id != name:
        message = f"the form's id is {form.form_id!r}, the file is named {name!r}"
        yield source.error(form.form_id, message, "give both the same name")


def _read_roles(material: Material) -> Iterator[Finding]:
    for found in material.city.layers.all_of("roles.csv"):
        source = material.sources["roles.csv"] = Source.of(found)
        try:
            rows = list(read_csv(found.path, ROLE))
        except CityBroken as error:
            message, remedy = split_remedy(error.message, "write the header as in the core's roles.csv")
            yield source.error("header", message, remedy)
            continue
        seen: set[str] = set()
        for line, row in rows:
            if row["role"] in seen:
                yield source.error(row["role"], "the role stands twice in this file", "keep one row", line)
            seen.add(row["role"])
            known = material.roles.get(row["role"])
            if row["permissions"].startswith("+") and known is None:
                message = "the row adds permissions to a role that no layer below has"
                yield source.error(row["role"], message, "name a role of the core's roles.csv, or drop the +", line)
            if row["side"] not in SIDES and not (known and row["permissions"].startswith("+")):
                message = f"side {row['side']!r} is unknown"
                yield source.error(row["role"], message, f"use one of {', '.join(SIDES)}", line)
            material.roles[row["role"]] = merge_role(known, row)
