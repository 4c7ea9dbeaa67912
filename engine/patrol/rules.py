"""``patrol.toml`` as values: numbers of the core with the city's own on top, the city's shifts and teams."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Any, get_type_hints

from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found

FILE = "patrol.toml"
DAY_MIN = 24 * 60


@dataclass(frozen=True)
class TrackRules:
    """Which points are taken and how long they are kept."""

    keep_raw_days: float
    keep_days: float
    tolerance_m: float
    max_accuracy_m: float
    max_speed_kmh: float
    max_age_h: float
    clock_tolerance_s: float
    max_skew_h: float
    early_min: float
    late_min: float


@dataclass(frozen=True)
class StateRules:
    """When somebody is on the grid, and when that is an alarm."""

    border_m: float
    turn_points: float
    turn_s: float
    off_grid_min: float
    silent_min: float


@dataclass(frozen=True)
class ChoiceRules:
    """Who is chosen for a task on site."""

    fresh_min: float
    reach_m: float
    load_m: float
    cross_share: float
    bar_reporter: bool


@dataclass(frozen=True)
class CoverageRules:
    """What a patrol has seen, and how many reports it should bring."""

    buffer_m: float
    gap_min: float
    quota: float


@dataclass(frozen=True)
class MissedRules:
    """When a problem reported by others is a candidate for 漏报."""

    sources: tuple[str, ...]
    radius_m: float
    within_h: float


@dataclass(frozen=True)
class Shift:
    """A stretch of the day; ``minutes`` may lead past midnight."""

    code: str
    name: str
    name_en: str
    begins: time
    minutes: int


@dataclass(frozen=True)
class Team:
    """Who works which shift when: ``cycle`` of shift codes (``off`` for none), each for ``each_days``, from a date."""

    code: str
    name: str
    name_en: str
    begins: date
    cycle: tuple[str, ...]
    each_days: int
    weekdays: frozenset[int]

    def shift_on(self, day: date) -> str:
        """The shift of a day, ``off`` before the team began, on days of the week without work and in the cycle."""
        past = (day - self.begins).days
        if past < 0 or day.isoweekday() not in self.weekdays:
            return OFF
        return self.cycle[past // self.each_days % len(self.cycle)]


OFF = "off"


@dataclass(frozen=True)
class PatrolRules:
    """Everything a city's ``patrol.toml`` says."""

    track: TrackRules
    state: StateRules
    choice: ChoiceRules
    coverage: CoverageRules
    missed: MissedRules
    shifts: Mapping[str, Shift]
    teams: Mapping[str, Team]


def load_patrol_rules(city: City) -> PatrolRules:
    """The rules of a city. Raises CityBroken naming file, key and remedy."""
    found = city.layers.all_of(FILE)
    return _load(tuple((str(each.path), each.path.stat().st_mtime_ns) for each in found), tuple(found))


@lru_cache(maxsize=16)
def _load(stamps: tuple[tuple[str, int], ...], found: tuple[Found, ...]) -> PatrolRules:
    given: dict[str, Any] = {}
    for file in found:
        for table, values in _read(file).items():
            given[table] = {**given.get(table, {}), **values}
    where = found[-1].path if found else FILE
    faults = list(faults_of(given))
    if faults:
        raise CityBroken("; ".join(f"{where}: {key}: {message}, {remedy}" for key, message, remedy in faults))
    return read_rules(given)


def _read(file: Found) -> dict[str, Any]:
    try:
        read = tomllib.loads(file.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CityBroken(f"{file.path}: {error}; correct the file, it must be TOML in UTF-8") from error
    wrong = [name for name, values in read.items() if not isinstance(values, dict)]
    if wrong:
        raise CityBroken(f"{file.path}: {wrong[0]} is not a table; write [{wrong[0]}] and its keys below it")
    return read


NUMBERS: Mapping[str, type] = {
    "track": TrackRules, "state": StateRules, "choice": ChoiceRules, "coverage": CoverageRules, "missed": MissedRules,
}  # fmt: skip


def faults_of(given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(key, what is wrong, remedy) of merged tables."""
    for table in given:
        if table not in (*NUMBERS, "shifts", "teams"):
            yield table, "the table is unknown", f"use one of {', '.join((*NUMBERS, 'shifts', 'teams'))}"
    for table, kind in NUMBERS.items():
        yield from _number_faults(table, kind, given.get(table, {}))
    shifts = given.get("shifts", {})
    for code, values in shifts.items():
        yield from _shift_faults(code, values)
    for code, values in given.get("teams", {}).items():
        yield from _team_faults(code, values, set(shifts))


def _number_faults(table: str, kind: type, values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            yield f"{table}.{name}", "the key is unknown", f"use one of {', '.join(hints)}"
    for name, wanted in hints.items():
        value = values.get(name)
        if value is None:
            yield f"{table}.{name}", "the key is missing", "restore the core's patrol.toml"
        elif wanted is bool and not isinstance(value, bool):
            yield f"{table}.{name}", f"{value!r} is neither true nor false", "write true or false"
        elif wanted is float and (isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0):
            yield f"{table}.{name}", f"{value!r} is no number of 0 or more", "write a number"
        elif name == "cross_share" and value > 1:
            yield f"{table}.{name}", f"{value!r} is more than everything", "write a share from 0 to 1"
        elif name == "sources" and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            yield f"{table}.{name}", f"{value!r} is no list of sources", 'write for example ["public"]'


def _shift_faults(code: str, values: Any) -> Iterator[tuple[str, str, str]]:
    if code == OFF:
        yield f"shifts.{code}", "off stands for no shift", "give the shift another code"
    if not isinstance(values, dict) or not values.get("name"):
        yield f"shifts.{code}", "the shift has no name", 'write name = "早班"'
        return
    try:
        read_hours(str(values.get("hours", "")))
    except ValueError:
        yield f"shifts.{code}.hours", f"{values.get('hours')!r} is no time span", 'write for example "07:00-14:00"'


def _team_faults(code: str, values: Any, shifts: set[str]) -> Iterator[tuple[str, str, str]]:
    key = f"teams.{code}"
    if not isinstance(values, dict) or not values.get("name"):
        yield key, "the team has no name", 'write name = "一组"'
        return
    if type(values.get("begins")) is not date:
        yield f"{key}.begins", f"{values.get('begins')!r} is no date", "write begins = 2026-01-05"
    cycle = values.get("cycle")
    if not isinstance(cycle, list) or not cycle:
        yield f"{key}.cycle", "the team has no cycle", 'write for example cycle = ["early", "late"]'
    else:
        for shift in cycle:
            if shift != OFF and shift not in shifts:
                yield f"{key}.cycle", f"there is no shift {shift!r}", f"use one of {', '.join([*shifts, OFF])}"
    each = values.get("each_days", 1)
    if not isinstance(each, int) or isinstance(each, bool) or each < 1:
        yield f"{key}.each_days", f"{each!r} is no number of days", "write 1 or more"
    days = values.get("weekdays", [1])
    if not isinstance(days, list) or not days or not all(day in range(1, 8) for day in days):
        yield f"{key}.weekdays", f"{days!r} names no days", "list 1 (Monday) to 7 (Sunday)"


def read_rules(given: Mapping[str, Any]) -> PatrolRules:
    """The values of merged tables without faults."""
    numbers = {
        table: kind(**{field.name: _value(given[table][field.name]) for field in fields(kind)})
        for table, kind in NUMBERS.items()
    }
    shifts = {}
    for code, values in given.get("shifts", {}).items():
        begins, minutes = read_hours(values["hours"])
        shifts[code] = Shift(code, values["name"], values.get("name_en", values["name"]), begins, minutes)
    teams = {
        code: Team(
            code, values["name"], values.get("name_en", values["name"]), values["begins"], tuple(values["cycle"]),
            values.get("each_days", 1), frozenset(values.get("weekdays", range(1, 8))),
        )
        for code, values in given.get("teams", {}).items()
    }  # fmt: skip
    return PatrolRules(**numbers, shifts=shifts, teams=teams)


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value if isinstance(value, bool) else float(value)


def read_hours(text: str) -> tuple[time, int]:
    """Begin and length in minutes of ``07:00-14:00``; an end at or before the begin is the next day's. ValueError."""
    first, _, last = text.partition("-")
    begins, ends = time.fromisoformat(first.strip()), time.fromisoformat("00:00" if "24:00" in last else last.strip())
    minutes = (_minute(ends) - _minute(begins)) % DAY_MIN or DAY_MIN
    return begins, minutes


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def minutes(count: float) -> timedelta:
    """A number of minutes as a length of time."""
    return timedelta(minutes=count)
