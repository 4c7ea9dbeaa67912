"""Divisions, grids, components and addresses of ``ground/`` into the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from engine.city import City
from engine.components.counts import recount
from engine.components.register import COMPONENT, component_values
from engine.components.rules import read_states
from engine.errors import CityBroken
from engine.loading.address_rows import load_addresses
from engine.loading.tables import Progress, Rejection, no_progress, read_csv, read_features
from engine.models import Base, Component, Division, DutyGrid, UnitGrid

BATCH = 2_000


def load_ground(session: Session, city: City, progress: Progress = no_progress) -> list[Rejection]:
    """Replace the ground by that of the city's folder. Components and addresses may be absent."""
    folder = city.root / "ground"
    divisions = [
        {
            "code": str(values["code"]), "level": values["level"], "name": values["name"],
            "name_en": values.get("name_en") or values["name"], "parent_code": values.get("parent") or None,
            "geometry": json.dumps(geometry),
        }
        for _, values, geometry in read_features(folder / "divisions.geojson", ("code", "level", "name"))
    ]  # fmt: skip
    grids, rejected = read_unit_grids(folder / "unit_grids.geojson", city)
    if rejected:
        raise CityBroken("; ".join(str(item) for item in rejected[:20]))
    duty_grids = [
        {
            "code": str(values["code"]), "name": values["name"], "subdistrict_code": values.get("subdistrict") or None,
            "geometry": json.dumps(geometry),
        }
        for _, values, geometry in read_features(folder / "duty_grids.geojson", ("code", "name"))
    ]  # fmt: skip
    replace_rows(session, Division, divisions)
    replace_rows(session, UnitGrid, grids)
    replace_rows(session, DutyGrid, duty_grids)
    present = read_states(city)

    def component(row: dict[str, str]) -> dict[str, Any]:
        values = component_values(row)
        return {**values, "present": present.get(values["state"], True)}

    rejected = _load_csv(session, Component, folder / "components.csv", COMPONENT, component, progress)
    recount(session)
    return [
        *rejected,
        *load_addresses(session, folder / "addresses.csv", progress),
    ]


def read_unit_grids(path: Path, city: City) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Rows of unit grids; those with a wrong or repeated code are rejected."""
    pattern = re.compile(city.unit_grid_code)
    rows: dict[str, dict[str, Any]] = {}
    rejected: list[Rejection] = []
    for number, values, geometry in read_features(path, ("code", "community", "area_class")):
        code = str(values["code"])
        if not pattern.match(code):
            rejected.append(
                Rejection(
                    path.name, number, f"grid code {code!r} does not match {city.unit_grid_code}", "correct the code"
                )
            )
        elif code in rows:
            rejected.append(
                Rejection(path.name, number, f"grid code {code} stands twice", "give one grid another code")
            )
        else:
            rows[code] = {
                "code": code, "community_code": str(values["community"]), "area_class": values["area_class"],
                "duty_grid_code": values.get("duty_grid") or None, "geometry": json.dumps(geometry),
            }  # fmt: skip
    return list(rows.values()), rejected


def checked_rows(
    path: Path, columns: Iterable[str], values: Any, rejected: list[Rejection]
) -> Iterator[dict[str, Any]]:
    """Good rows of a CSV file with a ``code``; the others go to ``rejected``."""
    seen: set[str] = set()
    for line, row in read_csv(path, columns):
        try:
            good = values(row)
        except ValueError as error:
            rejected.append(Rejection(path.name, line, str(error), "correct the value and import the row again"))
            continue
        if good["code"] in seen:
            rejected.append(
                Rejection(path.name, line, f"code {good['code']} stands twice", "give one row another code")
            )
            continue
        seen.add(good["code"])
        yield good


def replace_rows(
    session: Session, table: type[Base], rows: Iterable[dict[str, Any]], progress: Progress = no_progress
) -> int:
    """Empty a table and fill it, in batches. Returns how many rows."""
    session.execute(delete(table))
    iterator, count = iter(rows), 0
    while batch := list(islice(iterator, BATCH)):
        session.execute(insert(table), batch)
        count += len(batch)
        progress(len(batch))
    return count


def _load_csv(
    session: Session, table: type[Base], path: Path, columns: Iterable[str], values: Any, progress: Progress
) -> list[Rejection]:
    rejected: list[Rejection] = []
    if path.is_file():
        replace_rows(session, table, checked_rows(path, columns, values, rejected), progress)
    return rejected
