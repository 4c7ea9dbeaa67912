"""Readings over MQTT, with a real broker: nothing is lost when a listener is killed, nothing is taken twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest
from mqtt_broker import broker_url, forget_session, publish
from sensor_town import KINDS, write_sensors
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import OperationalError

from api.mqtt import Delivered, Listener, read_broker
from engine.database import open_database
from engine.errors import Invalid
from engine.migrations import upgrade_database
from engine.models import SensorAlarm, SensorDevice, SensorListener, SensorReading, SensorRefusal, SensorTrack
from engine.sensors.devices import add_device, list_devices
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from engine.sensors.telling import sensor_health
from engine.sensors.tending import tend_devices
from engine.testing.small_city import SmallTown, write_small_city

SERVER = os.environ.get("WANGGE_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from broker_url(tmp_path_factory.mktemp("broker"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('mqtt') / 'small.db'}"
        return
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"wangge_test_{uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(f"no PostgreSQL: {error}")
    yield SERVER.rsplit("/", 1)[0] + f"/{name}"
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[SmallTown]:
    folder = write_small_city(tmp_path_factory.mktemp("city") / "small")
    write_sensors(folder)
    engine = open_database(database)
    upgrade_database(engine)
    engine.dispose()
    town = SmallTown(folder, database)
    yield town
    town.close()


@pytest.fixture
def town(base: SmallTown, broker: str) -> Iterator[SmallTown]:
    """The small city with topics of the test's own, without anything that was taken before."""
    with base.engine.begin() as connection:
        for table in ("reading", "hour", "track", "crossing", "alarm", "refusal", "listener", "state", "device"):
            connection.execute(text(f"DELETE FROM sensor_{table}"))
    base.session.expunge_all()
    mark = uuid4().hex[:8]
    write_sensors(base.folder, kinds=KINDS.replace("small/", f"t{mark}/"))
    base.platform.sensing = None
    kinds = sensing_of(base.session, base.platform).kinds
    add_device(base.session, kinds, {"code": "D1", "kind": "dust", "name": "扬尘"}, base.clock.now())
    base.mark = mark  # type: ignore[attr-defined]
    yield base
    base.session.expire_all()
    for client_id in base.session.scalars(select(SensorListener.client_id)):
        forget_session(broker, client_id)
    base.session.rollback()


def readings(town: SmallTown, first: int, count: int) -> list[tuple[str, bytes]]:
    """Messages of the dust monitor, a second apart, ending before now."""
    begin = town.clock.now().timestamp() - 100_000
    return [
        (f"t{town.mark}/dust/D1/up", json.dumps({"data": [{"ts": begin + n, "n": n, "v": {"pm10": n % 100}}]}).encode())  # type: ignore[attr-defined]
        for n in range(first, first + count)
    ]


def taken(town: SmallTown) -> int:
    town.session.rollback()
    return town.session.scalar(select(func.count()).select_from(SensorReading)) or 0


def wait_for(what: Callable[[], bool], seconds: float = 30.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


class Listening:
    """A listener in a thread."""

    def __init__(self, town: SmallTown, broker: str) -> None:
        self.listener = Listener(town.engine, town.sessions, town.platform, read_broker(broker), batch=50)
        self.stop, self.ready, self.done = Event(), Event(), 0
        work = self.listener.work

        def counted(*arguments: object) -> int:
            count = work(*arguments)  # type: ignore[arg-type]
            self.done += count
            return count

        self.listener.work = counted  # type: ignore[assignment,method-assign]
        self.thread = Thread(
            target=self.listener.run, args=(self.stop,), kwargs={"ready": lambda text: self.ready.set()}
        )

    def __enter__(self) -> Listening:
        self.thread.start()
        assert self.ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(20)


def test_what_devices_publish_is_stored_and_wrong_payloads_are_kept(town: SmallTown, broker: str) -> None:
    with Listening(town, broker):
        wait_for(lambda: connected(town) == 1)
        publish(
            broker,
            [
                *readings(town, 0, 20),
                (f"t{town.mark}/dust/NEW/up", b"{}"),  # type: ignore[attr-defined]
                (f"t{town.mark}/dust/D1/up", b"\xff{"),
                *readings(town, 20, 5),
            ],
        )  # type: ignore[attr-defined]
        wait_for(lambda: taken(town) == 25)
    refused = town.session.scalars(select(SensorRefusal).order_by(SensorRefusal.device_code)).all()
    assert [(each.device_code, each.via) for each in refused] == [("D1", "mqtt"), ("NEW", "mqtt")]
    assert "no JSON" in refused[0].reason and "register it" in refused[1].remedy
    assert refused[0].payload == b"\xff{"


def connected(town: SmallTown) -> int:
    town.session.rollback()
    town.session.expire_all()
    return len([row for row in town.session.scalars(select(SensorListener)) if row.connected])


def test_two_listeners_share_the_load_and_take_nothing_twice(town: SmallTown, broker: str) -> None:
    with Listening(town, broker) as one, Listening(town, broker) as other:
        wait_for(lambda: connected(town) == 2)
        publish(broker, readings(town, 0, 200))
        wait_for(lambda: taken(town) == 200)
        wait_for(lambda: one.done + other.done == 200)
        assert one.done > 50 and other.done > 50


def test_what_waits_for_a_listener_that_left_is_taken_by_another(town: SmallTown, broker: str) -> None:
    with Listening(town, broker), Listening(town, broker):
        wait_for(lambda: connected(town) == 2)
    publish(broker, readings(town, 0, 60))  # half of them wait for each of the two places
    with Listening(town, broker):
        wait_for(lambda: taken(town) == 60)
        wait_for(
            lambda: len(town.session.scalars(select(SensorListener)).all()) == 1 or town.session.rollback() is True
        )


LISTEN = """
import os, sys
from threading import Event
from api.mqtt import Listener, read_broker
from engine.testing.small_city import MONDAY
from engine.city import load_city
from engine.clock import FrozenClock
from engine.database import open_database, session_factory
from engine.platform import build_platform
engine = open_database(sys.argv[2]); sessions = session_factory(engine)
platform = build_platform(sessions(), load_city(sys.argv[1]), clock=FrozenClock(MONDAY))
class Slow(Listener):
    def store(self, came, stop):
        alarms = super().store(came, stop)
        print("stored", len(came), flush=True)
        Event().wait(0.3)  # to be killed between the commit and the acknowledgement
        return alarms
listener = Slow(engine, sessions, platform, read_broker(sys.argv[3]), batch=7)
listener.run(Event(), ready=lambda text: print("ready", flush=True))
"""


def listener_process(town: SmallTown, broker: str) -> subprocess.Popen[str]:
    url = town.url
    return subprocess.Popen(
        [sys.executable, "-c", LISTEN, str(town.folder), url, broker], stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )  # fmt: skip


def test_nothing_is_lost_when_a_listener_is_killed(town: SmallTown, broker: str) -> None:
    first = listener_process(town, broker)
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "ready\n"
        wait_for(lambda: connected_in(town))
        publish(broker, readings(town, 0, 60))
        for _ in range(2):
            assert first.stdout.readline().startswith("stored")
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        first.stdout.close()
    assert 0 < taken(town) < 60
    publish(broker, readings(town, 60, 20))  # while nobody listens
    with Listening(town, broker):
        wait_for(lambda: taken(town) == 80)
    device = town.session.scalars(select(SensorDevice)).one()
    assert device.code == "D1" and town.session.scalar(select(func.count()).select_from(SensorRefusal)) == 0


def connected_in(town: SmallTown) -> bool:
    time.sleep(0.3)
    town.session.rollback()
    return town.session.scalar(select(func.count()).select_from(SensorListener)) == 1


def test_messages_wait_while_the_database_is_away(
    town: SmallTown, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(town.engine, town.sessions, town.platform, read_broker(broker))
    failures = [OperationalError("x", {}, Exception("gone")), OperationalError("x", {}, Exception("gone"))]
    real = listener._store

    def failing(came: list[Delivered]) -> list[int]:
        if failures:
            raise failures.pop()
        return real(came)

    monkeypatch.setattr(listener, "_store", failing)
    monkeypatch.setattr("api.mqtt.SLOWEST_S", 0.01)
    stop = Event()
    monkeypatch.setattr(stop, "wait", lambda seconds: False)
    topic, payload = readings(town, 0, 1)[0]
    assert listener.store([Delivered(topic, payload, 1, 1, 1)], stop) == []
    assert failures == [] and taken(town) == 1


def test_a_payload_that_breaks_the_reader_does_not_hold_up_the_others(
    town: SmallTown, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(town.engine, town.sessions, town.platform, read_broker(broker))
    import api.mqtt

    real = api.mqtt.take_messages

    def breaking(session: object, platform: object, messages: list[object], now: object) -> object:
        if any(message.raw == b"poison" for message in messages):  # type: ignore[attr-defined]
            raise RuntimeError("unexpected")
        return real(session, platform, messages, now)  # type: ignore[arg-type]

    monkeypatch.setattr("api.mqtt.take_messages", breaking)
    topic, payload = readings(town, 0, 1)[0]
    listener.store([Delivered(topic, b"poison", 1, 1, 1), Delivered(topic, payload, 2, 1, 1)], Event())
    assert taken(town) == 1
    [refused] = town.session.scalars(select(SensorRefusal)).all()
    assert refused.payload == b"poison" and "unexpected" in refused.reason


def test_alarms_silence_and_keeping_work_on_both_databases(town: SmallTown, broker: str) -> None:
    session, platform, now = town.session, town.platform, town.clock.now()
    kinds = sensing_of(session, platform).kinds
    add_device(session, kinds, {"code": "K1", "kind": "cover", "name": "井盖", "lon": 116.0005, "lat": 28.0005}, now)
    add_device(session, kinds, {"code": "T1", "kind": "truck", "name": "车"}, now)
    tilted = Message("http", "K1", b"", content=[{"at": now.isoformat(), "values": {"tilt": 60}}])
    way = [
        {"at": (now - timedelta(minutes=90 - n)).isoformat(), "lon": 116 + n * 1e-4, "lat": 28.0005} for n in range(9)
    ]
    taken = take_messages(session, platform, [tilted, Message("http", "T1", b"", content=way)], now)
    again = take_messages(session, platform, [Message("http", "T1", b"", content=way)], now)
    assert (taken.taken, again.known) == (10, 9)
    later = now + timedelta(hours=5)
    assert tend_devices(session, platform, later) == (3, 1)
    session.expire_all()
    alarms = {alarm.rule: alarm for alarm in session.scalars(select(SensorAlarm))}
    assert alarms["tilted"].outcome == "case" and alarms["lost"].outcome == "noted"
    assert session.scalars(select(SensorTrack)).one().points == 9
    health = sensor_health(session, later)
    assert (health.devices, health.silent, health.alarms_open, health.readings) == (3, 3, 2, 10)
    assert [device.code for device, _ in list_devices(session, silent=True, text="t", most=9)] == ["T1"]


@pytest.mark.parametrize("url", ["127.0.0.1:1883", "http://x", "mqtt://", "mqtt://x:port", "mqtt://x/topic"])
def test_a_broker_that_cannot_be_read_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(Invalid, match="mqtts://user:password@"):
        read_broker(url)
