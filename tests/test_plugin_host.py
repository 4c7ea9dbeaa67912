"""The plugin host: what it takes, what it refuses and how it says so, and a plugin's life in a city."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner
from sample_plugins import Shelf, shelf_at
from sqlalchemy import inspect, text

from api.cli import main
from engine.checks import check_folder, errors_of
from engine.city import City, load_city
from engine.database import open_database
from engine.errors import CityBroken, Conflict, NotFound
from engine.hooks.enabling import cases_held, refuse_held, with_required
from engine.hooks.host import PluginBroken, PluginHost, load_plugins
from engine.hooks.settings import plugin_settings
from engine.hooks.watching import skip_line, tell_plugins
from engine.hooks.working import run_due_jobs, run_job
from engine.installed_plugins import Package, find_plugins
from engine.layers import Layer
from engine.models import CaseEvent, PluginJob, PluginMark
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with shelf_at(tmp_path / "plugins", monkeypatch) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def city_with(folder: Path, *names: str) -> City:
    return replace(load_city(str(folder)), plugins=names)


def load(folder: Path, *names: str) -> PluginHost:
    return load_plugins(city_with(folder, *names))


# --- what is taken -------------------------------------------------------------------------------------------------


def test_everything_a_plugin_contributes_is_in_the_registry(shelf: Shelf, folder: Path) -> None:
    shelf.write_lamps()
    host = load(folder, "lamps")
    given = host.registry.plugins["lamps"]
    assert host.manifests["lamps"].title_en == "Street lamps"
    assert host.registry.operators["lamps/switch_on"].owner == "lamps"
    assert host.registry.functions["lamps_pairs"].function(3) == 6
    assert [each.__tablename__ for each in given.models] == ["lamps_lamp"]
    assert [each.id for each in (*given.indicators, *given.map_layers, *given.jobs)] == ["lit", "lamps", "count"]
    assert "case/close" in host.registry.operators


def test_a_plugin_that_is_not_enabled_is_not_imported(shelf: Shelf, folder: Path) -> None:
    shelf.write("broken", "raise RuntimeError('imported')")
    assert load(folder).manifests == {}
    assert "broken" in find_plugins()


def test_settings_are_the_citys_or_the_defaults(shelf: Shelf, folder: Path) -> None:
    shelf.write_lamps()
    assert plugin_settings(city_with(folder, "lamps"), "lamps") == {"most": 9}
    given = replace(city_with(folder, "lamps"), settings={"lamps": {"most": 4}})
    assert plugin_settings(given, "lamps") == {"most": 4}


# --- what is refused -----------------------------------------------------------------------------------------------

FAULTS = {
    "import": ("import no_such_module", "cannot be imported.*no_such_module"),
    "unknown hook": ("@hookimpl\ndef operator():\n    return []", "there is no hook operator;.*operators"),
    "hook that raises": ("@hookimpl\ndef jobs():\n    return 1 / 0", "its hook jobs fails: ZeroDivisionError"),
    "no list": ("@hookimpl\ndef operators():\n    return {}", "operators returns a dict; return a list of Operator"),
    "wrong type": ("@hookimpl\ndef operators():\n    return ['x']", "operators returns a str; return Operator only"),
    "foreign topic": (
        "@hookimpl\ndef operators():\n    return [Operator('case/close', lambda step: {})]",
        "operator 'case/close' does not bear its name",
    ),
    "foreign permission": (
        "@hookimpl\ndef permissions():\n    return [Permission('case.read', '读', 'read')]",
        "permission 'case.read' does not bear its name",
    ),
    "no cron": (
        "@hookimpl\ndef jobs():\n    return [Job('a', '甲', 'a', 'daily', lambda s, p, n: '')]",
        "job a is due at 'daily'.*five fields",
    ),
    "two of a name": (
        "@hookimpl\ndef jobs():\n    return [Job('a', '甲', 'a', '* * * * *', print)] * 2",
        "two of the job a; rename one",
    ),
    "without a name": (
        "@hookimpl\ndef map_layers():\n    return [MapLayer('a', '', 'a', 'point', 'x', print)]",
        "map layer a lacks a name; give zh and en",
    ),
    "no table": ("@hookimpl\ndef models():\n    return [dict]", "model dict is no table"),
    "impure function": (
        "@hookimpl\ndef functions():\n    return [FunctionEntry('sour_x() -> number', lambda: 1, 'g', '甲', 'a')]",
        "sour_x of sour is not declared pure",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_plugin_cause_and_remedy(shelf: Shelf, folder: Path, fault: str) -> None:
    code, message = FAULTS[fault]
    shelf.write("sour", code)
    with pytest.raises(CityBroken, match=f"(?s)plugin sour.*{message}"):
        load(folder, "sour")


@pytest.mark.parametrize(
    ("api", "message"), [(">=2", "written for the plugin API >=2, this is 1"), ("soon", "'soon' is no range")]
)
def test_another_version_of_the_plugin_api_is_refused(shelf: Shelf, folder: Path, api: str, message: str) -> None:
    shelf.write("later", api=api)
    with pytest.raises(PluginBroken, match=message):
        load(folder, "later")


def test_a_plugin_that_is_not_there_and_one_that_is_required_are_named(shelf: Shelf, folder: Path) -> None:
    shelf.write("penalty")
    shelf.write("waste", requires=("penalty",))
    with pytest.raises(PluginBroken, match=r"wast: it is not installed \(installed: penalty, waste\)"):
        load(folder, "wast")
    with pytest.raises(PluginBroken, match="waste: it requires penalty; enable that too"):
        load(folder, "waste")
    assert set(load(folder, "waste", "penalty").manifests) == {"waste", "penalty"}


def test_two_distributions_with_a_plugin_of_one_name_are_both_named(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.write("lamps")
    other = Package("lamps", Path("elsewhere"), "lamps.plugin", "city-lamps 3.0")
    monkeypatch.setattr("engine.installed_plugins._installed", lambda: iter([other]))
    with pytest.raises(CityBroken, match=r"lamps is supplied by Wangge and by city-lamps 3\.0; uninstall one"):
        find_plugins()


def test_a_broken_plugin_is_left_out_when_told_to_and_the_others_work(shelf: Shelf, folder: Path) -> None:
    shelf.write("sour", "raise RuntimeError('sour')")
    shelf.write_lamps()
    host = load_plugins(city_with(folder, "sour", "lamps"), skip_broken=True)
    assert set(host.manifests) == {"lamps"}
    assert "RuntimeError('sour')" in host.broken["sour"]


def test_check_tells_what_is_wrong_with_plugins_and_their_settings(shelf: Shelf, folder: Path) -> None:
    shelf.write("sour", "raise RuntimeError('sour')")
    shelf.write_lamps()
    toml = folder / "city.toml"
    more = '\n[plugins]\nenabled = ["lamps", "sour"]\n\n[settings.lamps]\nmost = 0\nleast = 3\n'
    toml.write_text(toml.read_text(encoding="utf-8") + more, encoding="utf-8")
    told = [finding.message for finding in errors_of(check_folder(str(folder))[1])]
    assert any("plugin sour: plugins.sour.plugin cannot be imported" in each for each in told)
    assert "most is 0" in told
    assert "least is unknown" in told


# --- required plugins ----------------------------------------------------------------------------------------------


def test_enabling_brings_what_is_required_first(shelf: Shelf) -> None:
    shelf.write("permit")
    shelf.write("waste", requires=("permit",))
    assert with_required("waste", ["other"], find_plugins()) == ["other", "permit", "waste"]


def test_plugins_that_require_each_other_are_refused(shelf: Shelf) -> None:
    shelf.write("a", requires=("b",))
    shelf.write("b", requires=("a",))
    with pytest.raises(PluginBroken, match="a → b → a"):
        with_required("a", [], find_plugins())


# --- at work -------------------------------------------------------------------------------------------------------


@pytest.fixture
def town(shelf: Shelf, folder: Path) -> Iterator[SmallTown]:
    shelf.write_lamps()
    toml = folder / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + '\n[plugins]\nenabled = ["lamps"]\n', encoding="utf-8")
    load_plugins(load_city(str(folder)))
    made = SmallTown(folder)
    yield made
    made.close()


def lamps(town: SmallTown) -> int:
    return town.session.execute(text("SELECT count(*) FROM lamps_lamp")).scalar_one()


def test_a_plugin_hears_every_line_once_from_its_start_on(town: SmallTown) -> None:
    host = load_plugins(town.city)
    CaseWork(town)
    assert tell_plugins(town.session, host, town.clock.now()) == 0, "the past is not told"
    work = CaseWork(town)
    work.accept()
    told = tell_plugins(town.session, host, town.clock.now())
    assert told == lamps(town) == len(work.history()) > 1
    assert tell_plugins(town.session, host, town.clock.now()) == 0


def test_a_line_a_plugin_fails_at_waits_is_shown_and_can_be_skipped(town: SmallTown) -> None:
    host = load_plugins(town.city)
    tell_plugins(town.session, host, town.clock.now())
    work = CaseWork(town)
    before = len(work.history())
    for kind in ("lamps_bad", "lamps_fine"):
        town.session.add(
            CaseEvent(
                case_id=work.case.id, at=town.clock.now(), kind=kind, stage="", process="", element="",
                actor_role="", data={},
            )
        )  # fmt: skip
        town.session.flush()
    town.session.commit()
    for _ in range(2):
        tell_plugins(town.session, host, town.clock.now())
        assert lamps(town) == before, "what came before the line is kept, what comes after waits"
        assert "no such lamp" in town.session.get_one(PluginMark, "lamps").failure
    skip_line(town.session, "lamps", town.clock.now())
    assert tell_plugins(town.session, host, town.clock.now()) == 1
    with pytest.raises(NotFound, match="nothing to skip"):
        skip_line(town.session, "lamps", town.clock.now())


def test_a_job_runs_when_it_is_due_and_once_after_a_month_down(town: SmallTown) -> None:
    assert run_due_jobs(town.session, town.platform, town.clock.now()) == 0
    due = town.session.get_one(PluginJob, ("lamps", "count")).due_at
    assert due.astimezone(town.city.time_zone).strftime("%H:%M") == "02:30"
    town.clock.set(town.clock.now() + timedelta(days=31))
    assert run_due_jobs(town.session, town.platform, town.clock.now()) == 1
    assert run_due_jobs(town.session, town.platform, town.clock.now()) == 0
    assert town.session.get_one(PluginJob, ("lamps", "count")).told == "0 lamps"


def test_a_job_that_fails_says_why_and_runs_again(town: SmallTown, monkeypatch: pytest.MonkeyPatch) -> None:
    town.session.execute(text("ALTER TABLE lamps_lamp RENAME TO gone"))
    town.session.commit()
    assert "lamps_lamp" in run_job(town.session, town.platform, "lamps", "count", town.clock.now()).failure
    town.session.execute(text("ALTER TABLE gone RENAME TO lamps_lamp"))
    town.session.commit()
    row = run_job(town.session, town.platform, "lamps", "count", town.clock.now())
    assert (row.failure, row.told) == ("", "0 lamps")
    with pytest.raises(NotFound, match=r"no job lamps.sweep; there are lamps.count"):
        run_job(town.session, town.platform, "lamps", "sweep", town.clock.now())


def test_cases_of_a_plugins_class_hold_it(town: SmallTown, shelf: Shelf) -> None:
    layer = Layer("plugin lamps", shelf.root / "lamps")
    work = CaseWork(town)
    assert cases_held(town.session, layer) == []
    case = work.case
    (layer.root / "catalogue").mkdir()
    rows = f"kind,full_code\n{case.kind},{case.full_code}\n"
    (layer.root / "catalogue/classes.csv").write_text(rows, encoding="utf-8")
    held = cases_held(town.session, layer)
    assert [each.number for each in held] == [case.number]
    with pytest.raises(Conflict, match=rf"1 open cases need the plugin lamps(?s:.*){case.number}: its class is"):
        refuse_held("lamps", held)


# --- on the command line -------------------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.output


def test_a_plugins_life_in_a_city(shelf: Shelf, folder: Path, tmp_path: Path) -> None:
    shelf.write_lamps()
    toml = folder / "city.toml"
    toml.write_text("# kept\n" + toml.read_text(encoding="utf-8"), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'city.sqlite'}"
    here = ("--city", str(folder), "--database", url)
    assert run("init", *here)[0] == 0
    assert "○ lamps" in run("plugin", "list", "--city", str(folder))[1]
    code, told = run("plugin", "enable", "lamps", *here)
    assert (code, told.splitlines()[-1]) == (0, "enabled: lamps")
    assert toml.read_text(encoding="utf-8").startswith("# kept\n")
    database = open_database(url)
    assert "lamps_lamp" in inspect(database).get_table_names()
    told = run("plugin", "info", "lamps", "--city", str(folder))[1]
    assert "operators: lamps/switch_on" in told and "setting most = 9" in told
    assert "lamps.count: 0 lamps" in run("plugin", "jobs", *here, "--run", "lamps.count")[1]
    assert run("plugin", "disable", "lamps", *here) == (0, "disabled: lamps; its data stays\n")
    assert "lamps_lamp" in inspect(database).get_table_names()
    assert load_city(str(folder)).plugins == ()
    database.dispose()


def test_a_plugin_that_would_break_the_city_is_not_enabled(shelf: Shelf, folder: Path) -> None:
    layer = shelf.write_lamps()
    (layer / "processes").mkdir()
    (layer / "processes/lamps_repair.bpmn").write_text("<no/>", encoding="utf-8")
    before = (folder / "city.toml").read_bytes()
    code, told = run("plugin", "enable", "lamps", "--city", str(folder), "--files-only")
    assert code == 1
    assert "lamps_repair.bpmn" in told and "nothing was changed" in told
    assert (folder / "city.toml").read_bytes() == before


def test_a_plugin_another_one_requires_is_not_disabled(shelf: Shelf, folder: Path) -> None:
    shelf.write("permit")
    shelf.write("waste", requires=("permit",))
    assert run("plugin", "enable", "waste", "--city", str(folder), "--files-only")[1].endswith(
        "enabled: permit, waste\n"
    )
    code, told = run("plugin", "disable", "permit", "--city", str(folder), "--files-only")
    assert code == 1 and "waste requires permit; disable that first" in told


def test_an_entry_point_of_another_distribution_is_found(tmp_path: Path) -> None:
    """In a process of its own: entry points are read from what lies on the path."""
    package = tmp_path / "site/city_lamps"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    (package / "plugin.py").write_text("", encoding="utf-8")
    about = tmp_path / "site/city_lamps-3.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: city-lamps\nVersion: 3.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[wangge.plugins]\nlamps = city_lamps.plugin\n", encoding="utf-8")
    code = dedent("""
        from engine.installed_plugins import find_plugins
        found = find_plugins()["lamps"]
        print(found.origin, found.root.name, found.module)
    """)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": f"{tmp_path / 'site'}:{Path(__file__).parents[1]}"},
    )  # fmt: skip
    assert done.stdout.strip() == "city-lamps 3.0 city_lamps city_lamps.plugin"
