"""Functions of the expression language for numbers and texts; expression_functions.csv says what each gives."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from engine.workflow.expression_values import (
    SIZE_LIMIT,
    convert_to_text,
    read_number,
    read_scalar,
    read_text,
    read_whole,
)

__all__ = ["FUNCTIONS"]


def _to_float(value: Any) -> float:
    number = float(read_scalar(value))
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _round(value: Any, digits: int | None = None) -> Any:
    if digits is not None and not -15 <= read_whole(digits) <= 15:
        raise ValueError("digits must be between -15 and 15")
    return round(read_number(value), digits)


def _replace(text: Any, old: Any, new: Any) -> str:
    if not read_text(old):
        raise ValueError("the text to replace is empty; say what to look for")
    most = read_text(text).count(old)
    if len(text) + most * (len(read_text(new)) - len(old)) > SIZE_LIMIT:
        raise ValueError(f"the result would have more than {SIZE_LIMIT} characters")
    return str(text.replace(old, new))


def _split(text: Any, separator: Any) -> list[str]:
    if not read_text(separator):
        raise ValueError("the separator is empty; say what stands between the parts")
    return read_text(text).split(separator)


def _substring(text: Any, start: Any, count: Any = None) -> str:
    first = read_whole(start)
    first = max(first + len(read_text(text)), 0) if first < 0 else first
    if count is None:
        return str(text[first:])
    if read_whole(count) < 0:
        raise ValueError("the count is negative")
    return str(text[first : first + count])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(read_number(value)),
    "round": _round,
    "floor": lambda value: math.floor(read_number(value)),
    "ceil": lambda value: math.ceil(read_number(value)),
    "min": builtins.min,
    "max": builtins.max,
    "int": lambda value: int(read_scalar(value)),
    "float": _to_float,
    "str": convert_to_text,
    "lower": lambda text: read_text(text).lower(),
    "upper": lambda text: read_text(text).upper(),
    "strip": lambda text: read_text(text).strip(),
    "startswith": lambda text, part: read_text(text).startswith(read_text(part)),
    "endswith": lambda text, part: read_text(text).endswith(read_text(part)),
    "replace": _replace,
    "split": _split,
    "substring": _substring,
}
