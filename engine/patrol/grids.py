"""The duty grids of a city as shapes in metres, with their cells and streets; read once for each ground."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely import STRtree
from shapely.geometry import shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.index import Ground
from engine.models import DutyGrid, RoadSegment
from engine.patrol.plane import Metres, Plane

STREET_STEP_M = 10.0


@dataclass(frozen=True)
class Beat:
    """One duty grid: its border in WGS-84 and in metres."""

    code: str
    name: str
    border: Any
    plane: Plane
    area: Any
    cells: tuple[str, ...] = ()
    cell_shapes: Any = field(default=(), repr=False)

    def outside_m(self, lons: ArrayLike, lats: ArrayLike) -> Metres:
        """How far outside the grid points lie; 0 inside and on the border."""
        found: Metres = shapely.distance(shapely.points(self.plane.points(lons, lats)), self.area)
        return found


class Beats:
    """All duty grids by code. Unit grids belong to the duty grid that the ground names for them."""

    def __init__(self, grids: Iterable[tuple[str, str, Any]], ground: Ground, roads: Iterable[Any] = ()) -> None:
        cells: dict[str, list[int]] = {}
        for at, place in enumerate(ground.places):
            cells.setdefault(place.duty_grid, []).append(at)
        self.by_code: Mapping[str, Beat] = {
            code: _beat(code, name, border, ground, cells.get(code, [])) for code, name, border in grids
        }
        self._roads = list(roads)
        self._tree = STRtree(self._roads)
        self._marks: dict[str, tuple[float, Any]] = {}

    def roads_in(self, beat: Beat) -> tuple[float, Any]:
        """The length of a grid's streets, cut at its border, and marks along them every ten metres; in metres."""
        if beat.code not in self._marks:
            near = [self._roads[at] for at in self._tree.query(beat.border, predicate="intersects")]
            streets = shapely.intersection(beat.plane.shape(shapely.union_all(near)), beat.area)
            marks = shapely.points(shapely.get_coordinates(shapely.segmentize(streets, STREET_STEP_M)))
            self._marks[beat.code] = float(streets.length), marks
        return self._marks[beat.code]


def _beat(code: str, name: str, border: Any, ground: Ground, cells: list[int]) -> Beat:
    plane = Plane(float(border.centroid.y))
    area = plane.shape(border)
    shapely.prepare(area)
    shapes = np.empty(len(cells), dtype=object)
    shapes[:] = [plane.shape(ground.shapes[at]) for at in cells]
    return Beat(code, name, border, plane, area, tuple(ground.places[at].grid for at in cells), shapes)


_KNOWN: WeakKeyDictionary[Ground, Beats] = WeakKeyDictionary()


def beats_of(session: Session, ground: Ground) -> Beats:
    """The duty grids that belong to a ground, read on first use."""
    found = _KNOWN.get(ground)
    if found is None:
        rows = session.execute(select(DutyGrid.code, DutyGrid.name, DutyGrid.geometry).order_by(DutyGrid.code))
        roads = session.scalars(select(RoadSegment.geometry).order_by(RoadSegment.code))
        found = _KNOWN[ground] = Beats(
            [(code, name, shape(json.loads(text))) for code, name, text in rows],
            ground,
            [shape(json.loads(text)) for text in roads],
        )
    return found
