"""Layers of the ground between files and the database: all or nothing, twice the same, back without loss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from shapely import LineString, box
from shapely.geometry import shape
from sqlalchemy import select

from api.cli import main
from engine.city import load_city
from engine.database import open_database, session_factory
from engine.errors import Invalid
from engine.ground.datums import BD09, CGCS2000, GCJ02, WGS84, system_named
from engine.ground.index import Ground
from engine.ground.layer_files import city_layers
from engine.ground.vector_files import write_vector
from engine.ground.versions import Change, list_versions
from engine.loading.city import load_city_folder
from engine.loading.ground_layers import (
    LayerReport,
    export_layer,
    import_layer,
    read_layer,
    same_shape,
    stored_features,
)
from engine.models import Base, RoadSegment, UnitGrid
from engine.testing.small_city import CELL, MONDAY, SmallTown

LAYERS = city_layers(load_city("yunhe"))
GRIDS = LAYERS["unit_grids"]
CHANGE = Change("surveyor", "a survey")
COMMUNITY = "990101001001"
PLANE = system_named("EPSG:4548")
"""CGCS2000 / 3-degree Gauss-Krüger CM 117E."""


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    town = SmallTown(town_folder)
    yield town
    town.close()


@pytest.fixture(scope="module")
def full_town(town_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    """A small city with two roads and something in every areal layer; for tests that change nothing."""
    town, path = SmallTown(town_folder), tmp_path_factory.mktemp("full") / "given.gpkg"
    features: dict[str, list[tuple[dict[str, Any], Any]]] = {
        "roads": [
            (
                {
                    "code": f"R{n}", "name": f"人民路{n}段", "name_en": f"Renmin Road {n}", "chief": "王路长",
                    "phone": None,
                },
                LineString([(116, 28 + n * CELL), (116 + 3 * CELL, 28 + n * CELL)]),
            )
            for n in (1, 2)
        ],
        "area_classes": [
            ({"code": "核心", "area_class": "A", "name": None}, cell(0, 0, 2, 2)),
            ({"code": "外围", "area_class": "B", "name": "外围区"}, cell(2, 0, 1, 3)),
        ],
        "planning_units": [({"code": "P1", "name": "老城单元", "name_en": "Old town"}, cell(0, 0, 3, 2))],
        "campaign_areas": [
            (
                {
                    "code": f"C{n}", "name": f"占道整治{n}", "name_en": None, "department": "SANITATION",
                    "valid_from": f"2026-0{n}-01", "valid_to": f"2026-0{n + 1}-15" if n == 3 else None,
                },
                cell(0, 0, 2, 1 + n / 10),
            )
            for n in (3, 4)
        ],
    }  # fmt: skip
    for layer, given in features.items():
        write_vector(path, given, name=layer)
        assert bring(town, path, layer).errors == []
    yield town
    town.close()


def rows(town: SmallTown) -> dict[str, tuple[Any, ...]]:
    town.session.expire_all()
    columns = UnitGrid.__table__.columns
    return {row.code: tuple(row) for row in town.session.execute(select(*columns))}


def bring(town: SmallTown, path: Path, layer: str = "unit_grids", **options: Any) -> LayerReport:
    kind = LAYERS[layer]
    found = read_layer(path, kind, system=options.pop("system", None))
    change, now = options.pop("change", CHANGE), options.pop("now", town.clock.now())
    return import_layer(town.session, town.city, kind, found, change, now, **options)


def counts(report: LayerReport) -> tuple[int, int, int, int]:
    return report.added, report.changed, report.unchanged, report.removed


def cell(column: float, row: float, wide: float = 1, high: float = 1) -> Any:
    return box(116 + column * CELL, 28 + row * CELL, 116 + (column + wide) * CELL, 28 + (row + high) * CELL)


def grid_file(path: Path, *cells: tuple[str, Any], **changed: Any) -> Path:
    values = {"community": COMMUNITY, "duty_grid": "D1", "area_class": "A", **changed}
    write_vector(path, [({"code": code, **values}, area) for code, area in cells], name="unit_grids")
    return path


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("name", ["l.geojson", "l.gpkg", "l.shp", "l.zip"])
def test_what_was_exported_changes_nothing(full_town: SmallTown, tmp_path: Path, layer: str, name: str) -> None:
    """Every layer in every format and system, there and back, with its values and its shapes; no new version."""
    town, versions = full_town, len(list_versions(full_town.session))
    before = [(each.properties, each.geometry) for each in stored_features(town.session, LAYERS[layer])]
    for system in (WGS84, CGCS2000, GCJ02, BD09, PLANE):
        assert export_layer(town.session, LAYERS[layer], tmp_path / name, system) == len(before) > 0
        back = read_layer(tmp_path / name, LAYERS[layer], system=system).features
        assert [each.properties for each in back] == [values for values, _ in before]
        if system is WGS84:
            assert all(same_shape(each.geometry, area) for each, (_, area) in zip(back, before, strict=True))
        report = bring(town, tmp_path / name, layer, system=system, replace=True)
        assert report.errors == [] and counts(report) == (0, 0, len(before), 0) and report.version is None
    assert [(each.properties, each.geometry) for each in stored_features(town.session, LAYERS[layer])] == before
    assert len(list_versions(town.session)) == versions


def test_a_layer_that_was_taken_out_comes_back_as_it_left(town: SmallTown, tmp_path: Path) -> None:
    export_layer(town.session, GRIDS, tmp_path / "g.gpkg")
    before, table = stored_features(town.session, GRIDS), rows(town)
    one = grid_file(tmp_path / "one.gpkg", (f"{COMMUNITY}001", cell(0, 0)))
    assert counts(bring(town, one, replace=True))[3] == 8 and len(rows(town)) == 1
    bring(town, tmp_path / "g.gpkg")
    after = stored_features(town.session, GRIDS)
    assert [each.properties for each in after] == [each.properties for each in before]
    assert all(same_shape(each.geometry, old.geometry) for each, old in zip(after, before, strict=True))
    assert {code: row[:4] for code, row in rows(town).items()} == {code: row[:4] for code, row in table.items()}


def test_changes_and_removals_are_counted(town: SmallTown, tmp_path: Path) -> None:
    path = grid_file(tmp_path / "g.gpkg", (f"{COMMUNITY}001", cell(0, 0, 0.5)), (f"{COMMUNITY}010", cell(0.5, 0, 0.5)))
    report = bring(town, path, dry_run=True)
    assert counts(report) == (1, 1, 0, 0) and len(rows(town)) == 9
    assert counts(bring(town, path)) == (1, 1, 0, 0)
    assert len(rows(town)) == 10
    assert counts(bring(town, path, replace=True)) == (0, 0, 2, 8)
    assert sorted(rows(town)) == [f"{COMMUNITY}001", f"{COMMUNITY}010"]


def test_a_property_the_file_does_not_have_keeps_its_value(town: SmallTown, tmp_path: Path) -> None:
    code = f"{COMMUNITY}003"
    duty_grid = rows(town)[code][2]
    values = {"code": code, "community": COMMUNITY, "area_class": "C"}
    write_vector(tmp_path / "g.geojson", [(values, cell(2, 0))], name="unit_grids")
    report = bring(town, tmp_path / "g.geojson")
    assert report.errors == [] and report.changed + report.unchanged == 1
    assert duty_grid and rows(town)[code][2] == duty_grid
    assert rows(town)[code][3] == "C"


@pytest.mark.parametrize(
    ("code", "area", "changed", "kind"),
    [
        (f"{COMMUNITY}010", cell(0, 0, 0.5), {}, "overlap"),  # with a grid that is not in the file
        (f"{COMMUNITY}009", cell(2, 2, 1.5), {}, "crossing"),
        ("990101001002001", cell(2, 2), {}, "code"),
        (f"{COMMUNITY}009", cell(2, 2), {"area_class": "D"}, "value"),
        (f"{COMMUNITY}009", cell(2, 2), {"duty_grid": "D9"}, "value"),
        (f"{COMMUNITY}009", cell(2, 2), {"community": "990101001009"}, "community"),
    ],
)
def test_one_error_keeps_the_whole_file_out(
    town: SmallTown, tmp_path: Path, code: str, area: Any, changed: dict[str, str], kind: str
) -> None:
    before = rows(town)
    good = ({"code": f"{COMMUNITY}001", "community": COMMUNITY, "duty_grid": "D2", "area_class": "C"}, cell(0, 0))
    values = {"code": code, "community": COMMUNITY, "duty_grid": "D1", "area_class": "A", **changed}
    write_vector(tmp_path / "g.gpkg", [good, (values, area)], name="unit_grids")
    report = bring(town, tmp_path / "g.gpkg")
    assert kind in {finding.kind for finding in report.errors}
    assert rows(town) == before


def test_a_road_that_was_imported_is_a_points_road(town: SmallTown, tmp_path: Path) -> None:
    line = LineString([(116 + CELL / 2, 28), (116 + CELL / 2, 28 + CELL)])
    road = {"code": "R3", "name": "解放路", "chief": "李路长", "phone": "110"}
    write_vector(tmp_path / "r.shp", [(road, line)], name="roads")
    assert counts(bring(town, tmp_path / "r.shp", "roads")) == (1, 0, 0, 0)
    stored = town.session.get_one(RoadSegment, "R3")
    assert (stored.name, stored.name_en, stored.chief, stored.chief_phone) == ("解放路", "解放路", "李路长", "110")
    place = Ground.load(town.session).locate(116 + CELL * 0.6, 28 + CELL / 2)
    assert place is not None and place.road == "R3"


def test_roads_are_lines_with_codes_of_their_own(town: SmallTown, tmp_path: Path) -> None:
    line = LineString([(116, 28), (116.001, 28)])
    rows = [({"code": "R8", "name": "a"}, line), ({"code": "R8", "name": "b"}, LineString([(116, 28), (116, 28.001)]))]
    write_vector(tmp_path / "r.gpkg", rows, name="roads")
    assert [each.kind for each in bring(town, tmp_path / "r.gpkg", "roads").errors] == ["duplicate"]
    write_vector(tmp_path / "a.gpkg", [({"code": "R9", "name": "c"}, cell(0, 0))], name="roads")
    assert [each.kind for each in bring(town, tmp_path / "a.gpkg", "roads").errors] == ["shape"]
    assert town.session.get(RoadSegment, "R8") is None


def test_a_fourteen_digit_code_of_2005_is_taken(town: SmallTown, tmp_path: Path) -> None:
    path = grid_file(tmp_path / "g.gpkg", ("99010101001001", cell(0, 0)))
    report = bring(town, path, replace=True)
    assert report.errors == [] and sorted(rows(town)) == ["99010101001001"]


def test_a_file_without_a_property_it_needs_is_refused(tmp_path: Path) -> None:
    write_vector(tmp_path / "g.gpkg", [({"code": "1", "社区": "x"}, cell(0, 0))], name="unit_grids")
    with pytest.raises(Invalid, match="no property community; unit_grids need it, the file has: code, 社区"):
        read_layer(tmp_path / "g.gpkg", GRIDS)


def test_codes_that_became_numbers_are_codes_again(tmp_path: Path) -> None:
    values = {"code": 990101001001001.0, "community": 990101001001, "area_class": "A"}
    write_vector(tmp_path / "g.shp", [(values, cell(0, 0))], name="unit_grids")
    (feature,) = read_layer(tmp_path / "g.shp", GRIDS).features
    assert feature.properties == {"code": f"{COMMUNITY}001", "community": COMMUNITY, "area_class": "A"}


# The command line ---------------------------------------------------------------------------------------------


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["ground", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def database(town_folder: Path, tmp_path: Path) -> list[object]:
    """The options that name a city and its database."""
    url = f"sqlite:///{tmp_path / 'city.sqlite'}"
    engine = open_database(url)
    Base.metadata.create_all(engine)
    with session_factory(engine)() as session:
        load_city_folder(session, load_city(str(town_folder)), MONDAY)
    engine.dispose()
    return ["--city", town_folder, "--database", url]


def test_the_commands_check_import_and_export(database: list[object], tmp_path: Path) -> None:
    path = tmp_path / "grids.shp"
    assert run("export", "unit_grids", path, "--system", "BD-09", *database) == (
        0, f"9 areas written to {path} in BD-09\n",
    )  # fmt: skip
    code, text = run("import", "unit_grids", path, *database)
    assert code == 1 and "does not say its coordinate system" in text
    code, text = run("import", "unit_grids", path, "--system", "bd09", *database)
    assert code == 0 and "9 areas read, 0 added, 0 changed, 9 unchanged, 0 removed" in text
    assert run("check", "unit_grids", path, "--system", "BD-09", *database)[0] == 0
    code, text = run("check", "unit_grids", path, "--system", "Mars", *database)
    assert code == 2 and "name WGS-84" in text


def test_findings_go_into_a_folder_as_geojson_and_maps(
    database: list[object], town_folder: Path, tmp_path: Path
) -> None:
    path = grid_file(tmp_path / "g.gpkg", (f"{COMMUNITY}001", cell(0, 0)), (f"{COMMUNITY}002", cell(0.5, 0, 1.5)))
    code, text = run("check", "unit_grids", path, "--city", town_folder, "--findings", tmp_path / "found")
    assert code == 1 and f"error overlap: {COMMUNITY}001 and {COMMUNITY}002 overlap by" in text
    found = json.loads((tmp_path / "found/findings.geojson").read_text(encoding="utf-8"))["features"]
    assert shape(found[0]["geometry"]).area == pytest.approx(CELL * CELL / 2)
    assert (tmp_path / f"found/001-overlap-{COMMUNITY}001.svg").read_text(encoding="utf-8").startswith("<svg")
    code, text = run("import", "unit_grids", path, *database)
    assert code == 1 and "nothing was written: 1 of the findings are errors" in text
