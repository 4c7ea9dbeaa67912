"""Every working day: send findings out for a check, tell of remedies that end and of findings nobody answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.database import begin_write
from engine.errors import Invalid
from engine.hooks import Job
from engine.hooks.settings import plugin_settings
from engine.models import OutboxMessage, RegisterEntry
from engine.platform import Platform
from plugins.illegal_build.findings import FINDINGS
from plugins.illegal_build.operators import BUILDINGS

NAMED = 10
"""How many entries one message names."""
REMEDIES = ("removal_ordered", "demanded", "noticed", "waiting")
"""Stages in which the end of the remedies matters."""


def send_out(session: Session, platform: Platform, now: datetime) -> str:
    """Open the check of new findings, the oldest first, as many a day as the settings allow."""
    most = int(plugin_settings(platform.city, "illegal_build")["findings_a_day"])
    rows = [(row.key, row.lon, row.lat) for row in _in_state(session, "new")[:most]]
    for key, lon, lat in rows:
        begin_write(session)
        application = Application("illegal_build_finding", {"finding": key}, lon=lon, lat=lat)
        try:
            open_matter(session, platform, application, None, now)
        except Invalid:  # a place outside the city's grids: the lead looks at it without one
            session.rollback()
            begin_write(session)
            open_matter(session, platform, replace(application, lon=None, lat=None), None, now)
        session.commit()
    return f"{len(rows)} findings sent out"


def remind(session: Session, platform: Platform, now: datetime) -> str:
    """Tell the departments of remedies that end within the settings' days, and the leads of findings left lying."""
    days = int(plugin_settings(platform.city, "illegal_build")["remind_days"])
    today = now.astimezone(platform.city.time_zone).date()
    ending = _ending(session, today, today + timedelta(days=days))
    by_department: dict[str, list[str]] = defaultdict(list)
    for row in ending:
        named = f"{row.title}（{row.key}，{row.values['remedy_until']}）"
        by_department[row.values.get("department") or ""].append(named)
    for department, names in sorted(by_department.items()):
        _tell(session, now, department, f"复议诉讼期即将届满：{_listed(names)}")
    left = (today - timedelta(days=days)).isoformat()
    lying = [row for status in ("new", "checking") for row in _in_state(session, status, before=left)]
    lead = platform.host.directory.answering("URBAN_ENFORCEMENT", ())
    if lying and lead is not None:
        _tell(session, now, lead, f"图斑超过{days}日未核查：{_listed(row.key for row in lying)}")
    return f"{len(ending)} remedies end, {len(lying)} findings unanswered"


def _in_state(session: Session, status: str, before: str = "") -> list[RegisterEntry]:
    query = select(RegisterEntry).where(
        RegisterEntry.register == FINDINGS, RegisterEntry.gone_at.is_(None),
        RegisterEntry.values["status"].as_string() == status,
    )  # fmt: skip
    if before:
        query = query.where(RegisterEntry.values["imported_on"].as_string() < before)
    return list(session.scalars(query.order_by(RegisterEntry.created_at, RegisterEntry.key)))


def _ending(session: Session, first: date, last: date) -> list[RegisterEntry]:
    until = RegisterEntry.values["remedy_until"].as_string()
    query = select(RegisterEntry).where(
        RegisterEntry.register == BUILDINGS, RegisterEntry.gone_at.is_(None),
        RegisterEntry.values["stage"].as_string().in_(REMEDIES),
        until >= first.isoformat(), until <= last.isoformat(),
    )  # fmt: skip
    return list(session.scalars(query.order_by(until, RegisterEntry.key)))


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    return "、".join(known[:NAMED]) + (f" 等{len(known)}处" if len(known) > NAMED else "")


def _tell(session: Session, now: datetime, department: str, text: str) -> None:
    scope = f"@{department}" if department else ""
    payload = {"recipients": [f"unit_clerk{scope}", f"unit_head{scope}"], "text": text}
    session.add(
        OutboxMessage(
            topic="notify", case_id=None, payload=payload, created_at=now, due_at=now, attempts=0, done_at=None,
            last_error=None,
        )
    )  # fmt: skip


JOBS = (
    Job("findings", "下发图斑核查", "send findings out", "30 7 * * 1-5", send_out),
    Job("remind", "提醒复议诉讼期满与未答复图斑", "remedies that end, findings unanswered", "40 7 * * 1-5", remind),
)
