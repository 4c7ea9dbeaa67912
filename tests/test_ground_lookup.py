"""A point has the same place whether one asks for it alone, for many at once, or looks through every shape."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Polygon, box

from engine.ground.cells import Cells
from engine.ground.feature import Feature
from engine.ground.index import ROAD_REACH_M, Ground, Place
from engine.ground.layer_kinds import TEXT, GroundLayer

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
DAY = date(2026, 3, 31)
CLASSES = GroundLayer("area_classes", "区域类别", "Area classes", "apart", dict.fromkeys(("code", "area_class"), TEXT))
CAMPAIGNS = GroundLayer(
    "campaign_areas", "专项整治区域", "Campaigns", "free", dict.fromkeys(("code", "valid_from", "valid_to"), TEXT)
)


def feature(area: Polygon, **values: str) -> Feature:
    return Feature(0, values, area)


LAYERS: list[tuple[GroundLayer, dict[str, Feature]]] = [
    (CAMPAIGNS, {
        "K1": feature(cell(0, 0, 4, 4), valid_from="2026-03-31"),
        "K2": feature(cell(2, 2, 4, 4), valid_to="2026-03-31"),
        "K3": feature(cell(0, 0, 6, 6), valid_from="2026-04-01"), "K4": feature(cell(1, 1, 0.5, 0.5)),
    }),
    (CLASSES, {"X2": feature(cell(0, 0, 3, 6), area_class="B"), "X1": feature(cell(3, 0, 2, 6), area_class="C")}),
]  # fmt: skip
GROUND = Ground([(place(f"G{at:02}"), area) for at, area in enumerate(SHAPES)], {}, ROADS, LAYERS)
POINTS = st.lists(
    st.tuples(st.floats(115.999, 116.007), st.floats(27.999, 28.007)) | st.sampled_from(
        [
            tuple(point)
            for area in [*SHAPES, *(each.geometry for _, features in LAYERS for each in features.values())]
            for point in shapely.get_coordinates(area).tolist()
        ]
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


def layers_through(lon: float, lat: float) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Area class and layers by going through every area."""
    point = shapely.Point(lon, lat)
    hits = [
        (layer.name, code, each.properties)
        for layer, features in sorted(LAYERS, key=lambda pair: pair[0].name)
        for code, each in sorted(features.items())
        if each.geometry.intersects(point)
        and each.properties.get("valid_from", "") <= DAY.isoformat() <= each.properties.get("valid_to", "9")
    ]
    classes = [hit for hit in hits if hit[0] == "area_classes"][:1]
    kept = [hit for hit in hits if hit[0] != "area_classes" or hit in classes]
    return classes[0][2]["area_class"] if classes else "A", tuple((layer, code) for layer, code, _ in kept)


@settings(max_examples=200, deadline=None)
@given(POINTS)
def test_one_many_and_naive_say_the_same(points: list[tuple[float, float]]) -> None:
    alone = [GROUND.locate(lon, lat, DAY) for lon, lat in points]
    assert GROUND.locate_many(*zip(*points, strict=True), DAY) == alone
    assert [found and (found.area_class, found.layers) for found in alone] == [
        found and layers_through(*point) for found, point in zip(alone, points, strict=True)
    ]
    assert [found and (found.grid, found.road) for found in alone] == [looked_through(*point) for point in points]


def test_areas_with_dates_need_a_day() -> None:
    at = (116.0012, 28.0012)
    codes = {
        day: [code for layer, code in GROUND.locate(*at, day).layers if layer == "campaign_areas"]  # type: ignore[union-attr]  # in the city
        for day in (None, date(2026, 3, 30), DAY, date(2026, 4, 1))
    }
    assert codes == {
        None: ["K4"], date(2026, 3, 30): ["K4"], DAY: ["K1", "K4"], date(2026, 4, 1): ["K1", "K3", "K4"],
    }  # fmt: skip


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
