"""Unit grids of a piece of the city, for maps. Boxes are west, south, east, north in degrees, WGS-84."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import cos, hypot, radians
from typing import Any

from shapely import box
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import Invalid, NotFound
from engine.ground.index import Ground
from engine.models import UnitGrid

Box = tuple[float, float, float, float]
METRES_A_DEGREE = 111_320.0


def grids_in(session: Session, ground: Ground, area: Box, *, most: int) -> Sequence[UnitGrid]:
    """Unit grids that touch a box, by code. Raises Invalid when there are more than ``most``."""
    codes = sorted(ground.places[hit].grid for hit in ground.tree.query(box(*area), predicate="intersects"))
    refuse_too_many(len(codes), most, "grids")
    found: list[UnitGrid] = []
    for start in range(0, len(codes), 500):
        chunk = codes[start : start + 500]
        found += session.scalars(select(UnitGrid).where(UnitGrid.code.in_(chunk)).order_by(UnitGrid.code))
    return found


def one_grid(session: Session, code: str) -> UnitGrid:
    """A unit grid. Raises NotFound."""
    grid = session.get(UnitGrid, code)
    if grid is None:
        raise NotFound(f"there is no unit grid {code}; ask /api/v1/grids/at for the one at a point")
    return grid


def grid_geometry(grid: UnitGrid) -> dict[str, Any]:
    """The GeoJSON geometry of a grid."""
    geometry: dict[str, Any] = json.loads(grid.geometry)
    return geometry


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two points of one city; the earth is flat enough there."""
    east = (other_lon - lon) * METRES_A_DEGREE * cos(radians((lat + other_lat) / 2))
    north = (other_lat - lat) * METRES_A_DEGREE
    return hypot(east, north)


def refuse_too_many(count: int, most: int, what: str) -> None:
    """Raise Invalid rather than answer with a part that looks like the whole."""
    if count > most:
        raise Invalid(f"the box holds more than {most} {what}; ask for a smaller one", field="bbox")
