"""Layers of the ground between vector files and a city's database: checked, idempotent, all or nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.errors import Invalid
from engine.ground.datums import WGS84, CoordinateSystem
from engine.ground.topology import Border, TopologyFinding, check_topology, find_duplicates, remarks_found
from engine.ground.vector_files import Feature, VectorLayer, read_vector, write_vector
from engine.models import Base, Division, DutyGrid, RoadSegment, UnitGrid

LEVELS = ("province", "city", "district", "subdistrict", "community")
AREA_CLASSES = ("A", "B", "C")
CHUNK = 500
SAME_DEGREES = 1e-9
"""A tenth of a millimetre: what a change of the coordinate system and back costs."""


@dataclass(frozen=True)
class GroundLayer:
    """A kind of area, or of line: its table, and the column of each property; ``required`` ones must be there."""

    name: str
    model: type[Base]
    columns: Mapping[str, str]
    required: tuple[str, ...]
    kinds: tuple[str, str] = ("Polygon", "MultiPolygon")


LAYERS = {
    layer.name: layer
    for layer in (
        GroundLayer(
            "divisions", Division,
            {"code": "code", "level": "level", "name": "name", "name_en": "name_en", "parent": "parent_code"},
            ("code", "level", "name"),
        ),
        GroundLayer(
            "unit_grids", UnitGrid,
            {"code": "code", "community": "community_code", "duty_grid": "duty_grid_code", "area_class": "area_class"},
            ("code", "community", "area_class"),
        ),
        GroundLayer(
            "duty_grids", DutyGrid, {"code": "code", "name": "name", "subdistrict": "subdistrict_code"},
            ("code", "name"),
        ),
        GroundLayer(
            "roads", RoadSegment,
            {"code": "code", "name": "name", "name_en": "name_en", "chief": "chief", "phone": "chief_phone"},
            ("code", "name"), ("LineString", "MultiLineString"),
        ),
    )
}  # fmt: skip


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


@dataclass
class LayerReport:
    """What became of a file: nothing is written when ``errors`` stand among the findings."""

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    findings: list[TopologyFinding] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)

    @property
    def errors(self) -> list[TopologyFinding]:
        """The findings that keep the file out."""
        return [finding for finding in self.findings if finding.severity == "error"]


# Files --------------------------------------------------------------------------------------------------------


def read_layer(
    path: Path, layer: GroundLayer, *, system: CoordinateSystem | None = None, of: str | None = None,
    encoding: str | None = None,
) -> VectorLayer:  # fmt: skip
    """A file's features with codes and values as text. Raises Invalid naming a property that no feature has."""
    found = read_vector(path, system=system, layer=of, encoding=encoding, kinds=layer.kinds)
    for name in layer.required:
        if found.features and name not in found.features[0].properties:
            there = ", ".join(found.features[0].properties) or "none"
            raise Invalid(f"{path.name} has no property {name}; {layer.name} need it, the file has: {there}")
    found.features[:] = [
        Feature(each.number, {name: _text(each.properties[name]) for name in layer.columns if name in each.properties},
                each.geometry)
        for each in found.features
    ]  # fmt: skip
    return found


def export_layer(session: Session, layer: GroundLayer, path: Path, system: CoordinateSystem = WGS84) -> int:
    """Write a layer of the database, by code. Returns how many areas. Raises Invalid when there are none."""
    features = ((each.properties, each.geometry) for each in stored_features(session, layer))
    return write_vector(path, features, name=layer.name, system=system)


# The database -------------------------------------------------------------------------------------------------


def stored_features(session: Session, layer: GroundLayer) -> list[Feature]:
    """What the database holds of a layer, by code; the number is 0."""
    table = layer.model.__table__
    rows = session.execute(select(table).order_by(table.c.code)).mappings()
    return [
        Feature(0, {name: row[column] for name, column in layer.columns.items()}, shape(json.loads(row["geometry"])))
        for row in rows
    ]


def known_to(session: Session) -> Known:
    """What the database's layers refer to."""
    rows = session.execute(select(Division.code, Division.level, Division.geometry)).all()
    return Known(
        {code: level for code, level, _ in rows},
        {code: shape(json.loads(geometry)) for code, _, geometry in rows},
        frozenset(session.scalars(select(DutyGrid.code))),
    )


def import_layer(
    session: Session, city: City, layer: GroundLayer, found: VectorLayer, *, replace: bool = False,
    dry_run: bool = False,
) -> LayerReport:  # fmt: skip
    """Bring a file into the database in one transaction, or leave everything as it is when anything does not hold.

    Areas are compared by code: a property the file does not have keeps its value, an area drawn the same way from
    another point on is unchanged. The topology is checked as it will be, with the areas that are not in the file.

    :param replace: take out what the file does not hold.
    """
    begin_write(session)
    stored = {str(each.properties["code"]): each for each in stored_features(session, layer)}
    coming = {str(each.properties["code"]) for each in found.features}
    gone = sorted(stored.keys() - coming) if replace else []
    staying = [each for code, each in stored.items() if code not in coming and not replace]
    report = LayerReport(read=len(found.features) + len(found.faults), features=[*found.features, *staying])
    findings = check_layer(city, layer, [*found.features, *staying], known_to(session))
    report.findings = remarks_found(found.remarks)
    report.findings += [each for each in findings if not each.codes or not coming.isdisjoint(each.codes)]
    if gone and not found.features:
        raise Invalid(f"the file holds no area; it will not empty {layer.name}")
    if report.errors:
        session.rollback()
        return report
    fresh = [_row(layer, each) for each in found.features if each.properties["code"] not in stored]
    changes = [
        _row(layer, each, whole=False)
        for each in found.features
        if each.properties["code"] in stored and _differs(each, stored[str(each.properties["code"])])
    ]
    report.added, report.changed, report.removed = len(fresh), len(changes), len(gone)
    report.unchanged = len(found.features) - len(fresh) - len(changes)
    if dry_run:
        session.rollback()
        return report
    for start in range(0, len(gone), CHUNK):
        codes = layer.model.__table__.c.code
        session.execute(delete(layer.model).where(codes.in_(gone[start : start + CHUNK])))
    if fresh:
        session.execute(insert(layer.model), fresh)
    if changes:
        session.execute(update(layer.model), changes)
    session.commit()
    return report


# The check ----------------------------------------------------------------------------------------------------


def check_layer(city: City, layer: GroundLayer, features: Sequence[Feature], known: Known) -> list[TopologyFinding]:
    """Values and topology of a layer. Divisions are checked level by level: a district holds its subdistricts."""
    found = [finding for each in features for finding in value_findings(layer, each, known)]
    if layer.name == "unit_grids":
        return found + check_topology(features, known.border(city))
    if layer.name == "roads":
        shapes = np.array([each.geometry for each in features], dtype=object)
        return found + list(find_duplicates([str(each.properties["code"]) for each in features], shapes))
    if layer.name == "duty_grids":
        return found + check_topology(features, cover=False)
    for level in LEVELS:
        found += check_topology([each for each in features if each.properties["level"] == level])
    return found


def value_findings(layer: GroundLayer, feature: Feature, known: Known) -> list[TopologyFinding]:
    """Empty and unknown values of one area."""
    values = feature.properties
    code = values["code"] or ""
    told: list[tuple[str, str]] = []
    for name in layer.required:
        if not values[name]:
            told.append((f"feature {feature.number}: {name} is empty", "fill it in"))
    if layer.name == "unit_grids":
        if values["area_class"] not in AREA_CLASSES:
            told.append((f"{code}: area class {values['area_class']!r} is unknown", "use A, B or C"))
        if values.get("duty_grid") and values["duty_grid"] not in known.duty_grids:
            told.append((f"{code}: there is no duty grid {values['duty_grid']}", "import the duty grids first"))
    subdistrict = str(values.get("subdistrict") or "")
    if layer.name == "duty_grids" and subdistrict and known.levels.get(subdistrict) != "subdistrict":
        told.append((f"{code}: there is no subdistrict {subdistrict}", "import the divisions first"))
    if layer.name == "divisions" and values["level"] not in LEVELS:
        told.append((f"{code}: level {values['level']!r} is unknown", f"use one of {', '.join(LEVELS)}"))
    return [
        TopologyFinding("error", "value", (str(code),), message, remedy, feature.geometry) for message, remedy in told
    ]


# Rows ---------------------------------------------------------------------------------------------------------


def _row(layer: GroundLayer, feature: Feature, *, whole: bool = True) -> dict[str, Any]:
    """The columns of a feature; ``whole``: those it does not have as well."""
    names = [name for name in layer.columns if whole or name in feature.properties]
    row = {layer.columns[name]: feature.properties.get(name) for name in names}
    if whole and "name_en" in row and not row["name_en"]:
        row["name_en"] = row["name"]
    return {**row, "geometry": json.dumps(mapping(feature.geometry))}


def _differs(new: Feature, old: Feature) -> bool:
    values = any((value or None) != (old.properties[name] or None) for name, value in new.properties.items())
    if values:
        return True
    if shapely.get_num_coordinates(new.geometry) != shapely.get_num_coordinates(old.geometry):
        return True
    lines = [shape if "Line" in shape.geom_type else shape.boundary for shape in (new.geometry, old.geometry)]
    apart = shapely.hausdorff_distance(*lines)
    return bool(apart > SAME_DEGREES)


def _text(value: Any) -> str | None:
    """A value as text: a code that a spreadsheet made a number is one without a fraction."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None
