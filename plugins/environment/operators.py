"""What service tasks call: what a case was opened with, what the registers say about a night's work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select

from engine.errors import OperatorRefused
from engine.models import RegisterEntry
from engine.workflow.step import Step

CERTIFICATES, QUIET = "environment_night_certificates", "environment_quiet_periods"
VALID, UNPOSTED, EXPIRED, NONE = "valid", "unposted", "expired", "none"
"""States of a certificate, best first."""


def recall(step: Step, names: str) -> dict[str, Any]:
    """What the case was opened with, by name; none for what nobody said: a case opened beside another knows less.

    ``names`` are words with blanks between. Result: a value for each.
    """
    return {name: step.variables.get(name) for name in str(names).split()}


def look_up_night(step: Step, site: str | None, at: str) -> dict[str, Any]:
    """Whether a moment lies in the night or a quiet period, and the site's best certificate for it.

    The night is that of the settings (噪声污染防治法（2021）第八十八条). Result ``{night, quiet_period, certificate,
    state}``: a truth, a name or an empty text, a number or an empty text, and one of valid, unposted, expired, none.
    """
    moment = datetime.fromisoformat(str(at)).astimezone(step.host.city.time_zone)
    settings = step.facts["settings"]["environment"]
    begin, end = time.fromisoformat(settings["night_start"]), time.fromisoformat(settings["night_end"])
    night = in_night(moment.time(), begin, end)
    day = moment.date() - timedelta(days=1) if night and moment.time() < end <= begin else moment.date()
    number, state = _best_certificate(step, str(site or ""), day)
    quiet = next((each["name"] for each in _entries(step, QUIET) if _is_quiet(each, moment)), "")
    return {"night": night, "quiet_period": quiet, "certificate": number, "state": state}


def look_up_days(step: Step, from_day: str, to_day: str) -> dict[str, Any]:
    """The first quiet period that touches these days. Result ``{quiet_period}``, empty when there is none.

    Refused when the last day lies before the first.
    """
    first, last = date.fromisoformat(str(from_day)[:10]), date.fromisoformat(str(to_day)[:10])
    if last < first:
        raise OperatorRefused(f"the last day {last} lies before the first {first}; correct the dates", field="to_day")
    touching = (
        each["name"]
        for each in _entries(step, QUIET)
        if date.fromisoformat(each["from_day"]) <= last and first <= date.fromisoformat(each["to_day"])
    )
    return {"quiet_period": next(touching, "")}


def in_night(at: time, begin: time, end: time) -> bool:
    """Whether a time of day lies in a night that may go over midnight; the end is no longer night."""
    return begin <= at < end if begin <= end else at >= begin or at < end


def _best_certificate(step: Step, site: str, day: date) -> tuple[str, str]:
    """Number and state of the best certificate a site has for a day; a night belongs to the day it began."""
    found = [
        (_state(each, day), str(each["code"])) for each in _entries(step, CERTIFICATES) if site and each["site"] == site
    ]
    order = (VALID, UNPOSTED, EXPIRED)
    state, number = min(found, key=lambda pair: (order.index(pair[0]), pair[1]), default=(NONE, ""))
    return number, state


def _state(entry: Mapping[str, Any], day: date) -> str:
    within = date.fromisoformat(entry["valid_from"]) <= day <= date.fromisoformat(entry["valid_to"])
    if not within or entry.get("status") in ("expired", "revoked"):
        return EXPIRED
    return VALID if entry.get("posted") else UNPOSTED


def _is_quiet(entry: Mapping[str, Any], moment: datetime) -> bool:
    begin = time.fromisoformat(entry.get("from_time") or "00:00")
    end = time.fromisoformat(entry.get("to_time") or "00:00")
    all_day = not entry.get("from_time") and not entry.get("to_time")
    over_midnight = end < begin and moment.time() < end
    day = moment.date() - timedelta(days=1) if over_midnight else moment.date()
    within = date.fromisoformat(entry["from_day"]) <= day <= date.fromisoformat(entry["to_day"])
    return within and (all_day or in_night(moment.time(), begin, end))


def _entries(step: Step, register: str) -> Iterator[Mapping[str, Any]]:
    step.flush()
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    for row in step.session.scalars(query.order_by(RegisterEntry.key)):
        yield {"site": None, **row.values}
