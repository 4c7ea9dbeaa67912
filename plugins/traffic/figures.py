"""The plugin's figures, each from the history of its matters or from its registers, with what is behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Measured
from engine.models import Case, CaseEvent, RegisterEntry
from engine.platform import Platform


def _reached(session: Session, elements: Iterable[str], start: datetime, end: datetime) -> Iterator[tuple[str, str]]:
    """(case number, element) of what processes of the plugin completed in a period."""
    rows = session.execute(
        select(Case.number, CaseEvent.element)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(CaseEvent.element.in_(tuple(elements)), CaseEvent.process.in_(("traffic_car", "traffic_bikes")))
        .where(CaseEvent.at >= start, CaseEvent.at < end)
        .order_by(CaseEvent.id)
    )
    yield from ((number, element) for number, element in rows)


def _share(
    session: Session, good: str, bad: Iterable[str], start: datetime, end: datetime, whole: str
) -> list[Measured]:
    found: dict[str, str] = {}
    for number, element in _reached(session, (good, *bad), start, end):
        found[number] = element
    kept = [number for number, element in found.items() if element == good]
    return [Measured(whole, len(kept), len(found), tuple(found))] if found else []


def moved_after_notice(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Cars that drove off after the notice, of those given one: of the city."""
    return _share(session, "note_moved", ("decide",), start, end, platform.city.id)


def bikes_in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Orders to operators that needed no removal in their stead: of the city."""
    found: dict[str, str] = {}
    for number, element in _reached(session, ("check", "remove"), start, end):
        found[number] = element
    good = [number for number, element in found.items() if element == "check"]
    return [Measured(platform.city.id, len(good), len(found), tuple(found))] if found else []


def tows(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Vehicles towed in the period, by yard."""
    by_yard: dict[str, list[str]] = defaultdict(list)
    for entry in _entries(session, "traffic_tows", "towed_on", start, end, platform):
        by_yard[str(entry.values.get("yard"))].append(entry.key)
    return [Measured(yard, len(keys), 1.0, tuple(keys)) for yard, keys in sorted(by_yard.items())]


def operator_points(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Points of the period, by operator."""
    points: dict[str, int] = defaultdict(int)
    behind: dict[str, list[str]] = defaultdict(list)
    for entry in _entries(session, "traffic_scores", "on", start, end, platform):
        operator = str(entry.values["operator"])
        points[operator] += int(entry.values["points"])
        behind[operator].append(entry.key)
    return [Measured(operator, points[operator], 1.0, tuple(behind[operator])) for operator in sorted(points)]


def _entries(
    session: Session, register: str, column: str, start: datetime, end: datetime, platform: Platform
) -> Iterator[RegisterEntry]:
    """Entries of a register whose date lies in a period, on the city's clocks."""
    zone = platform.city.time_zone
    first, last = start.astimezone(zone).date().isoformat(), end.astimezone(zone).date().isoformat()
    for entry in session.scalars(
        select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    ):
        if first <= str(entry.values.get(column) or "") < last:
            yield entry
