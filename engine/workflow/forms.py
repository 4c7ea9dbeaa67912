"""Forms of user tasks: what is shown, what may be answered, in which language. See docs/reference/forms.md.

A form is a form-js schema; its conditions are written in the project's expression language.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from engine.workflow.expressions import CORE, Expression, ExpressionError, Functions
from engine.workflow.forms_reading import FormProblem, SchemaReader
from engine.workflow.forms_values import (
    MULTIPLE,
    SELECTIONS,
    Asked,
    Field,
    FormInvalid,
    Message,
    Option,
    Refusal,
    clean,
    list_options,
)

__all__ = ["Field", "FieldView", "Form", "FormError", "FormInvalid", "FormProblem", "Message", "Option", "load_form"]

Translate = Callable[[str, str], str]


class FormError(ValueError):
    """A form file with problems, each named."""

    def __init__(self, source: str, problems: tuple[FormProblem, ...]) -> None:
        super().__init__(source, problems)
        self.source, self.problems = source, problems

    def __str__(self) -> str:
        return "\n".join(f"{self.source}: {problem}" for problem in self.problems)


def load_form(text: str, source: str, functions: Functions = CORE) -> "Form":
    """Read a form-js schema.

    :param source: the file's logical path, for messages.
    :raises FormError: listing every problem.
    """
    reader = SchemaReader(functions)
    schema = reader.parse(text)
    fields = tuple(reader.read_fields(schema.get("components"))) if schema is not None else ()
    _try_conditions(fields, reader)
    if reader.problems or schema is None:
        raise FormError(source, tuple(reader.problems))
    return Form(schema["id"], fields, schema, source)


def _try_conditions(fields: tuple[Field, ...], reader: SchemaReader) -> None:
    """Find conditions that fail while nothing is answered yet, which is how every form starts."""
    empty = {each.key: None for each in fields if each.is_answered}
    for each in fields:
        _try_hide(each, empty, reader)
        for column in each.columns:
            _try_hide(column, empty | {other.key: None for other in each.columns}, reader)


def _try_hide(given: Field, names: Mapping[str, Any], reader: SchemaReader) -> None:
    reader.place = given.key
    for expression in given.hide:
        if expression.names <= names.keys():
            try:
                expression.evaluate(names)
            except ExpressionError as error:
                reader.report(f"conditional.hide fails while nothing is answered: {error.message}", error.remedy)


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as it is shown now."""

    field: Field
    visible: bool
    readonly: bool
    value: Any
    options: tuple[Option, ...]
    rows: tuple[tuple["FieldView", ...], ...] = ()  # of a dynamiclist


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One loaded form. Safe to share between threads."""

    form_id: str
    components: tuple[Field, ...]  # flattened, in order
    schema: Mapping[str, Any]
    source: str

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the answers."""
        return tuple(each.key for each in self.components if each.is_answered)

    @property
    def paths(self) -> frozenset[str]:
        """What its expressions read from the context, for the checker."""
        found: set[str] = set()
        for each in self.components:
            own = {*self.keys, *(column.key for column in each.columns)}
            for expression in each.expressions():
                found |= {path for path in expression.paths if path.split(".")[0] not in own}
        return frozenset(found)

    def validate(
        self, answers: Mapping[str, Any], context: Mapping[str, Any], *, now: datetime | None = None
    ) -> dict[str, Any]:
        """Return the cleaned answers.

        Every visible or hidden field has an entry, none where nothing is answered or the field is hidden, so that a
        later round never reads an earlier round's answer. Readonly fields are left out: a task cannot change them.

        :param context: what expressions see besides the answers; choices such as ``departments``.
        :param now: aware, in the city's time zone;
            needed by fields that allow no past dates (default: ``context["now"]``).
        :raises FormInvalid: with the messages of every field.
        :raises ExpressionError: a condition or list of choices fails; the form is at fault.
        """
        moment = now or context.get("now")
        today = moment.date() if isinstance(moment, datetime) else None
        errors = self._refuse_unknown(answers, self.components, "")
        cleaned = self._clean(self.components, answers, context, today, errors, "")
        if errors:
            raise FormInvalid(self.form_id, errors)
        return cleaned

    def _refuse_unknown(
        self, answers: Mapping[str, Any], fields: tuple[Field, ...], at: str
    ) -> dict[str, list[Message]]:
        known = {each.key for each in fields if each.is_answered}
        return {at + str(key): [Refusal("unknown", key=str(key)).message] for key in answers if key not in known}

    def _clean(
        self, fields: tuple[Field, ...], answers: Mapping[str, Any], context: Mapping[str, Any], today: date | None,
        errors: dict[str, list[Message]], at: str,
    ) -> dict[str, Any]:  # fmt: skip
        names, hidden = _settle(fields, answers, context)
        asked = Asked(names, today)
        cleaned: dict[str, Any] = {}
        for place, each in enumerate(fields):
            if not each.is_answered or _is_readonly(each, names):
                continue
            cleaned[each.key] = None
            if place in hidden:
                continue
            try:
                if each.kind == "dynamiclist":
                    cleaned[each.key] = self._clean_rows(each, answers.get(each.key), asked, errors, at)
                else:
                    cleaned[each.key] = clean(each, answers.get(each.key), asked)
            except Refusal as refusal:
                errors.setdefault(at + each.key, []).append(refusal.message)
        return cleaned

    def _clean_rows(
        self, given: Field, rows: Any, asked: Asked, errors: dict[str, list[Message]], at: str
    ) -> list[dict[str, Any]]:
        if rows is None or rows == []:
            if given.required:
                raise Refusal("required")
            return []
        if not isinstance(rows, list | tuple):
            raise Refusal("type", expected="list", zh="列表", en="a list")
        cleaned: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            place = f"{at}{given.key}[{index}]"
            if not isinstance(row, Mapping):
                errors[place] = [Refusal("type", expected="row", zh="一组填写项", en="a group of answers").message]
                continue
            errors |= self._refuse_unknown(row, given.columns, place + ".")
            cleaned.append(self._clean(given.columns, row, asked.names, asked.today, errors, place + "."))
        return cleaned

    def fields(self, context: Mapping[str, Any], answers: Mapping[str, Any] | None = None) -> tuple[FieldView, ...]:
        """Return every component in order as it is shown for ``context``.

        :param answers: what is filled in already, or the task's input parameters; defaults fill the rest.
        """
        return _view(self.components, answers or {}, context)

    def to_dict(self, language: str, translate: Translate) -> dict[str, Any]:
        """Return the schema with its texts passed through ``translate(key, text)``, for a form-js viewer."""
        schema: dict[str, Any] = copy.deepcopy(dict(self.schema))
        schema["language"] = language
        _translate(schema.get("components", []), f"form:{self.form_id}", translate)
        return schema


def _is_readonly(given: Field, names: Mapping[str, Any]) -> bool:
    return bool(given.readonly.evaluate(names)) if isinstance(given.readonly, Expression) else given.readonly


def _settle(
    fields: tuple[Field, ...], answers: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[dict[str, Any], set[int]]:
    """Find which fields, by place, are hidden: a hidden field's answer counts as none, which may hide or show others.

    Own fields come from the answers alone, so a variable of an earlier task never stands in; only fields that are
    always readonly show the context's value.
    """
    own = {each.key: answers.get(each.key) for each in fields if each.is_answered}
    own |= {
        each.key: context.get(each.key, own[each.key]) for each in fields if each.key in own and each.readonly is True
    }
    hidden: set[int] = set()
    names = dict(context) | own
    for _ in range(len(fields) + 1):
        names = dict(context) | own | {fields[at].key: None for at in hidden if fields[at].is_answered}
        found = {at for at, each in enumerate(fields) if any(condition.evaluate(names) for condition in each.hide)}
        if found == hidden:
            break
        hidden = found
    return names, hidden


def _view(fields: tuple[Field, ...], answers: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[FieldView, ...]:
    filled = {each.key: answers.get(each.key, each.default) for each in fields if each.is_answered}
    names, hidden = _settle(fields, filled, context)
    return tuple(_view_field(each, filled, names, at not in hidden) for at, each in enumerate(fields))


def _view_field(given: Field, filled: Mapping[str, Any], names: Mapping[str, Any], visible: bool) -> FieldView:
    value = filled.get(given.key)
    if given.readonly is True and value is None:
        value = names.get(given.key)
    rows: Iterator[Any] = iter(value if given.columns and isinstance(value, list | tuple) else ())
    shown = tuple(_view(given.columns, row, names) for row in rows if isinstance(row, Mapping))
    options = list_options(given, names) if visible else ()
    return FieldView(given, visible, _is_readonly(given, names), value, options, shown)


def _translate(components: list[dict[str, Any]], prefix: str, translate: Translate) -> None:
    for component in components:
        name = component.get("key") or component.get("path") or component.get("id") or ""
        key = f"{prefix}:{name}"
        for text in ("label", "dateLabel", "timeLabel", "text"):
            if isinstance(component.get(text), str):
                component[text] = translate(key, component[text])
        if isinstance(component.get("description"), str):
            component["description"] = translate(f"{key}:description", component["description"])
        properties = component.get("properties")
        if isinstance(properties, dict) and isinstance(properties.get("standard_texts"), str):
            properties["standard_texts"] = translate(f"{key}:standard_texts", properties["standard_texts"])
        if component.get("type") in SELECTIONS | MULTIPLE:
            for option in component.get("values") or []:
                option["label"] = translate(f"{key}:{option['value']}", str(option.get("label", option["value"])))
        if component.get("type") in ("group", "dynamiclist"):
            _translate(component["components"], prefix, translate)
