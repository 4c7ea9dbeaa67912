"""Findings of satellites and drones from vector files and CSV: taken once, linked to the building they lie at."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import cos, hypot, radians
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import CityBroken, DomainError, Invalid
from engine.ground.datums import CoordinateSystem
from engine.ground.vector_files import DRIVERS, read_vector
from engine.hooks.settings import plugin_settings
from engine.loading.encodings import decoded
from engine.models import RegisterEntry
from engine.platform import Platform
from engine.registers.files import RefusedRow
from engine.registers.keeping import Hand, add_entry, change_entry, look_up
from plugins.illegal_build.operators import BUILDINGS

FINDINGS = "illegal_build_findings"
KINDS = ("Point", "MultiPoint", "Polygon", "MultiPolygon")
TAKEN = ("code", "source", "found_on", "area", "confidence", "note", "lon", "lat")
"""What a file says of a finding; the rest is the city's."""
DEGREE_M = 111_320.0
"""Metres of a degree of latitude."""
MOST_BYTES = 50_000_000


@dataclass
class Imported:
    """What an import did; ``linked`` counts new findings that lie at a known building."""

    added: int = 0
    changed: int = 0
    same: int = 0
    linked: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Spot:
    """A finding as a file has it: its line or number, and its values."""

    line: int
    values: Mapping[str, Any]


def import_findings(
    session: Session, platform: Platform, path: Path, now: datetime, person_id: int | None = None, *,
    source: str = "satellite", system: CoordinateSystem | None = None,
) -> Imported:  # fmt: skip
    """Take the findings of a GeoJSON, Shapefile (.shp or .zip), GeoPackage or CSV file, by code. The caller commits.

    A finding that is there keeps state, building and day of import; the same file again changes nothing.

    :param source: satellite, drone or video, for findings that do not say.
    :param system: of the positions of a vector file that does not declare one. CSV is WGS-84.
    :raises Invalid: the file as a whole is of no use.
    """
    outcome = Imported()
    register = platform.host.registers[FINDINGS]
    near_m = float(plugin_settings(platform.city, "illegal_build")["near_m"])
    today = now.astimezone(platform.city.time_zone).date().isoformat()
    hand, seen = Hand(now, person_id, reason=f"import {path.name}"), set[str]()
    for spot in read_spots(path, outcome, source, system):
        values = {name: value for name, value in spot.values.items() if value not in (None, "")}
        code = str(values.get("code", "")).strip()
        if not code or code in seen:
            why = "the code stands twice in the file; keep one" if code else "it has no code; give each finding one"
            outcome.refused.append(RefusedRow(spot.line, code, why))
            continue
        seen.add(code)
        try:
            known = look_up(session, FINDINGS, code)
            if known is None:
                at = find_building(session, values.get("lon"), values.get("lat"), near_m)
                fresh = {"status": "new", "imported_on": today, "building": at}
                add_entry(session, register, {**fresh, **values}, hand)
                outcome.added += 1
                outcome.linked += at is not None
                continue
            before = known.version
            if known.gone_at is None:
                change_entry(session, register, code, values, hand)
            outcome.changed += known.version != before
            outcome.same += known.version == before
        except DomainError as error:
            outcome.refused.append(RefusedRow(spot.line, code, error.message))
    return outcome


def read_spots(path: Path, outcome: Imported, source: str, system: CoordinateSystem | None) -> Iterator[Spot]:
    """The findings of a file; what of it cannot be read is told in the outcome."""
    if path.suffix.lower() == ".csv":
        yield from _read_csv(path, outcome, source)
        return
    if path.suffix.lower() not in DRIVERS:
        raise Invalid(f"{path.name} is of no known kind; send .geojson, .gpkg, .shp, .zip or .csv", field="file")
    layer = read_vector(path, system=system, kinds=KINDS)
    for fault in layer.faults:
        outcome.refused.append(RefusedRow(fault.number, fault.code, f"{fault.reason}; {fault.remedy}"))
    for feature in layer.features:
        place = feature.geometry.representative_point()
        given = {name: feature.properties.get(name) for name in TAKEN}
        area = given["area"] if given["area"] not in (None, "") else area_m2(feature.geometry)
        at = {"lon": round(place.x, 7), "lat": round(place.y, 7), "area": area}
        yield Spot(feature.number, {**given, "source": given["source"] or source, **at})


def _read_csv(path: Path, outcome: Imported, source: str) -> Iterator[Spot]:
    try:
        content, outcome.note = decoded(path.read_bytes(), path.name)
    except CityBroken as error:
        raise Invalid(error.message, field="file") from error
    reader = csv.DictReader(io.StringIO(content.removeprefix("\ufeff"), newline=""), strict=True)
    header = [name.strip() for name in reader.fieldnames or ()]
    unknown = [name for name in header if name not in TAKEN]
    missing = [name for name in ("code", "lon", "lat") if name not in header]
    if unknown or missing:
        wrong = f"unknown columns {', '.join(unknown)}" if unknown else f"no column {', '.join(missing)}"
        raise Invalid(f"{path.name}: {wrong}; its header may have {','.join(TAKEN)}", field="file")
    reader.fieldnames = header
    try:
        for row in reader:
            values = {name: (row.get(name) or "").strip() for name in header}
            yield Spot(reader.line_num, {**values, "source": values.get("source") or source})
    except csv.Error as error:
        raise Invalid(f"{path.name}, line {reader.line_num}: {error}; export it again as CSV", field="file") from error


def area_m2(geometry: Any) -> float | None:
    """The area of a shape in WGS-84 in square metres, good to a per cent for a building; none for points."""
    if geometry.area == 0:
        return None
    return float(round(geometry.area * DEGREE_M**2 * cos(radians(geometry.representative_point().y)), 1))


def find_building(session: Session, lon: Any, lat: Any, near_m: float) -> str | None:
    """The code of the nearest building of the register within ``near_m`` metres; none without one, or a place."""
    try:
        x, y = float(lon), float(lat)
    except (TypeError, ValueError):
        return None  # the register refuses a place that is none
    wide, high = near_m / (DEGREE_M * max(cos(radians(y)), 0.01)), near_m / DEGREE_M
    rows = session.scalars(
        select(RegisterEntry)
        .where(
            RegisterEntry.register == BUILDINGS, RegisterEntry.gone_at.is_(None),
            RegisterEntry.lon.between(x - wide, x + wide), RegisterEntry.lat.between(y - high, y + high),
        )
        .order_by(RegisterEntry.key)
    )  # fmt: skip
    far = {row.key: distance_m(x, y, row.lon or 0.0, row.lat or 0.0) for row in rows}
    nearest = min(far, key=far.__getitem__, default=None)
    return nearest if nearest is not None and far[nearest] <= near_m else None


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two places near each other."""
    return hypot((lon - other_lon) * cos(radians(lat)), lat - other_lat) * DEGREE_M
