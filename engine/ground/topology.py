"""How the areas of a layer lie together: overlaps, gaps, slivers, cells across a border, wrong codes, duplicates.

Everything is measured on a plane of metres around the layer, true to 1 % within a city, and told in WGS-84.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any, Literal

import numpy as np
import shapely
from shapely.geometry import mapping

from engine.ground.feature import Feature
from engine.ground.grid_codes import code_fault
from engine.ground.vector_files import Remark

DEGREE_M = 111_320.0
"""Metres of a degree of latitude, and of longitude at the equator; good to 1 % everywhere."""
NOISE_M2 = 5.0
"""Smaller overlaps, gaps and crossings come from coordinates rounded to six digits."""
GAP_M2 = 2_000.0
"""A hole below this is a slip of the pen; a larger one is a lake, a park or an airfield."""
NOISE_WIDTH_M = 0.2
"""Six digits of a degree are 0.1 m."""
SLIVER_WIDTH_M = 2.0
SLIVER_M2 = 50.0
Kind = Literal["overlap", "gap", "sliver", "crossing", "outside", "code", "duplicate", "community", "shape", "value"]


@dataclass(frozen=True)
class TopologyFinding:
    """One fault (``error``) or doubt (``warning``), where it is (WGS-84, None where it is nowhere) and how large."""

    severity: Literal["error", "warning"]
    kind: Kind
    codes: tuple[str, ...]
    message: str
    remedy: str
    geometry: Any = None
    area_m2: float = 0.0

    def to_feature(self) -> dict[str, Any]:
        """As a GeoJSON feature."""
        properties = {
            "severity": self.severity, "kind": self.kind, "codes": ";".join(self.codes), "message": self.message,
            "remedy": self.remedy, "area_m2": round(self.area_m2, 2),
        }  # fmt: skip
        geometry = None if self.geometry is None else mapping(self.geometry)
        return {"type": "Feature", "properties": properties, "geometry": geometry}


@dataclass(frozen=True)
class Border:
    """The communities that grids have to keep to: shape (WGS-84) by code. ``pattern`` is that of the grids' codes."""

    communities: Mapping[str, Any]
    pattern: re.Pattern[str]


class Plane:
    """Metres east and north of a corner, for areas and widths."""

    def __init__(self, shapes: Any) -> None:
        west, south, east, north = shapely.total_bounds(shapes)
        self.origin = np.array([(west + east) / 2, (south + north) / 2])
        self.scale = np.array([DEGREE_M * cos(radians(self.origin[1])), DEGREE_M])

    def metres(self, shapes: Any) -> Any:
        """Shapes on the plane."""
        return shapely.transform(shapes, lambda at: (at - self.origin) * self.scale)

    def degrees(self, shape: Any) -> Any:
        """A shape back in WGS-84."""
        return shapely.transform(shape, lambda at: at / self.scale + self.origin)


def check_topology(
    features: Sequence[Feature], border: Border | None = None, *, cover: bool = True, overlaps: bool = True
) -> list[TopologyFinding]:
    """Every finding of a layer of areas with a ``code`` each, errors first.

    :param border: for unit grids, whose ``community`` and code segments are compared with it.
    :param cover: whether the areas have to lie side by side without gaps; planning units need not.
    :param overlaps: whether they must not overlap; campaign areas may.
    """
    if not features:
        return []
    codes = [str(feature.properties["code"]) for feature in features]
    shapes = np.empty(len(features), dtype=object)
    shapes[:] = [feature.geometry for feature in features]
    plane = Plane(shapes)
    flat = plane.metres(shapes)
    found = [*find_duplicates(codes, shapes), *find_slivers(codes, flat, shapes)]
    if overlaps:
        found += find_overlaps(codes, flat, plane)
    if cover:
        known = border.communities if border else {}
        named = {str(feature.properties.get("community") or "") for feature in features}
        found += find_gaps(flat, plane, [plane.metres(known[code]) for code in sorted(named & known.keys())])
    if border is not None:
        found += find_crossings(features, codes, flat, plane, border)
        found += find_wrong_codes(features, codes, border)
    return sorted(found, key=lambda finding: (finding.severity != "error", finding.kind, finding.codes))


def remarks_found(remarks: Sequence[Remark]) -> list[TopologyFinding]:
    """What reading the file told: faults as errors, repairs as warnings."""
    return [
        TopologyFinding(
            "warning" if remark.repaired else "error", "shape", (), _at(remark.number) + remark.reason, remark.remedy,
            remark.geometry,
        )
        for remark in remarks
    ]  # fmt: skip


def find_duplicates(codes: Sequence[str], shapes: Any) -> Iterator[TopologyFinding]:
    """Codes that stand twice, and the same area under two codes."""
    first: dict[str, int] = {}
    same: dict[bytes, int] = {}
    rounded = shapely.to_wkb(shapely.normalize(shapely.set_precision(shapes, 1e-7, mode="pointwise")))
    for at, (code, content) in enumerate(zip(codes, rounded, strict=True)):
        if code in first:
            told = f"the code {code} belongs to features {first[code] + 1} and {at + 1}"
            yield TopologyFinding("error", "duplicate", (code,), told, "give one of them another code", shapes[at])
        first.setdefault(code, at)
        if content in same and codes[same[content]] != code:
            pair = (codes[same[content]], code)
            told = f"{pair[0]} and {pair[1]} are the same area"
            yield TopologyFinding("error", "duplicate", pair, told, "delete one of them", shapes[at])
        same.setdefault(content, at)


def find_slivers(codes: Sequence[str], flat: Any, shapes: Any) -> Iterator[TopologyFinding]:
    """Areas that nobody drew: a few square metres, or long and thinner than two metres."""
    areas = shapely.area(flat)
    widths = 2 * areas / shapely.length(flat)
    for at in np.flatnonzero((areas < SLIVER_M2) | (widths < SLIVER_WIDTH_M)).tolist():
        told = f"{codes[at]} has {areas[at]:,.1f} m² and is {widths[at]:.1f} m wide on average"
        remedy = "join it to the area beside it"
        yield TopologyFinding("warning", "sliver", (codes[at],), told, remedy, shapes[at], float(areas[at]))


def find_overlaps(codes: Sequence[str], flat: Any, plane: Plane) -> Iterator[TopologyFinding]:
    """Pairs of areas that share ground."""
    one, other = shapely.STRtree(flat).query(flat, predicate="intersects")
    pairs = one < other
    one, other = one[pairs], other[pairs]
    shared = shapely.intersection(flat[one], flat[other])
    areas = shapely.area(shared)
    for at in np.flatnonzero(areas > NOISE_M2).tolist():
        pair = tuple(sorted((codes[one[at]], codes[other[at]])))
        told = f"{pair[0]} and {pair[1]} overlap by {areas[at]:,.0f} m²"
        remedy = "draw their common border once, in both"
        place = plane.degrees(_surface(shared[at]))
        yield TopologyFinding("error", "overlap", pair, told, remedy, place, float(areas[at]))


def find_gaps(flat: Any, plane: Plane, region: Sequence[Any] = ()) -> Iterator[TopologyFinding]:
    """Small pieces that no area covers: holes, and what is left between the areas and the ``region`` they fill."""
    whole = shapely.union_all(flat)
    filled = [shapely.Polygon(part.exterior) for part in shapely.get_parts(whole)]
    holes = shapely.difference(shapely.union_all([*filled, *region]), whole)
    for hole in shapely.get_parts(holes):
        if NOISE_M2 < hole.area < GAP_M2 and 2 * hole.area / hole.length > NOISE_WIDTH_M:
            centre = plane.degrees(hole.representative_point())
            told = f"{hole.area:,.0f} m² at {centre.x:.6f}, {centre.y:.6f} belong to no area"
            remedy = "extend the areas around it"
            yield TopologyFinding("warning", "gap", (), told, remedy, plane.degrees(hole), float(hole.area))


def find_crossings(
    features: Sequence[Feature], codes: Sequence[str], flat: Any, plane: Plane, border: Border
) -> Iterator[TopologyFinding]:
    """Grids that lie partly or wholly outside the community they name."""
    names = [str(feature.properties.get("community") or "") for feature in features]
    known = {code: plane.metres(shape) for code, shape in border.communities.items() if code in set(names)}
    for shape in known.values():
        shapely.prepare(shape)
    for code, community, shape in zip(codes, names, flat, strict=True):
        if community not in known:
            told = f"{code} names the community {community!r}, which does not exist"
            yield TopologyFinding("error", "community", (code,), told, "correct it or import the divisions first")
            continue
        if known[community].covers(shape):
            continue
        beyond = shapely.difference(shape, known[community])
        if beyond.area <= NOISE_M2:
            continue
        whole = beyond.area > shape.area - NOISE_M2
        how = "lies outside" if whole else f"crosses the border of, by {beyond.area:,.0f} m²,"
        yield TopologyFinding(
            "error", "outside" if whole else "crossing", (code, community), f"{code} {how} its community {community}",
            "name the community it lies in" if whole else "divide it along the border",
            plane.degrees(_surface(beyond)), float(beyond.area),
        )  # fmt: skip


def find_wrong_codes(features: Sequence[Feature], codes: Sequence[str], border: Border) -> Iterator[TopologyFinding]:
    """Codes against the city's pattern and the segments of their community."""
    for feature, code in zip(features, codes, strict=True):
        fault = code_fault(code, str(feature.properties.get("community") or ""), border.pattern)
        if fault:
            remedy = "correct the code, or the pattern in city.toml"
            yield TopologyFinding("error", "code", (code,), f"{code}: {fault}", remedy, feature.geometry)


def to_collection(findings: Sequence[TopologyFinding]) -> dict[str, Any]:
    """All findings as a GeoJSON FeatureCollection."""
    return {"type": "FeatureCollection", "features": [finding.to_feature() for finding in findings]}


def _surface(shape: Any) -> Any:
    """The polygons of an intersection, without the lines and points where areas only touch."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _at(number: int) -> str:
    return f"feature {number}: " if number else ""
