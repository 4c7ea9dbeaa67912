"""The city pack of 云河市 as it lies in its folder: read file by file, without any of our code."""

from __future__ import annotations

import csv
import json
import math
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import shape

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "cities" / "yunhe"
SQUARE_METRES = 111_320.0**2 * math.cos(math.radians(28.37))  # in a square degree at the city's latitude
LEVELS = {"district": 6, "subdistrict": 9, "community": 12}


@cache
def features(name: str) -> list[dict[str, Any]]:
    return json.loads((PACK / "ground" / name).read_text(encoding="utf-8"))["features"]


@cache
def shapes(name: str) -> list[shapely.Geometry]:
    return [shape(feature["geometry"]) for feature in features(name)]


@cache
def rows(name: str) -> list[dict[str, str]]:
    with (PACK / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def core_rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "processes" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def properties(name: str) -> list[dict[str, str]]:
    return [feature["properties"] for feature in features(name)]


def divisions(level: str) -> list[dict[str, str]]:
    return [d for d in properties("divisions.geojson") if d["level"] == level]


def test_the_city_has_the_size_its_readme_claims() -> None:
    assert len(features("unit_grids.geojson")) == 3780
    assert len(features("duty_grids.geojson")) == 117
    assert [len(divisions(level)) for level in LEVELS] == [7, 36, 208]
    assert len(rows("ground/components.csv")) == 20_000
    assert len(rows("ground/addresses.csv")) == 8_000
    area_km2 = sum(s.area for s in shapes("unit_grids.geojson")) * SQUARE_METRES / 1e6
    assert 148 < area_km2 < 152


def test_city_toml_describes_the_codes_in_use() -> None:
    city = tomllib.loads((PACK / "city.toml").read_text(encoding="utf-8"))["city"]
    pattern = re.compile(city["unit_grid_code"])
    assert all(pattern.match(grid["code"]) for grid in properties("unit_grids.geojson"))
    assert all(d["parent"] == city["division_code"] for d in divisions("district"))


@pytest.mark.parametrize("name", ["divisions.geojson", "unit_grids.geojson", "duty_grids.geojson"])
def test_ground_codes_are_unique(name: str) -> None:
    codes = [feature["code"] for feature in properties(name)]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ground/components.csv", "code"),
        ("ground/addresses.csv", "code"),
        ("ground/addresses.csv", "name"),
        ("organisation/departments.csv", "code"),
        ("organisation/posts.csv", "code"),
        ("organisation/people.csv", "login"),
        ("organisation/people.csv", "phone"),
    ],
)
def test_row_keys_are_unique(name: str, key: str) -> None:
    repeated = [value for value, count in Counter(row[key] for row in rows(name)).items() if count > 1]
    assert repeated == []


def test_unit_grids_cover_the_city_without_gap_or_overlap() -> None:
    grids = shapes("unit_grids.geojson")
    assert all(grid.geom_type == "Polygon" and grid.is_valid for grid in grids)
    assert shapely.coverage_is_valid(grids, gap_width=1e-5)
    whole = shapely.coverage_union_all(grids)
    assert whole.geom_type == "Polygon"
    assert not list(whole.interiors)
    assert abs(whole.area - sum(grid.area for grid in grids)) * SQUARE_METRES < 1


def test_coordinates_have_at_most_six_decimals() -> None:
    for grid in shapes("unit_grids.geojson"):
        assert all(round(value, 6) == value for point in shapely.get_coordinates(grid).tolist() for value in point)


@pytest.mark.parametrize("level", list(LEVELS))
def test_divisions_are_unions_of_their_grids(level: str) -> None:
    """So a grid lies in exactly one community, a community in one subdistrict, a subdistrict in one district."""
    whole = dict(zip([d["code"] for d in properties("divisions.geojson")], shapes("divisions.geojson"), strict=True))
    parts: dict[str, list[shapely.Geometry]] = {}
    for grid, polygon in zip(properties("unit_grids.geojson"), shapes("unit_grids.geojson"), strict=True):
        assert grid["code"].startswith(grid["community"])
        parts.setdefault(grid["code"][: LEVELS[level]], []).append(polygon)
    assert set(parts) == {d["code"] for d in divisions(level)}
    for code, polygons in parts.items():
        assert whole[code].geom_type == "Polygon", f"{code} is in pieces"
        assert shapely.coverage_union_all(polygons).equals(whole[code]), code


def test_every_division_lies_in_its_parent() -> None:
    codes = {d["code"] for d in properties("divisions.geojson")} | {"990000"}
    for division in properties("divisions.geojson"):
        assert division["parent"] in codes
        assert len(division["code"]) == LEVELS[division["level"]]
        if division["level"] != "district":
            assert division["code"].startswith(division["parent"])


def test_every_unit_grid_is_in_one_duty_grid_inside_one_subdistrict() -> None:
    duty = {d["code"]: d for d in properties("duty_grids.geojson")}
    whole = dict(zip(duty, shapes("duty_grids.geojson"), strict=True))
    parts: dict[str, list[shapely.Geometry]] = {code: [] for code in duty}
    for grid, polygon in zip(properties("unit_grids.geojson"), shapes("unit_grids.geojson"), strict=True):
        parts[grid["duty_grid"]].append(polygon)
        assert grid["code"].startswith(duty[grid["duty_grid"]]["subdistrict"])
    for code, polygons in parts.items():
        assert whole[code].geom_type == "Polygon", f"{code} is not contiguous"
        assert shapely.coverage_union_all(polygons).equals(whole[code]), code


def test_serials_run_without_holes_inside_each_community() -> None:
    serials: dict[str, list[int]] = {}
    for grid in properties("unit_grids.geojson"):
        serials.setdefault(grid["community"], []).append(int(grid["code"][12:]))
    assert all(sorted(own) == list(range(1, len(own) + 1)) for own in serials.values())


def test_unit_grids_are_about_a_hundred_metres_in_the_centre() -> None:
    sizes: dict[str, list[float]] = {"A": [], "B": [], "C": []}
    for grid, polygon in zip(properties("unit_grids.geojson"), shapes("unit_grids.geojson"), strict=True):
        sizes[grid["area_class"]].append(polygon.area * SQUARE_METRES)
    means = {name: sum(own) / len(own) for name, own in sizes.items()}
    assert 9_000 < means["A"] < 18_000
    assert means["A"] < means["B"] < means["C"]


@pytest.mark.parametrize("name", ["ground/components.csv", "ground/addresses.csv"])
def test_points_lie_in_the_grid_they_name(name: str) -> None:
    grids = shapes("unit_grids.geojson")
    place = {grid["code"]: k for k, grid in enumerate(properties("unit_grids.geojson"))}
    points = shapely.points([(float(row["lon"]), float(row["lat"])) for row in rows(name)])
    named = [grids[place[row["grid"]]] for row in rows(name)]
    outside = [row["code"] for row, inside in zip(rows(name), shapely.covers(named, points), strict=True) if not inside]
    assert outside == []


def test_component_codes_tell_district_and_subclass() -> None:
    subclasses = {row["full_code"]: row for row in core_rows("catalogue/classes.csv") if row["kind"] == "component"}
    for row in rows("ground/components.csv"):
        assert re.fullmatch(r"99\d{14}", row["code"])
        assert row["code"][:6] == row["grid"][:6]
        assert row["code"][6:10] == row["full_code"]
        assert row["name"] == subclasses[row["full_code"]]["subclass_name"]
    assert len({row["full_code"] for row in rows("ground/components.csv")}) > 40


def test_component_departments_are_departments_of_the_city() -> None:
    known = {row["code"] for row in rows("organisation/departments.csv")}
    for row in rows("ground/components.csv"):
        assert {row["dept_in_charge"], row["dept_owner"], row["dept_maintenance"]} <= known


def test_a_component_is_in_charge_of_the_unit_its_subclass_names() -> None:
    duties = {row["code"]: row["duties"].split(";") for row in rows("organisation/departments.csv")}
    wanted = {
        row["full_code"]: row["dept_code"] for row in core_rows("catalogue/classes.csv") if row["kind"] == "component"
    }
    wrong = {
        row["full_code"]
        for row in rows("ground/components.csv")
        if wanted[row["full_code"]] not in duties[row["dept_in_charge"]]
    }
    assert wrong == set()


def test_every_catalogue_department_is_answered() -> None:
    answered = {duty for row in rows("organisation/departments.csv") for duty in row["duties"].split(";") if duty}
    assert answered == {row["dept_code"] for row in core_rows("catalogue/departments.csv")}


def test_only_the_subdistrict_duty_is_shared_and_then_by_territory() -> None:
    holders: dict[str, list[str]] = {}
    for row in rows("organisation/departments.csv"):
        for duty in filter(None, row["duties"].split(";")):
            holders.setdefault(duty, []).append(row["territory"])
    assert sorted(holders.pop("SUBDISTRICT")) == [d["code"] for d in divisions("subdistrict")]
    assert {duty for duty, territories in holders.items() if len(territories) > 1} == set()


def test_the_organisation_hangs_together() -> None:
    departments = rows("organisation/departments.csv")
    known = {row["code"] for row in departments}
    assert all(row["parent"] in known for row in departments if row["parent"])
    assert [row["code"] for row in departments if not row["parent"]] == ["committee"]
    assert [row["code"] for row in departments if row["fallback"] == "yes"] == ["urban_management"]
    assert sum(row["kind"] == "department" or row["kind"] == "company" for row in departments) >= 25
    assert sum(row["kind"] == "district" for row in departments) == 7


def test_every_post_has_a_known_role_and_department() -> None:
    roles = {row["role"] for row in core_rows("roles.csv")}
    departments = {row["code"] for row in rows("organisation/departments.csv")}
    assert {row["role"] for row in rows("organisation/posts.csv")} <= roles
    assert {row["department"] for row in rows("organisation/posts.csv")} <= departments


def test_every_person_holds_a_post_of_the_own_department() -> None:
    posts = {row["code"]: row["department"] for row in rows("organisation/posts.csv")}
    assert all(posts[row["post"]] == row["department"] for row in rows("organisation/people.csv"))
    assert {row["post"] for row in rows("organisation/people.csv")} == set(posts)


def test_every_duty_grid_has_two_collectors() -> None:
    collectors = Counter(row["duty_grid"] for row in rows("organisation/people.csv") if row["duty_grid"])
    assert collectors == {d["code"]: 2 for d in properties("duty_grids.geojson")}


def test_one_account_is_shown_for_each_role() -> None:
    role_of = {row["code"]: row["role"] for row in rows("organisation/posts.csv")}
    shown = {row["login"]: role_of[row["post"]] for row in rows("organisation/people.csv") if row["demo"] == "yes"}
    assert sorted(shown.values()) == sorted(set(role_of.values()))
    assert {login: role for login, role in shown.items() if login != role} == {"admin": "administrator"}


def test_the_shown_unit_accounts_share_a_department() -> None:
    shown = [
        row for row in rows("organisation/people.csv") if row["login"] in ("unit_clerk", "unit_handler", "unit_head")
    ]
    assert [row["department"] for row in shown] == ["municipal"] * 3


def test_every_handling_unit_has_clerk_handler_and_head() -> None:
    role_of = {row["code"]: row["role"] for row in rows("organisation/posts.csv")}
    staff: dict[str, set[str]] = {}
    for row in rows("organisation/people.csv"):
        staff.setdefault(row["department"], set()).add(role_of[row["post"]])
    for row in rows("organisation/departments.csv"):
        if row["side"] == "handling":
            assert staff[row["code"]] >= {"unit_clerk", "unit_handler", "unit_head"}, row["code"]


def test_the_base_map_draws_every_kind() -> None:
    kinds = {feature["kind"] for feature in properties("base_map.geojson")}
    assert {"river", "lake", "park", "motorway", "road", "street", "boundary"} <= kinds
    assert all(s.is_valid for s in shapes("base_map.geojson"))


@pytest.mark.parametrize("name", ["divisions.geojson", "duty_grids.geojson", "base_map.geojson"])
def test_every_place_has_a_complete_english_name(name: str) -> None:
    for feature in properties(name):
        assert feature["name"]
        assert re.fullmatch(r"[A-Z][A-Za-zü0-9 ']+", feature["name_en"]), feature


@pytest.mark.parametrize("name", ["departments.csv", "posts.csv", "people.csv"])
def test_every_office_and_person_has_a_complete_english_name(name: str) -> None:
    for row in rows(f"organisation/{name}"):
        assert row["name"]
        assert re.fullmatch(r"[A-Z][A-Za-zü0-9 ,'-]+", row["name_en"]), row
