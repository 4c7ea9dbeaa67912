"""Coordinate systems named where positions enter or leave: WGS-84, CGCS2000, GCJ-02, BD-09, or any EPSG code.

Inside, everything is WGS-84 longitude, latitude in degrees. Conversions between geodetic systems, and from plane
coordinates such as CGCS2000 / 3-degree Gauss-Krüger zones, are PROJ's (library pyproj). CGCS2000 is taken as equal to
WGS-84: both are realisations of the ITRF, and what lies between them, the drift of the plates since 2000, is less than
about 1 m. GCJ-02 (火星坐标) and BD-09 have no official publication. The formulas here are those in public
use: GCJ-02 as in github.com/googollee/eviltransform, BD-09 as in github.com/wandergis/coordtransform; how close they
come to what the map services do is unverified. Their inverses are iterated until they reproduce the forward formula.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from pyproj.transformer import TransformerGroup

from engine.errors import Invalid

Degrees = NDArray[np.float64]
SEMI_MAJOR_M, ECCENTRICITY_SQUARED = 6_378_245.0, 0.00669342162296594323
"""Krasovsky 1940, on which the GCJ-02 formula computes."""
SHIFTED_BOX = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north: outside, GCJ-02 equals WGS-84. A rough box that includes some of the neighbours."""
BAIDU_ANGLE = np.pi * 3000.0 / 180.0
INVERSE_STEPS = 30
INVERSE_DEGREES = 1e-12
LEAST_ACCURACY_M = 5.0
"""Conversions PROJ calls less accurate are refused."""
CHINA_2000 = "China 2000"
"""EPSG's name of the datum CGCS2000; EPSG has no conversion to WGS-84."""
LOCAL_DATUMS = ("Beijing 1954", "New Beijing", "Xian 1980")
"""EPSG's parameters for these hold for single oil fields, not for the city at hand."""
OWN_PARAMETERS = "bring the file to CGCS2000 with the city's own parameters first"


class Datum(StrEnum):
    """The systems a city's files come in, by the name people write."""

    WGS84 = "WGS-84"
    CGCS2000 = "CGCS2000"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


NAMES = {
    "WGS84": Datum.WGS84, "EPSG4326": Datum.WGS84, "CRS84": Datum.WGS84, "OGCCRS84": Datum.WGS84, "GPS": Datum.WGS84,
    "CGCS2000": Datum.CGCS2000, "EPSG4490": Datum.CGCS2000, "国家2000": Datum.CGCS2000,
    "2000国家大地坐标系": Datum.CGCS2000, "国家2000坐标系": Datum.CGCS2000,
    "GCJ02": Datum.GCJ02, "火星坐标": Datum.GCJ02, "BD09": Datum.BD09, "BD09LL": Datum.BD09, "百度坐标": Datum.BD09,
}  # fmt: skip
GEODETIC = {Datum.WGS84: "EPSG:4326", Datum.CGCS2000: "EPSG:4490"}


@dataclass(frozen=True)
class CoordinateSystem:
    """What the numbers of a position mean. ``crs`` is PROJ's definition, empty for GCJ-02 and BD-09."""

    name: str
    crs: str = ""

    @property
    def degrees(self) -> bool:
        """Whether positions are longitude and latitude rather than metres east and north."""
        return not self.crs or bool(CRS.from_user_input(self.crs).is_geographic)


WGS84 = CoordinateSystem(Datum.WGS84.value, GEODETIC[Datum.WGS84])
CGCS2000 = CoordinateSystem(Datum.CGCS2000.value, GEODETIC[Datum.CGCS2000])
GCJ02 = CoordinateSystem(Datum.GCJ02.value)
BD09 = CoordinateSystem(Datum.BD09.value)
SYSTEMS = {Datum.WGS84: WGS84, Datum.CGCS2000: CGCS2000, Datum.GCJ02: GCJ02, Datum.BD09: BD09}


def system_named(text: str) -> CoordinateSystem:
    """The system of a name (``WGS-84``, ``CGCS2000``, ``GCJ-02``, ``BD-09``), an EPSG code or a file's WKT.

    :raises Invalid: nobody knows the name, it is no system of positions on the ground, or PROJ cannot bring it to
        WGS-84 within 5 m (Beijing 1954 and Xi'an 1980 need the city's own parameters).
    """
    known = NAMES.get(re.sub(r"[\s_:/-]", "", text).upper())
    if known is not None:
        return SYSTEMS[known]
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise Invalid(
            f"there is no coordinate system {text[:80]!r}; name WGS-84, CGCS2000, GCJ-02, BD-09 or an EPSG code"
        ) from error
    crs = CRS(crs.to_2d())
    for datum, code in GEODETIC.items():
        if crs.equals(CRS(code), ignore_axis_order=True):
            return SYSTEMS[datum]
    if not (crs.is_geographic or crs.is_projected):
        raise Invalid(f"{crs.name} is no system of longitude and latitude or of a map plane; name another")
    authority = crs.to_authority(min_confidence=70)
    found = CoordinateSystem(crs.name, ":".join(authority) if authority else crs.to_wkt())
    _proj(found.crs, WGS84.crs)  # refuses what is not accurate enough
    return found


def convert(x: ArrayLike, y: ArrayLike, source: CoordinateSystem, target: CoordinateSystem) -> tuple[Degrees, Degrees]:
    """Positions (longitude, latitude or easting, northing) of one system in another; arrays in, arrays out.

    What is not finite stays so. Out of PROJ's reach becomes infinite.
    """
    east, north = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if source == target:
        return east.copy(), north.copy()
    if source == BD09:
        east, north = bd09_to_gcj02(east, north)
    if source in (BD09, GCJ02) and target not in (BD09, GCJ02):
        east, north = gcj02_to_wgs84(east, north)
    if source not in (BD09, GCJ02):
        east, north = _proj(source.crs, WGS84.crs if target in (BD09, GCJ02) else target.crs)(east, north)
        if target in (BD09, GCJ02):
            east, north = wgs84_to_gcj02(east, north)
    elif target not in (BD09, GCJ02):
        east, north = _proj(WGS84.crs, target.crs)(east, north)
    return gcj02_to_bd09(east, north) if target == BD09 else (east, north)


def convert_geometries(geometries: Any, source: CoordinateSystem, target: CoordinateSystem) -> Any:
    """A shapely geometry, or an array of them, in another system; heights are dropped."""

    def move(positions: Degrees) -> Degrees:
        return np.column_stack(convert(positions[:, 0], positions[:, 1], source, target))

    flat = shapely.force_2d(geometries)
    return flat if source == target else shapely.transform(flat, move)


# The shifts ---------------------------------------------------------------------------------------------------


def wgs84_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """The published forward formula; unchanged outside the box."""
    east, north = _shift(lon, lat)
    inside = _shifted(lon, lat)
    return np.where(inside, lon + east, lon), np.where(inside, lat + north, lat)


def gcj02_to_wgs84(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """The inverse, by iteration to 1e-12 degrees."""
    west, south = lon, lat
    for _ in range(INVERSE_STEPS):
        east, north = _shift(west, south)
        before = west, south
        west, south = lon - east, lat - north
        if _still(before, (west, south)):
            break
    inside = _shifted(lon, lat)
    return np.where(inside, west, lon), np.where(inside, south, lat)


def gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """The published forward formula."""
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * BAIDU_ANGLE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * BAIDU_ANGLE)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def bd09_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """The inverse, by iteration to 1e-12 degrees; the published one is off by up to about 0.2 m."""
    west, south = lon - 0.0065, lat - 0.006
    for _ in range(INVERSE_STEPS):
        back = gcj02_to_bd09(west, south)
        before = west, south
        west, south = west + lon - back[0], south + lat - back[1]
        if _still(before, (west, south)):
            break
    return west, south


def _shift(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Degrees by which GCJ-02 lies east and north of WGS-84."""
    x, y = lon - 105.0, lat - 35.0
    root, pi = np.sqrt(np.abs(x)), np.pi
    common = (20.0 * np.sin(6.0 * x * pi) + 20.0 * np.sin(2.0 * x * pi)) * 2.0 / 3.0
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north_m += (20.0 * np.sin(y * pi) + 40.0 * np.sin(y / 3.0 * pi)) * 2.0 / 3.0
    north_m += (160.0 * np.sin(y / 12.0 * pi) + 320.0 * np.sin(y * pi / 30.0)) * 2.0 / 3.0
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east_m += (20.0 * np.sin(x * pi) + 40.0 * np.sin(x / 3.0 * pi)) * 2.0 / 3.0
    east_m += (150.0 * np.sin(x / 12.0 * pi) + 300.0 * np.sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    flattened = 1.0 - ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / (flattened * np.sqrt(flattened))
    parallel = SEMI_MAJOR_M / np.sqrt(flattened) * np.cos(phi)
    return np.degrees(east_m / parallel), np.degrees(north_m / meridian)


def _shifted(lon: Degrees, lat: Degrees) -> NDArray[np.bool_]:
    west, south, east, north = SHIFTED_BOX
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _still(before: tuple[Degrees, Degrees], after: tuple[Degrees, Degrees]) -> bool:
    moved = np.maximum(np.abs(after[0] - before[0]), np.abs(after[1] - before[1]))
    return not bool(np.any(moved > INVERSE_DEGREES))  # what is not finite never moves


@lru_cache(maxsize=64)
def _proj(source: str, target: str) -> Any:
    """PROJ's best conversion. Raises Invalid when it is not accurate enough."""
    if source == target:
        return lambda x, y: (x, y)
    start, end = CRS(source), CRS(target)
    names = [_datum(start), _datum(end)]
    if any(name in LOCAL_DATUMS for name in names):
        raise Invalid(f"{start.name} to {end.name}: {OWN_PARAMETERS}")
    if CHINA_2000 in names:
        return _through_degrees(start, end)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a better grid is not installed: the accuracy below decides
        best = TransformerGroup(start, end, always_xy=True).transformers[0]
    if not 0 <= best.accuracy <= LEAST_ACCURACY_M:
        how = "unknown accuracy" if best.accuracy < 0 else f"an accuracy of {best.accuracy:g} m"
        raise Invalid(f"PROJ brings {start.name} to {end.name} with {how} only; {OWN_PARAMETERS}")
    return best.transform


def _through_degrees(start: CRS, end: CRS) -> Any:
    """Between map planes and degrees without a change of datum: CGCS2000 is taken as WGS-84."""
    inward = Transformer.from_crs(start, _degrees_of(start), always_xy=True)
    outward = Transformer.from_crs(_degrees_of(end), end, always_xy=True)
    return lambda x, y: outward.transform(*inward.transform(x, y))


def _degrees_of(crs: CRS) -> CRS:
    geodetic = crs.geodetic_crs
    return geodetic if geodetic is not None and _datum(crs) == CHINA_2000 else CRS(WGS84.crs)


def _datum(crs: CRS) -> str:
    datum = crs.geodetic_crs.datum if crs.geodetic_crs is not None else None
    return datum.name if datum is not None else ""
