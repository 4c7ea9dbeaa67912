"""Find entries: by words, by what they hold, in a box, by a date that is near."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.models import RegisterChange, RegisterEntry
from engine.registers.declaring import Column, Register

MOST = 200


@dataclass(frozen=True)
class Wanted:
    """What is looked for. ``filters`` by column; ``q`` in key, title and texts; ``gone``: what is struck off, too."""

    q: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    gone: bool = False


def list_entries(
    session: Session, register: Register, wanted: Wanted, *, after: str = "", most: int = 50
) -> tuple[list[RegisterEntry], str]:
    """Entries by key, and the key to go on after (empty at the end). Raises Invalid for an unknown filter."""
    query = (
        select(RegisterEntry)
        .where(*_conditions(register, wanted), RegisterEntry.key > after)
        .order_by(RegisterEntry.key)
        .limit(min(most, MOST) + 1)
    )
    rows = list(session.scalars(query))
    shown = rows[: min(most, MOST)]
    return shown, shown[-1].key if len(rows) > len(shown) else ""


def count_entries(session: Session, register: Register, wanted: Wanted) -> int:
    """How many there are."""
    return session.scalar(select(func.count()).select_from(RegisterEntry).where(*_conditions(register, wanted))) or 0


def count_by(session: Session, register: Register, column: str) -> dict[str, int]:
    """How many entries hold each value of a column, most first; struck off ones are left out."""
    value = _value(register, column)
    rows = session.execute(
        select(value, func.count())
        .where(RegisterEntry.register == register.name, RegisterEntry.gone_at.is_(None))
        .group_by(value)
        .order_by(func.count().desc())
    )
    return {str(name or ""): count for name, count in rows}


def due_soon(session: Session, register: Register, today: date) -> list[tuple[RegisterEntry, Column, date]]:
    """Entries with a date that has passed or comes within its ``warn_days``, the nearest first."""
    found = []
    for column in register.columns.values():
        if column.type != "date" or column.warn_days is None:
            continue
        value = _value(register, column.name)
        until = (today + timedelta(days=column.warn_days)).isoformat()
        rows = session.scalars(
            select(RegisterEntry).where(
                RegisterEntry.register == register.name, RegisterEntry.gone_at.is_(None), value <= until
            )
        )
        found += [(row, column, date.fromisoformat(row.values[column.name])) for row in rows]
    return sorted(found, key=lambda each: (each[2], each[0].key))


def history_of(session: Session, entry: RegisterEntry) -> Sequence[RegisterChange]:
    """Its changes, the newest first."""
    query = select(RegisterChange).where(RegisterChange.entry_id == entry.id).order_by(RegisterChange.id.desc())
    return session.scalars(query).all()


def features_of(rows: Iterable[RegisterEntry], register: Register) -> list[dict[str, Any]]:
    """GeoJSON features of entries that have a place."""
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": {
                "register": register.name,
                "key": row.key,
                "title": row.title,
                **public_values(row, register),
            },
        }
        for row in rows
        if row.lon is not None and row.lat is not None
    ]


def public_values(row: RegisterEntry, register: Register, *, writer: bool = False) -> dict[str, Any]:
    """An entry's values by column; private ones for writers only."""
    return {name: row.values.get(name) for name, column in register.columns.items() if writer or not column.private}


def _conditions(register: Register, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [RegisterEntry.register == register.name]
    if not wanted.gone:
        found.append(RegisterEntry.gone_at.is_(None))
    for word in wanted.q.split():
        texts = [RegisterEntry.key, RegisterEntry.title]
        texts += [
            RegisterEntry.values[name].as_string()
            for name, column in register.columns.items()
            if column.type in ("text", "long_text") and not column.private
        ]
        found.append(or_(*(text.icontains(word, autoescape=True) for text in texts)))
    for name, value in wanted.filters.items():
        found.append(_value(register, name) == value)
    if wanted.box:
        west, south, east, north = wanted.box
        found += [RegisterEntry.lon.between(west, east), RegisterEntry.lat.between(south, north)]
    return found


def _value(register: Register, name: str) -> ColumnElement[Any]:
    if name not in register.columns:
        raise Invalid(f"{register.name} has no column {name!r}; it has {', '.join(register.columns)}", field=name)
    value: ColumnElement[Any] = RegisterEntry.values[name].as_string()
    return value
