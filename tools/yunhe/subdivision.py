"""Cutting the city into ever smaller cells, the way a town grows: across the longer side, streets meeting streets."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

import shapely
from shapely import LineString, Point, Polygon
from shapely.ops import split

from tools.yunhe.plane import Point2


@dataclass
class Cell:
    """A piece of the city. ``kind``: land, river or park; ``home`` is the community it belongs to."""

    polygon: Polygon
    kind: str = "land"
    home: int = -1
    park: str = ""


@dataclass(frozen=True)
class Cut:
    """A straight cut through a cell; ``weight`` says how much bigger than wanted the cell was."""

    start: Point2
    end: Point2
    weight: float
    stage: int
    kind: str


@dataclass
class Joints:
    """Where cuts end on older lines; later cuts prefer to end there too, so streets run on."""

    buckets: dict[tuple[int, int], list[Point2]] = field(default_factory=lambda: defaultdict(list))

    def add(self, point: Point2) -> None:
        self.buckets[int(point[0] // 300), int(point[1] // 300)].append(point)

    def near(self, point: Point2, reach_m: float) -> Iterator[Point2]:
        column, row = int(point[0] // 300), int(point[1] // 300)
        for i in (column - 1, column, column + 1):
            for j in (row - 1, row, row + 1):
                for joint in self.buckets.get((i, j), ()):
                    if math.dist(joint, point) <= reach_m:
                        yield joint


@dataclass(frozen=True)
class Proposal:
    """One way to cut a cell in two."""

    parts: tuple[Polygon, Polygon]
    start: Point2
    end: Point2
    score: float


def compactness(polygon: Polygon) -> float:
    """1 for a disc, 0.79 for a square, near 0 for a sliver."""
    return float(4 * math.pi * polygon.area / polygon.length**2)


def cut_until(
    cells: list[Cell],
    count: int,
    wanted_m: Callable[[float, float], float],
    stage: int,
    dice: Random,
    joints: Joints,
    claim: Callable[[Cell], None] | None = None,
) -> tuple[list[Cell], list[Cut]]:
    """Cut the cell that is largest for its place until there are ``count`` cells.

    :param wanted_m: the wanted side length, metres, at a place.
    :param claim: may turn a cell into a park before it is cut.
    """  # fmt: skip
    queue: list[tuple[float, int, Cell]] = []
    done: list[Cell] = []
    serial = 0
    cuts: list[Cut] = []

    def push(cell: Cell) -> None:
        nonlocal serial
        if claim:
            claim(cell)
        centre = cell.polygon.centroid
        slow = {"river": 5.0, "park": 9.0}.get(cell.kind, 1.0)
        serial += 1
        heapq.heappush(queue, (-cell.polygon.area / wanted_m(centre.x, centre.y) ** 2 / slow, serial, cell))

    for cell in cells:
        push(cell)
    while len(queue) + len(done) < count:
        weight, _, cell = heapq.heappop(queue)
        best = best_cut(cell.polygon, dice, joints)
        if best is None:
            done.append(cell)
            continue
        cuts.append(Cut(best.start, best.end, -weight, stage, cell.kind))
        joints.add(best.start)
        joints.add(best.end)
        for part in best.parts:
            push(Cell(part, cell.kind, cell.home, cell.park))
    return done + [entry[2] for entry in sorted(queue, key=lambda entry: entry[1])], cuts


def best_cut(polygon: Polygon, dice: Random, joints: Joints) -> Proposal | None:
    """The cut that leaves the two best shapes, or None for a shape that no straight cut halves."""
    proposals = [p for chord in chords(polygon, dice) for p in refine(polygon, chord, joints)]
    return max(proposals, key=lambda p: p.score, default=None)


def chords(polygon: Polygon, dice: Random) -> Iterator[LineString]:
    """Chords across the longer side of the tightest box, and across the shorter one if it is nearly square."""
    box = polygon.minimum_rotated_rectangle
    if not isinstance(box, Polygon):
        return
    a, b, c = (box.exterior.coords[k] for k in range(3))
    sides = sorted([(a, b), (b, c)], key=lambda side: -math.dist(*side))
    middle = polygon.centroid
    reach = box.length
    for side in sides if math.dist(*sides[0]) < 1.25 * math.dist(*sides[1]) else sides[:1]:
        length = math.dist(*side)
        ux, uy = (side[1][0] - side[0][0]) / length, (side[1][1] - side[0][1]) / length
        for shift in (0.0, dice.uniform(0.04, 0.11), -dice.uniform(0.04, 0.11)):
            turn = dice.uniform(-0.05, 0.05)
            vx, vy = -uy * math.cos(turn) - ux * math.sin(turn), ux * math.cos(turn) - uy * math.sin(turn)
            px, py = middle.x + ux * shift * length, middle.y + uy * shift * length
            crossing = polygon.intersection(
                LineString([(px - vx * reach, py - vy * reach), (px + vx * reach, py + vy * reach)])
            )
            if isinstance(crossing, LineString) and len(crossing.coords) == 2:
                yield crossing


def refine(polygon: Polygon, chord: LineString, joints: Joints) -> Iterator[Proposal]:
    """The chord as drawn, and with either end moved to a joint on the cell's border."""
    reach = 0.2 * math.sqrt(polygon.area)
    border = polygon.exterior
    ends = []
    for x, y in chord.coords:
        options: list[tuple[Point2, float]] = [((x, y), 0.0)]
        on_border = [j for j in joints.near((x, y), reach) if border.distance(Point(j)) < 0.05]
        if on_border:
            options.append((min(on_border, key=lambda j: (math.dist(j, (x, y)), j)), 0.05))
        ends.append(options)
    for start, start_bonus in ends[0]:
        for end, end_bonus in ends[1]:
            parts = halves(polygon, start, end)
            if parts is None:
                continue
            small = min(part.area for part in parts) / polygon.area
            if small >= 0.28:
                shape = min(compactness(part) for part in parts)
                yield Proposal(parts, start, end, shape + 0.35 * small + start_bonus + end_bonus)


def halves(polygon: Polygon, start: Point2, end: Point2) -> tuple[Polygon, Polygon] | None:
    """The two parts of a polygon on both sides of a line a hair longer than the chord, or None."""
    length = math.dist(start, end)
    if length < 5:
        return None
    ux, uy = (end[0] - start[0]) / length, (end[1] - start[1]) / length
    line = LineString([(start[0] - ux, start[1] - uy), (end[0] + ux, end[1] + uy)])
    parts = [part for part in split(polygon, line).geoms if isinstance(part, Polygon)]
    return (parts[0], parts[1]) if len(parts) == 2 else None


def shared_m(one: Polygon, other: Polygon) -> float:
    """About how many metres of border two cells share, although their corners differ."""
    return float(shapely.intersection(one.exterior, other.buffer(0.8)).length)


def neighbours(polygons: list[Polygon], least_m: float = 25.0) -> list[dict[int, float]]:
    """For each polygon the others it shares at least ``least_m`` metres of border with."""
    tree = shapely.STRtree(polygons)
    table: list[dict[int, float]] = [{} for _ in polygons]
    for i, polygon in enumerate(polygons):
        for j in sorted(int(k) for k in tree.query(polygon.buffer(1.0))):
            if j > i:
                shared = shared_m(polygon, polygons[j])
                if shared >= least_m:
                    table[i][j] = table[j][i] = shared
    return table
