"""A kind of device: its fields with units and valid ranges, and how its payloads are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from engine.ground.datums import WGS84, CoordinateSystem, convert
from engine.sensors.paths import ABSENT, ManyPath, Path
from engine.sensors.readings import Reading, Unreadable, Value

NUMBER, WHOLE, TRUTH, TEXT = "number", "whole", "truth", "text"
TYPES = (NUMBER, WHOLE, TRUTH, TEXT)
TEXT_LIMIT = 500
TRUTHS: Mapping[Any, bool] = {
    1: True, 0: False, "1": True, "0": False, "true": True, "false": False, "on": True,
    "off": False, "open": True, "closed": False,
}  # fmt: skip
MOST_SEQUENCE = 2**63 - 1
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
BATCH_LIMIT = 1_000
"""Readings in one payload."""


@dataclass(frozen=True)
class Field:
    """A field of a kind. What is read is ``scale`` times what the device says, plus ``offset``; ``least`` and ``most``
    bound the result."""

    key: str
    name: str
    name_en: str
    unit: str
    type: str
    path: Path
    least: float | None = None
    most: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    required: bool = False
    words: Mapping[str, Value] | None = None

    def read(self, given: Any) -> Value:
        """The value of what the device says. Raises Unreadable."""
        if self.words is not None:
            if str(given) not in self.words:
                known = ", ".join(self.words)
                raise Unreadable(f"{self.key} is {str(given)[:40]!r}", f"send one of {known}, or add it to the kind")
            return self.words[str(given)]
        return self.take(given, self.scale, self.offset)

    def take(self, given: Any, scale: float = 1.0, offset: float = 0.0) -> Value:
        """A value in the field's own unit, checked. Raises Unreadable."""
        if self.type == TRUTH:
            key = given.lower() if isinstance(given, str) else given
            if not isinstance(key, str | int | float) or key not in TRUTHS:
                raise Unreadable(f"{self.key} is {str(given)[:40]!r}, neither yes nor no", "send true or false")
            return TRUTHS[key]
        if self.type == TEXT:
            if not isinstance(given, str) or len(given) > TEXT_LIMIT or "\0" in given:
                raise Unreadable(f"{self.key} is no text of up to {TEXT_LIMIT} characters", "send a text")
            return given
        return self._number(given, scale, offset)

    def _number(self, given: Any, scale: float, offset: float) -> float | int:
        try:
            if isinstance(given, bool) or not isinstance(given, int | float | str):
                raise ValueError
            number = float(given)
        except (ValueError, OverflowError) as error:
            raise Unreadable(f"{self.key} is {str(given)[:40]!r}, no number", "send a number") from error
        value = number * scale + offset
        if not math.isfinite(value):
            raise Unreadable(f"{self.key} is not finite", "leave the field out when there is no value")
        low, high = self.least, self.most
        if (low is not None and value < low) or (high is not None and value > high):
            span = f"{'' if low is None else f'{low:g}'}…{'' if high is None else f'{high:g}'}"
            raise Unreadable(
                f"{self.key} is {value:g} {self.unit}".rstrip() + f", outside {span}",
                "look after the device, or correct the range of its kind",
            )
        if self.type == WHOLE:
            if value != int(value):
                raise Unreadable(f"{self.key} is {value:g}, no whole number", "send a whole number")
            return int(value)
        # Scaling leaves a tail of binary digits that nobody measured.
        plain = float(f"{value:.12g}")
        return int(plain) if plain.is_integer() and abs(plain) < 1e12 else plain


@dataclass(frozen=True)
class Position:
    """Where a payload has its position, and in which system."""

    lon: Path
    lat: Path
    system: CoordinateSystem = WGS84


@dataclass(frozen=True)
class Kind:
    """A kind of device. Times are seconds and days; ``time_format`` is iso, unix, unix_ms or one of strptime, then in
    ``zone``. ``token`` is where a payload has the device's key, when it must have one."""

    code: str
    name: str
    name_en: str
    fields: Mapping[str, Field]
    interval_s: float
    silent_after_s: float
    zone: tzinfo
    mobile: bool = False
    topic: str = ""
    batch: ManyPath | None = None
    time: Path | None = None
    time_format: str = "iso"
    sequence: Path | None = None
    position: Position | None = None
    token: Path | None = None
    keep_days: int = 30
    keep_hours_days: int = 730
    track_tolerance_m: float = 10.0

    def split(self, payload: Any) -> list[Any]:
        """The readings of a payload, each as the device wrote it. Raises Unreadable."""
        found = self.batch.find(payload) if self.batch is not None else payload
        if self.batch is None and not isinstance(payload, list):
            found = [payload]
        if not found:
            where = f" at {self.batch.text}" if self.batch is not None else ""
            raise Unreadable(f"the payload has no reading{where}", "send one, or correct the batch path of the kind")
        if len(found) > BATCH_LIMIT:
            raise Unreadable(f"the payload has {len(found)} readings", f"send at most {BATCH_LIMIT} at a time")
        return list(found)

    def read(self, item: Any, received_at: datetime) -> Reading:
        """A reading in the device's own form. Raises Unreadable."""
        if not isinstance(item, dict):
            raise Unreadable("the reading is no JSON object", "send an object, or correct the batch path of the kind")
        at = received_at
        if self.time is not None:
            at = self.moment(self.time.find(item), self.time.text)
        sequence = 0
        if self.sequence is not None:
            sequence = read_sequence(self.sequence.find(item))
        values: dict[str, Value] = {}
        for field in self.fields.values():
            given = field.path.find(item)
            if given is ABSENT or given is None:
                if field.required:
                    raise Unreadable(f"{field.key} is missing at {field.path.text}", "send it, or correct the path")
                continue
            values[field.key] = field.read(given)
        lon, lat = self._position(item)
        return self._whole(Reading(at, sequence, values, lon, lat))

    def take(self, item: Mapping[str, Any], received_at: datetime) -> Reading:
        """A reading in Wangge's own form: ``at``, ``sequence``, ``values`` by field, ``lon``, ``lat`` in WGS-84.

        Values are final: scale and offset of the kind are not applied. Raises Unreadable.
        """
        values: dict[str, Value] = {}
        for key, given in dict(item.get("values") or {}).items():
            field = self.fields.get(key)
            if field is None:
                known = ", ".join(self.fields) or "none"
                raise Unreadable(f"kind {self.code} has no field {key}", f"it has {known}")
            if given is not None:
                values[key] = field.take(given)
        missing = [key for key, field in self.fields.items() if field.required and key not in values]
        if missing:
            raise Unreadable(f"{', '.join(missing)} is missing", "send every required field of the kind")
        at = item.get("at")
        if isinstance(at, str):
            at = parse_iso(at, UTC)
        lon, lat = read_degrees(item.get("lon"), item.get("lat"))
        return self._whole(Reading(at or received_at, read_sequence(item.get("sequence")), values, lon, lat))

    def _whole(self, reading: Reading) -> Reading:
        if not reading.values and reading.lon is None:
            raise Unreadable("the reading has neither a value nor a position", "correct the paths of the kind")
        return reading

    def _position(self, item: Any) -> tuple[float | None, float | None]:
        if self.position is None:
            return None, None
        lon, lat = self.position.lon.find(item), self.position.lat.find(item)
        lon, lat = (None if each is ABSENT else each for each in (lon, lat))
        if not lon and not lat:
            return None, None  # receivers say 0, 0 until they see satellites
        found = read_degrees(lon, lat)
        if self.position.system == WGS84 or found[0] is None or found[1] is None:
            return found
        x, y = convert([found[0]], [found[1]], self.position.system, WGS84)
        return float(x[0]), float(y[0])

    def moment(self, given: Any, where: str) -> datetime:
        """The device's time. Raises Unreadable."""
        if given is ABSENT or given is None or isinstance(given, bool):
            raise Unreadable(f"the time is missing at {where}", "send it, or correct the path of the kind")
        try:
            if self.time_format in ("unix", "unix_ms"):
                return datetime.fromtimestamp(float(given) / (1000 if self.time_format == "unix_ms" else 1), UTC)
            if self.time_format == "iso":
                return parse_iso(str(given), self.zone)
            moment = datetime.strptime(str(given), self.time_format)  # noqa: DTZ007 - the zone is the kind's
            return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).astimezone(UTC)
        except (ValueError, OverflowError, OSError, TypeError) as error:
            raise Unreadable(
                f"the time {str(given)[:40]!r} is not of the form {self.time_format}", "correct it, or the kind"
            ) from error


def parse_iso(text: str, zone: tzinfo) -> datetime:
    """A moment of an ISO text; without offset it is in ``zone``. Raises Unreadable."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{text[:40]!r} is no moment", "write it as in 2026-03-02T09:00:00+08:00") from error


def read_sequence(given: Any) -> int:
    """The sequence number, 0 for none. Raises Unreadable."""
    if given is ABSENT or given is None:
        return 0
    try:
        number = int(given)
        if isinstance(given, bool) or number != float(given) or not 0 <= number <= MOST_SEQUENCE:
            raise ValueError
    except (ValueError, TypeError, OverflowError) as error:
        raise Unreadable(f"the sequence {str(given)[:40]!r} is no whole number from 0", "send a counter") from error
    return number


def read_degrees(lon: Any, lat: Any) -> tuple[float | None, float | None]:
    """Longitude and latitude, both or none. Raises Unreadable."""
    if lon is None and lat is None:
        return None, None
    try:
        if isinstance(lon, bool) or isinstance(lat, bool):
            raise ValueError
        east, north = float(lon), float(lat)
        if not (-180 <= east <= 180 and -90 <= north <= 90):  # also what is no number at all
            raise ValueError
    except (ValueError, TypeError) as error:
        raise Unreadable(f"{str(lon)[:20]}, {str(lat)[:20]} is no position", "send degrees, longitude first") from error
    return east, north
