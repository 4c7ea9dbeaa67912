"""What every plugin promises: the scaffold keeps all of it, and whatever breaks a promise is told."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sample_plugins import MIGRATION, Shelf, shelf_at

from engine.city import City, load_city
from engine.contract.border import imports_across
from engine.contract.new_plugin import write_plugin
from engine.contract.promises import PROMISES, try_plugin
from engine.contract.tables import table_faults
from engine.errors import Conflict, Invalid, NotFound
from engine.hooks.host import load_plugins
from engine.installed_plugins import Package, find_plugins, plugin_folders
from engine.testing.small_city import write_small_city


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with shelf_at(tmp_path / "plugins", monkeypatch) as made:
        yield made


def install(name: str, folder: Path) -> dict[str, str]:
    """Write a new plugin, and what pip would write about it; the environment in which it is found."""
    written = write_plugin(name, folder, title="路灯", title_en="Street lamps")
    root = next(path for path in written if path.name == "pyproject.toml").parent
    about = root / f"wangge_{name}-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: wangge-{name}\nVersion: 0.1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(f"[wangge.plugins]\n{name} = wangge_{name}.plugin\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parents[1]}", "PLUGIN": str(root)}


@pytest.mark.slow
def test_a_new_plugin_keeps_every_promise(tmp_path: Path) -> None:
    """As its developer tries it: with pytest in the folder that was written."""
    env = install("lampposts", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=env["PLUGIN"], env=env, capture_output=True, text=True, check=False)
    assert f"{len(PROMISES) + 2} passed" in done.stdout, done.stdout + done.stderr  # two of its own tests
    assert "warning" not in done.stdout


def test_names_that_cannot_be_and_names_that_are_taken_are_refused(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write("lamps")
    with pytest.raises(Invalid, match="'Lamp-Posts' cannot be a plugin's name"):
        write_plugin("Lamp-Posts", tmp_path)
    with pytest.raises(Conflict, match="there is a plugin lamps already, from Wangge"):
        write_plugin("lamps", tmp_path)
    (tmp_path / "wangge-benches").mkdir()
    (tmp_path / "wangge-benches/mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(Conflict, match="is not empty"):
        write_plugin("benches", tmp_path)


def test_an_unknown_plugin_is_named(shelf: Shelf) -> None:
    with pytest.raises(NotFound, match="no plugin 'lamps' here; there are none"):
        try_plugin("lamps")


def test_a_broken_hook_is_told(shelf: Shelf) -> None:
    shelf.write("sour", "@hookimpl\ndef jobs():\n    return 1 / 0")
    assert ["ZeroDivisionError" in each.fault for each in try_plugin("sour", only="hooks")] == [True]


def test_a_plugin_without_words_and_scenarios_is_told(shelf: Shelf, tmp_path: Path) -> None:
    shelf.write("bare")
    city = str(write_small_city(tmp_path / "small"))
    assert len(try_plugin("bare", city, only="readme")) == 2
    assert try_plugin("bare", city, only="scenarios") == []


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "operators.py",
            "from plugins.other.operators import x",
            "imports plugins.other.operators; require the plugin",
        ),
        ("operators.py", "from plugins import other", "imports plugins.other; require"),
        ("operators.py", "def f():\n    import flask", "line 2: imports flask; only plugin"),
        ("models.py", "from api.auth import current_actor", "imports api.auth; only"),
        ("jobs.py", "import apscheduler", "declare a job"),
        ("operators.py", "import SpiffWorkflow.bpmn", "an operator is given a Step"),
        ("routes.py", "from api.resources.blueprint import group\nfrom flask import request", ""),
        ("tests/test_x.py", "from plugins.other import plugin", ""),
        ("operators.py", "from plugins.lamps import models", ""),
    ],
)
def test_imports_across_the_border_are_told(shelf: Shelf, file: str, line: str, message: str) -> None:
    folder = shelf.write("lamps")
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(line + "\n", encoding="utf-8")
    told = list(imports_across(Package("lamps", folder, "plugins.lamps.plugin", "Wangge")))
    assert [message in each for each in told] == ([True] if message else [])


def test_migrations_that_make_other_tables_than_the_models_are_told(shelf: Shelf, tmp_path: Path) -> None:
    folder = shelf.write_lamps()
    models = load_plugins(city_with_lamps(tmp_path)).registry.plugins["lamps"].models
    assert list(table_faults("lamps", folder, models)) == []
    file = folder / "migrations/lamps_0001.py"
    file.write_text(MIGRATION.replace('sa.Column("lit", sa.Boolean(), nullable=False),', ""), encoding="utf-8")
    assert all("migrations and models differ" in each for each in table_faults("lamps", folder, models))
    file.write_text(MIGRATION.replace('op.drop_table("lamps_lamp")', "pass"), encoding="utf-8")
    assert any("lamps_lamp is still there" in each for each in table_faults("lamps", folder, models))
    file.unlink()
    assert list(table_faults("lamps", folder, models)) == [
        "the hook models names tables, but migrations/ has no revision that makes them"
    ]


def city_with_lamps(tmp_path: Path) -> City:
    return replace(load_city(str(write_small_city(tmp_path / "small")), plugin_folders()), plugins=("lamps",))


@pytest.mark.parametrize("name", sorted(find_plugins()))
def test_every_shipped_plugin_is_held_to_its_promises_by_its_own_tests(name: str) -> None:
    tests = Path(__file__).with_name(f"test_plugin_{name}.py").read_text(encoding="utf-8")
    assert f'try_plugin("{name}") == []' in tests
