"""Surveys as GeoPackages: the same rows as a CSV file, in the coordinate system the file declares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from pyogrio import raw
from sqlalchemy import func, select
from test_surveys import ROW, rows, write

from engine.components.rules import load_rules
from engine.errors import CityBroken
from engine.loading import survey_package
from engine.loading.surveys import SurveyReport, import_survey
from engine.models import Component
from engine.testing.small_city import MONDAY, SmallTown


def package(
    path: Path, content: list[dict[str, str]], *, layer: str = "components", points: bool = True, append: bool = False
) -> Path:
    names = [name for name in content[0] if name not in ("lon", "lat")]
    shapes = [shapely.Point(float(row["lon"]), float(row["lat"])) for row in content]
    raw.write(
        str(path), layer=layer, driver="GPKG", crs="EPSG:4490", append=append,
        geometry_type="Point" if points else "LineString",
        geometry=shapely.to_wkb(shapes if points else [shapely.LineString([[116, 28], [116.001, 28]])] * len(shapes)),
        field_data=[np.array([row[name] for row in content], dtype=object) for name in names], fields=names,
    )  # fmt: skip
    return path


def take(town: SmallTown, path: Path, **options: int) -> SurveyReport:
    return import_survey(town.session, path, load_rules(town.session, town.city), lambda: MONDAY, **options)


def test_a_package_says_the_same_as_a_csv_file(
    town: SmallTown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_package, "PIECE", 3)
    content = [*rows(8), ROW | {"code": "12"}]
    report = take(town, package(tmp_path / "c.gpkg", content), batch_rows=4)
    assert (report.read, report.added, report.refused) == (9, 8, 1)
    assert "16 digits" in report.rejected[0].reason and report.rejected[0].line == 9
    again = take(town, write(tmp_path / "c.csv", content))
    assert (again.added, again.changed, again.unchanged) == (0, 0, 8)
    found = town.session.get_one(Component, ROW["code"])
    assert found.attributes == {"material": "铸铁", "on_tactile_paving": False}


def test_features_without_a_point_are_refused(town: SmallTown, tmp_path: Path) -> None:
    report = take(town, package(tmp_path / "c.gpkg", rows(2), points=False))
    assert (report.added, report.refused) == (0, 2) and "no point" in report.rejected[0].reason


def test_a_package_that_is_none_or_two_layers_or_broken_is_refused_whole(town: SmallTown, tmp_path: Path) -> None:
    empty = tmp_path / "none.gpkg"
    empty.write_bytes(b"PK")
    with pytest.raises(CityBroken, match=r"none\.gpkg"):
        take(town, empty)
    with pytest.raises(CityBroken, match="there is no file"):
        take(town, tmp_path / "gone.gpkg")
    two = package(tmp_path / "two.gpkg", rows(2))
    package(two, rows(2), layer="more", append=True)
    with pytest.raises(CityBroken, match="2 layers"):
        take(town, two)
    broken = package(tmp_path / "broken.gpkg", rows(60))
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(CityBroken, match=r"broken\.gpkg"):
        take(town, broken)
    strange = package(tmp_path / "strange.gpkg", [row | {"colour": "red"} for row in rows(2)])
    with pytest.raises(CityBroken, match="colour"):
        take(town, strange)
    assert town.session.scalar(select(func.count()).select_from(Component)) == 0
