"""Metres on the ground of one city: a plane around a latitude, exact enough for streets (equirectangular)."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, radians
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from engine.ground.index import DEGREE_M

Metres = NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """Longitude and latitude in degrees to metres east and north, around a latitude."""

    lat: float

    @property
    def east_m(self) -> float:
        """Metres of a degree of longitude."""
        return DEGREE_M * cos(radians(self.lat))

    @property
    def north_m(self) -> float:
        """Metres of a degree of latitude."""
        return DEGREE_M

    def points(self, lons: ArrayLike, lats: ArrayLike) -> Metres:
        """Points as rows of (east, north)."""
        east = np.asarray(lons, dtype=np.float64) * self.east_m
        return np.column_stack([east, np.asarray(lats, dtype=np.float64) * DEGREE_M])

    def shape(self, geometry: Any) -> Any:
        """A geometry in metres."""
        return shapely.transform(geometry, lambda at: at * np.array([self.east_m, DEGREE_M]))


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two points of a city."""
    east = (lon - other_lon) * cos(radians((lat + other_lat) / 2))
    return hypot(east, lat - other_lat) * DEGREE_M


def steps_m(at: Metres) -> Metres:
    """The lengths between points that follow each other."""
    found: Metres = np.hypot(*np.diff(at, axis=0).T)
    return found
