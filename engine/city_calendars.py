"""A city's calendars: the one of ``[working_time]`` and the named ones beside it, read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.calendar import CalendarError, DayRule, WorkCalendar
from engine.city import City
from engine.working_days import read_overrides

_WORKING_TIME = {"hours", "weekdays", "day_rule"}
_HOLIDAYS = {"country", "subdivision", "observed", "categories", "file", "left_out"}


def city_calendar(city: City, name: str = "") -> WorkCalendar:
    """The city's calendar, or the one named ``name`` in ``[working_time.calendars.<name>]``.

    A named calendar says only what differs; ``holidays = {…}`` inside it replaces keys of ``[holidays]``.

    :raises CalendarError: a setting or a date of the holiday file cannot be used, or no calendar has that name.
    """
    working_time = dict(city.working_time)
    named = working_time.pop("calendars", {})
    holidays = dict(city.holidays)
    if name:
        if name not in named:
            raise CalendarError(f"{city.id} has no calendar {name!r}; add [working_time.calendars.{name}] to city.toml")
        own = dict(named[name])
        holidays |= own.pop("holidays", {})
        working_time |= own
    _refuse_unknown("[working_time]", working_time, _WORKING_TIME)
    _refuse_unknown("[holidays]", holidays, _HOLIDAYS)
    file = holidays.get("file", "")
    return WorkCalendar.from_settings(
        city.time_zone.key,
        working_time["hours"],
        working_time["weekdays"],
        holidays.get("country", ""),
        holidays.get("observed", True),
        holidays.get("categories", ("public",)),
        read_overrides(city.root / file) if file else None,
        subdivision=holidays.get("subdivision", ""),
        left_out=holidays.get("left_out", ()),
        day_rule=working_time.get("day_rule", DayRule.SAME_TIME),
    )


def calendar_names(city: City) -> tuple[str, ...]:
    """The names of the city's other calendars."""
    return tuple(city.working_time.get("calendars", {}))


def _refuse_unknown(table: str, settings: Mapping[str, Any], known: set[str]) -> None:
    unknown = sorted(set(settings) - known)
    if unknown:
        raise CalendarError(f"city.toml: {table} does not know {', '.join(unknown)}; it has {', '.join(sorted(known))}")
