"""When a timer is due: its text read as an analyst wrote it, measured by the working calendar or a case clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from engine.calendar import Limit, LimitError, WorkCalendar, parse_limit

OF_LIMIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*of\s+limit\s*$")


class TimerUnreadable(ValueError):
    """The timer's text is none of the forms of docs/reference/diagrams.md."""


@dataclass(frozen=True)
class TimerText:
    """A parsed timer: exactly one of ``share`` (of a limit, 1 = all of it), ``limit`` and ``moment`` is set."""

    share: float | None = None
    limit: Limit | None = None
    moment: datetime | None = None


def parse_timer(text: str, calendar: WorkCalendar) -> TimerText:
    """Read ``80 % of limit``, ``10 work_day`` or an ISO date or moment (local time unless it has an offset)."""
    match = OF_LIMIT.match(text)
    if match:
        return TimerText(share=float(match.group(1)) / 100)
    try:
        return TimerText(limit=parse_limit(text))
    except LimitError as error:
        moment = parse_moment(text, calendar)
        if moment is None:
            raise TimerUnreadable(
                f"timer {text!r} is neither a limit, a share of a limit nor a date: {error}; "
                "write for example '10 work_day', '80 % of limit' or '2026-10-01'"
            ) from error
        return TimerText(moment=moment)


def parse_moment(text: str, calendar: WorkCalendar) -> datetime | None:
    """An ISO date (its first moment, local) or datetime; none when the text is neither."""
    try:
        if len(text.strip()) == 10:
            moment = datetime.combine(date.fromisoformat(text.strip()), time())
        else:
            moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=calendar.zone)
    return moment.astimezone(UTC)


def moment_of(limit: Limit, start: datetime, calendar: WorkCalendar, share: float = 1.0) -> datetime:
    """When ``share`` of a limit that started at ``start`` is used up."""
    if share == 1.0:
        return calendar.add(start, limit)
    return calendar.advance(start, calendar.amount(start, limit) * share, limit.unit)
