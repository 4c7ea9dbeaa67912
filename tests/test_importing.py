"""Files come into a small city whole, say what they refuse and why, and may come twice."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from api.cli import main
from engine.casefile.unit import Unit
from engine.cases import importing
from engine.cases.import_profile import load_profile
from engine.cases.importing import ImportReport, import_cases
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.catalogue.book import CatalogueBook
from engine.catalogue.lookup import version_in_force
from engine.database import begin_write
from engine.loading.single_files import import_catalogue, import_grids
from engine.models import Case, CaseEvent, CaseLink, CaseUnit, CatalogueVersion, Component, Evaluation, UnitGrid
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

PROFILE = """
[columns]
external_id = "Id"
opened_at = "Opened"
due_at = "Due"
closed_at = "Closed"
type = "Type"
title = "Title"
lon = "Lon"
lat = "Lat"
source = "Source"
state = "State"
closing = "Note"
verdict = "Verdict"
[times]
format = "%Y-%m-%d %H:%M"
zone = "Asia/Shanghai"
[types]
file = "types.csv"
[departments]
columns = ["Department"]
file = "departments.csv"
[sources]
phone = "hotline_12345"
pigeon = "pigeon"
[state]
open = ["Open"]
closed = ["Closed"]
[verdict]
on_time = ["yes"]
overdue = ["no"]
[closing]
original = '\\bC\\d+'
otherwise = "solved"
[[closing.outcomes]]
pattern = "^duplicate"
outcome = "duplicate"
[[closing.outcomes]]
pattern = "^invalid"
outcome = "invalid"
[[closing.outcomes]]
pattern = "^noted"
outcome = "noted"
"""
ROW = {
    "Id": "C1", "Type": "Rubbish",
    "Opened": "2026-02-02 09:00", "Due": "2026-02-03 09:00", "Closed": "2026-02-03 08:00",
    "Title": "bags", "Lon": "116.0005", "Lat": "28.0005", "Source": "phone", "State": "Closed", "Note": "done",
    "Verdict": "yes", "Department": "Cleaning",
}  # fmt: skip
SIX = [
    ROW,
    ROW | {"Id": "C2", "Closed": "2026-02-03 10:00", "Verdict": "yes"},
    ROW | {"Id": "C3", "State": "Open", "Closed": "", "Note": "", "Verdict": ""},
    ROW | {"Id": "C4", "Note": "duplicate of C1", "Verdict": "yes"},
    ROW | {"Id": "C5", "Note": "invalid", "Verdict": ""},
    ROW | {"Id": "C6", "Note": "noted", "Lon": "117.5", "Verdict": "yes"},
]


@pytest.fixture
def town(tmp_path: Path) -> SmallTown:
    """A small city with an import profile, its database a file."""
    folder = write_small_city(tmp_path / "small")
    (folder / "imports").mkdir()
    (folder / "imports/other.toml").write_text(PROFILE, encoding="utf-8")
    (folder / "imports/types.csv").write_text("value,kind,full_code\nRubbish,event,0110\nComet,event,9999\n")
    (folder / "imports/departments.csv").write_text(
        "column,value,department\nDepartment,Cleaning,SANITATION\nDepartment,Moon,MOON\n"
    )
    return SmallTown(folder, f"sqlite:///{tmp_path / 'small.db'}")


def take(town: SmallTown, rows: list[dict[str, str]], *, dry_run: bool = False) -> ImportReport:
    profile = load_profile(town.folder / "imports/other.toml")
    return import_cases(town.session, town.platform, profile.read_all(rows), MONDAY, dry_run=dry_run)


def case_of(town: SmallTown, external_id: str) -> Case:
    return town.session.scalars(select(Case).where(Case.external_id == external_id)).one()


def count(town: SmallTown, model: Any) -> int:
    return town.session.scalar(select(func.count()).select_from(model)) or 0


# Cases --------------------------------------------------------------------------------------------------------


def test_rows_become_cases_with_their_times_place_and_end(town: SmallTown) -> None:
    report = take(town, SIX)
    assert (report.read, report.taken, report.rejected) == (6, 6, [])
    case = case_of(town, "C1")
    assert (case.status, case.close_kind, case.on_time) == ("closed", "solved", True)
    assert (case.number, case.grid_code, case.duty_grid_code) == ("C1", "990101001001001", "D1")
    assert (case.lead_department, case.limit_text) == ("SANITATION", str(find_limit(town, case)))
    assert case.closed_at is not None and case.closed_at.isoformat() == "2026-02-03T00:00:00+00:00"
    assert [case_of(town, f"C{n}").status for n in range(2, 7)] == [
        "closed", "dispatched", "merged", "rejected", "closed",
    ]  # fmt: skip
    assert case_of(town, "C6").close_kind == "notification"


def find_limit(town: SmallTown, case: Case) -> Any:
    assert case.catalogue_version_id is not None and case.condition_no is not None
    return town.platform.host.condition_limit(case)


def test_the_history_says_what_the_file_said(town: SmallTown) -> None:
    take(town, SIX)
    event = town.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_of(town, "C2").id)).one()
    assert (event.kind, event.data["stated_on_time"], event.data["on_time"]) == ("imported", True, False)


def test_a_case_outside_every_grid_is_kept_and_said_so(town: SmallTown) -> None:
    report = take(town, SIX)
    assert report.outside == 1
    assert case_of(town, "C6").grid_code is None


def test_a_duplicate_points_at_its_original(town: SmallTown) -> None:
    report = take(town, SIX)
    assert report.merged == 1
    assert case_of(town, "C4").merged_into_id == case_of(town, "C1").id
    assert count(town, CaseLink) == 1


def test_closed_cases_count_in_the_evaluation(town: SmallTown) -> None:
    take(town, SIX)
    facts = town.session.get_one(Evaluation, case_of(town, "C2").id).facts
    assert (facts["on_time"], facts["department"], facts["close_kind"]) == (False, "SANITATION", "solved")
    assert count(town, Evaluation) == 3


def test_verdicts_are_held_against_the_dates(town: SmallTown) -> None:
    verdicts = take(town, SIX).verdicts
    assert (verdicts.equal, verdicts.blank) == (3, 2)
    assert dict(verdicts.different) == {"closed after its due moment, stated on time": 1}


def test_due_moments_are_held_against_the_city_clock(town: SmallTown) -> None:
    version = version_in_force(town.session, date(2026, 2, 2))
    limit = limit_in(town, version.id)
    assert limit  # the core catalogue gives rubbish a limit, and it is not the file's day
    [entry] = take(town, SIX).due_moments
    assert (entry.stated, entry.met, entry.off_by.total()) == (6, 0, 6)


def test_the_same_file_twice_changes_nothing(town: SmallTown) -> None:
    take(town, SIX)
    report = take(town, SIX)
    assert (report.taken, report.changed, report.unchanged) == (0, 0, 6)
    assert [count(town, model) for model in (Case, CaseEvent, CaseUnit, Evaluation, CaseLink)] == [6, 6, 5, 3, 1]


def test_a_row_that_says_something_new_updates_its_case(town: SmallTown) -> None:
    take(town, SIX)
    report = take(town, [*SIX[:2], SIX[2] | {"State": "Closed", "Closed": "2026-02-05 09:00", "Note": "done"}])
    assert (report.taken, report.changed, report.unchanged) == (0, 1, 2)
    town.session.expire_all()
    case = case_of(town, "C3")
    assert (case.status, case.on_time, case.version) == ("closed", False, 2)
    assert town.session.get(Evaluation, case.id) is not None


def test_a_case_that_is_handled_here_is_left_alone(town: SmallTown) -> None:
    begin_write(town.session)
    told = Report("event", "0110", "bags", "patrol", lon=116.0005, lat=28.0005, condition_no=1, external_id="C2")
    report_case(town.session, town.platform, told, town.actor("collector"), MONDAY)
    town.session.commit()
    report = take(town, SIX)
    assert (report.taken, report.handled_here) == (5, 1)
    assert case_of(town, "C2").status == "reported"


def test_an_id_that_is_another_cases_number_is_refused(town: SmallTown) -> None:
    begin_write(town.session)
    told = Report("event", "0110", "bags", "patrol", lon=116.0005, lat=28.0005, condition_no=1)
    number = report_case(town.session, town.platform, told, town.actor("collector"), MONDAY).number
    town.session.commit()
    report = take(town, [ROW, ROW | {"Id": number}])
    assert report.taken == 1
    assert [(item.line, item.reason) for item in report.rejected] == [
        (3, f"another case has the number {number} already")
    ]


def test_a_dry_run_says_the_same_and_writes_nothing(town: SmallTown) -> None:
    report = take(town, SIX, dry_run=True)
    assert (report.taken, report.merged) == (6, 1)
    assert count(town, Case) == count(town, CaseEvent) == 0


def test_a_failure_half_way_leaves_nothing(town: SmallTown, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(importing, "link_duplicates", broken)
    with pytest.raises(RuntimeError):
        take(town, SIX)
    assert count(town, Case) == count(town, CaseEvent) == 0


@pytest.mark.parametrize(
    ("change", "column", "remedy"),
    [
        ({"Opened": "yesterday"}, "Opened", "write times as"),
        ({"Type": "Noise"}, "Type", "types.csv"),
        ({"Type": "Comet"}, "type", "catalogue/classes.csv"),
        ({"Department": "Moon"}, "department", "organisation/departments.csv"),
        ({"Source": "pigeon"}, "source", "map it in [sources]"),
        ({"Id": "C1"}, "external id", "remove one of the two"),
    ],
)
def test_a_bad_row_is_refused_and_the_rest_goes_on(
    town: SmallTown, change: dict[str, str], column: str, remedy: str
) -> None:
    report = take(town, [ROW, ROW | {"Id": "C9"} | change, ROW | {"Id": "C8"}])
    [refused] = report.rejected
    assert (report.taken, refused.line, refused.column) == (2, 3, column)
    assert remedy in refused.remedy


# The command line ---------------------------------------------------------------------------------------------


def run(town: SmallTown, *words: str) -> Result:
    return CliRunner().invoke(main, ["import", *words, "--city", str(town.folder), "--database", town.url])


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_the_command_says_rows_verdicts_and_refusals(town: SmallTown, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.csv", [*SIX, ROW | {"Id": "C9", "Type": "Noise"}])
    answer = run(town, "cases", str(file), "--report", str(tmp_path / "refused.csv"))
    assert answer.exit_code == 0, answer.output
    assert "7 rows read, 6 taken, 0 changed, 0 unchanged, 1 refused" in answer.output
    assert "3 of 4 equal, 1 different, 2 blank" in answer.output
    assert "line 8, Type: type 'Noise' has no subclass" in answer.output
    [refused] = csv.DictReader((tmp_path / "refused.csv").open(encoding="utf-8"))
    assert (refused["line"], refused["column"]) == ("8", "Type")


def test_an_unknown_profile_is_told_the_known_ones(town: SmallTown, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.csv", SIX)
    answer = run(town, "cases", str(file), "--profile", "else")
    assert answer.exit_code == 1
    assert "other" in answer.output and "--profile" in answer.output


# Components, grids, catalogue ---------------------------------------------------------------------------------

COMPONENT = {
    "code": "9901010101000001", "full_code": "0101", "name": "上水井盖", "lon": "116.0005",
    "lat": "28.0005", "grid": "",
    "dept_in_charge": "", "dept_owner": "MUNICIPAL", "dept_maintenance": "", "state": "完好",
    "initial_date": "2025-01-02", "change_date": "", "source": "实测", "note": "",
}  # fmt: skip


def test_grids_are_refused_for_what_they_are(town: SmallTown, tmp_path: Path) -> None:
    ring = [[116.003, 28], [116.004, 28], [116.004, 28.001], [116.003, 28.001], [116.003, 28]]
    bow = [[116.003, 28], [116.004, 28.001], [116.004, 28], [116.003, 28.001], [116.003, 28]]
    good = {"code": "990101001001010", "community": "990101001001", "area_class": "A", "duty_grid": "D1"}
    features = [
        (good, ring),
        (good | {"code": "1"}, ring),
        (good | {"code": "990101001001011", "area_class": "X"}, ring),
        (good | {"code": "990101001001012", "community": "7"}, ring),
        (good | {"code": "990101001001013"}, bow),
        (good | {"code": "990101001001014", "duty_grid": "D9"}, ring),
    ]
    file = tmp_path / "grids.geojson"
    collection = [
        {"type": "Feature", "properties": values, "geometry": {"type": "Polygon", "coordinates": [points]}}
        for values, points in features
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": collection}))
    dry = import_grids(town.session, town.city, file, town.clock.now(), dry_run=True)
    assert (dry.read, dry.added, len(dry.rejected)) == (6, 1, 5)
    assert town.session.get(UnitGrid, "990101001001010") is None
    import_grids(town.session, town.city, file, town.clock.now())
    assert town.session.get(UnitGrid, "990101001001010") is not None


CONDITION = {
    "kind": "event", "full_code": "0110", "condition_no": "1", "defect_code": "", "filing_condition": "有暴露垃圾",
    "filing_condition_en": "Rubbish", "limit": "1 urgent_hour", "closing_condition": "清理", "source": "city",
}  # fmt: skip


def test_a_catalogue_file_becomes_a_version_and_leaves_the_old_one_to_its_cases(
    town: SmallTown, tmp_path: Path
) -> None:
    rows = [CONDITION, CONDITION | {"full_code": "9999"}, CONDITION | {"condition_no": "2", "limit": "soon"}]
    report = import_catalogue(
        town.session, write_rows(tmp_path / "c.csv", rows), MONDAY, name="汛期", valid_from=date(2026, 6, 1)
    )
    assert (report.read, report.changed, len(report.rejected)) == (3, 1, 2)
    before, after = (version_in_force(town.session, day) for day in (date(2026, 5, 31), date(2026, 6, 1)))
    assert (after.name, before.id == after.id) == ("汛期", False)
    assert limit_in(town, after.id) == "1 urgent_hour"
    assert limit_in(town, before.id) != "1 urgent_hour"
    assert count(town, CatalogueVersion) == 2


def test_components_come_by_the_command_line_too(town: SmallTown, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "c.csv", [COMPONENT, COMPONENT | {"code": "12"}])
    answer = run(town, "components", str(file), "--dry-run")
    assert answer.exit_code == 0, answer.output
    assert "2 rows read, 1 added, 0 changed, 0 unchanged, 1 refused; dry run, nothing written" in answer.output
    assert count(town, Component) == 0


def limit_in(town: SmallTown, version_id: int) -> str:
    """The limit of one filing condition in an edition of the catalogue."""
    return CatalogueBook().edition(Unit(town.session), version_id).limit("event", "0110", 1)
