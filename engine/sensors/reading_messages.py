"""Read messages: decode, find the device, read its readings by its kind. What cannot be taken comes back with why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import SensorDevice
from engine.sensors.keys import knows_token
from engine.sensors.kinds import EARLIEST
from engine.sensors.paths import ABSENT
from engine.sensors.readings import Message, Reading, Unreadable
from engine.sensors.refusals import PAYLOAD_LIMIT, Refused
from engine.sensors.sensing import Sensing

FUTURE = timedelta(minutes=5)
"""How far a device's clock may be ahead."""
HTTP, PAYLOAD, MQTT = "http", "payload", "mqtt"
ACTIVE, PAUSED, RETIRED = "active", "paused", "retired"
STATES = (ACTIVE, PAUSED, RETIRED)


@dataclass
class Heard:
    """What messages said: readings by device, and what was refused."""

    devices: dict[int, SensorDevice] = field(default_factory=dict)
    readings: dict[int, list[Reading]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def read_messages(session: Session, sensing: Sensing, messages: Sequence[Message], now: datetime) -> Heard:
    """Read messages. Never raises for what they say."""
    heard = Heard()
    codes = {message.device for message in messages}
    known = {row.code: row for row in session.scalars(select(SensorDevice).where(SensorDevice.code.in_(codes)))}
    for message in messages:
        try:
            device = known.get(message.device)
            if device is None:
                raise Unreadable(f"there is no device {message.device[:80]!r}", "register it, or correct its code")
            for index, item in _items(sensing, device, message, heard):
                _hear(sensing, device, message, item, index, heard, now)
        except Unreadable as error:
            heard.refused.append(Refused(message, message.raw, error.message, error.remedy))
    return heard


def _items(
    sensing: Sensing, device: SensorDevice, message: Message, heard: Heard
) -> Iterable[tuple[int, Mapping[str, Any]]]:
    """The readings of a message, as they were sent."""
    if device.state == RETIRED:
        raise Unreadable(f"device {device.code} is retired", "make it active again if it is in use")
    kind, content = sensing.kind(device.kind), message.content
    if content is None:
        content = decode(message.raw)
    if message.via == HTTP:
        items = content if isinstance(content, list) else [content]
    else:
        if kind.token is not None:
            token = kind.token.find(content)
            if token is ABSENT or not isinstance(token, str) or not knows_token(device, token):
                raise Unreadable(f"the key of device {device.code} is missing or wrong", "give the device its key")
        items = kind.split(content)
    return enumerate(items)


def _hear(
    sensing: Sensing, device: SensorDevice, message: Message, item: Any, index: int, heard: Heard, now: datetime
) -> None:
    """Read one reading."""
    kind = sensing.kind(device.kind)
    try:
        reading = kind.take(item, now) if message.via == HTTP else kind.read(item, now)
        if reading.at > now + FUTURE:
            raise Unreadable(f"its time {reading.at.isoformat()} is in the future", "set the device's clock")
        if reading.at < max(EARLIEST, now - timedelta(days=kind.keep_days)):
            raise Unreadable(
                f"its time {reading.at.isoformat()} is more than {kind.keep_days} days ago",
                "set the device's clock; what is older than its kind keeps is not taken",
            )
    except Unreadable as error:
        whole = message.raw if message.content is None else orjson.dumps(item, default=str)
        heard.refused.append(Refused(message, whole, error.message, error.remedy, index))
        return
    heard.devices[device.id] = device
    heard.readings.setdefault(device.id, []).append(reading)


def decode(raw: bytes) -> Any:
    """The JSON of a payload. Raises Unreadable."""
    if len(raw) > PAYLOAD_LIMIT:
        raise Unreadable(f"the payload has {len(raw)} bytes", f"send at most {PAYLOAD_LIMIT} at a time")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the payload is no JSON ({error})", "send JSON in UTF-8") from error
