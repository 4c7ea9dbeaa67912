"""The shipped plugins in Yunhe: each enabled and disabled by itself, and in random sets, on a database with data."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from engine.city import City, cities_root, load_city
from engine.database import open_database, session_factory
from engine.hooks.enabling import with_required, write_enabled
from engine.installed_plugins import find_plugins, shipped_root
from engine.models import Deployment, RegisterEntry
from engine.platform import build_platform
from engine.registers.declaring import load_registers

SHIPPED = sorted(path.parent.name for path in shipped_root().glob("*/plugin.py"))
SETS, STEPS = (1,), 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Yunhe without plugins and its database."""
    home = tmp_path_factory.mktemp("sets")
    shutil.copytree(cities_root() / "yunhe", home / "city")
    write_enabled(home / "city", [])
    for name in ("components.csv", "addresses.csv"):
        file = home / "city" / "ground" / name
        file.write_text("".join(file.read_text(encoding="utf-8").splitlines(keepends=True)[:40]), encoding="utf-8")
    done = wangge(home, "init")
    assert done.exit_code == 0, done.output
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def wangge(home: Path, *words: str) -> Result:
    place = ["--city", str(home / "city"), "--database", f"sqlite:///{home / 'city.sqlite'}"]
    return CliRunner().invoke(main, [*words, *place])


def city_at(home: Path) -> City:
    return load_city(str(home / "city"))


def holds_together(home: Path) -> None:
    """What is deployed is what the city's layers have, and the city can go to work."""
    city = city_at(home)
    engine = open_database(f"sqlite:///{home / 'city.sqlite'}")
    with session_factory(engine)() as session:
        platform = build_platform(session, city)
        newest = session.query(Deployment.id).order_by(Deployment.id.desc()).first()
        assert newest is not None
        definition = platform.definitions.get(session, newest[0])
        assert {found.path.stem for found in city.layers.listing("processes", ".bpmn")} == set(definition.diagrams)
        assert set(platform.host.registry.plugins) == set(city.plugins)
        assert set(platform.host.registers) == set(load_registers(city.layers))
    engine.dispose()


@pytest.mark.parametrize("name", SHIPPED)
def test_each_is_enabled_and_disabled_by_itself(home: Path, name: str) -> None:
    needed = with_required(name, (), find_plugins())
    done = wangge(home, "plugin", "enable", name)
    assert done.exit_code == 0, done.output
    assert list(city_at(home).plugins) == needed
    holds_together(home)
    done = wangge(home, "plugin", "disable", name)
    assert done.exit_code == 0, done.output
    assert list(city_at(home).plugins) == needed[:-1]
    holds_together(home)


@pytest.mark.parametrize("seed", SETS)
def test_random_sets_hold_together(home: Path, seed: int) -> None:
    chance, kept = Random(seed), f"kept {seed}"
    with session_factory(open_database(f"sqlite:///{home / 'city.sqlite'}"))() as session:
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        entry = RegisterEntry(register="permit_items", key=kept, title=kept, values={"code": kept})
        entry.created_at = entry.changed_at = moment
        session.add(entry)
        session.commit()
    for _ in range(STEPS):
        enabled = list(city_at(home).plugins)
        name = chance.choice(SHIPPED)
        needing = [each for each in enabled if each != name and name in with_required(each, (), find_plugins())]
        done = wangge(home, "plugin", "disable" if name in enabled else "enable", name)
        if name in enabled and needing:
            assert done.exit_code == 1 and f"requires {name}" in done.output
        else:
            assert done.exit_code == 0, done.output
        holds_together(home)
    with session_factory(open_database(f"sqlite:///{home / 'city.sqlite'}"))() as session:
        assert session.query(RegisterEntry).filter_by(key=kept).count() == 1, "what a plugin kept is never destroyed"
