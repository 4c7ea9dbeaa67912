"""What somebody has half filled in: anything goes that has its place in the form, finished or not.

A path names an answer: ``reason``, or ``vehicles[0].plate`` in a list.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.workflow.expression_functions import convert_to_text
from engine.workflow.forms import Form
from engine.workflow.forms_values import MULTIPLE, Field, Message, Refusal, refuse_type

_PLACE = re.compile(r"([^\[\].]+)(?:\[(\d+)\])?")
LISTED = MULTIPLE | {"filepicker"}
"""Kinds whose answer is a list of plain values."""


@dataclass(frozen=True, slots=True)
class Stray:
    """A value that has no place in a form, and why."""

    value: Any
    message: Message


@dataclass(frozen=True, slots=True)
class Parted:
    """Answers as a form knows them, and by path what it has no place for. Empty strays are forgotten."""

    known: dict[str, Any]
    strays: dict[str, Stray]


def part_answers(form: Form | None, answers: Mapping[str, Any]) -> Parted:
    """Part answers into those the form can show again and strays. Read-only fields are no answers and are dropped."""
    strays: dict[str, Stray] = {}
    known = _part(form.components if form is not None else (), answers, strays, "")
    return Parted(known, strays)


def _part(fields: tuple[Field, ...], answers: Mapping[str, Any], strays: dict[str, Stray], at: str) -> dict[str, Any]:
    places = {each.key: each for each in fields if each.is_answered}
    known: dict[str, Any] = {}
    for key, value in answers.items():
        given, path = places.get(key), f"{at}{key}"
        if given is None:
            _stray(strays, path, value, Refusal("unknown", key=key).message)
        elif given.readonly is True:
            continue
        elif given.kind == "dynamiclist" and isinstance(value, list | tuple):
            known[key] = [_part_row(given, row, strays, f"{path}[{number}]") for number, row in enumerate(value)]
        elif _fits(given, value):
            known[key] = value
        else:
            expected = "list" if given.kind in LISTED | {"dynamiclist"} else "text"
            _stray(strays, path, value, refuse_type(expected).message)
    return known


def _part_row(given: Field, row: Any, strays: dict[str, Stray], path: str) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return _part(given.columns, row, strays, path + ".")
    _stray(strays, path, row, refuse_type("row").message)
    return {}


def _stray(strays: dict[str, Stray], path: str, value: Any, message: Message) -> None:
    if not is_empty(value):
        strays[path] = Stray(value, message)


def _fits(given: Field, value: Any) -> bool:
    """Whether a value can stand in the field while somebody works on it."""
    if value is None or value == "":
        return True
    if given.kind == "dynamiclist":
        return False  # a list has been dealt with
    if given.kind in LISTED:
        return isinstance(value, list | tuple) and not any(isinstance(each, list | tuple | Mapping) for each in value)
    return not isinstance(value, list | tuple | Mapping)


def put_back(form: Form | None, answers: dict[str, Any], path: str, value: Any) -> bool:
    """Whether the form has a place for a stray; there it is put into ``answers`` unless something is filled in."""
    return _put_back(form.components if form is not None else (), answers, path, value)


def _put_back(fields: tuple[Field, ...], answers: dict[str, Any], path: str, value: Any) -> bool:
    head, _, rest = path.partition(".")
    given, row = _find(fields, head)
    if given is None or given.readonly is True:
        return False
    if row is not None:
        rows = answers.get(given.key)
        there = rows[row] if isinstance(rows, list) and row < len(rows) else None
        return bool(rest) and isinstance(there, dict) and _put_back(given.columns, there, rest, value)
    strays: dict[str, Stray] = {}
    known = _part(fields, {given.key: value}, strays, "")
    if rest or strays:
        return False
    if is_empty(answers.get(given.key)):
        answers.update(known)
    return True


def is_empty(value: Any) -> bool:
    """Whether nothing is answered; zero is an answer."""
    return value is None or value is False or (isinstance(value, str | list | tuple | Mapping) and not value)


def _find(fields: tuple[Field, ...], head: str) -> tuple[Field | None, int | None]:
    """The field a step of a path names, and the number of the row."""
    place = _PLACE.fullmatch(head)
    given = next((each for each in fields if place and each.is_answered and each.key == place[1]), None)
    return given, int(place[2]) if place and place[2] else None


@dataclass(frozen=True, slots=True)
class Worded:
    """A value with its words in the form's own language. ``key`` is that of the label's translation."""

    path: str
    label: str
    key: str
    value: Any
    text: str


def word_stray(form: Form | None, path: str, value: Any) -> Worded:
    """A stray as people know it from the form it was written in; by its path where that is not known."""
    labels, given = [], None
    fields = form.components if form is not None else ()
    for head in path.split("."):
        given, row = _find(fields, head)
        if given is None:
            return Worded(path, path, "", value, "\n".join(_texts(None, value)))
        labels.append((given.label or given.key) + (f" {row + 1}" if row is not None else ""))
        fields = given.columns
    key = f"form:{form.form_id}:{given.key}" if form is not None and given is not None and len(labels) == 1 else ""
    return Worded(path, " · ".join(labels), key, value, "\n".join(_texts(given, value)))


def _texts(given: Field | None, value: Any) -> Iterator[str]:
    """A value in words: choices by their labels, rows with the labels of their columns."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from _texts(given, each)
    elif isinstance(value, Mapping):
        columns = {each.key: each for each in given.columns} if given is not None else {}
        parts = []
        for key, each in value.items():
            column = columns.get(str(key))
            text = " ".join(_texts(column, each))
            if text:
                parts.append(f"{column.label or key if column is not None else key}: {text}")
        yield "; ".join(parts)
    elif value is True:
        yield "✓"
    elif not is_empty(value):
        options = given.options if given is not None and isinstance(given.options, tuple) else ()
        yield next((option.label for option in options if option.value == value), convert_to_text(value))
