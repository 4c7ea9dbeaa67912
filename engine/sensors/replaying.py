"""Take refused payloads after all, once the kind, the rule or the device is mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import SensorRefusal
from engine.platform import Platform
from engine.sensors.filing import settle
from engine.sensors.reading_messages import HTTP, MQTT, decode
from engine.sensors.readings import Message, Unreadable
from engine.sensors.refusals import PAYLOAD_LIMIT
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import Taken, take_messages


def replay_refused(session: Session, platform: Platform, ids: Sequence[int], now: datetime) -> Taken:
    """Take refusals again; commits one by one. What is refused once more stays, with what is wrong now."""
    whole = Taken()
    for row_id in ids:
        row = session.scalar(select(SensorRefusal).where(SensorRefusal.id == row_id))
        if row is None or row.replayed_at is not None or len(row.payload) >= PAYLOAD_LIMIT:
            continue
        device = row.device_code
        if row.via == MQTT:
            device = sensing_of(session, platform).topics.device(row.topic) or device
        message = Message(row.via, device, row.payload, row.topic, _content(row))
        found = take_messages(session, platform, [message], now)
        whole.taken, whole.known = whole.taken + found.taken, whole.known + found.known
        whole.refused += found.refused
        whole.alarms += found.alarms
        if not found.refused:
            begin_write(session)
            session.get_one(SensorRefusal, row_id).replayed_at = now
            session.commit()
    settle(session, platform, whole.alarms, now)
    return whole


def _content(row: SensorRefusal) -> object:
    """A reading in Wangge's own form is kept by itself; a payload is decoded again."""
    if row.via != HTTP:
        return None
    try:
        return decode(row.payload)
    except (Unreadable, orjson.JSONDecodeError):
        return None
