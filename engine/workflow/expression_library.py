"""The functions every expression may call, with what expression_functions.csv says of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.calendar import WorkCalendar
from engine.workflow import expression_dates, expression_lists, expression_texts
from engine.workflow.expression_entries import FunctionEntry
from engine.workflow.expression_functions import Functions
from engine.workflow.expression_time import NAMES, working_time

_TABLE = Path(__file__).with_name("expression_functions.csv")


def _read_table() -> dict[str, dict[str, str]]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {row["usage"].partition("(")[0]: row for row in csv.DictReader(file)}


def _describe(functions: Mapping[str, Callable[..., Any]]) -> dict[str, FunctionEntry]:
    found: dict[str, FunctionEntry] = {}
    for name, function in functions.items():
        row = _ROWS[name]
        examples = tuple(each.partition(" = ")[::2] for each in row["examples"].split(" | "))
        found[name] = FunctionEntry(row["usage"], function, row["group"], row["zh"], row["en"], examples, pure=True)
    return found


_ROWS = _read_table()
CORE = Functions(_describe({**expression_texts.FUNCTIONS, **expression_lists.FUNCTIONS, **expression_dates.FUNCTIONS}))
DESCRIBED = frozenset(_ROWS)
"""The names in the table; those of a calendar's functions too."""


def of_calendar(calendar: WorkCalendar) -> dict[str, FunctionEntry]:
    """The functions that ask a city's working calendar."""
    return _describe(working_time(calendar))


__all__ = ["CORE", "DESCRIBED", "NAMES", "of_calendar"]
