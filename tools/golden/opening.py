"""Open a generation as a database of that release would be: its rows, the migrations since, then the states."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from alembic import command
from sqlalchemy import Connection, Engine

from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.migrations import CORE, alembic_config, upgrade_database
from engine.platform import Platform
from engine.testing.small_city import SmallTown
from engine.workflow.deployments import Definitions
from engine.workflow.runtime import Runtime
from tools.golden.keeping import open_town
from tools.golden.stage import Stage, example_registry


@dataclass(frozen=True)
class Kept:
    """A scene of a generation: where its cases stood, how they go on, what they came to."""

    name: str
    title: str
    moment: datetime
    cases: Mapping[str, str]
    standing: Mapping[str, Any]
    after: tuple[Mapping[str, Any], ...]
    rows: Mapping[str, list[dict[str, Any]]]
    end: list[Any]


class Generation:
    """A generation on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with tarfile.open(path, "r:xz") as archive:
            self.contents = {entry.name: _content(archive, entry) for entry in archive}
        self.about: Mapping[str, Any] = orjson.loads(self.contents["generation.json"])

    def files(self) -> dict[str, str]:
        """The deployment's files, logical path -> text."""
        start = "deployment/"
        return {
            name.removeprefix(start): content.decode()
            for name, content in self.contents.items()
            if name.startswith(start)
        }

    def scene(self, name: str) -> Kept:
        """One of its scenes."""
        stored = orjson.loads(self.contents[f"scenes/{name}.json"])
        moment = datetime.fromisoformat(stored.pop("moment"))
        return Kept(name=name, moment=moment, after=tuple(stored.pop("after")), **stored)


class Opened:
    """A generation in a database of today, with today's small town around it."""

    def __init__(self, generation: Generation, work: Path) -> None:
        self.generation = generation
        self._database, self._copy = self._migrate(work / "town.sqlite"), open_database("sqlite://")
        self.town: SmallTown = open_town(work)
        with self._database.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE city_case SET catalogue_version_id = (SELECT max(id) FROM catalogue_version)"
            )
        session = self.town.session
        self.host = self.town.platform.host.load(session, self.town.city, example_registry())
        self.definitions = Definitions()

    def close(self) -> None:
        """Give up the databases."""
        self.town.close()
        self._database.dispose()
        self._copy.dispose()

    @contextmanager
    def stage(self, name: str) -> Iterator[tuple[Kept, Stage]]:
        """A scene at the moment it was kept, on a copy of the database in which nothing else moves."""
        kept, clock = self.generation.scene(name), FrozenClock(self.town.clock.now())
        clock.set(kept.moment)
        _copy(self._database, self._copy)
        with self._copy.begin() as connection:
            _hush_others(connection, kept)
        session = session_factory(self._copy)()
        platform = Platform(self.town.city, self.host, Runtime(), self.definitions, clock)
        stage = Stage(self.town.city, self.town.roles, session, platform, clock, reloading=True)
        stage.play.numbers.update(kept.cases)
        try:
            yield kept, stage
        finally:
            session.close()

    def _migrate(self, path: Path) -> Engine:
        """A database as the generation's release had it, with all its scenes, brought to today's schema."""
        database = open_database(f"sqlite:///{path}")
        with database.begin() as connection:
            command.upgrade(alembic_config(CORE, connection), self.generation.about["revision"])
            files = orjson.dumps(self.generation.files()).decode()
            _insert(connection, "deployment", {**self.generation.about["deployment"], "files": files})
            for name in self.generation.about["scenes"]:
                for table, rows in self.generation.scene(name).rows.items():
                    for row in rows if table != "counter" else ():
                        _insert(connection, table, self._filled(row))
        upgrade_database(database)
        return database

    def _filled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with what lies in files of its own."""
        contents = self.generation.contents
        return {key: contents[value["file"]] if isinstance(value, dict) else value for key, value in row.items()}


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    assert file is not None  # a generation holds files only
    return file.read()


def _insert(connection: Connection, table: str, row: Mapping[str, Any]) -> None:
    """A row as the driver takes it; these are values it gave."""
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


def _hush_others(connection: Connection, kept: Kept) -> None:
    """Nothing but this scene's own cases fires, hears or is sent; numbers go on where they stood."""
    own = ", ".join(kept.standing)
    cases = ", ".join(str(row["id"]) for row in kept.rows["city_case"])
    connection.exec_driver_sql(f"DELETE FROM timer WHERE instance_id NOT IN ({own})")
    connection.exec_driver_sql(f"DELETE FROM waiting_event WHERE instance_id NOT IN ({own})")
    connection.exec_driver_sql(f"DELETE FROM outbox WHERE case_id NOT IN ({cases})")
    connection.exec_driver_sql("DELETE FROM counter")
    for row in kept.rows.get("counter", ()):
        _insert(connection, "counter", row)


def _copy(original: Engine, copy: Engine) -> None:
    """SQLite's own page copy."""
    source, target = original.raw_connection(), copy.raw_connection()
    try:
        connection: Any = source.driver_connection
        connection.backup(target.driver_connection)
    finally:
        source.close()
        target.close()
