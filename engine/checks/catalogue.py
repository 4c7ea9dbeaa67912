"""The catalogue: every limit readable in every area class, every class answered for by somebody."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import date

from engine.calendar import LimitError
from engine.catalogue.condition_rules import RuleUnreadable
from engine.catalogue.lookup import limit_for
from engine.catalogue.manual_codes import EXTENSION, FIRST_EXTENSION
from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.checks.organisation import Rows, read_rows
from engine.city import City
from engine.layers import Found
from engine.loading.catalogue import CLASS, CONDITION, PLUGIN, PROVENANCE, catalogue_files, rules_of
from engine.loading.organisation import DEPARTMENT as UNIT

KINDS = ("component", "event")
GEOMETRIES = ("point", "line", "polygon")
AREA_CLASSES = ("A", "B", "C")
DEPARTMENT = ("dept_code", "name", "name_en")
AREA = re.compile(r"\s*([A-Z*]+)\s*:")


def check_catalogue(material: Material) -> Iterator[Finding]:
    """Classes, conditions, departments and version, over all layers."""
    city = material.city
    classes: dict[tuple[str, str], str] = {}
    departments: set[str] = set()
    tables: dict[str, list[tuple[Source, Rows]]] = {}
    complete = True
    for name, columns in (("departments", DEPARTMENT), ("classes", CLASS), ("conditions", CONDITION)):
        tables[name] = []
        files = catalogue_files(city, f"{name}.csv")
        if not files:
            source = Source(f"catalogue/{name}.csv", f"city {city.id}")
            remedy = "add the file, or write inherit = true in [catalogue]"
            yield source.error("file", f"the city has no catalogue/{name}.csv", remedy)
        for found in files:
            rows, findings = read_rows(found.path, columns, Source.of(found))
            yield from findings
            complete = complete and not findings
            tables[name].append((Source.of(found), rows))
    for source, rows in tables["departments"]:
        yield from _find_twice(rows, ("dept_code",), source)
        departments |= {row["dept_code"] for _, row in rows}
    for source, rows in tables["classes"]:
        yield from _find_twice(rows, ("kind", "full_code"), source)
        for line, row in rows:
            classes[row["kind"], row["full_code"]] = row["dept_code"]
            yield from check_class(line, row, departments, source)
            if source.layer.startswith(PLUGIN) and row["scope"] not in (EXTENSION, "city"):
                message = f"scope {row['scope']!r} is not a plugin's to give"
                remedy = f"write {EXTENSION}, with a code from {FIRST_EXTENSION} downwards in its class"
                yield source.error(f"{row['kind']}/{row['full_code']}", message, remedy, line)
    for source, rows in tables["conditions"]:
        yield from _find_twice(rows, ("kind", "full_code", "condition_no"), source)
        for line, row in rows:
            yield from check_condition(line, row, classes, source)
    yield from check_version(city)
    if complete:
        yield from check_duties(city, departments, Counter(classes.values()))


def _find_twice(rows: Rows, keys: tuple[str, ...], source: Source) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        key = tuple(row[name] for name in keys)
        if key in seen:
            message = f"{' '.join(key)} stands in line {seen[key]} too"
            yield source.error("/".join(key), message, "keep one row", line)
        seen.setdefault(key, line)


def check_class(line: int, row: dict[str, str], departments: set[str], source: Source) -> Iterator[Finding]:
    """One subclass: code, kind, geometry, provenance, department."""
    name = f"{row['kind']}/{row['full_code']}"
    for column, known in (("kind", KINDS), ("geometry", GEOMETRIES), ("code_source", PROVENANCE)):
        if row[column] not in known:
            remedy = suggest(row[column], known, f"use one of {', '.join(known)}")
            yield source.error(name, f"{column} {row[column]!r} is unknown", remedy, line)
    if row["full_code"] != row["class_code"] + row.get("subclass_code", row["full_code"][len(row["class_code"]) :]):
        message = f"full_code {row['full_code']} is not class_code and subclass_code together"
        yield source.error(name, message, "correct one of the three", line)
    if not row["subclass_name"]:
        yield source.error(name, "the subclass has no name", "name it", line)
    if row["dept_code"] not in departments:
        remedy = suggest(row["dept_code"], departments, "add it to catalogue/departments.csv")
        yield source.error(name, f"department {row['dept_code']!r} does not exist", remedy, line)


def check_condition(
    line: int, row: dict[str, str], classes: dict[tuple[str, str], str], source: Source
) -> Iterator[Finding]:
    """One filing condition: its class, number, text, limit and provenance."""
    name = f"{row['kind']}/{row['full_code']}/{row['condition_no']}"
    if (row["kind"], row["full_code"]) not in classes:
        message = f"classes.csv has no {row['kind']} {row['full_code']}"
        yield source.error(name, message, "add the subclass or correct the code", line)
    if not row["condition_no"].isdigit():
        yield source.error(name, f"condition_no {row['condition_no']!r} is no number", "number it from 1", line)
    if not row["filing_condition"]:
        yield source.error(name, "the condition has no text", "write when a case is filed", line)
    word = re.split(r"[:\s]", row["source"], maxsplit=1)[0]
    if word not in PROVENANCE:
        message = f"source {row['source']!r} does not say where the row comes from"
        yield source.error(name, message, f"begin with one of {', '.join(PROVENANCE)}", line)
    yield from check_limit(name, row["limit"], source, line)
    try:
        rules_of(row)
    except RuleUnreadable as error:
        message, remedy = split_remedy(error.message, "write it as docs/reference/command-manual.md says")
        yield source.error(name, message, remedy, line)


def check_limit(name: str, text: str, source: Source, line: int) -> Iterator[Finding]:
    """A limit readable in every area class."""
    for area in [part for part in AREA.findall(text.replace(";", "\n")) if part not in (*AREA_CLASSES, "*")]:
        yield source.error(name, f"area class {area!r} does not exist", f"use {', '.join(AREA_CLASSES)} or *", line)
    told: set[str] = set()
    for area in AREA_CLASSES:
        try:
            limit_for(text, area)
        except LimitError as error:
            if error.message not in told:
                message, remedy = split_remedy(error.message, "write for example 2 work_day")
                yield source.error(name, message, remedy, line)
            told.add(error.message)


def check_version(city: City) -> Iterator[Finding]:
    """Name and first day of the catalogue."""
    files: list[Found] = catalogue_files(city, "version.toml")
    if not files:
        source = Source("catalogue/version.toml", f"city {city.id}")
        yield source.error("file", "the catalogue has no version.toml", "add one with name and valid_from")
        return
    source = Source.of(files[-1])
    try:
        meta = tomllib.loads(files[-1].read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        yield source.error("file", f"cannot be read: {error}", "correct the line; the file must be TOML in UTF-8")
        return
    if not isinstance(meta.get("name"), str) or not meta["name"]:
        yield source.error("name", "the version has no name", 'add name = "…"')
    if type(meta.get("valid_from")) is not date:
        yield source.error("valid_from", f"valid_from is {meta.get('valid_from')!r}", "write valid_from = 2026-01-01")


def check_duties(city: City, departments: set[str], used: Counter[str]) -> Iterator[Finding]:
    """Every department of the catalogue is answered for by a unit of the city, and every duty exists."""
    source = Source("organisation/departments.csv", f"city {city.id}")
    rows, findings = read_rows(city.root / source.file, UNIT, source)
    if findings:
        return  # told by the organisation's check
    answered: set[str] = set()
    for line, row in rows:
        duties = {part.strip() for part in row["duties"].split(";") if part.strip()}
        for duty in sorted(duties - departments):
            remedy = suggest(duty, departments, "add it to catalogue/departments.csv")
            yield source.error(row["code"], f"the duty {duty!r} is no department of the catalogue", remedy, line)
        if row["side"] == "handling":
            answered |= duties
    open_duties = [code for code in sorted(departments - answered) if used[code]]
    if open_duties:
        count = sum(used[code] for code in open_duties)
        message = f"no unit answers for {', '.join(open_duties)}, so the fallback unit gets their {count} subclasses"
        yield source.warning("duties", message, "write them into the duties of units of side handling")
