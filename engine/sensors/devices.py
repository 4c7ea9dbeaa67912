"""The register of devices: added, changed, retired; in and out as CSV. Whoever changes it needs ``sensor.manage``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write, dumps
from engine.errors import CityBroken, Conflict, Invalid, NotFound
from engine.loading.tables import Rejection, read_csv
from engine.models import Component, Department, SensorDevice, SensorState
from engine.sensors.keys import new_key
from engine.sensors.kinds import Kind, read_degrees
from engine.sensors.reading_messages import ACTIVE, STATES
from engine.sensors.readings import Unreadable
from engine.sensors.taking import new_state

READ, MANAGE = "sensor.read", "sensor.manage"
COLUMNS = (
    "code", "kind", "name", "name_en", "state", "lon", "lat", "address", "vehicle", "component_code",
    "department_code", "parameters",
)  # fmt: skip
NEEDED = ("code", "kind", "name")
CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
"""A code is one level of an MQTT topic and one part of an address."""
RESERVED = frozenset({"alarms", "fences", "health", "kinds", "refused"})
"""Words that stand where a code stands in addresses of the API."""
TEXTS = {"name": 200, "name_en": 200, "address": 500, "vehicle": 40}
PARAMETERS_LIMIT = 10_000


@dataclass
class ImportedDevices:
    """What an import did."""

    added: int = 0
    changed: int = 0
    same: int = 0
    rejected: list[Rejection] = field(default_factory=list)


def find_device(session: Session, code: str) -> SensorDevice:
    """A device by code. Raises NotFound."""
    device = session.scalar(select(SensorDevice).where(SensorDevice.code == code))
    if device is None:
        raise NotFound(f"there is no device {code}; list them at /api/v1/sensors")
    return device


def list_devices(
    session: Session, *, kind: str | None = None, state: str | None = None, department: str | None = None,
    silent: bool | None = None, text: str = "", after: str = "", most: int,
) -> Sequence[tuple[SensorDevice, SensorState | None]]:  # fmt: skip
    """Devices with a code above ``after``, by code, each with what it said last."""
    query = (
        select(SensorDevice, SensorState)
        .outerjoin(SensorState, SensorState.device_id == SensorDevice.id)
        .where(SensorDevice.code > after)
        .order_by(SensorDevice.code)
        .limit(most)
    )
    for column, value in (
        (SensorDevice.kind, kind), (SensorDevice.state, state), (SensorDevice.department_code, department),
    ):  # fmt: skip
        if value:
            query = query.where(column == value)
    if silent is not None:
        query = query.where(SensorState.silent_since.is_not(None) if silent else SensorState.silent_since.is_(None))
    if text:
        wanted = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        query = query.where(
            SensorDevice.code.ilike(wanted, escape="\\") | SensorDevice.name.ilike(wanted, escape="\\")
            | SensorDevice.vehicle.ilike(wanted, escape="\\") | SensorDevice.address.ilike(wanted, escape="\\")
        )  # fmt: skip
    return [(device, state_) for device, state_ in session.execute(query)]


def add_device(
    session: Session, kinds: Mapping[str, Kind], values: Mapping[str, Any], now: datetime, *, demo: bool = False
) -> tuple[SensorDevice, str]:
    """Register a device; commits. Returns it with its token, which nobody can read again. Raises Invalid, Conflict."""
    begin_write(session)
    row = checked_device(session, kinds, {"state": ACTIVE, **values})
    if session.scalar(select(SensorDevice.id).where(SensorDevice.code == row["code"])) is not None:
        raise Conflict(f"device {row['code']} is registered already; change it instead")
    device = _add(session, kinds, row, now, demo=demo)
    token = new_key(device)
    session.commit()
    return device, token


def change_device(
    session: Session, kinds: Mapping[str, Kind], code: str, values: Mapping[str, Any], now: datetime
) -> SensorDevice:
    """Change what ``values`` names; commits. Raises Invalid, NotFound."""
    begin_write(session)
    device = find_device(session, code)
    if "code" in values and values["code"] != code:
        raise Invalid("the code of a device stays; register another device", field="code")
    before = {column: getattr(device, column) for column in COLUMNS}
    _change(session, kinds, device, checked_device(session, kinds, {**before, **values}), now)
    session.commit()
    return device


def issue_key(session: Session, code: str, now: datetime) -> str:
    """A new token for a device; the old one ends at once; commits."""
    begin_write(session)
    device = find_device(session, code)
    token = new_key(device)
    device.changed_at = now
    session.commit()
    return token


def _add(
    session: Session, kinds: Mapping[str, Kind], row: Mapping[str, Any], now: datetime, *, demo: bool
) -> SensorDevice:
    device = SensorDevice(**row, token_digest=None, signing_key=None, demo=demo, created_at=now, changed_at=now)
    session.add(device)
    session.flush()
    due = now + timedelta(seconds=kinds[device.kind].silent_after_s) if device.state == ACTIVE else None
    session.add(new_state(device.id, due))
    return device


def _change(
    session: Session, kinds: Mapping[str, Kind], device: SensorDevice, row: Mapping[str, Any], now: datetime
) -> None:
    state = session.get(SensorState, device.id, with_for_update=True)
    if state is not None and (row["state"] != device.state or row["kind"] != device.kind):
        # Whoever comes back is given its time to speak; whoever leaves is not missed.
        silent_after = timedelta(seconds=kinds[row["kind"]].silent_after_s)
        state.due_at = now + silent_after if row["state"] == ACTIVE else None
        state.silent_since = None
    for column in COLUMNS:
        setattr(device, column, row[column])
    device.changed_at = now


def checked_device(session: Session, kinds: Mapping[str, Kind], values: Mapping[str, Any]) -> dict[str, Any]:
    """A whole row. Raises Invalid naming the field."""
    wrong = sorted(values.keys() - set(COLUMNS))
    if wrong:
        raise Invalid(f"a device has no {wrong[0]}; it has {', '.join(COLUMNS)}", field=wrong[0])
    row: dict[str, Any] = {"code": str(values.get("code") or ""), "kind": str(values.get("kind") or "")}
    if not CODE.fullmatch(row["code"]) or row["code"] in RESERVED:
        message = f"code {row['code'][:80]!r} does not hold; use up to 64 letters, digits and . _ : -"
        raise Invalid(message, field="code")
    if row["kind"] not in kinds:
        known = ", ".join(kinds) or "none"
        raise Invalid(
            f"there is no kind {row['kind']!r}; declare it in sensors/kinds.toml or use {known}", field="kind"
        )
    for name, limit in TEXTS.items():
        row[name] = str(values.get(name) or "").strip()
        if len(row[name]) > limit:
            raise Invalid(f"{name} has more than {limit} characters; shorten it", field=name)
    if not row["name"]:
        raise Invalid("a device has a name; give it one", field="name")
    row["state"] = str(values.get("state") or ACTIVE)
    if row["state"] not in STATES:
        raise Invalid(f"state {row['state']!r} is unknown; use one of {', '.join(STATES)}", field="state")
    try:
        row["lon"], row["lat"] = read_degrees(values.get("lon"), values.get("lat"))
    except Unreadable as error:
        raise Invalid(str(error), field="lon") from error
    row["component_code"] = _reference(session, Component, values, "component_code", "component")
    row["department_code"] = _reference(session, Department, values, "department_code", "department")
    row["parameters"] = _parameters(values.get("parameters"))
    return row


def _reference(session: Session, table: type[Any], values: Mapping[str, Any], field_: str, noun: str) -> str | None:
    code = str(values.get(field_) or "") or None
    if code is not None and session.get(table, code) is None:
        raise Invalid(f"there is no {noun} {code}; correct it or leave it empty", field=field_)
    return code


def _parameters(given: Any) -> dict[str, Any]:
    parameters = {} if given is None else given
    if not isinstance(parameters, Mapping):
        raise Invalid('parameters are a JSON object; write them as in {"pm10_limit": 120}', field="parameters")
    fences = parameters.get("fences", {})
    if not isinstance(fences, Mapping) or not all(
        isinstance(each, str) or (isinstance(each, list) and all(isinstance(code, str) for code in each))
        for each in fences.values()
    ):
        raise Invalid(
            'parameters.fences name fences by a word; write it as in {"fences": {"route": "R-17"}}', field="parameters"
        )
    if len(dumps(dict(parameters))) > PARAMETERS_LIMIT:
        raise Invalid(f"parameters have more than {PARAMETERS_LIMIT} characters; shorten them", field="parameters")
    return dict(parameters)


# Files ----------------------------------------------------------------------------------------------------------


def import_devices(
    session: Session, kinds: Mapping[str, Kind], path: Path, now: datetime, *, demo: bool = False
) -> ImportedDevices:
    """Take a CSV of devices: new ones are added, known ones become as the file says, others stay. The caller commits.

    The same file again changes nothing. Rows that do not hold are told and left out. Keys are issued afterwards.
    """
    done = ImportedDevices()
    for line, values in read_csv(path, NEEDED):
        try:
            row = checked_device(session, kinds, _from_text(values))
        except Invalid as error:
            reason, _, remedy = error.message.rpartition("; ")
            done.rejected.append(Rejection(path.name, line, reason or error.message, remedy or "correct it"))
            continue
        device = session.scalar(select(SensorDevice).where(SensorDevice.code == row["code"]))
        if device is None:
            _add(session, kinds, row, now, demo=demo)
            done.added += 1
        elif {column: getattr(device, column) for column in COLUMNS} == row:
            done.same += 1
        else:
            _change(session, kinds, device, row, now)
            done.changed += 1
    session.flush()
    return done


def _from_text(values: Mapping[str, str]) -> dict[str, Any]:
    """A row of a CSV as values. Raises Invalid."""
    row: dict[str, Any] = {name: text or None for name, text in values.items() if name in COLUMNS}
    unknown = sorted(name for name, text in values.items() if name not in COLUMNS and text)
    if unknown:
        raise Invalid(f"a device has no {unknown[0]}; it has {', '.join(COLUMNS)}", field=unknown[0])
    if row.get("parameters"):
        try:
            row["parameters"] = orjson.loads(str(row["parameters"]))
        except orjson.JSONDecodeError as error:
            raise Invalid(f"parameters are no JSON ({error}); correct them", field="parameters") from error
    return row


def export_devices(session: Session) -> Iterator[str]:
    """The register as lines of CSV; keys are in no file."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for device in session.scalars(select(SensorDevice).order_by(SensorDevice.code)):
        values = [getattr(device, column) for column in COLUMNS]
        values[-1] = dumps(device.parameters) if device.parameters else ""
        writer.writerow(["" if value is None else value for value in values])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def load_folder_devices(session: Session, kinds: Mapping[str, Kind], root: Path, now: datetime) -> list[Rejection]:
    """Take ``sensors/devices.csv`` of a city's folder when there is one. The caller commits."""
    path = root / "sensors" / "devices.csv"
    if not path.is_file():
        return []
    try:
        return import_devices(session, kinds, path, now).rejected
    except CityBroken as error:
        return [Rejection(path.name, 1, *error.message.rpartition("; ")[::2])]
