"""Coordinate systems: published control values, and there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon

from engine.errors import Invalid
from engine.ground.datums import (
    BD09,
    CGCS2000,
    GCJ02,
    WGS84,
    CoordinateSystem,
    convert,
    convert_geometries,
    system_named,
)

CM_120 = "EPSG:4549"
"""CGCS2000 / 3-degree Gauss-Krüger CM 120E."""
LON, LAT = st.floats(74, 135), st.floats(3, 53)

# WGS-84, GCJ-02: the tests of googollee/eviltransform (Shanghai, Shenzhen, Beijing) and of wandergis/coordtransform
SHIFTS = (
    (121.5272106, 31.1774276, 121.531541859215, 31.17530398364597),
    (113.912316, 22.543847, 113.9171764808363, 22.540796131694766),
    (116.377817, 39.911954, 116.38404722455657, 39.91334545536069),
    (116.404, 39.915, 116.41024449916938, 39.91640428150164),
)


def at(lon: float, lat: float, source: CoordinateSystem, target: CoordinateSystem) -> tuple[float, float]:
    x, y = convert([lon], [lat], source, target)
    return float(x[0]), float(y[0])


@pytest.mark.parametrize("case", SHIFTS)
def test_gcj02_meets_the_published_control_values(case: tuple[float, float, float, float]) -> None:
    assert at(*case[:2], WGS84, GCJ02) == pytest.approx(case[2:], abs=1e-9)
    assert at(*case[2:], GCJ02, WGS84) == pytest.approx(case[:2], abs=1e-9)


def test_bd09_meets_the_published_control_values() -> None:
    # wandergis/coordtransform; its inverse is approximate, so 2e-6 degrees
    assert at(116.404, 39.915, GCJ02, BD09) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-11)
    assert at(116.404, 39.915, BD09, GCJ02) == pytest.approx((116.39762729119315, 39.90865673957631), abs=2e-6)
    assert at(121.531541859215, 31.17530398364597, GCJ02, BD09) == pytest.approx(
        (121.53801568643858, 31.181328606874466), abs=1e-9
    )


@given(LON, LAT)
def test_every_shift_can_be_undone_to_less_than_a_millimetre(lon: float, lat: float) -> None:
    for system in (GCJ02, BD09, CGCS2000):
        assert at(*at(lon, lat, WGS84, system), system, WGS84) == pytest.approx((lon, lat), abs=1e-9)
    assert at(*at(lon, lat, GCJ02, BD09), BD09, GCJ02) == pytest.approx((lon, lat), abs=1e-9)


def test_the_shift_is_some_hundred_metres_inside_and_nothing_in_boston() -> None:
    east, north = at(116.4, 28.3, WGS84, GCJ02)
    assert 100 < np.hypot((east - 116.4) * 98_000, (north - 28.3) * 111_000) < 1_000
    assert at(-71.06, 42.36, WGS84, GCJ02) == (-71.06, 42.36)
    assert at(-71.06, 42.36, GCJ02, WGS84) == (-71.06, 42.36)


def test_a_gauss_kruger_zone_has_the_meridian_quadrant_of_the_ellipsoid() -> None:
    """10 001 965.7293 m, Moritz, Geodetic Reference System 1980; CGCS2000 has the same axis and flattening."""
    assert at(120, 90, CGCS2000, system_named(CM_120)) == pytest.approx((500_000, 10_001_965.7293), abs=1e-3)


def test_plane_coordinates_come_back_and_reach_the_shifted_systems() -> None:
    plane = system_named(CM_120)
    assert not plane.degrees
    east, north = at(120.5, 30.25, WGS84, plane)
    assert (east, north) == pytest.approx((548_135, 3_348_100), abs=500)
    assert at(east, north, plane, WGS84) == pytest.approx((120.5, 30.25), abs=1e-9)
    for system in (GCJ02, BD09):
        assert at(*at(east, north, plane, system), system, plane) == pytest.approx((east, north), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wgs84", "WGS-84"), ("WGS 84", "WGS-84"), ("EPSG:4326", "WGS-84"), ("OGC:CRS84", "WGS-84"),
        ("国家2000坐标系", "CGCS2000"), ("epsg:4490", "CGCS2000"), ("GCJ02", "GCJ-02"), ("火星坐标", "GCJ-02"),
        ("bd-09", "BD-09"), ("EPSG:4549", "CGCS2000 / 3-degree Gauss-Kruger CM 120E"),
    ],
)  # fmt: skip
def test_systems_are_known_by_the_names_people_write(text: str, name: str) -> None:
    assert system_named(text).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Mars", "name WGS-84, CGCS2000, GCJ-02, BD-09 or an EPSG code"),
        ("EPSG:4214", "the city's own parameters"),  # Beijing 1954
        ("EPSG:5773", "no system of longitude and latitude"),  # heights alone
    ],
)
def test_a_system_that_cannot_be_used_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        system_named(text)


def test_geometries_lose_their_heights_and_keep_their_kind() -> None:
    moved = convert_geometries(
        np.array([Point(116.404, 39.915, 7), Polygon([(116, 28), (117, 28), (117, 29)])]), WGS84, GCJ02
    )
    assert [each.geom_type for each in moved] == ["Point", "Polygon"]
    assert (moved[0].x, moved[0].y) == pytest.approx(SHIFTS[3][2:], abs=1e-9)
    assert not moved[0].has_z


def test_what_is_not_finite_stays_so() -> None:
    x, _ = convert([float("nan"), 116.404], [39.915, 39.915], BD09, WGS84)
    assert np.isnan(x[0]) and np.isfinite(x[1])
