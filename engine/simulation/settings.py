"""How a simulated city behaves, as ``simulation.toml`` declares it; a city's own file overrides single keys."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine.calendar import CalendarError, WorkCalendar
from engine.city import City
from engine.city_calendars import city_calendar
from engine.errors import CityBroken

FILE = "simulation.toml"
OFFICE = "office"


@dataclass(frozen=True)
class Delay:
    """How long tasks of a stage wait: log-normal in minutes of a shift, or as a share of what is left until due."""

    shift: str
    median_min: float
    spread: float
    share: float | None = None


@dataclass(frozen=True)
class OutsideAct:
    """Something that happens to a case from outside: how often, how long after, by whom."""

    share: float
    median_h: float
    spread: float
    role: str


@dataclass(frozen=True)
class Settings:
    """Everything a simulated city's file says, checked. ``answers`` stays as written, keyed by the city's forms."""

    demand: Mapping[str, Any]
    sources: Mapping[str, float]
    rhythm: Mapping[str, list[float]]
    rhythms: Mapping[str, str]
    delays: Mapping[str, Delay]
    slow_share: float
    slow_factor: float
    answers: Mapping[str, Any]
    usual_words: tuple[str, ...]
    usual_share: float
    acts: Mapping[str, OutsideAct]
    suspension_days: tuple[int, int]
    with_phone_share: float
    texts: Mapping[str, Any]
    shifts: Mapping[str, WorkCalendar]
    left_open: Mapping[str, tuple[int, float]]

    def delay(self, stage: str) -> Delay:
        """The delay of a stage, or the usual one."""
        return self.delays.get(stage) or self.delays["default"]


def load_settings(city: City) -> Settings:
    """The shipped settings with those of plugins and the city's own on top.

    :raises CityBroken: naming the file and the key that cannot be used.
    """
    given = tomllib.loads((files(__package__) / FILE).read_text(encoding="utf-8"))
    own = city.root / FILE
    for path in (*(root / FILE for root in city.enabled_roots.values()), own):
        if path.is_file():
            given = merge(given, read_toml(path))
    try:
        return read_settings(city, given)
    except KeyError as error:
        raise CityBroken(f"{own}: {error} is missing; engine/simulation/{FILE} shows every key") from error
    except (TypeError, ValueError) as error:
        raise CityBroken(f"{own}: {error}; engine/simulation/{FILE} shows every key") from error


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file. Raises CityBroken with the line at fault."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CityBroken(f"{path}: {error}; correct the file, it must be TOML in UTF-8") from error


WEIGHTS = frozenset({"sources", "subclasses", "area_classes", "answers"})
"""Tables of weights: those make sense only together, so a city's replace ours whole."""


def merge(below: Mapping[str, Any], above: Mapping[str, Any], weights: bool = False) -> dict[str, Any]:
    """Tables merged by key, everything else replaced; inside ``WEIGHTS`` a table that holds numbers is replaced too."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        inside = weights or key in WEIGHTS
        whole = inside and isinstance(value, Mapping) and any(isinstance(each, int | float) for each in value.values())
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not whole:
            merged[key] = merge(old, value, inside)
        else:
            merged[key] = value
    return merged


def read_settings(city: City, given: Mapping[str, Any]) -> Settings:
    """Values of a merged file."""
    delays = {
        stage: Delay(each["shift"], float(each["median_min"]), float(each["spread"]), each.get("share"))
        for stage, each in given["delays"].items()
    }
    shifts = read_shifts(city, given["shifts"])
    unknown = sorted({delay.shift for delay in delays.values()} - set(shifts))
    if unknown:
        raise ValueError(f"shift {unknown[0]!r} is not declared in [shifts]")
    shortest, longest = given["suspension"]["days"]
    texts = given["texts"].get(city.language) or given["texts"]["en"]
    for name, weights in given["rhythm"].items():
        if len(weights) != 24:
            raise ValueError(f"[rhythm] {name} has {len(weights)} weights, not one for each of 24 hours")
    usual = given["usual"]
    return Settings(
        demand=given["demand"], sources=given["sources"], rhythm=given["rhythm"], rhythms=given["rhythms"],
        delays=delays,
        slow_share=float(given["units"]["slow_share"]), slow_factor=float(given["units"]["slow_factor"]),
        answers=given["answers"], usual_words=tuple(usual["words"]), usual_share=float(usual["share"]),
        acts={name: OutsideAct(**act) for name, act in given["acts"].items()},
        suspension_days=(int(shortest), int(longest)), with_phone_share=float(given["reporters"]["with_phone_share"]),
        texts=texts, shifts=shifts,
        left_open={stage: (int(most), float(hours)) for stage, (most, hours) in given["left_open"].items()},
    )  # fmt: skip


def read_shifts(city: City, given: Mapping[str, list[str]]) -> dict[str, WorkCalendar]:
    """A calendar for every shift, every day of the week, and the city's own as ``office``."""
    shifts = {OFFICE: city_calendar(city)}
    for name, hours in given.items():
        try:
            shifts[name] = WorkCalendar.from_settings(city.time_zone.key, hours, range(1, 8))
        except CalendarError as error:
            raise ValueError(f"[shifts] {name}: {error}") from error
    return shifts
