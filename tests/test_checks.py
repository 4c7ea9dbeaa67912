"""``wangge check`` tells every fault at once, with file, element and remedy; clean cities pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_cities import break_everything, change, find, findings_of, write
from click.testing import CliRunner

from api.cli import main
from engine.checks import check_city, check_folder, errors_of, refuse_broken
from engine.city import cities_root, load_city
from engine.errors import CityBroken
from engine.layers import core_root
from engine.loading.catalogue import CONDITION
from engine.models import Case
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.fact_names import FACTS

SHIPPED = sorted(path.parent.name for path in cities_root().glob("*/city.toml"))


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


# The whole ----------------------------------------------------------------------------------------------------


def test_the_small_city_has_no_errors(city: Path) -> None:
    assert errors_of(findings_of(city)) == []


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_cities_have_no_errors(name: str) -> None:
    assert [str(finding) for finding in errors_of(check_folder(name)[1])] == []


def test_every_fault_is_told_at_once(city: Path) -> None:
    expected = break_everything(city)
    errors = errors_of(findings_of(city))
    for (file, element), words in expected.items():
        hits = [each for each in errors if each.file == file and words in each.message]
        assert hits, f"{file}, {element}: {words} is missing in\n" + "\n".join(map(str, errors))
        assert all(hit.element and hit.remedy for hit in hits)


def test_the_command_lists_every_fault_and_fails(city: Path) -> None:
    expected = break_everything(city)
    result = CliRunner().invoke(main, ["check", "--city", str(city)])
    assert result.exit_code == 1
    for (file, _), words in expected.items():
        assert file in result.output
        assert words in result.output
    assert re.search(r"\d+ errors, \d+ warnings?", result.output)
    assert result.output.count("→") >= len(expected)


def test_the_command_passes_a_clean_city_unless_it_is_strict(city: Path) -> None:
    assert CliRunner().invoke(main, ["check", "--city", str(city)]).exit_code == 0
    assert CliRunner().invoke(main, ["check", "--city", str(city), "--strict"]).exit_code == 1


def test_the_command_prints_json(city: Path) -> None:
    break_everything(city)
    result = CliRunner().invoke(main, ["check", "--city", str(city), "--json"])
    assert result.exit_code == 1
    printed = json.loads(result.output)
    assert {"severity", "file", "element", "message", "remedy", "line", "layer", "excerpt"} == set(printed[0])
    assert len(printed) == len(findings_of(city))


def test_the_command_shows_a_caret_under_the_character_at_fault(city: Path) -> None:
    (city / "decisions").mkdir(exist_ok=True)
    core = Path(__file__).parents[1] / "processes/decisions/dispatch.dmn"
    broken = core.read_text(encoding="utf-8").replace("<text>case.owner_department<", "<text>case.class.name<")
    (city / "decisions/dispatch.dmn").write_text(broken, encoding="utf-8")
    printed = CliRunner().invoke(main, ["check", "--city", str(city)]).output
    assert "      case.class.name\n           ^\n      → look it up as ['class']\n" in printed


def test_errors_are_refused_all_in_one_message(city: Path) -> None:
    break_everything(city)
    findings = findings_of(city)
    with pytest.raises(CityBroken) as caught:
        refuse_broken(findings)
    assert len(caught.value.message.splitlines()) == len(errors_of(findings)) >= 6


def test_warnings_alone_are_not_refused(city: Path) -> None:
    findings = check_city(load_city(str(city)))
    assert findings
    refuse_broken(findings)


def test_a_broken_city_toml_does_not_hide_the_faults_of_other_files(city: Path) -> None:
    change(city, "city.toml", "Asia/Shanghai", "Asia/Nowhere")
    write(city, "processes/torn.bpmn", "<oops")
    loaded, findings = check_folder(str(city))
    assert loaded is None
    assert {finding.file for finding in errors_of(findings)} == {"city.toml", "processes/torn.bpmn"}


def test_an_unreadable_city_toml_is_told_with_its_line(city: Path) -> None:
    write(city, "city.toml", '[city]\nid = "small"\nname = \n')
    assert find(city, "city.toml", "file", "cannot be read").line == 3


def test_the_known_facts_are_those_a_case_has(tmp_path: Path) -> None:
    town = SmallTown(write_small_city(tmp_path / "town"))
    try:
        case = Case(
            number="1", status="reported", kind="event", full_code="0101", source="patrol", area_class="A",
            urgent=False, self_handled=False, reporter_phone="", extensions=0, suspensions=0, reworks=0, returns=0,
            supervisions=0, appeals=0,
        )  # fmt: skip
        assert set(town.platform.host.facts(town.session, case, MONDAY)) == FACTS
    finally:
        town.close()


def test_stages_are_those_of_the_documentation() -> None:
    from engine.checks.tasks import STAGES

    page = (core_root().parent / "docs/reference/diagrams.md").read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("| property `stage`"))
    assert set(line.split("|")[2].strip(" `").split()) == set(STAGES)


# city.toml ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "element", "words"),
    [
        ("weekdays = [1, 2, 3, 4, 5]", "", "working_time.weekdays", "has no weekdays"),
        ('country = "CN"', 'county = "CN"', "holidays.county", "does not know county"),
        ("[holidays]", "[holiday]", "holiday", "no table [holiday]"),
        ('["zh", "en"]', '["zh", "zh"]', "city.languages", "repeat"),
        ('["zh", "en"]', '"zh"', "city.languages", "languages is 'zh'"),
        ("-{serial:05}", "", "city.case_number", "gives two cases one number"),
        ("-{serial:05}", "-{number}", "city.case_number", "cannot be filled in"),
        ("^99", "^(99", "city.unit_grid_code", "cannot be read"),
        ("[holidays]", '[plugins]\nenabled = ["trafic"]\n[holidays]', "plugins.enabled", "'trafic' is not installed"),
        ("[holidays]", '[lifecycle]\nprocess = "cse"\n[holidays]', "lifecycle.process", "no processes/cse.bpmn"),
        ("12:00", "15:00", "working_time.hours", "overlap"),
        ("08:00-12:00", "12:00-08:00", "working_time.hours", "end before they begin"),
        ("08:00-12:00", "8-12", "working_time.hours", "are not 'HH:MM-HH:MM'"),
        ("[1, 2, 3, 4, 5]", "[1, 8]", "working_time.weekdays", "no working week"),
        ("[holidays]", '[working_time.calendars.night]\nhour = ["20:00-24:00"]\n[holidays]',
         "working_time.calendars.night.hour", "does not know hour"),
        ('country = "CN"', 'country = "XX"', "working_time", "XX"),
    ],
)  # fmt: skip
def test_a_fault_of_city_toml_is_told(city: Path, old: str, new: str, element: str, words: str) -> None:
    change(city, "city.toml", old, new)
    find(city, "city.toml", element, words)


def test_settings_of_a_plugin_that_is_not_enabled_are_doubted(city: Path) -> None:
    change(city, "city.toml", "[holidays]", '[settings.traffic]\nyard = "north"\n[holidays]')
    find(city, "city.toml", "settings.traffic", "nobody reads this", "warning")


def test_hours_out_of_order_are_doubted(city: Path) -> None:
    change(city, "city.toml", '"08:00-12:00", "14:00-18:00"', '"14:00-18:00", "08:00-12:00"')
    find(city, "city.toml", "working_time.hours", "out of order", "warning")


# Calendars ----------------------------------------------------------------------------------------------------


def with_dates(city: Path, rows: str) -> None:
    change(city, "city.toml", 'country = "CN"', 'country = "CN"\nfile = "calendar/holidays.csv"')
    write(city, "calendar/holidays.csv", "date,kind,name\n" + rows)


def test_a_date_that_is_holiday_and_workday_is_an_error(city: Path) -> None:
    with_dates(city, "2026-05-01/2026-05-05,holiday,\n2026-05-04,workday,\n")
    assert find(city, "calendar/holidays.csv", "2026-05-04", "a workday here and a holiday in line 2").line == 3


def test_a_repeated_date_is_doubted(city: Path) -> None:
    with_dates(city, "2026-05-01,holiday,\n2026-05-01,holiday,\n")
    find(city, "calendar/holidays.csv", "2026-05-01", "stands in line 2 already", "warning")


def test_a_range_that_ends_before_it_begins_is_an_error(city: Path) -> None:
    with_dates(city, "2026-05-05/2026-05-01,holiday,\n")
    find(city, "calendar/holidays.csv", "2026-05-05/2026-05-01", "no date and no range")


def test_all_faulty_lines_of_a_date_file_are_told(city: Path) -> None:
    with_dates(city, "tomorrow,holiday,\n2026-05-01,feast,\n")
    find(city, "calendar/holidays.csv", "tomorrow", "no date")
    find(city, "calendar/holidays.csv", "2026-05-01", "kind 'feast'")


def test_a_year_without_a_working_day_is_an_error(city: Path) -> None:
    with_dates(city, "2027-01-01/2027-12-31,holiday,\n")
    find(city, "calendar/holidays.csv", "2027", "has no working day")


def test_a_missing_date_file_is_an_error(city: Path) -> None:
    change(city, "city.toml", 'country = "CN"', 'country = "CN"\nfile = "calendar/gone.csv"')
    find(city, "calendar/gone.csv", "file", "cannot be read")


# Catalogue ----------------------------------------------------------------------------------------------------

CONDITIONS = ",".join(CONDITION) + "\n"
CLASSES = (
    "kind,class_code,class_name,class_name_en,subclass_code,full_code,subclass_name,subclass_name_en,geometry,dept_code,"
    "code_2007,scope,code_source\n"
)


@pytest.mark.parametrize(
    ("row", "element", "words"),
    [
        ("event,9999,1,,文字,,1 work_day,,city\n", "event/9999/1", "classes.csv has no event 9999"),
        ("component,0101,1,,文字,,soon,,city\n", "component/0101/1", "limit 'soon'"),
        ("component,0101,1,,文字,,A: 1 work_day; B: 2 work_day,,city\n", "component/0101/1", "for area class 'C'"),
        ("component,0101,1,,文字,,D: 1 work_day; *: 2 work_day,,city\n", "component/0101/1", "area class 'D'"),
        ("component,0101,1,,文字,,1 work_day,,hearsay\n", "component/0101/1", "source 'hearsay'"),
        ("component,0101,one,,文字,,1 work_day,,city\n", "component/0101/one", "is no number"),
        ("component,0101,1,,,,1 work_day,,city\n", "component/0101/1", "has no text"),
        ("component,0101,1,,甲,,,,city\ncomponent,0101,1,,乙,,,,city\n", "component/0101/1", "stands in line 2 too"),
    ],
)  # fmt: skip
def test_a_fault_of_a_filing_condition_is_told(city: Path, row: str, element: str, words: str) -> None:
    write(city, "catalogue/conditions.csv", CONDITIONS + row)
    find(city, "catalogue/conditions.csv", element, words)


@pytest.mark.parametrize(
    ("row", "element", "words"),
    [
        ("event,09,类,Class,01,0901,名,Name,point,NOBODY,,city,city\n", "event/0901", "department 'NOBODY'"),
        ("event,09,类,Class,01,0902,名,Name,point,POLICE,,city,city\n", "event/0902", "not class_code and"),
        ("thing,09,类,Class,01,0901,名,Name,point,POLICE,,city,city\n", "thing/0901", "kind 'thing'"),
        ("event,09,类,Class,01,0901,名,Name,blob,POLICE,,city,city\n", "event/0901", "geometry 'blob'"),
        ("event,09,类,Class,01,0901,名,Name,point,POLICE,,city,rumour\n", "event/0901", "code_source 'rumour'"),
    ],
)
def test_a_fault_of_a_class_is_told(city: Path, row: str, element: str, words: str) -> None:
    write(city, "catalogue/classes.csv", CLASSES + row)
    find(city, "catalogue/classes.csv", element, words)


def test_a_catalogue_without_version_is_an_error(city: Path) -> None:
    change(city, "city.toml", "[holidays]", "[catalogue]\ninherit = false\n[holidays]")
    find(city, "catalogue/version.toml", "file", "no version.toml")
    find(city, "catalogue/classes.csv", "file", "no catalogue/classes.csv")


def test_a_version_without_a_date_is_an_error(city: Path) -> None:
    write(city, "catalogue/version.toml", 'name = "x"\nvalid_from = "2026"\n')
    find(city, "catalogue/version.toml", "valid_from", "'2026'")


def test_duties_no_unit_answers_for_are_doubted(city: Path) -> None:
    assert "TELECOM" in find(city, "organisation/departments.csv", "duties", "no unit answers", "warning").message


def test_a_duty_the_catalogue_does_not_know_is_an_error(city: Path) -> None:
    change(city, "organisation/departments.csv", "SANITATION;", "SANITTION;")
    find(city, "organisation/departments.csv", "SANITATION", "the duty 'SANITTION'")


# Organisation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new", "element", "words"),
    [
        ("departments", ",handling,,,yes,\n", ",handling,,,,\n", "fallback", "0 units take"),
        ("departments", "Street1,subdistrict,handling,SUBDISTRICT,990101001,,", "Street1,subdistrict,handling,,,yes,",
         "fallback", "2 units take"),
        ("departments", "Street1,subdistrict", "Street1,palace", "STREET1", "kind 'palace'"),
        ("departments", "subdistrict,handling", "subdistrict,helping", "STREET1", "side 'helping'"),
        ("posts", "collector,collector,collector,collector", "collector,collector,collector,colector", "collector",
         "role 'colector'"),
        ("people", "leader,leader,leader,,leader,COMMAND", "leader,leader,leader,,lader,COMMAND", "leader",
         "post 'lader'"),
        ("people", "leader,leader,leader,,leader,COMMAND", "leader,leader,leader,,leader,COMAND", "leader",
         "department 'COMAND'"),
        ("people", "SUPERVISION,D1", "SUPERVISION,D9", "collector", "duty grid 'D9'"),
        ("people", "leader,leader,leader,,leader", "collector,leader,leader,,leader", "collector",
         "belongs to collector in line"),
    ],
)  # fmt: skip
def test_a_fault_of_the_organisation_is_told(
    city: Path, file: str, old: str, new: str, element: str, words: str
) -> None:
    path = city / f"organisation/{file}.csv"
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    change(city, f"organisation/{file}.csv", old, new)
    find(city, f"organisation/{file}.csv", element, words)


def test_parents_in_a_circle_are_an_error(city: Path) -> None:
    path = city / "organisation/departments.csv"
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    text = re.sub(r"^(MUNICIPAL,.*),$", r"\1,SANITATION", text, flags=re.M)
    write(city, "organisation/departments.csv", re.sub(r"^(SANITATION,.*),$", r"\1,MUNICIPAL", text, flags=re.M))
    find(city, "organisation/departments.csv", "MUNICIPAL", "MUNICIPAL → SANITATION → MUNICIPAL")


def without(city: Path, file: str, pattern: str) -> None:
    path = city / file
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not re.match(pattern, line)) + "\n", encoding="utf-8")


def test_a_role_nobody_holds_is_an_error(city: Path) -> None:
    without(city, "organisation/people.csv", "dispatcher,")
    find(city, "organisation/people.csv", "dispatcher", "nobody has the role")


def test_a_unit_without_clerk_is_doubted(city: Path) -> None:
    without(city, "organisation/people.csv", "unit_clerk_street1,")
    find(city, "organisation/people.csv", "STREET1", "no unit_clerk", "warning")


def test_a_duty_grid_without_collector_is_doubted(city: Path) -> None:
    without(city, "organisation/people.csv", "collector2,")
    find(city, "organisation/people.csv", "D2", "no collector", "warning")


def test_a_missing_column_is_an_error(city: Path) -> None:
    change(city, "organisation/posts.csv", "code,name,name_en,role", "code,name,name_en,rôle")
    find(city, "organisation/posts.csv", "file", "no column role")


# Ground -------------------------------------------------------------------------------------------------------

Feature = dict[str, dict[str, object]]


def edit_features(city: Path, name: str, edit: Callable[[list[Feature]], None]) -> None:
    path = city / f"ground/{name}.geojson"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content["features"])
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "element", "words"),
    [
        ("code", "123", "123", "does not match"),
        ("code", "990101001001002", "990101001001002", "belongs to features 1 and 2"),
        ("community", "990101001999", "990101001001001", "no community"),
        ("duty_grid", "D9", "990101001001001", "no duty grid 'D9'"),
        ("area_class", "Z", "990101001001001", "area class 'Z'"),
    ],
)
def test_a_fault_of_a_unit_grid_is_told(city: Path, key: str, value: str, element: str, words: str) -> None:
    edit_features(city, "unit_grids", lambda grids: grids[0]["properties"].update({key: value}))
    find(city, "ground/unit_grids.geojson", element, words)


def test_a_grid_that_crosses_itself_is_an_error(city: Path) -> None:
    bow = [[[116, 28], [116.001, 28.001], [116.001, 28], [116, 28.001], [116, 28]]]
    edit_features(city, "unit_grids", lambda grids: grids[0]["geometry"].update({"coordinates": bow}))
    find(city, "ground/unit_grids.geojson", "990101001001001", "not valid (Self-intersection")


def test_projected_coordinates_are_an_error(city: Path) -> None:
    metres = [[[500000, 3100000], [500100, 3100000], [500100, 3100100], [500000, 3100000]]]
    edit_features(city, "unit_grids", lambda grids: grids[0]["geometry"].update({"coordinates": metres}))
    find(city, "ground/unit_grids.geojson", "990101001001001", "is no position in WGS-84")


def test_overlapping_grids_are_named_with_their_area(city: Path) -> None:
    break_everything(city)
    finding = find(city, "ground/unit_grids.geojson", "990101001001001", "990101001001002 overlap by")
    area = int(re.search(r"by ([\d,]+) m²", finding.message)[1].replace(",", ""))  # type: ignore[index]
    assert area == pytest.approx(0.0002 * 0.001 * 111_320**2 * 0.8829, rel=0.01)


def test_a_small_gap_between_grids_is_doubted(city: Path) -> None:
    def narrow(grids: list[Feature]) -> None:
        ring = grids[4]["geometry"]["coordinates"][0]  # type: ignore[index]
        west = min(x for x, _ in ring)
        for point in ring:
            point[0] += 0.0001 if point[0] == west else 0

    edit_features(city, "unit_grids", narrow)
    find(city, "ground/unit_grids.geojson", "gaps", "1 gaps of less than", "warning")


def test_a_division_without_its_parent_is_an_error(city: Path) -> None:
    edit_features(city, "divisions", lambda all: all[2]["properties"].update({"parent": "990199"}))
    find(city, "ground/divisions.geojson", "990101001001", "the parent '990199'")


def test_points_outside_every_grid_are_counted(city: Path) -> None:
    write(city, "ground/addresses.csv", "code,name,kind,lon,lat,grid\nA1,甲,poi,116.0005,28.0005,\nA2,乙,poi,117,29,\n")
    finding = find(city, "ground/addresses.csv", "1 rows", "1 of 2 lie outside every grid", "warning")
    assert "A2" in finding.message


def test_points_in_another_grid_than_they_name_are_counted(city: Path) -> None:
    rows = "code,name,kind,lon,lat,grid\nA1,甲,poi,116.0005,28.0005,990101001001009\n"
    write(city, "ground/addresses.csv", rows)
    find(city, "ground/addresses.csv", "1 rows", "name another grid", "warning")


def test_rows_that_will_not_be_taken_are_counted(city: Path) -> None:
    write(city, "ground/addresses.csv", "code,name,kind,lon,lat,grid\nA1,甲,poi,east,28.0005,\n")
    assert find(city, "ground/addresses.csv", "1 rows", "will not be taken", "warning").line == 2


def test_unreadable_geojson_is_an_error(city: Path) -> None:
    write(city, "ground/duty_grids.geojson", "{]}")
    find(city, "ground/duty_grids.geojson", "file", "not readable GeoJSON")
    assert [each for each in findings_of(city) if each.file == "ground/unit_grids.geojson"] == []
    write(city, "ground/duty_grids.geojson", "{")
    find(city, "ground/duty_grids.geojson", "file", "ends in the middle")


def test_a_missing_ground_file_is_an_error(city: Path) -> None:
    (city / "ground/divisions.geojson").unlink()
    find(city, "ground/divisions.geojson", "file", "is missing")


@pytest.mark.parametrize("feature", ["oops", 3, None, {"properties": True}, {"properties": {"code": []}}])
def test_a_feature_that_is_none_is_told_and_stops_nothing(city: Path, feature: object) -> None:
    edit_features(city, "unit_grids", lambda grids: grids.__setitem__(0, feature))  # type: ignore[arg-type]
    write(city, "processes/torn.bpmn", "<oops")
    assert {"ground/unit_grids.geojson", "processes/torn.bpmn"} <= {each.file for each in errors_of(findings_of(city))}


@pytest.mark.parametrize("value", ["3", '""', "[]", '[1, "a"]', "true", "{a = 1}", "nan"])
@pytest.mark.parametrize("key", ["hours", "weekdays", "country", "languages", "unit_grid_code", "case_number"])
def test_a_value_of_a_wrong_kind_is_told_and_stops_nothing(city: Path, key: str, value: str) -> None:
    text = (city / "city.toml").read_text(encoding="utf-8")
    write(city, "city.toml", re.sub(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M))
    write(city, "processes/torn.bpmn", "<oops")
    assert "processes/torn.bpmn" in {each.file for each in errors_of(findings_of(city))}
