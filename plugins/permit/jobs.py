"""Every day: remind of licences that end soon, mark those that have ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks.settings import plugin_settings
from engine.models import OutboxMessage, RegisterEntry
from engine.platform import Platform
from engine.registers.keeping import Hand
from plugins.permit.licences import LICENCES, STATUS, set_licence

NAMED = 10
"""Licences one message names."""


def watch_licences(session: Session, platform: Platform, now: datetime) -> str:
    """Mark valid licences past their last day as expired, and remind their units once of those that end soon."""
    today = now.astimezone(platform.city.time_zone).date()
    registers, warn_days = platform.host.registers, int(plugin_settings(platform.city, "permit")["warn_days"])
    hand, expired = Hand(now, reason="有效期届满"), 0
    soon: dict[str, list[RegisterEntry]] = {}
    for row, ends in ending(session, today + timedelta(days=warn_days)):
        if ends < today:
            set_licence(session, registers, row.key, {STATUS: "expired"}, hand)
            expired += 1
        elif row.values.get("warned_for") != ends.isoformat():
            set_licence(session, registers, row.key, {"warned_for": ends.isoformat()}, Hand(now, reason="到期提醒"))
            soon.setdefault(row.values.get("department") or "", []).append(row)
    for department, rows in sorted(soon.items()):
        tell(session, platform, department, rows, now)
    return f"{expired} expired, {sum(map(len, soon.values()))} reminded of"


def ending(session: Session, until: date) -> Iterator[tuple[RegisterEntry, date]]:
    """Valid licences whose last day is ``until`` at the latest, with that day, by it."""
    last = RegisterEntry.values["valid_to"].as_string()
    rows = session.scalars(
        select(RegisterEntry)
        .where(
            RegisterEntry.register == LICENCES, RegisterEntry.gone_at.is_(None),
            RegisterEntry.values[STATUS].as_string() == "valid", last <= until.isoformat(),
        )
        .order_by(last, RegisterEntry.key)
    )  # fmt: skip
    for row in rows.all():
        yield row, date.fromisoformat(row.values["valid_to"])


def tell(session: Session, platform: Platform, department: str, rows: list[RegisterEntry], now: datetime) -> None:
    """One message to the unit in charge, however many licences it is about."""
    zh = platform.city.language == "zh"
    named = ("、" if zh else ", ").join(f"{row.title} {row.key} ({row.values['valid_to']})" for row in rows[:NAMED])
    more = (f" 等{len(rows)}件" if zh else f" and {len(rows) - NAMED} more") if len(rows) > NAMED else ""
    text = f"许可证即将届满，请提醒在届满三十日前申请延续：{named}{more}" if zh else f"Licences end soon: {named}{more}"
    scope = f"@{department}" if department else ""
    payload = {"recipients": [f"unit_clerk{scope}", f"unit_handler{scope}"], "text": text, "event": "permit.ends_soon"}
    session.add(
        OutboxMessage(
            topic="notify", case_id=None, payload=payload, created_at=now, due_at=now, attempts=0, done_at=None,
            last_error=None,
        )
    )  # fmt: skip
