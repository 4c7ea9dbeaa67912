"""From the bones to the cells: macro blocks, communities, unit grids, and where parks and lakes lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely import LineString, Point, Polygon

from tools.yunhe.plane import Point2, dice, smooth
from tools.yunhe.skeleton import River, Way, clip_ways, draw_outline, draw_river, draw_ways
from tools.yunhe.subdivision import Cell, Cut, Joints, compactness, cut_until, neighbours, shared_m

UNIT_GRIDS = 3780
FIRST_CELLS = 262
COMMUNITIES = 208
NODE_M = 0.5


@dataclass(frozen=True)
class Park:
    """A park near a place; the first cell around it not larger than ``most_ha`` becomes the park."""

    name: str
    x: float
    y: float
    most_ha: float
    lake: str = ""


PARKS = (
    Park("锦湖公园", 3050, 120, 75, "锦湖"),
    Park("小锦湖公园", 3500, 1700, 42, "小锦湖"),
    Park("人民公园", 560, 620, 16, "莲池"),
    Park("文庙园", -620, -480, 7),
    Park("烈士陵园", 1000, -900, 10),
    Park("西洲湿地公园", -5000, -2700, 80, "西洲湖"),
    Park("北浦生态园", -4700, 3500, 60, "北浦湖"),
    Park("凤岭森林公园", 2700, 4900, 130),
    Park("澄江公园", 2500, -4200, 45, "澄心湖"),
    Park("青云公园", -4050, 900, 26, "云影湖"),
    Park("体育公园", 4700, -700, 36),
    Park("植物园", -700, -5300, 70, "荷塘"),
    Park("东湖公园", 4900, 2700, 48, "东湖"),
    Park("动物园", 4200, -3100, 40),
    Park("云台公园", -600, 4500, 28),
    Park("西岭公园", -6000, 250, 55),
    Park("南湖公园", -3100, -4600, 40, "南湖"),
)


@dataclass(frozen=True)
class Terrain:
    """Everything drawn before codes are given; geometry in the straight plane."""

    outline: Polygon
    river: River
    ways: list[Way]
    cells: list[Cell]
    cuts: list[Cut]
    communities: int


def density(x: float, y: float) -> float:
    """1 in the old town, 0 at the edge; the new centre on the west bank is a second, lower hill."""
    old = 1 / (1 + math.exp((math.hypot(x - 150, y + 100) - 2700) / 620))
    new = 0.85 / (1 + math.exp((math.hypot(x + 4150, y - 700) - 1250) / 300))
    return min(1.0, max(old, new))


def unit_side_m(x: float, y: float) -> float:
    return 104 + 165 * (1 - density(x, y)) ** 0.8


def community_side_m(x: float, y: float) -> float:
    return 520 + 460 * (1 - density(x, y))


def build_terrain() -> Terrain:
    """Macro blocks cut by the ways, then communities, then exactly 3,780 unit grids."""
    outline, river = draw_outline(), draw_river()
    all_ways = draw_ways(river)
    ways = clip_ways(all_ways, outline, river, Polygon(all_ways[2].line.coords))
    joints, cuts = Joints(), []
    blocks = tidy(make_blocks(outline, river, [w for w in ways if w.kind != "railway"]))
    cells, first_cuts = cut_until(blocks, FIRST_CELLS, community_side_m, 1, dice("communities"), joints)
    cuts += first_cuts
    join_communities(cells, COMMUNITIES, river)
    cells, second_cuts = cut_until(cells, UNIT_GRIDS, unit_side_m, 2, dice("unit grids"), joints, claim_park)
    return Terrain(outline, river, ways, cells, cuts + second_cuts, COMMUNITIES)


def make_blocks(outline: Polygon, river: River, ways: list[Way]) -> list[Cell]:
    """The faces between outline, banks, mid-river line and ways."""
    lines: list[shapely.Geometry] = [outline.exterior, river.centre.difference(river.island)]
    lines += [ring for part in parts_of(river.water) for ring in (part.exterior, *part.interiors)]
    lines += [way.line for way in ways]
    faces = shapely.polygonize([shapely.union_all(lines, grid_size=NODE_M)])
    inside = [face for face in faces.geoms if outline.contains(face.representative_point())]
    return [Cell(face, "river" if river.water.contains(face.representative_point()) else "land") for face in inside]


def parts_of(geometry: shapely.Geometry) -> list[Polygon]:
    """The polygons of a polygon or multipolygon."""
    return [part for part in getattr(geometry, "geoms", [geometry]) if isinstance(part, Polygon)]


def tidy(cells: list[Cell]) -> list[Cell]:
    """Merge slivers between crossing ways into the neighbour they share most border with."""
    cells = list(cells)
    while True:
        slivers = [
            c for c in cells if c.polygon.area < 30_000 or (compactness(c.polygon) < 0.25 and c.polygon.area < 120_000)
        ]
        slivers = [c for c in slivers if c.kind == "land" or c.polygon.area < 15_000]
        if not slivers:
            return cells
        sliver = min(slivers, key=lambda c: c.polygon.area)
        others = [c for c in cells if c is not sliver and c.polygon.distance(sliver.polygon) < 0.1]
        same = [c for c in others if c.kind == sliver.kind] or others
        host = max(same, key=lambda c: shared_m(c.polygon, sliver.polygon))
        union = shapely.union_all([host.polygon, sliver.polygon], grid_size=NODE_M / 2)
        if not isinstance(union, Polygon):
            raise ValueError(
                f"the sliver at {sliver.polygon.centroid.wkt} touches its host in a point only; move a way"
            )
        cells.remove(sliver)
        host.polygon = Polygon(union.exterior)


def join_communities(cells: list[Cell], count: int, river: River) -> None:
    """Number the communities of the land cells, join the smallest with a neighbour until ``count`` are left,
    and give each piece of river to the bank it touches most."""
    land = [c for c in cells if c.kind == "land"]
    polygons = [c.polygon for c in land]
    touching = neighbours(polygons, 120.0)
    home = list(range(len(land)))
    while len(set(home)) > count:
        groups: dict[int, list[int]] = {}
        for index, number in enumerate(home):
            groups.setdefault(number, []).append(index)
        number = min(groups, key=lambda n: sum(relative_size(polygons[i]) for i in groups[n]))
        choices = {
            home[j]
            for i in groups[number]
            for j in touching[i]
            if home[j] != number and district_of(polygons[j], river) == district_of(polygons[i], river)
        }
        if not choices:
            choices = {home[j] for i in groups[number] for j in touching[i] if home[j] != number}
        host = max(sorted(choices), key=lambda n: joined_shape([polygons[i] for i in groups[number] + groups[n]]))
        home = [host if h == number else h for h in home]
    order = {number: k for k, number in enumerate(sorted(set(home)))}
    for cell, number in zip(land, home, strict=True):
        cell.home = order[number]
    for cell in cells:
        if cell.kind == "river":
            bank = max(
                land, key=lambda c: shared_m(c.polygon, cell.polygon) if c.polygon.distance(cell.polygon) < 1 else 0.0
            )
            cell.home = bank.home


def relative_size(polygon: Polygon) -> float:
    centre = polygon.centroid
    return float(polygon.area / community_side_m(centre.x, centre.y) ** 2)


def joined_shape(polygons: list[Polygon]) -> float:
    """How good a community the polygons would make: compact and not too large."""
    union = shapely.union_all([p.buffer(1) for p in polygons])
    if not isinstance(union, Polygon):
        return -1.0
    return compactness(union) - 0.12 * sum(relative_size(p) for p in polygons)


DISTRICT_SEEDS = (  # number, x, y, head start in metres, bank
    (0, 150, -50, 550, "east"),
    (1, -500, -4600, 250, "east"),
    (2, 4600, 700, 0, "east"),
    (3, 1600, 4500, 650, "east"),
    (4, 3200, -3800, 700, "east"),
    (5, -5200, -2200, 300, "west"),
    (6, -4200, 3300, 0, "west"),
)


def district_of(polygon: Polygon, river: River) -> int:
    """The district a piece of land falls to: the nearest seed on its bank; the island belongs to the south."""
    point = polygon.representative_point()
    if river.island.contains(point):
        return 1
    bank = "west" if river.west.contains(point) else "east"
    near = [
        (math.hypot(point.x - x, point.y - y) - start, n) for n, x, y, start, side in DISTRICT_SEEDS if side == bank
    ]
    return min(near)[1]


def claim_park(cell: Cell) -> None:
    """Turn a cell into the park whose place it contains, once it is small enough."""
    if cell.kind != "land":
        return
    for park in PARKS:
        if cell.polygon.area <= park.most_ha * 10_000 and cell.polygon.contains(Point(park.x, park.y)):
            cell.kind, cell.park = "park", park.name


def lake_in(polygon: Polygon, name: str) -> Polygon:
    """A lake with a wavy shore inside a park."""
    random = dice(f"lake {name}")
    size = math.sqrt(polygon.area)
    core = polygon.buffer(-0.17 * size)
    core = max(parts_of(core), key=lambda p: p.area)
    ring = LineString(core.exterior.coords)
    points: list[Point2] = []
    for k in range(11):
        at = ring.interpolate(k / 11, normalized=True)
        pull = random.uniform(-0.25, 0.3)
        points.append((at.x + (core.centroid.x - at.x) * pull, at.y + (core.centroid.y - at.y) * pull))
    return Polygon(smooth(points, 3, closed=True)).buffer(0).intersection(polygon.buffer(-25))


def park_lakes(terrain: Terrain, park: Park) -> list[Polygon]:
    """The lake of a park in the straight plane; empty when the park found no place."""
    body = shapely.union_all([cell.polygon.buffer(0.3) for cell in terrain.cells if cell.park == park.name])
    return [] if body.is_empty else parts_of(lake_in(max(parts_of(body), key=lambda part: part.area), park.lake))
