"""A city in memory to try scenarios on: loaded once, copied for every scenario, with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from engine.cases.host import CaseHost
from engine.city import City
from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.hooks.host import load_registry
from engine.loading.city import load_city_folder
from engine.models import Base, Subclass
from engine.organisation.roles import load_roles
from engine.platform import Platform
from engine.registry import Registry
from engine.workflow.deployments import Definitions
from engine.workflow.observing import Trail, watch
from engine.workflow.runtime import Runtime

LOADED_AT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class Place:
    """One scenario's own copy of the city."""

    session: Session
    platform: Platform
    clock: FrozenClock


class Bench:
    """A loaded city. ``trail`` holds what its instances have passed since somebody took it up."""

    def __init__(self, city: City, registry: Registry | None = None) -> None:
        self.city = city
        self.roles = MappingProxyType(dict(load_roles(city.layers)))
        self._engine, self._stage = _empty_database(), _empty_database()
        session = session_factory(self._engine)()
        load_city_folder(session, city, LOADED_AT, registry=registry)
        self.host = CaseHost.load(session, city, registry or load_registry(city))
        self.definitions = Definitions(self.host.functions)
        self.definition = self.definitions.current(session, LOADED_AT)
        self.trail: Trail = watch(self.definition)
        self.classes = {(kind, code) for kind, code in session.execute(select(Subclass.kind, Subclass.full_code))}
        """Kind and full code of every subclass of the city's catalogue."""
        session.commit()
        session.close()

    @contextmanager
    def place(self, moment: datetime) -> Iterator[Place]:
        """A fresh copy of the city at a moment. There is one stage: a second place takes it from the first."""
        _copy(self._engine, self._stage)
        clock = FrozenClock(moment)
        session = session_factory(self._stage)()
        try:
            yield Place(session, Platform(self.city, self.host, Runtime(), self.definitions, clock), clock)
        finally:
            session.close()

    def close(self) -> None:
        """Give up the memory."""
        self._engine.dispose()
        self._stage.dispose()


def _empty_database() -> Engine:
    engine = open_database("sqlite://")
    Base.metadata.create_all(engine)
    return engine


def _copy(original: Engine, copy: Engine) -> None:
    """SQLite's own page copy: milliseconds where loading takes seconds, and prepared statements stay prepared."""
    source, target = original.raw_connection(), copy.raw_connection()
    try:
        connection: Any = source.driver_connection
        connection.backup(target.driver_connection)
    finally:
        source.close()
        target.close()
