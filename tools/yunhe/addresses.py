"""Addresses: doors along named streets, place names and points of interest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

from shapely import Point

from tools.yunhe.divisions import Division, Ground, UnitGrid
from tools.yunhe.names import stems
from tools.yunhe.plane import Point2, dice, to_degrees
from tools.yunhe.streets import Street, beside, crossings
from tools.yunhe.terrain import PARKS, Terrain, density

ADDRESSES = 8000
ESTATE_WORDS = ("花园", "小区", "家园", "新村", "公馆", "佳苑", "名邸", "新城")
POINT_WORDS = (  # what it is called, how many, dense centre only
    ("中心小学", 64, 0.25), ("中学", 40, 0.25), ("幼儿园", 90, 0.3), ("医院", 26, 0.4), ("社区卫生服务站", 80, 0.2),
    ("农贸市场", 56, 0.3), ("购物中心", 24, 0.8), ("超市", 120, 0.5), ("派出所", 36, 0.2), ("银行营业厅", 60, 0.7),
    ("宾馆", 54, 0.7), ("大厦", 80, 0.9), ("公交枢纽站", 18, 0.2), ("停车场", 48, 0.5), ("加油站", 30, 0.0),
    ("快递驿站", 40, 0.4), ("书店", 16, 0.8), ("体育馆", 10, 0.3), ("文化馆", 8, 0.6), ("工业园", 14, 0.0),
)  # fmt: skip
LANDMARKS = (
    ("云河市人民政府", -4150, 1000), ("云河火车站", 4650, 350), ("云河东站", 5250, -900), ("云河博物馆", -3900, 700),
    ("云河体育中心", 4600, -650), ("云河大剧院", -3700, 450), ("钟鼓楼", 60, 420), ("文庙", -640, -420),
    ("云河大学", -5100, 1300), ("云河师范学院", 2100, 3300), ("云河市第一人民医院", 700, -350), ("双塔寺", -900, -3600),
    ("云河码头", -2350, -350), ("云河客运总站", 350, -3300), ("云洲灯塔", -2330, -3800), ("人民广场", 90, -60),
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    code: str
    name: str
    kind: str
    lon: float
    lat: float
    grid: str


class Gazetteer:
    """Collects addresses; refuses what lies outside the city, in the water, or has a name already given."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.districts = {d.code: d.name for d in ground.divisions if d.level == "district"}
        self.addresses: list[Address] = []
        self._names: set[str] = set()
        self._serial: Counter[str] = Counter()

    def add(self, name: str, kind: str, at: Point2, in_district: bool = False, dry: bool = True) -> bool:
        """Add an address at a point of the straight plane; False when it cannot be."""
        lon, lat = to_degrees(*at)
        grid: UnitGrid | None = self.ground.grid_at(lon, lat)
        if grid is None or (dry and grid.kind == "river"):
            return False
        district = grid.code[:6]
        full = self.districts[district] + name if in_district else name
        if full in self._names:
            return False
        self._names.add(full)
        self._serial[district] += 1
        self.addresses.append(Address(f"{district}{self._serial[district]:06d}", full, kind, lon, lat, grid.code))
        return True


def draw_addresses(terrain: Terrain, ground: Ground, streets: list[Street]) -> list[Address]:
    """8,000 addresses: landmarks, parks, bridges, estates, points of interest, then doors."""
    book = Gazetteer(ground)
    walkable = [s for s in streets if s.kind in ("road", "street")]
    add_landmarks(book, terrain, streets)
    add_offices(book)
    add_named(book, walkable, dice("points of interest"))
    add_estates(book, walkable, dice("estates"), 620)
    add_doors(book, walkable, dice("doors"))
    return sorted(book.addresses, key=lambda address: address.code)


def add_landmarks(book: Gazetteer, terrain: Terrain, streets: list[Street]) -> None:
    for name, x, y in LANDMARKS:
        book.add(name, "poi", (float(x), float(y)), dry=False)
    for park in PARKS:
        body = [cell.polygon for cell in terrain.cells if cell.park == park.name]
        if body:
            middle = body[len(body) // 2].representative_point()
            book.add(park.name, "place", (middle.x, middle.y))
            if park.lake:
                book.add(park.lake, "place", (middle.x + 20, middle.y + 15))
    for street in streets:
        over = street.line.intersection(terrain.river.water)
        for part in getattr(over, "geoms", [over]):
            if part.length > 150 and street.kind in ("motorway", "road") and not street.name.startswith("滨江"):
                middle = part.interpolate(0.5, normalized=True)
                for suffix in ("大桥", "二桥", "三桥"):
                    stem = (
                        street.name.removesuffix("大道")
                        .removesuffix("快速路")
                        .removesuffix("路")
                        .removesuffix("高速")
                        .removesuffix("桥")
                    )
                    if book.add(stem + suffix, "place", (middle.x, middle.y), dry=False):
                        break
    main = [s for s in streets if s.kind in ("motorway", "road") and s.line.length > 2500]
    for index, street in enumerate(main):
        for other in main[index + 1 :]:
            for at in crossings(street, [other])[:1]:
                book.add(f"{street.name}与{other.name}交叉口", "place", at, dry=False)


def add_offices(book: Gazetteer) -> None:
    """Subdistrict offices and residents' committees, each inside its own area."""
    for division in book.ground.divisions:
        if division.level == "district":
            continue
        name = f"{division.name}办事处" if division.level == "subdistrict" else f"{division.name}居民委员会"
        add_inside(book, division, name)


def add_inside(book: Gazetteer, division: Division, name: str) -> None:
    """Put an office into the dry unit grid of its area that lies nearest the middle."""
    middle = division.shape.representative_point()
    own = [g for g in book.ground.grids if g.code.startswith(division.code) and g.kind != "river"]
    home = min(own, key=lambda g: (g.shape.distance(middle), g.code))
    point = middle if home.shape.contains(middle) else home.shape.representative_point()
    if division.level == "subdistrict":
        point = Point((point.x + home.shape.centroid.x) / 2, (point.y + home.shape.centroid.y) / 2)
        point = point if home.shape.contains(point) else home.shape.representative_point()
    lon, lat = round(point.x, 6), round(point.y, 6)
    grid = book.ground.grid_at(lon, lat) or home
    district = grid.code[:6]
    book._serial[district] += 1
    book._names.add(name)
    book.addresses.append(Address(f"{district}{book._serial[district]:06d}", name, "poi", lon, lat, grid.code))


def pick_spot(streets: list[Street], random: Random, centre_pull: float, offset_m: float) -> Point2:
    """A place beside a street, the more likely in the centre the larger ``centre_pull`` (0 to 1)."""
    while True:
        street = random.choice(streets)
        side = random.choice((-1, 1))
        spot = beside(street, random.uniform(0.05, 0.95) * street.line.length, side * offset_m)
        if random.random() < 1 - centre_pull + centre_pull * density(*spot):
            return spot


def add_named(book: Gazetteer, streets: list[Street], random: Random) -> None:
    total = sum(count for _, count, _ in POINT_WORDS)
    names = iter(stems("points of interest", total))
    for word, count, pull in POINT_WORDS:
        for _ in range(count):
            stem = next(names)
            while not book.add(stem + word, "poi", pick_spot(streets, random, pull, random.uniform(25, 55))):
                pass


def add_estates(book: Gazetteer, streets: list[Street], random: Random, count: int) -> None:
    for stem in stems("estates", count):
        name = stem + random.choice(ESTATE_WORDS)
        while not book.add(name, "place", pick_spot(streets, random, 0.4, random.uniform(40, 75))):
            pass


def add_doors(book: Gazetteer, streets: list[Street], random: Random) -> None:
    """House numbers: odd on the left, even on the right, growing from the start of the street."""
    weights = [s.line.length * (0.35 + density(*s.line.interpolate(0.5, normalized=True).coords[0])) for s in streets]
    ahead = 0
    order = random.choices(range(len(streets)), weights, k=4 * ADDRESSES)
    while len(book.addresses) < ADDRESSES:
        street = streets[order[ahead]]
        ahead += 1
        along = random.uniform(12, street.line.length - 12)
        left = random.random() < 0.5
        number = 2 * int(along // 18) + (1 if left else 2)
        spot = beside(street, along, 17.0 if left else -17.0)
        book.add(f"{street.name}{number}号", "door", spot, in_district=True)
