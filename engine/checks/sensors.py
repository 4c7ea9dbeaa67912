"""Devices: kinds, rules and fences hold; the classes rules file exist; the register can be read."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from engine.checks.finding import Finding, Source, split_remedy
from engine.checks.material import Material
from engine.errors import CityBroken
from engine.loading.tables import read_csv
from engine.sensors.declaring import RULES, Declared, read_declared
from engine.sensors.devices import CODE, COLUMNS, NEEDED

DEVICES = "sensors/devices.csv"


def check_sensors(material: Material) -> Iterator[Finding]:
    """Every fault of ``sensors/`` in core, plugins and city."""
    declared = read_declared(material.city, material.functions)
    for fault in declared.faults:
        yield Source(fault.file, fault.layer).error(fault.element, fault.message, fault.remedy, excerpt=fault.excerpt)
    yield from _check_orders(material, declared)
    yield from _check_devices(material, declared)


def _check_orders(material: Material, declared: Declared) -> Iterator[Finding]:
    """The decisions and classes that rules name."""
    known = _classes(material)
    for rule in declared.rules.values():
        source = Source(*declared.rule_files.get(rule.code, (RULES, "")))
        order = rule.case
        if order is None:
            continue
        element = f"rule.{rule.code}.case"
        if order.decide and order.decide not in material.decision_ids:
            message = f"there is no decision {order.decide!r}"
            yield source.error(f"{element}.decide", message, "add the table to decisions/, or correct the name")
        if known and order.full_code and (order.kind, order.full_code) not in known:
            message = f"the catalogue has no {order.kind} {order.full_code}"
            yield source.error(f"{element}.full_code", message, "use a class of the catalogue")
        elif known and order.condition_no and order.full_code:
            numbers = known[order.kind, order.full_code]
            if order.condition_no not in numbers:
                message = f"{order.kind} {order.full_code} has no condition {order.condition_no}"
                listed = ", ".join(map(str, sorted(numbers))) or "none"
                yield source.error(f"{element}.condition_no", message, f"it has {listed}")


def _classes(material: Material) -> dict[tuple[str, str], set[int]]:
    """Classes and their conditions; empty when the catalogue cannot be read, which its own check tells."""
    found: dict[tuple[str, str], set[int]] = {}
    layers, first = material.city.layers, 0 if material.city.inherit_catalogue else -1
    try:
        for file in layers.all_of("catalogue/classes.csv")[first:]:
            for _line, row in read_csv(file.path, ("kind", "full_code")):
                found.setdefault((row["kind"], row["full_code"]), set())
        for file in layers.all_of("catalogue/conditions.csv")[first:]:
            for _line, row in read_csv(file.path, ("kind", "full_code", "condition_no")):
                if row["condition_no"].isdigit():
                    found.setdefault((row["kind"], row["full_code"]), set()).add(int(row["condition_no"]))
    except (CityBroken, csv.Error):
        return {}
    return found


def _check_devices(material: Material, declared: Declared) -> Iterator[Finding]:
    """The city's register: codes, kinds, fences of the files."""
    path = material.city.root / "sensors" / "devices.csv"
    if not path.is_file():
        return
    source = Source(DEVICES, f"city {material.city.id}")
    seen: set[str] = set()
    try:
        for line, row in read_csv(path, NEEDED):
            code = row["code"]
            if unknown := sorted(name for name, text in row.items() if name not in COLUMNS and text):
                yield source.error(code, f"there is no column {unknown[0]}", f"it has {', '.join(COLUMNS)}", line)
            if not CODE.fullmatch(code):
                yield source.error(code or "code", "the code does not hold", "use letters, digits and . _ : -", line)
            if code in seen:
                yield source.error(code, "the device stands twice in this file", "keep one row", line)
            seen.add(code)
            if row["kind"] not in declared.kinds:
                message = f"there is no kind {row['kind']!r}"
                yield source.error(code, message, f"use one of {', '.join(declared.kinds) or 'none'}", line)
    except CityBroken as error:
        message, remedy = split_remedy(error.message.replace(str(path), path.name), "correct the file")
        yield source.error("file", message, remedy)
