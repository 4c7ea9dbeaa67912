"""Point -> grid, divisions, area class, road, layers among 100,000 grids: one by one, in a batch, and naively."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import shapely

from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from engine.ground.feature import Feature
from engine.ground.index import Ground, Place
from engine.ground.layer_kinds import AREA_CLASSES, TEXT, GroundLayer

STEP = 0.001
CORNER = (116.0, 28.0)
BLOCK = 4
"""Grids between two roads."""
TURNS = 5
DAY = date(2026, 3, 31)


def run(setting: Setting) -> Section:
    """Look up random points in a city of bent cells, a net of roads and three further layers."""
    side, asked, few = setting.pick(317, 40), setting.pick(20_000, 1_000), setting.pick(40, 40)
    grids, roads, layers = cells(side), streets(side), areas(side)
    gc.collect()
    tracemalloc.start()
    began = time.perf_counter()
    ground = Ground(grids, {}, roads, layers)
    ground.locate(*CORNER, DAY)
    built = time.perf_counter() - began
    weight = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    chance = np.random.default_rng(7)
    points = chance.uniform(0, side * STEP, (asked, 2)) + np.array(CORNER)
    pairs = points.tolist()
    shapes = [shapely.from_wkb(shapely.to_wkb(shape)) for shape in ground.shapes]  # without what the index prepared
    lines = shapely.transform(np.array([line for _, line in roads], dtype=object), lambda at: at * ground.roads.scale)
    further = [
        (layer, code, each.properties, shapely.from_wkb(shapely.to_wkb(each.geometry)))
        for layer, features in layers
        for code, each in sorted(features.items())
    ]
    plain = Ground(grids, {}, roads)
    single = best(lambda: [ground.locate(lon, lat, DAY) for lon, lat in pairs], asked)
    bare = best(lambda: [plain.locate(lon, lat) for lon, lat in pairs], asked)
    batch = best(lambda: ground.locate_many(points[:, 0], points[:, 1], DAY), asked)
    bare_batch = best(lambda: plain.locate_many(points[:, 0], points[:, 1]), asked)

    def naive_way(lon: float, lat: float) -> Any:
        return look_through(shapes, lines, further, ground, lon, lat)

    naive = best(lambda: [naive_way(lon, lat) for lon, lat in pairs[:few]], few, turns=1)
    alike = sum(
        (found and (found.grid, found.road, found.area_class, found.layers)) == naive_way(lon, lat)
        for found, (lon, lat) in zip(
            ground.locate_many(points[:few, 0], points[:few, 1], DAY), pairs[:few], strict=True
        )
    )
    many = len(shapes)
    contestants = (
        ("one by one", asked, single), ("one by one, no further layers", asked, bare), ("batch", asked, batch),
        ("batch, no further layers", asked, bare_batch), ("naive loop over shapely", few, naive),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = [
        {
            "contestant": name, "points": points_asked, "µs a point": took[0], "processor µs": took[1],
            "× naive": naive[0] / took[0],
        }
        for name, points_asked, took in contestants
    ]  # fmt: skip
    notes = [
        f"{many:,} grids of 17 corners, {len(roads):,} road segments; {told_of(layers)}; "
        f"built in {built:.1f} s (tracemalloc on); "
        f"the index weighs {weight / 1024**2:.0f} MiB in Python, GEOS's own memory and the shapes not counted",
        f"{alike} of {few} places, roads, area classes and layers equal the naive loop's",
    ]
    verdicts = [
        Verdict("µs a point, one by one, road and layers included", single[0], 50, at_least=False),
        Verdict("processor µs a point, one by one, road and layers included", single[1], 50, at_least=False),
        Verdict("µs a point, batch, road and layers included", batch[0], 50, at_least=False),
        Verdict("share of answers equal to the naive loop's", alike / few, 1),
    ]
    return Section("ground", f"Point look-up among {many:,} grids", rows, notes, verdicts)


def cells(side: int) -> list[tuple[Place, Any]]:
    """Grids with bent borders that they share, row by row."""
    chance = np.random.default_rng(3)
    mesh = np.stack(np.meshgrid(np.arange(side + 1), np.arange(side + 1)), -1)
    corners = (mesh + chance.uniform(-0.25, 0.25, mesh.shape)) * STEP + np.array(CORNER)
    upright, level = bend(corners[:-1], corners[1:], chance), bend(corners[:, :-1], corners[:, 1:], chance)
    found: list[tuple[Place, Any]] = []
    for row in range(side):
        for at in range(side):
            ring = np.concatenate(
                [level[row, at], upright[row, at + 1], level[row + 1, at, ::-1], upright[row, at, ::-1]]
            )
            community = f"990101{row // 20:03}{at // 20:03}"
            number = row * side + at
            place = Place(f"{community}{number:06}", f"D{row // 10}", community, community[:9], community[:6], "A")
            found.append((place, shapely.Polygon(ring)))
    return found


def bend(start: Any, end: Any, chance: np.random.Generator) -> Any:
    """Borders from corner to corner with three points in between, a little off the straight line."""
    shares = np.linspace(0, 1, 5)[:, None]
    line = start[..., None, :] * (1 - shares) + end[..., None, :] * shares
    line[..., 1:-1, :] += chance.uniform(-0.03, 0.03, line[..., 1:-1, :].shape) * STEP
    return line


def streets(side: int) -> list[tuple[str, Any]]:
    """A segment of road along every fourth border, from crossing to crossing."""
    found: list[tuple[str, Any]] = []
    for one in range(0, side, BLOCK):
        for other in range(0, side - BLOCK + 1, BLOCK):
            for name, ends in (
                ("E", ((other, one), (other + BLOCK, one))),
                ("N", ((one, other), (one, other + BLOCK))),
            ):
                line = shapely.LineString(np.array(ends) * STEP + np.array(CORNER))
                found.append((f"{name}{one:04}{other:04}", line))
    return sorted(found)


def areas(side: int) -> list[tuple[GroundLayer, Mapping[str, Feature]]]:
    """Three layers: a few area classes with thousands of corners, planning units, campaign areas that overlap."""
    chance = np.random.default_rng(11)

    def layer(name: str, kind: str, *properties: str) -> GroundLayer:
        return GroundLayer(name, name, name, kind, dict.fromkeys(("code", *properties), TEXT))

    def square(west: float, south: float, wide: float, corners: int) -> Any:
        bounds = shapely.box(west, south, west + wide, south + wide)
        ring = np.array(
            [bounds.exterior.interpolate(at, normalized=True).coords[0] for at in np.linspace(0, 1, corners)]
        )
        return shapely.Polygon((ring * STEP) + np.array(CORNER))

    third, units = side / 3, max(side // 10, 1)
    classes = {
        f"{row}{at}": Feature(
            0,
            {"code": f"{row}{at}", "area_class": "ABC"[(row + at) % 3]},
            square(at * third, row * third, third, 4_001),
        )
        for row in range(3)
        for at in range(3)
        if row or at
    }
    planned = {
        f"P{row:03}{at:03}": Feature(0, {"code": ""}, square(at * 10, row * 10, 10, 41))
        for row in range(units)
        for at in range(units)
    }
    campaigns = {
        f"C{number:03}": Feature(
            0, {"code": "", "valid_from": "2026-03-01", "valid_to": ("2026-03-31", "2026-03-30")[number % 2]},
            square(*chance.uniform(0, side * 0.8, 2), side * 0.2, 81),
        )
        for number in range(50)
    }  # fmt: skip
    return [
        (layer(AREA_CLASSES, "apart", "area_class"), classes),
        (layer("campaign_areas", "free", "valid_from", "valid_to"), campaigns),
        (layer("planning_units", "apart"), planned),
    ]


def told_of(layers: list[tuple[GroundLayer, Mapping[str, Feature]]]) -> str:
    """How large the further layers are."""
    return ", ".join(
        f"{len(features):,} {layer.name} of {corners_of(next(iter(features.values()))):,} corners"
        for layer, features in layers
    )


def corners_of(feature: Feature) -> int:
    """How many corners an area has."""
    return int(shapely.get_num_coordinates(feature.geometry))


def look_through(
    shapes: list[Any], lines: Any, further: list[Any], ground: Ground, lon: float, lat: float
) -> tuple[str, str, str, tuple[tuple[str, str], ...]] | None:
    """Grid, road, area class and layers by asking every shape, as one writes it first."""
    point = shapely.Point(lon, lat)
    for place, shape in zip(ground.places, shapes, strict=True):
        if shape.intersects(point):
            there = shapely.Point(point.x * ground.roads.scale[0], point.y * ground.roads.scale[1])
            apart = [line.distance(there) for line in lines]
            nearest = min(range(len(apart)), key=apart.__getitem__)
            inside = [each for each in further if each[3].intersects(point) and in_time(each[2])]
            area_class = next((each[2]["area_class"] for each in inside if each[0].name == AREA_CLASSES), "")
            hits = tuple(
                (layer.name, code)
                for at, (layer, code, _, _) in enumerate(inside)
                if layer.kind == "free" or all(other[0] is not layer for other in inside[:at])
            )
            road = ground.roads.codes[nearest] if apart[nearest] <= 30 else ""
            return place.grid, road, area_class or place.area_class, hits
    return None


def in_time(values: Mapping[str, Any]) -> bool:
    """Whether an area holds on the day that is asked for."""
    return values.get("valid_from", "") <= DAY.isoformat() <= values.get("valid_to", "9999")


def best(work: Callable[[], Any], count: int, turns: int = TURNS) -> tuple[float, float]:
    """Microseconds a point in the best of some turns: on the clock, and of this process's own time."""
    clock: list[float] = []
    processor: list[float] = []
    for _ in range(turns):
        began, spent = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - began)
        processor.append(time.process_time() - spent)
    return min(clock) / count * 1e6, min(processor) / count * 1e6
