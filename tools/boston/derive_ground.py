"""Derive Boston's ground from where requests came from: coarse, but whole and without holes.

    python -m tools.boston.derive_ground REQUESTS.csv.gz cities/boston

The city is laid out in cells; a cell belongs to the neighborhood most of its requests name. Districts are the
neighborhoods, subdistricts their wards, communities the postal areas in a ward; a duty grid covers a subdistrict.
Only sums leave this script: no request's own point is written.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely import unary_union
from shapely.geometry import box, mapping

from tools.boston.rows import Request, read_requests

CELL_LON, CELL_LAT = 0.004, 0.003
"""About 330 m by 330 m at Boston's latitude."""
CITY = "980000"
BUSY, LIVELY = 120, 40
"""Requests per cell from which it is of area class A, and of B."""
SMALL = 4
"""A community of fewer cells joins the largest of its subdistrict."""
PLACEHOLDER_SHARE = 0.02
"""A coordinate that more than this share of all requests name is the city hall, put where no place was known."""
SAME = {
    "Allston": "Allston / Brighton",
    "Brighton": "Allston / Brighton",
    "Mattapan": "Greater Mattapan",
    "South Boston": "South Boston / South Boston Waterfront",
}
NOWHERE = {"", "Boston", "Chestnut Hill"}

Cell = tuple[int, int]


@dataclass(frozen=True)
class Home:
    """Where a cell belongs."""

    district: str
    ward: str
    zip_code: str


def lay_out(requests: Sequence[Request]) -> tuple[dict[Cell, Home], Counter[Cell]]:
    """Cells with their home, gaps closed, and how many requests each had."""
    votes: dict[Cell, list[Counter[str]]] = defaultdict(lambda: [Counter(), Counter(), Counter()])
    count: Counter[Cell] = Counter()
    points = Counter((r.lon, r.lat) for r in requests)
    placeholders = {point for point, n in points.items() if n > PLACEHOLDER_SHARE * len(requests)}
    for request in requests:
        name = SAME.get(request.neighborhood, request.neighborhood)
        if name in NOWHERE or (request.lon, request.lat) in placeholders:
            continue
        cell = _cell(request.lon, request.lat)
        count[cell] += 1
        for votes_of, value in zip(votes[cell], (name, request.ward, request.zip_code), strict=True):
            votes_of[value] += bool(value)
    homes = {cell: Home(*(_most(v, "0") for v in kinds)) for cell, kinds in votes.items() if count[cell] >= 2}
    return _without_specks(_close_gaps(homes)), count


def _cell(lon: float, lat: float) -> Cell:
    return round(lon / CELL_LON), round(lat / CELL_LAT)


def _most(votes: Counter[str], otherwise: str) -> str:
    return max(sorted(votes), key=lambda value: votes[value], default=otherwise)


def _around(cell: Cell) -> list[Cell]:
    return [(cell[0] + dx, cell[1] + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]


def _close_gaps(homes: dict[Cell, Home]) -> dict[Cell, Home]:
    """Parks and ponds have no requests: a cell mostly surrounded by city is city."""
    for _ in range(3):
        empty = {near for cell in homes for near in _around(cell)} - homes.keys()
        found = {cell: [homes[near] for near in _around(cell) if near in homes] for cell in sorted(empty)}
        homes = homes | {cell: _common(near) for cell, near in found.items() if len(near) >= 5}
    return homes


def _without_specks(homes: dict[Cell, Home]) -> dict[Cell, Home]:
    """A cell none of whose neighbours shares its district takes the district around it; one alone is dropped."""
    kept: dict[Cell, Home] = {}
    for cell, home in sorted(homes.items()):
        near = [homes[c] for c in _around(cell) if c in homes]
        if len(near) >= 2:
            kept[cell] = home if any(n.district == home.district for n in near) else _common(near)
    return kept


def _common(homes: Iterable[Home]) -> Home:
    counted = Counter(homes)
    return max(sorted(counted, key=lambda h: (h.district, h.ward, h.zip_code)), key=lambda home: counted[home])


def name_codes(homes: Mapping[Cell, Home]) -> tuple[dict[Cell, tuple[str, str, str]], dict[str, str]]:
    """District, subdistrict and community code of every cell, and the names of the codes."""
    codes: dict[Cell, tuple[str, str, str]] = {}
    names: dict[str, str] = {}
    for number, district in enumerate(sorted({home.district for home in homes.values()}), start=1):
        district_code = f"{CITY[:2]}{number:04}"
        names[district_code] = district
        wards = _merge_small({cell: home.ward for cell, home in homes.items() if home.district == district})
        for serial, ward in enumerate(sorted(set(wards.values()), key=lambda w: w.zfill(3)), start=1):
            ward_code = f"{district_code}{serial:03}"
            names[ward_code] = f"{district}, Ward {ward}"
            areas = _merge_small({cell: homes[cell].zip_code for cell, w in wards.items() if w == ward})
            for part, zip_code in enumerate(sorted(set(areas.values())), start=1):
                names[f"{ward_code}{part:03}"] = f"{district}, Ward {ward}, {zip_code}"
                codes |= {
                    c: (district_code, ward_code, f"{ward_code}{part:03}") for c, z in areas.items() if z == zip_code
                }
    return codes, names


def _merge_small(values: Mapping[Cell, str]) -> dict[Cell, str]:
    """Values of fewer than ``SMALL`` cells, and unknown ones, join the most frequent."""
    counted = Counter(value for value in values.values() if value != "0")
    largest = max(sorted(counted), key=lambda value: counted[value], default="0")
    return {cell: value if counted[value] >= SMALL else largest for cell, value in values.items()}


def write_ground(homes: Mapping[Cell, Home], count: Counter[Cell], root: Path) -> None:
    """Write divisions, unit grids, duty grids and the base map."""
    codes, names = name_codes(homes)
    shapes = {
        c: box((c[0] - 0.5) * CELL_LON, (c[1] - 0.5) * CELL_LAT, (c[0] + 0.5) * CELL_LON, (c[1] + 0.5) * CELL_LAT)
        for c in homes
    }
    cells_of: dict[str, list[Cell]] = defaultdict(list)
    for cell, levels in sorted(codes.items(), key=lambda item: (-item[0][1], item[0][0])):
        for code in levels:
            cells_of[code].append(cell)
    divisions, grids, duties = [], [], []
    for code in sorted(cells_of):
        level, parent = {6: ("district", CITY), 9: ("subdistrict", code[:6]), 12: ("community", code[:9])}[len(code)]
        outline = unary_union([shapes[cell] for cell in cells_of[code]])
        divisions.append(
            _feature(outline, code=code, level=level, name=names[code], name_en=names[code], parent=parent)
        )
        if level == "subdistrict":
            duties.append(_feature(outline, code=f"{code}01", name=names[code], subdistrict=code))
        if level == "community":
            for serial, cell in enumerate(cells_of[code], start=1):
                area = "A" if count[cell] >= BUSY else "B" if count[cell] >= LIVELY else "C"
                grids.append(
                    _feature(
                        shapes[cell],
                        code=f"{code}{serial:03}",
                        community=code,
                        duty_grid=f"{code[:9]}01",
                        area_class=area,
                    )
                )
    city = unary_union(list(shapes.values()))
    _write(root / "divisions.geojson", divisions)
    _write(root / "unit_grids.geojson", grids)
    _write(root / "duty_grids.geojson", duties)
    _write(root / "base_map.geojson", [_feature(city, kind="boundary", name="Boston")])
    print(f"{len(divisions)} divisions, {len(grids)} unit grids, {len(duties)} duty grids")


def _feature(shape: Any, **properties: str) -> dict[str, Any]:
    geometry = mapping(shape)
    geometry = {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float):
        return round(coordinates, 5)
    return [_rounded(part) for part in coordinates]


def _write(path: Path, features: list[dict[str, Any]]) -> None:
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    path.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    found, counted = lay_out(list(read_requests(Path(sys.argv[1]))))
    write_ground(found, counted, Path(sys.argv[2]) / "ground")
