"""Limits: how long something may take, written as a city writes it: ``8 work_hour``.

The unit decides what counts. ``minute``, ``urgent_hour`` 紧急工作时 and ``urgent_day`` run through nights and
holidays; ``work_hour`` 工作时 and ``work_day`` 工作日 run in working time only; ``calendar_day``,
``calendar_month`` and ``calendar_year`` turn pages of the calendar and keep the local time of day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

from engine.errors import Invalid


class LimitError(Invalid):
    """A limit is not a number and a known unit; the message says which text and what to write."""


class Unit(StrEnum):
    """What a limit is counted in."""

    MINUTE = "minute"
    URGENT_HOUR = "urgent_hour"
    URGENT_DAY = "urgent_day"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    CALENDAR_DAY = "calendar_day"
    CALENDAR_MONTH = "calendar_month"
    CALENDAR_YEAR = "calendar_year"

    @property
    def measure(self) -> Measure:
        """The clock this unit is read from."""
        return _MEASURES[self]


class Measure(StrEnum):
    """The three clocks a unit can be read from; amounts of one measure add up."""

    RUNNING = "running"
    """Real elapsed time."""
    WORKING = "working"
    """Time inside the working hours of working days."""
    WALL = "wall"
    """What the clock on the wall shows: a day is a day, even the one of 23 or 25 hours."""


_MEASURES = {
    Unit.MINUTE: Measure.RUNNING,
    Unit.URGENT_HOUR: Measure.RUNNING,
    Unit.URGENT_DAY: Measure.RUNNING,
    Unit.WORK_HOUR: Measure.WORKING,
    Unit.WORK_DAY: Measure.WORKING,
    Unit.CALENDAR_DAY: Measure.WALL,
    Unit.CALENDAR_MONTH: Measure.WALL,
    Unit.CALENDAR_YEAR: Measure.WALL,
}
_WHOLE = frozenset({Unit.CALENDAR_MONTH, Unit.CALENDAR_YEAR})
LONGEST = {
    Unit.MINUTE: 52_560_000,
    Unit.URGENT_HOUR: 876_000,
    Unit.URGENT_DAY: 36_500,
    Unit.WORK_HOUR: 200_000,
    Unit.WORK_DAY: 25_000,
    Unit.CALENDAR_DAY: 36_500,
    Unit.CALENDAR_MONTH: 1_200,
    Unit.CALENDAR_YEAR: 100,
}
"""About a hundred years in each unit, the most a text may say: a calendar works out every year on the way."""
_TEXT = re.compile(r"\s*(?P<value>\S+)\s+(?P<unit>\w+?)s?\s*")


@dataclass(frozen=True)
class Limit:
    """A positive number of one unit. ``str()`` writes it as a city pack does: ``0.5 work_day``.

    :raises LimitError: the number is not above zero, or months and years are not whole.
    """

    value: Decimal
    unit: Unit

    def __post_init__(self) -> None:
        try:
            value = self.value if isinstance(self.value, Decimal) else Decimal(str(self.value))
            positive = value.is_finite() and value > 0
        except InvalidOperation:
            raise LimitError(f"{self.value!r} is not a number; write a limit as '8 work_hour'") from None
        if not positive:
            raise LimitError(f"a limit of {self.value} {self.unit} has no time in it; write a number above zero")
        if self.unit in _WHOLE and value != value.to_integral_value():
            raise LimitError(f"a limit of {value} {self.unit} ends on no date; write a whole number of them")
        object.__setattr__(self, "value", value)

    def __str__(self) -> str:
        return f"{self.value.normalize():f} {self.unit}"


@lru_cache(maxsize=4096)
def parse_limit(text: str) -> Limit:
    """Read ``8 work_hour``; a plural unit (``8 work_hours``) is read too.

    :raises LimitError: naming the text and what to write instead; more than a hundred years are refused too.
    """
    match = _TEXT.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        limit = Limit(Decimal(match["value"]), Unit(match["unit"]))
        if limit.value > LONGEST[limit.unit]:
            raise LimitError(f"{limit} is longer than a hundred years; write less")
        return limit
    except LimitError as error:
        raise LimitError(f"limit {text!r}: {error}") from None
    except (ValueError, InvalidOperation):
        units = ", ".join(Unit)
        raise LimitError(f"limit {text!r} is not a number and a unit, like '8 work_hour'; units: {units}") from None
