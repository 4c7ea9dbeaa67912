"""Components (部件): what stands along streets, in parks and on the river, in runs as a survey would find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import shapely
from shapely import LineString, Point

from tools.yunhe.divisions import Ground, UnitGrid
from tools.yunhe.organisation import subdistrict_office
from tools.yunhe.plane import Point2, dice, to_degrees
from tools.yunhe.skeleton import merge_lines
from tools.yunhe.streets import Street, beside
from tools.yunhe.terrain import PARKS, Terrain, density, park_lakes

COMPONENTS = 20_000
OFFICE = "office"  # the subdistrict office on whose ground it stands


@dataclass(frozen=True)
class Sort:
    """One subclass: its share, who answers for it, where it stands.

    ``spacing_m`` and ``run`` describe a row; ``offset_m`` the distance from the middle of the street (0 = on it);
    ``centre`` how much it prefers the centre; ``place`` is street, road (no small streets), park or river.
    """

    full_code: str
    name: str
    share: float
    in_charge: str
    maintenance: str = ""
    owner: str = ""
    spacing_m: float = 60.0
    run: int = 1
    offset_m: float = 9.0
    centre: float = 0.4
    place: str = "street"


SORTS = (
    Sort("0101", "上水井盖", 900, "water_supply", spacing_m=70, run=4, offset_m=4),
    Sort("0102", "污水井盖", 1500, "drainage", "municipal_works", spacing_m=40, run=6, offset_m=3),
    Sort("0103", "雨水井盖", 1500, "drainage", "municipal_works", spacing_m=40, run=6, offset_m=-3),
    Sort("0104", "雨水箅子", 1300, "drainage", "municipal_works", spacing_m=30, run=6, offset_m=7),
    Sort("0105", "电力井盖", 480, "power_grid", spacing_m=60, run=4, offset_m=8),
    Sort("0106", "路灯井盖", 260, "municipal", "municipal_works", spacing_m=70, run=4, offset_m=9),
    Sort("0107", "通信井盖", 620, "telecom", spacing_m=60, run=4, offset_m=-8),
    Sort("0108", "电视井盖", 90, "radio_tv", spacing_m=60, run=2, offset_m=-8),
    Sort("0109", "网络井盖", 90, "telecom", spacing_m=60, run=2, offset_m=-8),
    Sort("0111", "燃气井盖", 280, "gas_office", spacing_m=80, run=3, offset_m=5),
    Sort("0110", "热力井盖", 40, "heating", spacing_m=80, run=3, offset_m=5, centre=0.9),
    Sort("0118", "化粪池井盖", 160, "sanitation", "clean_works", owner="property_owners", offset_m=25),
    Sort("0123", "不明井盖", 50, OFFICE, offset_m=4),
    Sort("0124", "消防设施", 620, "fire_rescue", "water_supply", spacing_m=110, run=3, offset_m=10, centre=0.5),
    Sort("0127", "通信交接箱", 230, "telecom", offset_m=12),
    Sort("0130", "电力立杆", 350, "power_grid", spacing_m=50, run=6, offset_m=11, centre=-0.6),
    Sort("0131", "通信立杆", 240, "telecom", spacing_m=50, run=5, offset_m=-11, centre=-0.4),
    Sort("0133", "交通立杆", 260, "traffic_police", offset_m=9, place="road"),
    Sort("0137", "路灯", 2500, "municipal", "municipal_works", spacing_m=35, run=14, offset_m=8.5),
    Sort("0139", "景观灯", 200, "municipal", "municipal_works", spacing_m=25, run=6, offset_m=0, place="park"),
    Sort("0142", "邮筒(箱)", 60, "post", offset_m=11, centre=0.8),
    Sort("0146", "健身设施", 150, "sports", OFFICE, offset_m=0, place="park"),
    Sort("0148", "变压器(箱)", 220, "power_grid", offset_m=14),
    Sort("0149", "燃气调压站(箱)", 70, "gas_office", offset_m=16),
    Sort("0150", "监控电子眼", 420, "police", offset_m=10, centre=0.7),
    Sort("0154", "充电站(桩)", 110, "property_owners", "power_grid", spacing_m=6, run=4, offset_m=18),
    Sort("0202", "停车咪表", 90, "parking", spacing_m=12, run=6, offset_m=8, centre=0.95),
    Sort("0204", "公交站亭(牌)", 420, "bus", offset_m=10, place="road"),
    Sort("0209", "跨河桥", 9, "municipal", "municipal_works", offset_m=0, place="bridge"),
    Sort("0212", "路名牌", 640, "civil_affairs", "municipal_works", offset_m=9),
    Sort("0213", "交通标志牌", 900, "traffic_police", offset_m=9, centre=0.3),
    Sort("0214", "交通信号灯", 460, "traffic_police", offset_m=8, place="road", centre=0.5),
    Sort("0217", "交通护栏", 240, "traffic_police", spacing_m=60, run=4, offset_m=0, place="road"),
    Sort("0221", "便道桩", 260, "municipal", "municipal_works", spacing_m=2.5, run=6, offset_m=10, centre=0.8),
    Sort("0225", "非机动车停放点", 160, OFFICE, offset_m=10, centre=0.8),
    Sort("0226", "公共自行车点", 130, "bike", offset_m=11, centre=0.5),
    Sort("0230", "水域标示牌", 60, "water_affairs", offset_m=6, place="river"),
    Sort("0301", "公共厕所", 190, "sanitation", "clean_works", offset_m=20),
    Sort("0304", "垃圾间(楼)", 110, "sanitation", "clean_works", offset_m=24),
    Sort("0305", "垃圾箱", 1500, "sanitation", "clean_works", spacing_m=80, run=5, offset_m=10, centre=0.5),
    Sort("0306", "户外广告", 150, "outdoor_ad", owner="property_owners", offset_m=13, centre=0.7),
    Sort("0308", "宣传栏", 170, OFFICE, offset_m=13),
    Sort("0309", "环保监测站", 8, "ecology", offset_m=30),
    Sort("0310", "气象监测站", 6, "meteorology", offset_m=0, place="park"),
    Sort("0401", "古树名木", 60, "landscaping", "green_works", offset_m=0, place="park"),
    Sort("0402", "行道树", 2500, "landscaping", "green_works", spacing_m=8, run=22, offset_m=-8.0),
    Sort("0404", "护树设施", 110, "landscaping", "green_works", spacing_m=8, run=5, offset_m=-8),
    Sort("0405", "花架花钵", 130, "landscaping", "green_works", spacing_m=15, run=5, offset_m=0, place="road"),
    Sort("0406", "雕塑", 40, "landscaping", "green_works", offset_m=0, place="park"),
    Sort("0407", "街头座椅", 260, "landscaping", "green_works", offset_m=0, place="park"),
    Sort("0502", "工地", 36, "housing_construction", owner="property_owners", offset_m=45, centre=-0.3),
    Sort("0503", "车辆加油(气、电)站", 34, "energy", offset_m=25, place="road"),
    Sort("0505", "港监设施", 12, "maritime", offset_m=10, place="river"),
    Sort("0506", "水域附属设施", 50, "water_affairs", offset_m=4, place="river"),
    Sort("0507", "水域护栏", 120, "water_affairs", spacing_m=50, run=6, offset_m=3, place="river"),
)  # fmt: skip


@dataclass(frozen=True)
class Component:
    code: str
    full_code: str
    name: str
    lon: float
    lat: float
    grid: str
    dept_in_charge: str
    dept_owner: str
    dept_maintenance: str
    state: str
    initial_date: str
    change_date: str
    source: str
    note: str


def draw_components(terrain: Terrain, ground: Ground, streets: list[Street]) -> list[Component]:
    """20,000 components in order of code; serials run per district and subclass."""
    serial: Counter[str] = Counter()
    components = []
    for sort, quota in zip(SORTS, quotas(), strict=True):
        random = dice(f"components {sort.full_code}")
        spots = Spots(terrain, streets, sort, random)
        placed = 0
        seen: set[Point2] = set()
        for spot in spots.endless():
            if placed == quota:
                break
            lon, lat = to_degrees(*spot)
            grid = ground.grid_at(lon, lat)
            if grid is None or (lon, lat) in seen or (grid.kind == "river" and sort.place not in ("river", "bridge")):
                continue
            seen.add((lon, lat))
            placed += 1
            prefix = grid.code[:6] + sort.full_code
            serial[prefix] += 1
            components.append(describe(f"{prefix}{serial[prefix]:06d}", sort, lon, lat, grid, random))
    return sorted(components, key=lambda component: component.code)


def quotas() -> list[int]:
    """Whole numbers in proportion to the shares; they add up to 20,000."""
    total = sum(sort.share for sort in SORTS)
    counts = [max(1, int(sort.share * COMPONENTS / total)) for sort in SORTS]
    largest = max(range(len(SORTS)), key=lambda k: counts[k])
    counts[largest] += COMPONENTS - sum(counts)
    return counts


def bridges_of(terrain: Terrain, streets: list[Street]) -> list[LineString]:
    """The stretches of roads over the water."""
    water = terrain.river.water
    over = [
        part
        for street in streets
        if street.kind in ("road", "motorway") and not street.name.startswith("滨江")
        for part in merge_lines(getattr(street.line.intersection(water), "geoms", [street.line.intersection(water)]))
    ]
    return [part for part in over if part.length > 150]


class Spots:
    """An endless supply of places for one sort of component."""

    def __init__(self, terrain: Terrain, streets: list[Street], sort: Sort, random: Random) -> None:
        self.sort, self.random, self.terrain = sort, random, terrain
        kinds = ("road",) if sort.place == "road" else ("road", "street")
        self.streets = [s for s in streets if s.kind in kinds]
        if sort.place == "river":
            self.streets = [s for s in streets if s.name.startswith("滨江")]
        self.weights = [s.line.length * (1.5 if s.kind == "road" else 1.0) for s in self.streets]
        lakes = shapely.union_all([lake for park in PARKS if park.lake for lake in park_lakes(terrain, park)])
        self.parks = [cell.polygon.difference(lakes) for cell in terrain.cells if cell.kind == "park"]
        self.parks = [shape for shape in self.parks if shape.area > 400]
        self.bridges = bridges_of(terrain, streets)

    def endless(self) -> Iterator[Point2]:
        while True:
            if self.sort.place == "park":
                yield from self.in_park()
            elif self.sort.place == "bridge":
                middle = self.random.choice(self.bridges).interpolate(0.5, normalized=True)
                yield (middle.x + self.random.uniform(-3, 3), middle.y)
            else:
                yield from self.row()

    def in_park(self) -> Iterator[Point2]:
        park = self.random.choice(self.parks)
        left, low, right, high = park.bounds
        spot = Point(self.random.uniform(left, right), self.random.uniform(low, high))
        if park.contains(spot):
            yield spot.x, spot.y

    def row(self) -> Iterator[Point2]:
        """A run of components along a street, sometimes on its other side."""
        street = self.random.choices(self.streets, self.weights)[0]
        start = self.random.uniform(6, max(7.0, street.line.length - 6))
        here = street.line.interpolate(start)
        keen = density(here.x, here.y)
        keep = 1 - self.sort.centre * (1 - keen) if self.sort.centre >= 0 else 1 + self.sort.centre * keen
        if self.random.random() > keep:
            return
        side = self.random.choice((-1, 1))
        wide = 1.5 if street.kind == "road" else 1.0
        for step in range(self.random.randint(max(1, self.sort.run // 2), self.sort.run)):
            along = start + step * self.sort.spacing_m
            if along < street.line.length - 4:
                yield beside(street, along, side * self.sort.offset_m * wide + self.random.uniform(-0.4, 0.4))


def describe(code: str, sort: Sort, lon: float, lat: float, grid: UnitGrid, random: Random) -> Component:
    """The full record: departments, state and survey dates."""
    office = subdistrict_office(grid.code)
    who = [
        office if key == OFFICE else key
        for key in (sort.in_charge, sort.owner or sort.in_charge, sort.maintenance or sort.in_charge)
    ]
    surveyed = date(2023, 3, 1) + timedelta(days=random.randint(0, 240))
    state, changed, note = "完好", "", ""
    if random.random() < 0.03:
        state = random.choice(("破损", "破损", "破损", "丢失"))
        changed = (date(2024, 1, 8) + timedelta(days=random.randint(0, 500))).isoformat()
        note = "巡查发现"
    source = "实测" if random.random() < 0.93 else "地形图"
    return Component(
        code, sort.full_code, sort.name, lon, lat, grid.code, *who, state, surveyed.isoformat(), changed, source, note
    )
