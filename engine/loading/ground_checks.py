"""What keeps a layer out of the ground: values that do not hold, and areas that do not lie together."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from engine.city import City
from engine.ground.feature import Feature
from engine.ground.layer_kinds import VALID_FROM, VALID_TO, GroundLayer
from engine.ground.topology import Border, TopologyFinding, check_topology, find_duplicates

LEVELS = ("province", "city", "district", "subdistrict", "community")
AREA_CLASS = ("A", "B", "C")


@dataclass(frozen=True)
class Known:
    """What a layer's values refer to: divisions (level and shape by code) and duty grids."""

    levels: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, Any] = field(default_factory=dict)
    duty_grids: frozenset[str] = frozenset()

    def border(self, city: City) -> Border:
        """The communities that grids keep to."""
        inside = {code: area for code, area in self.shapes.items() if self.levels[code] == "community"}
        return Border(inside, re.compile(city.unit_grid_code))


def known_of(divisions: Mapping[str, Feature], duty_grids: Mapping[str, Feature]) -> Known:
    """What divisions and duty grids, by code, say."""
    return Known(
        {code: str(each.properties["level"]) for code, each in divisions.items()},
        {code: each.geometry for code, each in divisions.items()},
        frozenset(duty_grids),
    )


def check_layer(city: City, layer: GroundLayer, features: Sequence[Feature], known: Known) -> list[TopologyFinding]:
    """Values and topology of a layer. Divisions are checked level by level: a district holds its subdistricts."""
    found: list[TopologyFinding] = []
    held: list[Feature] = []
    for each in features:
        told = value_findings(layer, each, known)
        found += told
        if each.properties["code"]:
            held.append(each)
    if layer.kind == "line":
        shapes = np.empty(len(held), dtype=object)
        shapes[:] = [each.geometry for each in held]
        return found + list(find_duplicates([str(each.properties["code"]) for each in held], shapes))
    if layer.kind == "levels":
        for level in LEVELS:
            found += check_topology([each for each in held if each.properties["level"] == level])
        return found
    border = known.border(city) if layer.name == "unit_grids" else None
    lying = check_topology(held, border, cover=layer.kind == "cover", overlaps=layer.kind != "free")
    return found + [finding for finding in lying if _matters(layer, finding, held)]


def value_findings(layer: GroundLayer, feature: Feature, known: Known) -> list[TopologyFinding]:
    """Empty, unreadable and unknown values of one area."""
    code = str(feature.properties["code"] or "")
    return own_findings(layer, feature) + [
        TopologyFinding("error", "value", (code,), message, remedy, feature.geometry)
        for message, remedy in _references(layer, feature.properties, code, known)
    ]


def own_findings(layer: GroundLayer, feature: Feature) -> list[TopologyFinding]:
    """Empty and unreadable values of one area, whatever else there is."""
    values = feature.properties
    code = str(values["code"] or "")
    told: list[tuple[str, str]] = []
    for name in layer.required:
        if values.get(name) is None:
            told.append((f"feature {feature.number}: {name} is empty", "fill it in"))
    for name, type_ in layer.properties.items():
        try:
            type_.read(values.get(name))
        except ValueError as error:
            told.append((f"{code}: {name} {error}", "correct it"))
    first, last = values.get(VALID_FROM), values.get(VALID_TO)
    if layer.dated and first and last and str(first) > str(last):
        told.append((f"{code}: it ends on {last} before it begins on {first}", "correct the dates"))
    return [TopologyFinding("error", "value", (code,), message, remedy, feature.geometry) for message, remedy in told]


def _references(layer: GroundLayer, values: Mapping[str, Any], code: str, known: Known) -> list[tuple[str, str]]:
    """Values of the core's layers that name something else."""
    told: list[tuple[str, str]] = []
    if layer.name == "unit_grids":
        if values.get("area_class") and values["area_class"] not in AREA_CLASS:
            told.append((f"{code}: area class {values['area_class']!r} is unknown", "use A, B or C"))
        if values.get("duty_grid") and values["duty_grid"] not in known.duty_grids:
            told.append((f"{code}: there is no duty grid {values['duty_grid']}", "import the duty grids first"))
    subdistrict = str(values.get("subdistrict") or "")
    if layer.name == "duty_grids" and subdistrict and known.levels.get(subdistrict) != "subdistrict":
        told.append((f"{code}: there is no subdistrict {subdistrict}", "import the divisions first"))
    if layer.name == "divisions" and values.get("level") and values["level"] not in LEVELS:
        told.append((f"{code}: level {values['level']!r} is unknown", f"use one of {', '.join(LEVELS)}"))
    return told


def _matters(layer: GroundLayer, finding: TopologyFinding, features: Sequence[Feature]) -> bool:
    """Whether two areas that share ground may not: those that may overlap, or never hold on the same day, may."""
    if finding.kind not in ("overlap", "duplicate") or len(finding.codes) < 2:
        return True
    if layer.kind == "free":
        return False
    if not layer.dated:
        return True
    spans = {each.properties["code"]: _span(each) for each in features if each.properties["code"] in finding.codes}
    (first, last), (begin, end) = (spans[code] for code in finding.codes)
    return first <= end and begin <= last


def _span(feature: Feature) -> tuple[str, str]:
    values = feature.properties
    return values.get(VALID_FROM) or date.min.isoformat(), values.get(VALID_TO) or date.max.isoformat()


def told_of(version: int, finding: TopologyFinding) -> TopologyFinding:
    """A finding in a version that is planned."""
    return replace(finding, message=f"in planned version {version}: {finding.message}")
