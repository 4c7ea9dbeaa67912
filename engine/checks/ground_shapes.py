"""How areas lie on the ground: overlaps, gaps, points outside. Everything in one pass over a spatial index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, radians
from typing import Any

import numpy as np
import shapely

from engine.checks.finding import Finding, Source

DEGREE_M = 111_320.0
"""Metres of a degree of latitude, and of longitude at the equator; good to 1 % everywhere."""
OVERLAP_M2 = 5.0
"""Smaller overlaps come from coordinates rounded to six digits."""
GAP_M2 = 2_000.0
"""Smaller holes between grids are slips of the pen; larger ones are lakes, parks and airfields."""


def find_overlaps(source: Source, codes: Sequence[str], areas: Sequence[Any]) -> Iterator[Finding]:
    """Pairs of areas that share ground, with how many square metres."""
    if len(areas) < 2:
        return
    shapes = np.array(areas, dtype=object)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other])) * _scale(shapes)
    for at in np.flatnonzero(shared > OVERLAP_M2):
        first, second = sorted((codes[one[at]], codes[other[at]]))
        message = f"{first} and {second} overlap by {shared[at]:,.0f} m²"
        yield source.error(first, message, "draw their common border once, in both")


def find_gaps(source: Source, areas: Sequence[Any]) -> Iterator[Finding]:
    """Small holes that no area covers."""
    if not len(areas):
        return
    shapes = np.array(areas, dtype=object)
    whole = shapely.unary_union(shapes)
    rings = [ring for part in shapely.get_parts(whole) for ring in part.interiors]
    if not rings:
        return
    holes = shapely.polygons(rings)
    sizes = shapely.area(holes) * _scale(shapes)
    small = np.flatnonzero((sizes < GAP_M2) & (sizes > OVERLAP_M2))
    if len(small):
        largest = holes[small[np.argmax(sizes[small])]].centroid
        where = f"the largest has {sizes[small].max():,.0f} m² at {largest.x:.5f}, {largest.y:.5f}"
        message = f"{len(small)} gaps of less than {GAP_M2:,.0f} m² between grids, {where}"
        yield source.warning("gaps", message, "extend the grids around them")


def find_strays(
    source: Source, rows: Sequence[dict[str, Any]], codes: Sequence[str], areas: Sequence[Any]
) -> Iterator[Finding]:
    """Points outside every grid, and points in another grid than they name."""
    if not rows or not len(areas):
        return
    points = shapely.points([row["lon"] for row in rows], [row["lat"] for row in rows])
    at, grid = shapely.STRtree(np.array(areas, dtype=object)).query(points, predicate="intersects")
    inside: dict[int, set[str]] = {}
    for row, number in zip(at.tolist(), grid.tolist(), strict=True):
        inside.setdefault(row, set()).add(codes[number])
    outside = [row["code"] for number, row in enumerate(rows) if number not in inside]
    if outside:
        message = f"{len(outside)} of {len(rows)} lie outside every grid, the first is {outside[0]}"
        yield source.warning(f"{len(outside)} rows", message, "correct their coordinates (WGS-84) or draw the grids")
    wrong = [
        (row["code"], row["grid_code"], min(inside[number]))
        for number, row in enumerate(rows)
        if number in inside and row["grid_code"] and row["grid_code"] not in inside[number]
    ]
    if wrong:
        code, named, real = wrong[0]
        first = f"{code} names {named} and lies in {real}"
        message = f"{len(wrong)} of {len(rows)} name another grid than they lie in, such as {first}"
        yield source.warning(f"{len(wrong)} rows", message, "correct the grid or the coordinates")


def _scale(shapes: Any) -> float:
    """Square metres of a square degree in the middle of the shapes."""
    _, south, _, north = shapely.total_bounds(shapes)
    return float(DEGREE_M * DEGREE_M * cos(radians((south + north) / 2)))
