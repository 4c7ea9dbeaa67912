"""The figures of departments: every indicator a person may see, measured for a period, with what is behind it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.hooks.contributions import Indicator, Measured
from engine.models import Case
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.registry import Registry

log = logging.getLogger("wangge.plugins")

SHARE = "%"
READ_ALL = "case.read_all"


@dataclass(frozen=True)
class Figure:
    """One object's value of an indicator: ``value`` is a share of a hundred where the unit is ``%``; none of nothing.

    ``cases`` are the numbers of cases among what is behind it.
    """

    object: str
    value: float | None
    numerator: float
    denominator: float
    behind: tuple[str, ...]
    cases: frozenset[str]


@dataclass(frozen=True)
class Reading:
    """An indicator measured: its figures, or why it failed."""

    plugin: str
    indicator: Indicator
    figures: tuple[Figure, ...]
    failure: str = ""

    @property
    def identity(self) -> str:
        """``<plugin>.<indicator>``."""
        return f"{self.plugin}.{self.indicator.id}"


def indicators_for(registry: Registry, actor: Actor) -> Iterator[tuple[str, Indicator]]:
    """The indicators a person may see, with their plugin.

    Who may ``<plugin>.read`` sees a plugin's; of a plugin without that permission, who may read every case.
    """
    for plugin, given in registry.plugins.items():
        own = f"{plugin}.read"
        need = own if any(each.name == own for each in given.permissions) else READ_ALL
        if actor.may(need):
            for indicator in given.indicators:
                yield plugin, indicator


def measure(
    session: Session, platform: Platform, actor: Actor, start: datetime, end: datetime, plugin: str = ""
) -> list[Reading]:
    """Every indicator the person may see, of one plugin or of all, from ``start`` until before ``end`` (aware).

    One that raises is shown as failed; what it wrote is taken back. Raises NotFound: there is nothing of the plugin.
    """
    wanted = [each for each in indicators_for(platform.host.registry, actor) if plugin in ("", each[0])]
    if plugin and not wanted:
        raise NotFound(f"there are no indicators of {plugin!r} that you may see; GET /api/v1/indicators lists them")
    return [_measured(session, platform, name, indicator, start, end) for name, indicator in wanted]


def _measured(
    session: Session, platform: Platform, plugin: str, indicator: Indicator, start: datetime, end: datetime
) -> Reading:
    try:
        with session.begin_nested() as aside:
            parts = list(indicator.measure(session, platform, start, end))
            aside.rollback()
        wrong = next((each for each in parts if not isinstance(each, Measured)), None)
        if wrong is not None:
            raise TypeError(f"it gave {wrong!r}; give engine.hooks.Measured")
    except Exception as error:
        log.exception("the indicator %s of %s failed", indicator.id, plugin)
        return Reading(plugin, indicator, (), f"{type(error).__name__}: {error}")
    known = numbers_among(session, [key for each in parts for key in each.behind])
    return Reading(plugin, indicator, tuple(_figure(each, indicator.unit, known) for each in parts))


def _figure(part: Measured, unit: str, known: frozenset[str]) -> Figure:
    value = part.numerator / part.denominator * (100 if unit == SHARE else 1) if part.denominator else None
    cases = known.intersection(part.behind)
    return Figure(part.object, value, part.numerator, part.denominator, part.behind, cases)


def numbers_among(session: Session, keys: Sequence[str]) -> frozenset[str]:
    """Which of these are numbers of cases."""
    found: set[str] = set()
    wanted = sorted(set(keys))
    for first in range(0, len(wanted), 500):
        found.update(session.scalars(select(Case.number).where(Case.number.in_(wanted[first : first + 500]))))
    return frozenset(found)
