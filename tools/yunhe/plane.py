"""The drawing plane of the city (metres, x east, y north) and its way to longitude and latitude.

Everything is built in a straight plane, then bent by a smooth field so that no street is ruled
with a ruler, then rounded to 6 decimals of a degree (about 0.1 m).
"""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

from shapely import LineString, Polygon

Point2 = tuple[float, float]

ORIGIN_LON, ORIGIN_LAT = 116.4200, 28.3700
METRES_PER_DEGREE = 111_320.0
SEED = "yunhe-2024"


def dice(purpose: str) -> Random:
    """A random source of its own for each purpose: changing one part of the city leaves the others alone."""
    return Random(f"{SEED}:{purpose}")


def bend(x: float, y: float) -> Point2:
    """Where a point of the straight plane ends up; smooth, and never folding (the slope stays below 0.3)."""
    dx = 150 * math.sin(y / 780 + 0.6) + 60 * math.sin((x + 0.8 * y) / 390 + 1.1)
    dy = 140 * math.sin(x / 820 + 2.1) + 55 * math.sin((0.9 * x - y) / 410 + 0.3)
    return x + dx, y + dy


def to_degrees(x: float, y: float) -> Point2:
    """Bent and rounded longitude, latitude (WGS-84) of a point of the straight plane."""
    bent_x, bent_y = bend(x, y)
    lat = ORIGIN_LAT + bent_y / METRES_PER_DEGREE
    lon = ORIGIN_LON + bent_x / (METRES_PER_DEGREE * math.cos(math.radians(ORIGIN_LAT)))
    return round(lon, 6), round(lat, 6)


def bend_path(points: list[Point2], step_m: float) -> list[Point2]:
    """A path in degrees; every segment gets the same extra vertices from whichever end it is walked."""
    path: list[Point2] = []
    for start, end in pairwise(points):
        low, high = min(start, end), max(start, end)
        count = max(1, math.ceil(math.dist(low, high) / step_m))
        inner = [
            (low[0] + (high[0] - low[0]) * k / count, low[1] + (high[1] - low[1]) * k / count) for k in range(count + 1)
        ]
        if start != low:
            inner.reverse()
        path.extend(to_degrees(*point) for point in inner[:-1])
    path.append(to_degrees(*points[-1]))
    return [point for index, point in enumerate(path) if index == 0 or point != path[index - 1]]


def bend_line(line: LineString, step_m: float = 90.0) -> list[Point2]:
    """The bent path of a line of the straight plane."""
    return bend_path([(x, y) for x, y in line.coords], step_m)


def bend_polygon(polygon: Polygon, step_m: float = 150.0) -> Polygon:
    """The bent polygon, holes included."""
    rings = [bend_path([(x, y) for x, y in ring.coords], step_m) for ring in (polygon.exterior, *polygon.interiors)]
    return Polygon(rings[0], rings[1:])


def smooth(points: list[Point2], rounds: int, closed: bool = False) -> list[Point2]:
    """Corner cutting (Chaikin): a path through fewer corners becomes a curve."""
    for _ in range(rounds):
        source = [*points, points[0]] if closed else points
        cut: list[Point2] = [] if closed else [points[0]]
        for (ax, ay), (bx, by) in pairwise(source):
            cut += [(0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by), (0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by)]
        points = cut if closed else [*cut, points[-1]]
    return points
