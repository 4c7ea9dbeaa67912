"""Values of the expression language: their kinds, their limits, how they are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

SIZE_LIMIT = 100_000  # characters and members of one value
NUMBER_LIMIT = 10**18
NUMBERS = (int, float, Decimal)
NUMBER_TYPES = frozenset(NUMBERS)  # asked by exact type: true and false are no numbers
_FARTHEST = timedelta(hours=18)


class Refused(ValueError):
    """An operation that its values do not allow; the expression adds where."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


def kind(value: object) -> str:
    """Name a value's type as an analyst would."""
    if value is None:
        return "none"
    for types, word in _KINDS:
        if isinstance(value, types):
            return word
    return type(value).__name__


_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true/false"), (NUMBERS, "number"), (str, "text"), (Mapping, "dictionary"),
    ((list, tuple, set, frozenset), "list"), (datetime, "datetime"), (date, "date"),
)  # fmt: skip


def bounded(value: Any) -> Any:
    """Return ``value`` unless it is too large to be computed by an expression."""
    if isinstance(value, int):
        if not -NUMBER_LIMIT <= value <= NUMBER_LIMIT:
            raise Refused("the number has more than 18 digits", "compute with smaller numbers")
    elif isinstance(value, float):
        if not isfinite(value):
            raise Refused("the number is infinite or none at all", "compute with smaller numbers")
    elif isinstance(value, str | list | tuple) and len(value) > SIZE_LIMIT:
        raise Refused(f"the result has more than {SIZE_LIMIT} members", "build smaller texts and lists")
    return value


def measure(value: Any) -> None:
    """Refuse a nested value whose written form would exceed the limit (``x = [x, x]`` in a loop)."""
    left, waiting = SIZE_LIMIT, [value]
    while waiting:
        each = waiting.pop()
        left -= len(each) if isinstance(each, str) else 1
        if isinstance(each, Mapping):
            waiting.extend(each.keys())
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
        if left < 0 or len(waiting) > 2 * SIZE_LIMIT:
            raise Refused(f"the result has more than {SIZE_LIMIT} members", "build smaller texts and lists")


_STORED = frozenset({str, int, float, bool, type(None)})


def as_stored(value: Any) -> Any:
    """Copy a value into what an instance's state keeps: a date or moment becomes its ISO text, as after a reload.

    :raises Refused: a dictionary has a key that is no text.
    """
    if type(value) in _STORED:
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise Refused(f"the key {key!r} of a dictionary is no text", "quote it")
        return {key: as_stored(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_stored(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def convert_to_text(value: Any) -> str:
    """Write a value as people read it: none is empty, true and false as in expressions, lists with commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return str(bounded(", ".join(convert_to_text(each) for each in value)))
    if isinstance(value, Mapping):
        raise Refused("a dictionary has no text", "name one of its keys")
    return str(bounded(str(value)))


def read_scalar(value: Any) -> Any:
    """A number or a text, as it is; TypeError for anything else."""
    if type(value) not in NUMBER_TYPES and not isinstance(value, str):
        raise TypeError("a number or a text is needed")
    return value


def read_number(value: Any) -> Any:
    """A number; TypeError for anything else, true and false included."""
    if type(value) not in NUMBER_TYPES:
        raise TypeError(f"{kind(value)} where a number is needed")
    return value


def read_whole(value: Any) -> int:
    """A whole number; TypeError for anything else."""
    if type(value) is not int:
        raise TypeError(f"{kind(value)} where a whole number is needed")
    return value


def read_text(value: Any) -> str:
    """A text; TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{kind(value)} where a text is needed")
    return value


def read_members(value: Any) -> list[Any] | tuple[Any, ...]:
    """A list; TypeError for anything else."""
    if not isinstance(value, list | tuple):
        raise TypeError("a list is needed")
    return value


def read_date(value: Any) -> date:
    """A date from a date, a moment (the day at its own offset) or the ISO text of either."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return read_moment(value).date() if "T" in read_text(value) else date.fromisoformat(value)


def read_moment(value: Any) -> datetime:
    """A moment from a moment or an ISO text; ValueError without an offset from UTC, or with one no place has."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(read_text(value))
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("the offset is missing, as in 2026-01-01T08:00:00+08:00")
    if abs(offset) > _FARTHEST:
        raise ValueError("the offset is more than 18 hours; no place on Earth has it")
    return moment
