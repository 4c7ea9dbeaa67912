"""Figures of a period, counted from the ledger; each names the cases behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from engine.hooks import Measured
from engine.models import RegisterEntry
from engine.platform import Platform
from engine.registers.declaring import Register
from plugins.penalty.ledger import LEDGER
from plugins.penalty.operators import PAY_WITHIN_DAYS
from plugins.penalty.reading import as_date, day_of, decided_between

Holds = Callable[[RegisterEntry], bool]


def in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterable[Measured]:
    """Of the ordinary procedure's decisions by department: those within 90 days."""
    rows = [each for each in decided_between(session, platform, start, end) if each.values["procedure"] == "ordinary"]
    return _shares(rows, lambda entry: entry.values.get("in_time") is True)


def annulled(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterable[Measured]:
    """Of the decisions by department: those annulled or changed by reconsideration or suit."""
    return _shares(
        decided_between(session, platform, start, end),
        lambda entry: (
            entry.values.get("annulled") is True or entry.values.get("remedy_result") in ("annulled", "changed")
        ),
    )


def paid_on_time(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterable[Measured]:
    """Of the fines by department that are paid or whose time is over: those paid within it (15 days, or as granted)."""
    today = day_of(platform, end)
    rows = [
        entry
        for entry in decided_between(session, platform, start, end)
        if (entry.values.get("amount") or 0) > 0
        and entry.values.get("served_on")
        and not entry.values.get("annulled")
        and (entry.values.get("paid") or _last_day(entry) < today.isoformat())
    ]
    return _shares(
        rows, lambda entry: bool(entry.values.get("paid_on")) and entry.values["paid_on"] <= _last_day(entry)
    )


def by_cause(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Penalties by kind of cause."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in decided_between(session, platform, start, end):
        if entry.values.get("decision") == "penalty":
            found[str(entry.values.get("cause_code") or "other")].append(entry.key)
    register: Register = platform.host.registers[LEDGER]
    names = {choice.value: choice.zh for choice in register.columns["cause_code"].choices}
    for code, keys in sorted(found.items(), key=lambda each: (-len(each[1]), each[0])):
        yield Measured(names.get(code, code), len(keys), 1.0, tuple(keys))


def fines(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Fines decided, by department, in yuan; annulled ones are left out."""
    sums: dict[str, float] = defaultdict(float)
    behind: dict[str, list[str]] = defaultdict(list)
    for entry in decided_between(session, platform, start, end):
        if entry.values.get("decision") == "penalty" and not entry.values.get("annulled"):
            department = str(entry.values.get("department") or "")
            sums[department] += float(entry.values.get("amount") or 0)
            behind[department].append(entry.key)
    for department in sorted(sums):
        yield Measured(department, round(sums[department], 2), 1.0, tuple(behind[department]))


def _shares(rows: Iterable[RegisterEntry], holds: Holds) -> Iterator[Measured]:
    good: dict[str, int] = defaultdict(int)
    behind: dict[str, list[str]] = defaultdict(list)
    for entry in rows:
        department = str(entry.values.get("department") or "")
        behind[department].append(entry.key)
        good[department] += holds(entry)
    for department in sorted(behind):
        yield Measured(department, good[department], len(behind[department]), tuple(behind[department]))


def _last_day(entry: RegisterEntry) -> str:
    granted, served = entry.values.get("pay_by"), as_date(entry.values.get("served_on"))
    if granted:
        return str(granted)
    return (served + timedelta(days=PAY_WITHIN_DAYS)).isoformat() if served else ""
