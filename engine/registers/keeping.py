"""Keep a register: add, change, strike off and take up again. Every change leaves its line of history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import Conflict, Invalid, NotFound
from engine.models import Department, RegisterChange, RegisterEntry
from engine.registers.declaring import Register
from engine.registers.values import settle

PLACE = ("lon", "lat")


@dataclass(frozen=True)
class Hand:
    """Who changes a register, when and why; ``case_id`` when a process does."""

    now: datetime
    person_id: int | None = None
    case_id: int | None = None
    reason: str = ""


def find_entry(session: Session, register: Register, key: str) -> RegisterEntry:
    """An entry by its key, gone ones included. Raises NotFound."""
    found = look_up(session, register.name, key)
    if found is None:
        raise NotFound(f"{register.name} has no entry {key!r}; look it up under its name")
    return found


def look_up(session: Session, register: str, key: str) -> RegisterEntry | None:
    """An entry by its key, none when there is no such."""
    return session.scalar(select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.key == key))


def add_entry(session: Session, register: Register, values: Mapping[str, Any], hand: Hand) -> RegisterEntry:
    """A new entry, flushed. Raises Invalid naming the columns at fault, Conflict when the key is taken."""
    kept = checked(session, register, values)
    key = str(kept[register.key])
    known = look_up(session, register.name, key)
    if known is not None:
        gone = " (struck off; take it up again)" if known.gone_at else ""
        raise Conflict(f"{register.name} has an entry {key!r} already{gone}", field=register.key)
    entry = RegisterEntry(
        register=register.name, key=key, title=_title(register, kept), values=_without_place(kept), lon=kept.get("lon"),
        lat=kept.get("lat"), gone_at=None, created_at=hand.now, changed_at=hand.now,
    )  # fmt: skip
    session.add(entry)
    session.flush()
    _note(session, entry, hand, "added", {}, {name: value for name, value in kept.items() if value is not None})
    return entry


def change_entry(
    session: Session,
    register: Register,
    key: str,
    values: Mapping[str, Any],
    hand: Hand,
    *,
    seen_version: int | None = None,
) -> RegisterEntry:
    """Change the columns given, flushed; nothing is noted when nothing changes.

    :raises Invalid: columns at fault, or another key: an entry keeps its key for good.
    :raises Conflict: somebody changed it since ``seen_version``, or it is struck off.
    """
    entry = find_entry(session, register, key)
    if entry.gone_at is not None:
        raise Conflict(f"{register.name} {key} is struck off since {entry.gone_at:%Y-%m-%d}; take it up again first")
    if seen_version is not None and seen_version != entry.version:
        raise Conflict(f"{register.name} {key} was changed meanwhile; look at it again and repeat your change")
    kept = checked(session, register, values, partial=True)
    if str(kept.get(register.key, key)) != key:
        raise Invalid(f"{register.key} of an entry never changes; add a new entry", field=register.key)
    return _apply(session, register, entry, kept, hand, "changed")


def _apply(
    session: Session, register: Register, entry: RegisterEntry, kept: Mapping[str, Any], hand: Hand, kind: str
) -> RegisterEntry:
    now_kept = {**entry.values, "lon": entry.lon, "lat": entry.lat}
    changed = {name: value for name, value in kept.items() if now_kept.get(name) != value}
    if not changed:
        return entry
    before = {name: now_kept.get(name) for name in changed}
    entry.values = {**entry.values, **_without_place(changed)}
    entry.lon, entry.lat = changed.get("lon", entry.lon), changed.get("lat", entry.lat)
    entry.title, entry.changed_at = _title(register, entry.values), hand.now
    session.flush()
    _note(session, entry, hand, kind, before, changed)
    return entry


def put_entry(session: Session, register: Register, values: Mapping[str, Any], hand: Hand) -> tuple[RegisterEntry, str]:
    """Add an entry, or bring one in line with all the values given; the same again changes nothing.

    Returns it and ``added``, ``changed`` or ``same``. One that was struck off is taken up again.
    """
    key = str(values.get(register.key) or "").strip()
    known = look_up(session, register.name, key) if key else None
    if known is None:
        return add_entry(session, register, values, hand), "added"
    kept = checked(session, register, values, partial=True)
    before = known.version
    if known.gone_at is not None:
        restore_entry(session, register, key, hand)
    _apply(session, register, known, kept, hand, "changed")
    return known, "same" if known.version == before else "changed"


def strike_entry(session: Session, register: Register, key: str, hand: Hand) -> RegisterEntry:
    """Strike an entry off, flushed: it stays with its history and leaves lists and map. Invalid without reason."""
    if not hand.reason.strip():
        raise Invalid("say why it is struck off", field="reason")
    entry = find_entry(session, register, key)
    if entry.gone_at is None:
        entry.gone_at = entry.changed_at = hand.now
        session.flush()
        _note(session, entry, hand, "struck", {}, {})
    return entry


def restore_entry(session: Session, register: Register, key: str, hand: Hand) -> RegisterEntry:
    """Take an entry up again that was struck off, flushed."""
    entry = find_entry(session, register, key)
    if entry.gone_at is not None:
        entry.gone_at, entry.changed_at = None, hand.now
        session.flush()
        _note(session, entry, hand, "restored", {}, {})
    return entry


def checked(
    session: Session, register: Register, values: Mapping[str, Any], *, partial: bool = False
) -> dict[str, Any]:
    """The values as they are kept. Raises Invalid."""

    def has_department(code: str) -> bool:
        return session.get(Department, code) is not None

    def has_entry(other: str, key: str) -> bool:
        return look_up(session, other, key) is not None

    return settle(register, values, departments=has_department, entries=has_entry, partial=partial)


def _title(register: Register, values: Mapping[str, Any]) -> str:
    return str(values.get(register.title) or values.get(register.key) or "")


def _without_place(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in PLACE}


def _note(
    session: Session, entry: RegisterEntry, hand: Hand, kind: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    session.add(
        RegisterChange(
            entry_id=entry.id,
            at=hand.now,
            kind=kind,
            person_id=hand.person_id,
            case_id=hand.case_id,
            before=dict(before),
            after=dict(after),
            reason=hand.reason,
        )
    )
    session.flush()
