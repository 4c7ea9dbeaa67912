"""Import profiles: what a row becomes, what a refused row says, and what a broken profile says."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cases.import_profile import ImportedCase, ImportProfile, Outcome, RowRejected, load_profile, open_rows
from engine.cases.import_words import ImportProfileBroken
from engine.loading.encodings import encoding_of

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
zone = "America/New_York"

[types]
file = "types.csv"

[[conditions]]
full_code = "0101"
number = 2
column = "Title"
pattern = "racial"
unless = { Source = ["web"] }

[departments]
columns = ["Yard", "Department"]
file = "departments.csv"

[sources]
web = "web"
phone = "hotline"

[state]
open = ["Open"]
closed = ["Closed"]

[verdict]
on_time = ["yes"]
overdue = ["no"]

[closing]
boilerplate = "^Case Closed ?"
original = "\\\\bC\\\\d+"
[[closing.outcomes]]
pattern = "^duplicate"
outcome = "duplicate"
"""
TYPES = "value,kind,full_code\nGraffiti,event,0101\n"
DEPARTMENTS = "column,value,department\nYard,North,YARD_N\nDepartment,Works,WORKS\n"
ROW = {
    "Id": "C7", "Type": "Graffiti",
    "Opened": "2015-01-05 09:00", "Due": "2015-01-06 09:00", "Closed": "2015-01-06 08:59",
    "Title": "Racial graffiti", "Lon": "-71.06", "Lat": "42.36", "Source": "phone", "State": "Closed",
    "Note": "Case Closed painted over", "Verdict": "yes", "Yard": "", "Department": "Works",
}  # fmt: skip


def write_profile(folder: Path, text: str = PROFILE) -> Path:
    (folder / "types.csv").write_text(TYPES, encoding="utf-8")
    (folder / "departments.csv").write_text(DEPARTMENTS, encoding="utf-8")
    path = folder / "other.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def profile(tmp_path: Path) -> ImportProfile:
    return load_profile(write_profile(tmp_path))


def test_a_row_becomes_a_case_in_our_words(profile: ImportProfile) -> None:
    case = profile.read(ROW, line=2)
    assert (case.kind, case.full_code, case.department, case.source) == ("event", "0101", "WORKS", "hotline")
    assert case.opened_at == datetime(2015, 1, 5, 14, 0, tzinfo=UTC)
    assert (case.lon, case.lat) == (-71.06, 42.36)
    assert (case.outcome, case.status, case.closing_note) == (Outcome.SOLVED, "closed", "painted over")
    assert case.stated_on_time is True


def test_the_first_known_department_column_wins(profile: ImportProfile) -> None:
    assert profile.read(ROW | {"Yard": "North"}).department == "YARD_N"
    assert profile.read(ROW | {"Yard": "nobody knows"}).department == "WORKS"


def test_a_condition_is_chosen_by_its_pattern_unless_excepted(profile: ImportProfile) -> None:
    assert profile.read(ROW).condition_no == 2
    assert profile.read(ROW | {"Title": "Tag"}).condition_no == 1
    assert profile.read(ROW | {"Source": "web"}).condition_no == 1


def test_a_duplicate_is_merged_and_names_its_original(profile: ImportProfile) -> None:
    case = profile.read(ROW | {"Note": "Case Closed Duplicate of C12, thank you"})
    assert (case.outcome, case.status, case.duplicate_of) == (Outcome.DUPLICATE, "merged", "C12")


def test_an_open_case_has_no_outcome_even_with_an_old_note(profile: ImportProfile) -> None:
    case = profile.read(ROW | {"State": "Open"})
    assert (case.outcome, case.closed_at, case.closing_note, case.status) == (None, None, "", "dispatched")


def test_on_time_is_computed_from_the_dates(profile: ImportProfile) -> None:
    drawn_at = datetime(2015, 1, 6, 14, 0, tzinfo=UTC)
    assert profile.read(ROW).on_time(drawn_at)
    assert profile.read(ROW | {"Closed": "2015-01-06 09:00"}).on_time(drawn_at)
    assert not profile.read(ROW | {"Closed": "2015-01-06 09:01"}).on_time(drawn_at)
    waiting = profile.read(ROW | {"State": "Open"})
    assert waiting.on_time(drawn_at)
    assert not waiting.on_time(drawn_at + timedelta(minutes=1))
    assert profile.read(ROW | {"Due": "", "State": "Open"}).on_time(drawn_at + timedelta(days=999))


@pytest.mark.parametrize(
    ("change", "column", "remedy"),
    [
        ({"Type": "Flood"}, "Type", "types.csv"),
        ({"Department": "Fire"}, "Department", "departments.csv"),
        ({"Source": "pigeon"}, "Source", "[sources]"),
        ({"State": "Maybe"}, "State", "[state]"),
        ({"Verdict": "perhaps"}, "Verdict", "[verdict]"),
        ({"Opened": "yesterday"}, "Opened", "[times]"),
        ({"Opened": ""}, "Opened", "correct the row"),
        ({"Closed": ""}, "Closed", "correct the row"),
        ({"Closed": "2015-01-01 08:00"}, "Closed", "correct one of the two"),
        ({"Id": " "}, "Id", "correct the row"),
        ({"Lon": "west"}, "Lon", "correct the row"),
        ({"Lon": "42.36", "Lat": "-271.06"}, "Lon", "swap"),
    ],
)
def test_a_refused_row_names_line_column_and_remedy(
    profile: ImportProfile, change: dict[str, str], column: str, remedy: str
) -> None:
    with pytest.raises(RowRejected) as refused:
        profile.read(ROW | change, line=17)
    assert (refused.value.line, refused.value.column) == (17, column)
    assert remedy in refused.value.remedy
    assert str(refused.value).startswith(f"line 17, {column}: ")


def test_a_refused_row_does_not_stop_the_file(profile: ImportProfile) -> None:
    read = list(profile.read_all([ROW, ROW | {"Type": "Flood"}, ROW]))
    assert [type(row) for row in read] == [ImportedCase, RowRejected, ImportedCase]
    assert [row.line for row in read] == [2, 3, 4]


def test_plain_and_gzipped_files_read_the_same(tmp_path: Path) -> None:
    text = ",".join(ROW) + "\n" + ",".join(ROW.values()) + "\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "a.csv.gz", "wt", encoding="utf-8") as file:
        file.write(text)
    assert list(open_rows(tmp_path / "a.csv")) == list(open_rows(tmp_path / "a.csv.gz")) == [ROW]


def test_a_file_of_cases_in_gb18030_is_read_with_a_remark(tmp_path: Path) -> None:
    text = "编号,小类\n1,占道经营\n"
    (tmp_path / "a.csv").write_bytes(text.encode("gb18030"))
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode("gb18030")))
    (tmp_path / "b.csv").write_bytes(text.encode("utf-8-sig"))
    for name in ("a.csv", "a.csv.gz", "b.csv"):
        encoding = encoding_of(tmp_path / name)
        assert ("GB18030" in encoding.note) == (name[0] == "a")
        assert list(open_rows(tmp_path / name, encoding.name)) == [{"编号": "1", "小类": "占道经营"}]


@pytest.mark.parametrize(
    ("find", "replace", "said"),
    [
        ('external_id = "Id"\n', "", "external_id"),
        ('external_id = "Id"', 'extrenal_id = "Id"', "extrenal_id"),
        ('zone = "America/New_York"', 'zone = "America/Atlantis"', "America/Atlantis"),
        ('outcome = "duplicate"', 'outcome = "vanished"', "vanished"),
        ('pattern = "racial"', 'pattern = "(racial"', "(racial"),
        ('file = "types.csv"', 'file = "tipes.csv"', "tipes.csv"),
        ('columns = ["Yard", "Department"]\n', "", "columns"),
        ("[times]", "[times", "TOML"),
    ],
)
def test_a_broken_profile_names_what_is_wrong(tmp_path: Path, find: str, replace: str, said: str) -> None:
    assert find in PROFILE
    with pytest.raises(ImportProfileBroken) as broken:
        load_profile(write_profile(tmp_path, PROFILE.replace(find, replace)))
    assert said in str(broken.value)
    assert str(tmp_path) in str(broken.value)


def test_a_table_with_another_header_is_refused(tmp_path: Path) -> None:
    path = write_profile(tmp_path)
    (tmp_path / "types.csv").write_text("type,code\nGraffiti,0101\n", encoding="utf-8")
    with pytest.raises(ImportProfileBroken, match="write value,kind,full_code"):
        load_profile(path)
