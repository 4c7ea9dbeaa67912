"""Take readings: store each once, move the device's state, its fences and rules; one transaction for all that came.

What a device said before its latest reading (late) is stored, but moves neither position nor rules. Alarms raised here
become cases afterwards, each in a transaction of its own (``filing``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import SensorAlarm, SensorCrossing, SensorDevice, SensorReading, SensorState
from engine.platform import Platform
from engine.sensors.fences import Crossing, move
from engine.sensors.reading_messages import ACTIVE, Heard, read_messages
from engine.sensors.readings import Message, Reading
from engine.sensors.refusals import Refused, keep_refused
from engine.sensors.rules import Rule, judge
from engine.sensors.sensing import Sensing, local_names, sensing_of
from engine.workflow.expressions import ExpressionError

WAITING, NOTED = "waiting", "noted"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Taken:
    """What came of messages. ``known``: readings that were there already. ``alarms``: raised or over now."""

    taken: int = 0
    known: int = 0
    refused: list[Refused] = field(default_factory=list)
    alarms: list[int] = field(default_factory=list)


def take_messages(session: Session, platform: Platform, messages: Sequence[Message], now: datetime) -> Taken:
    """Take what devices sent; commits. Taking the same again changes nothing.

    Wrong payloads are kept among the refused. Raises only what the database raises: then nothing was taken.
    """
    sensing = sensing_of(session, platform)
    heard = read_messages(session, sensing, messages, now)
    begin_write(session)
    taken = Taken(refused=heard.refused)
    states = _lock_states(session, heard.devices.values(), now)
    rows: list[dict[str, Any]] = []
    for device_id in sorted(heard.readings):
        step = _DeviceStep(session, platform, sensing, heard.devices[device_id], states[device_id], now, taken)
        rows += step.take(heard.readings[device_id])
    if rows:
        session.execute(insert(SensorReading), rows)
    if heard.refused:
        keep_refused(session, heard.refused, now)
        _count_refused(session, heard)
    session.commit()
    return taken


def _lock_states(session: Session, devices: Iterable[SensorDevice], now: datetime) -> dict[int, SensorState]:
    """The states of devices, by id in order, so that two processes never wait for each other in a ring."""
    ids = sorted(device.id for device in devices)
    query = (
        select(SensorState).where(SensorState.device_id.in_(ids)).order_by(SensorState.device_id)
        .with_for_update().execution_options(populate_existing=True)
    )  # fmt: skip
    states = {row.device_id: row for row in session.scalars(query)} if ids else {}
    for device_id in ids:
        if device_id not in states:
            states[device_id] = new_state(device_id, None)
            session.add(states[device_id])
    return states


def new_state(device_id: int, due_at: datetime | None) -> SensorState:
    """The state of a device that has not said anything."""
    return SensorState(
        device_id=device_id, last_at=None, last_sequence=0, received_at=None, values={}, lon=None, lat=None,
        positioned_at=None, fences={}, rules={}, due_at=due_at, silent_since=None, readings=0, refused=0,
        summarised_until=None,
    )  # fmt: skip


def _count_refused(session: Session, heard: Heard) -> None:
    counts: dict[str, int] = {}
    for each in heard.refused:
        counts[each.message.device] = counts.get(each.message.device, 0) + 1
    for code, count in sorted(counts.items()):
        device = select(SensorDevice.id).where(SensorDevice.code == code).scalar_subquery()
        session.execute(
            update(SensorState).where(SensorState.device_id == device).values(refused=SensorState.refused + count)
            .execution_options(synchronize_session=False)
        )  # fmt: skip


class _DeviceStep:
    """The readings of one device, within the transaction."""

    def __init__(
        self, session: Session, platform: Platform, sensing: Sensing, device: SensorDevice, state: SensorState,
        now: datetime, taken: Taken,
    ) -> None:  # fmt: skip
        self.session, self.platform, self.sensing = session, platform, sensing
        self.device, self.state, self.now, self.taken = device, state, now, taken
        self.kind = sensing.kind(device.kind)
        named = device.parameters.get("fences")
        self.words = sensing.fences.concerning(device.kind, device.code, named if isinstance(named, dict) else {})
        self.codes = frozenset(code for codes in self.words.values() for code in codes)
        self.standing = dict(state.rules)
        self.fences = dict(state.fences)

    def take(self, readings: Sequence[Reading]) -> list[dict[str, Any]]:
        """Move the state; the rows of readings that are surely new."""
        state = self.state
        unique = {(each.at, each.sequence): each for each in reversed(readings)}
        self.taken.known += len(readings) - len(unique)
        rows: list[dict[str, Any]] = []
        came = 0
        for key in sorted(unique):
            reading = unique[key]
            row = self._row(reading)
            if key > (state.last_at or BEGINNING, state.last_sequence if state.last_at else -1):
                rows.append(row)
                self._advance(reading)
            elif self._insert_late(row):
                self._summarise_again(reading.at)
            else:
                self.taken.known += 1
                continue
            came += 1
        self.taken.taken += came
        state.readings += came
        self._hear_of_it()
        state.rules, state.fences = self.standing, self.fences
        return rows

    def _row(self, reading: Reading) -> dict[str, Any]:
        return {
            "device_id": self.device.id, "at": reading.at, "sequence": reading.sequence, "received_at": self.now,
            "values": reading.values, "lon": reading.lon, "lat": reading.lat,
        }  # fmt: skip

    def _insert_late(self, row: Mapping[str, Any]) -> bool:
        """Store a reading that may be there; whether it was not."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        written = dialect.insert(SensorReading).values(**row).on_conflict_do_nothing()
        return self.session.scalar(written.returning(SensorReading.device_id)) is not None

    def _summarise_again(self, at: datetime) -> None:
        hour = at.replace(minute=0, second=0, microsecond=0)
        if self.state.summarised_until is not None and self.state.summarised_until > hour:
            self.state.summarised_until = hour

    def _hear_of_it(self) -> None:
        """The device speaks: silence ends and begins to count anew."""
        state = self.state
        state.received_at = self.now
        state.due_at = None
        if self.device.state == ACTIVE:
            state.due_at = self.now + timedelta(seconds=self.kind.silent_after_s)
        state.silent_since = None
        for rule in self.sensing.silence.get(self.kind.code, ()):
            was = self.standing.pop(rule.code, {})
            if was.get("alarm"):
                self._end(int(was["alarm"]))

    def _advance(self, reading: Reading) -> None:
        """Let a new reading move position, fences and rules."""
        state = self.state
        state.last_at, state.last_sequence, state.values = reading.at, reading.sequence, dict(reading.values)
        crossed: list[Crossing] = []
        if reading.lon is not None and reading.lat is not None:
            first = state.positioned_at is None
            state.lon, state.lat, state.positioned_at = reading.lon, reading.lat, reading.at
            if self.codes:
                near = self.sensing.fences.look(reading.lon, reading.lat)
                self.fences, crossed = move(self.sensing.fences, self.codes, near, self.fences, reading.at, first=first)
                for each in crossed:
                    self.session.add(
                        SensorCrossing(
                            device_id=self.device.id, fence=each.fence, kind=each.kind, at=reading.at, lon=reading.lon,
                            lat=reading.lat, stayed_s=each.stayed_s,
                        )
                    )  # fmt: skip
        if self.device.state != ACTIVE:
            return
        rules = self.sensing.by_kind.get(self.kind.code, ())
        names = self._names(reading, crossed) if rules else {}
        for rule in rules:
            self._ask(rule, names, reading)

    def _names(self, reading: Reading, crossed: Sequence[Crossing]) -> dict[str, Any]:
        """What conditions may ask."""
        local = local_names(self.platform, reading.at)
        return {
            "reading": dict(reading.values), "device": device_names(self.device), "local": local, "silent_min": 0,
            "fence": self._fence_names(reading, crossed, bool(local["workday"])) if self.words else {},
        }  # fmt: skip

    def _fence_names(self, reading: Reading, crossed: Sequence[Crossing], workday: bool) -> dict[str, Any]:
        at_home = reading.at.astimezone(self.platform.city.time_zone)
        events = {each.fence: each.kind for each in crossed}
        found: dict[str, Any] = {}
        for word, codes in self.words.items():
            stood = (
                [code for code in codes if code in self.fences]
                if len(codes) < len(self.fences)
                else [code for code in self.fences if code in codes]
            )
            inside = [code for code in stood if self.fences[code]["inside"]]
            since = [at for code in inside or stood if (at := self.fences[code]["since"]) is not None]
            found[word] = {
                "inside": bool(inside) if codes and self.state.positioned_at is not None else None,
                "code": inside[0] if inside else None,
                "minutes": minutes_since(max(since), reading.at) if since else None,
                "event": next((events[code] for code in stood if code in events), None),
                "active": any(
                    self.sensing.fences.by_code[code].is_active(at_home, workday) for code in inside or codes
                ),
            }
        return found

    def _ask(self, rule: Rule, names: Mapping[str, Any], reading: Reading) -> None:
        was = self.standing.get(rule.code, {})
        try:
            verdict = judge(rule, was, names, reading.at)
        except ExpressionError as error:
            self.standing[rule.code] = {**was, "fault": str(error)[:500]}
            return
        after = verdict.standing
        if verdict.raised is not None:
            after = {**after, "alarm": self._raise(rule, names, reading, verdict.raised)}
        if verdict.over:
            self._end(int(was["alarm"]))
        if after:
            self.standing[rule.code] = after
        else:
            self.standing.pop(rule.code, None)

    def _raise(self, rule: Rule, names: Mapping[str, Any], reading: Reading, since: datetime) -> int:
        lon, lat = self.device.lon, self.device.lat
        if self.state.lon is not None and (self.kind.mobile or lon is None):
            lon, lat = self.state.lon, self.state.lat
        alarm = new_alarm(self.device, rule, names, since, reading.at, lon, lat)
        self.session.add(alarm)
        self.session.flush()
        self.taken.alarms.append(alarm.id)
        return alarm.id

    def _end(self, alarm_id: int) -> None:
        alarm = self.session.get(SensorAlarm, alarm_id)
        if alarm is not None and alarm.over_at is None:
            alarm.over_at, alarm.over_told = self.now, False
            self.taken.alarms.append(alarm.id)


def new_alarm(
    device: SensorDevice, rule: Rule, names: Mapping[str, Any], since: datetime, at: datetime, lon: float | None,
    lat: float | None,
) -> SensorAlarm:  # fmt: skip
    """An alarm of a rule that holds now."""
    return SensorAlarm(
        device_id=device.id, rule=rule.code, severity=rule.severity, subject=rule.per, began_at=since, raised_at=at,
        over_at=None, facts=dict(names), readings=[], lon=lon, lat=lat,
        outcome=WAITING if rule.case is not None else NOTED, held_until=None, reason="", remedy="", case_id=None,
        over_told=True,
    )  # fmt: skip


def device_names(device: SensorDevice) -> dict[str, Any]:
    """``device`` of expressions."""
    return {
        "code": device.code, "kind": device.kind, "name": device.name, "vehicle": device.vehicle,
        "department": device.department_code, "address": device.address, "parameters": device.parameters,
    }  # fmt: skip


def minutes_since(moment: str, at: datetime) -> float:
    """Minutes from an ISO moment."""
    return round((at - datetime.fromisoformat(moment)).total_seconds() / 60, 2)
