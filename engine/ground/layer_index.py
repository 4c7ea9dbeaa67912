"""Point -> areas of the further layers (area classes, planning units, campaign areas …), one point or many.

All layers lie in one index: a look-up costs the same whether a city declares three layers or ten. Areas are large
beside the cells of the index, so most cells lie wholly inside theirs; which ones do is found out when a cell is first
asked for, and only areas whose border crosses it are tested point by point.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely import STRtree, box

from engine.ground.cells import Cells
from engine.ground.feature import Feature
from engine.ground.layer_kinds import GroundLayer, holds_on

PARTS = 4
MOST_CELLS = 100
"""Of the index, for an area on average."""
ROUNDING = 1e-9
"""Of a cell's side: how far beyond it a point may lie that division puts into it."""
Hits = tuple[tuple[str, str], ...]
"""(layer, code) pairs, by layer and code."""


@dataclass(frozen=True)
class LayerArea:
    """An area of a further layer. ``alone``: its layer gives a point on a shared edge to the smallest code."""

    layer: str
    code: str
    properties: Mapping[str, Any]
    alone: bool
    dated: bool


@dataclass(frozen=True)
class _Cell:
    """Areas that hold a whole cell, and those (positions and shapes) whose border crosses it, if any."""

    sure: tuple[int, ...]
    near: NDArray[np.int64]
    crossing: NDArray[Any] | None


NOTHING = _Cell((), np.zeros(0, dtype=np.int64), None)


class LayerIndex:
    """The areas of all further layers, WGS-84."""

    def __init__(self, layers: Iterable[tuple[GroundLayer, Mapping[str, Feature]]] = ()) -> None:
        found = sorted(
            (
                (LayerArea(layer.name, code, each.properties, layer.kind != "free", layer.dated), each.geometry)
                for layer, features in layers
                for code, each in features.items()
            ),
            key=lambda pair: (pair[0].layer, pair[0].code),
        )
        self.areas = [area for area, _ in found]
        self.by_key = {(area.layer, area.code): area for area in self.areas}
        self._keys = [(area.layer, area.code) for area in self.areas]
        self._plain = not any(area.dated for area in self.areas)
        self._shapes = np.empty(len(found), dtype=object)
        self._shapes[:] = [shape for _, shape in found]
        shapely.prepare(self._shapes)
        self._cells = Cells(self._shapes, parts=PARTS, most=MOST_CELLS)
        self._known: dict[tuple[int, int], _Cell] = {}
        self._tree = STRtree(self._shapes)
        self._told: dict[tuple[tuple[int, ...], date | None], Hits] = {}

    def at(self, lon: float, lat: float, day: date | None = None) -> Hits:
        """The areas that hold a point, and hold on a day; without a day, those that always do."""
        key = self._cells.key(lon, lat)
        cell = NOTHING if key is None else self._known.get(key) or self._look(key)
        inside = cell.sure
        if cell.crossing is not None:
            there = shapely.intersects_xy(cell.crossing, lon, lat)
            if there.any():
                inside = tuple(sorted((*inside, *cell.near[there].tolist())))
        return self._tell(inside, day) if inside else ()

    def _look(self, key: tuple[int, int]) -> _Cell:
        """What is known of a cell before a point of it is."""
        near = self._cells.of(key)
        if not len(near):
            return NOTHING
        side, (column, line) = self._cells.side, key
        more = side * ROUNDING
        whole = box(column * side - more, line * side - more, (column + 1) * side + more, (line + 1) * side + more)
        covered = shapely.covers(self._shapes[near], whole)
        crossing = near[~covered]
        cell = _Cell(tuple(near[covered].tolist()), crossing, self._shapes[crossing] if len(crossing) else None)
        self._known[key] = cell
        return cell

    def at_many(self, lons: ArrayLike, lats: ArrayLike, day: date | None = None) -> list[Hits]:
        """As ``at``, for many points."""
        east, north = np.asarray(lons, dtype=np.float64), np.asarray(lats, dtype=np.float64)
        asked, hits = self.hits(east, north)
        found: list[Hits] = [()] * len(east)
        starts = np.flatnonzero(np.diff(asked, prepend=-1))
        all_hits, ends = hits.tolist(), [*starts[1:].tolist(), len(hits)]
        for point, start, end in zip(asked[starts].tolist(), starts.tolist(), ends, strict=False):
            found[point] = self._tell(tuple(all_hits[start:end]), day)
        return found

    def hits(self, east: NDArray[np.float64], north: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Positions of points and of the areas that hold them, in order, whatever their dates."""
        if not len(self.areas) or not len(east):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        asked, near = self._tree.query(shapely.points(np.column_stack([east, north])))
        # Bounds first, then the prepared areas: the tree would look at every border of a large area anew.
        inside = shapely.intersects_xy(self._shapes[near], east[asked], north[asked])
        asked, near = asked[inside], near[inside]
        order = np.lexsort((near, asked))
        return asked[order], near[order]

    def _tell(self, inside: tuple[int, ...], day: date | None) -> Hits:
        """Points share their areas: the answer of a set of areas is made once a day."""
        key = (inside, None if self._plain else day)
        told = self._told.get(key)
        if told is None:
            if len(self._told) > len(self.areas) * 4 + 1_000:
                self._told.clear()
            told = self._told[key] = tuple(self._chosen(inside, day))
        return told

    def _chosen(self, inside: tuple[int, ...], day: date | None) -> Iterable[tuple[str, str]]:
        held = [at for at in inside if not self.areas[at].dated or holds_on(self.areas[at].properties, day)]
        for _, group in groupby(held, key=lambda at: self.areas[at].layer):
            ats = list(group)
            for at in ats[:1] if self.areas[ats[0]].alone else ats:
                yield self._keys[at]
