"""The monthly score of the bike operators: on the first of a month every operator gets its matter."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.models import RegisterEntry
from engine.platform import Platform

MATTER = "traffic_operator_month"


def open_months(session: Session, platform: Platform, now: datetime) -> str:
    """Open the matter of last month for every operator, with its points; says how many. The caller commits."""
    today = now.astimezone(platform.city.time_zone).date()
    last = today.replace(day=1) - timedelta(days=1)
    month = f"{last.year}年{last.month}月"
    points = points_of(session, last)
    opened = 0
    for entry in entries(session, "traffic_operators"):
        answers = {"operator": entry.key, "month": month, "points": points[entry.key]}
        title = f"{entry.title}{month}共享单车考核"
        open_matter(session, platform, Application(MATTER, answers, title=title), None, now)
        opened += 1
    return f"{opened} operators, {month}"


def points_of(session: Session, last: date) -> dict[str, int]:
    """Points by operator in the month of a day; none is nought."""
    month = last.isoformat()[:7]
    points: dict[str, int] = defaultdict(int)
    for entry in entries(session, "traffic_scores"):
        if str(entry.values.get("on") or "").startswith(month):
            points[str(entry.values["operator"])] += int(entry.values["points"])
    return points


def entries(session: Session, register: str) -> list[RegisterEntry]:
    """The entries of a register that are not struck off, by key."""
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    return list(session.scalars(query.order_by(RegisterEntry.key)))
