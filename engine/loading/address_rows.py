"""Rows of ``addresses.csv``: addresses, place names and points of interest, each checked before it is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from engine.ground.address_classes import KINDS, address_classes, class_of
from engine.ground.address_index import derived, index_addresses
from engine.ground.address_words import fold
from engine.ground.index import Ground
from engine.loading.encodings import UTF_8
from engine.loading.plain_cells import unmark
from engine.loading.tables import Progress, Rejection, no_progress, read_csv
from engine.models import Address

ADDRESS = ("code", "name", "kind", "lon", "lat", "grid")
"""Columns that must be there; ``class`` may be."""

BATCH = 2_000
LONGEST_NAME = 200
REMEDY = "correct the row and import the file again"


def address_values(row: dict[str, str]) -> dict[str, Any]:
    """An address's columns. Raises ValueError naming what cannot be read."""
    name, kind = row["name"], row["kind"]
    if not row["code"]:
        raise ValueError("code is empty")
    if not fold(name) or len(name) > LONGEST_NAME:
        raise ValueError(f"name {name[:40]!r} does not have 1 to {LONGEST_NAME} letters or digits")
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    asked = row.get("class", "")
    if asked and asked not in address_classes():
        raise ValueError(f"class {asked!r} is none of {', '.join(address_classes())}")
    if asked and address_classes()[asked].kind != kind:
        raise ValueError(f"class {asked} belongs to kind {address_classes()[asked].kind}, not {kind}")
    lon, lat = degrees(row["lon"], "lon", 180), degrees(row["lat"], "lat", 90)
    return {
        "code": row["code"], "name": name, "kind": kind, "class_code": asked or class_of(name, kind), "lon": lon,
        "lat": lat, "grid_code": row["grid"] or None, **derived(name, lon, lat),
    }  # fmt: skip


def degrees(text: str, name: str, most: int) -> float:
    """A coordinate in WGS-84. Raises ValueError for what is no number, NaN, infinite or too large."""
    try:
        found = float(text)
    except ValueError as error:
        raise ValueError(f"{name} {text!r} is no number of degrees") from error
    if not isfinite(found) or abs(found) > most:
        raise ValueError(f"{name} {text!r} is not between -{most} and {most} degrees; export it in WGS-84")
    return found


def load_addresses(session: Session, path: Path, progress: Progress = no_progress) -> list[Rejection]:
    """Replace all addresses by those of the city's folder and index them; no commit. The file may be absent."""
    rejected: list[Rejection] = []
    session.execute(delete(Address))
    if path.is_file():
        for batch in batches(distinct_rows(path, rejected)):
            session.execute(insert(Address), batch)
            progress(len(batch))
    index_addresses(session)
    return rejected


def distinct_rows(
    path: Path,
    rejected: list[Rejection],
    ground: Ground | None = None,
    count: Progress = no_progress,
    encoding: str = UTF_8,
) -> Iterator[dict[str, Any]]:
    """Good rows; of two with one code, or with one name at one point, the first. The others go to ``rejected``."""
    codes: set[str] = set()
    places: dict[tuple[str, float, float], str] = {}
    for line, row in read_csv(path, ADDRESS, encoding=encoding):
        count(1)
        try:
            good = address_values({name: unmark(value) for name, value in row.items()})
            if ground is not None:
                place_address(good, ground)
            if good["code"] in codes:
                raise ValueError(f"code {good['code']} stands twice")
            other = places.setdefault((good["name"], good["lon"], good["lat"]), good["code"])
            if other != good["code"]:
                raise ValueError(f"{good['name']} stands at the same point already, as {other}")
        except ValueError as error:
            rejected.append(Rejection(path.name, line, str(error), REMEDY))
            continue
        codes.add(good["code"])
        yield good


def place_address(row: dict[str, Any], ground: Ground) -> None:
    """Put in the grid the point lies in. Raises ValueError when it lies in none, or in another than is named."""
    place = ground.locate(row["lon"], row["lat"])
    if place is None:
        raise ValueError(f"{row['lon']}, {row['lat']} lies in no unit grid; check lon and lat (WGS-84)")
    if row["grid_code"] and row["grid_code"] != place.grid:
        raise ValueError(f"it lies in grid {place.grid}, not in {row['grid_code']}")
    row["grid_code"] = place.grid


def batches(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The rows in lists of ``BATCH``."""
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
