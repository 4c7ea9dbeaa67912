"""Districts, subdistricts, communities, duty grids and the codes of everything on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import shapely
from shapely import Polygon

from tools.yunhe.coverage import node_cells, unite
from tools.yunhe.grouping import group, mend, shares
from tools.yunhe.names import DISTRICTS, SUBDISTRICTS, community_names, pinyin
from tools.yunhe.plane import METRES_PER_DEGREE, ORIGIN_LAT, Point2
from tools.yunhe.subdivision import neighbours
from tools.yunhe.terrain import Terrain, density, district_of

DUTY_GRIDS = 117
CITY_CODE = "990000"


@dataclass(frozen=True)
class Division:
    code: str
    level: str
    name: str
    name_en: str
    parent: str
    shape: shapely.Geometry


@dataclass(frozen=True)
class UnitGrid:
    code: str
    community: str
    duty_grid: str
    area_class: str
    kind: str
    park: str
    shape: Polygon
    density: float


@dataclass(frozen=True)
class DutyGrid:
    code: str
    name: str
    name_en: str
    subdistrict: str
    shape: shapely.Geometry


@dataclass(frozen=True)
class Ground:
    """The coded ground of the city, and an index from a point to its unit grid."""

    divisions: list[Division]
    grids: list[UnitGrid]
    duty_grids: list[DutyGrid]
    tree: shapely.STRtree

    def grid_at(self, lon: float, lat: float) -> UnitGrid | None:
        """The unit grid that contains the point (on an edge: the one with the lowest code), or None outside."""
        hits = sorted(int(k) for k in self.tree.query(shapely.Point(lon, lat), predicate="intersects"))
        return self.grids[hits[0]] if hits else None


@dataclass
class Community:
    """One community while it is being placed."""

    number: int
    cells: list[int]
    middle: Point2
    area_km2: float
    density: float
    district: int
    subdistrict: int = -1
    duty: int = -1


def build_ground(terrain: Terrain) -> Ground:
    """Group the communities, give the codes, and dissolve the grids into divisions and duty grids."""
    shapes = node_cells(terrain.cells)
    communities = gather_communities(terrain)
    adjacency = neighbours([_outline(terrain, c) for c in communities], 60.0)
    settle_districts(communities, adjacency)
    subdistricts = place_subdistricts(communities, adjacency)
    duties = place_duty_grids(communities, adjacency, len(subdistricts))
    return _code(terrain, shapes, communities, subdistricts, duties)


def _outline(terrain: Terrain, community: Community) -> Polygon:
    union = shapely.union_all([terrain.cells[k].polygon.buffer(0.4) for k in community.cells])
    return union if isinstance(union, Polygon) else max(union.geoms, key=lambda part: part.area)


def gather_communities(terrain: Terrain) -> list[Community]:
    """The cells of each community with its size, and the district of its middle."""
    communities = []
    for number in range(terrain.communities):
        cells = [k for k, cell in enumerate(terrain.cells) if cell.home == number]
        land = [k for k in cells if terrain.cells[k].kind != "river"]
        area = sum(terrain.cells[k].polygon.area for k in land)
        middle = shapely.union_all([terrain.cells[k].polygon for k in land]).representative_point()
        nearest = min(land, key=lambda k: terrain.cells[k].polygon.distance(middle))
        district = district_of(terrain.cells[nearest].polygon, terrain.river)
        communities.append(
            Community(number, cells, (middle.x, middle.y), area / 1e6, density(middle.x, middle.y), district)
        )
    return communities


def settle_districts(communities: list[Community], adjacency: list[dict[int, float]]) -> None:
    """Make every district one piece."""
    members = [c.number for c in communities]
    for district, numbers in enumerate(mend(members, [c.district for c in communities], len(DISTRICTS), adjacency)):
        for number in numbers:
            communities[number].district = district


def place_subdistricts(communities: list[Community], adjacency: list[dict[int, float]]) -> list[list[int]]:
    """Subdistricts of about equal weight; each list holds community numbers, in order of district."""
    at = [c.middle for c in communities]
    load = [c.area_km2 * (0.6 + 1.6 * c.density) for c in communities]
    placed: list[list[int]] = []
    for district in range(len(DISTRICTS)):
        members = [c.number for c in communities if c.district == district]
        groups = group(members, len(SUBDISTRICTS[district]), at, load, adjacency)
        for numbers in north_to_south(groups, at, 1500):
            for number in numbers:
                communities[number].subdistrict = len(placed)
            placed.append(numbers)
    return placed


def place_duty_grids(
    communities: list[Community], adjacency: list[dict[int, float]], subdistricts: int
) -> list[list[int]]:
    """117 duty grids: whole communities of one subdistrict, about 1 km² in the centre."""
    at = [c.middle for c in communities]
    load = [c.area_km2 * (0.7 + 0.5 * c.density) for c in communities]
    members = [[c.number for c in communities if c.subdistrict == s] for s in range(subdistricts)]
    counts = shares([sum(load[m] for m in ms) for ms in members], DUTY_GRIDS, [len(ms) for ms in members])
    placed: list[list[int]] = []
    for own, count in zip(members, counts, strict=True):
        for numbers in north_to_south(group(own, count, at, load, adjacency), at, 700):
            for number in numbers:
                communities[number].duty = len(placed)
            placed.append(numbers)
    return placed


def north_to_south(groups: list[list[int]], at: list[Point2], band_m: float) -> list[list[int]]:
    """Groups in reading order: rows from north to south, west to east inside a row."""

    def place(numbers: list[int]) -> tuple[float, float]:
        x = sum(at[n][0] for n in numbers) / len(numbers)
        y = sum(at[n][1] for n in numbers) / len(numbers)
        return -math.floor(y / band_m), x

    return sorted(groups, key=place)


def in_reading_order(shapes: list[Polygon], indices: list[int]) -> list[int]:
    """Grid indices numbered west to east in rows from north to south; a row is about one grid high."""
    height = math.sqrt(sum(shapes[k].area for k in indices) / len(indices))
    top = max(shapes[k].centroid.y for k in indices)
    return sorted(indices, key=lambda k: (round((top - shapes[k].centroid.y) / height), shapes[k].centroid.x))


def area_class_of(community: Community) -> str:
    """A: busiest, C: outskirts; it decides which of three limits applies."""
    return "A" if community.density > 0.62 else "B" if community.density > 0.1 else "C"


def _code(
    terrain: Terrain,
    shapes: list[Polygon],
    communities: list[Community],
    subdistricts: list[list[int]],
    duties: list[list[int]],
) -> Ground:
    divisions: list[Division] = []
    grids: list[UnitGrid] = []
    community_code: dict[int, str] = {}
    subdistrict_code: dict[int, str] = {}
    duty_code, duty_serials = {}, dict.fromkeys(range(len(subdistricts)), 0)
    names = community_names(len(communities))
    for duty, numbers in enumerate(duties):
        home = communities[numbers[0]].subdistrict
        duty_serials[home] += 1
        duty_code[duty] = (home, duty_serials[home])
    for district, (name, name_en) in enumerate(DISTRICTS):
        code = f"{int(CITY_CODE) + 2 + district:06d}"
        own = [s for s, numbers in enumerate(subdistricts) if communities[numbers[0]].district == district]
        cells = [k for c in communities if c.district == district for k in c.cells]
        divisions.append(Division(code, "district", name, name_en, CITY_CODE, unite([shapes[k] for k in cells])))
        for serial, (s, sub_name) in enumerate(zip(own, SUBDISTRICTS[district], strict=True), 1):
            sub_code = subdistrict_code[s] = f"{code}{serial:03d}"
            cells = [k for n in subdistricts[s] for k in communities[n].cells]
            shape = unite([shapes[k] for k in cells])
            divisions.append(
                Division(sub_code, "subdistrict", sub_name + "街道", f"{pinyin(sub_name)} Subdistrict", code, shape)
            )
            at = [c.middle for c in communities]
            for place, [n] in enumerate(north_to_south([[n] for n in subdistricts[s]], at, 700), 1):
                community = communities[n]
                com_code = community_code[n] = f"{sub_code}{place:03d}"
                com_name = names.pop(0)
                shape = unite([shapes[k] for k in community.cells])
                divisions.append(
                    Division(com_code, "community", com_name + "社区", f"{pinyin(com_name)} Community", sub_code, shape)
                )
    for n in range(len(communities)):
        community = communities[n]
        home, duty_serial = duty_code[community.duty]
        for serial, k in enumerate(in_reading_order(shapes, community.cells), 1):
            cell = terrain.cells[k]
            middle = cell.polygon.centroid
            grids.append(
                UnitGrid(
                    f"{community_code[n]}{serial:03d}", community_code[n], f"{subdistrict_code[home]}{duty_serial:02d}",
                    area_class_of(community), cell.kind, cell.park, shapes[k], density(middle.x, middle.y),
                )
            )  # fmt: skip
    grids.sort(key=lambda grid: grid.code)
    duty_grids = []
    sub_names = {d.code: d for d in divisions if d.level == "subdistrict"}
    for home, serial in sorted(duty_code.values(), key=lambda v: (subdistrict_code[v[0]], v[1])):
        code = f"{subdistrict_code[home]}{serial:02d}"
        sub = sub_names[subdistrict_code[home]]
        short, short_en = sub.name.removesuffix("街道"), sub.name_en.removesuffix(" Subdistrict")
        shape = unite([g.shape for g in grids if g.duty_grid == code])
        duty_grids.append(
            DutyGrid(code, f"{short}第{serial}责任网格", f"{short_en} Duty Grid {serial}", sub.code, shape)
        )
    return Ground(divisions, grids, duty_grids, shapely.STRtree([grid.shape for grid in grids]))


def square_metres(shape: shapely.Geometry) -> float:
    """Area of a shape given in degrees, good to about 0.1 % inside the city."""
    return float(shape.area * METRES_PER_DEGREE**2 * math.cos(math.radians(ORIGIN_LAT)))
