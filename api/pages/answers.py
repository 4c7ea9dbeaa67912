"""The answers of a task's form as the browser sends them back: every field by its name, rows by their number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from api import context
from engine.workflow.forms import Field, Form
from engine.workflow.forms_drafts import is_empty

FIND = "_find:"
INSERT = "_insert"
ROW, SPARE, REMOVE = "_row", "_spare", "_remove"
"""Which rows of lists the page had, which of them were only offered, and which one is to go."""

Sent = MultiDict[str, str]


def read_answers(form: Form, sent: Sent) -> dict[str, Any]:
    """The answers of a posted page. What a readonly field shows is never taken from the browser."""
    answers: dict[str, Any] = {}
    for field in form.components:
        if field.is_answered and field.readonly is not True:
            answers[field.key] = _read_list(field, sent) if field.columns else _read(field, field.key, sent)
    return answers


def _read(field: Field, name: str, sent: Sent) -> Any:
    if field.kind in ("taglist", "checklist", "filepicker"):
        return [each for each in sent.getlist(name) if each]
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


def _read_list(field: Field, sent: Sent) -> list[dict[str, Any]]:
    """The rows of a list in the page's order; of a list that takes none, all it has."""
    return [row for at, row in _read_rows(field, sent) if field.is_fixed or _counts(field, at, row, sent)]


def _read_rows(field: Field, sent: Sent) -> Iterator[tuple[str, dict[str, Any]]]:
    pattern = re.compile(re.escape(field.key) + r"\[(\d{1,4})\]")
    places = {match[0]: int(match[1]) for name in (*sent, *sent.getlist(ROW)) if (match := pattern.match(name))}
    for at in sorted(places, key=lambda place: places[place]):
        yield (
            at,
            {
                column.key: _read(column, f"{at}.{column.key}", sent)
                for column in field.columns
                if column.is_answered and column.readonly is not True
            },
        )


def _counts(field: Field, at: str, row: Mapping[str, Any], sent: Sent) -> bool:
    """Whether a row is one: not taken away, and something in it that nobody but a person has put there."""
    if at in sent.getlist(REMOVE):
        return False
    given = {column.key: column.default for column in field.columns} if at in sent.getlist(SPARE) else {}
    return any(not is_empty(value) and value != given.get(key) for key, value in row.items())


def insert_standard_text(answers: dict[str, Any], sent: Mapping[str, str]) -> None:
    """Add the standard text whose button was pressed, for browsers without scripts."""
    key, bar, text = sent.get(INSERT, "").partition("|")
    if bar and isinstance(answers.get(key, ""), str):
        before = str(answers.get(key, ""))
        answers[key] = f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}{text}"


def finds_of(sent: Mapping[str, str]) -> dict[str, str]:
    """What was typed into the searches of long lists."""
    return {name.removeprefix(FIND): text.strip() for name, text in sent.items() if name.startswith(FIND)}
