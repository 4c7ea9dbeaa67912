"""Scorecards: indicators weighed into one score, as ``scorecards/<name>.toml`` declares it; a city's file wins.

docs/reference/scorecards.md describes the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.hooks.measuring import SHARE, Reading
from engine.layers import Found, Layers

FOLDER, SUFFIX = "scorecards", ".toml"
NAME = re.compile(r"[a-z][a-z0-9_]*")
CARD_KEYS, PART_KEYS = ("zh", "en"), ("indicator", "weight", "lower_is_better")


@dataclass(frozen=True)
class Part:
    """An indicator in a scorecard: ``<plugin>.<indicator>``, its weight, and whether less of it is better."""

    indicator: str
    weight: float
    lower_is_better: bool = False


@dataclass(frozen=True)
class Scorecard:
    """Parts whose weights are shares of their sum."""

    name: str
    zh: str
    en: str
    parts: tuple[Part, ...]
    layer: str = ""

    def called(self, language: str) -> str:
        """Its name in a language."""
        return self.en if language == "en" else self.zh

    def share(self, part: Part) -> float:
        """What a part counts, in per cent."""
        return 100 * part.weight / sum(each.weight for each in self.parts)


@dataclass(frozen=True)
class Score:
    """An object's score from 0 to 100, and what each part gave: indicator, value, share of the parts it has."""

    object: str
    value: float
    parts: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a declaration."""

    element: str
    message: str
    remedy: str


class ScorecardBroken(CityBroken):
    """A scorecard's file does not hold; ``faults`` are all of it."""

    def __init__(self, logical: str, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{logical}: {each.element}: {each.message}; {each.remedy}" for each in faults))
        self.faults = tuple(faults)


def load_scorecards(layers: Layers) -> Mapping[str, Scorecard]:
    """Every scorecard of core, plugins and city, by name. Raises ScorecardBroken."""
    return MappingProxyType({each.path.stem: read_scorecard(each) for each in layers.listing(FOLDER, SUFFIX)})


def read_scorecard(found: Found) -> Scorecard:
    """The scorecard of a file. Raises ScorecardBroken with every fault."""
    try:
        toml = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = Fault("file", f"cannot be read: {error}", "correct the line; the file must be TOML in UTF-8")
        raise ScorecardBroken(found.logical, [fault]) from error
    faults = list(_faults(found.path.stem, toml))
    if faults:
        raise ScorecardBroken(found.logical, faults)
    about, parts = toml["scorecard"], toml["part"]
    made = tuple(Part(each["indicator"], each["weight"], each.get("lower_is_better", False)) for each in parts)
    return Scorecard(found.path.stem, about["zh"], about["en"], made, found.layer.name)


def _faults(name: str, toml: Mapping[str, Any]) -> Iterator[Fault]:
    if not NAME.fullmatch(name):
        yield Fault("file", f"the name {name!r} is no word", "use small letters, digits and _")
    about, parts = toml.get("scorecard"), toml.get("part")
    for table in toml:
        if table not in ("scorecard", "part"):
            yield Fault(table, f"there is no table {table}", "write [scorecard] and [[part]]")
    if not isinstance(about, dict) or any(not isinstance(about.get(key), str) for key in CARD_KEYS):
        yield Fault("scorecard", "[scorecard] has no zh and en", "give it both names")
    elif unknown := [key for key in about if key not in CARD_KEYS]:
        yield Fault("scorecard", f"[scorecard] does not know {', '.join(unknown)}", "it has zh and en")
    if not isinstance(parts, list) or not parts:
        yield Fault("part", "there is no [[part]]", "add one for every indicator that counts")
        return
    seen: set[str] = set()
    for part in parts:
        yield from _part_faults(part, seen)


def _part_faults(part: Any, seen: set[str]) -> Iterator[Fault]:
    if not isinstance(part, dict) or not isinstance(part.get("indicator"), str):
        yield Fault("part", "a part names no indicator", 'write indicator = "penalty.in_time"')
        return
    named, weight = part["indicator"], part.get("weight")
    if unknown := [key for key in part if key not in PART_KEYS]:
        yield Fault(named, f"a part does not know {', '.join(unknown)}", f"it has {', '.join(PART_KEYS)}")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0:
        yield Fault(named, f"the weight is {weight!r}", "write a number above 0; weights are shares of their sum")
    if not isinstance(part.get("lower_is_better", False), bool):
        yield Fault(named, "lower_is_better is neither true nor false", "write one of the two, or leave it out")
    if named in seen:
        yield Fault(named, "the indicator stands twice", "keep one part")
    seen.add(named)


def score(card: Scorecard, readings: Sequence[Reading]) -> list[Score]:
    """The scores of every object that has at least one part, best first.

    A part an object has no figure for is left out and the others count for the whole: nobody is scored for work they
    do not do. Only shares (``%``) can be weighed.
    """
    found: dict[str, dict[str, float]] = {}
    for reading in readings:
        for figure in reading.figures if reading.indicator.unit == SHARE else ():
            if figure.value is not None:
                found.setdefault(figure.object, {})[reading.identity] = min(100.0, max(0.0, figure.value))
    scores = []
    for name, values in found.items():
        there = [part for part in card.parts if part.indicator in values]
        whole = sum(part.weight for part in there)
        if there:
            parts = tuple((part.indicator, values[part.indicator], 100 * part.weight / whole) for part in there)
            total = sum(
                (100 - values[part.indicator] if part.lower_is_better else values[part.indicator]) * part.weight
                for part in there
            )
            scores.append(Score(name, total / whole, parts))
    return sorted(scores, key=lambda each: (-each.value, each.object))
