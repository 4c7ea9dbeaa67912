"""A point has the same place whether one asks for it alone, for many at once, or looks through every shape."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Polygon, box

from engine.ground.cells import Cells
from engine.ground.index import ROAD_REACH_M, Ground, Place

STEP = 0.001


def place(code: str) -> Place:
    return Place(code, "D1", "C1", "S1", "T1", "A")


def cell(column: float, row: float, wide: float = 1, high: float = 1) -> Polygon:
    return box(116 + column * STEP, 28 + row * STEP, 116 + (column + wide) * STEP, 28 + (row + high) * STEP)


def skewed(side: int, seed: int = 1) -> list[Polygon]:
    """Cells with shared, bent borders."""
    chance = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1)), -1) + chance.uniform(
        -0.3, 0.3, (side + 1, side + 1, 2)
    )
    corners = corners * STEP + np.array([116, 28])
    return [
        Polygon([corners[row, at], corners[row, at + 1], corners[row + 1, at + 1], corners[row + 1, at]])
        for row in range(side)
        for at in range(side)
    ]


SIDE = 6
SHAPES = skewed(SIDE)
ROADS = [
    ("R2", LineString([(116, 28), (116.006, 28.006)])),
    ("R1", LineString([(116.003, 28), (116.003, 28.006)])),
    ("R3", LineString([(116.0, 28.001), (116.001, 28.001), (116.001, 28.005)])),
]
GROUND = Ground([(place(f"G{at:02}"), area) for at, area in enumerate(SHAPES)], {}, ROADS)
POINTS = st.lists(
    st.tuples(st.floats(115.999, 116.007), st.floats(27.999, 28.007)) | st.sampled_from(
        [tuple(point) for area in SHAPES for point in shapely.get_coordinates(area).tolist()]
    ),
    min_size=1, max_size=30,
)  # fmt: skip


def looked_through(lon: float, lat: float) -> tuple[str, str] | None:
    """Grid and road by going through every shape."""
    point = shapely.Point(lon, lat)
    grid = next((f"G{at:02}" for at, area in enumerate(SHAPES) if area.intersects(point)), None)
    flat = [(code, shapely.transform(line, lambda at: at * GROUND.roads.scale)) for code, line in sorted(ROADS)]
    there = shapely.Point(np.array([lon, lat]) * GROUND.roads.scale)
    apart = {code: line.distance(there) for code, line in flat}
    nearest = min(apart, key=lambda code: apart[code])
    return grid and (grid, nearest if apart[nearest] <= ROAD_REACH_M else "")


@settings(max_examples=200, deadline=None)
@given(POINTS)
def test_one_many_and_naive_say_the_same(points: list[tuple[float, float]]) -> None:
    alone = [GROUND.locate(lon, lat) for lon, lat in points]
    assert GROUND.locate_many(*zip(*points, strict=True)) == alone
    assert [found and (found.grid, found.road) for found in alone] == [looked_through(*point) for point in points]


def test_a_road_within_thirty_metres_is_the_points_road() -> None:
    ground = Ground([(place("G"), cell(0, 0, 10, 10))], {}, [("R", LineString([(116, 28.005), (116.01, 28.005)]))])
    degree_m = 111_320
    for metres, road in ((0, "R"), (29.9, "R"), (-29.9, "R"), (30.1, "")):
        found = ground.locate(116.005, 28.005 + metres / degree_m)
        assert found is not None and found.road == road
        assert ground.locate_many([116.005], [28.005 + metres / degree_m]) == [found]


def test_of_two_grids_on_a_shared_edge_the_smaller_code_wins_in_any_order() -> None:
    pairs = [(place("B"), cell(0, 0)), (place("A"), cell(1, 0))]
    for given_pairs in (pairs, pairs[::-1]):
        ground = Ground(given_pairs, {})
        found = ground.locate(116.001, 28.0005)
        assert found is not None and found.grid == "A" and found.road == ""
        assert ground.locate_many([116.001], [28.0005]) == [found]


@pytest.mark.parametrize("point", [(0.0, 0.0), (float("nan"), 28.0), (float("inf"), 28.0), (116.0, float("-inf"))])
def test_what_lies_nowhere_has_no_place(point: tuple[float, float]) -> None:
    assert GROUND.locate(*point) is None
    assert GROUND.locate_many([point[0], 116.002], [point[1], 28.002])[0] is None
    assert GROUND.locate_many([], []) == []


def test_an_empty_city_has_no_place() -> None:
    empty = Ground([], {})
    assert empty.locate(116, 28) is None and empty.locate_many([116], [28]) == [None]


def test_holes_and_far_parts_are_kept() -> None:
    ring = cell(0, 0, 3, 3).difference(cell(1, 1))
    ground = Ground([(place("R"), ring), (place("M"), MultiPolygon([cell(1, 1, 0.5, 1), cell(900, 900)]))], {})
    asked = [(0.5, 0.5), (1.2, 1.5), (1.7, 1.5), (900.5, 900.5)]
    found = [ground.locate(116 + x * STEP, 28 + y * STEP) for x, y in asked]
    assert [each and each.grid for each in found] == ["R", "M", None, "M"]


def test_a_giant_among_small_shapes_does_not_fill_the_memory() -> None:
    shapes = np.array([*skewed(10), cell(-5_000, -5_000, 10_000, 10_000)], dtype=object)
    cells = Cells(shapes)
    assert len(cells.hits) <= 16 * len(shapes)
    assert 100 in cells.at(116.0005, 28.0005)
