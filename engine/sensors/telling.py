"""What people ask of devices: their readings over time, their way, their alarms, and how all of them are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.models import (
    Case,
    SensorAlarm,
    SensorCrossing,
    SensorDevice,
    SensorHour,
    SensorListener,
    SensorReading,
    SensorState,
    SensorTrack,
)
from engine.sensors.refusals import count_refused

MOST_POINTS = 2_000
LISTENER_PATIENCE = timedelta(seconds=60)
RAW_SPAN = timedelta(hours=48)
"""Spans up to this are answered with readings, longer ones with hours."""


@dataclass(frozen=True)
class Point:
    """A moment of a field: a reading (``least`` and ``most`` are its value), or an hour."""

    at: datetime
    value: float | int | bool | str
    least: float | int | bool | str
    most: float | int | bool | str


def series(
    session: Session, device_id: int, field_: str, begin: datetime, end: datetime, *, hours: bool | None = None
) -> list[Point]:
    """A field from ``begin`` to ``end``, the oldest first: readings; hours for long spans and where readings are gone.

    At most 2,000 points, the latest ones. Raises Invalid when the span ends before it begins.
    """
    if end <= begin:
        raise Invalid("the span ends before it begins; exchange from and until", field="until")
    if not (hours if hours is not None else end - begin > RAW_SPAN):
        query = (
            select(SensorReading.at, SensorReading.values)
            .where(SensorReading.device_id == device_id, SensorReading.at >= begin, SensorReading.at < end)
            .order_by(SensorReading.at.desc(), SensorReading.sequence.desc())
            .limit(MOST_POINTS)
        )
        rows = [(at, values[field_]) for at, values in session.execute(query) if field_ in values]
        if rows or hours is False:
            return [Point(at, value, value, value) for at, value in reversed(rows)]
    summed = (
        select(SensorHour)
        .where(
            SensorHour.device_id == device_id, SensorHour.field == field_, SensorHour.hour >= begin,
            SensorHour.hour < end,
        )
        .order_by(SensorHour.hour.desc())
        .limit(MOST_POINTS)
    )  # fmt: skip
    found = session.scalars(summed).all()
    return [Point(row.hour, row.mean, row.least, row.most) for row in reversed(found)]


def track(session: Session, device_id: int, begin: datetime, end: datetime) -> list[tuple[float, float, datetime]]:
    """Where a device was: positions while its readings are kept, simplified hours before. At most 2,000, the latest."""
    query = (
        select(SensorReading.lon, SensorReading.lat, SensorReading.at)
        .where(
            SensorReading.device_id == device_id, SensorReading.at >= begin, SensorReading.at < end,
            SensorReading.lon.is_not(None),
        )
        .order_by(SensorReading.at.desc())
        .limit(MOST_POINTS)
    )  # fmt: skip
    points = [(float(lon or 0), float(lat or 0), at) for lon, lat, at in session.execute(query)][::-1]
    first = points[0][2] if points else end
    room = MOST_POINTS - len(points)
    earlier: list[tuple[float, float, datetime]] = []
    hours = (
        select(SensorTrack)
        .where(
            SensorTrack.device_id == device_id, SensorTrack.hour >= begin - timedelta(hours=1), SensorTrack.hour < first
        )
        .order_by(SensorTrack.hour)
    )
    for row in session.scalars(hours):
        for lon, lat, seconds in row.line:
            at = row.hour + timedelta(seconds=seconds)
            if begin <= at < first:
                earlier.append((lon, lat, at))
    return [*(earlier[-room:] if room else []), *points]


def list_alarms(
    session: Session, *, device_id: int | None = None, rule: str | None = None, outcome: str | None = None,
    open_only: bool = False, before: int | None = None, case_id: int | None = None, most: int,
) -> Sequence[tuple[SensorAlarm, SensorDevice, str | None]]:  # fmt: skip
    """Alarms, the newest first, with their device and the number of their case."""
    query = (
        select(SensorAlarm, SensorDevice, Case.number)
        .join(SensorDevice, SensorDevice.id == SensorAlarm.device_id)
        .outerjoin(Case, Case.id == SensorAlarm.case_id)
        .order_by(SensorAlarm.id.desc())
        .limit(most)
    )
    for column, value in (
        (SensorAlarm.device_id, device_id), (SensorAlarm.rule, rule), (SensorAlarm.outcome, outcome),
        (SensorAlarm.case_id, case_id),
    ):  # fmt: skip
        if value is not None:
            query = query.where(column == value)
    if open_only:
        query = query.where(SensorAlarm.over_at.is_(None))
    if before is not None:
        query = query.where(SensorAlarm.id < before)
    return [(alarm, device, number) for alarm, device, number in session.execute(query)]


def list_crossings(session: Session, device_id: int, *, most: int) -> Sequence[SensorCrossing]:
    """Fences a device entered and left, the latest first."""
    query = select(SensorCrossing).where(SensorCrossing.device_id == device_id)
    return session.scalars(query.order_by(SensorCrossing.at.desc(), SensorCrossing.id.desc()).limit(most)).all()


@dataclass(frozen=True)
class SensorHealth:
    """How the devices are. ``readings_a_minute``: received in the last five minutes, by the minute."""

    devices: int
    active: int
    silent: int
    never_heard: int
    readings: int
    readings_a_minute: float
    refused: int
    unfiled: int
    alarms_open: int
    listeners: int
    listeners_away: int
    faults: tuple[str, ...] = field(default_factory=tuple)


def sensor_health(session: Session, now: datetime, lost_fences: Sequence[str] = ()) -> SensorHealth:
    """Count what is well and what is not."""

    def count(query: Any) -> int:
        return session.scalar(query) or 0

    devices, states = select(func.count(SensorDevice.id)), select(func.count(SensorState.device_id))
    recent = select(SensorState.device_id).where(SensorState.received_at > now - timedelta(minutes=5))
    fresh = count(
        select(func.count()).select_from(SensorReading).where(
            SensorReading.device_id.in_(recent), SensorReading.at > now - timedelta(minutes=10),
            SensorReading.received_at > now - timedelta(minutes=5),
        )
    )  # fmt: skip
    listeners = session.scalars(select(SensorListener)).all()
    away = [each for each in listeners if not each.connected or each.seen_at < now - LISTENER_PATIENCE]
    return SensorHealth(
        devices=count(devices), active=count(devices.where(SensorDevice.state == "active")),
        silent=count(states.where(SensorState.silent_since.is_not(None))),
        never_heard=count(states.where(SensorState.received_at.is_(None))),
        readings=int(count(select(func.sum(SensorState.readings)))), readings_a_minute=round(fresh / 5, 1),
        refused=count_refused(session),
        unfiled=count(select(func.count(SensorAlarm.id)).where(SensorAlarm.outcome == "unfiled")),
        alarms_open=count(select(func.count(SensorAlarm.id)).where(SensorAlarm.over_at.is_(None))),
        listeners=len(listeners), listeners_away=len(away),
        faults=(
            *(f"fence {code}: its area of the ground does not exist; correct its layer" for code in lost_fences),
            *(f"listener {each.slot} at {each.broker}: {each.trouble or 'not heard of for a minute'}" for each in away),
        ),
    )  # fmt: skip
