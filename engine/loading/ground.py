"""Divisions, grids and addresses of ``ground/`` into the database; components come as a survey."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from engine.city import City
from engine.errors import CityBroken
from engine.ground.feature import Feature
from engine.ground.grid_codes import code_fault
from engine.ground.layer_files import city_layers
from engine.ground.layer_kinds import GroundLayer
from engine.ground.versions import (
    Change,
    Delta,
    effect_moment,
    folder_digests,
    lineage_now,
    record_version,
    settle_history,
    state_of,
)
from engine.loading.address_rows import load_addresses
from engine.loading.ground_checks import own_findings
from engine.loading.ground_folder import folder_name, layer_file, read_folder_layer
from engine.loading.ground_layers import compare, file_digest
from engine.loading.tables import Progress, Rejection, no_progress, read_csv, read_features
from engine.models import Base

BATCH = 2_000
SHOWN = 20


def load_ground(session: Session, city: City, now: datetime, progress: Progress = no_progress) -> list[Rejection]:
    """Take up what has changed in the ground files of the city's folder, as one version; the caller commits.

    A file that was taken from the folder before and is the same leaves its layer alone, whatever surveys have made of
    it since. Roads, other areal layers, components and addresses may be absent. Returns rejected component and address
    rows. Raises CityBroken naming the areas that do not hold.
    """
    settle_history(session, city.time_zone, now)
    numbers, before = lineage_now(session), folder_digests(session)
    sources: dict[str, tuple[str, str]] = {}
    deltas: list[Delta] = []
    for layer in city_layers(city).values():
        path = layer_file(city, layer)
        if path is None:
            continue
        source = (folder_name(city, path), file_digest(path))
        if before.get(layer.name) == source:
            continue
        features = sound_features(city, layer)
        changes = compare(layer, state_of(session, layer, numbers), features, replace=True)
        if changes:
            sources[layer.name] = source
            deltas += changes
    if deltas:
        change = Change("init", "the city's folder", sources=sources)
        record_version(session, city.time_zone, change, deltas, effect_moment(session, city.time_zone, None, now), now)
    folder = city.root / "ground"
    return load_addresses(session, folder / "addresses.csv", progress)


def sound_features(city: City, layer: GroundLayer) -> list[Feature]:
    """The areas of a layer's file in the folder, which can be kept. Raises CityBroken; ``wangge check`` says more."""
    read = read_folder_layer(city, layer)
    if read is None:
        return []
    path, found = read
    told = [f"feature {fault.number}: {fault.reason}; {fault.remedy}" for fault in found.faults]
    pattern, seen = re.compile(city.unit_grid_code), set[str]()
    for each in found.features:
        code = str(each.properties["code"] or "")
        told += [f"{item.message}; {item.remedy}" for item in own_findings(layer, each)]
        if layer.name == "unit_grids" and (fault := code_fault(code, str(each.properties["community"]), pattern)):
            told.append(f"{code}: {fault}; correct the code, or the pattern in city.toml")
        if code in seen:
            told.append(f"the code {code} stands twice; give one area another code")
        seen.add(code)
    if told:
        raise CityBroken("; ".join(f"{path.name}: {item}" for item in told[:SHOWN]))
    return found.features


def read_unit_grids(path: Path, city: City) -> tuple[list[dict[str, Any]], list[Rejection]]:
    """Rows of unit grids; those with a wrong or repeated code are rejected."""
    pattern = re.compile(city.unit_grid_code)
    rows: dict[str, dict[str, Any]] = {}
    rejected: list[Rejection] = []
    for number, values, geometry in read_features(path, ("code", "community", "area_class")):
        code = str(values["code"])
        if fault := code_fault(code, str(values["community"]), pattern):
            rejected.append(Rejection(path.name, number, f"grid code {code!r}: {fault}", "correct the code"))
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
