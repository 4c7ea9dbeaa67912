"""What a form is made of, and what people are told when an answer is refused."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.errors import DomainError
from engine.workflow.expressions import Expression

SELECTIONS = frozenset({"radio", "select"})
MULTIPLE = frozenset({"checklist", "taglist"})
TEXTS = frozenset({"textfield", "textarea"})
ASKED = SELECTIONS | MULTIPLE | TEXTS | {"number", "checkbox", "datetime", "filepicker", "dynamiclist"}
"""Kinds people fill in."""
ANSWERED = ASKED | {"expression"}
"""Kinds with an entry among the answers."""
MARKED_UP = frozenset({"text", "html"})
SHOWN = MARKED_UP | {"image", "separator", "spacer", "group", "table", "documentPreview"}

Bound = int | float | Expression | None


class Message(NamedTuple):
    """Why an answer is refused: a key with parameters, and both languages written out.

    ``text_key`` is set where the form says it in words of its own, which are the same in ``zh`` and ``en``: the key of
    their translation.
    """

    message_key: str
    params: dict[str, Any]
    zh: str
    en: str
    text_key: str = ""


TEXTS_OF_MESSAGES = {
    "required": ("请填写此项。", "This field is required."),
    "unknown": ("表单没有“{key}”这一项。", "The form has no field “{key}”."),
    "type": ("应为{zh}。", "This must be {en}."),
    "min_length": ("至少 {limit} 个字。", "At least {limit} characters are needed."),
    "max_length": (
        "最多 {limit} 个字，现有 {length} 个。", "At most {limit} characters are allowed; there are {length}."
    ),
    "pattern": ("格式不正确，应符合 {pattern}。", "The format is wrong; it must match {pattern}."),
    "email": ("不是有效的电子邮箱地址。", "This is not an e-mail address."),
    "phone": ("不是有效的电话号码。", "This is not a telephone number."),
    "min": ("不能小于 {limit}。", "This must not be less than {limit}."),
    "max": ("不能大于 {limit}。", "This must not be more than {limit}."),
    "decimals": ("最多 {limit} 位小数。", "At most {limit} decimal places are allowed."),
    "choice": ("“{value}”不在可选项中。", "“{value}” is not one of the choices."),
    "repeated": ("“{value}”重复。", "“{value}” is given twice."),
    "offset": (
        "时间须带时区，例如 2026-01-31T08:00:00+08:00。", "The time needs its offset, as in 2026-01-31T08:00:00+08:00."
    ),
    "passed": ("不能早于今天（{today}）。", "This must not be before today ({today})."),
    "count": ("最多 {limit} 个。", "At most {limit} are allowed."),
    "foreign": ("照片 {value} 不属于本案。", "Photo {value} is not one of this case."),
    "rows_min": ("至少 {limit} 行，现有 {count} 行。", "At least {limit} rows are needed; there are {count}."),
    "rows_max": ("最多 {limit} 行，现有 {count} 行。", "At most {limit} rows are allowed; there are {count}."),
    "rows": ("应为 {limit} 行，现有 {count} 行。", "There must be {limit} rows; there are {count}."),
}  # fmt: skip
_TYPES = {
    "text": ("文本", "a text"), "number": ("数字", "a number"), "boolean": ("是或否", "true or false"),
    "list": ("列表", "a list"), "date": ("日期，例如 2026-01-31", "a date such as 2026-01-31"),
    "time": ("时刻，例如 08:30", "a time such as 08:30"), "row": ("一组填写项", "a group of answers"),
    "datetime": ("日期和时间，例如 2026-01-31T08:00:00+08:00", "a date and time such as 2026-01-31T08:00:00+08:00"),
    "evidence": ("证据编号列表", "a list of evidence ids"),
}  # fmt: skip


class Refusal(ValueError):
    """An answer that is not accepted."""

    def __init__(self, message_key: str, **params: Any) -> None:
        zh, en = TEXTS_OF_MESSAGES[message_key]
        self.message = Message(message_key, params, zh.format(**params), en.format(**params))
        super().__init__(self.message.en)


def refuse_type(name: str) -> Refusal:
    """The refusal of an answer of another type."""
    zh, en = _TYPES[name]
    return Refusal("type", expected=name, zh=zh, en=en)


class FormFailed(DomainError):
    """A rule of the form cannot be worked out: the form is at fault, not who fills it in."""


class FormInvalid(ValueError):
    """Answers a form refuses: per field the messages; a list's row is written ``items[0].name``."""

    def __init__(self, form_id: str, errors: dict[str, list[Message]]) -> None:
        super().__init__(form_id, errors)
        self.form_id, self.errors = form_id, errors

    def __str__(self) -> str:
        fields = "; ".join(f"{key}: {' '.join(each.en for each in found)}" for key, found in self.errors.items())
        return f"form {self.form_id} is not complete: {fields}"


@dataclass(frozen=True, slots=True)
class Option:
    """One choice: the value that is kept and the label people read; ``label_en`` only where an expression gives it.

    It is not offered where ``hide`` holds.
    """

    value: Any
    label: str
    label_en: str = ""
    hide: Expression | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One component of a form, compiled."""

    key: str
    kind: str
    label: str
    component: Mapping[str, Any] = field(compare=False)
    hide: tuple[Expression, ...] = ()  # its own and those of the groups around it
    readonly: bool | Expression = False
    options: tuple[Option, ...] | Expression = ()
    required: bool = False
    min_length: Bound = None
    max_length: Bound = None
    min: Bound = None
    max: Bound = None
    pattern: re.Pattern[str] | None = None
    columns: tuple["Field", ...] = ()  # of a dynamiclist
    roles: frozenset[str] = frozenset()  # who may answer; everybody when empty
    source: Expression | None = None  # of an expression, a table, a documentPreview
    places: Mapping[str, Expression] = field(default_factory=dict, compare=False)  # {{…}} of a text, as written

    @property
    def is_answered(self) -> bool:
        """Whether it has an entry among the answers."""
        return self.kind in ANSWERED

    @property
    def is_fixed(self) -> bool:
        """Whether a dynamiclist has as many rows as it is given, and none can be added or removed."""
        return self.component.get("allowAddRemove") is False

    @property
    def default(self) -> Any:
        return self.component.get("defaultValue")

    def expressions(self) -> Iterable[Expression]:
        rules = (self.readonly, self.options, self.min_length, self.max_length, self.min, self.max, self.source)
        yield from self.hide
        yield from (each for each in rules if isinstance(each, Expression))
        if isinstance(self.options, tuple):
            yield from (option.hide for option in self.options if option.hide is not None)
        yield from self.places.values()
        for column in self.columns:
            yield from column.expressions()
