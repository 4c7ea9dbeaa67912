"""The ground: divisions that lead up, grids with codes of the city's pattern, everything inside a grid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.ground_shapes import find_gaps, find_overlaps, find_strays
from engine.city import City
from engine.components.register import COMPONENT, component_values
from engine.errors import CityBroken
from engine.ground.feature import Feature
from engine.ground.grid_codes import code_fault
from engine.ground.layer_files import read_declarations
from engine.ground.layer_kinds import CORE, GroundLayer
from engine.loading.address_rows import ADDRESS, address_values
from engine.loading.ground import checked_rows
from engine.loading.ground_checks import LEVELS, Known, check_layer, own_findings
from engine.loading.ground_folder import FOLDER, folder_name, read_folder_layer
from engine.loading.tables import Rejection

AREA_CLASSES = ("A", "B", "C")


@dataclass
class Shapes:
    """The areas of one file, by code, with their properties. What refers to an unreadable file is not checked."""

    source: Source
    readable: bool = True
    codes: list[str] = field(default_factory=list)
    properties: list[dict[str, Any]] = field(default_factory=list)
    areas: list[Any] = field(default_factory=list)


def check_ground(city: City) -> Iterator[Finding]:
    """Declared layers, divisions, duty grids, unit grids, roads, further layers, components and addresses."""
    layers, faults = read_declarations(city)
    for fault in faults:
        yield Source.of(fault.found).error(fault.of or "file", fault.message, fault.remedy)
    read: dict[str, Shapes] = {}
    for name in layers:
        read[name], told = read_shapes(city, layers[name])
        yield from told
    divisions, duty_grids, grids = read["divisions"], read["duty_grids"], read["unit_grids"]
    levels = {code: str(values["level"]) for code, values in zip(divisions.codes, divisions.properties, strict=True)}
    known_levels = levels if divisions.readable else None
    known_duty = set(duty_grids.codes) if duty_grids.readable else None
    yield from check_divisions(city, divisions, levels)
    yield from check_duty_grids(duty_grids, known_levels)
    yield from check_grids(city, grids, known_levels, known_duty)
    yield from find_overlaps(grids.source, grids.codes, grids.areas)
    yield from find_gaps(grids.source, grids.areas)
    for name, layer in layers.items():
        if name == "roads" or name not in CORE:
            yield from check_further(city, layer, read[name])
    yield from check_points(city, "components.csv", COMPONENT, component_values, grids)
    yield from check_points(city, "addresses.csv", ADDRESS, address_values, grids)


def read_shapes(city: City, layer: GroundLayer) -> tuple[Shapes, list[Finding]]:
    """The valid areas of a layer's file and what is wrong with the others; both empty when it need not be there."""
    found = Shapes(Source(f"ground/{layer.file.name or f'{layer.name}.geojson'}", f"city {city.id}"))
    findings: list[Finding] = []
    seen: dict[str, int] = {}
    try:
        read = read_folder_layer(city, layer)
    except CityBroken as error:
        folder = str(city.root / FOLDER)
        message, remedy = split_remedy(error.message.replace(f"{folder}/", ""), "export the file again")
        found.readable = False
        return found, [found.source.error("file", message.replace(folder, FOLDER), remedy)]
    if read is None:
        return found, []
    path, content = read
    found.source = Source(folder_name(city, path), f"city {city.id}")
    for remark in content.remarks:
        element = remark.code or (f"feature {remark.number}" if remark.number else "file")
        tell = found.source.warning if remark.repaired else found.source.error
        findings.append(tell(element, remark.reason, remark.remedy))
    for each in content.features:
        code, told = str(each.properties["code"] or ""), own_findings(layer, each)
        findings += [found.source.error(code or f"feature {each.number}", item.message, item.remedy) for item in told]
        if code in seen:
            message = f"the code {code} belongs to features {seen[code]} and {each.number}"
            findings.append(found.source.error(code, message, "give one of them another code"))
        elif not told:
            found.codes.append(code)
            found.properties.append(dict(each.properties))
            found.areas.append(each.geometry)
        seen.setdefault(code, each.number)
    return found, findings


def check_further(city: City, layer: GroundLayer, read: Shapes) -> Iterator[Finding]:
    """How roads and the areas of further layers lie together."""
    features = [
        Feature(number, values, area)
        for number, (values, area) in enumerate(zip(read.properties, read.areas, strict=True), 1)
    ]
    for found in check_layer(city, layer, features, Known()):
        tell = read.source.error if found.severity == "error" else read.source.warning
        yield tell(found.codes[0] if found.codes else found.kind, found.message, found.remedy)


def check_divisions(city: City, divisions: Shapes, levels: dict[str, str]) -> Iterator[Finding]:
    """Levels known; every parent exists and is one level higher."""
    for code, values in zip(divisions.codes, divisions.properties, strict=True):
        level, parent = levels[code], str(values.get("parent") or "")
        if level not in LEVELS:
            remedy = suggest(level, LEVELS, f"use one of {', '.join(LEVELS)}")
            yield divisions.source.error(code, f"level {level!r} is unknown", remedy)
        elif level in ("subdistrict", "community"):
            expected = LEVELS[LEVELS.index(level) - 1]
            if parent not in levels:
                message = f"the parent {parent!r} of the {level} does not exist"
                yield divisions.source.error(code, message, f"name the {expected} it lies in")
            elif levels[parent] != expected:
                message = f"the parent {parent} of the {level} is a {levels[parent]}"
                yield divisions.source.error(code, message, f"name the {expected} it lies in")
        elif parent and parent not in levels and parent != city.division_code:
            message = f"the parent {parent!r} of the {level} is neither the city nor a division"
            yield divisions.source.warning(code, message, f"write the city's code {city.division_code} or nothing")


def check_duty_grids(duty_grids: Shapes, levels: dict[str, str] | None) -> Iterator[Finding]:
    """Every duty grid lies in a subdistrict that exists."""
    for code, values in zip(duty_grids.codes, duty_grids.properties, strict=True):
        subdistrict = str(values.get("subdistrict") or "")
        if subdistrict and levels is not None and levels.get(subdistrict) != "subdistrict":
            message = f"there is no subdistrict {subdistrict!r}"
            yield duty_grids.source.error(code, message, "correct the code or add it to the divisions")


def check_grids(
    city: City, grids: Shapes, levels: dict[str, str] | None, duty_grids: set[str] | None
) -> Iterator[Finding]:
    """Codes of the pattern; community, duty grid and area class exist."""
    try:
        pattern = re.compile(city.unit_grid_code)
    except re.error:
        pattern = re.compile("")  # city.toml's check tells
    for code, values in zip(grids.codes, grids.properties, strict=True):
        community, duty_grid = str(values["community"]), str(values.get("duty_grid") or "")
        if fault := code_fault(code, community, pattern):
            yield grids.source.error(code, fault, "correct the code or the pattern in city.toml")
        if levels is not None and levels.get(community) != "community":
            message = f"there is no community {community!r}"
            yield grids.source.error(code, message, "correct the code or add it to the divisions")
        if duty_grid and duty_grids is not None and duty_grid not in duty_grids:
            message = f"there is no duty grid {duty_grid!r}"
            yield grids.source.error(code, message, "correct the code or add it to the duty grids")
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
