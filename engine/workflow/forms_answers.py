"""Answers: how a condition sees them while somebody fills in the form, and how they are cleaned and kept."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from engine.workflow.expression_functions import convert_to_text
from engine.workflow.expressions import Expression, ExpressionError
from engine.workflow.forms_values import (
    MULTIPLE,
    SELECTIONS,
    Bound,
    Field,
    FormFailed,
    Option,
    Refusal,
    refuse_type,
)

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{3,18}[0-9]")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
TEXT_LIMIT = 100_000  # characters, where the form sets no maxLength
PATTERN_LIMIT = 1_000  # characters that are compared with a pattern, where the form sets no maxLength
ROW_LIMIT = 500  # rows, where the form sets no max


def work_out(given: Field, rule: str, expression: Expression, names: Mapping[str, Any]) -> Any:
    """The value of a rule's expression. Raises FormFailed naming field and rule."""
    try:
        return expression.evaluate(names)
    except ExpressionError as error:
        raise FormFailed(f"field {given.key}, {rule}: {error}") from error


def list_options(given: Field, names: Mapping[str, Any]) -> tuple[Option, ...]:
    """Return a field's choices; an expression may give texts, ``{value, label}`` or ``{code, name}``."""
    if not isinstance(given.options, Expression):
        return tuple(each for each in given.options if not _is_hidden(given, each, names))
    members = work_out(given, "valuesExpression", given.options, names)
    if members is None:
        return ()
    if not isinstance(members, list | tuple):
        raise FormFailed(
            f"field {given.key}: `{given.options.text}` gives no list of choices; correct valuesExpression"
        )
    return read_options(given, members)


def _is_hidden(given: Field, option: Option, names: Mapping[str, Any]) -> bool:
    """Whether a choice is not offered; what only the task knows hides none before there is a task."""
    if option.hide is None or not option.hide.names <= names.keys():
        return False
    return bool(work_out(given, f"choice {option.value}, conditional.hide", option.hide, names))


def read_options(given: Field, members: Iterable[Any]) -> tuple[Option, ...]:
    """Choices as an expression or the host lists them."""
    return tuple(_read_option(given, each) for each in members)


def _read_option(given: Field, member: Any) -> Option:
    if isinstance(member, Option):
        return member
    if not isinstance(member, Mapping):
        return Option(member, convert_to_text(member))
    value = member.get("value", member.get("code"))
    if value is None:
        raise FormFailed(f"field {given.key}: a choice without `value` or `code`; correct valuesExpression")
    label, label_en = member.get("label", member.get("name", value)), member.get("label_en", member.get("name_en"))
    return Option(value, convert_to_text(label), convert_to_text(label_en))


def read_loosely(given: Field, answer: Any) -> Any:
    """An answer as conditions see it while the form is filled in: typed as far as it can be read, else none.

    Pages send every answer as a text; a condition on a number must not fail for that.
    """
    kind = given.kind
    if kind == "dynamiclist":
        rows = answer if isinstance(answer, list | tuple) else ()
        return [
            {each.key: read_loosely(each, row.get(each.key)) for each in given.columns if each.is_answered}
            for row in rows
            if isinstance(row, Mapping)
        ]
    if isinstance(answer, str):
        answer = answer.strip() or None
    if kind == "checkbox":
        return answer is True or answer in ("true", "on")
    if answer is None or answer == []:
        return None
    if kind == "number":
        return _read_number(answer)
    if kind in SELECTIONS and isinstance(given.options, tuple):
        return _match(given.options, answer)
    if kind in MULTIPLE and isinstance(given.options, tuple) and isinstance(answer, list | tuple):
        return [_match(given.options, each) for each in answer]
    return answer


def _read_number(answer: Any) -> int | float | None:
    if isinstance(answer, str) and _NUMBER.fullmatch(answer):
        return float(answer) if "." in answer else int(answer)
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not abs(answer) <= 10**18:
        return None
    return answer


@dataclass(frozen=True, slots=True)
class Asked:
    """The circumstances of one validation: what expressions see, today, and the photos of the case if known."""

    names: Mapping[str, Any]
    today: date | None
    photos: tuple[Option, ...] | None = None

    def bound(self, given: Field, rule: str, limit: Bound) -> int | float | None:
        """A limit's number, none for no limit. Raises FormFailed for anything else."""
        if not isinstance(limit, Expression):
            return limit
        value = work_out(given, f"validate.{rule}", limit, self.names)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise FormFailed(f"field {given.key}, validate.{rule}: `{limit.text}` gives no number; correct it")
        return value


def clean(given: Field, answer: Any, asked: Asked) -> Any:
    """Return an answer as it is kept, none when there is none; raise Refusal. Lists of rows are cleaned by the form."""
    if isinstance(answer, str):
        answer = answer.strip()
    if answer is None or answer == "" or answer == []:
        if given.required:
            raise Refusal("required")
        return False if given.kind == "checkbox" else None
    return _CLEANERS[given.kind](given, answer, asked)


def _clean_text(given: Field, answer: Any, asked: Asked) -> str:
    if not isinstance(answer, str):
        raise refuse_type("text")
    low = asked.bound(given, "minLength", given.min_length)
    high = asked.bound(given, "maxLength", given.max_length)
    if low is not None and len(answer) < low:
        raise Refusal("min_length", limit=low)
    if high is None:
        high = PATTERN_LIMIT if given.pattern else TEXT_LIMIT
    if len(answer) > high:
        raise Refusal("max_length", limit=high, length=len(answer))
    if given.pattern and not given.pattern.search(answer):
        raise Refusal("pattern", pattern=given.pattern.pattern)
    kind = given.component.get("validate", {}).get("validationType")
    if kind in ("email", "phone") and not (_EMAIL if kind == "email" else _PHONE).fullmatch(answer):
        raise Refusal(kind)
    return answer


def _clean_number(given: Field, answer: Any, asked: Asked) -> int | float:
    number = _read_number(answer)
    if number is None:
        raise refuse_type("number")
    low, high = asked.bound(given, "min", given.min), asked.bound(given, "max", given.max)
    if low is not None and number < low:
        raise Refusal("min", limit=low)
    if high is not None and number > high:
        raise Refusal("max", limit=high)
    digits = given.component.get("decimalDigits")
    if digits is not None and round(Decimal(repr(number)), digits) != Decimal(repr(number)):
        raise Refusal("decimals", limit=digits)
    return number


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


def _match(options: tuple[Option, ...], answer: Any) -> Any:
    """The option's own value: a web page sends every value as text. None when it is no choice."""
    for option in options:
        if type(option.value) is type(answer) and option.value == answer:
            return option.value
    for option in options:
        if isinstance(answer, str) and convert_to_text(option.value) == answer:
            return option.value
    return None


def _choose(options: tuple[Option, ...], answer: Any, refusal: str = "choice") -> Any:
    found = _match(options, answer)
    if found is None:
        raise Refusal(refusal, value=answer if isinstance(answer, str | int | float) else "…")
    return found


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


def _clean_photos(given: Field, answer: Any, asked: Asked) -> list[Any]:
    if not isinstance(answer, list | tuple):
        raise refuse_type("evidence")
    if any(not isinstance(each, str | int) or isinstance(each, bool) or each == "" for each in answer):
        raise refuse_type("evidence")
    if not given.component.get("multiple", False) and len(answer) > 1:
        raise Refusal("count", limit=1)
    if asked.photos is None:
        return _distinct(list(answer))
    return _distinct([_choose(asked.photos, each, "foreign") for each in answer])


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
    "datetime": _clean_datetime, "filepicker": _clean_photos,
}  # fmt: skip
