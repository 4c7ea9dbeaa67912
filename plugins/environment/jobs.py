"""Work by the clock: overdue cleanings, expired certificates, silent monitors, monthly grades."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.hooks.settings import plugin_settings
from engine.models import Case, OutboxMessage, RegisterEntry, SensorDevice, SensorState
from engine.platform import Platform
from engine.registers.keeping import Hand, change_entry
from plugins.environment.indicators import entries

MONTH = "environment_dust_month"
NAMED = 10
"""Entries one message names."""
GRADES = {"red": "红色", "yellow": "黄色", "green": "绿色"}


def mark_cleanings(session: Session, platform: Platform, now: datetime) -> str:
    """Set when every purifier must be cleaned next, mark those that are overdue, and tell enforcement of new ones."""
    days = timedelta(days=plugin_settings(platform.city, "environment")["cleaning_days"])
    today, overdue, new = _today(platform, now), 0, []
    for entry in entries(session, "environment_outlets"):
        cleaned = entry.values.get("cleaned_on")
        if not cleaned or entry.values.get("status") == "closed":
            continue
        due = date.fromisoformat(cleaned) + days
        overdue += due < today
        values: dict[str, Any] = {"cleaning_due": due.isoformat()}
        before = entry.values.get("attention")
        if before != "penalty":
            values["attention"] = "cleaning" if due < today else "none"
            if due < today and before != "cleaning":
                new.append(entry.title)
        _change(session, platform, entry, values, now, "清洗周期")
    if new:
        _tell(
            session, platform, "URBAN_ENFORCEMENT", "油烟净化设施清洗逾期", "Purifiers overdue for cleaning", new, now
        )
    return f"{overdue} purifiers are overdue for cleaning, {len(new)} since the last run"


def expire_certificates(session: Session, platform: Platform, now: datetime) -> str:
    """Mark night work certificates whose last day is over, and tell the housing bureau."""
    today, expired = _today(platform, now).isoformat(), []
    for entry in entries(session, "environment_night_certificates"):
        if entry.values.get("status") == "valid" and entry.values["valid_to"] < today:
            _change(session, platform, entry, {"status": "expired"}, now, "有效期已过")
            expired.append(f"{entry.title} {entry.key}")
    if expired:
        _tell(session, platform, "CONSTRUCTION", "夜间施工证明到期", "Night work certificates expired", expired, now)
    return f"{len(expired)} certificates expired"


def follow_monitors(session: Session, platform: Platform, now: datetime) -> str:
    """Take over from the sensors which monitors are silent; monitors without a device keep their state."""
    query = select(SensorDevice.code, SensorState.silent_since).join(
        SensorState, SensorState.device_id == SensorDevice.id
    )
    silent = {code: since is not None for code, since in session.execute(query)}
    changed = 0
    for entry in entries(session, "environment_monitors"):
        if entry.key not in silent or entry.values.get("status") == "retired":
            continue
        state = "offline" if silent[entry.key] else "online"
        if entry.values.get("status") != state:
            _change(session, platform, entry, {"status": state}, now, "物联设备状态")
            changed += 1
    return f"{changed} monitors changed their state"


def list_grades(session: Session, platform: Platform, now: datetime) -> str:
    """Open the matter of last month's dust grades, once a month."""
    month = (_today(platform, now).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    title = f"{month} 工地扬尘分级名单"
    if session.scalar(select(Case.id).where(Case.matter == MONTH, Case.title == title)) is not None:
        return f"the grades of {month} are listed already"
    sites = [
        {
            "name": each.title, "grade": GRADES[each.values["grade"]],
            "passed": "" if each.values.get("passed") is None else str(each.values["passed"]),
            "failed": each.values.get("failed") or "",
        }
        for each in entries(session, "environment_sites")
        if each.values.get("grade") and each.values.get("status") != "finished"
    ]  # fmt: skip
    if not sites:
        return f"no site has a grade in {month}"
    sites.sort(key=lambda each: (list(GRADES.values()).index(each["grade"]), each["name"]))
    counts = "，".join(f"{zh} {sum(each['grade'] == zh for each in sites)}" for zh in GRADES.values())
    values = {"month": month, "sites": sites, "counts": counts}
    case = open_matter(session, platform, Application(MONTH, title=title, values=values), None, now)
    return f"{case.number}: {len(sites)} sites"


def _today(platform: Platform, now: datetime) -> date:
    return now.astimezone(platform.city.time_zone).date()


def _change(
    session: Session, platform: Platform, entry: RegisterEntry, values: dict[str, Any], now: datetime, reason: str
) -> None:
    register = platform.host.registers[entry.register]
    change_entry(session, register, entry.key, values, Hand(now, reason=reason))


def _tell(session: Session, platform: Platform, duty: str, zh: str, en: str, names: list[str], now: datetime) -> None:
    """One message to the clerks and handlers of whoever has a duty, however many entries it is about."""
    chinese = platform.city.language == "zh"
    named = ("、" if chinese else ", ").join(names[:NAMED])
    text = f"{zh}（{len(names)}）：{named}" if chinese else f"{en} ({len(names)}): {named}"
    department = platform.host.directory.answering(duty, ())
    scope = f"@{department}" if department else ""
    payload = {"recipients": [f"unit_clerk{scope}", f"unit_handler{scope}"], "text": text, "event": "environment.due"}
    session.add(
        OutboxMessage(
            topic="notify", case_id=None, payload=payload, created_at=now, due_at=now, attempts=0, done_at=None,
            last_error=None,
        )
    )  # fmt: skip
