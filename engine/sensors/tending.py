"""What is done about devices by the clock: silence is noticed, alarms that wait are filed, old readings make room."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import SensorDevice, SensorState
from engine.platform import Platform
from engine.sensors.filing import settle_alarms
from engine.sensors.keeping import keep_house
from engine.sensors.reading_messages import ACTIVE
from engine.sensors.sensing import local_names, sensing_of
from engine.sensors.taking import device_names, new_alarm
from engine.workflow.expressions import ExpressionError

MOST_SILENT = 500
AGAIN = timedelta(minutes=1)


def tend_devices(session: Session, platform: Platform, now: datetime) -> tuple[int, int]:
    """One round; commits. Returns how many devices fell silent and how many alarms were settled."""
    silent = notice_silence(session, platform, now)
    settled = settle_alarms(session, platform, now)
    keep_house(session, platform, now)
    return silent, settled


def notice_silence(session: Session, platform: Platform, now: datetime) -> int:
    """Mark devices that should have spoken, and raise the alarms of their silence; commits. Returns how many are new.

    A rule of silence is asked again every minute until it holds or the device speaks.
    """
    begin_write(session)
    query = (
        select(SensorState, SensorDevice)
        .join(SensorDevice, SensorDevice.id == SensorState.device_id)
        .where(SensorState.due_at <= now)
        .order_by(SensorState.device_id)
        .limit(MOST_SILENT)
        .with_for_update(of=SensorState, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = 0
    for state, device in session.execute(query):
        if device.state != ACTIVE:
            state.due_at = None
            continue
        if state.silent_since is None:
            state.silent_since = now
            found += 1
        state.due_at = now + AGAIN if _ask_silence(session, platform, device, state, now) else None
    session.commit()
    return found


def _ask_silence(session: Session, platform: Platform, device: SensorDevice, state: SensorState, now: datetime) -> bool:
    """Ask the rules of silence. Whether one of them may hold later."""
    rules = sensing_of(session, platform).silence.get(device.kind, ())
    since = state.received_at or device.created_at
    names = {
        "reading": dict(state.values), "device": device_names(device), "fence": {},
        "local": local_names(platform, now), "silent_min": round((now - since).total_seconds() / 60, 1),
    }  # fmt: skip
    standing, open_ = dict(state.rules), False
    for rule in rules:
        if standing.get(rule.code, {}).get("alarm"):
            continue
        try:
            holds = rule.when is None or bool(rule.when.evaluate(names))
        except ExpressionError as error:
            standing[rule.code] = {"fault": str(error)[:500]}
            continue
        if not holds or now - since < rule.lasting:
            open_ = True
            continue
        lon, lat = (device.lon, device.lat) if device.lon is not None else (state.lon, state.lat)
        alarm = new_alarm(device, rule, names, since, now, lon, lat)
        session.add(alarm)
        session.flush()
        standing[rule.code] = {"since": since.isoformat(), "alarm": alarm.id}
    state.rules = standing
    return open_
