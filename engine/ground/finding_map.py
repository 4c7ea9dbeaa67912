"""A small map of a topology finding as SVG: what is wrong in red, the areas around it with their codes."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import shapely

from engine.ground.feature import Feature
from engine.ground.topology import TopologyFinding

SIDE_PX = 360
MARGIN = 0.6
"""Of the finding's own size, on each side; at least 60 m."""
LEAST_DEGREES = 60 / 111_320
MOST_AREAS = 60
ROUND_PX = 1


def draw_finding(finding: TopologyFinding, features: Sequence[Feature], tree: shapely.STRtree) -> str | None:
    """An SVG of 360 × 360 pixels, north up; None where a finding has no place. ``tree`` is over the features."""
    if finding.geometry is None or finding.geometry.is_empty:
        return None
    west, south, east, north = finding.geometry.bounds
    stretch = cos(radians((south + north) / 2))
    half = max((east - west) * stretch, north - south, LEAST_DEGREES) * (0.5 + MARGIN)
    middle = np.array([(west + east) / 2, (south + north) / 2])
    window = shapely.box(middle[0] - half / stretch, middle[1] - half, middle[0] + half / stretch, middle[1] + half)
    corner, pixels = np.array([window.bounds[0], window.bounds[3]]), SIDE_PX / (2 * half)

    def place(at: Any) -> Any:
        return np.round((at - corner) * np.array([stretch, -1]) * pixels, ROUND_PX)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE_PX} {SIDE_PX}" width="{SIDE_PX}"'
        f' height="{SIDE_PX}" role="img">',
        f"<title>{escape(finding.message)}</title>",
        f'<rect width="{SIDE_PX}" height="{SIDE_PX}" fill="#fff"/>',
    ]
    labels: list[str] = []
    for at in sorted(tree.query(window, predicate="intersects").tolist())[:MOST_AREAS]:
        seen = shapely.intersection(features[at].geometry, window)
        if seen.is_empty or seen.area == 0:
            continue
        lines.append(f'<path d="{_path(seen, place)}" fill="#e8eef4" fill-opacity=".6" stroke="#5b6b7a"/>')
        label = place(shapely.get_coordinates(seen.representative_point()))[0]
        code = escape(str(features[at].properties["code"]))
        labels.append(f'<text x="{label[0]}" y="{label[1]}" font-size="9" text-anchor="middle">{code}</text>')
    lines.append(f'<path d="{_path(finding.geometry, place)}" fill="#d63939" fill-opacity=".55" stroke="#a01f1f"/>')
    return "\n".join([*lines, *labels, "</svg>\n"])


def _path(shape: Any, place: Any) -> str:
    rings: list[str] = []
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon":
            continue
        for ring in (part.exterior, *part.interiors):
            points = place(shapely.get_coordinates(ring))
            rings.append("M" + "L".join(f"{x:g},{y:g}" for x, y in points[:-1]) + "Z")
    return "".join(rings)
