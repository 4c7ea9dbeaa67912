"""Readings a second in one process: batches over HTTP and messages over MQTT, beside a host that writes row by row."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict
from benchmarks.setting import Setting
from benchmarks.town import BenchTown
from engine.models import SensorDevice, SensorListener, SensorReading, SensorState
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from engine.testing.scratch import NoServer

BROKER = os.environ.get("WANGGE_MQTT", "mqtt://127.0.0.1:1883")
DEVICES, BATCH = 20, 100
KINDS = """
[kind.truck]
name = "truck"
mobile = true
topic = "%s/{device}"
time = "$.t"
time_format = "unix"
sequence = "$.n"
position = { lon = "$.x", lat = "$.y" }
[kind.truck.fields.speed]
name = "speed"
path = "$.v"
min = 0
max = 200
"""
RULES = """
[rule.fast]
name = "fast"
kinds = ["truck"]
when = "reading.speed > 120 and fence.site.inside == false"
for_min = 5
"""
FENCE = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"code": f"S{n}", "name": "s", "group": "site", "kinds": ["truck"]},
         "geometry": {"type": "Polygon", "coordinates": [[[x, 28.0], [x + 1e-3, 28.0], [x + 1e-3, 28.001], [x, 28.0]]]}}
        for n in range(200) for x in [round(116 + n * 0.002, 4)]
    ],
}  # fmt: skip


def run(setting: Setting) -> Section:
    """The same readings each way; every way ends with all of them stored, each once."""
    count = setting.pick(3_000, 200)
    rows: list[dict[str, Cell]] = []
    notes = [f"{DEVICES} vehicles, 200 fences, one rule asked of each reading; HTTP takes {BATCH} readings a request"]
    verdicts: list[Verdict] = []
    topic = f"bench{uuid4().hex[:8]}"
    home = setting.folder / "city" / "sensors"
    home.mkdir(exist_ok=True)
    (home / "kinds.toml").write_text(KINDS % topic, encoding="utf-8")
    (home / "rules.toml").write_text(RULES, encoding="utf-8")
    (home / "fences.geojson").write_text(json.dumps(FENCE), encoding="utf-8")
    try:
        for database in ("sqlite-full", "postgresql"):
            if database not in setting.databases:
                continue
            try:
                with setting.town(database) as town:
                    rates = measure(town, count, topic, rows, notes, database)
            except NoServer as error:
                notes.append(str(error))
                continue
            verdicts.append(Verdict(f"times row by row, HTTP batch, {database}", rates["http"] / rates["naive"], 5))
    finally:
        for file in home.iterdir():
            file.unlink()
        home.rmdir()
    return Section("sensors", f"{count:,} readings of {DEVICES} vehicles", rows, notes, verdicts)


def measure(
    town: BenchTown, count: int, topic: str, rows: list[dict[str, Cell]], notes: list[str], database: str
) -> dict[str, float]:
    """Readings a second by way."""
    session, begin = town.sessions(), town.now - timedelta(hours=20)
    kinds = sensing_of(session, town.platform).kinds
    for number in range(DEVICES):
        add_device(session, kinds, {"code": f"T{number}", "kind": "truck", "name": f"truck {number}"}, begin)
    rates: dict[str, float] = {}
    ways: list[tuple[str, str, Callable[[], None]]] = [
        ("naive", "row by row, a commit each", lambda: row_by_row(session, count // 4, begin)),
        ("http", f"batches of {BATCH}", lambda: batches(town, session, count, begin)),
    ]
    if broker_answers():
        ways.append(("mqtt", "MQTT, a message each", lambda: over_mqtt(town, count, begin, topic)))
    else:
        notes.append(f"no broker answers at {BROKER}: MQTT was left out")
    for way, name, work in ways:
        clear(session)
        wall, spent = time.perf_counter(), time.process_time()
        work()
        wall, spent = time.perf_counter() - wall, time.process_time() - spent
        wanted = count // 4 if way == "naive" else count
        stored = session.scalar(select(func.count()).select_from(SensorReading)) or 0
        session.rollback()
        if stored != wanted:
            raise AssertionError(f"{name} on {database}: {stored} of {wanted} readings are stored")
        rates[way] = wanted / wall
        rows.append({"database": database, "way": name, "readings": wanted, "readings/s": round(wanted / wall),
                     "processor ms a reading": round(spent * 1000 / wanted, 3)})  # fmt: skip
    session.close()
    return rates


def clear(session: Session) -> None:
    """Forget what was said before."""
    session.rollback()
    session.execute(delete(SensorReading))
    for state in session.scalars(select(SensorState)):
        state.last_at, state.fences, state.rules, state.readings = None, {}, {}, 0
    session.commit()
    session.expire_all()


def said(number: int, begin: datetime) -> dict[str, Any]:
    """What a vehicle says."""
    turn = number // DEVICES
    return {"t": begin.timestamp() + turn * 2, "n": turn, "x": round(116 + turn % 400 * 0.001, 5), "y": 28.0005,
            "v": number % 90}  # fmt: skip


def row_by_row(session: Session, count: int, begin: datetime) -> None:
    """The plain way: find the device, write the reading, commit; no fence and no rule."""
    for number in range(count):
        item = said(number, begin)
        device = session.scalars(select(SensorDevice).where(SensorDevice.code == f"T{number % DEVICES}")).one()
        at = datetime.fromtimestamp(item["t"], UTC)
        session.add(
            SensorReading(device_id=device.id, at=at, sequence=item["n"], received_at=at, values={"speed": item["v"]},
                          lon=item["x"], lat=item["y"])
        )  # fmt: skip
        state = session.get_one(SensorState, device.id)
        state.last_at, state.values = at, {"speed": item["v"]}
        session.commit()


def batches(town: BenchTown, session: Session, count: int, begin: datetime) -> None:
    """As a request does: one device's batch at a time."""
    for device in range(DEVICES):
        items = [said(number, begin) for number in range(device, count, DEVICES)]
        for at in range(0, len(items), BATCH):
            raw = json.dumps(items[at : at + BATCH]).encode()
            taken = take_messages(session, town.platform, [Message("payload", f"T{device}", raw)], town.now)
            settle(session, town.platform, taken.alarms, town.now)


def over_mqtt(town: BenchTown, count: int, begin: datetime, topic: str) -> None:
    """As a listener does, from the first message published to the last one stored."""
    from api.mqtt import Listener, read_broker

    with listening(Listener(town.engine, town.sessions, town.platform, read_broker(BROKER)), town) as taken:
        publish([(f"{topic}/T{n % DEVICES}", json.dumps(said(n, begin)).encode()) for n in range(count)])
        while taken() < count:
            time.sleep(0.01)


@contextmanager
def listening(listener: Any, town: BenchTown) -> Iterator[Callable[[], int]]:
    """A listener in a thread; gives how many messages it took."""
    stop, ready, taken = Event(), Event(), [0]
    work = listener.work

    def counted(*arguments: Any) -> int:
        done: int = work(*arguments)
        taken[0] += done
        return done

    listener.work = counted
    thread = Thread(target=listener.run, args=(stop,), kwargs={"ready": lambda text: ready.set()})
    thread.start()
    try:
        ready.wait(10)
        time.sleep(1.0)  # until the broker knows the subscription
        yield lambda: taken[0]
    finally:
        stop.set()
        thread.join()
        with town.sessions() as session:
            forget(session)


def forget(session: Session) -> None:
    """Leave no session at the broker."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    parts = urlsplit(BROKER)
    for client_id in session.scalars(select(SensorListener.client_id)):
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        client.connect(parts.hostname or "", parts.port or 1883, clean_start=True)
        client.disconnect()
    session.rollback()


def publish(messages: list[tuple[str, bytes]]) -> None:
    """Publish with QoS 1, at most 200 on the way."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    parts = urlsplit(BROKER)
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(200)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    for number in range(0, len(messages), 500):
        sent = [client.publish(topic, payload, qos=1) for topic, payload in messages[number : number + 500]]
        for info in sent:
            info.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


def broker_answers() -> bool:
    """Whether there is a broker."""
    parts = urlsplit(BROKER)
    with suppress(OSError), socket.create_connection((parts.hostname or "", parts.port or 1883), timeout=1):
        return True
    return False
