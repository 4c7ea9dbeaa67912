"""Devices that report by themselves (sensors, vehicles), their readings and positions, and the alarms that follow."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class SensorDevice(Base):
    """A device of a declared kind at a place or on a vehicle. ``state``: active, paused or retired.

    ``lon``/``lat`` (WGS-84) are where it is mounted, none for what moves. ``parameters`` are its own limits and fences.
    Of its key only ``token_digest`` (SHA-256) is kept, and ``signing_key``, which is derived from it and signs for it.
    """

    __tablename__ = "sensor_device"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    name_en: Mapped[str]
    state: Mapped[str]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    address: Mapped[str]
    vehicle: Mapped[str]
    component_code: Mapped[str | None]
    department_code: Mapped[str | None] = mapped_column(index=True)
    parameters: Mapped[dict[str, Any]]
    token_digest: Mapped[str | None]
    signing_key: Mapped[str | None]
    demo: Mapped[bool]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class SensorState(Base):
    """What a device said last. One row a device, locked by whoever takes its readings.

    ``fences``: since when it is inside which fence, and since when it left; ``rules``: where each rule stands;
    ``due_at``: when silence becomes a fault, none while it is silent or not active.
    """

    __tablename__ = "sensor_state"
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"), primary_key=True, autoincrement=False)
    last_at: Mapped[datetime | None]
    last_sequence: Mapped[int]
    received_at: Mapped[datetime | None]
    values: Mapped[dict[str, Any]]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    positioned_at: Mapped[datetime | None]
    fences: Mapped[dict[str, Any]]
    rules: Mapped[dict[str, Any]]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    silent_since: Mapped[datetime | None] = mapped_column(index=True)
    readings: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    summarised_until: Mapped[datetime | None]


class SensorReading(Base):
    """A reading. ``at`` is the device's time; it and ``sequence`` tell readings apart, so that none is taken twice."""

    __tablename__ = "sensor_reading"
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    received_at: Mapped[datetime]
    values: Mapped[dict[str, Any]]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    __table_args__ = ({"sqlite_with_rowid": False},)


class SensorHour(Base):
    """An hour of one field of a device, kept when its readings are gone. ``hour`` is its beginning."""

    __tablename__ = "sensor_hour"
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"), primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
    least: Mapped[float]
    mean: Mapped[float]
    most: Mapped[float]
    __table_args__ = ({"sqlite_with_rowid": False},)


class SensorTrack(Base):
    """An hour of a device's way, simplified; ``line`` holds [lon, lat, seconds into the hour], WGS-84."""

    __tablename__ = "sensor_track"
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"), primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    points: Mapped[int]
    length_m: Mapped[float]
    line: Mapped[list[Any]]
    __table_args__ = ({"sqlite_with_rowid": False},)


class SensorCrossing(Base):
    """A device entered or left a fence; ``stayed_s`` is how long it was inside when it left."""

    __tablename__ = "sensor_crossing"
    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"))
    fence: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    at: Mapped[datetime]
    lon: Mapped[float]
    lat: Mapped[float]
    stayed_s: Mapped[float | None]
    __table_args__ = (Index("ix_sensor_crossing_device_id_at", "device_id", "at"),)


class SensorFence(Base):
    """A fence added while the city runs, such as the route of a permit; those of files stay in their files.

    ``properties`` are those of ``sensors/fences.geojson``, ``geometry`` is GeoJSON text in WGS-84.
    """

    __tablename__ = "sensor_fence"
    code: Mapped[str] = mapped_column(primary_key=True)
    properties: Mapped[dict[str, Any]]
    geometry: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


class SensorAlarm(Base):
    """A rule held at a device. ``outcome``: waiting (to be filed), case, merged (into ``case_id``), held (until
    ``held_until``), noted (the rule files nothing) or unfiled, with ``reason`` and ``remedy``.

    ``subject`` is what hold-off counts by: the device, or a place. ``readings`` are the values before the alarm, kept
    with it as evidence: [seconds before it was raised, values]. ``over_told``: whether the case knows that it is over;
    true from the beginning, false from when it is over until the case knows.
    """

    __tablename__ = "sensor_alarm"
    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("sensor_device.id"))
    rule: Mapped[str]
    severity: Mapped[str]
    subject: Mapped[str]
    began_at: Mapped[datetime]
    raised_at: Mapped[datetime] = mapped_column(index=True)
    over_at: Mapped[datetime | None]
    facts: Mapped[dict[str, Any]]
    readings: Mapped[list[Any]]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    outcome: Mapped[str]
    held_until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("city_case.id"), index=True)
    over_told: Mapped[bool] = mapped_column(index=True)
    __table_args__ = (
        Index("ix_sensor_alarm_device_id_rule", "device_id", "rule"),
        Index("ix_sensor_alarm_rule_subject", "rule", "subject"),
        Index("ix_sensor_alarm_outcome", "outcome"),
    )


class SensorRefusal(Base):
    """A payload that was not taken, kept as it came. The same payload again counts up.

    ``via``: http, payload (HTTP in the kind's own format) or mqtt; ``replayed_at``: when it was taken after all.
    """

    __tablename__ = "sensor_refusal"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    device_code: Mapped[str] = mapped_column(index=True)
    via: Mapped[str]
    topic: Mapped[str]
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    times: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime] = mapped_column(index=True)
    replayed_at: Mapped[datetime | None]


class SensorListener(Base):
    """A place of a listener at a broker, whoever has it now; ``client_id`` names its session there."""

    __tablename__ = "sensor_listener"
    id: Mapped[int] = mapped_column(primary_key=True)
    broker: Mapped[str]
    slot: Mapped[int]
    client_id: Mapped[str]
    host: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    connected: Mapped[bool]
    messages: Mapped[int] = mapped_column(BigInteger)
    trouble: Mapped[str] = mapped_column(Text)
    __table_args__ = (UniqueConstraint("broker", "slot"),)
