"""What a report's text and place suggest, in one answer: class, component, address, duplicates, no-report rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from engine.components.finding import components_near
from engine.duplicates.finding import Likely as Duplicate
from engine.duplicates.finding import likely_duplicates
from engine.ground.address_near import PointDescribed, describe_point
from engine.ground.index import Place
from engine.intake.keeping import InUse, ModelShelf
from engine.intake.model import Likely
from engine.intake.noting import UseRates, rates_in_use
from engine.models import Component
from engine.no_report import NoReportRule, Situation
from engine.organisation.actor import Actor
from engine.platform import Platform

COMPONENT_REACH_M = 50.0
OF_A_CLASS = 3
CLASSES_TRIED = 3
PLACED = 0.05
"""A class of components is looked for near the point when the model is at least so sure of it."""


@dataclass(frozen=True)
class Asked:
    """What is known of a report so far. ``kind`` and ``full_code``: the class somebody has already chosen."""

    text: str = ""
    lon: float | None = None
    lat: float | None = None
    kind: str | None = None
    full_code: str | None = None
    component_code: str | None = None


@dataclass(frozen=True)
class Suggestions:
    """What is suggested. ``known`` is false when the text fits no class; ``place`` is none outside of the city.

    ``components`` are (component, metres), those of the likeliest class first; these and ``duplicates`` wait
    for a place.
    """

    known: bool
    classes: Sequence[Likely]
    components: Sequence[tuple[Component, float]]
    place: Place | None
    address: PointDescribed | None
    duplicates: Sequence[Duplicate]
    no_report: Sequence[NoReportRule]
    used: InUse
    in_use: UseRates


def suggest(
    session: Session,
    platform: Platform,
    shelf: ModelShelf,
    asked: Asked,
    actor: Actor | None,
    now: datetime,
    *,
    limit: int = 5,
) -> Suggestions:
    """Everything that can be said of a report so far; reads only. Raises CityBroken when a city's file is broken."""
    used = shelf.model(session, platform.host.today(now))
    said = used.model.judge(asked.text, limit=limit)
    place, address, components = None, None, []
    duplicates: Sequence[Duplicate] = ()
    kind, full_code = chosen_class(asked, said.likely)
    if asked.lon is not None and asked.lat is not None:
        place = platform.host.ground.locate(asked.lon, asked.lat)
        address = describe_point(session, asked.lon, asked.lat)
        components = components_for(session, asked, said.likely)
        if full_code is not None:
            duplicates = likely_duplicates(
                session, platform, text=asked.text, full_code=full_code, kind=kind, lon=asked.lon, lat=asked.lat,
                now=now, limit=limit, component_code=asked.component_code, actor=actor,
            )  # fmt: skip
    return Suggestions(
        said.known, said.likely, components, place, address, duplicates,
        no_report_rules(platform, asked, place, kind, full_code, now), used, rates_in_use(session, now),
    )  # fmt: skip


def no_report_rules(
    platform: Platform, asked: Asked, place: Place | None, kind: str | None, full_code: str | None, now: datetime
) -> list[NoReportRule]:
    """The rules by which this is not to be reported here and now; those about no class while there is none."""
    found = {
        rule.code: rule
        for each in ([kind] if kind or not full_code else ["component", "event"])
        for rule in platform.host.no_report.find(
            Situation(each or "", full_code or "", asked.lon, asked.lat, place), now
        )
    }
    return list(found.values())


def chosen_class(asked: Asked, likely: Sequence[Likely]) -> tuple[str | None, str | None]:
    """Kind and code of the class somebody chose, else of the likeliest one."""
    if asked.full_code:
        return asked.kind, asked.full_code
    if likely:
        kind, _, full_code = likely[0].of.partition("/")
        return kind, full_code
    return None, None


def components_for(session: Session, asked: Asked, likely: Sequence[Likely]) -> list[tuple[Component, float]]:
    """The nearest components of the chosen class, or of the likeliest classes of components; none for an event."""
    assert asked.lon is not None
    assert asked.lat is not None
    if asked.full_code:
        codes = [asked.full_code] if asked.kind != "event" else []
    else:
        parted = [(each, *each.of.partition("/")) for each in likely[:CLASSES_TRIED]]
        codes = [code for each, kind, _, code in parted if kind == "component" and each.confidence >= PLACED]
    found: list[tuple[Component, float]] = []
    for code in codes:
        found += components_near(
            session, asked.lon, asked.lat, within_m=COMPONENT_REACH_M, full_code=code, most=OF_A_CLASS
        )
    return found
