"""What a form is made of, what an answer may be, and what people are told when it may not."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from engine.workflow.expression_functions import convert_to_text
from engine.workflow.expressions import Expression

SELECTIONS = frozenset({"radio", "select"})
MULTIPLE = frozenset({"checklist", "taglist"})
TEXTS = frozenset({"textfield", "textarea"})
ANSWERED = SELECTIONS | MULTIPLE | TEXTS | {"number", "checkbox", "datetime", "filepicker", "dynamiclist"}
SHOWN = frozenset({"text", "image", "separator", "spacer", "group"})

Bound = int | float | Expression | None


class Message(NamedTuple):
    """Why an answer is refused: a key with parameters for translation, and both languages written out."""

    message_key: str
    params: dict[str, Any]
    zh: str
    en: str


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
}  # fmt: skip
_TYPES = {
    "text": ("文本", "a text"), "number": ("数字", "a number"), "boolean": ("是或否", "true or false"),
    "list": ("列表", "a list"), "date": ("日期，例如 2026-01-31", "a date such as 2026-01-31"),
    "time": ("时刻，例如 08:30", "a time such as 08:30"), "row": ("一组填写项", "a group of answers"),
    "datetime": ("日期和时间，例如 2026-01-31T08:00:00+08:00", "a date and time such as 2026-01-31T08:00:00+08:00"),
    "evidence": ("证据编号列表", "a list of evidence ids"),
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{3,18}[0-9]")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
TEXT_LIMIT = 100_000  # characters, where the form sets no maxLength


class Refusal(ValueError):
    """An answer that is not accepted."""

    def __init__(self, message_key: str, **params: Any) -> None:
        zh, en = TEXTS_OF_MESSAGES[message_key]
        self.message = Message(message_key, params, zh.format(**params), en.format(**params))
        super().__init__(self.message.en)


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
    """One choice: the value that is kept and the label people read; ``label_en`` only where an expression gives it."""

    value: Any
    label: str
    label_en: str = ""


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

    @property
    def is_answered(self) -> bool:
        return self.kind in ANSWERED

    @property
    def default(self) -> Any:
        return self.component.get("defaultValue")

    def expressions(self) -> Iterable[Expression]:
        bounds = (self.readonly, self.options, self.min_length, self.max_length, self.min, self.max)
        yield from self.hide
        yield from (each for each in bounds if isinstance(each, Expression))
        for column in self.columns:
            yield from column.expressions()


def list_options(given: Field, names: Mapping[str, Any]) -> tuple[Option, ...]:
    """Return a field's choices; an expression may give texts, ``{value, label}`` or ``{code, name}``."""
    if not isinstance(given.options, Expression):
        return given.options
    members = given.options.evaluate(names)
    if members is None:
        return ()
    if not isinstance(members, list | tuple):
        raise TypeError(f"field {given.key}: `{given.options.text}` gives no list of choices; correct valuesExpression")
    return tuple(_read_option(given, each) for each in members)


def _read_option(given: Field, member: Any) -> Option:
    if isinstance(member, Option):
        return member
    if not isinstance(member, Mapping):
        return Option(member, convert_to_text(member))
    value = member.get("value", member.get("code"))
    if value is None:
        raise TypeError(f"field {given.key}: a choice without `value` or `code`; correct valuesExpression")
    label, label_en = member.get("label", member.get("name", value)), member.get("label_en", member.get("name_en"))
    return Option(value, convert_to_text(label), convert_to_text(label_en))


@dataclass(frozen=True, slots=True)
class Asked:
    """The circumstances of one validation: what expressions see, and today."""

    names: Mapping[str, Any]
    today: date | None

    def bound(self, limit: Bound) -> Any:
        return limit.evaluate(self.names) if isinstance(limit, Expression) else limit


def clean(given: Field, answer: Any, asked: Asked) -> Any:
    """Return an answer as it is kept, none when there is none; raise Refusal. Lists of rows are cleaned by the form."""
    if isinstance(answer, str):
        answer = answer.strip()
    if answer is None or answer == "" or answer == []:
        if given.required:
            raise Refusal("required")
        return False if given.kind == "checkbox" else None
    return _CLEANERS[given.kind](given, answer, asked)


def refuse_type(name: str) -> Refusal:
    """The refusal of an answer of another type."""
    zh, en = _TYPES[name]
    return Refusal("type", expected=name, zh=zh, en=en)


def _clean_text(given: Field, answer: Any, asked: Asked) -> str:
    if not isinstance(answer, str):
        raise refuse_type("text")
    low, high = asked.bound(given.min_length), asked.bound(given.max_length)
    if low is not None and len(answer) < low:
        raise Refusal("min_length", limit=low)
    high = TEXT_LIMIT if high is None else high
    if len(answer) > high:
        raise Refusal("max_length", limit=high, length=len(answer))
    if given.pattern and not given.pattern.search(answer):
        raise Refusal("pattern", pattern=given.pattern.pattern)
    kind = given.component.get("validate", {}).get("validationType")
    if kind in ("email", "phone") and not (_EMAIL if kind == "email" else _PHONE).fullmatch(answer):
        raise Refusal(kind)
    return answer


def _clean_number(given: Field, answer: Any, asked: Asked) -> int | float:
    if isinstance(answer, str) and _NUMBER.fullmatch(answer):
        answer = float(answer) if "." in answer else int(answer)
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not abs(answer) <= 10**18:
        raise refuse_type("number")
    low, high = asked.bound(given.min), asked.bound(given.max)
    if low is not None and answer < low:
        raise Refusal("min", limit=low)
    if high is not None and answer > high:
        raise Refusal("max", limit=high)
    digits = given.component.get("decimalDigits")
    if digits is not None and round(Decimal(repr(answer)), digits) != Decimal(repr(answer)):
        raise Refusal("decimals", limit=digits)
    return answer


def _clean_checkbox(given: Field, answer: Any, asked: Asked) -> bool:
    if answer in ("true", "on"):
        answer = True
    elif answer in ("false", "off"):
        answer = False
    if not isinstance(answer, bool):
        raise refuse_type("boolean")
    if given.required and not answer:
        raise Refusal("required")
    return answer


def _choose(options: tuple[Option, ...], answer: Any) -> Any:
    """Return the option's own value: a web page sends every value as text."""
    for option in options:
        if type(option.value) is type(answer) and option.value == answer:
            return option.value
    for option in options:
        if isinstance(answer, str) and convert_to_text(option.value) == answer:
            return option.value
    raise Refusal("choice", value=answer if isinstance(answer, str | int | float) else "…")


def _clean_choice(given: Field, answer: Any, asked: Asked) -> Any:
    return _choose(list_options(given, asked.names), answer)


def _clean_choices(given: Field, answer: Any, asked: Asked) -> list[Any]:
    if not isinstance(answer, list | tuple):
        raise refuse_type("list")
    options = list_options(given, asked.names)
    return _distinct([_choose(options, each) for each in answer])


def _distinct(values: list[Any]) -> list[Any]:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise Refusal("repeated", value=value)
    return values


def _clean_evidence(given: Field, answer: Any, asked: Asked) -> list[Any]:
    if not isinstance(answer, list | tuple):
        raise refuse_type("evidence")
    if any(not isinstance(each, str | int) or isinstance(each, bool) or each == "" for each in answer):
        raise refuse_type("evidence")
    if not given.component.get("multiple", False) and len(answer) > 1:
        raise Refusal("count", limit=1)
    return _distinct(list(answer))


def _clean_datetime(given: Field, answer: Any, asked: Asked) -> str:
    kind = given.component.get("subtype", "date")
    try:
        if not isinstance(answer, str):
            answer = answer.isoformat() if isinstance(answer, date | time) else ""
        if kind == "time":
            return time.fromisoformat(answer).isoformat("minutes")
        moment: date = date.fromisoformat(answer) if kind == "date" else datetime.fromisoformat(answer)
    except ValueError:
        raise refuse_type(kind) from None
    if isinstance(moment, datetime) and moment.tzinfo is None:
        raise Refusal("offset")
    day = moment.date() if isinstance(moment, datetime) else moment
    if given.component.get("disallowPassedDates"):
        if asked.today is None:
            raise TypeError(f"field {given.key} allows no date before today; pass now= to validate()")
        if day < asked.today:
            raise Refusal("passed", today=asked.today.isoformat())
    return moment.isoformat()


_CLEANERS: dict[str, Callable[[Field, Any, Asked], Any]] = {
    "textfield": _clean_text, "textarea": _clean_text, "number": _clean_number, "checkbox": _clean_checkbox,
    "radio": _clean_choice, "select": _clean_choice, "checklist": _clean_choices, "taglist": _clean_choices,
    "datetime": _clean_datetime, "filepicker": _clean_evidence,
}  # fmt: skip
