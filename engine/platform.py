"""Everything one city needs to run, put together once and handed to the services."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from engine.cases.host import CaseHost
from engine.city import City
from engine.clock import Clock, SystemClock
from engine.evidence.places import find_store
from engine.evidence.store import MemoryStore, Store
from engine.hooks.host import load_registry
from engine.registry import Registry
from engine.translations import Translations
from engine.workflow.deployments import Definitions
from engine.workflow.runtime import Runtime


@dataclass
class Platform:
    """A city at run time. Services take it beside a session and an actor."""

    city: City
    host: CaseHost
    runtime: Runtime = field(default_factory=Runtime)
    definitions: Definitions = field(default_factory=Definitions)
    clock: Clock = field(default_factory=SystemClock)
    translations: Translations = field(default_factory=lambda: Translations({}))
    store: Store = field(default_factory=MemoryStore)
    sensing: object = None
    """What ``engine.sensors.sensing`` keeps here: kinds, rules and fences, read on first use."""

    def __post_init__(self) -> None:
        self.host.definitions = self.definitions


def build_platform(
    session: Session, city: City, *, clock: Clock | None = None, registry: Registry | None = None, cache_size: int = 512
) -> Platform:
    """Put a platform together from a city's files, its initialised database and the store of its evidence."""
    host = CaseHost.load(session, city, registry or load_registry(city))
    definitions, translations = Definitions(host.functions), Translations.load(city)
    return Platform(
        city, host, Runtime(cache_size), definitions, clock or SystemClock(), translations, find_store(session)
    )
