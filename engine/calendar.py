"""Working time: when a limit runs out, how much of it is used, and why.

Everything in Wangge that asks "until when?" asks a `WorkCalendar`. It is pure: no database, no `now`.

**Amounts.** Every unit is read from one of three clocks (`Measure`), and an amount is a `timedelta` on that clock:
real time for ``minute`` and ``urgent_*``, working time for ``work_*``, wall-clock time for ``calendar_*``. So a
clock that pauses keeps the amount used (`worked`), subtracts it from the whole (`amount`) and goes on later
(`advance`); whenever it pauses, nothing is lost or won.

**Working days.** One ``work_day`` is one day's worth of working time. With hours 08:00-12:00 and 14:00-18:00,
``1 work_day`` from Monday 10:00 is due Tuesday 10:00; from Monday 13:00 it counts from 14:00 and is due Tuesday
12:00, when eight hours are used; from Monday 20:00 it counts from Tuesday 08:00 and is due Tuesday 18:00. Cities
differ in the last two, so the pack declares a ``day_rule``:

* ``same_time`` (default): due at the first moment the time is used up, as above.
* ``next_opening``: a day used up at closing time is due when work opens again (Monday 20:00 → Wednesday 08:00).
* ``end_of_day``: the starting day does not count; due at closing time of the last day (Monday 10:00 → Tuesday 18:00).

**Answers are in UTC.** Subtracting two datetimes of one zone ignores summer time in Python; UTC cannot be misread.
"""

from __future__ import annotations

import calendar as month_table
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import ceil
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.deadline_reasons import Span, SpanKind, explain, spans_between
from engine.limits import Limit, LimitError, Measure, Unit, parse_limit
from engine.wall_clock import WallClock, to_instant, to_moment
from engine.working_days import CalendarError, Day, DayKind, WorkingDays, parse_hours
from engine.working_timeline import WorkingTimeline

__all__ = [
    "CalendarError",
    "Day",
    "DayKind",
    "DayRule",
    "Limit",
    "LimitError",
    "Measure",
    "Span",
    "SpanKind",
    "Unit",
    "WorkCalendar",
    "parse_limit",
]

_MICROSECOND = timedelta(microseconds=1)
_UNIT_SECONDS = {
    Unit.MINUTE: 60,
    Unit.URGENT_HOUR: 3600,
    Unit.URGENT_DAY: 86_400,
    Unit.WORK_HOUR: 3600,
    Unit.CALENDAR_DAY: 86_400,
}
_MONTHS = {Unit.CALENDAR_MONTH: 1, Unit.CALENDAR_YEAR: 12}


class DayRule(StrEnum):
    """When a limit of working days is due; see the module's text."""

    SAME_TIME = "same_time"
    NEXT_OPENING = "next_opening"
    END_OF_DAY = "end_of_day"


class WorkCalendar:
    """The working time of one city or department; cheap to ask, built once."""

    def __init__(
        self,
        zone: ZoneInfo,
        hours: Sequence[tuple[int, int]],
        days: WorkingDays,
        day_rule: DayRule = DayRule.SAME_TIME,
    ) -> None:
        self.zone = zone
        self.hours = tuple(hours)
        self.day_rule = day_rule
        self.day_length = timedelta(seconds=sum(end - begin for begin, end in hours))
        self._wall = WallClock(zone)
        self._line = WorkingTimeline(self._wall, self.hours, days)

    @classmethod
    def from_settings(
        cls,
        time_zone: str,
        hours: Sequence[str],
        weekdays: Sequence[int] = (1, 2, 3, 4, 5),
        country: str = "",
        observed: bool = True,
        categories: Sequence[str] = ("public",),
        overrides: Mapping[date, str] | None = None,
        *,
        subdivision: str = "",
        left_out: Sequence[str] = (),
        day_rule: str = DayRule.SAME_TIME,
    ) -> WorkCalendar:
        """A calendar from what a city pack says in ``[working_time]`` and ``[holidays]``.

        :param hours: local periods, ``["08:00-12:00", "14:00-18:00"]``; ``00:00-24:00`` is a whole day.
        :param overrides: the city's own dates, see `engine.working_days.read_overrides`.
        :raises CalendarError: naming the setting that cannot be used.
        """
        try:
            zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise CalendarError(f"time zone {time_zone!r} is unknown; use a name like 'Asia/Shanghai'") from None
        if day_rule not in list(DayRule):
            raise CalendarError(f"day_rule {day_rule!r} is unknown; use one of {', '.join(DayRule)}")
        days = WorkingDays(
            weekdays=frozenset(weekdays),
            country=country,
            subdivision=subdivision,
            observed=observed,
            categories=tuple(categories),
            overrides=dict(overrides or {}),
            left_out=frozenset(left_out),
        )
        return cls(zone, parse_hours(hours), days, DayRule(day_rule))

    # Days ------------------------------------------------------------------------------------------------

    def day(self, day: date) -> Day:
        """Whether ``day`` is worked, and the holiday's name if it has one."""
        return self._line.day(day)

    def is_working_day(self, day: date) -> bool:
        return self.day(day).kind.worked

    def is_working_time(self, moment: datetime) -> bool:
        """Whether work goes on at ``moment``; at closing time it does not."""
        return self._line.is_open(to_instant(moment))

    def next_opening(self, moment: datetime) -> datetime:
        """``moment`` itself in working time, otherwise when work opens next."""
        return to_moment(self._line.after(to_instant(moment), 0, latest=True))

    def midnight(self, day: date) -> datetime:
        """When ``day`` begins."""
        return to_moment(self._wall.of_day(day, 0))

    def local(self, moment: datetime) -> datetime:
        """``moment`` as the city's clocks show it."""
        return moment.astimezone(self.zone)

    def periods(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches of working time between two moments, in order."""
        for opening, closing in self._line.periods(to_instant(start), to_instant(end)):
            yield to_moment(opening), to_moment(closing)

    # Deadlines -------------------------------------------------------------------------------------------

    def add(self, start: datetime, limit: Limit) -> datetime:
        """The due moment of a limit that begins at ``start``, in UTC."""
        if limit.unit is Unit.WORK_DAY and self.day_rule is DayRule.END_OF_DAY:
            return self._end_of_day(start, ceil(limit.value))
        if limit.unit in _MONTHS:
            return self._from_wall(_add_months(self._wall.shows(start), int(limit.value) * _MONTHS[limit.unit]), start)
        return self.advance(start, self._plain_amount(limit), limit.unit)

    def amount(self, start: datetime, limit: Limit) -> timedelta:
        """The whole of a limit that begins at ``start``, on its unit's clock."""
        if limit.unit in _MONTHS or (limit.unit is Unit.WORK_DAY and self.day_rule is DayRule.END_OF_DAY):
            return self.worked(start, self.add(start, limit), limit.unit)
        return self._plain_amount(limit)

    def worked(self, start: datetime, end: datetime, unit: Unit) -> timedelta:
        """How much of ``unit``'s clock runs between two moments; zero if ``end`` is not after ``start``."""
        if unit.measure is Measure.WALL:
            return max(self._wall.shows(end) - self._wall.shows(start), timedelta(0))
        begin, finish = to_instant(start), to_instant(end)
        if finish <= begin:
            return timedelta(0)
        if unit.measure is Measure.RUNNING:
            return timedelta(microseconds=finish - begin)
        return timedelta(microseconds=self._line.between(begin, finish))

    def advance(self, start: datetime, remaining: timedelta, unit: Unit) -> datetime:
        """The moment at which ``remaining`` of ``unit``'s clock has run since ``start``: how a paused clock goes on."""
        remaining = max(remaining, timedelta(0))
        if unit.measure is Measure.WALL:
            return self._from_wall(self._wall.shows(start) + remaining, start)
        begin, more = to_instant(start), remaining // _MICROSECOND
        if unit.measure is Measure.RUNNING:
            return to_moment(begin + more)
        latest = unit is Unit.WORK_DAY and self.day_rule is DayRule.NEXT_OPENING
        return to_moment(self._line.after(begin, more, latest=latest))

    def share_used(self, start: datetime, end: datetime, limit: Limit) -> float:
        """Share of the limit used at ``end``: 0.8 is 80 %, above 1 is overdue."""
        return self.worked(start, end, limit.unit) / self.amount(start, limit)

    def spans(self, start: datetime, limit: Limit) -> list[Span]:
        """Why the limit is due when it is: contiguous stretches from ``start`` to the due moment."""
        return spans_between(self, start, self.add(start, limit), limit.unit)

    def explain(self, start: datetime, limit: Limit, language: str = "zh") -> list[str]:
        """The same as sentences in ``zh`` or ``en``, from the rule to the due moment."""
        return explain(self, start, limit, language)

    def _plain_amount(self, limit: Limit) -> timedelta:
        """A limit's amount where it does not depend on the start."""
        unit = self.day_length // _MICROSECOND if limit.unit is Unit.WORK_DAY else _UNIT_SECONDS[limit.unit] * 1_000_000
        return timedelta(microseconds=int(limit.value * unit))

    def _end_of_day(self, start: datetime, days: int) -> datetime:
        day = self._wall.shows(start).date()
        while days:
            day += timedelta(days=1)
            days -= self.is_working_day(day)
        return to_moment(self._wall.of_day(day, self.hours[-1][1], later=True))

    def _from_wall(self, wall: datetime, start: datetime) -> datetime:
        """The instant of a wall time, on or after ``start``."""
        due = self._wall.instant(wall)
        return to_moment(due if due >= to_instant(start) else self._wall.instant(wall, later=True))


def _add_months(wall: datetime, months: int) -> datetime:
    """31 January plus one month is the last day of February."""
    index = wall.year * 12 + wall.month - 1 + months
    year, month = divmod(index, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, month_table.monthrange(year, month + 1)[1]))
