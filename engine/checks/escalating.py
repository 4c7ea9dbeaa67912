"""Something happens when a limit has passed: a timer on the task, around it, or around whatever calls its process; else
somebody is told by ``overdue.csv``.

That every task has a limit, and every wait an end, is an error when it is not so: see ``tasks`` and ``flows``.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.material import Material
from engine.overdue.rungs import Rungs, read_rungs
from engine.overdue.watching import unwatched
from engine.workflow.elements import Diagram, Element

REMEDY = (
    "add a row for its role to overdue.csv, or put a timer on its border that warns somebody (case/escalate) or takes "
    "another way; until then a passed limit shows on lists and in the figures alone"
)


def check_escalation(material: Material) -> Iterator[Finding]:
    """Tasks of every layer whose limit passes without anything happening."""
    for diagram, element in find_silent(material, read_rungs(material.city.layers)[0]):
        message = f"nothing happens when the limit of {element.name} has passed"
        yield material.source(diagram).warning(element.id, message, REMEDY, element.line)


def find_silent(material: Material, rungs: Rungs) -> Iterator[tuple[Diagram, Element]]:
    """Every task whose limit passes in silence. Where rows for this very step or its process say that nobody need
    know, with their reason, that is decided and no silence."""
    for diagram, element in unwatched(material.diagrams):
        rows = rungs.rows_of(diagram.id, element.id, (element.groups or "").partition("@")[0].strip())
        if all(rung.off for rung in rows) and not any("/" in rung.task for rung in rows):
            yield diagram, element
