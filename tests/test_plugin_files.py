"""What a plugin brings by files is taken up when it is enabled, the city wins, and no two plugins supply one thing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from sample_plugins import Shelf, shelf_at
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.cli import main
from engine.catalogue.intake_texts import texts_for
from engine.catalogue.lookup import valid_on, version_in_force
from engine.checks import check_city, errors_of
from engine.city import City, load_city
from engine.database import open_database, session_factory
from engine.errors import CityBroken
from engine.intake.channels import load_channels
from engine.intake.words import read_synonyms
from engine.loading.catalogue import read_classes, read_conditions
from engine.loading.catalogue_plugins import follow_plugins
from engine.loading.rivals import refuse_rivals
from engine.loading.single_files import import_catalogue
from engine.models import CatalogueVersion, FilingCondition, Subclass
from engine.organisation.roles import load_roles
from engine.patrol.rules import load_patrol_rules
from engine.sensors.declaring import read_declared
from engine.testing.casework import CaseWork
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.translations import Translations
from engine.workflow.expressions import CORE

CLASSES = (
    "kind,class_code,class_name,class_name_en,full_code,subclass_name,subclass_name_en,geometry,dept_code,code_2007,"
    "scope,code_source\n"
)
CLASS = "event,02,宣传广告,Advertising,0298,{name},Lamp burns by day,point,MUNICIPAL,,extension,city\n"
CONDITIONS = (
    "kind,full_code,condition_no,defect_code,filing_condition,filing_condition_en,limit,closing_condition,source\n"
)
CONDITION = "event,0298,1,DAY,{text},Burns by day,{limit},灯灭,city\n"
NO_REPORT = "code,name,name_en,areas,classes,from,to,when,reason,reason_en\n"
CHANNELS = "channel,name,name_en,reporter,needs,wants,source\n"
KIND = '[kind.{code}]\nname = "{name}"\n[kind.{code}.fields.lux]\nname = "照度"\n'
RULE = (
    '[rule.{code}]\nname = "{name}"\nkinds = ["lux_meter"]\nwhen = "reading.lux > 9"\n'
    '[rule.{code}.case]\nkind = "event"\nfull_code = "0298"\ncondition_no = 1\ntext = "亮"\n'
)
LAMPS = {
    "catalogue/classes.csv": CLASSES + CLASS.format(name="路灯昼亮"),
    "catalogue/conditions.csv": CONDITIONS
    + CONDITION.format(text="白天亮灯", limit="1 work_day")
    + "component,0101,9,DARK,井盖夜间无反光,No reflector,5 work_day,补贴反光膜,city\n",
    "catalogue/synonyms.csv": "kind,full_code,words\nevent,0298,大白天亮灯\n",
    "sensors/kinds.toml": KIND.format(code="lux_meter", name="照度计") + KIND.format(code="lamp_post", name="灯杆"),
    "sensors/rules.toml": RULE.format(code="day_light", name="昼亮") + RULE.format(code="glare", name="眩光"),
    "patrol.toml": '[shifts.lamps_night]\nname = "夜巡"\nhours = "19:00-23:00"\n'
    '[shifts.lamps_dawn]\nname = "晨巡"\nhours = "04:00-06:00"\n',
    "no_report.csv": NO_REPORT
    + "lamps_test,试灯,Trial,,event/0298,,,,试灯期间,On trial\nlamps_dusk,黄昏,Dusk,,event/0298,,,,黄昏,Dusk\n",
    "intake_texts.csv": "kind,code,use,text,text_en\n"
    "event,0298,ask,哪一杆？,Which post?\nevent,0298,answer,已记录,Noted\n",
    "channels.csv": CHANNELS
    + "lamps_control,路灯监控,Lamp control,machine,place,,city\nlamps_desk,路灯台,Lamp desk,internal,,,city\n",
    "translations/en.csv": "key,text\nlamps:one,One\nlamps:two,Two\n",
    "roles.csv": "role,name,name_en,side,permissions\n"
    "acceptor,,,,+lamps.read\nlamp_warden,灯长,Warden,handling,lamps.read\n",
    "component_states.csv": "state,name_en,present\n昼亮,Lit by day,yes\n",
    "component_attributes.csv": "full_code,field,name,name_en,type,length\n*,lamps_watt,功率,Watt,number,\n",
    "recurring.csv": "kind,code,radius_m,times,days,note\nevent,0298,30,3,30,\n",
}
CITY = {
    "catalogue/conditions.csv": CONDITIONS
    + CONDITION.format(text="白天亮灯", limit="2 urgent_hour")
    + "component,0101,1,MISSING,盖板缺失,Cover missing,3 urgent_hour,补盖,city\n",
    "sensors/kinds.toml": KIND.format(code="lamp_post", name="智慧灯杆"),
    "sensors/rules.toml": "[rule.glare]\nenabled = false\n",
    "patrol.toml": '[shifts.lamps_dawn]\nname = "早巡"\nhours = "05:00-07:00"\n',
    "no_report.csv": NO_REPORT + "lamps_dusk,黄昏,Dusk,,event/0298,2020-01-01,2020-01-02,,不再适用,No longer\n",
    "intake_texts.csv": "kind,code,use,text,text_en\nevent,0298,answer,今夜修复,Tonight\n",
    "channels.csv": CHANNELS + "lamps_desk,灯台,City lamp desk,internal,,,city\n",
    "translations/en.csv": "key,text\nlamps:two,Pair\n",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with pytest.MonkeyPatch.context() as patch, shelf_at(tmp_path_factory.mktemp("plugins") / "plugins", patch) as made:
        write(made.write("lamps"), LAMPS)
        write(made.write("waste"), {"catalogue/classes.csv": LAMPS["catalogue/classes.csv"].replace("0298", "0297")})
        yield made


@pytest.fixture(scope="module")
def city(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> City:
    """A small city that enables lamps and says otherwise in some things."""
    folder = write_small_city(tmp_path_factory.mktemp("city") / "small")
    write(folder, CITY)
    return replace(load_city(str(folder)), plugins=("lamps",))


# --- every kind of file ----------------------------------------------------------------------------------------------


def test_the_files_hold(city: City) -> None:
    assert [str(each) for each in errors_of(check_city(city))] == []


def test_rows_of_the_catalogue_come_and_the_city_wins(city: City) -> None:
    assert read_classes(city)["event", "0298"]["name"] == "路灯昼亮"
    conditions = read_conditions(city)
    assert conditions["event", "0298", 1]["limit"] == "2 urgent_hour"
    assert conditions["component", "0101", 9]["text"] == "井盖夜间无反光"
    assert conditions["component", "0101", 1]["limit"] == "3 urgent_hour"
    assert read_synonyms(city)["event/0298"] == ("大白天亮灯",)


def test_kinds_and_rules_of_devices_come_and_the_city_wins(city: City) -> None:
    declared = read_declared(city, CORE)
    assert declared.faults == []
    assert {code: kind.name for code, kind in declared.kinds.items()} == {
        "lux_meter": "照度计",
        "lamp_post": "智慧灯杆",
    }
    assert list(declared.rules) == ["day_light"]


def test_shifts_channels_texts_and_no_report_rules_come_and_the_city_wins(city: City, shelf: Shelf) -> None:
    shifts = load_patrol_rules(city).shifts
    assert (shifts["lamps_night"].name, shifts["lamps_dawn"].name) == ("夜巡", "早巡")
    channels = load_channels(city)
    assert (channels["lamps_control"].name_en, channels["lamps_desk"].name_en) == ("Lamp control", "City lamp desk")
    texts = {
        text.use: text.text
        for text in texts_for(city, "event", "0298")
        if text.text in ("哪一杆？", "今夜修复", "已记录")
    }
    assert texts == {"ask": "哪一杆？", "answer": "今夜修复"}
    words = Translations.load(city)
    assert (words.say("en", "lamps:one", ""), words.say("en", "lamps:two", "")) == ("One", "Pair")


def test_roles_gain_rights_and_new_ones_come(city: City) -> None:
    roles = load_roles(city.layers)
    assert {"lamps.read", "case.create"} <= roles["acceptor"].permissions
    assert roles["lamp_warden"].permissions == {"lamps.read"}


def test_a_report_of_a_plugins_class_is_flagged_by_its_rule_and_filed_under_the_citys_limit(city: City) -> None:
    (city.root / "city.toml").write_text(
        (city.root / "city.toml").read_text(encoding="utf-8") + '\n[plugins]\nenabled = ["lamps"]\n', encoding="utf-8"
    )
    town = SmallTown(city.root)
    work = CaseWork(town, kind="event", full_code="0298")
    assert work.case.no_report == "lamps_test"
    found = {"condition": "event/0298/1", "urgent": False}
    work.do("acceptor", "accept", {"decision": "ok", **found})
    work.do("shift_leader", "file_case", {"decision": "approve", **found})
    assert (work.case.limit_text, version_in_force(town.session, MONDAY.date()).plugins) == ("2 urgent_hour", "lamps")
    town.close()


# --- two of one thing ------------------------------------------------------------------------------------------------

RIVALS = {
    "catalogue/classes.csv": "event/0298",
    "catalogue/conditions.csv": "event/0298/1",
    "channels.csv": "lamps_control",
    "no_report.csv": "lamps_test",
    "intake_texts.csv": "event/0298/ask",
    "patrol.toml": "shifts.lamps_night",
    "roles.csv": "lamp_warden",
    "component_states.csv": "昼亮",
    "component_attributes.csv": "*/lamps_watt",
    "recurring.csv": "event/0298",
    "sensors/kinds.toml": "kind.lux_meter",
    "sensors/rules.toml": "rule.day_light",
}


@pytest.mark.parametrize("file", RIVALS)
def test_two_plugins_with_one_row_are_both_named(file: str, city: City, shelf: Shelf) -> None:
    bogs = shelf.write("bogs")
    write(bogs, {file: LAMPS[file]})
    both = replace(load_city(str(city.root)), plugins=("lamps", "bogs"))
    told = [each for each in errors_of(check_city(both)) if each.file == file and each.element == RIVALS[file]]
    assert [("plugin lamps" in each.message, each.layer) for each in told] == [(True, "plugin bogs")]
    if not file.startswith("sensors/"):
        with pytest.raises(CityBroken, match=r"plugin bogs has .*plugin lamps"):
            refuse_rivals(both.layers)
    (bogs / file).unlink()


def test_two_plugins_with_one_file_or_another_text_for_one_key_are_both_named(city: City, shelf: Shelf) -> None:
    bogs = shelf.write("bogs")
    write(bogs, {"translations/en.csv": "key,text\nlamps:one,One\n"})
    both = replace(load_city(str(city.root)), plugins=("lamps", "bogs"))
    refuse_rivals(both.layers)
    write(bogs, {"translations/en.csv": "key,text\nlamps:one,1\n", "registers/posts.toml": ""})
    write(shelf.root / "lamps", {"registers/posts.toml": ""})
    with pytest.raises(CityBroken) as told:
        refuse_rivals(both.layers)
    for name in ("translations/en.csv", "registers/posts.toml"):
        assert f"{name}: plugin bogs has" in told.value.message
        (bogs / name).unlink()
    (shelf.root / "lamps/registers/posts.toml").unlink()


@pytest.mark.parametrize(
    ("file", "row", "key"),
    [
        (
            "catalogue/conditions.csv",
            CONDITIONS + "component,0101,1,X,缺,Gone,9 work_day,补,city\n",
            "component/0101/1",
        ),
        ("roles.csv", "role,name,name_en,side,permissions\nacceptor,x,x,supervision,case.create\n", "acceptor"),
        ("patrol.toml", "[track]\nkeep_days = 1\n", "track.keep_days"),
    ],
)
def test_a_plugin_replaces_nothing_of_the_core(file: str, row: str, key: str, city: City, shelf: Shelf) -> None:
    bogs = shelf.write("bogs")
    write(bogs, {file: row})
    alone = replace(load_city(str(city.root)), plugins=("lamps", "bogs"))
    with pytest.raises(CityBroken, match=f"plugin bogs has {key}, which core has, too; only a city may replace one"):
        refuse_rivals(alone.layers)
    (bogs / file).unlink()


def test_a_national_class_is_not_a_plugins(city: City, shelf: Shelf) -> None:
    file = shelf.root / "lamps/catalogue/classes.csv"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("extension", "national"), encoding="utf-8")
    told = [str(each) for each in errors_of(check_city(city)) if each.file == "catalogue/classes.csv"]
    file.write_text(before, encoding="utf-8")
    assert len(told) == 1 and "write extension, with a code from 98 downwards" in told[0]


# --- a running city --------------------------------------------------------------------------------------------------


def run(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def in_force(session: Session, day: date) -> tuple[str, set[str]]:
    """The name of the version in force and its classes beyond the core's 242."""
    version = version_in_force(session, day)
    query = select(Subclass.full_code).where(Subclass.version_id == version.id, Subclass.code_source == "city")
    return version.name, set(session.scalars(query))


def test_a_running_city_gains_and_loses_a_plugins_rows_and_keeps_its_own(shelf: Shelf, tmp_path: Path) -> None:
    """With a signed change of the manual in force and another one to come, both later than the files."""
    folder = write_small_city(tmp_path / "small")
    here = ("--city", str(folder), "--database", f"sqlite:///{tmp_path / 'city.sqlite'}")
    run("init", *here)
    engine = open_database(here[-1])
    sessions, of_component = session_factory(engine), FilingCondition.kind == "component"
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    own = tmp_path / "own.csv"
    for name, day, limit in (
        ("manual", today - timedelta(days=3), "7 work_day"),
        ("next", today + timedelta(9), "8 work_day"),
    ):
        own.write_text(CONDITIONS + f"component,0101,1,MISSING,盖板缺失,Gone,{limit},补盖,city\n", encoding="utf-8")
        with sessions() as session:
            import_catalogue(session, own, MONDAY, name=name, valid_from=day)
    with sessions() as session:
        before = version_in_force(session, today).id
    run("plugin", "enable", "lamps", *here)
    with sessions() as session:
        assert in_force(session, today) == ("manual", {"0298"})
        assert in_force(session, today + timedelta(9)) == ("next", {"0298"})
        version = version_in_force(session, today)
        assert version.id != before
        limits = select(FilingCondition.limit).where(FilingCondition.version_id == version.id, of_component)
        kept = limits.where(FilingCondition.full_code == "0101", FilingCondition.condition_no.in_((1, 9)))
        assert set(session.scalars(kept)) == {"7 work_day", "5 work_day"}
        enabled, versions = version.id, session.scalar(select(func.count()).select_from(CatalogueVersion))
        city = load_city(str(folder))
        assert follow_plugins(session, city, MONDAY) == []
    run("plugin", "disable", "lamps", *here)
    with sessions() as session:
        assert in_force(session, today) == ("manual", set())
        version = version_in_force(session, today)
        numbers = select(FilingCondition.condition_no).where(
            FilingCondition.version_id == version.id, of_component, FilingCondition.full_code == "0101"
        )
        assert 9 not in set(session.scalars(numbers))
        assert session.get_one(Subclass, (enabled, "event", "0298")).name == "路灯昼亮"  # for cases of that time
        assert session.scalar(select(func.count()).select_from(CatalogueVersion)) == (versions or 0) + 2
    run("plugin", "enable", "lamps", *here)
    with sessions() as session:
        assert in_force(session, today) == ("manual", {"0298"})
    engine.dispose()


def test_a_code_the_citys_manual_has_taken_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    town = SmallTown(folder)
    own = tmp_path / "own.csv"
    own.write_text(CLASSES + CLASS.format(name="别的"), encoding="utf-8")
    import_catalogue(town.session, own, MONDAY, name="manual", valid_from=MONDAY.date())
    city = replace(town.city, plugins=("lamps",))
    with pytest.raises(
        CityBroken, match="lamps brings event/0298 路灯昼亮, but the manual in force has event/0298 as 别的"
    ):
        follow_plugins(town.session, city, MONDAY)
    town.session.rollback()
    assert town.session.scalar(valid_on(MONDAY.date())).plugins == ""  # type: ignore[union-attr]
    town.close()
