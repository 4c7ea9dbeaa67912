"""Devices of a demonstration: what they would have said in the last hours, as ``sensors/simulation.toml`` declares.

Readings go through the same service as real ones, step by step, so that alarms and cases come about as in earnest.
Devices that are fed here are marked as a demonstration.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import cos, pi, radians
from random import Random
from typing import Any

import shapely
from shapely.geometry import shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import CityBroken
from engine.ground.features import METRES_A_DEGREE
from engine.models import SensorDevice
from engine.platform import Platform
from engine.sensors.filing import settle
from engine.sensors.kinds import TRUTH, Kind
from engine.sensors.reading_messages import HTTP
from engine.sensors.readings import Message
from engine.sensors.sensing import Sensing, sensing_of
from engine.sensors.taking import take_messages
from engine.sensors.tending import notice_silence
from engine.sensors.windows import read_window
from engine.simulation.chances import stream

FILE = "sensors/simulation.toml"
HOUR = timedelta(hours=1)


def simulate_devices(session: Session, platform: Platform, *, end: datetime, seed: int) -> int:
    """Let the city's devices speak up to ``end``; commits. Returns how many readings were taken.

    :raises CityBroken: the file cannot be read. A city without it has no simulated devices.
    """
    found = platform.city.layers.find(FILE)
    if found is None:
        return 0
    try:
        settings = tomllib.loads(found.read())
        sensing = sensing_of(session, platform)
        feeds = [_Feed(device, sensing, settings, end, seed, platform) for device in _devices(session, settings)]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CityBroken(f"{FILE} cannot be used ({error!r}); correct it") from error
    for feed in feeds:
        feed.device.demo = True
    session.commit()
    taken, at = 0, end - HOUR * float(settings.get("hours", 24))
    while at < end:
        after = min(at + timedelta(minutes=10), end)
        messages = [message for feed in feeds if (message := feed.message(at, after)) is not None]
        came = take_messages(session, platform, messages, after)
        settle(session, platform, came.alarms, after)
        taken, at = taken + came.taken, after
    notice_silence(session, platform, end)
    return taken


def _devices(session: Session, settings: Mapping[str, Any]) -> list[SensorDevice]:
    kinds = list(settings["kind"])
    return list(session.scalars(select(SensorDevice).where(SensorDevice.kind.in_(kinds)).order_by(SensorDevice.code)))


class _Feed:
    """What one device says."""

    def __init__(
        self, device: SensorDevice, sensing: Sensing, settings: Mapping[str, Any], end: datetime, seed: int,
        platform: Platform,
    ) -> None:  # fmt: skip
        self.device, self.end, self.zone = device, end, platform.city.time_zone
        self.kind: Kind = sensing.kinds[device.kind]
        self.settings: Mapping[str, Any] = settings["kind"][device.kind]
        self.every = timedelta(minutes=float(self.settings["every_min"]))
        self.chance: Random = stream(seed, f"device {device.code}")
        self.next_at = end - HOUR * float(settings.get("hours", 24)) + self.every * self.chance.random()
        self.window = read_window(self.settings["working"]) if "working" in self.settings else None
        self.line = self._line(sensing)

    def _line(self, sensing: Sensing) -> Any:
        named = dict(self.device.parameters.get("fences") or {})
        fence = sensing.fences.by_code.get(str(named.get(self.settings.get("along", ""))))
        return shape(dict(fence.geometry)) if fence is not None else None

    def message(self, begin: datetime, end: datetime) -> Message | None:
        """The readings of a stretch of time, none when there are none."""
        items = list(self.readings(begin, end))
        return Message(HTTP, self.device.code, b"", content=items) if items else None

    def readings(self, begin: datetime, end: datetime) -> Iterator[dict[str, Any]]:
        """Readings in Wangge's own form."""
        while self.next_at < end:
            at, self.next_at = self.next_at, self.next_at + self.every
            working = self.window is None or self.window.is_open(at.astimezone(self.zone), True)
            if at >= begin and working and self.device.code not in self.settings.get("silent", ()):
                values = {key: self.value(key, spec, at) for key, spec in self.settings.get("fields", {}).items()}
                yield {"at": at.isoformat(timespec="seconds"), "values": values, **self.position(at)}

    def value(self, key: str, spec: Mapping[str, Any], at: datetime) -> float | bool:
        """A field at a moment: base, daily swing, noise, unless a peak says otherwise; within the field's range."""
        local = at.astimezone(self.zone)
        swing = cos((local.hour + local.minute / 60 - 15) / 24 * 2 * pi)
        value = float(spec["base"]) + float(spec.get("daily", 0)) * swing
        for peak in spec.get("peaks", ()):
            begin = self.end - HOUR * float(peak["hours_ago"])
            if peak["device"] == self.device.code and begin <= at < begin + timedelta(minutes=float(peak["lasts_min"])):
                value = float(peak["value"])
        value += self.chance.gauss(0, 1) * float(spec.get("noise", 0))
        field = self.kind.fields[key]
        if field.type == TRUTH:
            return value >= 0.5
        low, high = field.least, field.most
        return round(max(low if low is not None else value, min(high if high is not None else value, value)), 1)

    def position(self, at: datetime) -> dict[str, float]:
        """To and fro along the line; beside it while away."""
        if self.line is None:
            return {}
        scale = METRES_A_DEGREE * cos(radians(self.line.coords[0][1]))
        length_m = self.line.length * scale
        gone_m = (at.timestamp() * float(self.settings["speed_km_h"]) / 3.6) % (2 * length_m)
        share = (gone_m if gone_m < length_m else 2 * length_m - gone_m) / length_m
        point = shapely.line_interpolate_point(self.line, share, normalized=True)
        lon, lat = float(point.x), float(point.y)
        for away in self.settings.get("away", ()):
            begin = self.end - HOUR * float(away["hours_ago"])
            if begin <= at < begin + timedelta(minutes=float(away["lasts_min"])):
                lon, lat = lon + float(away["east_m"]) / scale, lat + float(away["north_m"]) / METRES_A_DEGREE
        return {"lon": round(lon, 6), "lat": round(lat, 6)}
