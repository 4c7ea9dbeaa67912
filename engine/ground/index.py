"""Point -> unit grid, duty grid, divisions, area class, road, further layers; in process, one or many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import Point, STRtree
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.cells import Cells
from engine.ground.feature import Feature
from engine.ground.layer_index import Hits, LayerIndex
from engine.ground.layer_kinds import AREA_CLASSES, CORE, GroundLayer
from engine.ground.versions import lineage_now, state_of, table_features
from engine.models import Division

NO_LAYERS: Mapping[str, GroundLayer] = MappingProxyType({})
NO_NAMES: Mapping[str, tuple[str, str]] = MappingProxyType({})
ROAD_REACH_M = 30.0
"""How far from the middle of a road a point may lie to be on it."""
DEGREE_M = 111_320.0


@dataclass(frozen=True)
class Place:
    """What the ground says about a point. Codes are empty where the city has no such level, or no road is near.

    ``layers`` are the areas of further layers, (layer, code); one of the layer of area classes gives ``area_class``.
    """

    grid: str
    duty_grid: str
    community: str
    subdistrict: str
    district: str
    area_class: str
    road: str = ""
    layers: Hits = ()


class Ground:
    """All unit grids, roads and areas of a city. Built once from the database; points are WGS-84 longitude, latitude.

    Places stand by the code of their grid. A road is given by its code and its middle line. ``versions`` are those of
    the ground that it was built from.
    """

    def __init__(
        self,
        grids: Iterable[tuple[Place, Any]],
        names: Mapping[str, tuple[str, str]],
        roads: Iterable[tuple[str, Any]] = (),
        layers: Iterable[tuple[GroundLayer, Mapping[str, Feature]]] = (),
        versions: Sequence[int] = (),
        duty_names: Mapping[str, tuple[str, str]] = NO_NAMES,
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
        self.layers = LayerIndex(layers)
        self.versions = tuple(versions)
        self.duty_names = duty_names
        self._classes = {
            (area.layer, area.code): str(area.properties["area_class"])
            for area in self.layers.areas
            if area.layer == AREA_CLASSES
        }

    @classmethod
    def load(
        cls, session: Session, layers: Mapping[str, GroundLayer] = NO_LAYERS, versions: Sequence[int] | None = None
    ) -> Ground:
        """Read divisions, unit grids, road segments and the further ``layers``.

        The history is read where there is one, three times as fast as the tables, whose shapes are text.

        :param versions: the ground as these versions made it (``lineage``); as it is now when none are given.
        """
        numbers = lineage_now(session) if versions is None else versions

        def features(name: str) -> dict[str, Feature]:
            return state_of(session, CORE[name], numbers) if numbers else table_features(session, CORE[name])

        parents: dict[str, str | None] = {}
        levels: dict[str, str] = {}
        names: dict[str, tuple[str, str]] = {}
        for code, values in read_divisions(session, numbers if versions is not None else ()):
            parents[code], levels[code] = values["parent"], values["level"]
            names[code] = (values["name"], values["name_en"] or values["name"])
        return cls(
            (
                (_place(code, each.properties, parents, levels), each.geometry)
                for code, each in features("unit_grids").items()
            ),
            names,
            ((code, each.geometry) for code, each in features("roads").items()),
            [(layer, state_of(session, layer, numbers)) for layer in layers.values() if layer.name not in CORE],
            numbers,
            {
                code: (each.properties["name"], each.properties.get("name_en") or each.properties["name"])
                for code, each in features("duty_grids").items()
            },
        )

    def locate(self, lon: float, lat: float, day: date | None = None) -> Place | None:
        """The place of a point; on a shared edge the grid with the smallest code; none outside the city.

        :param day: of areas that hold on some days only; without it, those with dates are left out.
        """
        near = self._cells.at(lon, lat)
        if not len(near):
            return None
        inside = shapely.intersects_xy(self._shapes[near], lon, lat)
        at = int(inside.argmax())
        if not inside[at]:
            return None
        return self._with(self.places[near[at]], self.roads.nearest(lon, lat), self.layers.at(lon, lat, day))

    def locate_many(self, lons: ArrayLike, lats: ArrayLike, day: date | None = None) -> list[Place | None]:
        """The places of many points, as ``locate`` says them, several times faster."""
        east, north = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        first = self.grids_at(east, north)
        there = np.flatnonzero(first >= 0)
        roads = self.roads.nearest_many(east[there], north[there])
        layers = self.layers.at_many(east[there], north[there], day)
        found: list[Place | None] = [None] * len(east)
        for at, grid, road, hits in zip(there.tolist(), first[there].tolist(), roads, layers, strict=True):
            found[at] = self._with(self.places[grid], road, hits)
        return found

    def grids_at(self, lons: ArrayLike, lats: ArrayLike) -> NDArray[np.int64]:
        """Positions in ``places`` of the grids that hold many points, -1 where none does."""
        points: Any = shapely.points(np.column_stack([np.asarray(lons), np.asarray(lats)]))
        asked, hits = self.tree.query(points, predicate="intersects")
        first = np.full(len(points), len(self.places), dtype=np.int64)
        np.minimum.at(first, asked, hits)
        first[first == len(self.places)] = -1
        return first

    def _with(self, place: Place, road: str, hits: Hits) -> Place:
        """A grid's place with what does not depend on the grid."""
        if not road and not hits:
            return place
        area_class = place.area_class
        if self._classes and hits:
            area_class = next((self._classes[hit] for hit in hits if hit in self._classes), area_class)
        return Place(
            place.grid, place.duty_grid, place.community, place.subdistrict, place.district, area_class, road, hits
        )

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


def read_divisions(session: Session, versions: Sequence[int]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Divisions by code, of versions or, without any, as they are now."""
    if versions:
        for code, each in state_of(session, CORE["divisions"], versions).items():
            yield code, each.properties
        return
    columns = (Division.level, Division.parent_code.label("parent"), Division.name, Division.name_en)
    for code, *values in session.execute(select(Division.code, *columns)):
        yield code, dict(zip(("level", "parent", "name", "name_en"), values, strict=True))


def _place(code: str, values: Mapping[str, Any], parents: Mapping[str, str | None], levels: Mapping[str, str]) -> Place:
    found = {"community": values["community"], "subdistrict": "", "district": ""}
    at: str | None = values["community"]
    # The highest level has the city itself as parent, which is no division of its own.
    while at is not None and at in levels:
        found[levels[at]] = at
        at = parents.get(at)
    return Place(
        code, values["duty_grid"] or "", found["community"], found["subdistrict"], found["district"],
        values["area_class"],
    )  # fmt: skip
