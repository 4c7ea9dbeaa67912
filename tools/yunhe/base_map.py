"""The base map: water, parks, roads and the city's edge as GeoJSON features."""

from __future__ import annotations

from collections.abc import Iterator

import shapely
from shapely import LineString

from tools.yunhe.coverage import unite
from tools.yunhe.divisions import Ground
from tools.yunhe.names import pinyin
from tools.yunhe.plane import bend_line, bend_polygon
from tools.yunhe.streets import Street
from tools.yunhe.terrain import PARKS, Terrain, park_lakes, parts_of

Feature = tuple[dict[str, str], shapely.Geometry]
PARK_WORDS = {
    "森林公园": "Forest Park",
    "湿地公园": "Wetland Park",
    "生态园": "Eco Park",
    "公园": "Park",
    "陵园": "Memorial Park",
    "植物园": "Botanical Garden",
    "动物园": "Zoo",
    "园": "Garden",
}


def park_english(name: str) -> str:
    """锦湖公园 -> Jinhu Park."""
    for ending, word in PARK_WORDS.items():
        if name.endswith(ending):
            stem = name.removesuffix(ending)
            return f"{pinyin(stem)} {word}" if stem else word
    return pinyin(name)


def lake_english(name: str) -> str:
    """锦湖 -> Jinhu Lake, 西洲湖 -> Xizhou Lake, 莲池 -> Lianchi Pond."""
    stem = name.removesuffix("湖") if len(name) > 2 and not name.startswith("小") else name
    return f"{pinyin(stem)} {'Pond' if name.endswith(('池', '塘')) else 'Lake'}"


def draw_base_map(terrain: Terrain, ground: Ground, streets: list[Street]) -> Iterator[Feature]:
    """Features in drawing order: areas first, then lines from small to large."""
    for part in parts_of(terrain.river.water.intersection(terrain.outline).buffer(-20)):
        yield {"kind": "river", "name": "云河", "name_en": "Yunhe River"}, bend_polygon(part.simplify(3), 120)
    for park in PARKS:
        shapes = [grid.shape for grid in ground.grids if grid.park == park.name]
        if not shapes:
            continue
        yield {"kind": "park", "name": park.name, "name_en": park_english(park.name)}, unite(shapes)
        if park.lake:
            for lake in park_lakes(terrain, park):
                yield (
                    {"kind": "lake", "name": park.lake, "name_en": lake_english(park.lake)},
                    bend_polygon(lake.simplify(2), 80),
                )
    rank = ("street", "road", "railway", "motorway")
    for street in sorted(streets, key=lambda street: rank.index(street.kind)):
        line = LineString(bend_line(street.line.simplify(1.5)))
        yield {"kind": street.kind, "name": street.name, "name_en": street.name_en}, line
    edge = unite([d.shape for d in ground.divisions if d.level == "district"])
    yield {"kind": "boundary", "name": "云河市", "name_en": "Yunhe City"}, LineString(edge.exterior.coords)
