"""Versions of the ground: what it was, is and will be, folded from what each version changed.

The history is the truth; the tables of divisions, grids and roads are what it says of today, kept for joins and maps.
A version that comes into force between two others leaves the later one's own changes as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.errors import Invalid, NotFound
from engine.ground.feature import Feature
from engine.ground.layer_kinds import CORE, GroundLayer
from engine.models import GroundArea, GroundVersion

BATCH = 2_000
START = "start"
LOCK = 0x67726F75
"""``grou`` in ASCII: one change of the ground at a time on PostgreSQL."""


@dataclass(frozen=True)
class Change:
    """Who changes the ground, why and from which day on; ``sources`` maps a layer to (file, SHA-256)."""

    author: str
    reason: str
    name: str = ""
    valid_from: date | None = None
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Delta:
    """What a version does to one area; see ``GroundArea``."""

    layer: str
    code: str
    change: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    geometry: Any = None


# Which versions ----------------------------------------------------------------------------------------------


def list_versions(session: Session) -> Sequence[GroundVersion]:
    """All versions, in the order in which they take effect."""
    return session.scalars(select(GroundVersion).order_by(GroundVersion.effective_at, GroundVersion.number)).all()


def find_version(session: Session, number: int) -> GroundVersion:
    """A version. Raises NotFound naming those there are."""
    version = session.get(GroundVersion, number)
    if version is None:
        known = ", ".join(str(each.number) for each in list_versions(session)) or "none yet"
        raise NotFound(f"there is no version {number} of the ground; there are: {known}")
    return version


def lineage(session: Session, number: int) -> tuple[int, ...]:
    """The versions that make up a version: those before it, and itself. Raises NotFound."""
    version = find_version(session, number)
    upto = (version.effective_at, version.number)
    return tuple(each.number for each in list_versions(session) if (each.effective_at, each.number) <= upto)


def lineage_at(session: Session, moment: datetime) -> tuple[int, ...]:
    """The versions in force at a moment; before the first one took effect, the first."""
    numbers = [each.number for each in list_versions(session)]
    before = [each.number for each in list_versions(session) if each.effective_at <= moment]
    return tuple(before or numbers[:1])


def lineage_now(session: Session) -> tuple[int, ...]:
    """The versions that the present ground has taken up."""
    return tuple(each.number for each in list_versions(session) if each.applied_at is not None)


def effect_moment(session: Session, zone: ZoneInfo, valid_from: date | None, now: datetime) -> datetime:
    """When a version that is made now takes effect. Raises Invalid for a day that is over."""
    today = now.astimezone(zone).date()
    if valid_from is not None and valid_from < today:
        raise Invalid(
            f"{valid_from} is over, and what was in force then stays as it was; let the change hold from {today} on",
            field="valid_from",
        )
    if valid_from is not None and valid_from > today:
        return datetime.combine(valid_from, time(), zone).astimezone(UTC)
    latest = session.scalar(select(func.max(GroundVersion.effective_at)).where(GroundVersion.applied_at.is_not(None)))
    return max(now, latest) if latest is not None else now


def folder_digests(session: Session) -> dict[str, tuple[str, str]]:
    """File and SHA-256 that each layer took from the city's folder last."""
    query = select(GroundVersion.sources).order_by(GroundVersion.number)
    return {
        layer: (file, digest)
        for sources in session.scalars(query)
        for layer, (file, digest) in sources.items()
        if file.startswith("ground/")
    }


def settle_history(session: Session, zone: ZoneInfo, now: datetime) -> None:
    """Begin the history where there is none, and take up what has come into force; inside a transaction of the
    caller, which keeps other changes of the ground out until its end."""
    lock_ground(session)
    begin_history(session, zone, now)
    take_due(session, now)


# What they say -----------------------------------------------------------------------------------------------


def state_of(session: Session, layer: GroundLayer, numbers: Sequence[int]) -> dict[str, Feature]:
    """The areas of a layer after the versions ``numbers``, by code; a feature's number is 0."""
    properties: dict[str, dict[str, Any]] = {}
    contents: dict[str, bytes] = {}
    order = {number: at for at, number in enumerate(numbers)}
    columns = (GroundArea.version, GroundArea.code, GroundArea.change, GroundArea.properties, GroundArea.geometry)
    query = select(*columns).where(GroundArea.layer == layer.name, GroundArea.version.in_(numbers))
    rows = session.execute(query).all()
    for _, code, change, values, content in sorted(rows, key=lambda row: order[row.version]):
        if change == "gone":
            properties.pop(code, None)
            continue
        if change == "whole":
            properties[code] = {}
        elif code not in properties:
            continue  # a later version changes what an earlier one, made afterwards, took away
        properties[code].update(values)
        if content is not None:
            contents[code] = content
    codes = sorted(properties)
    shapes = shapely.from_wkb(np.array([contents[code] for code in codes], dtype=object))
    return {
        code: Feature(0, {name: properties[code].get(name) for name in layer.properties}, area)
        for code, area in zip(codes, shapes.tolist(), strict=True)
    }


def begin_history(session: Session, zone: ZoneInfo, now: datetime) -> bool:
    """Make what the tables hold version 1, when there is no version yet; the caller commits. Returns whether it did."""
    if session.scalar(select(GroundVersion.number).limit(1)) is not None:
        return False
    deltas = [
        Delta(layer.name, code, "whole", each.properties, each.geometry)
        for layer in CORE.values()
        for code, each in table_features(session, layer).items()
    ]
    if not deltas:
        return False
    version = GroundVersion(
        number=1, name=START, valid_from=now.astimezone(zone).date(), effective_at=now, made_at=now, author="",
        reason="what the database held when its versions began", sources={}, applied_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    _write_areas(session, version, deltas)
    return True


def table_features(session: Session, layer: GroundLayer) -> dict[str, Feature]:
    """What the present's own table of a layer holds, by code."""
    assert layer.model is not None
    table = layer.model.__table__
    rows = session.execute(select(table).order_by(table.c.code)).mappings()
    return {
        row["code"]: Feature(
            0, {name: row[column] for name, column in layer.columns.items()}, shape(json.loads(row["geometry"]))
        )
        for row in rows
    }


# A new version -----------------------------------------------------------------------------------------------


def begin_change(session: Session) -> None:
    """Begin the transaction of a change; a second one waits until this one has ended."""
    begin_write(session)
    lock_ground(session)


def lock_ground(session: Session) -> None:
    """Let other changes of the ground wait for the end of this transaction; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def record_version(
    session: Session, zone: ZoneInfo, change: Change, deltas: Sequence[Delta], effective_at: datetime, now: datetime
) -> GroundVersion:
    """Write a version, and the present's tables when it is in force at once; the caller commits."""
    newest = session.scalar(select(func.max(GroundVersion.number))) or 0
    in_force = effective_at <= max(now, _latest(session, now))
    version = GroundVersion(
        number=newest + 1, name=change.name or str(newest + 1), valid_from=effective_at.astimezone(zone).date(),
        effective_at=effective_at, made_at=now, author=change.author, reason=change.reason,
        sources={layer: list(source) for layer, source in change.sources.items()},
        applied_at=now if in_force else None,
    )  # fmt: skip
    session.add(version)
    session.flush()
    _write_areas(session, version, deltas)
    if in_force:
        _project(session, deltas)
    return version


def take_effect(session: Session, now: datetime) -> list[int]:
    """Let the present's tables follow the versions that have come into force; commits. Returns their numbers."""
    due = select(GroundVersion).where(GroundVersion.applied_at.is_(None), GroundVersion.effective_at <= now)
    if session.scalar(due.limit(1)) is None:
        return []
    begin_change(session)
    taken = take_due(session, now)
    session.commit()
    return taken


def take_due(session: Session, now: datetime) -> list[int]:
    """As ``take_effect``, inside a transaction of the caller."""
    due = select(GroundVersion).where(GroundVersion.applied_at.is_(None), GroundVersion.effective_at <= now)
    taken: list[int] = []
    for version in session.scalars(due.order_by(GroundVersion.effective_at, GroundVersion.number)).all():
        _project(session, deltas_of(session, version.number))
        version.applied_at = now
        taken.append(version.number)
    return taken


def deltas_of(session: Session, number: int) -> list[Delta]:
    """What a version changes, by layer and code."""
    query = select(GroundArea).where(GroundArea.version == number).order_by(GroundArea.layer, GroundArea.code)
    return [
        Delta(
            row.layer, row.code, row.change, row.properties,
            None if row.geometry is None else shapely.from_wkb(row.geometry),
        )
        for row in session.scalars(query)
    ]  # fmt: skip


def _latest(session: Session, now: datetime) -> datetime:
    found = select(func.max(GroundVersion.effective_at)).where(GroundVersion.applied_at.is_not(None))
    return session.scalar(found) or now


def _write_areas(session: Session, version: GroundVersion, deltas: Iterable[Delta]) -> None:
    rows = (
        {
            "layer": each.layer, "code": each.code, "version": version.number, "change": each.change,
            "properties": dict(each.properties),
            "geometry": None if each.geometry is None else shapely.to_wkb(each.geometry),
        }
        for each in deltas
    )  # fmt: skip
    for batch in _batches(rows):
        session.execute(insert(GroundArea), batch)


def _project(session: Session, deltas: Sequence[Delta]) -> None:
    """Changes into the tables of divisions, grids and roads."""
    for layer in CORE.values():
        assert layer.model is not None
        mine = [each for each in deltas if each.layer == layer.name]
        codes = layer.model.__table__.c.code
        for gone in _batches(each.code for each in mine if each.change in ("gone", "whole")):
            session.execute(delete(layer.model).where(codes.in_(gone)))
        for whole in _batches(_row(layer, each) for each in mine if each.change == "whole"):
            session.execute(insert(layer.model), whole)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for each in mine:
            if each.change == "part" and (row := _row(layer, each)):
                by_columns.setdefault(tuple(sorted(row)), []).append({**row, "of_code": each.code})
        for columns, rows in by_columns.items():
            values: dict[str, Any] = {column: bindparam(column) for column in columns}
            # Through the connection: an area that another version took away meanwhile is passed over.
            changed = update(layer.model).where(codes == bindparam("of_code")).values(values)
            session.connection().execute(changed, rows)


def _row(layer: GroundLayer, delta: Delta) -> dict[str, Any]:
    """The columns that a change sets."""
    row = {layer.columns[name]: value for name, value in delta.properties.items() if name in layer.columns}
    if delta.change == "whole":
        row = dict.fromkeys(layer.columns.values()) | row
    if row.get("name_en", "-") is None:
        row["name_en"] = row.get("name") or delta.code
    if delta.geometry is not None:
        row["geometry"] = json.dumps(mapping(delta.geometry))
    return row


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
