"""Point -> unit grid, duty grid, community, subdistrict, district, area class; in process, on a spatial index."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shapely import Point, STRtree
from shapely.geometry import shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Division, UnitGrid


@dataclass(frozen=True)
class Place:
    """What the ground says about a point. Codes are empty where the city has no such level."""

    grid: str
    duty_grid: str
    community: str
    subdistrict: str
    district: str
    area_class: str


class Ground:
    """All unit grids of a city. Built once from the database; points are WGS-84 longitude, latitude."""

    def __init__(self, grids: Iterable[tuple[Place, Any]], names: Mapping[str, tuple[str, str]]) -> None:
        pairs = list(grids)
        self.places = [place for place, _ in pairs]
        self.shapes = [polygon for _, polygon in pairs]
        self.tree = STRtree(self.shapes)
        self.names = names
        self.by_grid = {place.grid: place for place in self.places}

    @classmethod
    def load(cls, session: Session) -> Ground:
        """Read divisions and unit grids."""
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
        )

    def locate(self, lon: float, lat: float) -> Place | None:
        """The place of a point; on a shared edge the grid with the smallest code; none outside the city."""
        point = Point(lon, lat)
        hits = self.tree.query(point, predicate="intersects")
        if not len(hits):
            return None
        found: list[Place] = [self.places[int(hit)] for hit in hits]
        return min(found, key=lambda place: place.grid)

    def name(self, code: str, language: str = "zh") -> str:
        """The name of a division, or its code."""
        names = self.names.get(code)
        return code if names is None else names[0 if language == "zh" else 1]


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
