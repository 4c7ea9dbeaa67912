"""Read what cases and registers of penalties hold, for figures and jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import RegisterEntry
from engine.platform import Platform
from plugins.penalty.ledger import LEDGER


def day_of(platform: Platform, moment: datetime) -> date:
    """The city's day of a moment."""
    return moment.astimezone(platform.city.time_zone).date()


def as_date(value: object) -> date | None:
    """A column's date; none for an empty one."""
    return date.fromisoformat(str(value)) if value else None


def entries(session: Session, register: str) -> Iterator[RegisterEntry]:
    """Entries of a register that are not struck off, by key."""
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    yield from session.scalars(query.order_by(RegisterEntry.key))


def decided_between(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[RegisterEntry]:
    """Entries of the ledger decided from ``start`` to ``end``, end excluded."""
    first, last = day_of(platform, start), day_of(platform, end)
    for entry in entries(session, LEDGER):
        decided = as_date(entry.values.get("decided_on"))
        if decided is not None and first <= decided < last:
            yield entry
