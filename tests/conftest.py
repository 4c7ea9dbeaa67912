"""Shared fixtures: a small city written and loaded once a session, copied for every test that changes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.app import create_app
from api.config import Settings
from api.context import session
from engine.clock import FrozenClock
from engine.models import Person
from engine.organisation.people import hash_password, issue_token
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

PASSWORD = "street-lamp"


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


@dataclass
class Api:
    """The API of a small city as its people use it: one login a person, the clock moves only when told to."""

    app: Flask
    clock: FrozenClock
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> FlaskClient:
        """A client without any login."""
        return self.app.test_client()

    def login(self, login: str) -> dict[str, str]:
        """The headers of a person, logged in on first use."""
        if login not in self._tokens:
            # Tokens straight from the service: checking a password is slow by design, and test_api_session does it.
            with self.app.app_context():
                person = session().query(Person).filter_by(login=login).one()
                self._tokens[login], _ = issue_token(session(), person, self.clock.now())
                session().commit()
        return {"Authorization": f"Bearer {self._tokens[login]}"}

    def ask(self, login: str, method: str, path: str, *, headers: Any = None, **rest: Any) -> TestResponse:
        """Any request in the name of a person; ``path`` follows ``/api/v1``."""
        return self.client.open(
            "/api/v1" + path, method=method, headers={**self.login(login), **(headers or {})}, **rest
        )

    def get(self, login: str, path: str, **rest: Any) -> TestResponse:
        """GET as a person."""
        return self.ask(login, "GET", path, **rest)

    def post(self, login: str, path: str, **rest: Any) -> TestResponse:
        """POST as a person."""
        return self.ask(login, "POST", path, **rest)

    def put(self, login: str, path: str, **rest: Any) -> TestResponse:
        """PUT as a person."""
        return self.ask(login, "PUT", path, **rest)


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
