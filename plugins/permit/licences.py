"""Licences in the registers: entering one, changing it, and the department's own entry that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from engine.calendar import WorkCalendar, parse_limit
from engine.errors import Invalid
from engine.models import RegisterEntry
from engine.registers.declaring import Register
from engine.registers.keeping import Hand, change_entry, find_entry, look_up, put_entry

ITEMS, LICENCES = "permit_items", "permit_licences"
STATUS, MIRRORED_STATUS = "status", "licence_status"
SHARED = ("holder", "subject", "valid_to", "issued_on", "decision_no", "conditions")
"""Columns that a department's own entry has from its licence, where its register has them."""
Registers = Mapping[str, Register]


def end_of_term(start: date, months: int, calendar: WorkCalendar) -> date:
    """The last day of so many calendar months that begin on a day."""
    begin = datetime(start.year, start.month, start.day, tzinfo=calendar.zone)
    after = calendar.add(begin, parse_limit(f"{months} calendar_month")).astimezone(calendar.zone)
    return after.date() - timedelta(days=1)


def enter_result(
    session: Session, registers: Registers, name: str, licence: Mapping[str, Any], own: Mapping[str, Any], hand: Hand
) -> str:
    """Put a department's entry for a licence into its register. Returns the entry's key.

    What the register shares with a licence (holder, subject, dates, number, place) is filled in where ``own`` says
    nothing; without a key of its own the entry is called after the licence.

    :raises Invalid: there is no such register, or columns are at fault.
    """
    register = registers.get(name)
    if register is None:
        raise Invalid(
            f"the item enters results into {name!r}, which is no register; correct result_register in {ITEMS}",
            field="result_register",
        )
    given = {
        **{column: licence.get(column) for column in SHARED},
        "licence_no": licence["licence_no"], MIRRORED_STATUS: licence[STATUS], "department": licence.get("department"),
        "title": licence.get("subject"),
    }  # fmt: skip
    values = {column: value for column, value in given.items() if column in register.columns and value is not None}
    if register.place and licence.get("lon") is not None:
        values |= {"lon": licence["lon"], "lat": licence["lat"]}
    values |= {column: value for column, value in own.items() if value is not None}
    values.setdefault(register.key, licence["licence_no"])
    entry, _ = put_entry(session, register, values, hand)
    return entry.key


def set_licence(
    session: Session, registers: Registers, licence_no: str, values: Mapping[str, Any], hand: Hand
) -> RegisterEntry:
    """Change a licence, and the columns its department's own entry shares with it.

    :raises NotFound: there is no such licence. Conflict, Invalid: as registers do.
    """
    entry = change_entry(session, registers[LICENCES], licence_no, values, hand)
    register = registers.get(entry.values.get("entry_register") or "")
    key = entry.values.get("entry_key")
    own = look_up(session, register.name, key) if register is not None and key else None
    if register is not None and own is not None and own.gone_at is None:
        shared = {**values, MIRRORED_STATUS: values[STATUS]} if STATUS in values else dict(values)
        shared.pop(STATUS, None)
        mirrored = {name: value for name, value in shared.items() if name in register.columns}
        if mirrored:
            change_entry(session, register, own.key, mirrored, hand)
    return entry


def prolong(
    session: Session, registers: Registers, calendar: WorkCalendar, licence_no: str, months: int | None, hand: Hand
) -> date:
    """Prolong a licence from its last day on, by ``months`` or else as long as it was. Returns its new last day.

    :raises Invalid: it has no end, or no length can be told.
    """
    values = find_entry(session, registers[LICENCES], licence_no).values
    if not values.get("valid_to"):
        raise Invalid(f"licence {licence_no} has no end and needs no renewal", field="licence_no")
    ends = date.fromisoformat(values["valid_to"])
    if months:
        new = end_of_term(ends + timedelta(days=1), months, calendar)
    elif values.get("issued_on"):
        new = ends + (ends - date.fromisoformat(values["issued_on"]) + timedelta(days=1))
    else:
        raise Invalid(f"licence {licence_no} says neither when it was issued nor for how long; give valid_months")
    set_licence(
        session, registers, licence_no, {"valid_to": new.isoformat(), STATUS: "valid", "warned_for": None}, hand
    )
    return new
