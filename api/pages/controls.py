"""A task's form as the page shows it.

The schema, its conditions and its rules are the engine's (``engine.workflow.forms``); here they only get the reader's
language, the text already typed, and the messages of the last attempt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from api import context
from api.pages.languages import page_language
from engine.workflow.expression_functions import Refused, convert_to_text
from engine.workflow.forms import Field, FieldView, Form, Option
from engine.workflow.forms_markup import render_markup
from engine.workflow.forms_values import MARKED_UP

LONG = 40
"""Choices a list may have before it gets a search."""
INPUT_TYPES = {"date": "date", "time": "time", "datetime": "datetime-local"}


@dataclass(frozen=True)
class Choice:
    """One choice of a control."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Picture:
    """A photo of the case, to look at or to choose."""

    value: str
    address: str
    caption: str


@dataclass(frozen=True)
class Row:
    """One row of a list; a spare one is only offered."""

    name: str
    controls: tuple[Control, ...]
    spare: bool = False


@dataclass(frozen=True)
class Control:
    """One field of a page. ``name`` is that of its input, ``kind`` form-js's, ``text`` what stands in it now.

    ``markup`` is HTML made safe, ``cells`` the lines of a table with its head first.
    """

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
    rows: tuple[Row, ...] = ()
    fixed_rows: bool = False
    markup: str = ""
    cells: tuple[tuple[str, ...], ...] = ()
    pictures: tuple[Picture, ...] = ()
    several: bool = False
    source: str = ""
    prefix: str = ""
    suffix: str = ""

    kept: tuple[str, ...] = ()
    """What is filled in, as the browser sends it."""

    @property
    def said(self) -> str:
        """The value in words, where it can only be read."""
        return "、".join(choice.label for choice in self.choices if choice.chosen) or self.text


class Sheet:
    """Builds the controls of one form for one reader.

    :param finds: what was typed into the searches of long lists.
    :param near: choices of a long list that begin so are shown first.
    :param photos: the photos of the case, for fields that show or ask for some.
    """

    def __init__(
        self, form: Form, errors: Mapping[str, Sequence[str]], finds: Mapping[str, str], near: str = "",
        photos: Sequence[Picture] = (),
    ) -> None:  # fmt: skip
        self.form, self.errors, self.finds, self.near = form, errors, finds, near
        self.photos = {photo.value: photo for photo in photos}
        self.say = context.translations().speaker(page_language())
        self.chinese = page_language() == "zh"

    def controls(self, views: Sequence[FieldView], prefix: str = "", *, locked: bool = False) -> tuple[Control, ...]:
        """The controls in order; ``locked`` lets all of them be read only."""
        shown = (view for view in views if view.field.kind not in ("spacer", "expression"))
        return tuple(self._control(replace(view, readonly=view.readonly or locked), prefix) for view in shown)

    def _control(self, view: FieldView, prefix: str) -> Control:
        field, key = view.field, f"form:{self.form.form_id}:{view.field.key}"
        name = prefix + field.key
        component = field.component
        texts = str((component.get("properties") or {}).get("standard_texts") or "")
        many = len(view.options) > LONG and not view.readonly and field.kind != "filepicker"
        find = self.finds.get(name, "") if many else None
        maximum = field.max_length if isinstance(field.max_length, int) else None
        look = component.get("appearance") or {}
        return Control(
            name=name,
            kind=field.kind,
            label=self._title(field, key),
            description=self.say(f"{key}:description", str(component.get("description") or "")),
            required=field.required or bool(view.least),
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
            rows=tuple(self._rows(view, name)),
            fixed_rows=field.is_fixed,
            markup=self._markup(view, key) if field.kind in MARKED_UP and view.visible else "",
            cells=tuple(self._cells(view, key)) if field.kind == "table" else (),
            pictures=tuple(self._pictures(view)),
            several=bool(component.get("multiple")),
            source=str(component.get("source") or "") if field.kind == "image" else "",
            kept=tuple(_sent(view.value, field)),
            prefix=self.say(f"{key}:prefix", str(look.get("prefixAdorner") or "")),
            suffix=self.say(f"{key}:suffix", str(look.get("suffixAdorner") or "")),
        )

    def _title(self, field: Field, key: str) -> str:
        """What stands above a field; of a picture what it shows."""
        for name in ("title", "alt"):
            if field.component.get(name):
                return self.say(f"{key}:{name}", str(field.component[name]))
        return "" if field.kind in MARKED_UP else self.say(key, field.label)

    def _markup(self, view: FieldView, key: str) -> Markup:
        values: Mapping[str, str] = view.value or {}
        return Markup(render_markup(view.field.kind, self.say(key, view.field.label), values))

    def _rows(self, view: FieldView, name: str) -> Iterator[Row]:
        """The rows there are, and as many more to fill in as the form begins with; one at least where one may be."""
        for at, row in enumerate(view.rows):
            place = f"{name}[{at}]"
            yield Row(place, self.controls(row, place + ".", locked=view.readonly))
        wanted = max(view.least, int(view.field.component.get("defaultRepetitions", 1)), len(view.rows) + 1)
        for at in range(len(view.rows), min(wanted, view.most)) if view.spare else ():
            place = f"{name}[{at}]"
            yield Row(place, self.controls(view.spare, place + "."), spare=True)

    def _cells(self, view: FieldView, key: str) -> Iterator[tuple[str, ...]]:
        columns = view.field.component["columns"]
        yield tuple(self.say(f"{key}:column:{each['key']}", str(each.get("label") or each["key"])) for each in columns)
        for row in view.value or ():
            yield tuple(_cell(row.get(each["key"])) for each in columns)

    def _pictures(self, view: FieldView) -> Iterator[Picture]:
        """The photos a field shows, or lets people choose from."""
        if view.field.kind == "documentPreview" or (view.field.kind == "filepicker" and view.readonly):
            wanted = view.value if isinstance(view.value, list | tuple) else ()
        else:
            wanted = [option.value for option in view.options] if view.field.kind == "filepicker" else ()
        yield from (self.photos[str(each)] for each in wanted if str(each) in self.photos)

    def _choices(self, view: FieldView, key: str, find: str | None) -> Iterator[Choice]:
        chosen, shown = set(_sent(view.value, view.field)) if view.options else set(), 0
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


def _cell(value: Any) -> str:
    try:
        return convert_to_text(value)
    except Refused:
        return ""


def _sent(value: Any, field: Field) -> Iterator[str]:
    for each in value if isinstance(value, list | tuple) else [value]:
        text = _text(each, field)
        if text:
            yield text


def _text(value: Any, field: Field) -> str:
    if value is None or isinstance(value, list | tuple | dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    text = convert_to_text(value)
    if field.kind == "datetime" and field.component.get("subtype") == "datetime":
        return _on_city_clocks(text)[:16]
    return text


def _on_city_clocks(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.astimezone(context.platform().city.time_zone).isoformat() if moment.tzinfo else text
