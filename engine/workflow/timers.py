"""When a timer is due: its text read as an analyst wrote it, measured by the working calendar or a case clock.

A timer says one of these; docs/reference/timers.md shows each with its moments:

* a limit: ``10 work_day``, ``15 minute``, or ``condition_limit``, the handling limit of the filing condition;
* a share of a limit: ``80 % of limit``;
* a date or a moment: ``2026-10-01``, ``2026-10-01 14:30``;
* a cycle: ``every 1 work_day``, ``every 30 minute, 5 times``, ``cron 0 8 * * 1-5, until 2026-12-31``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

from cronsim import CronSim, CronSimError

from engine.calendar import Limit, LimitError, WorkCalendar, parse_limit

CONDITION_LIMIT = "condition_limit"
OF_LIMIT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*of\s+limit\s*$")
EXAMPLES = "write for example '10 work_day', '80 % of limit', '2026-10-01' or 'every 1 work_day'"
SHORTEST = timedelta(minutes=1)
_CYCLE = re.compile(r"\s*(?P<kind>every|cron)\s+(?P<rule>.+?)(?P<ends>(?:,\s*(?:\d+\s+times?|until\s+[^,]+))*)\s*")
_END = re.compile(r",\s*(?:(?P<times>\d+)\s+times?|until\s+(?P<until>[^,]+?))\s*(?=,|$)")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class TimerUnreadable(ValueError):
    """The timer's text is none of the forms of docs/reference/timers.md."""


@dataclass(frozen=True)
class Cycle:
    """A timer that comes again: ``limit`` after ``limit``, or whenever the city's clocks match ``cron``.

    ``times`` is how often it fires at most, ``until`` the last instant at which it may.
    """

    limit: Limit | None = None
    cron: str | None = None
    times: int | None = None
    until: datetime | None = None

    def next(self, since: datetime, fired: int, now: datetime, calendar: WorkCalendar) -> datetime | None:
        """The first regular moment after ``now`` of a cycle that began at ``since``; none when it is over.

        Moments missed in between are not made up for: after a month's downtime a cycle goes on with its next one.
        """
        if self.times is not None and fired >= self.times:
            return None
        moment = self._by_cron(now, calendar) if self.cron else self._by_limit(since, now, calendar)
        return None if self.until is not None and moment > self.until else moment

    def _by_cron(self, now: datetime, calendar: WorkCalendar) -> datetime:
        """The rules of Debian's cron: a time the clocks skip comes when they have jumped, one shown twice once."""
        moments = CronSim(self.cron or "", calendar.local(now))
        moment = next(moments).astimezone(UTC)
        while moment <= now:  # asked within the second of two equal hours
            moment = next(moments).astimezone(UTC)
        return moment

    def _by_limit(self, since: datetime, now: datetime, calendar: WorkCalendar) -> datetime:
        """Counted from the beginning, never from the last firing, so that late firings shift nothing."""
        assert self.limit is not None
        value, unit = self.limit.value, self.limit.unit

        def moment(number: int) -> datetime:
            return calendar.add(since, Limit(value * Decimal(number), unit))

        high = 1
        while moment(high) <= now:
            high *= 2
        low = high // 2  # moment(low) <= now < moment(high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if moment(middle) <= now else (low, middle)
        return moment(high)


@dataclass(frozen=True)
class TimerText:
    """A parsed timer: exactly one of these is set. ``share`` is of a limit, 1 = all of it."""

    share: float | None = None
    limit: Limit | None = None
    moment: datetime | None = None
    cycle: Cycle | None = None
    by_condition: bool = False


@lru_cache(maxsize=4096)
def parse_timer(text: str, calendar: WorkCalendar) -> TimerText:
    """Read a timer; dates and moments are local unless they have an offset. Raises TimerUnreadable with the remedy."""
    match = OF_LIMIT.match(text)
    if match:
        return TimerText(share=float(match.group(1)) / 100)
    if text.strip() == CONDITION_LIMIT:
        return TimerText(by_condition=True)
    if re.match(r"\s*(every|cron)\b", text):
        return TimerText(cycle=parse_cycle(text, calendar))
    try:
        return TimerText(limit=parse_limit(text))
    except LimitError as error:
        moment = parse_moment(text, calendar)
        if moment is None:
            message = f"timer {text!r} is neither a limit, a share of a limit, a date nor a cycle: {error}; {EXAMPLES}"
            raise TimerUnreadable(message) from error
        return TimerText(moment=moment)


def parse_cycle(text: str, calendar: WorkCalendar) -> Cycle:
    """Read ``every 30 minute, 5 times`` or ``cron 0 8 * * 1-5, until 2026-12-31``."""
    match = _CYCLE.fullmatch(text)
    if match is None:
        raise TimerUnreadable(f"timer {text!r} says not what comes again; write 'every 1 work_day' or 'cron 0 8 * * *'")
    times, until = _read_ends(text, match["ends"], calendar)
    if match["kind"] == "cron":
        return Cycle(cron=_read_cron(text, match["rule"], calendar), times=times, until=until)
    return Cycle(limit=_read_period(text, match["rule"], calendar), times=times, until=until)


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


def _read_ends(text: str, ends: str, calendar: WorkCalendar) -> tuple[int | None, datetime | None]:
    """How often and until when; a date counts to its last moment."""
    times: int | None = None
    until: datetime | None = None
    for match in _END.finditer(ends):
        if match["times"]:
            times = int(match["times"])
            if times == 0:
                raise TimerUnreadable(f"timer {text!r} never fires; write at least '1 times' or delete the event")
            continue
        until = parse_moment(match["until"], calendar)
        if until is None:
            raise TimerUnreadable(f"timer {text!r}: {match['until']!r} is no date; write 'until 2026-12-31'")
        if len(match["until"]) == 10:
            day = calendar.local(until).date() + timedelta(days=1)
            until = calendar.midnight(day) - timedelta(microseconds=1)
    return times, until


def _read_cron(text: str, rule: str, calendar: WorkCalendar) -> str:
    form = "minute hour day month weekday, as in 'cron 0 8 * * 1-5'"
    if len(rule.split()) != 5:
        raise TimerUnreadable(f"timer {text!r} has not the five fields of cron; write {form}")
    try:
        next(CronSim(rule, calendar.local(_LONG_AGO)))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "no date ever matches"
        raise TimerUnreadable(f"timer {text!r} is no cron rule: {reason.lower()}; write {form}") from None
    return " ".join(rule.split())


def _read_period(text: str, rule: str, calendar: WorkCalendar) -> Limit:
    if "%" in rule or rule.strip() == CONDITION_LIMIT:
        message = f"timer {text!r} repeats a share of a limit, which is used up only once"
        raise TimerUnreadable(f"{message}; write '80 % of limit' alone or a period as in 'every 8 work_hour'")
    try:
        limit = parse_limit(rule)
    except LimitError as error:
        raise TimerUnreadable(f"timer {text!r}: {error}; write 'every 1 work_day'") from error
    if calendar.amount(_LONG_AGO, limit) < SHORTEST:
        raise TimerUnreadable(f"timer {text!r} comes more than once a minute; write 'every 1 minute' or more")
    return limit
