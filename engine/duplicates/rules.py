"""How far, how long and how alike: the rules by class that a city edits, merged by key from all layers.

``duplicates.csv``: ``kind,code,radius_m,half_life_h,closed_h,w_distance,w_class,w_text,w_time,least,note``;
``confusable_classes.csv``: ``group,kind,code,likeness``; ``recurring.csv``: ``kind,code,radius_m,times,days,note``.
``code`` is a subclass, a class (its first two digits) or ``*``; the most exact row counts. Files are read again when
they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Generic, TypeVar

from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found
from engine.loading.tables import read_csv

DUPLICATES, CONFUSABLE, RECURRING = "duplicates.csv", "confusable_classes.csv", "recurring.csv"
ANY = "*"
KINDS = ("component", "event", ANY)
CLASS_DIGITS = 2
MOST_RADIUS_M = 2_000.0
Key = tuple[str, str]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Weighing:
    """How reports of a class are held against others.

    ``half_life_h``: hours after which a case's age counts half; ``closed_h``: hours for which a closed case is still
    told; ``w_…``: the weights of the four parts; ``least``: the score from which a case is told, 0 to 1.
    """

    radius_m: float
    half_life_h: float
    closed_h: float
    w_distance: float
    w_class: float
    w_text: float
    w_time: float
    least: float


@dataclass(frozen=True)
class Recurrence:
    """A problem is recurring when its subclass is reported ``times`` times within ``radius_m`` and ``days``."""

    radius_m: float
    times: int
    days: int


@dataclass(frozen=True)
class ByClass(Generic[Value]):
    """Values by kind and code."""

    rows: Mapping[Key, Value]

    def of(self, kind: str | None, full_code: str) -> Value:
        """The most exact row: subclass, class, kind, any."""
        kinds = (kind, ANY) if kind else (ANY,)
        for code in (full_code, full_code[:CLASS_DIGITS], ANY):
            for each in kinds:
                if (each, code) in self.rows:
                    return self.rows[each, code]
        raise CityBroken("no row with kind * and code * says what holds for all other classes; add one")


@dataclass(frozen=True)
class Confusion:
    """Classes people take for each other: how alike two are, 0 where nobody says so."""

    groups: Mapping[Key, Mapping[str, float]]

    def likeness(self, one: Key, other: Key) -> float:
        """The likeness of two subclasses in the group where they are most alike."""
        mine, theirs = self.groups.get(one, {}), self.groups.get(other, {})
        return max((min(mine[group], theirs[group]) for group in mine.keys() & theirs.keys()), default=0.0)


@dataclass(frozen=True)
class Rules:
    """The three files as values."""

    weighing: ByClass[Weighing]
    confusion: Confusion
    recurrence: ByClass[Recurrence]


def load_rules(city: City) -> Rules:
    """The rules of a city. Raises CityBroken naming file, line and remedy."""
    found = [each for name in READERS for each in files_of(city, name)]
    return _load(
        tuple((each.logical, str(each.path), is_foreign(city, each), each.path.stat().st_mtime_ns) for each in found)
    )


@lru_cache(maxsize=32)
def _load(files: tuple[tuple[str, str, bool, int], ...]) -> Rules:
    faults: list[str] = []

    def rows(name: str) -> list[tuple[int, dict[str, str], Path]]:
        paths = [(Path(path), foreign) for logical, path, foreign, _ in files if logical == name]
        return [
            (line, row, path)
            for path, foreign in paths
            for line, row in read_csv(path, READERS[name][0])
            if not foreign or row["code"] == ANY
        ]

    def take(name: str, read: Callable[[dict[str, str]], Value]) -> Iterator[tuple[dict[str, str], Value]]:
        for line, row, path in rows(name):
            try:
                yield row, read(row)
            except ValueError as error:
                faults.append(f"{path}, line {line}: {error}")

    weighing = {(row["kind"], row["code"]): value for row, value in take(DUPLICATES, read_weighing)}
    recurrence = {(row["kind"], row["code"]): value for row, value in take(RECURRING, read_recurrence)}
    groups: dict[Key, dict[str, float]] = {}
    for row, likeness in take(CONFUSABLE, read_likeness):
        groups.setdefault((row["kind"], row["code"]), {})[row["group"]] = likeness
    if faults:
        raise CityBroken("; ".join(faults))
    return Rules(ByClass(weighing), Confusion(groups), ByClass(recurrence))


def files_of(city: City, name: str) -> list[Found]:
    """The files of a name in all layers, lowest first."""
    return city.layers.all_of(name)


def is_foreign(city: City, found: Found) -> bool:
    """Whether a file speaks of codes the city does not have: it has a catalogue of its own, the file is the core's.

    Of such a file only the rows for all classes count.
    """
    return not city.inherit_catalogue and found.layer.flat


WEIGHTS = ("w_distance", "w_class", "w_text", "w_time")
WEIGHING = ("kind", "code", "radius_m", "half_life_h", "closed_h", *WEIGHTS, "least")
GROUP = ("group", "kind", "code", "likeness")
RECURRENCE = ("kind", "code", "radius_m", "times", "days")


def read_weighing(row: Mapping[str, str]) -> Weighing:
    """A row of ``duplicates.csv``. Raises ValueError with what is wrong and the remedy."""
    _refuse_kind(row)
    weights = {name: _number(row, name, 0, 10) for name in WEIGHTS}
    if not sum(weights.values()):
        raise ValueError("all four weights are 0; give at least one part a weight")
    return Weighing(
        radius_m=_number(row, "radius_m", 1, MOST_RADIUS_M), half_life_h=_number(row, "half_life_h", 0.1, 87_600),
        closed_h=_number(row, "closed_h", 0, 8_760), least=_number(row, "least", 0, 1), **weights,
    )  # fmt: skip


def read_recurrence(row: Mapping[str, str]) -> Recurrence:
    """A row of ``recurring.csv``. Raises ValueError with what is wrong and the remedy."""
    _refuse_kind(row)
    return Recurrence(
        _number(row, "radius_m", 1, MOST_RADIUS_M), int(_number(row, "times", 2, 1_000, whole=True)),
        int(_number(row, "days", 1, 3_660, whole=True)),
    )  # fmt: skip


def read_likeness(row: Mapping[str, str]) -> float:
    """A row of ``confusable_classes.csv``. Raises ValueError with what is wrong and the remedy."""
    _refuse_kind(row)
    if ANY in (row["kind"], row["code"]):
        raise ValueError("a group names subclasses one by one; write component or event and a code")
    if not row["group"]:
        raise ValueError("the row names no group; rows of one group are taken for each other")
    return _number(row, "likeness", 0, 1)


READERS: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, str]], object]]] = {
    DUPLICATES: (WEIGHING, read_weighing), CONFUSABLE: (GROUP, read_likeness), RECURRING: (RECURRENCE, read_recurrence),
}  # fmt: skip
"""Columns and reader of every file, for the checks."""


def _refuse_kind(row: Mapping[str, str]) -> None:
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is unknown; use one of {', '.join(KINDS)}")
    if row["code"] != ANY and row["kind"] == ANY:
        raise ValueError(f"code {row['code']} is of no kind; write component or event before it")


def _number(row: Mapping[str, str], name: str, least: float, most: float, *, whole: bool = False) -> float:
    try:
        value = int(row[name]) if whole else float(row[name])
    except ValueError:
        value = float("nan")
    if not isfinite(value) or not least <= value <= most:
        what = "a whole number" if whole else "a number"
        raise ValueError(f"{name} is {row[name]!r}; write {what} from {least:g} to {most:g}")
    return value
