"""Values of an entry: checked and brought into the form they are kept in, with every fault named at once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from engine.errors import Invalid
from engine.registers.declaring import Column, Register

TRUTHS = {"yes": True, "true": True, "1": True, "是": True, "no": False, "false": False, "0": False, "否": False}
LONGEST = {"text": 200, "long_text": 20_000}


class Unfit(ValueError):
    """A value that does not suit its column; the text says what to write instead."""


def settle(
    register: Register,
    given: Mapping[str, Any],
    *,
    departments: Callable[[str], bool],
    entries: Callable[[str, str], bool],
    partial: bool = False,
) -> dict[str, Any]:
    """The values of an entry as they are kept: JSON by column, dates as ISO 8601, ``lon`` and ``lat`` in degrees.

    :param departments: whether a department of that code exists.
    :param entries: whether a register has an entry of that key.
    :param partial: a change; what is not given stays.
    :raises Invalid: with a message for every column at fault.
    """
    errors: dict[str, str] = {}
    kept: dict[str, Any] = {}
    for name in given:
        if name not in register.columns and name not in register.headings:
            errors[name] = f"{register.name} has no column {name}; it has {', '.join(register.headings)}"
    for name, column in register.columns.items():
        if partial and name not in given:
            continue
        try:
            value = _settle_one(column, given.get(name), departments, entries)
        except Unfit as error:
            errors[name] = str(error)
            continue
        if value is None and (column.required or name == register.key):
            errors[name] = f"{column.zh} ({name}) is empty; it must be given"
        kept[name] = value
    if register.place:
        _settle_place(given, kept, errors, partial)
    if errors:
        first = next(iter(errors.values()))
        more = f" ({len(errors)} columns in all)" if len(errors) > 1 else ""
        raise Invalid(f"{first}{more}", errors=errors)
    return kept


def _settle_place(given: Mapping[str, Any], kept: dict[str, Any], errors: dict[str, str], partial: bool) -> None:
    if partial and "lon" not in given and "lat" not in given:
        return
    pair: list[float | None] = []
    for name, limit in (("lon", 180), ("lat", 90)):
        value = given.get(name)
        try:
            number = None if value in (None, "") else float(value)
            if number is not None and not (math.isfinite(number) and abs(number) <= limit):
                raise ValueError(value)
        except (TypeError, ValueError):
            errors[name] = f"{name} is {value!r}; write degrees (WGS-84) between -{limit} and {limit}"
            return
        pair.append(number)
    if (pair[0] is None) != (pair[1] is None):
        errors["lat" if pair[1] is None else "lon"] = "lon and lat belong together; give both or neither"
    kept["lon"], kept["lat"] = pair


def _settle_one(
    column: Column, value: Any, departments: Callable[[str], bool], entries: Callable[[str, str], bool]
) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    if column.type in ("number", "integer"):
        return _number(column, value)
    if column.type == "truth":
        return _truth(value)
    if column.type == "date":
        return _date(value)
    text = str(value)
    if column.type == "choice":
        known = [choice.value for choice in column.choices]
        names = {choice.zh: choice.value for choice in column.choices} | {c.en: c.value for c in column.choices}
        if text in known or text in names:
            return text if text in known else names[text]
        raise Unfit(f"{column.name} is {text!r}; write one of {', '.join(known)}")
    if column.type == "department" and not departments(text):
        raise Unfit(f"there is no department {text!r}; write a code of organisation/departments.csv")
    if column.type == "entry" and not entries(column.register, text):
        raise Unfit(f"{column.register} has no entry {text!r}; add it there first")
    most = column.length or LONGEST.get(column.type, 200)
    if len(text) > most:
        raise Unfit(f"{column.name} has {len(text)} letters; it may have {most}")
    if column.pattern and not re.fullmatch(column.pattern, text):
        raise Unfit(f"{column.name} is {text!r}; it must look like {column.pattern}")
    return text


def _number(column: Column, value: Any) -> float | int:
    try:
        if isinstance(value, bool):
            raise ValueError(value)
        number = float(value)
        if not math.isfinite(number) or (column.type == "integer" and not number.is_integer()):
            raise ValueError(value)
    except (TypeError, ValueError):
        raise Unfit(f"{column.name} is {value!r}; write a {'whole ' * (column.type == 'integer')}number") from None
    if column.least is not None and number < column.least:
        raise Unfit(f"{column.name} is {value}; it is {column.least} at least")
    if column.most is not None and number > column.most:
        raise Unfit(f"{column.name} is {value}; it is {column.most} at most")
    return int(number) if column.type == "integer" else number


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in TRUTHS:
        return TRUTHS[str(value).lower()]
    raise Unfit(f"{value!r} is neither yes nor no; write yes or no")


def _date(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()[:10]
    text = str(value)
    for candidate in (
        text[:10] if "T" in text else text,
        f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else "",
    ):
        try:
            return date.fromisoformat(candidate).isoformat()
        except ValueError:
            continue
    raise Unfit(f"{text!r} is no date; write such as 2026-10-01")
