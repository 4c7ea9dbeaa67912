"""The API and its scheduler on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from api_people import Api, complete, report
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.config import Settings
from api.context import db
from api.scheduler import AdvisoryLeadership, leadership_for, work_once
from engine.testing.small_city import SmallTown

SERVER = os.environ.get("WANGGE_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
CONDITION = {"condition": "component/0101/1", "urgent": False}

pytestmark = pytest.mark.postgresql


@pytest.fixture
def api(town_folder: Path, tmp_path: Path) -> Iterator[Api]:
    """An app on a database of its own on the server."""
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"wangge_test_{uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(f"no PostgreSQL answers at {server.url}: {error.orig}")
    url = server.url.set(database=name).render_as_string(hide_password=False)
    town = SmallTown(town_folder, url)
    settings = Settings(str(town_folder), url, "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock, pages=False)
    yield Api(app, town.clock)
    town.close()
    with app.app_context():
        db.engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def test_cases_run_page_and_time_out_on_postgresql(api: Api) -> None:
    numbers = [report(api) for _ in range(3)]
    complete(api, "acceptor", numbers[0], "accept", {"decision": "ok", **CONDITION})
    complete(api, "shift_leader", numbers[0], "file_case", {"decision": "approve", **CONDITION})
    for path, what in (("/cases?limit=1&sort=due_at", "cases"), ("/tasks?limit=1", "tasks")):
        seen: list[str] = []
        following: str | None = path
        while following:
            page = api.get("acceptor", following).json
            seen += [row["number"] if what == "cases" else row["case"]["number"] for row in page[what]]
            following = page["next"].removeprefix("/api/v1") if page["next"] else None
        assert sorted(seen) == (numbers if what == "cases" else numbers[1:])
    assert api.get("acceptor", "/cases?q=井盖&overdue=false").json["cases"][0]["number"] == numbers[2]
    api.clock.set(api.clock.now() + timedelta(hours=1))
    assert api.client.get("/healthz").json["status"] == "late"
    moved, delivered = work_once(api.app)
    assert moved >= 2
    assert delivered >= 2
    assert api.client.get("/healthz").json["status"] == "ok"


def test_one_worker_leads_by_an_advisory_lock(api: Api) -> None:
    first, second = leadership_for(api.app), leadership_for(api.app)
    assert isinstance(first, AdvisoryLeadership)
    assert [first.held(), second.held(), first.held()] == [True, False, True]
    first.release()
    assert [second.held(), first.held()] == [True, False]
    second.release()
