"""A task's form as the page shows it, and the answers as the browser sends them back.

The schema, its conditions and its rules are the engine's (``engine.workflow.forms``); here they only get the reader's
language, the text already typed, and the messages of the last attempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from api import context
from api.pages.languages import page_language
from engine.workflow.expression_functions import convert_to_text
from engine.workflow.forms import Field, FieldView, Form, Option

LONG = 40
"""Choices a list may have before it gets a search."""
FIND = "_find:"
INSERT = "_insert"
INPUT_TYPES = {"date": "date", "time": "time", "datetime": "datetime-local"}


@dataclass(frozen=True)
class Choice:
    """One choice of a control."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Control:
    """One field of a page. ``name`` is that of its input, ``kind`` form-js's, ``text`` what stands in it now."""

    name: str
    kind: str
    label: str
    description: str
    required: bool
    readonly: bool
    visible: bool
    text: str
    choices: tuple[Choice, ...]
    errors: tuple[str, ...]
    standard_texts: tuple[str, ...] = ()
    find: str | None = None
    input_type: str = "text"
    max_length: int | None = None
    rows: tuple[tuple[Control, ...], ...] = ()

    @property
    def said(self) -> str:
        """The value in words, where it can only be read."""
        return "、".join(choice.label for choice in self.choices if choice.chosen) or self.text


class Sheet:
    """Builds the controls of one form for one reader."""

    def __init__(
        self, form: Form, errors: Mapping[str, Sequence[str]], finds: Mapping[str, str], near: str = ""
    ) -> None:
        self.form, self.errors, self.finds, self.near = form, errors, finds, near
        self.say = context.translations().speaker(page_language())
        self.chinese = page_language() == "zh"

    def controls(self, views: Sequence[FieldView], prefix: str = "") -> tuple[Control, ...]:
        """The controls in order."""
        return tuple(self._control(view, prefix) for view in views if view.field.kind != "spacer")

    def _control(self, view: FieldView, prefix: str) -> Control:
        field, key = view.field, f"form:{self.form.form_id}:{view.field.key}"
        name = prefix + field.key
        component = field.component
        texts = str((component.get("properties") or {}).get("standard_texts") or "")
        find = self.finds.get(name, "") if len(view.options) > LONG and not view.readonly else None
        maximum = field.max_length if isinstance(field.max_length, int) else None
        return Control(
            name=name,
            kind=field.kind,
            label=self.say(key, field.label),
            description=self.say(f"{key}:description", str(component.get("description") or "")),
            required=field.required,
            readonly=view.readonly,
            visible=view.visible,
            text=_text(view.value, field),
            choices=tuple(self._choices(view, key, find)),
            errors=tuple(self.errors.get(name, ())),
            standard_texts=tuple(t for t in self.say(f"{key}:standard_texts", texts).split("|") if t.strip()),
            find=find,
            input_type=INPUT_TYPES.get(str(component.get("subtype", "date")), "text")
            if field.kind == "datetime"
            else "text",
            max_length=maximum,
            rows=tuple(self.controls(row, f"{name}[{at}].") for at, row in enumerate((*view.rows, *blank_row(field)))),
        )

    def _choices(self, view: FieldView, key: str, find: str | None) -> Iterator[Choice]:
        wanted = view.value if isinstance(view.value, list | tuple) else [view.value]
        chosen = {convert_to_text(value) for value in wanted if value is not None}
        shown = 0
        for option in view.options:
            value = convert_to_text(option.value)
            label = self._label(option, f"{key}:{value}")
            if find is not None and value not in chosen:
                if shown >= LONG or not self._fits(find, value, label):
                    continue
                shown += 1
            yield Choice(value, label, value in chosen)

    def _fits(self, find: str, value: str, label: str) -> bool:
        """Whether a choice of a long list is shown: it fits what was searched, or is near the case."""
        if find:
            return all(part in f"{value} {label}".casefold() for part in find.casefold().split())
        return not self.near or value.startswith(self.near)

    def _label(self, option: Option, key: str) -> str:
        return self.say(key, option.label if self.chinese else option.label_en or option.label)


def blank_row(field: Field) -> tuple[tuple[FieldView, ...], ...]:
    """An empty row at the end of a list, so that one more can be filled in without scripts."""
    if not field.columns:
        return ()
    return (
        tuple(
            FieldView(column, True, False, column.default, column.options if isinstance(column.options, tuple) else ())
            for column in field.columns
        ),
    )


def _text(value: Any, field: Field) -> str:
    if value is None or isinstance(value, list | tuple | dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    text = convert_to_text(value)
    if field.kind == "datetime" and field.component.get("subtype") == "datetime":
        return text[:16]
    return text


def read_answers(form: Form, sent: MultiDict[str, str]) -> dict[str, Any]:
    """The answers of a posted page. What a readonly field shows is never taken from the browser."""
    answers: dict[str, Any] = {}
    for field in form.components:
        if field.is_answered and field.readonly is not True:
            answers[field.key] = _read_list(field, sent) if field.columns else _read(field, field.key, sent)
    return answers


def _read(field: Field, name: str, sent: MultiDict[str, str]) -> Any:
    if field.kind in ("taglist", "checklist", "filepicker"):
        return sent.getlist(name)
    text = sent.get(name, "")
    if field.kind == "checkbox":
        return text == "true"
    if field.kind == "datetime" and field.component.get("subtype") == "datetime" and text:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return moment.replace(tzinfo=moment.tzinfo or context.platform().city.time_zone).isoformat()
    return text.replace("\r\n", "\n")


def _read_list(field: Field, sent: MultiDict[str, str]) -> list[dict[str, Any]]:
    """The rows of a list; those nobody filled in are left out."""
    pattern = re.compile(re.escape(field.key) + r"\[(\d+)\]\.")
    places = sorted({int(match[1]) for name in sent if (match := pattern.match(name))})
    rows = [
        {
            column.key: _read(column, f"{field.key}[{at}].{column.key}", sent)
            for column in field.columns
            if column.is_answered
        }
        for at in places
    ]
    return [row for row in rows if any(row.values())]


def insert_standard_text(answers: dict[str, Any], sent: Mapping[str, str]) -> None:
    """Add the standard text whose button was pressed, for browsers without scripts."""
    key, bar, text = sent.get(INSERT, "").partition("|")
    if bar and isinstance(answers.get(key, ""), str):
        before = str(answers.get(key, ""))
        answers[key] = f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}{text}"


def finds_of(sent: Mapping[str, str]) -> dict[str, str]:
    """What was typed into the searches of long lists."""
    return {name.removeprefix(FIND): text.strip() for name, text in sent.items() if name.startswith(FIND)}
