"""Point -> unit grid, duty grid, community, subdistrict, district, area class, road; in process, one or many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely import Point, STRtree
from shapely.geometry import shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.cells import Cells
from engine.models import Division, RoadSegment, UnitGrid

ROAD_REACH_M = 30.0
"""How far from the middle of a road a point may lie to be on it."""
DEGREE_M = 111_320.0


@dataclass(frozen=True)
class Place:
    """What the ground says about a point. Codes are empty where the city has no such level, or no road is near."""

    grid: str
    duty_grid: str
    community: str
    subdistrict: str
    district: str
    area_class: str
    road: str = ""


class Ground:
    """All unit grids and roads of a city. Built once from the database; points are WGS-84 longitude, latitude.

    Places stand by the code of their grid. A road is given by its code and its middle line.
    """

    def __init__(
        self,
        grids: Iterable[tuple[Place, Any]],
        names: Mapping[str, tuple[str, str]],
        roads: Iterable[tuple[str, Any]] = (),
    ) -> None:
        pairs = sorted(grids, key=lambda pair: pair[0].grid)
        self.places = [place for place, _ in pairs]
        self.shapes = [polygon for _, polygon in pairs]
        self.tree = STRtree(self.shapes)
        self.names = names
        self.by_grid = {place.grid: place for place in self.places}
        self._shapes = np.empty(len(self.shapes), dtype=object)
        self._shapes[:] = self.shapes
        shapely.prepare(self._shapes)
        self._cells = Cells(self._shapes)
        self.roads = Roads(roads)

    @classmethod
    def load(cls, session: Session) -> Ground:
        """Read divisions, unit grids and road segments."""
        divisions = session.execute(
            select(Division.code, Division.level, Division.parent_code, Division.name, Division.name_en)
        )
        parents: dict[str, str | None] = {}
        levels: dict[str, str] = {}
        names: dict[str, tuple[str, str]] = {}
        for code, level, parent, name, name_en in divisions:
            parents[code], levels[code], names[code] = parent, level, (name, name_en)
        rows = session.execute(
            select(
                UnitGrid.code, UnitGrid.duty_grid_code, UnitGrid.community_code, UnitGrid.area_class, UnitGrid.geometry
            )
        )
        return cls(
            (
                (_place(code, duty, community, area, parents, levels), shape(json.loads(geometry)))
                for code, duty, community, area, geometry in rows
            ),
            names,
            (
                (code, shape(json.loads(geometry)))
                for code, geometry in session.execute(select(RoadSegment.code, RoadSegment.geometry))
            ),
        )

    def locate(self, lon: float, lat: float) -> Place | None:
        """The place of a point; on a shared edge the grid with the smallest code; none outside the city."""
        near = self._cells.at(lon, lat)
        if not len(near):
            return None
        inside = shapely.intersects_xy(self._shapes[near], lon, lat)
        at = int(inside.argmax())
        if not inside[at]:
            return None
        place: Place = self.places[near[at]]
        road = self.roads.nearest(lon, lat)
        return replace(place, road=road) if road else place

    def locate_many(self, lons: ArrayLike, lats: ArrayLike) -> list[Place | None]:
        """The places of many points, as ``locate`` says them, several times faster."""
        east, north = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        points: Any = shapely.points(np.column_stack([east, north]))
        asked, hits = self.tree.query(points, predicate="intersects")
        first = np.full(len(points), len(self.places), dtype=np.int64)
        np.minimum.at(first, asked, hits)
        there = np.flatnonzero(first < len(self.places))
        roads = self.roads.nearest_many(east[there], north[there])
        found: list[Place | None] = [None] * len(points)
        for at, grid, road in zip(there.tolist(), first[there].tolist(), roads, strict=True):
            found[at] = replace(self.places[grid], road=road) if road else self.places[grid]
        return found

    def name(self, code: str, language: str = "zh") -> str:
        """The name of a division, or its code."""
        names = self.names.get(code)
        return code if names is None else names[0 if language == "zh" else 1]


class Roads:
    """Middle lines of roads by code, measured on a plane of metres around them."""

    def __init__(self, roads: Iterable[tuple[str, Any]]) -> None:
        pairs = sorted(roads, key=lambda pair: pair[0])
        self.codes = [code for code, _ in pairs]
        lines = np.empty(len(pairs), dtype=object)
        lines[:] = [line for _, line in pairs]
        south, north = shapely.total_bounds(lines)[[1, 3]] if len(lines) else (0.0, 0.0)
        self.scale = np.array([DEGREE_M * cos(radians((south + north) / 2)), DEGREE_M])
        self._across = float(self.scale[0])
        self.lines = shapely.transform(lines, lambda at: at * self.scale)
        self.tree = STRtree(self.lines)
        self._cells = Cells(self.lines, ROAD_REACH_M)

    def nearest(self, lon: float, lat: float) -> str:
        """The nearest road's code, of equally near ones the smallest; empty when none is within 30 m."""
        x, y = lon * self._across, lat * DEGREE_M
        near = self._cells.at(x, y)
        if not len(near):
            return ""
        apart = shapely.distance(self.lines[near], Point(x, y))
        at = int(apart.argmin())
        return self.codes[near[at]] if apart[at] <= ROAD_REACH_M else ""

    def nearest_many(self, lons: ArrayLike, lats: ArrayLike) -> Sequence[str]:
        """As ``nearest``, for many points."""
        points: Any = shapely.points(np.column_stack([np.asarray(lons), np.asarray(lats)]) * self.scale)
        if not self.codes or not len(points):
            return [""] * len(points)
        asked, hits = self.tree.query_nearest(points, max_distance=ROAD_REACH_M)
        first = np.full(len(points), len(self.codes), dtype=np.int64)
        np.minimum.at(first, asked, hits)
        return ["" if at == len(self.codes) else self.codes[at] for at in first.tolist()]


def _place(
    code: str, duty: str | None, community: str, area: str, parents: Mapping[str, str | None], levels: Mapping[str, str]
) -> Place:
    found = {"community": community, "subdistrict": "", "district": ""}
    at: str | None = community
    # The highest level has the city itself as parent, which is no division of its own.
    while at is not None and at in levels:
        found[levels[at]] = at
        at = parents.get(at)
    return Place(code, duty or "", found["community"], found["subdistrict"], found["district"], area)
