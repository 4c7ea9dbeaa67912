"""MQTT: listen to what devices publish, store it, and only then acknowledge it. ``wangge sensors listen`` runs it.

Nothing is lost when a listener dies: its session stays at the broker under a client id that belongs to a *place*, not
to a process. A place is held by a lock; whoever starts next takes the lowest free one, and with it what was not
acknowledged there. Listeners share the load by a shared subscription (MQTT 5). A place nobody holds any more is emptied
by one of the others. What is delivered twice is stored once: readings are told apart by device, time and sequence.
"""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Condition, Event
from typing import Any
from urllib.parse import unquote, urlsplit
from zlib import crc32

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from api.scheduler import AdvisoryLeadership, FileLeadership, Leadership
from engine.database import begin_write
from engine.errors import Conflict, Invalid
from engine.models import SensorListener
from engine.platform import Platform
from engine.sensors.filing import settle
from engine.sensors.reading_messages import MQTT
from engine.sensors.readings import Message
from engine.sensors.refusals import Refused, keep_refused
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from engine.sensors.topics import filter_of

log = logging.getLogger("wangge.mqtt")

BATCH = 500
"""Messages stored in one transaction."""
GATHER_S = 0.05
"""How long a first message waits for others."""
KEPT_BY_BROKER_S = 7 * 86_400
"""How long the broker keeps what comes while nobody listens."""
AT_ONCE = 2_000
"""Messages the broker may send before the first is acknowledged; brokers have a limit of their own, too."""
SLOWEST_S = 30.0
BEAT_S, LOOK_S, QUIET_S = 10.0, 60.0, 1.0
MOST_SLOTS = 64


@dataclass(frozen=True)
class Broker:
    """Where devices publish: ``mqtt://user:password@host:port``, ``mqtts://`` with TLS."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False

    @property
    def name(self) -> str:
        """Without the password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def read_broker(url: str) -> Broker:
    """A broker of its URL. Raises Invalid."""
    remedy = "write it as in mqtt://127.0.0.1:1883 or mqtts://user:password@broker.example:8883"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Invalid(f"the broker's address cannot be read ({error}); {remedy}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path.strip("/"):
        raise Invalid(f"the broker's address is no address of a broker; {remedy}")
    tls = parts.scheme == "mqtts"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Broker(parts.hostname, port or (8883 if tls else 1883), user, password, tls)


@dataclass(frozen=True)
class Delivered:
    """A message and what it takes to acknowledge it on the connection it came on."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class BrokerSession:
    """A session at the broker. The library's thread receives; ``take`` and ``acknowledge`` are for one other thread."""

    def __init__(self, broker: Broker, client_id: str, filters: Sequence[str] = ()) -> None:
        self.filters = list(filters)
        self.connected, self.resumed, self.trouble = False, False, ""
        self._connection = 0
        self._came: deque[Delivered] = deque()
        self._changed = Condition()
        client = self._client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5, manual_ack=True
        )
        client.on_connect, client.on_disconnect, client.on_message = (
            self._on_connect,
            self._on_disconnect,
            self._on_message,
        )
        client.on_subscribe = self._on_subscribe
        client.reconnect_delay_set(min_delay=1, max_delay=int(SLOWEST_S))
        if broker.user:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set()
        kept = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
        kept.SessionExpiryInterval, kept.ReceiveMaximum = KEPT_BY_BROKER_S, AT_ONCE
        client.connect_async(broker.host, broker.port, keepalive=30, clean_start=False, properties=kept)

    def open(self) -> None:
        """Connect in the background, and again after every loss, with growing pauses."""
        self._client.loop_start()

    def close(self, *, forever: bool = False) -> None:
        """Leave. ``forever``: the broker forgets the session; else it keeps what comes for it."""
        properties = None
        if forever:
            properties = Properties(PacketTypes.DISCONNECT)  # type: ignore[no-untyped-call]  # as above
            properties.SessionExpiryInterval = 0
        self._client.disconnect(properties=properties)
        self._client.loop_stop()

    def give_up(self, filters: Sequence[str]) -> None:
        """Let nothing new come; what waits still comes."""
        for each in filters:
            self._client.unsubscribe(each)

    def take(self, most: int, wait_s: float) -> list[Delivered]:
        """What has come, up to ``most``; waits for the first one, then a moment for others."""
        with self._changed:
            if not self._came:
                self._changed.wait(wait_s)
            if not self._came:
                return []
            if len(self._came) < most:
                self._changed.wait(GATHER_S)
            return [self._came.popleft() for _ in range(min(most, len(self._came)))]

    def acknowledge(self, messages: Sequence[Delivered]) -> None:
        """Let the broker forget messages. Those of an earlier connection are delivered again, and known then."""
        for message in messages:
            if message.qos and message.connection == self._connection:
                self._client.ack(message.mid, message.qos)

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        with self._changed:
            self._connection += 1
            self.connected, self.resumed = not reason.is_failure, bool(flags.session_present)
            self.trouble = f"the broker refuses: {reason}" if reason.is_failure else ""
            self._changed.notify_all()
        if self.trouble:
            log.warning("%s; check user, password and address of the broker", self.trouble)
        elif self.filters:
            client.subscribe([(each, _qos_one()) for each in self.filters])

    def _on_subscribe(
        self, client: Client, data: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        refused = [each for each, reason in zip(self.filters, reasons, strict=False) if reason.is_failure]
        if refused:
            self.trouble = f"the broker refuses the subscription {', '.join(refused)}"
            log.warning("%s; allow it in the broker's access list", self.trouble)

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        with self._changed:
            self.connected = False
            # What needs an acknowledgement comes again; what needs none would be lost.
            kept = [each for each in self._came if not each.qos]
            self._came.clear()
            self._came.extend(kept)
            self._changed.notify_all()
        if reason.is_failure:
            self.trouble = f"the connection was lost: {reason}"
            log.warning("%s; trying again", self.trouble)

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        came = Delivered(message.topic, bytes(message.payload), message.mid, message.qos, self._connection)
        with self._changed:
            self._came.append(came)
            self._changed.notify_all()

    def wait_connected(self, wait_s: float) -> bool:
        """Wait until the broker answers; whether it let us in."""
        with self._changed:
            self._changed.wait_for(lambda: self.connected or bool(self.trouble), wait_s)
            return self.connected


def _qos_one() -> Any:
    from paho.mqtt.subscribeoptions import SubscribeOptions

    return SubscribeOptions(qos=1, noLocal=False)


@dataclass
class Place:
    """A listener's place: its row, its client id at the broker, its lock."""

    slot: int
    client_id: str
    lock: Leadership


class Places:
    """The places of a city's listeners at a broker."""

    def __init__(self, engine: Engine, sessions: sessionmaker[Session], broker: Broker, city: str) -> None:
        self.engine, self.sessions, self.broker, self.city = engine, sessions, broker, city

    def occupy(self, now: datetime) -> Place:
        """The lowest free place. Raises Conflict when all are taken."""
        for slot in range(MOST_SLOTS):
            lock = self.lock(slot)
            if lock.held():
                return Place(slot, self._row(slot, now), lock)
        raise Conflict(f"{MOST_SLOTS} listeners are at work already; that is as many as there may be")

    def orphans(self) -> list[Place]:
        """Places with a session at the broker that nobody holds; they are held now."""
        with self.sessions() as session:
            query = select(SensorListener.slot, SensorListener.client_id)
            rows = session.execute(query.where(SensorListener.broker == self.broker.name)).all()
        found = []
        for slot, client_id in rows:
            lock = self.lock(slot)
            if lock.held():
                found.append(Place(slot, client_id, lock))
        return found

    def forget(self, place: Place) -> None:
        """The place has no session any more."""
        with self.sessions() as session:
            begin_write(session)
            session.execute(
                delete(SensorListener).where(
                    SensorListener.broker == self.broker.name, SensorListener.slot == place.slot
                )
            )
            session.commit()

    def lock(self, slot: int) -> Leadership:
        """The lock of a place."""
        name = f"{self.broker.name} {slot}"
        if self.engine.dialect.name == "postgresql":
            return AdvisoryLeadership(self.engine, 0x57616E67_00000000 | crc32(name.encode()))
        database = Path(self.engine.url.database or "memory")
        return FileLeadership(database.with_name(f"{database.name}.listener-{crc32(name.encode()):08x}.lock"))

    def _row(self, slot: int, now: datetime) -> str:
        with self.sessions() as session:
            begin_write(session)
            row = session.scalar(
                select(SensorListener).where(SensorListener.broker == self.broker.name, SensorListener.slot == slot)
            )
            if row is None:
                client_id = f"wangge-{self.city}-{secrets.token_hex(4)}-{slot}"
                row = SensorListener(broker=self.broker.name, slot=slot, client_id=client_id, messages=0)
                session.add(row)
            row.host, row.started_at, row.seen_at = socket.gethostname(), now, now
            row.connected, row.trouble = False, ""
            session.commit()
            return row.client_id


class Listener:
    """Takes what devices publish, from a place of its own, until told to stop."""

    def __init__(
        self, engine: Engine, sessions: sessionmaker[Session], platform: Platform, broker: Broker,
        *, batch: int = BATCH, filters: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        self.platform, self.sessions, self.broker, self.batch = platform, sessions, broker, batch
        self.places = Places(engine, sessions, broker, platform.city.id)
        self.messages = 0
        with sessions() as session:
            kinds = sensing_of(session, platform).kinds.values()
        group = f"$share/wangge-{platform.city.id}/"
        listed = filters if filters is not None else [filter_of(kind.topic) for kind in kinds if kind.topic]
        self.filters = [group + each for each in listed]

    def run(self, stop: Event, *, ready: Callable[[str], None] = lambda text: None) -> None:
        """Listen until ``stop``. Raises Invalid when no kind has a topic."""
        if not self.filters:
            raise Invalid("no kind of device has a topic; declare one in sensors/kinds.toml")
        place = self.places.occupy(self.platform.clock.now())
        at_broker = BrokerSession(self.broker, place.client_id, self.filters)
        at_broker.open()
        ready(f"{self.broker.name}: place {place.slot}, {', '.join(self.filters)}")
        beat_at = look_at = 0.0
        try:
            while not stop.is_set():
                self.work(at_broker, stop)
                moment = time.monotonic()
                if moment >= beat_at:
                    beat_at = moment + BEAT_S
                    self.beat(place, at_broker)
                if moment >= look_at and at_broker.connected:
                    look_at = moment + LOOK_S
                    self.empty_orphans(stop)
        finally:
            at_broker.close()
            with suppress(SQLAlchemyError):
                at_broker.connected = False
                self.beat(place, at_broker)
            place.lock.release()

    def work(self, at_broker: BrokerSession, stop: Event, wait_s: float = 0.5) -> int:
        """Take what has come, store it, acknowledge it, file its alarms. Returns how many messages there were."""
        came = at_broker.take(self.batch, wait_s)
        if not came:
            return 0
        alarms = self.store(came, stop)
        if alarms is None:
            return 0
        at_broker.acknowledge(came)
        self.messages += len(came)
        if alarms:
            try:
                with self.sessions() as session:
                    settle(session, self.platform, alarms, self.platform.clock.now())
            except Exception:
                log.exception("alarms could not be filed now; the scheduler tries again")
        return len(came)

    def store(self, came: Sequence[Delivered], stop: Event) -> list[int] | None:
        """Store messages, as often as it takes; the alarms that moved, none when stopped before it succeeded."""
        pause_s, store = 1.0, self._store
        while True:
            try:
                return store(came)
            except SQLAlchemyError as error:
                log.warning("the database does not take readings (%s); trying again in %.0f s", error, pause_s)
                if stop.wait(pause_s):
                    return None
                pause_s = min(pause_s * 2, SLOWEST_S)
            except Exception:
                log.exception("messages could not be read; they are read one by one")
                store = self._store_singly

    def _store(self, came: Sequence[Delivered]) -> list[int]:
        with self.sessions() as session:
            topics = sensing_of(session, self.platform).topics
            read = [Message(MQTT, topics.device(each.topic), each.payload, each.topic) for each in came]
            return take_messages(session, self.platform, read, self.platform.clock.now()).alarms

    def _store_singly(self, came: Sequence[Delivered]) -> list[int]:
        """One message that nobody expected must not hold up the others: it is kept with the refused."""
        alarms: list[int] = []
        for each in came:
            try:
                alarms += self._store([each])
            except SQLAlchemyError:
                raise
            except Exception as error:
                log.exception("a message on %s could not be read", each.topic)
                with self.sessions() as session:
                    topics = sensing_of(session, self.platform).topics
                    message = Message(MQTT, topics.device(each.topic), each.payload, each.topic)
                    begin_write(session)
                    reason = f"it could not be read ({error!r})"
                    refused = Refused(message, each.payload, reason, "tell the administrator: the log says more")
                    keep_refused(session, [refused], self.platform.clock.now())
                    session.commit()
        return alarms

    def beat(self, place: Place, at_broker: BrokerSession) -> None:
        """Tell the health page that this listener lives."""
        with self.sessions() as session:
            begin_write(session)
            row = session.scalar(
                select(SensorListener).where(
                    SensorListener.broker == self.broker.name, SensorListener.slot == place.slot
                )
            )
            if row is not None:
                row.seen_at, row.connected = self.platform.clock.now(), at_broker.connected
                row.messages += self.messages
                row.trouble = "" if at_broker.connected else at_broker.trouble
                self.messages = 0
            with suppress(IntegrityError):
                session.commit()

    def empty_orphans(self, stop: Event) -> None:
        """Take what waits at the broker for places that nobody holds any more, and give those places up."""
        for place in self.places.orphans():
            try:
                self._empty(place, stop)
            finally:
                place.lock.release()

    def _empty(self, place: Place, stop: Event) -> None:
        left = BrokerSession(self.broker, place.client_id)
        left.open()
        over = False
        try:
            if left.wait_connected(5.0):
                left.give_up(self.filters)
                while not stop.is_set() and (self.work(left, stop, QUIET_S) or not left.connected):
                    pass
                over = left.connected and not stop.is_set()
        finally:
            left.close(forever=over)
        if over:
            log.info("place %s was left; what waited there is taken", place.slot)
            self.places.forget(place)
