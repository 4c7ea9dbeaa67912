"""Layers of the ground between vector files and a city's database: checked, idempotent, all or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import shapely
from sqlalchemy.orm import Session

from engine.city import City
from engine.errors import Invalid
from engine.ground.datums import WGS84, CoordinateSystem
from engine.ground.feature import Feature
from engine.ground.layer_kinds import CORE, GroundLayer, as_text
from engine.ground.topology import TopologyFinding, remarks_found
from engine.ground.vector_files import VectorLayer, read_vector, write_vector
from engine.ground.versions import (
    Change,
    Delta,
    begin_change,
    begin_history,
    effect_moment,
    lineage,
    lineage_at,
    lineage_now,
    list_versions,
    record_version,
    state_of,
    take_effect,
)
from engine.loading.ground_checks import Known, check_layer, known_of, told_of

SAME_DEGREES = 1e-9
"""A tenth of a millimetre: what a change of the coordinate system and back costs."""
PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


@dataclass
class LayerReport:
    """What became of a file: nothing is written when ``errors`` stand among the findings.

    ``version`` is the one it became, none when nothing changed or nothing was written.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    findings: list[TopologyFinding] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    version: int | None = None
    effective_at: datetime | None = None

    @property
    def errors(self) -> list[TopologyFinding]:
        """The findings that keep the file out."""
        return [finding for finding in self.findings if finding.severity == "error"]


# Files --------------------------------------------------------------------------------------------------------


def read_layer(
    path: Path, layer: GroundLayer, *, system: CoordinateSystem | None = None, of: str | None = None,
    encoding: str | None = None,
) -> VectorLayer:  # fmt: skip
    """A file's features with the values the layer keeps. Raises Invalid naming a property that no feature has.

    A value that does not fit its type stays as text; ``check_layer`` tells.
    """
    found = read_vector(path, system=system, layer=of, encoding=encoding, kinds=layer.geometries)
    for name in layer.required:
        if found.features and name not in found.features[0].properties:
            there = ", ".join(found.features[0].properties) or "none"
            raise Invalid(f"{path.name} has no property {name}; {layer.name} need it, the file has: {there}")
    found.features[:] = [
        Feature(each.number, _values(layer, each.properties), each.geometry) for each in found.features
    ]
    return found


def export_layer(
    session: Session, layer: GroundLayer, path: Path, system: CoordinateSystem = WGS84, version: int | None = None
) -> int:
    """Write a layer as it is, or as a version says, by code. Returns how many areas. Raises Invalid when there are
    none, NotFound when there is no such version."""
    features = ((each.properties, each.geometry) for each in stored_features(session, layer, version))
    return write_vector(path, features, name=layer.name, system=system)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file; of a Shapefile, of all its parts."""
    found = hashlib.sha256()
    parts = [path.with_suffix(suffix) for suffix in PARTS] if path.suffix.lower() == ".shp" else [path]
    for part in parts:
        if part.is_file():
            found.update(part.read_bytes())
    return found.hexdigest()


def _values(layer: GroundLayer, properties: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, type_ in layer.properties.items():
        if name in properties:
            found[name] = as_text(properties[name])
            with suppress(ValueError):
                found[name] = type_.read(properties[name])
    if layer.name in CORE and "name_en" in found and not found["name_en"]:
        found["name_en"] = found.get("name")
    return found


# The database -------------------------------------------------------------------------------------------------


def stored_features(session: Session, layer: GroundLayer, version: int | None = None) -> list[Feature]:
    """What a layer holds now, or in a version, by code; the number is 0."""
    numbers = lineage_now(session) if version is None else lineage(session, version)
    return list(state_of(session, layer, numbers).values())


def known_to(session: Session, numbers: Sequence[int] | None = None) -> Known:
    """What the layers refer to after the versions ``numbers``, now when none are given."""
    order = lineage_now(session) if numbers is None else numbers
    return known_of(state_of(session, CORE["divisions"], order), state_of(session, CORE["duty_grids"], order))


def import_layer(
    session: Session, city: City, layer: GroundLayer, found: VectorLayer, change: Change, now: datetime, *,
    replace: bool = False, dry_run: bool = False,
) -> LayerReport:  # fmt: skip
    """Bring a file into the database as a version of the ground in one transaction, or leave everything as it is when
    anything does not hold, also in a version that is planned for later.

    Areas are compared by code with those in force on the change's day: a property the file does not have keeps its
    value, an area drawn the same way from another point on is unchanged. The topology is checked as it will be, with
    the areas that are not in the file. When nothing changes there is no new version.

    :param replace: take out what the file does not hold.
    :raises Invalid: the day is over, or the file would empty the layer.
    """
    take_effect(session, now)
    begin_change(session)
    begun = begin_history(session, city.time_zone, now)
    effective_at = effect_moment(session, city.time_zone, change.valid_from, now)
    before = lineage_at(session, effective_at)
    stored = state_of(session, layer, before)
    coming = {str(each.properties["code"] or "") for each in found.features}
    staying = [] if replace else [each for code, each in stored.items() if code not in coming]
    report = LayerReport(read=len(found.features) + len(found.faults), features=[*found.features, *staying])
    if replace and not found.features and stored:
        session.rollback()
        raise Invalid(f"the file holds no area; it will not empty {layer.name}")
    findings = check_layer(city, layer, report.features, known_to(session, before))
    report.findings = remarks_found(found.remarks) + _about(findings, coming)
    if report.errors:
        session.rollback()
        return report
    deltas = compare(layer, stored, found.features, replace=replace)
    kinds = [each.change for each in deltas]
    report.added, report.changed, report.removed = map(kinds.count, ("whole", "part", "gone"))
    report.unchanged = len(found.features) - report.added - report.changed
    if deltas:
        version = record_version(session, city.time_zone, change, deltas, effective_at, now)
        report.findings += _later_findings(session, city, layer, version.number, {each.code for each in deltas})
        report.version, report.effective_at = version.number, version.effective_at
    if dry_run or report.errors or not (deltas or begun):
        session.rollback()
        report.version = None
        return report
    session.commit()
    return report


def compare(
    layer: GroundLayer, stored: Mapping[str, Feature], coming: Sequence[Feature], *, replace: bool
) -> list[Delta]:
    """What would change from ``stored`` to ``coming``, by code; ``replace``: what does not come is gone."""
    deltas: list[Delta] = []
    for each in coming:
        code, old = str(each.properties["code"]), stored.get(str(each.properties["code"]))
        if old is None:
            deltas.append(Delta(layer.name, code, "whole", _whole(layer, each), each.geometry))
            continue
        values = {name: value for name, value in each.properties.items() if value != old.properties.get(name)}
        moved = not same_shape(each.geometry, old.geometry)
        if values or moved:
            deltas.append(Delta(layer.name, code, "part", values, each.geometry if moved else None))
    if replace:
        codes = {str(each.properties["code"]) for each in coming}
        deltas += [Delta(layer.name, code, "gone") for code in stored if code not in codes]
    return deltas


def same_shape(one: Any, other: Any) -> bool:
    """Whether two shapes are drawn the same, from whatever point on and to a tenth of a millimetre."""
    if shapely.equals_exact(one, other, 0):
        return True
    if shapely.get_num_coordinates(one) != shapely.get_num_coordinates(other):
        return False
    lines = [shape if "Line" in shape.geom_type else shape.boundary for shape in (one, other)]
    return bool(shapely.hausdorff_distance(*lines) <= SAME_DEGREES)


def _whole(layer: GroundLayer, feature: Feature) -> dict[str, Any]:
    """All properties of a new area; the English name of a layer of the core is its name where it has none."""
    values = {name: feature.properties.get(name) for name in layer.properties}
    if layer.name in CORE and "name_en" in values and not values["name_en"]:
        values["name_en"] = values["name"]
    return values


def _about(findings: Sequence[TopologyFinding], codes: set[str]) -> list[TopologyFinding]:
    return [each for each in findings if not each.codes or not codes.isdisjoint(each.codes)]


def _later_findings(
    session: Session, city: City, layer: GroundLayer, number: int, codes: set[str]
) -> list[TopologyFinding]:
    """Errors that a version brings into those planned after it."""
    versions = [each.number for each in list_versions(session)]
    found: list[TopologyFinding] = []
    for later in versions[versions.index(number) + 1 :]:
        numbers = lineage(session, later)
        features = list(state_of(session, layer, numbers).values())
        told = check_layer(city, layer, features, known_to(session, numbers))
        found += [told_of(later, each) for each in _about(told, codes) if each.severity == "error"]
    return found
