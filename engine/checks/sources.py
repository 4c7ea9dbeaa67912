"""Limits say where they come from: the law by its article, a city's practice, the catalogue, or experience.

A number in a diagram that nobody can trace is one nobody dares to change. So an element with a limit or a timer tells
its source in its documentation, and what is said to be law names the article.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.material import Material
from engine.workflow.elements import PEOPLE, Diagram, Element
from engine.workflow.lists import CONDITION_LIMIT
from engine.workflow.timers import OF_LIMIT

ARTICLE = re.compile(r"第[一二三四五六七八九十百千零〇\d]+条|\bart(?:icle|\.)\s*\d+|§\s*\d+", re.IGNORECASE)
LAW = re.compile(r"[一-鿿]法(?:（\d{4}|》|\(\d{4})|[一-鿿]条例(?:（|》|\()|\b(?:Act|Ordinance|Statute)\b")
"""A law or regulation by its name: 行政处罚法（2021）, 《城乡规划法》, 市容条例（2019）."""
SOURCE = re.compile(
    r"来源|依据|经验值|目录|设置|\b(?:found|memory|provisional|sources?|catalogue|settings?)\b", re.IGNORECASE
)
REMEDY = (
    "write 来源：… into its documentation: a law with its article, a city's practice, or 经验值（memory），待城市核定"
)


def check_sources(material: Material) -> Iterator[Finding]:
    """One warning an element whose limit has no source, or whose law has no article."""
    for diagram in material.diagrams.values():
        source = material.source(diagram)
        for element in diagram.elements.values():
            limit = limit_of(element)
            if limit is None:
                continue
            said = documentation_of(diagram, element)
            if LAW.search(said) and not ARTICLE.search(said):
                message = f"{element.name} ({limit}) names a law without the article"
                yield source.warning(element.id, message, "add the article, such as 第六十条", element.line)
            elif not SOURCE.search(said) and not ARTICLE.search(said):
                message = f"{element.name} has the limit {limit} and says no source for it"
                yield source.warning(element.id, message, REMEDY, element.line)


def limit_of(element: Element) -> str | None:
    """The limit or timer an element itself gives; none when it has none, or takes it from elsewhere (the filing
    condition, a share of another limit, a setting, a value of the case)."""
    text = element.properties.get("limit", "") if element.kind in PEOPLE else element.timer or ""
    text = text.strip()
    if not text or text == CONDITION_LIMIT or OF_LIMIT.match(text) or "${" in text:
        return None
    return text


def documentation_of(diagram: Diagram, element: Element) -> str:
    """What is written at an element; an event on a task's border, or behind a gateway, may leave it to that."""
    around = [element, diagram.elements.get(element.host or "")]
    if element.kind == "intermediateCatchEvent":
        around += [diagram.elements.get(flow.source) for flow in diagram.incoming(element.id)]
    return "\n".join(each.documentation for each in around if each is not None)
