"""The kinds of things a plugin contributes through hooks. All are frozen; the host checks them when the city starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from engine.registers.keeping import Hand, put_entry

if TYPE_CHECKING:
    from engine.platform import Platform

API_VERSION = "1.0"
"""What this release offers plugins. The first number rises when a hook changes so that plugins must be changed."""


@dataclass(frozen=True)
class Manifest:
    """Who a plugin is.

    :param name: the folder's or entry point's name: small letters, digits and ``_``; operators, functions,
        permissions and tables begin with it.
    :param api: which versions of the host's plugin API it was written for, such as ``>=1.0,<2``.
    :param requires: plugins that must be enabled beside it. It calls their diagrams by name and never imports them.
    """

    name: str
    title: str
    title_en: str
    version: str
    api: str
    summary: str = ""
    summary_en: str = ""
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Permission:
    """A right a role may have, ``<plugin>.<verb>``. Which roles have it stands in ``roles.csv`` of plugin or city."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True)
class Measured:
    """One part of an indicator: ``numerator`` of ``denominator`` for an object, and the cases or files behind it."""

    object: str
    numerator: float
    denominator: float = 1.0
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Indicator:
    """A figure of a department. ``measure`` is given a session, a platform and a period (aware, end excluded)."""

    id: str
    zh: str
    en: str
    unit: str
    measure: Callable[[Session, Platform, datetime, datetime], Iterable[Measured]]


@dataclass(frozen=True)
class MapLayer:
    """A layer of the city's map. ``features`` is given a session, the view (west, south, east, north), a limit.

    It returns GeoJSON features in WGS-84. Only holders of ``permission`` see the layer.
    """

    id: str
    zh: str
    en: str
    kind: str
    permission: str
    features: Callable[[Session, tuple[float, float, float, float], int], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Job:
    """Work that falls due by the clock. ``cron`` has five fields and is read in the city's time zone.

    ``run`` is given a session, the platform and the moment. It may commit as it goes; what it has not is committed when
    it returns, and taken back when it raises. It returns a line that says what it did. It runs in one process at a
    time; when the machine was down over several due moments it runs once.
    """

    id: str
    zh: str
    en: str
    cron: str
    run: Callable[[Session, Platform, datetime], str]


@dataclass(frozen=True)
class CaseChange:
    """A line of a case's history, told to plugins after it was committed."""

    event_id: int
    case_id: int
    number: str
    kind: str
    at: datetime
    process: str
    element: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedMatter:
    """A matter that is opened at a moment of a demonstration; ``at`` is aware."""

    matter: str
    at: datetime
    answers: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    title: str = ""
    lon: float | None = None
    lat: float | None = None
    address: str = ""


@dataclass(frozen=True)
class Demonstration:
    """What a plugin fills a demonstration with. The same ``chance`` gives the same data.

    It is asked before the city goes to work, from ``start`` to ``now``: registers are filled at once, matters are
    planned with ``open`` and worked on by the city's people like everything else. What they answer in forms is as
    ``simulation.toml`` of the plugin weighs and words it.
    """

    session: Session
    platform: Platform
    chance: Random
    start: datetime
    now: datetime
    planned: list[PlannedMatter] = field(default_factory=list)

    def enter(self, register: str, entries: Iterable[Mapping[str, Any]], *, days_ago: float = 0.0) -> None:
        """Add entries to a register, as if so many days before ``now``."""
        at = self.now - timedelta(days=days_ago)
        declared = self.platform.host.registers[register]
        for values in entries:
            put_entry(self.session, declared, values, Hand(at))

    def open(
        self, matter: str, answers: Mapping[str, Any] | None = None, *, share: float,
        place: tuple[float, float] | None = None, values: Mapping[str, Any] | None = None, title: str = "",
        address: str = "",
    ) -> None:  # fmt: skip
        """Plan a matter at a share (0 to 1) of the time between ``start`` and ``now``; ``place`` is (lon, lat)."""
        at = self.start + (self.now - self.start) * share
        lon, lat = place or (None, None)
        self.planned.append(PlannedMatter(matter, at, answers or {}, values or {}, title, lon, lat, address))
