"""A component's row: read from texts, held against the city's rules, compared with what the register says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.components.cells import cell_of
from engine.components.rules import Rules
from engine.models import Component

COMPONENT = (
    "code", "full_code", "name", "lon", "lat", "grid", "dept_in_charge", "dept_owner", "dept_maintenance", "state",
    "initial_date", "change_date", "source", "note",
)  # fmt: skip
"""Columns every file has; ``photo`` and attributes may follow."""
DEPARTMENTS = ("dept_in_charge", "dept_owner", "dept_maintenance")
COLUMNS = tuple(column.name for column in Component.__table__.columns)
CODE = re.compile(r"\d{16}", re.ASCII)
NAME_LETTERS = 200
"""Most letters of a name; indexes carry it."""


def component_values(row: Mapping[str, str]) -> dict[str, Any]:
    """A component's columns. Raises ValueError naming what cannot be read."""
    if not CODE.fullmatch(row["code"]):
        raise ValueError(f"component code {row['code']!r} does not have 16 digits")
    return {
        "code": row["code"], "full_code": row["full_code"], "name": row["name"], "lon": degrees(row["lon"], "lon"),
        "lat": degrees(row["lat"], "lat"), "grid_code": row["grid"] or None,
        "dept_in_charge": row["dept_in_charge"] or None, "dept_owner": row["dept_owner"] or None,
        "dept_maintenance": row["dept_maintenance"] or None, "state": row["state"],
        "initial_date": day(row["initial_date"], "initial_date"), "change_date": day(row["change_date"], "change_date"),
        "source": row["source"], "note": row["note"],
    }  # fmt: skip


def degrees(text: str, name: str) -> float:
    """A finite number of a text. Raises ValueError."""
    try:
        found = float(text)
    except ValueError as error:
        raise ValueError(f"{name} {text!r} is no number; give degrees, WGS-84") from error
    if not math.isfinite(found):
        raise ValueError(f"{name} {text!r} is no finite number; give degrees, WGS-84")
    return found


def day(text: str, name: str) -> date | None:
    """A date written 2025-01-31 or 20250131, none when empty. Raises ValueError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ValueError(f"{name} {text!r} is no date; write it as 2025-01-31") from error


def read_component(row: Mapping[str, str], rules: Rules) -> dict[str, Any]:
    """A whole row of the register from texts. Raises ValueError naming what does not hold in this city."""
    found = component_values(row)
    attributes: dict[str, Any] = {}
    for field in rules.fields & row.keys():
        if not row[field]:
            continue
        attribute = rules.attribute(found["full_code"], field)
        if attribute is None:
            raise ValueError(f"class {found['full_code']} has no attribute {field}; leave it empty")
        attributes[field] = attribute.read(row[field])
    return checked_component({**found, "photo": row.get("photo", ""), "attributes": attributes}, rules)


def checked_component(found: dict[str, Any], rules: Rules) -> dict[str, Any]:
    """A component's columns with grid, cell and presence. Raises ValueError naming what does not hold in this city."""
    if found["full_code"] not in rules.subclasses:
        raise ValueError(f"the catalogue has no component subclass {found['full_code']!r}")
    if len(found["full_code"]) == 4 and found["code"][6:10] != found["full_code"]:
        raise ValueError(
            f"digits 7 to 10 of code {found['code']} say class {found['code'][6:10]}, full_code says "
            f"{found['full_code']}; correct one of them"
        )
    if found["state"] not in rules.present:
        raise ValueError(f"state {found['state']!r} is none of {', '.join(rules.present)}")
    if len(found["name"]) > NAME_LETTERS:
        raise ValueError(f"the name is longer than {NAME_LETTERS} letters; move what it says to the note")
    for name in DEPARTMENTS:
        if found[name] and found[name] not in rules.departments:
            raise ValueError(f"{name} {found[name]} is no department of the city")
    return {
        **found, "name": found["name"] or rules.subclasses[found["full_code"]], "grid_code": grid_of(found, rules),
        "present": rules.present[found["state"]], "cell": cell_of(found["lon"], found["lat"]),
    }  # fmt: skip


def grid_of(found: Mapping[str, Any], rules: Rules) -> str:
    """The unit grid a component lies in. Raises ValueError outside of every grid, or when another one is given."""
    if not (-180 <= found["lon"] <= 180 and -90 <= found["lat"] <= 90):
        raise ValueError(f"{found['lon']}, {found['lat']} are no degrees; give WGS-84 longitude, latitude")
    place = rules.ground.locate(found["lon"], found["lat"])
    if place is None:
        raise ValueError(f"{found['lon']}, {found['lat']} is in no unit grid; check longitude and latitude")
    if found["grid_code"] and found["grid_code"] != place.grid:
        raise ValueError(f"it lies in grid {place.grid}, not in {found['grid_code']}; leave the grid empty to find it")
    return place.grid


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ, as JSON values: what they were, what they are. What follows from them is left out."""
    names = [name for name in COLUMNS if name not in ("cell", "present") and before[name] != after[name]]
    return {name: plain(before[name]) for name in names}, {name: plain(after[name]) for name in names}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    return value.isoformat() if isinstance(value, date) else value
