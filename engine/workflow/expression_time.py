"""Functions of the expression language that ask a city's working calendar; expression_functions.csv describes them.

They are pure: what a calendar says of a moment does not change while the city runs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

from engine.calendar import Unit, WorkCalendar, parse_limit
from engine.workflow.expression_values import read_date, read_moment, read_text

__all__ = ["NAMES", "working_time"]

Day = TypeVar("Day", date, datetime)

NAMES = ("add_time", "time_between", "is_working_day", "is_working_time", "local_date", "local_time")
_SECONDS = {
    Unit.MINUTE: 60, Unit.URGENT_HOUR: 3600, Unit.URGENT_DAY: 86_400, Unit.WORK_HOUR: 3600, Unit.CALENDAR_DAY: 86_400,
}  # fmt: skip
_YEARS = range(1971, 2200)


def working_time(calendar: WorkCalendar) -> dict[str, Callable[..., Any]]:
    """The functions of one city's calendar, by name."""

    def add_time(start: Any, limit: Any) -> datetime:
        return calendar.local(calendar.add(_check_year(read_moment(start)), parse_limit(read_text(limit))))

    def time_between(start: Any, end: Any, unit: Any) -> float:
        known = _read_unit(unit)
        worked = calendar.worked(_check_year(read_moment(start)), _check_year(read_moment(end)), known).total_seconds()
        if known is Unit.WORK_DAY:
            return worked / calendar.day_length.total_seconds()
        return worked / _SECONDS[known]

    def local_date(moment: Any) -> date:
        return calendar.local(read_moment(moment)).date()

    functions = (
        add_time,
        time_between,
        lambda day: calendar.is_working_day(_check_year(read_date(day))),
        lambda moment: calendar.is_working_time(_check_year(read_moment(moment))),
        local_date,
        lambda moment: f"{calendar.local(read_moment(moment)):%H:%M}",
    )
    return dict(zip(NAMES, functions, strict=True))


def _check_year(day: Day) -> Day:
    """A day or moment of the years to ask for: a calendar works out every year that is asked for, and keeps it."""
    if day.year not in _YEARS:
        raise ValueError(f"the year {day.year} is not between {_YEARS[0]} and {_YEARS[-1]}")
    return day


def _read_unit(text: Any) -> Unit:
    known = [unit.value for unit in Unit if unit in _SECONDS or unit is Unit.WORK_DAY]
    if text not in known:
        raise ValueError(f"{text!r} is no unit of time; use {', '.join(known)}")
    return Unit(text)
