"""The bones of the city: its outline, the river with its island, ring roads, avenues, the railway.

All coordinates are metres in the straight plane. The old town is at the origin, on the east bank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely import LineString, Polygon
from shapely.ops import substring

from tools.yunhe.plane import Point2, smooth


@dataclass(frozen=True)
class Way:
    """A named line of the base map; ``crosses`` says whether it bridges the river."""

    kind: str
    name: str
    line: LineString
    crosses: bool = True


@dataclass(frozen=True)
class River:
    """The river between its banks, without the island; ``centre`` is its middle line, ``west`` the land left of it."""

    water: Polygon
    island: Polygon
    centre: LineString
    west: Polygon


def draw_outline() -> Polygon:
    """The edge of the built-up area: a bulging disc of about 150 km²."""
    points = []
    for step in range(150):
        a = step * math.tau / 150
        bulge = 1 + 0.085 * math.sin(2 * a + 0.4) + 0.06 * math.sin(3 * a + 2.0) + 0.03 * math.sin(5 * a + 0.9)
        radius = 6905 * bulge + 70 * math.sin(11 * a) + 50 * math.sin(17 * a + 1)
        points.append((radius * math.cos(a) - 350, radius * math.sin(a)))
    return Polygon(points)


def draw_river() -> River:
    """From the south-south-west, around the old town in a bow, out to the north-east."""
    corners = [
        (-4300, -10500), (-3900, -7600), (-2500, -5600), (-2300, -4000), (-3050, -2400), (-2800, -700),
        (-2050, 800), (-2150, 2300), (-900, 3300), (700, 3900), (1500, 5300), (1900, 7000), (3600, 10500),
    ]  # fmt: skip
    centre = LineString(smooth([(float(x), float(y)) for x, y in corners], 4))
    samples = [k * 60.0 for k in range(int(centre.length // 60) + 1)]
    at = centre.project(shapely.Point(-2420, -4500))
    left, right, island_left, island_right = [], [], [], []
    for s in samples:
        point, normal = point_and_normal(centre, s)
        near = math.exp(-(((s - at) / 900) ** 2))
        half = 205 + 35 * math.sin(s / 1700) + 250 * near
        left.append((point[0] + normal[0] * half, point[1] + normal[1] * half))
        right.append((point[0] - normal[0] * half, point[1] - normal[1] * half))
        if abs(s - at) < 1000:
            width = 235 * (1 - ((s - at) / 1000) ** 2) ** 0.6
            island_left.append((point[0] + normal[0] * width * 1.1, point[1] + normal[1] * width * 1.1))
            island_right.append((point[0] - normal[0] * width * 0.9, point[1] - normal[1] * width * 0.9))
    island = Polygon(island_left + island_right[::-1]).buffer(30).buffer(-20)
    water = Polygon(left + right[::-1]).buffer(0).difference(island)
    west = Polygon([*centre.coords, (-20000.0, 10500.0), (-20000.0, -10500.0)])
    return River(water, island, centre, west)


def point_and_normal(line: LineString, s: float) -> tuple[Point2, Point2]:
    """The point at ``s`` metres and the unit normal to its left."""
    a, b = line.interpolate(max(0.0, s - 25)), line.interpolate(s + 25)
    length = math.hypot(b.x - a.x, b.y - a.y) or 1.0
    here = line.interpolate(s)
    return (here.x, here.y), (-(b.y - a.y) / length, (b.x - a.x) / length)


def ring(cx: float, cy: float, rx: float, ry: float, turn: float, power: float = 2.7) -> LineString:
    """A ring road: a rounded rectangle between circle and square, turned by ``turn`` radians."""
    points = []
    for step in range(73):
        a = step % 72 * math.tau / 72
        c, s = math.cos(a), math.sin(a)
        x = rx * math.copysign(abs(c) ** (2 / power), c)
        y = ry * math.copysign(abs(s) ** (2 / power), s)
        points.append((cx + x * math.cos(turn) - y * math.sin(turn), cy + x * math.sin(turn) + y * math.cos(turn)))
    return LineString(points)


def curve(*corners: tuple[int, int]) -> LineString:
    """A gently curved line near the given corners."""
    return LineString(smooth([(float(x), float(y)) for x, y in corners], 3))


def draw_ways(river: River) -> list[Way]:
    """Rings, axes, avenues and riverside roads, before they are clipped to the outline."""
    inner = ring(150, -100, 1720, 1620, 0.12)
    middle = ring(-550, 150, 3950, 3600, 0.10, 2.4)
    outer = ring(-400, 50, 5800, 5500, 0.05, 2.3)
    ways = [
        Way("motorway", "绕城高速", outer),
        Way("motorway", "二环快速路", middle),
        Way("road", "内环路", inner, crosses=False),
        Way(
            "road",
            "云河大道",
            curve((-9500, -900), (-5200, -250), (-2600, 60), (0, 0), (3300, -180), (6100, 350), (9500, 300)),
        ),
        Way("road", "人民路", curve((500, -9500), (250, -5200), (120, -1700), (0, 0), (-60, 1700)), crosses=False),
        Way("road", "建设大道", curve((950, 750), (2900, 2500), (4300, 4100), (6500, 6600)), crosses=False),
        Way("road", "解放大道", curve((1000, -750), (3000, -2600), (4400, -4300), (6600, -6900)), crosses=False),
        Way("road", "文昌大道", curve((-850, 950), (-2150, 2150), (-3700, 3300), (-5000, 4700), (-6600, 6700))),
        Way(
            "road",
            "望江大道",
            curve((-700, -900), (-1700, -2700), (-1300, -4600), (-1500, -6000), (-1200, -9000)),
            crosses=False,
        ),
        Way(
            "road",
            "南桥路",
            curve((-8500, -4900), (-5200, -3700), (-3000, -3300), (-1500, -3050), (120, -3200), (2900, -2500)),
        ),
        Way("road", "锦湖大道", curve((1300, 300), (3600, 1150), (5600, 2300), (8500, 3300)), crosses=False),
        Way("road", "东湖路", curve((1300, -400), (3700, -1300), (5900, -1900), (8800, -2300)), crosses=False),
        Way(
            "road", "凤岭路", curve((700, 1000), (1250, 2300), (2400, 3600), (3000, 5200), (3500, 8500)), crosses=False
        ),
        Way(
            "road",
            "西洲大道",
            curve(
                (-3800, -8800),
                (-4300, -5600),
                (-4500, -2400),
                (-4250, 300),
                (-4400, 2600),
                (-3900, 5000),
                (-3500, 8800),
            ),
        ),
        Way("road", "北浦大道", curve((-9000, 2300), (-6200, 1900), (-4300, 1750), (-2500, 1500)), crosses=False),
        Way("road", "澄江大道", curve((1200, -9000), (1900, -6000), (2300, -4200), (2900, -2600)), crosses=False),
        Way("road", "北桥路", curve((-2200, 8500), (-1500, 5800), (-700, 4300), (-200, 3000), (-50, 1400))),
    ]
    ways += [
        Way("road", "西堤路", shapely.offset_curve(river.centre, 1050).simplify(8), crosses=False),
        Way("road", "沿河东路", shapely.offset_curve(river.centre, -860).simplify(8), crosses=False),
        Way(
            "railway",
            "云河铁路",
            curve((4300, -9000), (4900, -5200), (5250, -1500), (4700, 1500), (3500, 3600), (2750, 6100), (3300, 9000)),
            crosses=False,
        ),
    ]
    return ways


def clip_ways(ways: list[Way], outline: Polygon, river: River, inner: Polygon) -> list[Way]:
    """Ways inside the outline, off the water unless they bridge it, without loose ends; riverside offsets
    stay out of the old town."""
    clipped = []
    for way in ways:
        room = outline if way.crosses else outline.difference(river.water.union(river.island))
        if way.name in ("沿河东路", "西堤路"):
            room = room.difference(inner.buffer(250))
        parts = getattr(way.line.intersection(room), "geoms", [way.line.intersection(room)])
        clipped += [Way(way.kind, way.name, part, way.crosses) for part in merge_lines(parts)]
    edges: list[shapely.Geometry] = [outline.exterior, river.water.boundary]
    trimmed = []
    for index, way in enumerate(clipped):
        others = [other.line for k, other in enumerate(clipped) if k != index and other.name != way.name]
        line = trim(way.line, shapely.union_all([*edges, *others]))
        if line.length > 350:
            trimmed.append(Way(way.kind, way.name, line, way.crosses))
    return trimmed


def trim(line: LineString, others: shapely.Geometry) -> LineString:
    """The line from its first to its last crossing with the others; a closed ring is left whole."""
    if line.is_closed:
        return line
    stops = [line.project(shapely.Point(x, y)) for x, y in shapely.get_coordinates(line.intersection(others))]
    stops += [
        at
        for at, end in ((0.0, line.coords[0]), (line.length, line.coords[-1]))
        if others.distance(shapely.Point(end)) < 2
    ]
    part = substring(line, min(stops), max(stops)) if stops else None
    return part if isinstance(part, LineString) else LineString()


def merge_lines(parts: object) -> list[LineString]:
    """Joined line strings of a mixed intersection."""
    lines = [part for part in parts if isinstance(part, LineString) and not part.is_empty]  # type: ignore[attr-defined]
    merged = shapely.line_merge(shapely.union_all(lines)) if lines else None
    if merged is None:
        return []
    return list(getattr(merged, "geoms", [merged]))
