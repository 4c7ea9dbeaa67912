"""What judges a report: weights and radii of duplicates, classes taken for each other, what recurs, no-report rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import shapely

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.duplicates.rules import ANY, CLASS_DIGITS, CONFUSABLE, READERS, files_of, is_foreign
from engine.errors import CityBroken
from engine.layers import Found
from engine.loading.catalogue import catalogue_files
from engine.loading.tables import read_csv, read_features
from engine.no_report import AREAS, COLUMNS, FILE, NoReportRule, read_areas, read_rule

KINDS = ("component", "event")


def check_judgement(material: Material) -> Iterator[Finding]:
    """Every row readable and about classes the city has; every area drawn and used."""
    classes = known_classes(material)
    for name in READERS:
        for found in files_of(material.city, name):
            yield from check_by_class(material, found, name, classes)
    yield from check_no_report(material, classes)


def known_classes(material: Material) -> set[tuple[str, str]]:
    """(kind, code) of all subclasses, and of their classes."""
    found: set[tuple[str, str]] = set()
    for file in catalogue_files(material.city, "classes.csv"):
        try:
            for _line, row in read_csv(file.path, ("kind", "full_code")):
                found |= {(row["kind"], row["full_code"]), (row["kind"], row["full_code"][:CLASS_DIGITS])}
        except CityBroken:  # the check of the catalogue tells
            continue
    return found


def check_by_class(material: Material, found: Found, name: str, classes: set[tuple[str, str]]) -> Iterator[Finding]:
    """One of the files by class: rows readable, no key twice, codes in the catalogue."""
    source, (columns, read) = Source.of(found), READERS[name]
    key_columns = columns[:3] if name == CONFUSABLE else columns[:2]
    seen: dict[tuple[str, ...], int] = {}
    foreign = is_foreign(material.city, found)
    try:
        for line, row in read_csv(found.path, columns):
            key = tuple(row[column] for column in key_columns)
            element = "/".join(key)
            if key in seen:
                yield source.error(element, f"the row stands in line {seen[key]} too", "keep one row", line)
            seen[key] = line
            try:
                read(row)
            except ValueError as error:
                message, remedy = split_remedy(str(error), "correct the row")
                yield source.error(element, message, remedy, line)
                continue
            if not foreign and row["code"] != ANY and (row["kind"], row["code"]) not in classes:
                known = [code for kind, code in classes if kind == row["kind"]]
                message = f"the catalogue has no class {row['kind']}/{row['code']}"
                yield source.warning(element, message, suggest(row["code"], known, "take the row out"), line)
    except CityBroken as error:
        message, remedy = split_remedy(error.message, "correct the file")
        yield source.error("file", message, remedy)
        return
    if found.layer.name == "core" and name != CONFUSABLE and (ANY, ANY) not in seen:
        yield source.error(f"{ANY}/{ANY}", "no row says what holds for all other classes", "add a row for * and *")


def check_no_report(material: Material, classes: set[tuple[str, str]]) -> Iterator[Finding]:
    """Rules readable, their areas drawn or divisions, their classes in the catalogue; no area without a rule."""
    city, here = material.city, f"city {material.city.id}"
    drawn, told = _read_areas(material)
    yield from told
    files = city.layers.all_of(FILE)
    if not files and drawn:
        message = f"there are {len(drawn)} no-report areas and no {FILE}"
        yield Source(AREAS, here).warning("file", message, f"add {FILE}, without rules no area says anything")
    used: set[str] = set()
    known = set(drawn) | _codes_of_ground(material) if files else set()
    try:
        for found in files:
            yield from _check_rules(material, found, known, classes, used)
    except CityBroken as error:
        message, remedy = split_remedy(error.message, "correct the file")
        yield Source.of(found).error("file", message, remedy)
        return
    for code in sorted(set(drawn) - used) if files else ():
        yield Source(AREAS, here).warning(code, "no rule names this area", f"name it in {FILE} or take it out")


def _check_rules(
    material: Material, found: Found, known: set[str], classes: set[tuple[str, str]], used: set[str]
) -> Iterator[Finding]:
    """One layer's rules; ``used`` gains the areas they name."""
    source, seen, two = Source.of(found), dict[str, int](), len(material.city.languages) > 1
    for line, row in read_csv(found.path, COLUMNS):
        if row["code"] in seen:
            message = f"the code stands in line {seen[row['code']]} too"
            yield source.error(row["code"], message, "give one rule another code", line)
        seen[row["code"]] = line
        try:
            rule = read_rule(row, material.functions)
        except ValueError as error:
            message, remedy = split_remedy(str(error), "correct the row")
            yield source.error(row["code"] or "row", message, remedy, line)
            continue
        used |= set(rule.areas)
        yield from _check_rule(rule, line, source, known, classes, two, row)


def _check_rule(
    rule: NoReportRule, line: int, source: Source, known: set[str], classes: set[tuple[str, str]], two: bool, row: Any
) -> Iterator[Finding]:
    for code in rule.areas:
        if code not in known:
            message = f"there is no area, division or grid {code!r}"
            remedy = suggest(code, known, f"draw it in {AREAS}")
            yield source.error(rule.code, message, remedy, line)
    for each in rule.classes:
        kind, _, code = each.partition("/")
        if kind not in KINDS or (code and (kind, code) not in classes):
            remedy = suggest(each, (f"{kind}/{code}" for kind, code in classes), "write event, event/04 or event/0401")
            yield source.error(rule.code, f"the catalogue has no class {each!r}", remedy, line)
    if two and not (row["name_en"] and row["reason_en"]):
        yield source.warning(rule.code, "name or reason has no English", "fill in name_en and reason_en", line)


def _read_areas(material: Material) -> tuple[dict[str, Any], list[Finding]]:
    """The areas that hold and what is wrong with the others."""
    source = Source(AREAS, f"city {material.city.id}")
    areas: dict[str, Any] = {}
    findings: list[Finding] = []
    try:
        for code, area in read_areas(material.city):
            if code in areas:
                findings.append(source.error(code, "two areas have this code", "give one of them another code"))
            elif area.geom_type not in ("Polygon", "MultiPolygon") or area.is_empty:
                message = f"the geometry is {area.geom_type}, not a polygon"
                findings.append(source.error(code, message, "draw the area again"))
            elif not area.is_valid:
                message = f"the geometry is not valid: {shapely.is_valid_reason(area)}"
                findings.append(source.error(code, message, "draw the area again"))
            areas[code] = area
    except CityBroken as error:
        message, remedy = split_remedy(error.message, "export the file again")
        findings.append(source.error("file", message, remedy))
    return areas, findings


def _codes_of_ground(material: Material) -> set[str]:
    """Codes of divisions, duty grids and unit grids; a file that cannot be read is another check's finding."""
    found: set[str] = set()
    for name in ("divisions", "duty_grids", "unit_grids"):
        path = material.city.root / "ground" / f"{name}.geojson"
        try:
            found |= {str(values["code"]) for _, values, _ in read_features(path, ("code",))}
        except CityBroken:
            continue
    return found
