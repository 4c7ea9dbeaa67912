"""Who reads a diagram, decision table or form: which element of which diagram, which matter, which class."""

from __future__ import annotations

from collections.abc import Iterator

from engine.city import City
from engine.layers import Found
from engine.matters.declaring import load_matters
from engine.matters.procedures import load_procedures
from engine.packs.kinds import Kind
from engine.workflow.elements import Diagram, DiagramUnreadable, Element, parse_xml, read_diagram

NAMED = ("processes/*.bpmn", "decisions/*.dmn", "forms/*.json")
"""Kinds of files that count only where something names them."""


def readers_of(city: City, found: Found, kind: Kind) -> list[str] | None:
    """What names a file, in words; none for a kind that is read by itself. An empty list: nobody reads it.

    Files that cannot be read name nothing here: ``wangge check`` tells of them.
    """
    if kind.pattern not in NAMED:
        return None
    name = found.path.stem
    readers = list(_elements(city, found, kind))
    if kind.pattern == "processes/*.bpmn" and city.process == name:
        readers.insert(0, "city.toml, [lifecycle] process: new cases start it")
    for matter in load_matters(city.layers).values():
        named = (matter.process,) if kind.pattern == "processes/*.bpmn" else (matter.form,)
        if kind.pattern != "decisions/*.dmn" and name in named:
            readers.append(f"matters/{matter.name}.toml")
    if kind.pattern == "processes/*.bpmn":
        rows = load_procedures(city.layers).rows
        readers += [f"procedures.csv, code {code}" for code, process in rows.items() if process == name]
    return readers


def _elements(city: City, found: Found, kind: Kind) -> Iterator[str]:
    ids = _decision_ids(found) if kind.pattern == "decisions/*.dmn" else {found.path.stem}
    for diagram in _diagrams(city):
        for element in diagram.elements.values():
            if _named(element, kind) in ids:
                yield f"{diagram.source}, {element.name} ({element.id})"


def _named(element: Element, kind: Kind) -> str | None:
    if kind.pattern == "forms/*.json":
        return element.form
    if kind.pattern == "decisions/*.dmn":
        return element.decision
    return element.inputs.get("process") if element.topic == "case/open_linked" else element.called


def _decision_ids(found: Found) -> set[str]:
    try:
        root = parse_xml(found.read(), found.logical)
    except DiagramUnreadable:
        return {found.path.stem}
    return {str(node.get("id")) for node in root.iter("{*}decision")}


def _diagrams(city: City) -> Iterator[Diagram]:
    for listed in city.layers.listing("processes", ".bpmn"):
        try:
            yield read_diagram(listed.read(), listed.logical)
        except DiagramUnreadable:
            continue
