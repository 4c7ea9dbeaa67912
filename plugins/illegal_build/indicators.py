"""Figures of illegal buildings: stopped in time, area removed, open files by stage, share of new construction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Indicator, Measured
from engine.models import RegisterEntry
from engine.platform import Platform
from plugins.illegal_build.operators import BUILDINGS

STOP_HOURS = 2.0
"""Urgent hours within which building must be stopped: table P6 of the procedures."""
ENDED = ("removed", "corrected", "confiscated", "legal", "annulled")
NO_OFFENCE = ("legal", "annulled")


def entries(session: Session) -> Sequence[RegisterEntry]:
    """All buildings of the register."""
    query = select(RegisterEntry).where(RegisterEntry.register == BUILDINGS, RegisterEntry.gone_at.is_(None))
    return session.scalars(query.order_by(RegisterEntry.key)).all()


def within(
    session: Session, platform: Platform, column: str, start: datetime, end: datetime
) -> Iterator[RegisterEntry]:
    """Buildings whose day of a column lies in a period."""
    zone = platform.city.time_zone
    first, after = start.astimezone(zone).date().isoformat(), end.astimezone(zone).date().isoformat()
    return (row for row in entries(session) if first <= (row.values.get(column) or "") < after)


def measured(rows: Iterable[tuple[str, float, float, str]]) -> list[Measured]:
    """(object, numerator, denominator, building) rows as one part for each object."""
    parts: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for name, numerator, denominator, key in rows:
        parts[name].append((numerator, denominator, key))
    return [
        Measured(name, sum(n for n, _, _ in found), sum(d for _, d, _ in found), tuple(key for _, _, key in found))
        for name, found in sorted(parts.items())
    ]


def stopped_in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Buildings stopped within two urgent hours, of those found in the period and ordered to stop."""
    found = (
        row for row in within(session, platform, "found_on", start, end) if row.values.get("stop_hours") is not None
    )
    return measured(
        (
            row.values.get("department") or "",
            float(row.values["stop_hours"] <= STOP_HOURS and row.values.get("stage") != "refused"),
            1.0,
            row.key,
        )
        for row in found
    )


def area_removed(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Square metres removed in the period, by department."""
    gone = measured(
        (row.values.get("department") or "", float(row.values.get("removed_area") or 0), 0.0, row.key)
        for row in within(session, platform, "removed_on", start, end)
    )
    return [Measured(each.object, each.numerator, 1.0, each.behind) for each in gone]


def open_by_stage(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Open files at each stage now, of all open ones. The period does not matter: the register knows the present."""
    opened = [row for row in entries(session) if row.values.get("stage") not in ENDED]
    parts = measured((str(row.values.get("stage") or ""), 1.0, 0.0, row.key) for row in opened)
    return [Measured(each.object, each.numerator, float(len(opened)), each.behind) for each in parts]


def new_share(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Illegal buildings begun in the period (新增), of those found in it, by department."""
    zone = platform.city.time_zone
    first = start.astimezone(zone).date().isoformat()
    return measured(
        (row.values.get("department") or "", float((row.values.get("begun_on") or "") >= first), 1.0, row.key)
        for row in within(session, platform, "found_on", start, end)
        if row.values.get("stage") not in NO_OFFENCE
    )


INDICATORS = (
    Indicator("stopped_in_time", "违建两小时制止率", "illegal building stopped within two hours", "%", stopped_in_time),
    Indicator("area_removed", "违建拆除面积", "area of illegal buildings removed", "m²", area_removed),
    Indicator("open_by_stage", "在办违建各阶段占比", "open illegal buildings by stage", "%", open_by_stage),
    Indicator("new_share", "新增违建占比", "share of newly begun illegal buildings", "%", new_share),
)
