"""The register as a file: a round trip without loss on both databases, and no formula for a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyogrio
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from test_surveys import ROW, rows, write

from api.cli import main
from engine.components.listing import ComponentFilter
from engine.components.rules import load_rules, read_attributes
from engine.errors import Invalid
from engine.loading import component_files
from engine.loading.component_files import export_components, number_fields
from engine.loading.plain_cells import mark, unmark
from engine.loading.surveys import import_survey
from engine.models import Component, ComponentChange
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

NUMBERED = "0101,depth_m,深度,Depth,number,0\n"
ODD = [
    ROW | {"code": "9901010101000051", "name": "=1+1", "note": "''@home", "source": "-", "lon": "116.00012345678901"},
    ROW | {"code": "9901010101000052", "note": 'two\nlines, "quoted"', "photo": "＝A1.jpg", "state": "移除"},
    ROW | {"code": "9901010101000053", "dept_owner": "", "initial_date": "", "on_tactile_paving": "是", "material": ""},
    ROW | {"code": "9901010101000054", "material": "+铁", "note": "'quoted'"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    city = write_small_city(tmp_path / "city")
    header = "full_code,field,name,name_en,type,length\n"
    (city / "component_attributes.csv").write_text(header + NUMBERED, encoding="utf-8")
    return city


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def town(request: pytest.FixtureRequest, folder: Path) -> Iterator[SmallTown]:
    if request.param == "sqlite":
        yield SmallTown(folder)
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            yield town
            town.close()
    except NoServer as error:
        pytest.skip(str(error))


def take(town: SmallTown, path: Path) -> tuple[int, int, int, int]:
    report = import_survey(town.session, path, load_rules(town.session, town.city), lambda: MONDAY)
    assert not report.rejected, report.rejected
    return report.added, report.changed, report.unchanged, report.claims


def export(town: SmallTown, path: Path, **wanted: str) -> int:
    numbers = number_fields(read_attributes(town.city))
    return export_components(town.session, path, ComponentFilter(**wanted), numbers)


def register(town: SmallTown) -> list[Any]:
    town.session.expire_all()
    return list(town.session.execute(select(Component.__table__).order_by(Component.code)).all())


@pytest.mark.parametrize("ending", ["csv", "gpkg"])
def test_what_was_exported_comes_back_without_loss(
    town: SmallTown, folder: Path, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(component_files, "PIECE", 3)
    depths = [row | {"depth_m": depth} for row, depth in zip(rows(3), ("", "1.25", "-0.1"), strict=True)]
    take(town, write(tmp_path / "survey.csv", [*depths, *(row | {"depth_m": ""} for row in ODD)]))
    file = tmp_path / f"out.{ending}"
    assert export(town, file) == 7
    assert take(town, file) == (0, 0, 7, 0)
    assert town.session.scalars(select(ComponentChange)).all() == []
    other = SmallTown(folder)
    assert take(other, file) == (7, 0, 0, 0)
    assert register(other) == register(town)
    kept = other.session.get_one(Component, "9901010101000051")
    assert (kept.name, kept.note, kept.source, kept.lon) == ("=1+1", "'@home", "-", 116.00012345678901)
    assert other.session.get_one(Component, rows(3)[2]["code"]).attributes["depth_m"] == -0.1


def test_a_file_says_where_the_code_of_each_class_comes_from(town: SmallTown, tmp_path: Path) -> None:
    doubtful = ROW | {"code": "9901010105000001", "full_code": "0105", "name": "", "material": ""}
    take(town, write(tmp_path / "survey.csv", [*rows(1), {name: doubtful[name] for name in rows(1)[0]}]))
    export(town, tmp_path / "out.csv")
    export(town, tmp_path / "out.gpkg")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        told = {row["full_code"]: row["code_source"] for row in csv.DictReader(file)}
    table = pyogrio.raw.read(str(tmp_path / "out.gpkg"), columns=["full_code", "code_source"])
    assert told == {"0101": "found", "0105": "memory"} == dict(zip(*table[3], strict=True))
    assert take(town, tmp_path / "out.csv") == (0, 0, 2, 0)


def test_a_survey_in_gb18030_is_read_with_a_remark(town: SmallTown, tmp_path: Path) -> None:
    path = write(tmp_path / "survey.csv", rows(2))
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    report = import_survey(town.session, path, load_rules(town.session, town.city), lambda: MONDAY)
    assert (report.added, report.rejected) == (2, []) and "GB18030" in report.note
    assert town.session.get_one(Component, rows(1)[0]["code"]).name == rows(1)[0]["name"]


def test_no_cell_of_a_csv_file_is_a_formula(town: SmallTown, tmp_path: Path) -> None:
    take(town, write(tmp_path / "survey.csv", ODD))
    export(town, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＝", "\t", "\r"))]
    assert {"'=1+1", "''@home", "'-", "'quoted'"} <= set(cells)


@given(st.text("='+-@＝a\t", max_size=6))
def test_a_marked_text_is_read_as_it_was(text: str) -> None:
    assert unmark(mark(text)) == text


def test_a_filter_narrows_the_file(town: SmallTown, tmp_path: Path) -> None:
    take(town, write(tmp_path / "survey.csv", [*rows(2), *ODD]))
    file = tmp_path / "out.csv"
    assert export(town, file, state="移除") == 1
    assert export(town, file, full_code="0101", grid="990101001001001") == 6
    before = file.read_bytes()
    with pytest.raises(Invalid, match="no component fits"):
        export(town, file, full_code="0105")
    with pytest.raises(Invalid, match=r"\.csv or \.gpkg"):
        export(town, tmp_path / "out.xlsx")
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.csv"]


def test_the_command_line_writes_the_register(town_folder: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'small.db'}"
    town = SmallTown(town_folder, url)
    take(town, write(tmp_path / "survey.csv", rows(4)))
    common = ["--city", str(town_folder), "--database", url]
    done = CliRunner().invoke(main, ["components", "export", str(tmp_path / "out.gpkg"), "--class", "0101", *common])
    assert (done.exit_code, "4 components written" in done.output) == (0, True), done.output
    again = CliRunner().invoke(main, ["import", "components", str(tmp_path / "out.gpkg"), *common])
    assert "4 rows read, 0 added, 0 changed, 4 unchanged, 0 refused" in again.output
    none = CliRunner().invoke(main, ["components", "export", str(tmp_path / "out.csv"), "--state", "移除", *common])
    assert none.exit_code == 1 and "no component fits" in none.output


def test_a_row_with_a_nul_is_refused(town: SmallTown, tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", rows(2))
    path.write_bytes(path.read_bytes().replace("实测".encode(), b"a\0b", 1))
    report = import_survey(town.session, path, load_rules(town.session, town.city), lambda: MONDAY)
    assert (report.added, report.refused) == (1, 1) and "NUL" in report.rejected[0].reason
