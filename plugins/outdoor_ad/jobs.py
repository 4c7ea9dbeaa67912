"""By the clock: open what falls due at a sign; open a campaign when a wind sensor says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.matters import Application, open_matter
from engine.errors import DomainError
from engine.hooks.settings import plugin_settings
from engine.models import Case, CaseEvent, RegisterEntry, SensorDevice, SensorState
from engine.platform import Platform
from engine.registers.keeping import Hand, change_entry
from plugins.outdoor_ad import signs

TEST, RENEWAL, EXPIRED = "test", "renewal", "expired"
FIELD = "wind_speed"
"""The field of a sensor, m/s, whatever its kind."""
FRESH = timedelta(minutes=30)
"""Older readings say nothing about the wind now."""
FORCES = (0.3, 1.6, 3.4, 5.5, 8.0, 10.8, 13.9, 17.2, 20.8, 24.5, 28.5, 32.7, 37.0, 41.5, 46.2, 51.0, 56.1)
"""From which speed, m/s, each force begins, 1 to 17: GB/T 28591 (memory), to be checked."""


def open_due(session: Session, platform: Platform, now: datetime) -> str:
    """Open a matter for every sign whose test is near, whose licence ends soon or has ended; once for each date."""
    today = now.astimezone(platform.city.time_zone).date()
    settings, register = plugin_settings(platform.city, "outdoor_ad"), platform.host.registers[signs.SIGNS]
    opened, failed = 0, []
    for row in signs.standing_signs(session):
        done = set((row.values.get("due_opened") or "").split())
        for due, day in falling_due(row, today, int(settings["warn_days"]), int(settings["renewal_days"])):
            mark = f"{due}:{day.isoformat()}"
            if mark in done:
                continue
            try:
                open_matter(session, platform, application(row, due), None, now)
            except DomainError as error:
                failed.append(f"{row.key}: {error.message}")
                continue
            done = {each for each in done if not each.startswith(f"{due}:")} | {mark}
            values = {"due_opened": " ".join(sorted(done))}
            change_entry(session, register, row.key, values, Hand(now, reason="到期立案"))
            opened += 1
    return f"{opened} opened" + (f"; {len(failed)} failed: {'; '.join(failed[:5])}" if failed else "")


def falling_due(row: RegisterEntry, today: date, warn_days: int, renewal_days: int) -> Iterator[tuple[str, date]]:
    """What is due at a sign, with its date."""
    values = row.values
    tested, ends = day_of(values, "next_test"), day_of(values, "valid_to")
    if tested is not None and values["status"] in ("in_use", "secured") and tested <= today + timedelta(days=warn_days):
        yield TEST, tested
    if ends is not None and ends < today and values["status"] not in ("illegal", "expired"):
        yield EXPIRED, ends
    elif ends is not None and today <= ends <= today + timedelta(days=renewal_days):
        yield RENEWAL, ends


def day_of(values: dict[str, Any], name: str) -> date | None:
    """A date of an entry."""
    return date.fromisoformat(values[name]) if values.get(name) else None


def application(row: RegisterEntry, due: str) -> Application:
    """The matter of a sign; it stands where the sign does."""
    words = {TEST: "安全检测", RENEWAL: "许可临近届满", EXPIRED: "许可届满"}
    return Application(
        "outdoor_ad_yearly", {"sign_code": row.key, "due": due}, lon=row.lon, lat=row.lat,
        address=row.values.get("address") or "", title=f"{words[due]}：{row.title}",
        department=row.values.get("department"),
    )  # fmt: skip


def watch_wind(session: Session, platform: Platform, now: datetime) -> str:
    """Open a campaign for the district of a sensor whose wind is above the setting, unless one is open there."""
    speed = float(plugin_settings(platform.city, "outdoor_ad")["wind_speed"])
    strongest: dict[str, tuple[float, SensorDevice]] = {}
    for device, measured in blowing(session, speed, now - FRESH):
        place = None
        if device.lon is not None and device.lat is not None:
            place = platform.host.ground.locate(device.lon, device.lat)
        district = (place.district if place is not None else None) or ""
        if measured > strongest.get(district, (0.0, device))[0]:
            strongest[district] = (measured, device)
    open_now = set(campaigns(session))
    opened = 0
    for district, (measured, device) in sorted(strongest.items()):
        if district in open_now or "" in open_now:
            continue
        basis = f"{device.name} {measured} m/s"
        answers = {"wind_level": force_of(measured), "district": district or None, "basis": basis}
        open_matter(session, platform, Application("outdoor_ad_wind", answers), None, now)
        opened += 1
    return f"{opened} opened"


def blowing(session: Session, speed: float, since: datetime) -> Iterator[tuple[SensorDevice, float]]:
    """Active devices that measured at least this wind since a moment."""
    query = select(SensorDevice, SensorState).join(SensorState, SensorState.device_id == SensorDevice.id)
    for device, state in session.execute(query.where(SensorDevice.state == "active", SensorState.last_at >= since)):
        measured = state.values.get(FIELD)
        if isinstance(measured, int | float) and not isinstance(measured, bool) and measured >= speed:
            yield device, float(measured)


def campaigns(session: Session) -> Iterator[str]:
    """Districts of the campaigns under way; empty for the whole city."""
    query = (
        select(CaseEvent.data)
        .join(Case, Case.id == CaseEvent.case_id)
        .where(Case.matter == "outdoor_ad_wind", Case.closed_at.is_(None), CaseEvent.kind == "matter_opened")
    )
    for data in session.scalars(query):
        yield data["answers"].get("district") or ""


def force_of(speed: float) -> int:
    """The force of a wind, m/s; 0 for a calm."""
    return sum(speed >= least for least in FORCES)
