"""Components on the map: the nearest ones, those in view, counts from far out. By cells, alike on every database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sqrt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.components.cells import Box, middle_of, spans_of
from engine.components.counts import counts_in, surely_in
from engine.components.spans import rows_in_spans
from engine.errors import Invalid
from engine.ground.features import METRES_A_DEGREE, distance_m
from engine.models import Component

FIRST_REACH_M = 100.0
WIDER, WIDEST = 1.5, 6.0
"""How much wider a search looks the next time, at least and at most."""
MOST_CELLS = 1_000
DRAWN = "code, full_code, name, state, lon, lat"
IN_BOX = "lon BETWEEN :west AND :east AND lat BETWEEN :south AND :north AND present"
"""With ``DRAWN`` all that the indexes on cells hold: PostgreSQL reads no row of the register itself."""


@dataclass(frozen=True)
class Dot:
    """A component as a map draws it."""

    code: str
    full_code: str
    name: str
    state: str
    lon: float
    lat: float


@dataclass(frozen=True)
class Heap:
    """How many components stand in a cell; ``lon`` and ``lat`` are the cell's middle, ``width`` its side in degrees."""

    lon: float
    lat: float
    width: float
    amount: int


@dataclass(frozen=True)
class View:
    """What a map shows of a box: every component there, or, where they are too many, heaps."""

    dots: Sequence[Dot] = ()
    heaps: Sequence[Heap] = ()


def components_in(session: Session, area: Box, *, full_code: str | None = None, most: int) -> list[Component]:
    """Components that stand in a box, by code. Raises Invalid when there are more than ``most``."""
    codes = [row.code for row in _rows(session, area, full_code, most + 1)]
    if len(codes) > most:
        raise Invalid(f"the box holds more than {most} components; ask for a smaller one", field="bbox")
    return sorted(_whole(session, codes).values(), key=lambda row: row.code)


def components_near(
    session: Session, lon: float, lat: float, *, within_m: float, full_code: str | None = None, most: int
) -> list[tuple[Component, float]]:
    """The components nearest to a point with their distance in metres, nearest first, at most ``most``.

    Looks close by first, then as much wider as what was found lets expect, until there are enough or all is seen.
    """
    reach = min(FIRST_REACH_M, within_m)
    while True:
        rows = _rows(session, box_around(lon, lat, reach), full_code, None)
        near = [(distance_m(lon, lat, row.lon, row.lat), row.code) for row in rows]
        near = sorted(pair for pair in near if pair[0] <= reach)[:most]
        if len(near) >= most or reach >= within_m:
            break
        expected = 1.2 * sqrt(most / len(near)) if near else WIDEST
        reach = min(reach * min(max(expected, WIDER), WIDEST), within_m)
    whole = _whole(session, [code for _, code in near])
    return [(whole[code], distance) for distance, code in near if code in whole]


def view_of(
    session: Session, area: Box, *, full_code: str | None = None, most: int, most_cells: int = MOST_CELLS
) -> View:
    """Up to ``most`` components of a box, or counts by at most ``most_cells`` cells when there are more."""
    level, counts = counts_in(session, area, full_code=full_code, most=most_cells)
    if surely_in(area, level, counts) <= most:
        rows = _rows(session, area, full_code, most + 1)
        if len(rows) <= most:
            return View(dots=[Dot(row.code, row.full_code, row.name, row.state, row.lon, row.lat) for row in rows])
    width = 360 / (1 << level)
    return View(heaps=[Heap(*middle_of(cell, level), width, amount) for cell, amount in counts])


def box_around(lon: float, lat: float, reach_m: float) -> Box:
    """The box that holds every point within reach."""
    north = reach_m / METRES_A_DEGREE
    east = reach_m / (METRES_A_DEGREE * max(cos(radians(lat)), 0.01))
    return lon - east, lat - north, lon + east, lat + north


def _rows(session: Session, area: Box, full_code: str | None, most: int | None) -> Sequence[Any]:
    """Code, class, name, state and place of what stands in a box, in no order."""
    west, south, east, north = area
    values: dict[str, Any] = {"west": west, "south": south, "east": east, "north": north}
    where = IN_BOX
    if full_code:
        where, values["full_code"] = f"full_code = :full_code AND {IN_BOX}", full_code
    return rows_in_spans(session, DRAWN, "component", where, spans_of(area), values, most)


def _whole(session: Session, codes: list[str]) -> dict[str, Component]:
    """The register's rows of some codes."""
    found: dict[str, Component] = {}
    for start in range(0, len(codes), 500):
        query = select(Component).where(Component.code.in_(codes[start : start + 500]))
        found |= {row.code: row for row in session.scalars(query)}
    return found
