"""Shared fixtures: a small city written and loaded once a session, copied for every test that changes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_people import PASSWORD, Api
from flask import Flask

from api.app import create_app
from api.config import Settings
from engine.clock import FrozenClock
from engine.models import Person
from engine.organisation.people import hash_password
from engine.testing.small_city import MONDAY, SmallTown, write_small_city


@pytest.fixture(scope="session")
def town_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small city; read only."""
    return write_small_city(tmp_path_factory.mktemp("city") / "small")


@pytest.fixture(scope="session")
def town_database(town_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the small city loaded; everybody's password is ``PASSWORD``. Copy it, never write to it."""
    path = tmp_path_factory.mktemp("database") / "small.db"
    town = SmallTown(town_folder, f"sqlite:///{path}")
    password_hash = hash_password(PASSWORD)
    for person in town.session.query(Person):
        person.password_hash = password_hash
    town.session.commit()
    town.session.connection().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    town.close()
    return path


@pytest.fixture
def make_api(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Callable[[], Api]]:
    """Make apps on the test's own copy of the small city; several share that copy, as workers do."""
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    apps: list[Flask] = []

    def make() -> Api:
        clock = FrozenClock(MONDAY)
        settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
        app = create_app(settings, clock=clock, pages=False)
        apps.append(app)
        return Api(app, clock)

    yield make
    for app in apps:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def api(make_api: Callable[[], Api]) -> Api:
    """One app on a fresh small city, Monday 2 March 2026, 09:00."""
    return make_api()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    """A small city of one's own, in memory; its folder may be changed and loaded again."""
    town = SmallTown(write_small_city(tmp_path / "small"))
    yield town
    town.close()
