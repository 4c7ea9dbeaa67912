"""Calendars: hours that lie apart, dates that do not contradict each other, and a working day in every year."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from engine.calendar import CalendarError, DayRule, WorkCalendar
from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.city import City
from engine.city_calendars import city_calendar
from engine.working_days import parse_hours

FILE = "city.toml"
NAMED = ("hours", "weekdays", "day_rule", "holidays")
HOLIDAYS = ("country", "subdivision", "observed", "categories", "file", "left_out")
LONGEST = 40
"""Days without work that make one wonder; the longest holidays of any country we know are shorter."""


def check_calendars(city: City) -> tuple[WorkCalendar | None, list[Finding]]:
    """The city's calendar, none when it cannot be built, and what is wrong with it and the named ones."""
    source = Source(FILE, f"city {city.id}")
    findings = [*_check_hours("working_time", city.working_time, source)]
    files = {str(city.holidays.get("file") or "")}
    named = city.working_time.get("calendars", {})
    for name, values in named.items() if isinstance(named, Mapping) else ():
        place = f"working_time.calendars.{name}"
        if not isinstance(values, Mapping):
            findings.append(source.error(place, f"{name} is no table", f"write [{place}]"))
            continue
        findings += _check_named(place, values, source)
        findings += _check_hours(place, values, source)
        holidays = values.get("holidays")
        files.add(str(holidays.get("file") or "") if isinstance(holidays, Mapping) else "")
    for file in sorted(files - {""}):
        findings += check_dates(city, file)
    main: WorkCalendar | None = None
    for name in ("", *(named if isinstance(named, Mapping) else ())):
        place = f"working_time.calendars.{name}" if name else "working_time"
        calendar, told = _build(city, name, place, source)
        main = calendar if not name else main
        if calendar is not None:
            findings += _find_idle_years(city, name, place, calendar, source)
        elif not any(each.severity == "error" for each in findings):
            findings += told
    return main, findings


def _check_named(place: str, values: Mapping[str, Any], source: Source) -> Iterator[Finding]:
    for key in values:
        if key not in NAMED:
            remedy = suggest(key, NAMED, f"it has {', '.join(NAMED)}")
            yield source.error(f"{place}.{key}", f"a calendar does not know {key}", remedy)
    holidays = values.get("holidays")
    for key in holidays if isinstance(holidays, Mapping) else ():
        if key not in HOLIDAYS:
            remedy = suggest(key, HOLIDAYS, f"it has {', '.join(HOLIDAYS)}")
            yield source.error(f"{place}.holidays.{key}", f"holidays do not know {key}", remedy)


def _check_hours(place: str, values: Mapping[str, Any], source: Source) -> Iterator[Finding]:
    """Each period by itself, then together; the week; the day rule."""
    hours = values.get("hours")
    good: list[str] = []
    for text in hours if isinstance(hours, list) else ():
        try:
            parse_hours([str(text)])
        except CalendarError as error:
            message, remedy = split_remedy(error.message, "write for example 08:00-12:00")
            yield source.error(f"{place}.hours", message, remedy)
        else:
            good.append(str(text))
    if isinstance(hours, list) and (good or not hours):
        try:
            parse_hours(good)
        except CalendarError as error:
            message, remedy = split_remedy(error.message, "list periods that lie apart")
            yield source.error(f"{place}.hours", message, remedy)
    if good != sorted(good):
        yield source.warning(f"{place}.hours", f"working hours {good} are out of order", "list them from early to late")
    weekdays = values.get("weekdays")
    if isinstance(weekdays, list):
        wrong = [day for day in weekdays if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= 7]
        if wrong or not weekdays or len(set(weekdays)) < len(weekdays):
            message = f"weekdays {weekdays} are no working week"
            yield source.error(f"{place}.weekdays", message, "name days from 1 (Monday) to 7 (Sunday), each once")
    rule = values.get("day_rule")
    if isinstance(rule, str) and rule not in list(DayRule):
        remedy = suggest(rule, DayRule, f"use one of {', '.join(DayRule)}")
        yield source.error(f"{place}.day_rule", f"day_rule {rule!r} is unknown", remedy)


def check_dates(city: City, file: str) -> Iterator[Finding]:
    """A file of the city's own dates: every line readable, no date said twice, none said to be both."""
    source = Source(file, f"city {city.id}")
    path = city.root / file
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        yield source.error("file", f"cannot be read: {error}", "add the file as UTF-8 with date,kind,name")
        return
    said: dict[date, tuple[str, int]] = {}
    for line, row in enumerate(rows, 2):
        kind = str(row.get("kind") or "").strip()
        text = str(row.get("date") or "")
        if kind not in ("holiday", "workday"):
            yield source.error(text, f"kind {kind!r} is unknown", "write holiday or workday", line)
            continue
        days = _days(text)
        if days is None:
            remedy = "write 2026-02-17 or 2026-02-15/2026-02-23, the first day first"
            yield source.error(text, f"{text!r} is no date and no range", remedy, line)
            continue
        clashes = [(day, *said[day]) for day in days if day in said]
        if clashes:
            day, before, at = clashes[0]
            if before != kind:
                message = f"{day} is a {kind} here and a {before} in line {at}"
                yield source.error(str(day), message, "keep one of the two", line)
            else:
                message = f"{day} stands in line {at} already"
                yield source.warning(str(day), message, "keep one of the two", line)
        said.update(dict.fromkeys(days, (kind, line)))


def _days(text: str) -> list[date] | None:
    first, _, last = text.strip().partition("/")
    try:
        begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        return None
    if end < begin:
        return None
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def _build(city: City, name: str, place: str, source: Source) -> tuple[WorkCalendar | None, list[Finding]]:
    try:
        return city_calendar(city, name), []
    except CalendarError as error:
        message, remedy = split_remedy(error.message, "correct the setting; docs/reference/city-pack.md lists them")
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        message, remedy = f"the calendar cannot be built: {error}", "correct its settings"
    return None, [source.error(place, message, remedy)]


def _find_idle_years(city: City, name: str, place: str, calendar: WorkCalendar, source: Source) -> Iterator[Finding]:
    """A year without a working day is a cycle of holidays: no limit in working time would ever run out."""
    holidays = dict(city.holidays)
    own = city.working_time.get("calendars", {}).get(name, {}).get("holidays", {}) if name else {}
    file = str({**holidays, **own}.get("file") or "")
    if not file:
        return
    dates = Source(file, f"city {city.id}")
    years = sorted({day.year for text in _dates_of(city, file) for day in _days(text) or ()})
    for year in years:
        day, idle, longest = date(year, 1, 1), 0, 0
        while day.year == year:
            idle = 0 if calendar.is_working_day(day) else idle + 1
            longest = max(longest, idle)
            day += timedelta(days=1)
        if longest >= 365:
            message = f"a cycle of holidays: {year} has no working day, so a limit in working time never ends"
            yield dates.error(str(year), message, "correct the ranges of dates")
        elif longest > LONGEST:
            message = f"{year} has {longest} days in a row without work"
            yield dates.warning(str(year), message, "check the ranges of dates")


def _dates_of(city: City, file: str) -> list[str]:
    try:
        rows = csv.DictReader((city.root / file).read_text(encoding="utf-8-sig").splitlines())
        return [str(row.get("date") or "") for row in rows]
    except (OSError, UnicodeDecodeError):
        return []
