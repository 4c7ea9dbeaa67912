"""Values of a register between the database, a form and people's eyes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from api import context
from api.pages.languages import _, page_language
from engine.models import Department
from engine.registers.declaring import Column, Register
from engine.registers.finding import Wanted, list_entries

FEW = 200
"""Entries of another register that a form offers; above it, the key is typed."""


@dataclass(frozen=True)
class Field:
    """A column as a form shows it. ``kind``: an input's type, select, area or truth."""

    column: Column
    title: str
    kind: str
    value: str
    options: tuple[tuple[str, str], ...]
    error: str


KINDS = {"number": "number", "integer": "number", "date": "date", "truth": "select", "long_text": "area"}


def field_of(column: Column, value: Any, error: str) -> Field:
    """The field of a column, with what was typed or is kept."""
    options = _options(column)
    kind = "select" if options else KINDS.get(column.type, "text")
    shown = {True: "yes", False: "no", None: ""}.get(value, str(value)) if not isinstance(value, str) else value
    return Field(column, column.title(page_language()), kind, shown, options, error)


def _options(column: Column) -> tuple[tuple[str, str], ...]:
    english = page_language() == "en"
    if column.type == "choice":
        return tuple((each.value, each.en if english else each.zh) for each in column.choices)
    if column.type == "truth":
        return (("yes", _("是")), ("no", _("否")))
    if column.type == "department":
        known = context.session().scalars(select(Department).order_by(Department.code))
        return tuple((each.code, each.name_en if english else each.name) for each in known)
    if column.type == "entry":
        other = context.platform().host.registers[column.register]
        rows, more = list_entries(context.session(), other, Wanted(), most=FEW)
        return () if more else tuple((row.key, f"{row.title} ({row.key})") for row in rows)
    return ()


def values_of_form(register: Register, form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says, by column; columns it does not have are left alone."""
    return {name: form[name] for name in register.headings if name in form}


def shown_value(column: Column, value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return ""
    if column.type == "truth":
        return _("是") if value else _("否")
    if column.type == "choice":
        known = {each.value: each.en if page_language() == "en" else each.zh for each in column.choices}
        return known.get(value, str(value))
    if column.type == "department":
        row = context.session().get(Department, value)
        return (row.name_en if page_language() == "en" else row.name) if row else str(value)
    if column.type == "number":
        return f"{value:g}"
    return str(value)
