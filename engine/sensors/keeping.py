"""Readings make room: hours are summed up (least, mean, most; ways simplified), then readings go, as kinds declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.ground.features import METRES_A_DEGREE, distance_m
from engine.models import SensorCrossing, SensorDevice, SensorHour, SensorReading, SensorState, SensorTrack
from engine.platform import Platform
from engine.sensors.kinds import Kind
from engine.sensors.refusals import drop_refused
from engine.sensors.sensing import sensing_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATENESS = timedelta(minutes=10)
"""An hour is summed up this long after its end; what comes later still has it summed up again."""
MOST_HOURS = 48
"""Hours of one device summed up in one transaction."""
REFUSED_KEPT = timedelta(days=90)


def keep_house(session: Session, platform: Platform, now: datetime, *, most: int = 200) -> int:
    """Sum up hours that have ended and drop what is older than its kind keeps; commits device by device.

    :param most: devices in one round; those that wait longest come first.
    :returns: devices looked after.
    """
    kinds = sensing_of(session, platform).kinds
    until = (now - LATENESS).replace(minute=0, second=0, microsecond=0)
    query = (
        select(SensorDevice.id, SensorDevice.kind)
        .join(SensorState, SensorState.device_id == SensorDevice.id)
        .where(
            SensorState.last_at.is_not(None),
            SensorState.summarised_until.is_(None) | (SensorState.summarised_until < until),
        )
        .order_by(SensorState.summarised_until, SensorDevice.id)
        .limit(most)
    )
    waiting = [(device_id, kinds[kind]) for device_id, kind in session.execute(query) if kind in kinds]
    session.rollback()
    for device_id, kind in waiting:
        while _sum_up(session, device_id, kind, until):
            pass
        _drop(session, device_id, kind, now)
    begin_write(session)
    drop_refused(session, now - REFUSED_KEPT)
    session.commit()
    return len(waiting)


def _sum_up(session: Session, device_id: int, kind: Kind, until: datetime) -> bool:
    """Sum up the next hours of a device; whether there are more."""
    begin_write(session)
    state = session.get_one(SensorState, device_id, with_for_update=True, populate_existing=True)
    begin = state.summarised_until
    following = select(SensorReading.at).where(SensorReading.device_id == device_id).order_by(SensorReading.at).limit(1)
    first = session.scalar(following if begin is None else following.where(SensorReading.at >= begin))
    if first is None or first >= until:
        state.summarised_until = until
        session.commit()
        return False
    begin = first.replace(minute=0, second=0, microsecond=0)
    end = min(begin + MOST_HOURS * HOUR, until)
    rows = session.execute(
        select(SensorReading.at, SensorReading.values, SensorReading.lon, SensorReading.lat)
        .where(SensorReading.device_id == device_id, SensorReading.at >= begin, SensorReading.at < end)
        .order_by(SensorReading.at, SensorReading.sequence)
    ).all()
    for table in (SensorHour, SensorTrack):
        session.execute(delete(table).where(table.device_id == device_id, table.hour >= begin, table.hour < end))
    for hour, group in groupby(rows, key=lambda row: row[0].replace(minute=0, second=0, microsecond=0)):
        _write_hour(session, device_id, kind, hour, list(group))
    state.summarised_until = end
    session.commit()
    return end < until


def _write_hour(session: Session, device_id: int, kind: Kind, hour: datetime, rows: Sequence[Any]) -> None:
    fields: defaultdict[str, list[float]] = defaultdict(list)
    for _at, values, _lon, _lat in rows:
        for key, value in values.items():
            if isinstance(value, bool | int | float):
                fields[key].append(float(value))
    for key, numbers in fields.items():
        session.add(
            SensorHour(
                device_id=device_id, field=key, hour=hour, count=len(numbers), least=min(numbers),
                mean=sum(numbers) / len(numbers), most=max(numbers),
            )
        )  # fmt: skip
    way = [(lon, lat, (at - hour).total_seconds()) for at, _values, lon, lat in rows if lon is not None]
    if way and kind.mobile:
        line = simplified(way, kind.track_tolerance_m)
        session.add(SensorTrack(device_id=device_id, hour=hour, points=len(way), length_m=length_of(way), line=line))


def simplified(way: Sequence[tuple[float, float, float]], tolerance_m: float) -> list[list[float]]:
    """A way without the points that lie within ``tolerance_m`` of the line through the others (Douglas-Peucker)."""
    if len(way) < 3:
        return [[lon, lat, round(seconds, 1)] for lon, lat, seconds in way]
    scale = np.array([METRES_A_DEGREE * cos(radians(way[0][1])), METRES_A_DEGREE, 1.0])
    flat = np.array(way) * scale
    kept = shapely.get_coordinates(
        shapely.linestrings(flat).simplify(tolerance_m, preserve_topology=False), include_z=True
    )
    return [[round(x, 6), round(y, 6), round(z, 1)] for x, y, z in (kept / scale).tolist()]


def length_of(way: Sequence[tuple[float, float, float]]) -> float:
    """Metres."""
    pairs: Iterable[Any] = pairwise(way)
    return round(sum(distance_m(a[0], a[1], b[0], b[1]) for a, b in pairs), 1)


def _drop(session: Session, device_id: int, kind: Kind, now: datetime) -> None:
    """Drop readings that are summed up and old, and hours that are older still."""
    begin_write(session)
    state = session.get_one(SensorState, device_id)
    before = min(now - kind.keep_days * DAY, state.summarised_until or now)
    session.execute(delete(SensorReading).where(SensorReading.device_id == device_id, SensorReading.at < before))
    oldest = now - kind.keep_hours_days * DAY
    for table in (SensorHour, SensorTrack):
        session.execute(delete(table).where(table.device_id == device_id, table.hour < oldest))
    session.execute(delete(SensorCrossing).where(SensorCrossing.device_id == device_id, SensorCrossing.at < oldest))
    session.commit()
