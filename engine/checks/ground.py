"""The ground: divisions that lead up, grids with codes of the city's pattern, everything inside a grid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.ground_shapes import find_gaps, find_overlaps, find_strays
from engine.city import City
from engine.components.register import COMPONENT, component_values
from engine.errors import CityBroken
from engine.loading.address_rows import ADDRESS, address_values
from engine.loading.ground import checked_rows
from engine.loading.tables import Rejection, read_features

LEVELS = ("district", "subdistrict", "community")
AREA_CLASSES = ("A", "B", "C")
POLYGONS = ("Polygon", "MultiPolygon")


@dataclass
class Shapes:
    """The areas of one file, by code, with their properties."""

    source: Source
    codes: list[str] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)
    areas: list[Any] = field(default_factory=list)


def check_ground(city: City) -> Iterator[Finding]:
    """Divisions, duty grids, unit grids, components and addresses."""
    divisions, told = read_shapes(city, "divisions", ("code", "level", "name"))
    yield from told
    duty_grids, told_duty = read_shapes(city, "duty_grids", ("code", "name"))
    yield from told_duty
    grids, told_grids = read_shapes(city, "unit_grids", ("code", "community", "area_class"))
    yield from told_grids
    levels = {code: str(values["level"]) for code, values in zip(divisions.codes, divisions.properties, strict=True)}
    yield from check_divisions(city, divisions, levels)
    known_duty = set(duty_grids.codes)
    yield from check_duty_grids(duty_grids, levels)
    yield from check_grids(city, grids, levels, known_duty)
    yield from find_overlaps(grids.source, grids.codes, grids.areas)
    yield from find_gaps(grids.source, grids.areas)
    yield from check_points(city, "components.csv", COMPONENT, component_values, grids)
    yield from check_points(city, "addresses.csv", ADDRESS, address_values, grids)


def read_shapes(city: City, name: str, properties: tuple[str, ...]) -> tuple[Shapes, list[Finding]]:
    """The valid areas of a file and what is wrong with the others."""
    path = city.root / "ground" / f"{name}.geojson"
    found = Shapes(Source(f"ground/{name}.geojson", f"city {city.id}"))
    findings: list[Finding] = []
    seen: dict[str, int] = {}
    try:
        for number, values, geometry in read_features(path, properties):
            code = str(values["code"])
            if code in seen:
                message = f"the code {code} belongs to features {seen[code]} and {number}"
                findings.append(found.source.error(code, message, "give one of them another code"))
                continue
            seen[code] = number
            area, fault = _read_area(geometry)
            if fault:
                findings.append(found.source.error(code, fault, "draw the area again"))
                continue
            found.codes.append(code)
            found.properties.append(values)
            found.areas.append(area)
    except CityBroken as error:
        message, remedy = split_remedy(error.message.replace(str(path), path.name), "export the file again")
        findings.append(found.source.error("file", message, remedy))
    except (AttributeError, TypeError):  # a feature that is no object
        findings.append(found.source.error("file", "a feature is not written as one", "export the file again"))
    return found, findings


def _read_area(geometry: dict[str, Any]) -> tuple[Any, str]:
    """The area, or what is wrong with it."""
    if geometry.get("type") not in POLYGONS:
        return None, f"the geometry is {geometry.get('type') or 'missing'}, not a polygon"
    try:
        area = shape(geometry)
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError) as error:
        return None, f"the geometry cannot be read: {error}"
    if area.is_empty:
        return None, "the geometry is empty"
    if not area.is_valid:
        return None, f"the geometry is not valid: {shapely.is_valid_reason(area)}"
    west, south, east, north = area.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        return None, f"the coordinates ({west:.1f}, {south:.1f}) are no longitude and latitude in degrees"
    return area, ""


def check_divisions(city: City, divisions: Shapes, levels: dict[str, str]) -> Iterator[Finding]:
    """Levels known; every parent exists and is one level higher."""
    for code, values in zip(divisions.codes, divisions.properties, strict=True):
        level, parent = levels[code], str(values.get("parent") or "")
        if level not in LEVELS:
            remedy = suggest(level, LEVELS, f"use one of {', '.join(LEVELS)}")
            yield divisions.source.error(code, f"level {level!r} is unknown", remedy)
        elif level != "district":
            expected = LEVELS[LEVELS.index(level) - 1]
            if parent not in levels:
                message = f"the parent {parent!r} of the {level} does not exist"
                yield divisions.source.error(code, message, f"name the {expected} it lies in")
            elif levels[parent] != expected:
                message = f"the parent {parent} of the {level} is a {levels[parent]}"
                yield divisions.source.error(code, message, f"name the {expected} it lies in")
        elif parent and parent not in levels and parent != city.division_code:
            message = f"the parent {parent!r} of the district is neither the city nor a division"
            yield divisions.source.warning(code, message, f"write the city's code {city.division_code} or nothing")


def check_duty_grids(duty_grids: Shapes, levels: dict[str, str]) -> Iterator[Finding]:
    """Every duty grid lies in a subdistrict that exists."""
    for code, values in zip(duty_grids.codes, duty_grids.properties, strict=True):
        subdistrict = str(values.get("subdistrict") or "")
        if subdistrict and levels.get(subdistrict) != "subdistrict":
            message = f"there is no subdistrict {subdistrict!r}"
            yield duty_grids.source.error(code, message, "correct the code or add it to divisions.geojson")


def check_grids(city: City, grids: Shapes, levels: dict[str, str], duty_grids: set[str]) -> Iterator[Finding]:
    """Codes of the pattern; community, duty grid and area class exist."""
    try:
        pattern = re.compile(city.unit_grid_code)
    except re.error:
        pattern = re.compile("")  # city.toml's check tells
    for code, values in zip(grids.codes, grids.properties, strict=True):
        if not pattern.match(code):
            message = f"the code does not match {city.unit_grid_code}"
            yield grids.source.error(code, message, "correct the code or the pattern in city.toml")
        community, duty_grid = str(values["community"]), str(values.get("duty_grid") or "")
        if levels.get(community) != "community":
            message = f"there is no community {community!r}"
            yield grids.source.error(code, message, "correct the code or add it to divisions.geojson")
        if duty_grid and duty_grid not in duty_grids:
            message = f"there is no duty grid {duty_grid!r}"
            yield grids.source.error(code, message, "correct the code or add it to duty_grids.geojson")
        elif not duty_grid:
            message = "the grid belongs to no duty grid, so no collector verifies and checks there"
            yield grids.source.warning(code, message, "name its duty grid")
        if values["area_class"] not in AREA_CLASSES:
            message = f"area class {values['area_class']!r} is unknown"
            yield grids.source.error(code, message, f"use one of {', '.join(AREA_CLASSES)}")


def check_points(city: City, name: str, columns: tuple[str, ...], values: Any, grids: Shapes) -> Iterator[Finding]:
    """Rows that can be read and lie in the grid they name."""
    source = Source(f"ground/{name}", f"city {city.id}")
    path = city.root / "ground" / name
    if not path.is_file():
        return
    rejected: list[Rejection] = []
    try:
        rows = list(checked_rows(path, columns, values, rejected))
    except CityBroken as error:
        message, remedy = split_remedy(error.message.replace(str(path), path.name), "correct the file")
        yield source.error("file", message, remedy)
        return
    if rejected:
        first = rejected[0]
        message = f"{len(rejected)} rows will not be taken; the first: {first.reason}"
        yield source.warning(f"{len(rejected)} rows", message, first.remedy, first.line)
    yield from find_strays(source, rows, grids.codes, grids.areas)
