"""Versions of the ground: nothing is forgotten, what is planned waits, cases keep their place; on both databases."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from api_people import Api
from click.testing import CliRunner
from shapely import LineString, box
from sqlalchemy import func, select

from api.cli import main
from engine.cases.ground_changes import follow_ground
from engine.cases.opening import Report
from engine.cases.placing import count_cases, filed_place, place_again, place_in
from engine.cases.reporting import report_case
from engine.checks import check_city, errors_of
from engine.city import load_city
from engine.database import open_database, session_factory
from engine.errors import CityBroken, Invalid, NotFound
from engine.ground.layer_files import city_layers
from engine.ground.vector_files import write_vector
from engine.ground.version_diff import Difference, diff_versions
from engine.ground.versions import Change, lineage_now, list_versions, take_effect
from engine.loading.city import load_city_folder, take_up_changes
from engine.loading.ground_layers import LayerReport, export_layer, import_layer, read_layer, stored_features
from engine.models import Base, Case, Division, GroundArea, GroundVersion, UnitGrid
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import CELL, MONDAY, SmallTown, write_small_city

COMMUNITY, OTHER = "990101001001", "990101001002"
ZONE = ZoneInfo("Asia/Shanghai")
ROAD = LineString([(116, 28.00045), (116.003, 28.00045)])
APRIL = date(2026, 4, 1)
SURVEY = Change("surveyor", "the yearly survey", "2026 survey", sources={"unit_grids": ("g.gpkg", "0" * 64)})
PLAN = Change("planner", "the communities are divided anew", valid_from=APRIL)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def town(request: pytest.FixtureRequest, town_folder: Path) -> Iterator[SmallTown]:
    """A small city on each database."""
    if request.param == "sqlite":
        town = SmallTown(town_folder)
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(town_folder, url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def unchanged(town_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    """A small city with a planning unit, for what must leave it as it is."""
    town = SmallTown(town_folder)
    folder = tmp_path_factory.mktemp("unit")
    assert bring(town, folder, "planning_units", [({"code": "P1", "name": "一"}, cell(0, 0))]).errors == []
    yield town
    town.close()


@pytest.fixture
def embedded(town_folder: Path) -> Iterator[SmallTown]:
    """A small city on SQLite alone."""
    town = SmallTown(town_folder)
    yield town
    town.close()


def cell(column: float, row: float, wide: float = 1, high: float = 1) -> Any:
    return box(116 + column * CELL, 28 + row * CELL, 116 + (column + wide) * CELL, 28 + (row + high) * CELL)


def bring(
    town: SmallTown, path: Path, layer: str, rows: list[tuple[dict[str, Any], Any]], change: Change = SURVEY,
    **options: Any,
) -> LayerReport:  # fmt: skip
    """Write rows into a file and import it."""
    kind = city_layers(town.city)[layer]
    write_vector(path / f"{layer}.gpkg", rows, name=layer)
    found = read_layer(path / f"{layer}.gpkg", kind)
    return import_layer(town.session, town.city, kind, found, change, town.clock.now(), **options)


def grid(number: int, column: float, row: float, wide: float = 1, **changed: Any) -> tuple[dict[str, Any], Any]:
    values = {"community": COMMUNITY, "duty_grid": "D1", "area_class": "ABC"[number % 3], **changed}
    return {"code": f"{values['community']}{number:03}", **values}, cell(column, row, wide)


def grids(town: SmallTown) -> dict[str, str]:
    """Duty grids by grid, as the table has them."""
    town.session.expire_all()
    query = select(UnitGrid.code, UnitGrid.duty_grid_code)
    return {code: str(duty) for code, duty in town.session.execute(query)}


def told(differences: list[Difference], language: str = "en") -> dict[str, str]:
    return {each.code: each.words(language) for each in differences}


def go_to(town: SmallTown, day: date) -> None:
    """Let the clock be noon of a day."""
    town.clock.set(datetime(day.year, day.month, day.day, 12, tzinfo=ZONE))


def test_a_change_is_a_version_and_the_one_before_can_still_be_had(town: SmallTown, tmp_path: Path) -> None:
    """A grid is divided, one changes its duty grid, one goes: who, why, from which file; in words and as areas."""
    layers = city_layers(town.city)
    before = stored_features(town.session, layers["unit_grids"])
    rows = [grid(1, 0, 0, 0.4), grid(10, 0.4, 0, 0.6), grid(2, 1, 0, duty_grid="D2")]
    report = bring(town, tmp_path, "unit_grids", rows)
    assert (report.added, report.changed, report.unchanged, report.removed, report.version) == (1, 2, 0, 0, 2)
    again = bring(town, tmp_path, "unit_grids", rows)
    assert (again.added, again.changed, again.unchanged, again.version) == (0, 0, 3, None)
    first, second = list_versions(town.session)
    assert (first.number, first.author, sorted(first.sources)) == (1, "init", ["divisions", "duty_grids", "unit_grids"])
    assert (second.name, second.author, second.reason) == ("2026 survey", "surveyor", "the yearly survey")
    assert second.sources == {"unit_grids": ["g.gpkg", "0" * 64]} and second.applied_at == MONDAY
    assert [each.properties for each in stored_features(town.session, layers["unit_grids"], 1)] == [
        each.properties for each in before
    ]
    assert export_layer(town.session, layers["unit_grids"], tmp_path / "old.geojson", version=1) == 9
    assert export_layer(town.session, layers["unit_grids"], tmp_path / "new.geojson") == 10
    found = diff_versions(town.session, layers, 1, 2)
    assert told(found) == {
        f"{COMMUNITY}001": "its shape changed (0 m² more, 6,565 m² less)",
        f"{COMMUNITY}002": "duty_grid: D1 → D2",
        f"{COMMUNITY}010": "is new",
    }
    assert told(found, "zh")[f"{COMMUNITY}001"] == "边界变化（增加 0 m²，减少 6,565 m²）"
    feature = found[0].to_feature("zh")
    assert feature["geometry"]["type"] == "Polygon" and feature["properties"]["kinds"] == ["shape"]
    assert told(diff_versions(town.session, layers, 2, 1))[f"{COMMUNITY}010"] == (
        f"is gone; its ground belongs to {COMMUNITY}001 (100%) now"
    )
    assert diff_versions(town.session, layers, 2, 2) == []


def test_a_planned_version_waits_and_keeps_what_changes_before_it(town: SmallTown, tmp_path: Path) -> None:
    """Staged for April: the east becomes a community of its own. A duty grid that changes in March stays changed."""
    levels = [
        ({"code": COMMUNITY, "level": "community", "name": "西社区", "parent": "990101001"}, cell(0, 0, 2, 3)),
        ({"code": OTHER, "level": "community", "name": "东社区", "parent": "990101001"}, cell(2, 0, 1, 3)),
    ]
    moved = [grid(number, 2, row, community=OTHER, duty_grid="D2") for number, row in ((3, 0), (6, 1), (9, 2))]
    staying = [
        grid(number, column, row)
        for number, column, row in ((1, 0, 0), (2, 1, 0), (4, 0, 1), (5, 1, 1), (7, 0, 2), (8, 1, 2))
    ]
    assert bring(town, tmp_path, "divisions", levels, PLAN).errors == []
    planned = bring(town, tmp_path, "unit_grids", [*staying, *moved], PLAN, replace=True)
    assert planned.errors == [] and (planned.added, planned.removed, planned.version) == (3, 3, 3)
    assert planned.effective_at == datetime(2026, 3, 31, 16, tzinfo=UTC)
    assert f"{COMMUNITY}003" in grids(town) and lineage_now(town.session) == (1,)
    assert bring(town, tmp_path, "unit_grids", [*staying, *moved], PLAN, replace=True).version is None

    march = bring(town, tmp_path, "unit_grids", [grid(1, 0, 0, duty_grid="D2")])
    assert march.version == 4 and grids(town)[f"{COMMUNITY}001"] == "D2"
    layers = city_layers(town.city)
    (changed,) = diff_versions(town.session, layers, 1, 4)
    assert changed.words() == "duty_grid: D1 → D2"
    assert [each.number for each in list_versions(town.session)] == [1, 4, 2, 3]
    found = told(diff_versions(town.session, layers, 4, 3, "unit_grids"), "zh")
    assert found[f"{OTHER}003"].startswith(f"编码由 {COMMUNITY}003 改为 {OTHER}003；由 {COMMUNITY} 划归 {OTHER}")

    assert follow_ground(town.session, town.platform, town.clock.now())
    assert not follow_ground(town.session, town.platform, town.clock.now())
    go_to(town, APRIL)
    assert follow_ground(town.session, town.platform, town.clock.now(), lead=False) is False
    assert follow_ground(town.session, town.platform, town.clock.now())
    assert town.platform.host.ground.versions == (1, 4, 2, 3) and take_effect(town.session, town.clock.now()) == []
    after = grids(town)
    assert after[f"{COMMUNITY}001"] == "D2" and f"{COMMUNITY}003" not in after and f"{OTHER}003" in after
    assert town.session.get_one(Division, OTHER).name_en == "东社区"
    place = town.platform.host.ground.locate(116 + 2.5 * CELL, 28 + CELL / 2)
    assert place is not None and (place.grid, place.community) == (f"{OTHER}003", OTHER)


def test_a_name_that_the_history_alone_keeps_is_kept(embedded: SmallTown, tmp_path: Path) -> None:
    town = embedded
    named = [({"code": "D1", "name": "责任网格一", "name_en": "Duty grid one"}, cell(0, 0, 2, 3))]
    assert bring(town, tmp_path, "duty_grids", named).changed == 1
    assert bring(town, tmp_path, "duty_grids", named).version is None
    assert follow_ground(town.session, town.platform, town.clock.now())
    assert town.platform.host.ground.duty_names["D1"] == ("责任网格一", "Duty grid one")
    assert (
        stored_features(town.session, city_layers(town.city)["duty_grids"])[0].properties["subdistrict"] == "990101001"
    )


def test_a_change_that_breaks_a_planned_version_is_refused(embedded: SmallTown, tmp_path: Path) -> None:
    town = embedded
    halves = [grid(1, 0, 0, 0.5), grid(10, 0.5, 0, 0.5)]
    assert bring(town, tmp_path, "unit_grids", halves, PLAN).version == 2
    thirds = [grid(1, 0, 0, 0.3), grid(11, 0.3, 0, 0.7)]
    report = bring(town, tmp_path, "unit_grids", thirds)
    assert [each.kind for each in report.errors] == ["overlap", "overlap"]
    assert report.errors[0].message.startswith(f"in planned version 2: {COMMUNITY}0")
    assert report.version is None and len(list_versions(town.session)) == 2 and len(grids(town)) == 9


def test_the_past_is_not_changed(embedded: SmallTown, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="2026-03-01 is over, and what was in force then stays as it was"):
        bring(embedded, tmp_path, "unit_grids", [grid(1, 0, 0)], Change("x", "y", valid_from=date(2026, 3, 1)))
    assert len(list_versions(embedded.session)) == 1
    with pytest.raises(NotFound, match="there is no version 7 of the ground; there are: 1"):
        export_layer(embedded.session, city_layers(embedded.city)["roads"], tmp_path / "r.gpkg", version=7)


def test_a_database_of_before_begins_its_history_with_what_it_holds(embedded: SmallTown, tmp_path: Path) -> None:
    town = embedded
    for table in (GroundArea, GroundVersion):
        town.session.execute(table.__table__.delete())
    town.session.commit()
    take_up_changes(town.session, town.city, town.clock.now())
    (start,) = list_versions(town.session)
    assert (start.number, start.name, start.sources) == (1, "start", {})
    layers = city_layers(town.city)
    assert len(stored_features(town.session, layers["unit_grids"], 1)) == 9
    load_city_folder(town.session, town.city, town.clock.now())
    assert len(list_versions(town.session)) == 1
    assert bring(town, tmp_path, "unit_grids", [grid(1, 0, 0, duty_grid="D2")]).version == 2


def test_the_folder_takes_nothing_back_that_a_survey_changed(tmp_path: Path) -> None:
    town = SmallTown(write_small_city(tmp_path / "small"))
    bring(town, tmp_path, "unit_grids", [grid(1, 0, 0, duty_grid="D2")])
    town.load()
    assert grids(town)[f"{COMMUNITY}001"] == "D2" and len(list_versions(town.session)) == 2
    path = tmp_path / "small/ground/unit_grids.geojson"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"area_class": "B"', '"area_class": "C"'), encoding="utf-8"
    )
    town.load()
    (*_, latest) = list_versions(town.session)
    assert (latest.number, latest.author, list(latest.sources)) == (3, "init", ["unit_grids"])
    assert grids(town)[f"{COMMUNITY}001"] == "D1"
    town.close()


# Cases --------------------------------------------------------------------------------------------------------


def report(town: SmallTown, column: float, row: float) -> Case:
    """A case at a point."""
    told = Report("event", "0110", "暴露垃圾", "patrol", 116 + column * CELL, 28 + row * CELL)
    case = report_case(town.session, town.platform, told, town.actor("collector"), town.clock.now())
    town.session.commit()
    return case


def test_cases_keep_their_place_and_reports_use_either(town: SmallTown, tmp_path: Path) -> None:
    cases = [report(town, 0.2, 0.5), report(town, 0.8, 0.5), report(town, 1.5, 1.5)]
    town.clock.set(town.clock.now() + timedelta(days=1))
    rows = [grid(1, 0, 0, 0.4), grid(10, 0.4, 0, 0.6, duty_grid="D2")]
    bring(town, tmp_path, "unit_grids", rows)
    assert follow_ground(town.session, town.platform, town.clock.now())
    cases.append(report(town, 0.8, 0.5))
    every, host, old, new = select(Case), town.platform.host, f"{COMMUNITY}001", f"{COMMUNITY}010"
    first = host.grounds.of_version(town.session, 1)

    def count(by: str, ground: Any) -> dict[str | None, int]:
        return count_cases(town.session, every, by, ground, ZONE)

    assert count("grid", None) == {old: 2, f"{COMMUNITY}005": 1, new: 1}
    assert count("grid", host.ground) == {old: 1, f"{COMMUNITY}005": 1, new: 2}
    assert count("grid", first) == {old: 3, f"{COMMUNITY}005": 1}
    assert count("duty_grid", host.ground) == {"D1": 2, "D2": 2} and count("duty_grid", None) == {"D1": 3, "D2": 1}
    again = place_again(town.session, every, "grid", host.ground, ZONE)
    assert dict(zip(again.ids.tolist(), again.codes, strict=True))[cases[1].id] == new
    kept = town.session.get_one(Case, cases[1].id)
    place = place_in(kept, host.ground, ZONE)
    assert filed_place(kept)["grid"] == old and place is not None and place.grid == new
    with pytest.raises(Invalid, match=r"cases are not counted by 'road'; use one of grid, .*name a version"):
        count("road", None)


def test_cases_count_for_the_campaigns_of_their_day(embedded: SmallTown, tmp_path: Path) -> None:
    town = embedded
    areas = [
        ({"code": code, "name": code, "valid_from": begin, "valid_to": end}, cell(0, 0, 2, 2))
        for code, begin, end in (("C1", "2026-03-02", "2026-03-02"), ("C2", "2026-03-01", None))
    ]
    assert bring(town, tmp_path, "campaign_areas", areas).errors == []
    classes = [({"code": "core", "area_class": "A", "name": "核心"}, cell(1, 0, 1, 3))]
    assert bring(town, tmp_path, "area_classes", classes).errors == []
    assert follow_ground(town.session, town.platform, town.clock.now())
    assert report(town, 1.5, 0.5).area_class == "A"  # the grid says C
    town.clock.set(town.clock.now() + timedelta(days=1))
    assert report(town, 0.5, 0.5).area_class == "B"
    report(town, 2.5, 2.5)
    ground = town.platform.host.ground

    def count(by: str) -> dict[str | None, int]:
        return count_cases(town.session, select(Case), by, ground, ZONE)

    assert count("campaign_areas") == {"C1": 1, "C2": 2, None: 1}
    assert count("area_class") == {"A": 2, "B": 1}  # grid 9 says A
    town.session.execute(Case.__table__.update().values(lon=None, lat=None))
    assert count("campaign_areas") == {None: 3}


# Files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("g.zip", b"PK\x03\x04 torn"),
        ("g.gpkg", b"SQLite format 3\0 torn"),
        ("g.geojson", b'{"type": "FeatureCollection", "features": [{"type": "Feat'),
        ("g.geojson", b'{"type": "FeatureCollection", "features": ["oops"]}'),
        ("g.geojson", "社区".encode("gb18030") + b"\xff\xff}"),
    ],
)
def test_a_malformed_file_is_refused(unchanged: SmallTown, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Invalid, match=r"; (copy|export|save) it"):
        read_layer(tmp_path / name, city_layers(unchanged.city)["unit_grids"])


@pytest.mark.parametrize(
    ("layer", "values", "area", "words"),
    [
        (
            "unit_grids", {"code": f"{COMMUNITY}010", "community": COMMUNITY, "area_class": "A"}, cell(0, 0, 0.5),
            "overlap",
        ),
        ("unit_grids", {"code": None, "community": COMMUNITY, "area_class": "A"}, cell(0, 0), "code is empty"),
        ("campaign_areas", {"code": "C1", "name": "占道", "valid_from": "soon"}, cell(0, 0), "'soon' is no date"),
        ("campaign_areas", {"code": "C1", "name": None, "valid_from": "2026-03-01"}, cell(0, 0), "name is empty"),
        (
            "campaign_areas", {"code": "C1", "name": "x", "valid_from": "2026-03-02", "valid_to": "2026-03-01"},
            cell(0, 0), "it ends on 2026-03-01 before it begins",
        ),
        ("area_classes", {"code": "核心", "area_class": "D"}, cell(0, 0), "'D' is none of A, B, C"),
        ("planning_units", {"code": "P3", "name": "三"}, cell(0.5, 0), "P1 and P3 overlap"),
    ],
)  # fmt: skip
def test_one_fault_leaves_the_ground_as_it_is(
    unchanged: SmallTown, tmp_path: Path, layer: str, values: dict[str, Any], area: Any, words: str
) -> None:
    town = unchanged
    before = town.session.scalar(select(func.count()).select_from(GroundArea))
    sound = {**values, "code": "990101001001002", "area_class": "C", "name": "好", "valid_from": "2026-01-01"}
    sound = {name: value for name, value in sound.items() if name in city_layers(town.city)[layer].properties}
    sound.pop("valid_to", None)
    report = bring(town, tmp_path, layer, [(sound, cell(1, 0)), ({**dict.fromkeys(sound), **values}, area)])
    assert any(words in each.message for each in report.errors), report.errors
    assert town.session.scalar(select(func.count()).select_from(GroundArea)) == before
    assert len(list_versions(town.session)) == 2


def test_a_folder_may_hold_any_format_and_layers_of_its_own(tmp_path: Path) -> None:
    """GeoPackage, Shapefile and GCJ-02 in one folder, 14-digit codes of 2005, and a layer that the city declares."""
    folder = write_small_city(tmp_path / "small")
    town = SmallTown(folder)
    layers = city_layers(town.city)
    ground = folder / "ground"
    export_layer(town.session, layers["duty_grids"], ground / "duty.zip")
    export_layer(town.session, layers["divisions"], tmp_path / "d.geojson")
    of_2005 = {"community": COMMUNITY, "area_class": "A"}
    cells = [
        ({"code": f"99010101001{n:03}", **of_2005, "duty_grid": "D2" if n == 3 else "D1"}, cell(n - 1, 0, 1, 3))
        for n in (1, 2, 3)
    ]
    write_vector(ground / "unit_grids.gpkg", cells, name="unit_grids")
    zones = [({"code": "S1", "name": "一小", "pupils": 900, "since": "2020-09-01"}, cell(0.5, 0, 1, 1))]
    write_vector(ground / "school_zones.shp", zones, name="school_zones")
    for name in ("duty_grids", "unit_grids"):
        (ground / f"{name}.geojson").unlink()
    (folder / "ground_layers.toml").write_text(
        '[duty_grids]\nfile = "duty.zip"\nsystem = "WGS-84"\n\n[school_zones]\nname = "学校周边"\n'
        'name_en = "School surroundings"\nkind = "free"\nrequired = ["name"]\n[school_zones.properties]\n'
        'name = "text"\npupils = "whole"\nsince = "date"\n',
        encoding="utf-8",
    )
    town.close()
    assert [str(each) for each in errors_of(check_city(load_city(str(folder))))] == []
    town = SmallTown(folder)
    assert sorted(grids(town)) == ["99010101001001", "99010101001002", "99010101001003"]
    place = town.platform.host.ground.locate(116 + 0.7 * CELL, 28 + CELL / 2)
    assert place is not None and place.layers == (("school_zones", "S1"),)
    (zone,) = stored_features(town.session, town.platform.host.grounds.layers["school_zones"])
    assert zone.properties == {"code": "S1", "name": "一小", "pupils": 900, "since": "2020-09-01"}
    town.close()
    shutil.copy(ground / "unit_grids.gpkg", ground / "unit_grids2.gpkg")
    (ground / "unit_grids.geojson").write_text("{}")
    told = [str(each) for each in errors_of(check_city(load_city(str(folder))))]
    assert any("holds unit_grids several times: unit_grids.geojson, unit_grids.gpkg" in each for each in told), told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[school_zones", "it cannot be read"),
        ('[school_zones]\nname = "x"\nname_en = "x"\nkind = "loose"', "kind 'loose' is unknown; use one of cover"),
        ('[school_zones]\nkind = "free"', "it has no name"),
        ('[School]\nname = "x"\nname_en = "x"\nkind = "free"', "is no name of a layer"),
        ('[unit_grids]\nkind = "free"', "the key 'kind' is unknown; use file, system, layer, encoding"),
        ('[unit_grids]\nsystem = "Mars"', "there is no coordinate system 'Mars'"),
        ('[unit_grids]\nfile = "../x.gpkg"', "leads into another folder"),
        (
            '[a]\nname = "x"\nname_en = "x"\nkind = "free"\nrequired = ["b"]\nproperties = {c = "colour"}',
            "required names 'b', which is no property",
        ),
        ('[a]\nname = "x"\nname_en = "x"\nkind = "free"\nproperties = {valid_to = "text"}', "valid_to is no date"),
    ],
)
def test_a_declaration_that_does_not_hold_is_told(tmp_path: Path, text: str, words: str) -> None:
    folder = write_small_city(tmp_path / "small")
    (folder / "ground_layers.toml").write_text(text, encoding="utf-8")
    city = load_city(str(folder))
    found = [each for each in errors_of(check_city(city)) if each.file == "ground_layers.toml"]
    assert any(words in str(each) for each in found), found
    with pytest.raises(CityBroken, match=r"ground_layers\.toml"):
        city_layers(city)


# Interfaces ---------------------------------------------------------------------------------------------------


def test_the_commands_tell_versions_and_differences(town_folder: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'city.sqlite'}"
    engine = open_database(url)
    Base.metadata.create_all(engine)
    with session_factory(engine)() as session:
        load_city_folder(session, load_city(str(town_folder)), MONDAY)
    engine.dispose()
    where = ["--city", str(town_folder), "--database", url]

    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["ground", *map(str, arguments), *where])
        return result.exit_code, result.output

    write_vector(tmp_path / "g.gpkg", [grid(1, 0, 0, 0.4), grid(10, 0.4, 0, 0.6)], name="unit_grids")
    code, text = run("import", "unit_grids", tmp_path / "g.gpkg", "--author", "Li", "--valid-from", "2999-01-01")
    assert code == 0 and "this is version 2 of the ground, in force from 2999-01-01 00:00" in text
    code, text = run("import", "unit_grids", tmp_path / "g.gpkg", "--valid-from", "2999-01-01")
    assert code == 0 and "nothing is different; there is no new version" in text
    assert run("import", "moons", tmp_path / "g.gpkg")[1].startswith(
        "Error: the city has no layer 'moons'; name one of"
    )
    code, text = run("versions")
    assert code == 0 and "   2  2999-01-01 00:00 (planned)  2, by Li: g.gpkg" in text
    code, text = run("diff", 1, 2, "--geojson", tmp_path / "diff.geojson")
    assert code == 0 and f"unit_grids {COMMUNITY}010: is new" in text and "unit_grids: 1 shape, 1 added" in text
    found = json.loads((tmp_path / "diff.geojson").read_text(encoding="utf-8"))
    assert [each["id"] for each in found["features"]] == [f"unit_grids/{COMMUNITY}001", f"unit_grids/{COMMUNITY}010"]
    assert run("export", "unit_grids", tmp_path / "planned.shp", "--version", 2)[1].startswith("10 areas written")
    assert run("export", "unit_grids", tmp_path / "now.shp")[1].startswith("9 areas written")
    code, text = (
        CliRunner().invoke(main, ["ground", "layers", "--city", str(town_folder)]).exit_code,
        run("versions")[1],
    )
    assert code == 0


def change_ground(api: Api, tmp_path: Path) -> None:
    """Version 2: a grid is divided, a road, a campaign and an area class come; the app follows."""
    from api.context import platform, session
    from api.scheduler import follow_versions

    with api.app.app_context():
        city, now = platform().city, api.clock.now()
        rows: dict[str, list[tuple[dict[str, Any], Any]]] = {
            "unit_grids": [grid(1, 0, 0, 0.4), grid(10, 0.4, 0, 0.6, duty_grid="D2")],
            "campaign_areas": [({"code": "C1", "name": "占道整治", "valid_from": "2026-03-01"}, cell(0, 0, 2, 2))],
            "roads": [({"code": "R1", "name": "人民路", "chief": "王路长", "phone": "110"}, ROAD)],
        }
        for layer, given in rows.items():
            kind = city_layers(city)[layer]
            write_vector(tmp_path / "g.gpkg", given, name=layer)
            assert not import_layer(session(), city, kind, read_layer(tmp_path / "g.gpkg", kind), SURVEY, now).errors
    assert follow_versions(api.app, lead=True)


def test_the_api_tells_places_versions_and_counts(api: Api, tmp_path: Path) -> None:
    body = {
        "kind": "event", "full_code": "0110", "description": "垃圾", "source": "patrol", "lon": 116.0008,
        "lat": 28.0005,
    }  # fmt: skip
    number = api.post("collector", "/cases", json=body).json["number"]
    change_ground(api, tmp_path)
    place = api.get("analyst", "/grids/at?lon=116.0008&lat=28.0005").json
    assert (place["grid"], place["duty_grid"]["name"]) == (f"{COMMUNITY}010", "责任网格二")
    assert place["road"] == {"code": "R1", "name": "人民路", "name_en": "人民路", "chief": "王路长", "phone": "110"}
    assert place["layers"] == [
        {
            "layer": {"code": "campaign_areas", "name": "专项整治区域", "name_en": "Campaign areas"}, "code": "C1",
            "name": "占道整治", "name_en": "占道整治",
            "properties": {
                "code": "C1", "name": "占道整治", "name_en": None, "department": None, "valid_from": "2026-03-01",
                "valid_to": None,
            },
        }
    ]  # fmt: skip
    at = "/grids/at?lon=116.0008&lat=28.0005"
    assert api.get("analyst", f"{at}&day=2026-02-28").json["layers"] == []
    assert api.get("analyst", f"{at}&ground=1").json["grid"] == f"{COMMUNITY}001"
    assert api.get("analyst", f"{at}&ground=9").status_code == 404
    assert api.get("analyst", f"{at}&ground=old").json["errors"][0]["field"] == "ground"

    versions = api.get("analyst", "/ground/versions").json["versions"]
    assert [(each["number"], each["author"], each["in_force"]) for each in versions] == [
        (1, "init", True), (2, "surveyor", True), (3, "surveyor", True), (4, "surveyor", True),
    ]  # fmt: skip
    assert api.get("analyst", "/ground/versions/2").json == versions[1]
    assert api.get("analyst", "/ground/versions/9").status_code == 404
    changes = api.get("analyst", "/ground/versions/2/changes?lang=zh").json
    assert (changes["before"], changes["counts"]) == (1, {"unit_grids": {"shape": 1, "added": 1}})
    assert changes["changes"][1]["words"] == "新增"
    first = api.get("analyst", "/ground/versions/1/changes?layer=duty_grids").json
    assert (first["before"], first["counts"]) == (0, {"duty_grids": {"added": 2}})
    areas = api.get("analyst", "/ground/versions/3/changes?since=1&format=geojson").json["features"]
    assert len(areas) == 3 and areas[0]["geometry"]["type"] == "Polygon"
    assert api.get("analyst", "/ground/versions/2/changes?layer=x").json["errors"][0]["field"] == "layer"

    names = [each["name"] for each in api.get("analyst", "/ground/layers").json["layers"]]
    assert names[:4] == ["divisions", "duty_grids", "unit_grids", "roads"] and "campaign_areas" in names
    box_of = "bbox=116.0001,28.0001,116.0009,28.0009"
    assert len(api.get("analyst", f"/ground/layers/unit_grids?{box_of}").json["features"]) == 2
    assert len(api.get("analyst", f"/ground/layers/unit_grids?{box_of}&ground=1").json["features"]) == 1
    assert api.get("analyst", f"/ground/layers/x?{box_of}").status_code == 404

    filed = api.get("analyst", "/ground/case-counts?by=grid").json
    assert filed["counts"] == [
        {"code": f"{COMMUNITY}001", "name": f"{COMMUNITY}001", "name_en": f"{COMMUNITY}001", "cases": 1}
    ]
    today = api.get("analyst", "/ground/case-counts?by=duty_grid&ground=today&kind=event").json["counts"]
    assert [(each["code"], each["name"], each["cases"]) for each in today] == [("D2", "责任网格二", 1)]
    campaign = api.get("analyst", "/ground/case-counts?by=campaign_areas&ground=today").json["counts"]
    assert [(each["name"], each["cases"]) for each in campaign] == [("占道整治", 1)]
    assert api.get("analyst", "/ground/case-counts?by=grid&kind=component").json["counts"] == []
    assert api.get("analyst", "/ground/case-counts?by=moon").json["errors"][0]["field"] == "by"
    place = api.get("analyst", f"/cases/{number}/place").json
    assert (place["filed"]["grid"], place["place"]["grid"], place["same"]) == (
        f"{COMMUNITY}001", f"{COMMUNITY}010", False,
    )  # fmt: skip
    assert api.get("analyst", f"/cases/{number}/place?ground=1").json["same"]
    assert api.get("unit_handler_sanitation", f"/cases/{number}/place").status_code == 404


def test_without_the_permission_nothing_of_the_ground_is_told(api: Api) -> None:
    from api.context import ROLES

    roles = api.app.extensions[ROLES]
    api.app.extensions[ROLES] = {
        name: type(role)(role.role, role.name, role.name_en, role.side, role.permissions - {"ground.read"})
        for name, role in roles.items()
    }
    for path in (
        "/grids/at?lon=116.0005&lat=28.0005", "/grids?bbox=116,28,116.001,28.001", f"/grids/{COMMUNITY}001",
        "/ground/layers", "/ground/layers/roads?bbox=116,28,116.001,28.001", "/ground/versions", "/ground/versions/1",
        "/ground/versions/1/changes", "/ground/case-counts?by=grid", "/cases/1/place",
    ):  # fmt: skip
        assert api.get("analyst", path).status_code == 403, path
