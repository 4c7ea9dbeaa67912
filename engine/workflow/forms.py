"""Forms of user tasks: what is shown, what may be answered, in which language. See docs/reference/forms.md.

A form is a form-js schema; its conditions are written in the project's expression language.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.workflow.expressions import CORE, Functions
from engine.workflow.forms_answers import Asked, clean
from engine.workflow.forms_reading import FormProblem, SchemaReader
from engine.workflow.forms_rules import OWN_WORDS
from engine.workflow.forms_settling import settle
from engine.workflow.forms_trying import try_rules
from engine.workflow.forms_values import (
    MULTIPLE,
    SELECTIONS,
    Field,
    FormFailed,
    FormInvalid,
    Message,
    Option,
    Refusal,
    refuse_type,
)
from engine.workflow.forms_views import (
    PHOTOS,
    PHOTOS_OF_CASE,
    FieldView,
    count_rows,
    fixed_count,
    photos_of,
    row_base,
    view_fields,
)

__all__ = [
    "Field", "FieldView", "Form", "FormError", "FormFailed", "FormInvalid", "FormProblem", "Message", "Option",
    "load_form",
]  # fmt: skip

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
    try_rules(fields, reader)
    if reader.problems or schema is None:
        raise FormError(source, tuple(reader.problems))
    return Form(schema["id"], fields, schema, source)


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

    @property
    def roles(self) -> frozenset[str]:
        """The roles some field may be answered by alone."""
        every = (*self.components, *(column for each in self.components for column in each.columns))
        return frozenset(role for each in every for role in each.roles)

    @property
    def is_live(self) -> bool:
        """Whether what is shown depends on what is answered, so that a page asks anew when answers change."""
        own = {*self.keys, *(column.key for each in self.components for column in each.columns)}
        return any(
            (each.kind == "dynamiclist" and not each.is_fixed) or any(own & rule.names for rule in each.expressions())
            for each in self.components
        )

    @property
    def has_photos(self) -> bool:
        """Whether it shows or asks for photos of the case, so that ``case_photos`` is needed."""
        every = (*self.components, *(column for each in self.components for column in each.columns))
        return any(each.kind in PHOTOS for each in every) or PHOTOS_OF_CASE in self.paths

    def validate(
        self, answers: Mapping[str, Any], context: Mapping[str, Any], *, now: datetime | None = None
    ) -> dict[str, Any]:
        """Return the cleaned answers.

        Every visible or hidden field has an entry, none where nothing is answered or the field is hidden, so that a
        later round never reads an earlier round's answer. Readonly fields are left out: a task cannot change them.

        :param context: what expressions see besides the answers; choices such as ``departments``, the ``roles`` of who
            answers, the photos an answer may name (``case_photos``).
        :param now: aware, in the city's time zone;
            needed by fields that allow no past dates (default: ``context["now"]``).
        :raises FormInvalid: with the messages of every field.
        :raises FormFailed: a condition or list of choices fails; the form is at fault.
        """
        moment = now or context.get("now")
        errors = self._refuse_unknown(answers, self.components, "")
        failed: list[FormFailed] = []
        asked = Asked(
            {**context, "now": moment} if moment is not None else context,
            moment.date() if isinstance(moment, datetime) else None,
            photos_of(context),
        )
        cleaned = self._clean(self.components, answers, asked, errors, failed, "")
        if errors:
            raise FormInvalid(self.form_id, errors)
        if failed:  # only now: an expression may have failed for what was missing
            raise failed[0]
        return cleaned

    def _refuse_unknown(
        self, answers: Mapping[str, Any], fields: tuple[Field, ...], at: str
    ) -> dict[str, list[Message]]:
        known = {each.key for each in fields if each.is_answered}
        return {at + str(key): [Refusal("unknown", key=str(key)).message] for key in answers if key not in known}

    def _clean(
        self, fields: tuple[Field, ...], answers: Mapping[str, Any], asked: Asked,
        errors: dict[str, list[Message]], failed: list[FormFailed], at: str,
    ) -> dict[str, Any]:  # fmt: skip
        settled = settle(fields, answers, asked.names, asked.names.get("roles") or ())
        failed += settled.failed
        inside = Asked(settled.names, asked.today, asked.photos)
        cleaned: dict[str, Any] = {}
        for place, each in enumerate(fields):
            if not each.is_answered or (place in settled.locked and each.kind != "expression" and not at):
                continue
            cleaned[each.key] = None
            if place in settled.hidden:
                continue
            if place in settled.locked:  # an expression, or in a row what it came with
                cleaned[each.key] = settled.names[each.key]
                continue
            try:
                if each.kind == "dynamiclist":
                    base = asked.names.get(each.key)
                    cleaned[each.key] = self._clean_rows(each, answers.get(each.key), base, inside, errors, failed)
                else:
                    cleaned[each.key] = clean(each, answers.get(each.key), inside)
            except Refusal as refusal:
                errors.setdefault(at + each.key, []).append(self._word(each, refusal.message))
        return cleaned

    def _clean_rows(
        self, given: Field, rows: Any, base: Any, asked: Asked, errors: dict[str, list[Message]],
        failed: list[FormFailed],
    ) -> list[dict[str, Any]]:  # fmt: skip
        if rows is None or rows == "":
            rows = []
        if not isinstance(rows, list | tuple):
            raise refuse_type("list")
        count_rows(given, rows, base, asked)
        if given.is_fixed and not rows:
            rows = [{}] * fixed_count(given, base)
        cleaned: list[dict[str, Any]] = []
        for index, row in enumerate(rows):
            place = f"{given.key}[{index}]"
            if not isinstance(row, Mapping):
                errors[place] = [refuse_type("row").message]
                continue
            errors |= self._refuse_unknown(row, given.columns, place + ".")
            within = Asked({**asked.names, **row_base(given, base, index)}, asked.today, asked.photos)
            cleaned.append(self._clean(given.columns, row, within, errors, failed, place + "."))
        return cleaned

    def _word(self, given: Field, message: Message) -> Message:
        """A message in the form's own words, where it has some."""
        own = (given.component.get("validate") or {}).get(OWN_WORDS.get(message.message_key, ""))
        if not own:
            return message
        return message._replace(zh=own, en=own, text_key=f"form:{self.form_id}:{given.key}:{message.message_key}")

    def fields(self, context: Mapping[str, Any], answers: Mapping[str, Any] | None = None) -> tuple[FieldView, ...]:
        """Return every component in order as it is shown for ``context``.

        :param answers: what is filled in already, or the task's input parameters; defaults fill the rest.
        """
        return view_fields(self.components, answers or {}, context)

    def to_dict(self, language: str, translate: Translate) -> dict[str, Any]:
        """Return the schema with its texts passed through ``translate(key, text)``, for a form-js viewer."""
        schema: dict[str, Any] = copy.deepcopy(dict(self.schema))
        schema["language"] = language
        _translate(schema.get("components", []), f"form:{self.form_id}", translate)
        return schema


_ITSELF = ("label", "dateLabel", "timeLabel", "text", "content")
"""Texts translated under the component's own key; others have a word behind it."""
_BEHIND = {"description": "description", "title": "title", "alt": "alt"}
_ADORNERS = {"prefixAdorner": "prefix", "suffixAdorner": "suffix"}
_MESSAGES = {written: behind for behind, written in OWN_WORDS.items()}


def _translate(components: list[dict[str, Any]], prefix: str, translate: Translate) -> None:
    for component in components:
        name = component.get("key") or component.get("path") or component.get("id") or ""
        key = f"{prefix}:{name}"
        _translate_texts(component, dict.fromkeys(_ITSELF, ""), key, translate)
        _translate_texts(component, _BEHIND, key, translate)
        _translate_texts(component.get("properties"), {"standard_texts": "standard_texts"}, key, translate)
        _translate_texts(component.get("appearance"), _ADORNERS, key, translate)
        _translate_texts(component.get("validate"), _MESSAGES, key, translate)
        for column in component.get("columns") or () if component.get("type") == "table" else ():
            _translate_texts(column, {"label": f"column:{column['key']}"}, key, translate)
        if component.get("type") in SELECTIONS | MULTIPLE:
            for option in component.get("values") or []:
                option["label"] = translate(f"{key}:{option['value']}", str(option.get("label", option["value"])))
        if component.get("type") in ("group", "dynamiclist"):
            _translate(component["components"], prefix, translate)


def _translate_texts(holder: Any, texts: Mapping[str, str], key: str, translate: Translate) -> None:
    for name, behind in texts.items() if isinstance(holder, dict) else ():
        if isinstance(holder.get(name), str):
            holder[name] = translate(f"{key}:{behind}" if behind else key, holder[name])
