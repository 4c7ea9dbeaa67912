"""Surveys of components: taken row by row, every refusal told, resumable, and the same file twice changes nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from api.cli import main
from engine.components.counts import counts_in
from engine.components.rules import Rules, load_rules
from engine.errors import CityBroken
from engine.loading.surveys import SurveyReport, import_survey
from engine.loading.tables import Rejection
from engine.models import Base, Component, ComponentChange, ComponentCount, Survey, SurveyRefusal
from engine.testing.small_city import MONDAY, SmallTown

ROW = {
    "code": "9901010101000001", "full_code": "0101", "name": "上水井盖", "lon": "116.0005", "lat": "28.0005",
    "grid": "", "dept_in_charge": "", "dept_owner": "MUNICIPAL", "dept_maintenance": "", "state": "完好",
    "initial_date": "2025-01-02", "change_date": "", "source": "实测", "note": "", "photo": "c1.jpg",
    "material": "铸铁", "on_tactile_paving": "否",
}  # fmt: skip
CITY = (115.9, 27.9, 116.1, 28.1)


def rows(count: int) -> list[dict[str, str]]:
    return [
        ROW | {"code": f"99010101010{at:05}", "lon": f"{116.0001 + at * 0.00001:.5f}"} for at in range(1, count + 1)
    ]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def town(town_folder: Path, tmp_path: Path) -> SmallTown:
    """The small city in a file, so that the command line finds it."""
    return SmallTown(town_folder, f"sqlite:///{tmp_path / 'small.db'}")


@pytest.fixture
def rules(town: SmallTown) -> Rules:
    return load_rules(town.session, town.city)


@pytest.fixture
def survey(town: SmallTown, rules: Rules, tmp_path: Path) -> Callable[..., SurveyReport]:
    def run(rows: list[dict[str, str]], **options: Any) -> SurveyReport:
        found = import_survey(town.session, write(tmp_path / "c.csv", rows), rules, lambda: MONDAY, **options)
        town.session.expire_all()
        return found

    return run


def count(town: SmallTown, table: type[Base]) -> int:
    return town.session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"code": "12"}, "does not have 16 digits"),
        ({"code": "９９０１０１０１０１００００１２"}, "does not have 16 digits"),
        ({"code": "9901010102000009"}, "digits 7 to 10"),
        ({"full_code": "9999"}, "no component subclass"),
        ({"lon": "117"}, "in no unit grid"),
        ({"lon": "nan"}, "no finite number"),
        ({"lat": "inf"}, "no finite number"),
        ({"lat": "north"}, "is no number"),
        ({"lon": "500"}, "no degrees"),
        ({"grid": "990101001001009"}, "lies in grid 990101001001001"),
        ({"dept_owner": "NOBODY"}, "no department"),
        ({"state": "fine"}, "is none of 完好"),
        ({"initial_date": "2025-02-30"}, "is no date"),
        ({"on_tactile_paving": "perhaps"}, "neither yes nor no"),
        ({"material": "铁" * 21}, "longer than 20"),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason_and_the_others_are_taken(
    town: SmallTown, survey: Callable[..., SurveyReport], wrong: dict[str, str], reason: str
) -> None:
    told: list[Rejection] = []
    report = survey([*rows(2), ROW | {"code": "9901010101000009"} | wrong], refuse=told.append)
    assert (report.read, report.added, report.refused) == (3, 2, 1)
    assert told == report.rejected
    assert (told[0].line, reason in told[0].reason) == (4, True), told[0]
    kept = town.session.scalars(select(SurveyRefusal)).one()
    assert (kept.line, kept.reason) == (4, told[0].reason)
    assert count(town, Component) == 2


def test_a_code_that_stands_twice_is_refused_and_told_whether_it_says_the_same(
    survey: Callable[..., SurveyReport],
) -> None:
    report = survey([ROW, ROW, ROW | {"state": "破损"}])
    assert (report.added, report.refused) == (1, 2)
    assert ["same content" in item.reason for item in report.rejected] == [True, False]
    assert "other content" in report.rejected[1].reason


def test_a_row_comes_with_grid_attributes_and_photo(town: SmallTown, survey: Callable[..., SurveyReport]) -> None:
    survey([ROW])
    found = town.session.get_one(Component, ROW["code"])
    assert (found.grid_code, found.photo) == ("990101001001001", "c1.jpg")
    assert found.attributes == {"material": "铸铁", "on_tactile_paving": False}


def test_the_same_file_twice_changes_nothing(town: SmallTown, survey: Callable[..., SurveyReport]) -> None:
    survey(rows(5))
    before = town.session.execute(select(Component.__table__)).all()
    again = survey(rows(5))
    assert (again.added, again.changed, again.unchanged, again.refused) == (0, 0, 5, 0)
    assert town.session.execute(select(Component.__table__)).all() == before
    assert count(town, ComponentChange) == 0


def test_a_changed_row_leaves_history_and_moves_the_counts(
    town: SmallTown, survey: Callable[..., SurveyReport]
) -> None:
    survey(rows(3))
    assert sum(amount for _, amount in counts_in(town.session, CITY)[1]) == 3
    report = survey([rows(3)[0] | {"state": "移除", "lon": "116.0021", "lat": "28.0021"}])
    assert (report.changed, report.unchanged) == (1, 0)
    change = town.session.scalars(select(ComponentChange)).one()
    assert (change.kind, change.status, change.survey_id) == ("survey", "confirmed", report.survey_id)
    assert change.before is not None
    assert (change.before["lon"], change.after["lon"], change.after["state"]) == (116.00011, 116.0021, "移除")
    assert sum(amount for _, amount in counts_in(town.session, CITY)[1]) == 2
    assert sum(amount for _, amount in counts_in(town.session, CITY, full_code="0101")[1]) == 2


def test_what_a_file_does_not_say_stays(town: SmallTown, survey: Callable[..., SurveyReport]) -> None:
    survey([ROW])
    bare = {name: value for name, value in ROW.items() if name not in ("photo", "material")}
    report = survey([bare | {"dept_owner": "", "state": "破损"}])
    found = town.session.get_one(Component, ROW["code"])
    assert (report.changed, found.state, found.photo, found.dept_owner) == (1, "破损", "c1.jpg", "MUNICIPAL")
    assert found.attributes == {"material": "铸铁", "on_tactile_paving": False}


def test_another_owner_waits_as_a_claim_and_is_claimed_once(
    town: SmallTown, survey: Callable[..., SurveyReport]
) -> None:
    survey([ROW])
    other = ROW | {"dept_owner": "EMERGENCY"}
    assert [survey([other]).claims for _ in range(2)] == [1, 0]
    assert town.session.get_one(Component, ROW["code"]).dept_owner == "MUNICIPAL"
    claim = town.session.scalars(select(ComponentChange)).one()
    assert (claim.kind, claim.status, claim.before, claim.after) == (
        "ownership", "proposed", {"dept_owner": "MUNICIPAL"}, {"dept_owner": "EMERGENCY"},
    )  # fmt: skip


def test_a_survey_that_was_cut_off_goes_on(
    town: SmallTown, rules: Rules, survey: Callable[..., SurveyReport], tmp_path: Path
) -> None:
    content = [*rows(4), ROW | {"code": "12"}, *rows(7)[4:], rows(7)[0] | {"note": "again"}]

    def stop_after(done: list[int]) -> Callable[[int], None]:
        def advance(number: int) -> None:
            done.append(number)
            if sum(done) >= 6:
                raise KeyboardInterrupt

        return advance

    with pytest.raises(KeyboardInterrupt):
        survey(content, batch_rows=3, progress=stop_after([]))
    assert count(town, Component) == 5
    told: list[Rejection] = []
    report = survey(content, batch_rows=3, refuse=told.append)
    assert (report.resumed_at, report.read, report.added, report.unchanged, report.refused) == (6, 9, 7, 0, 2)
    assert [item.line for item in told] == [6, 10]
    assert (count(town, Component), count(town, Survey)) == (7, 1)
    assert town.session.scalars(select(Survey)).one().finished_at == MONDAY
    assert sum(amount for _, amount in counts_in(town.session, CITY)[1]) == 7


def test_a_dry_run_writes_nothing(town: SmallTown, survey: Callable[..., SurveyReport]) -> None:
    report = survey([*rows(2), ROW | {"code": "12"}], dry_run=True)
    assert (report.added, report.refused) == (2, 1)
    assert [count(town, table) for table in (Component, Survey, SurveyRefusal, ComponentCount)] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("上水井盖,完好\n".encode("utf-16"), "not UTF-8 nor GB18030"),
        (b"code,full_code\n", "no column name"),
        (b"", "no column code"),
        (b'\xef\xbb\xbf"' + b"x" * 200_000, "export the file again"),
    ],
)
def test_a_file_that_is_no_survey_is_refused_before_anything_is_written(
    town: SmallTown, rules: Rules, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(content)
    with pytest.raises(CityBroken, match=reason):
        import_survey(town.session, path, rules, lambda: MONDAY)
    assert count(town, Survey) == 0


def test_a_fault_at_the_end_of_the_file_leaves_nothing_half_loaded(
    town: SmallTown, rules: Rules, tmp_path: Path
) -> None:
    path = write(tmp_path / "c.csv", rows(5))
    path.write_bytes(path.read_bytes() + "9901010101009999,上水".encode("gb18030"))
    with pytest.raises(CityBroken, match="not UTF-8"):
        import_survey(town.session, path, rules, lambda: MONDAY, batch_rows=2)
    assert count(town, Component) == 0


def test_an_unknown_column_is_named_rather_than_lost(survey: Callable[..., SurveyReport]) -> None:
    with pytest.raises(CityBroken, match=r"colour; .*component_attributes\.csv"):
        survey([ROW | {"colour": "red"}])


def test_a_row_with_too_many_fields_is_refused(town: SmallTown, rules: Rules, tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", rows(1))
    path.write_text(path.read_text(encoding="utf-8") + "1,2,3\n", encoding="utf-8")
    report = import_survey(town.session, path, rules, lambda: MONDAY)
    assert (report.added, report.refused) == (1, 1)
    assert "3 fields" in report.rejected[0].reason


def test_components_come_by_the_command_line_and_every_refusal_is_in_the_report(
    town: SmallTown, tmp_path: Path
) -> None:
    file = write(tmp_path / "c.csv", [ROW, *({**ROW, "code": str(at)} for at in range(30))])
    common = ["import", "components", str(file), "--city", str(town.folder), "--database", town.url]
    dry = CliRunner().invoke(main, [*common, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "31 rows read, 1 added, 0 changed, 0 unchanged, 30 refused; dry run, nothing written" in dry.output
    report = tmp_path / "refused.csv"
    done = CliRunner().invoke(main, [*common, "--report", str(report)])
    assert done.exit_code == 0, done.output
    assert "and 10 more; all of them are in" in done.output
    assert len(list(csv.DictReader(report.open(encoding="utf-8")))) == 30
