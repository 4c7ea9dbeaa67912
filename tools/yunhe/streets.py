"""Named roads and streets: the ways, and the cuts between cells joined into long lines."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import shapely
from shapely import LineString

from tools.yunhe.names import pinyin, stems
from tools.yunhe.plane import Point2
from tools.yunhe.skeleton import River, Way, merge_lines
from tools.yunhe.subdivision import Cut
from tools.yunhe.terrain import Terrain

STREET_WEIGHT = 2.7
ENDINGS = {
    "高速": "Expressway",
    "快速路": "Expressway",
    "铁路": "Railway",
    "大道": "Avenue",
    "路": "Road",
    "街": "Street",
    "巷": "Lane",
}


@dataclass(frozen=True)
class Street:
    """A named line; ``line`` lies in the straight plane."""

    kind: str
    name: str
    name_en: str
    line: LineString


def name_streets(terrain: Terrain) -> list[Street]:
    """Every named line of the city, motorways first, lanes last."""
    ways = [*terrain.ways, *riverside_ways(terrain)]
    streets = [Street(way.kind, way.name, english(way.name), way.line) for way in ways]
    taken = {street.name.removesuffix("大道").removesuffix("路") for street in streets}
    last = terrain.cuts[-1].weight  # cuts go from heavy to light: no cell left is heavier than this
    drawn = [cut for cut in terrain.cuts if cut.kind == "land" and is_street(cut, last)]
    strokes = join_cuts(drawn)
    names = stems("streets", len(strokes), taken)
    strokes.sort(key=lambda stroke: (stroke[1], -length_of(stroke[0]), stroke[0][0]))
    for (points, stage), stem in zip(strokes, names, strict=True):
        kind = "road" if stage == 1 else "street"
        name = stem + ending_for(kind, length_of(points))
        streets.append(Street(kind, name, english(name), LineString(without_repeats(points))))
    return streets


def is_street(cut: Cut, threshold: float) -> bool:
    """Community borders are roads; inside a community only the cuts of clearly too large cells carry a street."""
    return cut.stage == 1 or cut.weight > STREET_WEIGHT * threshold


def riverside_ways(terrain: Terrain) -> list[Way]:
    """The embankment roads on both banks."""
    river: River = terrain.river
    banks = river.water.exterior.intersection(terrain.outline.buffer(-20))
    ways = []
    for bank in merge_lines(getattr(banks, "geoms", [banks])):
        middle = bank.interpolate(0.5, normalized=True)
        ways.append(Way("road", "滨江西路" if river.west.contains(middle) else "滨江东路", bank))
    return ways


def join_cuts(cuts: list[Cut]) -> list[tuple[list[Point2], int]]:
    """Cuts that meet end to end and go on in nearly the same direction become one line.

    :returns: the points of each line and the stage of its earliest cut.
    """
    at_point: dict[Point2, list[int]] = defaultdict(list)
    for index, cut in enumerate(cuts):
        at_point[cut.start].append(index)
        at_point[cut.end].append(index)
    used: set[int] = set()
    lines = []
    for index, cut in enumerate(cuts):
        if index in used:
            continue
        used.add(index)
        points, stage = [cut.start, cut.end], cut.stage
        for _ in range(2):
            while (following := _straight_on(points, cuts, at_point, used, stage)) is not None:
                used.add(following)
                ahead = cuts[following]
                points.append(ahead.end if ahead.start == points[-1] else ahead.start)
            points.reverse()
        lines.append((points, stage))
    return lines


def _straight_on(
    points: list[Point2], cuts: list[Cut], at_point: dict[Point2, list[int]], used: set[int], stage: int
) -> int | None:
    """The unused cut that leaves the last point within 30 degrees of straight on."""
    best: tuple[float, int] | None = None
    for index in at_point[points[-1]]:
        cut = cuts[index]
        if index in used or cut.stage != stage:
            continue
        ahead = cut.end if cut.start == points[-1] else cut.start
        turn = abs(_angle(points[-2], points[-1]) - _angle(points[-1], ahead))
        turn = min(turn, math.tau - turn)
        if turn < math.radians(30) and (best is None or (turn, index) < best):
            best = (turn, index)
    return best[1] if best else None


def _angle(start: Point2, end: Point2) -> float:
    return math.atan2(end[1] - start[1], end[0] - start[0])


def length_of(points: list[Point2]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(points))


def without_repeats(points: list[Point2]) -> list[Point2]:
    """The points without repetitions; the corners stay, because side streets end there."""
    return [p for k, p in enumerate(points) if k == 0 or math.dist(p, points[k - 1]) > 0.1]


def ending_for(kind: str, length_m: float) -> str:
    """The Chinese word for a line of this rank and length."""
    if kind == "road":
        return "大道" if length_m > 3200 else "路"
    return "路" if length_m > 700 else "街" if length_m > 260 else "巷"


def english(name: str) -> str:
    """云河大道 -> Yunhe Avenue."""
    for ending, word in ENDINGS.items():
        if name.endswith(ending):
            return f"{pinyin(name.removesuffix(ending))} {word}"
    raise ValueError(f"{name} has no known ending; add it to ENDINGS")


def beside(street: Street, along_m: float, offset_m: float) -> Point2:
    """A point ``offset_m`` to the left of a street, ``along_m`` from its start, in the straight plane."""
    line = street.line
    here = line.interpolate(along_m)
    a, b = line.interpolate(max(0.0, along_m - 3)), line.interpolate(min(line.length, along_m + 3))
    length = math.hypot(b.x - a.x, b.y - a.y) or 1.0
    return here.x - (b.y - a.y) / length * offset_m, here.y + (b.x - a.x) / length * offset_m


def crossings(street: Street, others: list[Street]) -> list[Point2]:
    """Where a street meets others."""
    return [
        (float(x), float(y))
        for other in others
        if other is not street
        for x, y in shapely.get_coordinates(street.line.intersection(other.line))
    ]
