"""Who may handle a case: two different officers, with certificates that hold, neither in conflict with the party."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import OperatorRefused
from engine.models import RegisterEntry
from engine.workflow.step import Step

OFFICERS = "penalty_officers"
LEAST = 2
"""行政处罚法（2021）第四十二条（found）."""


def today_of(step: Step) -> date:
    """The day of a step in the city."""
    return step.now.astimezone(step.host.city.time_zone).date()


def in_conflict(entry: RegisterEntry, party: str) -> bool:
    """Whether an officer has declared an interest in the party: one name a line, or between commas."""
    declared = str(entry.values.get("conflicts") or "")
    for sign in "，,;；、":
        declared = declared.replace(sign, "\n")
    names = {name.strip() for name in declared.splitlines() if name.strip()}
    return bool(party.strip()) and party.strip() in names


def holds(entry: RegisterEntry, day: date) -> bool:
    """Whether the certificate is valid on a day."""
    return entry.gone_at is None and str(entry.values.get("valid_until") or "") >= day.isoformat()


def valid_officers(session: Session, day: date) -> list[RegisterEntry]:
    """Officers with certificates valid on a day, by certificate number."""
    query = select(RegisterEntry).where(RegisterEntry.register == OFFICERS, RegisterEntry.gone_at.is_(None))
    return [each for each in session.scalars(query.order_by(RegisterEntry.key)) if holds(each, day)]


def officer_choices(step: Step, party: str = "") -> dict[str, Any]:
    """Officers who may handle a case of this party today, as choices of a form; those of its lead department first.

    Result ``{choices, proposed}``; a choice is ``{value, label}``, the value a certificate number. Proposed are two:
    those the case has already, else the first; none twice, fewer where there are no more.
    """
    step.flush()
    host: Any = step.host
    names = {unit.code: unit.name for unit in host.directory.units.values()}
    fit = [each for each in valid_officers(step.session, today_of(step)) if not in_conflict(each, str(party or ""))]
    fit.sort(key=lambda each: (each.values.get("department") != step.case.lead_department, each.key))
    choices = [
        {"value": each.key, "label": f"{each.title}（{each.key}，{names.get(each.values.get('department'), '')}）"}
        for each in fit
    ]
    known = {each.key for each in fit}
    before = [str(number) for number in step.variables.get("officers") or () if str(number) in known]
    proposed = list(dict.fromkeys([*before, *(each.key for each in fit)]))[:LEAST]
    return {"choices": choices, "proposed": proposed}


def check_officers(step: Step, officers: Sequence[str], party: str = "") -> dict[str, Any]:
    """Two different officers, both certificates valid today, neither in conflict with the party (第四十二、四十三条).

    Result ``{names}``, a text. Refused naming the officer and what is wrong.
    """
    numbers = [str(each).strip() for each in officers or () if str(each or "").strip()]
    if len(set(numbers)) < LEAST:
        given = "、".join(numbers) or "nobody"
        raise OperatorRefused(
            f"two different officers are needed (行政处罚法第四十二条), named is {given}; choose two certificates of "
            f"register {OFFICERS}",
            field="officer_2",
        )
    step.flush()
    day, names = today_of(step), []
    for position, number in enumerate(dict.fromkeys(numbers), 1):
        entry = step.session.scalar(
            select(RegisterEntry).where(RegisterEntry.register == OFFICERS, RegisterEntry.key == number)
        )
        fault = _fault(entry, number, day, str(party or ""))
        if fault:
            raise OperatorRefused(fault, field=f"officer_{position}")
        assert entry is not None
        names.append(f"{entry.title}（{entry.key}）")
    return {"names": "、".join(names)}


def _fault(entry: RegisterEntry | None, number: str, day: date, party: str) -> str:
    if entry is None:
        return f"there is no officer with certificate {number}; enter the certificate in the register {OFFICERS}"
    if entry.gone_at is not None:
        return f"{entry.title} ({number}) is struck off the register of officers; choose another officer"
    if not holds(entry, day):
        until = entry.values.get("valid_until")
        return f"the certificate {number} of {entry.title} was valid until {until}; renew it or choose another officer"
    if in_conflict(entry, party):
        return (
            f"{entry.title} ({number}) declared an interest in {party} and must withdraw (第四十三条); choose another"
        )
    return ""


def officer_names(session: Session, officers: Sequence[str]) -> set[str]:
    """Names and certificate numbers of officers."""
    numbers = [str(each) for each in officers or ()]
    rows = session.scalars(
        select(RegisterEntry).where(RegisterEntry.register == OFFICERS, RegisterEntry.key.in_(numbers))
    )
    return {*numbers, *(row.title for row in rows)}
