"""The city of the benchmark: the small city with its own lifecycle, on any database and sync mode."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.city import City, load_city
from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.loading.city import load_city_folder
from engine.models import Base, Person
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import Role, load_roles
from engine.platform import Platform, build_platform
from engine.testing.scratch import scratch_postgresql
from engine.testing.small_city import MONDAY, write_small_city

CITY_FILES = Path(__file__).parent / "city"
WHO = {
    "accept": "acceptor",
    "file_case": "shift_leader",
    "assign": "dispatcher",
    "handle": "unit_handler_municipal",
    "feedback": "unit_clerk_municipal",
    "check": "collector",
    "close": "shift_leader",
}
"""Who does which task of the lifecycle."""

DATABASES = {"sqlite-full": "SQLite FULL", "sqlite-normal": "SQLite NORMAL", "postgresql": "PostgreSQL"}


@dataclass
class BenchTown:
    """A city at work on one database."""

    city: City
    engine: Engine
    sessions: sessionmaker[Session]
    platform: Platform
    actors: dict[str, Actor]
    clock: FrozenClock

    @property
    def now(self) -> datetime:
        """The moment at which everything happens; the benchmark's clock stands still unless moved."""
        return self.clock.now()

    def report(self, session: Session) -> dict[str, Any]:
        """Report one case and commit, as the host does; where it stands then."""
        return submit_report(session, self.platform, REPORT, self.actors["accept"], self.now)

    def close(self) -> None:
        """Give up the database."""
        self.engine.dispose()


REPORT = Report(
    kind="component",
    full_code="0101",
    description="井盖缺失",
    source="patrol",
    lon=116.0005,
    lat=28.0005,
    condition_no=1,
    reporter_phone="10000000001",
)


def write_bench_city(folder: Path) -> Path:
    """The small city with ``benchmarks/city`` over it; new cases start the process ``bench``."""
    write_small_city(folder, "bench")
    shutil.copytree(CITY_FILES, folder, dirs_exist_ok=True)
    toml = folder / "city.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + '\n[lifecycle]\nprocess = "bench"\n', encoding="utf-8")
    return folder


def open_town(
    folder: Path, url: str, *, synchronous: str = "FULL", cache_size: int = 2048, moment: datetime = MONDAY
) -> BenchTown:
    """Open the city on a database, loading it there first when the database is new."""
    clock = FrozenClock(moment)
    engine = open_database(url, synchronous=synchronous)
    Base.metadata.create_all(engine)
    sessions = session_factory(engine)
    city = load_city(str(folder))
    with sessions() as session:
        load_city_folder(session, city, clock.now())
        session.commit()
        platform = build_platform(session, city, clock=clock, cache_size=cache_size)
        roles = load_roles(city.layers)
        ids = {person.login: person.id for person in session.scalars(select(Person))}
        actors = {element: _actor(session, ids[login], roles) for element, login in WHO.items()}
    return BenchTown(city, engine, sessions, platform, actors, clock)


def _actor(session: Session, person_id: int, roles: Mapping[str, Role]) -> Actor:
    actor = load_actor(session, person_id, roles)
    assert actor is not None
    return actor


@contextmanager
def town_on(database: str, folder: Path, *, cache_size: int = 2048) -> Iterator[BenchTown]:
    """A fresh city on one of ``DATABASES``. Raises NoServer when PostgreSQL does not answer."""
    if database == "postgresql":
        with scratch_postgresql() as url:
            town = open_town(folder / "city", url, cache_size=cache_size)
            try:
                yield town
            finally:
                town.close()
        return
    path = folder / f"{database}-{len(list(folder.glob('*.sqlite')))}.sqlite"
    synchronous = database.removeprefix("sqlite-").upper()
    town = open_town(folder / "city", f"sqlite:///{path}", synchronous=synchronous, cache_size=cache_size)
    try:
        yield town
    finally:
        town.close()
