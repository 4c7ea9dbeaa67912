"""The small city with devices: kinds, rules and fences in its folder, as a city or plugin declares them."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.models import Case, SensorAlarm, SensorDevice, SensorReading
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import Taken, take_messages
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.runtime import Runtime

KINDS = """
[kind.dust]
name = "扬尘监测仪"
name_en = "Dust monitor"
interval_s = 60
silent_after_s = 600
keep_days = 7
topic = "small/dust/{device}/up"
batch = "$.data[*]"
time = "$.ts"
time_format = "unix"
sequence = "$.n"
[kind.dust.fields.pm10]
name = "PM10"
unit = "µg/m³"
path = "$.v.pm10"
min = 0
max = 5000
required = true
[kind.dust.fields.noise]
name = "噪声"
unit = "dB"
path = "$.v['噪声']"
min = 20
max = 140

[kind.truck]
name = "渣土车"
name_en = "Muck truck"
mobile = true
interval_s = 30
topic = "small/truck/{device}"
time = "$.time"
position = { lon = "$.x", lat = "$.y" }
track_tolerance_m = 5
[kind.truck.fields.lid]
name = "顶盖"
type = "text"
path = "$.lid"
words = { "1" = "open", "0" = "closed" }
[kind.truck.fields.lifting]
name = "举升"
type = "truth"
path = "$.lift"

[kind.cover]
name = "井盖传感器"
interval_s = 3600
[kind.cover.fields.tilt]
name = "倾角"
unit = "°"
min = 0
max = 180
[kind.cover.fields.level]
name = "水位"
type = "whole"
scale = 0.1
"""

RULES = """
[rule.dust_over]
name = "扬尘超标"
name_en = "Dust over the limit"
kinds = ["dust"]
when = "reading.pm10 > (device.parameters.pm10_limit or 150)"
clear = "reading.pm10 < 120"
for_min = 5
hold_off_min = 120
severity = "major"
[rule.dust_over.case]
kind = "event"
full_code = "0304"
title = "扬尘超标 ${device.name}"
text = "${device.name} PM10 ${reading.pm10} µg/m³，自 ${since} 起已 ${minutes} 分钟超标。"

[rule.lid_open]
name = "顶盖未闭合"
kinds = ["truck"]
when = "reading.lid == 'open' and fence.site.inside == false"
[rule.lid_open.case]
kind = "event"
full_code = "0311"
condition_no = 1
text = "${device.vehicle} 驶出工地未密闭"

[rule.off_route]
name = "偏离路线"
kinds = ["truck"]
when = "fence.route.inside == false and fence.site.inside != true"
for_min = 1
merge = "device"
[rule.off_route.case]
kind = "event"
full_code = "0311"
text = "${device.vehicle} 偏离核准路线 ${fence.route.minutes} 分钟"

[rule.tilted]
name = "井盖倾斜"
kinds = ["cover"]
when = "reading.tilt != none and reading.tilt > 30"
back = "cancel"
[rule.tilted.case]
kind = "component"
full_code = "0101"
condition_no = 1
urgent = true
text = "井盖倾角 ${reading.tilt}°"

[rule.lost]
name = "设备失联"
kinds = ["cover"]
on = "silence"
when = "silent_min > 240"
severity = "notice"
"""


def square(west: float, south: float, width: float) -> dict[str, Any]:
    ring = [[west, south], [west + width, south], [west + width, south + width], [west, south + width], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


FENCES = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "geometry": square(116.0, 28.0, 0.001),
         "properties": {"code": "S1", "name": "一号工地", "group": "site", "kinds": ["truck"], "margin_m": 20}},
        {"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[116.0, 28.0005], [116.003, 28.0005]]},
         "properties": {"code": "R-17", "name": "核准路线", "width_m": 60, "margin_m": 0}},
        {"type": "Feature", "geometry": None,
         "properties": {"code": "C1", "name": "社区", "layer": "division/990101001001", "group": "community"}},
    ],
}  # fmt: skip


def write_sensors(folder: Path, kinds: str = KINDS, rules: str = RULES, fences: Any = FENCES) -> None:
    home = folder / "sensors"
    home.mkdir(exist_ok=True)
    (home / "kinds.toml").write_text(kinds, encoding="utf-8")
    (home / "rules.toml").write_text(rules, encoding="utf-8")
    (home / "fences.geojson").write_text(json.dumps(fences, ensure_ascii=False), encoding="utf-8")


class SensorTown:
    """A small city with a dust monitor D1, a truck T1 and a manhole cover K1; ``now`` moves when told to."""

    def __init__(self, town: SmallTown) -> None:
        self.town, self.session, self.platform = town, town.session, town.platform
        self.tokens: dict[str, str] = {}
        self.sequence = 0
        for values in (
            {"code": "D1", "kind": "dust", "name": "东门扬尘", "lon": 116.0005, "lat": 28.0005, "address": "东门工地"},
            {"code": "T1", "kind": "truck", "name": "渣土车1号", "vehicle": "云A10001",
             "parameters": {"fences": {"route": "R-17"}}},
            {"code": "K1", "kind": "cover", "name": "人民路井盖", "lon": 116.0015, "lat": 28.0015},
        ):  # fmt: skip
            self.add(**values)

    @property
    def now(self) -> datetime:
        return self.town.clock.now()

    def add(self, **values: Any) -> SensorDevice:
        kinds = sensing_of(self.session, self.platform).kinds
        device, self.tokens[values["code"]] = add_device(self.session, kinds, values, self.now)
        return device

    def say(self, device: str, *readings: dict[str, Any], settled: bool = True) -> Taken:
        """Readings in Wangge's own form, taken now; alarms are settled at once."""
        taken = take_messages(
            self.session, self.platform, [Message("http", device, b"", content=list(readings))], self.now
        )
        if settled:
            settle(self.session, self.platform, taken.alarms, self.now)
        return taken

    def hear(self, *messages: tuple[str, bytes]) -> Taken:
        """Payloads as they come over MQTT: topic and bytes."""
        topics = sensing_of(self.session, self.platform).topics
        read = [Message("mqtt", topics.device(topic), raw, topic) for topic, raw in messages]
        taken = take_messages(self.session, self.platform, read, self.now)
        settle(self.session, self.platform, taken.alarms, self.now)
        return taken

    def dust(self, pm10: float, **rest: Any) -> Taken:
        self.sequence += 1
        reading = {"at": self.now.isoformat(), "sequence": self.sequence, "values": {"pm10": pm10, **rest}}
        return self.say("D1", reading)

    def wait(self, minutes: float) -> None:
        self.town.clock.set(self.now + timedelta(minutes=minutes))

    def alarms(self, rule: str | None = None) -> list[SensorAlarm]:
        self.session.expire_all()
        query = select(SensorAlarm).order_by(SensorAlarm.id)
        return list(self.session.scalars(query.where(SensorAlarm.rule == rule) if rule else query))

    def cases(self) -> list[Case]:
        self.session.expire_all()
        return list(self.session.scalars(select(Case).order_by(Case.id)))

    def readings(self, device: str = "D1") -> list[SensorReading]:
        self.session.expire_all()
        query = select(SensorReading).join(SensorDevice, SensorDevice.id == SensorReading.device_id)
        return list(self.session.scalars(query.where(SensorDevice.code == device).order_by(SensorReading.at)))


class KeptTown:
    """A small city with sensors, loaded once; ``fresh`` gives it back as it was after loading."""

    def __init__(self, folder: Path) -> None:
        write_sensors(write_small_city(folder))
        self.town = SmallTown(folder)
        self.kept = sqlite3.connect(":memory:", check_same_thread=False)
        raw(self.town).backup(self.kept)

    def fresh(self) -> SensorTown:
        town = self.town
        town.session.rollback()
        town.session.expunge_all()
        self.kept.backup(raw(town))
        write_sensors(town.folder)
        town.clock.set(MONDAY)
        town.platform = replace(town.platform, runtime=Runtime(), sensing=None)
        return SensorTown(town)

    def close(self) -> None:
        self.kept.close()
        self.town.close()


def raw(town: SmallTown) -> sqlite3.Connection:
    """The driver's connection of a city in memory, outside of any transaction."""
    town.session.rollback()
    connection = town.session.connection().connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    town.session.rollback()
    return connection
