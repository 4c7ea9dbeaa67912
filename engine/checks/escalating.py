"""Something happens when a limit has passed: a timer on the task, around it, or around whatever calls its process.

That every task has a limit, and every wait an end, is an error when it is not so: see ``tasks`` and ``flows``.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.material import Material, read_material
from engine.city import City
from engine.hooks.host import load_plugins
from engine.workflow.elements import PEOPLE, Diagram, Element

REMEDY = (
    "put a timer on its border that warns somebody (case/escalate) or takes another way; until then a passed limit "
    "shows on lists and in the figures alone"
)


def check_escalation(material: Material) -> Iterator[Finding]:
    """Tasks of the city's own diagrams whose limit passes without anything happening. Diagrams it took over from core
    or plugin and changed are left to those who drew them."""
    city = material.city.layers.layers[-1]
    for diagram, element in find_silent(material):
        found = material.city.layers.find(diagram.source)
        if found is not None and found.layer == city and not found.beaten:
            yield _warning(material, diagram, element)


def check_every_escalation(city: City) -> list[Finding]:
    """The same of every diagram in force, whoever drew it."""
    material, _ = read_material(city, load_plugins(city, skip_broken=True).registry)
    return [_warning(material, diagram, element) for diagram, element in find_silent(material)]


def _warning(material: Material, diagram: Diagram, element: Element) -> Finding:
    message = f"nothing happens when the limit of {element.name} has passed"
    return material.source(diagram).warning(element.id, message, REMEDY, element.line)


def find_silent(material: Material) -> Iterator[tuple[Diagram, Element]]:
    """Every task of every layer whose limit passes in silence."""
    watched = _watched_processes(material)
    for diagram in material.diagrams.values():
        clocks = diagram.id in watched
        for element in diagram.elements.values():
            if element.kind in PEOPLE and not clocks and not is_watched(diagram, element):
                yield diagram, element


def is_watched(diagram: Diagram, element: Element) -> bool:
    """Whether a timer sits on the element or around it: on its border, on a sub-process around it, or beside it in an
    event sub-process."""
    at: Element | None = element
    while at is not None:
        if any(each.event == "timer" for each in diagram.boundaries(at.id)):
            return True
        if _timed_beside(diagram, at.parent):
            return True
        at = diagram.elements.get(at.parent)
    return False


def _timed_beside(diagram: Diagram, scope: str) -> bool:
    beside = {each.id for each in diagram.elements.values() if each.by_event and each.parent == scope}
    starts = (each for each in diagram.elements.values() if each.kind == "startEvent" and each.parent in beside)
    return any(each.event == "timer" for each in starts)


def _watched_processes(material: Material) -> set[str]:
    """Processes that run only within a call activity that is watched, or within such a process."""
    calls: dict[str, list[tuple[str, bool]]] = {}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.kind == "callActivity" and element.called in material.diagrams:
                calls.setdefault(str(element.called), []).append((diagram.id, is_watched(diagram, element)))
    watched: set[str] = set()
    while True:
        more = {
            name
            for name, callers in calls.items()
            if name not in watched and all(own or caller in watched for caller, own in callers)
        }
        if not more:
            return watched
        watched |= more
