"""Working days: which dates are worked, which are not, and why.

Three sources, the later one wins: the weekdays the city works, the public holidays of its country with their
swapped working days 调休 (the ``holidays`` package), and the city's own dates (``calendar/holidays.csv``).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import holidays

from engine.errors import CityBroken


class CalendarError(CityBroken):
    """A calendar's settings or its date file cannot be used; the message names the value and the remedy."""


class DayKind(StrEnum):
    """Why a day is worked or not."""

    WORKDAY = "workday"
    SWAPPED = "swapped"
    """Worked although the weekday is normally free: 调休上班, or a date the city added."""
    WEEKEND = "weekend"
    HOLIDAY = "holiday"

    @property
    def worked(self) -> bool:
        return self in (DayKind.WORKDAY, DayKind.SWAPPED)


@dataclass(frozen=True)
class Day:
    """One date's standing; ``names`` by language, empty on ordinary days."""

    kind: DayKind
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, language: str) -> str:
        """The holiday's name in ``language``, else in whatever language it has."""
        return self.names.get(language) or next(iter(self.names.values()), "")


@dataclass(frozen=True)
class WorkingDays:
    """The days one calendar works.

    :param weekdays: ISO weekdays worked, Monday is 1.
    :param country: code of the ``holidays`` package, ``""`` for no public holidays.
    :param subdivision: state or province, ``""`` for the nation's holidays only.
    :param overrides: date to ``holiday`` or ``workday``, optionally followed by a space and a name.
    :param left_out: names of the country's holidays this city works on.
    """

    weekdays: frozenset[int]
    country: str = ""
    subdivision: str = ""
    observed: bool = True
    categories: tuple[str, ...] = ("public",)
    overrides: Mapping[date, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= set(range(1, 8)):
            raise CalendarError(f"weekdays {sorted(self.weekdays)} name no working week; use 1 (Monday) to 7 (Sunday)")
        for day, text in self.overrides.items():
            if text.partition(" ")[0] not in ("holiday", "workday"):
                raise CalendarError(f"{day}: {text!r} is neither 'holiday' nor 'workday'; begin with one of them")
        self.year(2000)  # an unknown country or category is told when the city loads, not at the first deadline

    def year(self, year: int) -> Mapping[date, Day]:
        """The dates of ``year`` that differ from the plain working week."""
        days = dict(_public_days(year, self.country, self.subdivision, self.observed, self.categories))
        days = {day: standing for day, standing in days.items() if not self.left_out & set(standing.names.values())}
        for day, text in self.overrides.items():
            if day.year == year:
                kind, _, name = text.partition(" ")
                days[day] = Day(self._override_kind(day, kind), {"": name} if name else {})
        return {
            day: s for day, s in days.items() if s.kind is not DayKind.SWAPPED or day.isoweekday() not in self.weekdays
        }

    def _override_kind(self, day: date, kind: str) -> DayKind:
        if kind == "holiday":
            return DayKind.HOLIDAY
        return DayKind.WORKDAY if day.isoweekday() in self.weekdays else DayKind.SWAPPED


@lru_cache(maxsize=256)
def _public_days(
    year: int, country: str, subdivision: str, observed: bool, categories: tuple[str, ...]
) -> Mapping[date, Day]:
    """Public holidays and swapped working days of one year, named in the country's language and in English."""
    if not country:
        return {}
    by_language: dict[str, dict[date, str]] = {}
    swapped: set[date] = set()
    try:
        native = holidays.country_holidays(country, subdiv=subdivision or None).default_language or "en_US"
        for language in dict.fromkeys((native, "en_US")):
            table = holidays.country_holidays(
                country,
                subdiv=subdivision or None,
                years=year,
                expand=False,
                observed=observed,
                language=language,
                categories=categories,
            )
            by_language[language.partition("_")[0]] = dict(table.items())
            swapped |= set(table.weekend_workdays)
    except (NotImplementedError, ValueError) as error:
        raise CalendarError(f"holidays of country {country!r}, {subdivision!r}, {categories}: {error}") from error
    days = {day: Day(DayKind.SWAPPED) for day in swapped if day.year == year}
    for day in set().union(*by_language.values()):
        days[day] = Day(DayKind.HOLIDAY, {code: names[day] for code, names in by_language.items() if day in names})
    return days


def read_overrides(path: Path) -> dict[date, str]:
    """Read a city's own dates: ``date,kind,name``; the date may be a range ``2026-02-15/2026-02-23``.

    :raises CalendarError: naming the line and the column.
    """
    found: dict[date, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            first, _, last = (row.get("date") or "").partition("/")
            try:
                begin, end = date.fromisoformat(first), date.fromisoformat(last or first)
            except ValueError:
                raise CalendarError(f"{path} line {line}: date {row.get('date')!r} is not YYYY-MM-DD") from None
            if row.get("kind") not in ("holiday", "workday"):
                raise CalendarError(f"{path} line {line}: kind {row.get('kind')!r} is not 'holiday' or 'workday'")
            while begin <= end:
                found[begin] = f"{row['kind']} {row.get('name') or ''}".strip()
                begin += timedelta(days=1)
    return found


def parse_hours(hours: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """``["08:00-12:00", "14:00-18:00"]`` as seconds after midnight, in order and apart.

    :raises CalendarError: a period is unreadable, empty, runs over midnight or overlaps another.
    """
    periods = []
    for text in hours:
        opening, dash, closing = text.partition("-")
        try:
            begin, end = _seconds(opening), _seconds(closing)
        except ValueError:
            raise CalendarError(f"working hours {text!r} are not 'HH:MM-HH:MM'") from None
        if not dash or begin >= end:
            raise CalendarError(f"working hours {text!r} end before they begin; split a night shift at 24:00")
        periods.append((begin, end))
    periods.sort()
    if not periods or any(a[1] > b[0] for a, b in pairwise(periods)):
        raise CalendarError(f"working hours {list(hours)} are empty or overlap; list periods that lie apart")
    merged = [periods[0]]
    for begin, end in periods[1:]:
        if begin == merged[-1][1]:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
    return tuple(merged)


def _seconds(clock: str) -> int:
    hour, minute = clock.strip().split(":")
    seconds = int(hour) * 3600 + int(minute) * 60
    if not 0 <= int(minute) < 60 or not 0 <= seconds <= 86_400:
        raise ValueError(clock)
    return seconds
