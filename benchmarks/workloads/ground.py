"""Point -> grid, community, district, area class and road among 100,000 grids: one by one, in a batch, and naively."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from engine.ground.index import Ground, Place

STEP = 0.001
CORNER = (116.0, 28.0)
BLOCK = 4
"""Grids between two roads."""
TURNS = 5


def run(setting: Setting) -> Section:
    """Look up random points in a city of bent cells and a net of roads."""
    side, asked, few = setting.pick(317, 40), setting.pick(20_000, 1_000), setting.pick(40, 40)
    grids, roads = cells(side), streets(side)
    gc.collect()
    tracemalloc.start()
    began = time.perf_counter()
    ground = Ground(grids, {}, roads)
    ground.locate(*CORNER)
    built = time.perf_counter() - began
    weight = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    chance = np.random.default_rng(7)
    points = chance.uniform(0, side * STEP, (asked, 2)) + np.array(CORNER)
    pairs = points.tolist()
    shapes = [shapely.from_wkb(shapely.to_wkb(shape)) for shape in ground.shapes]  # without what the index prepared
    lines = shapely.transform(np.array([line for _, line in roads], dtype=object), lambda at: at * ground.roads.scale)
    single = best(lambda: [ground.locate(lon, lat) for lon, lat in pairs], asked)
    batch = best(lambda: ground.locate_many(points[:, 0], points[:, 1]), asked)
    naive = best(lambda: [look_through(shapes, lines, ground, lon, lat) for lon, lat in pairs[:few]], few, turns=1)
    alike = sum(
        (found and (found.grid, found.road)) == look_through(shapes, lines, ground, lon, lat)
        for found, (lon, lat) in zip(ground.locate_many(points[:few, 0], points[:few, 1]), pairs[:few], strict=True)
    )
    many = len(shapes)
    contestants = (
        ("one by one", asked, single), ("batch", asked, batch), ("naive loop over shapely", few, naive),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = [
        {
            "contestant": name, "points": points_asked, "µs a point": took[0], "processor µs": took[1],
            "× naive": naive[0] / took[0],
        }
        for name, points_asked, took in contestants
    ]  # fmt: skip
    notes = [
        f"{many:,} grids of 17 corners, {len(roads):,} road segments; built in {built:.1f} s (tracemalloc on); "
        f"the index weighs {weight / 1024**2:.0f} MiB in Python, GEOS's own memory and the shapes not counted",
        f"{alike} of {few} places and roads equal the naive loop's",
    ]
    verdicts = [
        Verdict("µs a point, one by one, road included", single[0], 50, at_least=False),
        Verdict("processor µs a point, one by one, road included", single[1], 50, at_least=False),
        Verdict("µs a point, batch, road included", batch[0], 50, at_least=False),
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


def look_through(shapes: list[Any], lines: Any, ground: Ground, lon: float, lat: float) -> tuple[str, str] | None:
    """Grid and road by asking every shape, as one writes it first."""
    point = shapely.Point(lon, lat)
    for place, shape in zip(ground.places, shapes, strict=True):
        if shape.intersects(point):
            there = shapely.Point(point.x * ground.roads.scale[0], point.y * ground.roads.scale[1])
            apart = [line.distance(there) for line in lines]
            nearest = min(range(len(apart)), key=apart.__getitem__)
            return place.grid, ground.roads.codes[nearest] if apart[nearest] <= 30 else ""
    return None


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
