"""Functions of the expression language for dates and moments; expression_functions.csv says what each gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from engine.workflow.expression_values import read_date, read_moment, read_whole

__all__ = ["FUNCTIONS"]


def _add_days(day: Any, count: Any) -> date:
    return read_date(day) + timedelta(days=read_whole(count))


def _minutes_between(start: Any, end: Any) -> float:
    return (read_moment(end) - read_moment(start)).total_seconds() / 60


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "date": read_date,
    "datetime": read_moment,
    "year": lambda day: read_date(day).year,
    "month": lambda day: read_date(day).month,
    "day": lambda day: read_date(day).day,
    "weekday": lambda day: read_date(day).isoweekday(),
    "add_days": _add_days,
    "days_between": lambda start, end: (read_date(end) - read_date(start)).days,
    "minutes_between": _minutes_between,
}
