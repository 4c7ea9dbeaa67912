"""``python -m tools.yunhe.draw out.png [lon lat half_width_m]``: look at the written pack as a picture."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from tools.yunhe.plane import METRES_PER_DEGREE, ORIGIN_LAT, ORIGIN_LON, Point2

PACK = Path("cities/yunhe/ground")
SIZE = 1500
FILLS = {"river": "#9cc8e8", "lake": "#9cc8e8", "park": "#b9dca6"}
LINES = {
    "street": ("#ffffff", 7),
    "road": ("#ffe29a", 14),
    "railway": ("#555555", 4),
    "motorway": ("#f0a050", 24),
    "boundary": ("#7a6a9a", 8),
}
DISTRICT_TINTS = ("#f6efe6", "#eff3e6", "#f3ecf2", "#e9f1f1", "#f7f1dc", "#eef0f7", "#f4ece8")


def rings(geometry: dict[str, Any]) -> Iterator[list[Point2]]:
    """Every ring or line of a GeoJSON geometry."""
    coordinates = geometry["coordinates"]
    if geometry["type"] == "LineString":
        yield coordinates
    elif geometry["type"] in ("Polygon", "MultiLineString"):
        yield from coordinates
    else:
        for part in coordinates:
            yield from part


def features(name: str) -> list[dict[str, Any]]:
    return list(json.loads((PACK / name).read_text(encoding="utf-8"))["features"])


def draw(path: str, lon: float, lat: float, half_m: float) -> None:
    """Base map, grid lines, borders of communities and duty grids; components when near enough."""
    image = Image.new("RGB", (SIZE, SIZE), "#fbfaf7")
    brush = ImageDraw.Draw(image)
    scale = SIZE / (2 * half_m)
    squeeze = math.cos(math.radians(ORIGIN_LAT)) * METRES_PER_DEGREE

    def pixel(point: Point2) -> Point2:
        return (point[0] - lon) * squeeze * scale + SIZE / 2, SIZE / 2 - (point[1] - lat) * METRES_PER_DEGREE * scale

    draw_areas(brush, pixel)
    for feature in features("unit_grids.geojson"):
        for ring in rings(feature["geometry"]):
            brush.line([pixel(p) for p in ring], fill="#d5cdc0", width=1)
    draw_lines(brush, pixel, scale)
    for feature in features("duty_grids.geojson"):
        for ring in rings(feature["geometry"]):
            brush.line([pixel(p) for p in ring], fill="#c0507a", width=1 if half_m > 4000 else 2)
    if half_m < 1500:
        with (PACK / "components.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                x, y = pixel((float(row["lon"]), float(row["lat"])))
                tint = {"01": "#d04030", "02": "#3050c0", "03": "#9030a0", "04": "#209040"}.get(
                    row["full_code"][:2], "#000000"
                )
                brush.ellipse((x - 2, y - 2, x + 2, y + 2), fill=tint)
    image.save(path)


def draw_areas(brush: ImageDraw.ImageDraw, pixel: Callable[[Point2], Point2]) -> None:
    districts = [f for f in features("divisions.geojson") if f["properties"]["level"] == "district"]
    for tint, feature in zip(DISTRICT_TINTS, districts, strict=True):
        for ring in rings(feature["geometry"]):
            brush.polygon([pixel(p) for p in ring], fill=tint)
    for feature in features("base_map.geojson"):
        if feature["properties"]["kind"] in FILLS:
            for index, ring in enumerate(rings(feature["geometry"])):
                brush.polygon(
                    [pixel(p) for p in ring],
                    fill=FILLS[feature["properties"]["kind"]] if index == 0 else DISTRICT_TINTS[1],
                )


def draw_lines(brush: ImageDraw.ImageDraw, pixel: Callable[[Point2], Point2], scale: float) -> None:
    for feature in features("base_map.geojson"):
        kind = feature["properties"]["kind"]
        if kind in LINES:
            colour, width_m = LINES[kind]
            width = max(1 if kind == "street" else 2, round(width_m * scale))
            for ring in rings(feature["geometry"]):
                points = [pixel(p) for p in ring]
                brush.line(points, fill="#b8ad98", width=width + 2, joint="curve")
                brush.line(points, fill=colour, width=width, joint="curve")


if __name__ == "__main__":
    lon, lat, half_m = (
        (float(a) for a in sys.argv[2:5]) if len(sys.argv) > 4 else (ORIGIN_LON - 0.0035, ORIGIN_LAT, 8200.0)
    )
    draw(sys.argv[1], lon, lat, half_m)
