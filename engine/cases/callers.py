"""Who calls: what a telephone number has reported before, with the number masked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from engine.cases.access import require, visible
from engine.errors import Invalid
from engine.models import Case
from engine.organisation.actor import Actor
from engine.platform import Platform

READ_CALLERS = "caller.read"
LEAST_DIGITS = 7
"""Fewer digits are no number somebody can be called at; nobody finds callers by trying beginnings."""

SHOWN = 10
BACK = timedelta(days=365)
_LOOSE = re.compile(r"[\s\-‐-―()（）.]")


@dataclass(frozen=True)
class Caller:
    """What a number has reported within a year, newest first; ``phone`` is masked, ``names`` as they were given."""

    phone: str
    names: tuple[str, ...]
    cases: tuple[Case, ...]
    more: bool


def plain_phone(typed: str) -> str:
    """A number as it is stored: without blanks, dashes and brackets, whatever the width of its digits."""
    return _LOOSE.sub("", typed.translate(_WIDE))


_WIDE = {ord("０") + digit: str(digit) for digit in range(10)} | {ord("＋"): "+", ord("－"): "-"}


def masked(phone: str) -> str:
    """``13812345678`` as ``138****5678``; short numbers keep their last two digits."""
    if len(phone) >= 11:
        return f"{phone[:-8]}****{phone[-4:]}"
    return "*" * max(len(phone) - 2, 0) + phone[-2:]


def caller_of(session: Session, platform: Platform, actor: Actor, phone: str, now: datetime) -> Caller:
    """What a number has reported within a year, as far as the actor may see it.

    :raises NotAllowed: without the permission ``caller.read``.
    :raises Invalid: the number has fewer than ``LEAST_DIGITS`` digits.
    """
    require(actor, READ_CALLERS, "read what a caller has reported")
    number = plain_phone(phone)
    if sum(letter.isdigit() for letter in number) < LEAST_DIGITS:
        message = f"a caller is found by the whole number; type at least {LEAST_DIGITS} digits"
        raise Invalid(message, field="phone")
    asked = (
        select(Case)
        .where(
            # The second condition says nothing new; with it the index of given numbers can answer.
            Case.reporter_phone == number,
            Case.reporter_phone != literal_column("''"),
            Case.reported_at >= now - BACK,
            visible(actor, platform.host.directory),
        )
        .order_by(Case.reported_at.desc(), Case.id.desc())
        .limit(SHOWN + 1)
    )
    rows: Sequence[Case] = session.scalars(asked).all()
    names = tuple(dict.fromkeys(case.reporter_name for case in rows if case.reporter_name))
    return Caller(masked(number), names, tuple(rows[:SHOWN]), len(rows) > SHOWN)
