"""Where simulated problems are: points inside unit grids, more in busy ones, and the components of the register."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from shapely import Point
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.ground.index import Ground
from engine.models import Address, Component

TRIES = 40


@dataclass(frozen=True)
class Spot:
    """A point (WGS-84) with the address somebody would give; ``component`` is its code when it is one."""

    lon: float
    lat: float
    address: str
    component: str | None = None


class Places:
    """Draws spots. A grid's weight is that of its area class, times how many addresses it has."""

    def __init__(self, session: Session, ground: Ground, area_classes: Mapping[str, float]) -> None:
        self.ground = ground
        self._order = sorted(range(len(ground.places)), key=lambda at: ground.places[at].grid)
        self._addresses: dict[str, list[str]] = defaultdict(list)
        for grid, name in session.execute(select(Address.grid_code, Address.name).order_by(Address.code)):
            if grid:
                self._addresses[grid].append(name)
        weights = (
            area_classes.get(ground.places[at].area_class, 1.0)
            * (1 + len(self._addresses[ground.places[at].grid])) ** 0.5
            for at in self._order
        )
        self._weights = list(accumulate(weights))
        self._components: dict[str, list[tuple[str, float, float, str | None]]] = defaultdict(list)
        rows = session.execute(
            select(Component.full_code, Component.code, Component.lon, Component.lat, Component.grid_code).order_by(
                Component.code
            )
        )
        for full_code, code, lon, lat, grid in rows:
            self._components[full_code].append((code, lon, lat, grid))

    def draw(self, chance: Random) -> Spot:
        """A point inside a grid."""
        at = chance.choices(self._order, cum_weights=self._weights)[0]
        polygon, grid = self.ground.shapes[at], self.ground.places[at].grid
        west, south, east, north = polygon.bounds
        for _ in range(TRIES):
            lon, lat = round(chance.uniform(west, east), 6), round(chance.uniform(south, north), 6)
            if polygon.contains(Point(lon, lat)):
                return Spot(lon, lat, self.address(chance, grid))
        inside = polygon.representative_point()
        return Spot(round(inside.x, 6), round(inside.y, 6), self.address(chance, grid))

    def draw_component(self, chance: Random, full_code: str) -> Spot | None:
        """A component of the register of this subclass that lies in a grid; none when there is none."""
        known = self._components.get(full_code)
        if not known:
            return None
        code, lon, lat, grid = chance.choice(known)
        return Spot(lon, lat, self.address(chance, grid or ""), code) if self.ground.locate(lon, lat) else None

    def near(self, chance: Random, lon: float, lat: float, reach_deg: float = 0.00015) -> tuple[float, float]:
        """A point within about 15 m; the same one where that would leave the city."""
        there = (
            round(lon + chance.uniform(-reach_deg, reach_deg), 6),
            round(lat + chance.uniform(-reach_deg, reach_deg), 6),
        )
        return there if self.ground.locate(*there) else (lon, lat)

    def address(self, chance: Random, grid: str) -> str:
        """One of the grid's addresses, empty when it has none."""
        known = self._addresses.get(grid)
        return chance.choice(known) if known else ""

    def component_codes(self) -> frozenset[str]:
        """The subclasses the register has components of."""
        return frozenset(self._components)
