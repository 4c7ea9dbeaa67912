"""Read a form-js schema into fields, collecting every problem."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from engine.workflow.expression_syntax import CONSTANTS
from engine.workflow.expressions import Expression, ExpressionError, Functions, compile_expression
from engine.workflow.forms_answers import Asked, clean
from engine.workflow.forms_details import check_details, check_properties, check_rows, repeats_repeats
from engine.workflow.forms_markup import check_markup, places_of
from engine.workflow.forms_rules import OPTIONS, PROPERTIES, REFUSED, RULES
from engine.workflow.forms_values import ANSWERED, ASKED, MARKED_UP, Bound, Field, FormFailed, Option, Refusal

_KEY = re.compile(r"[^\W\d_]\w*")
_BLOCK = re.compile(r"[#/]|loop\b|if\b")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


@dataclass(frozen=True, slots=True)
class FormProblem:
    """Something in a form that must be corrected before it is used; ``field`` is empty for the form itself."""

    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{'field ' + self.field + ': ' if self.field else ''}{self.message}; {self.remedy}"


class SchemaReader:
    """Reads one schema."""

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.problems: list[FormProblem] = []
        self.place = ""

    def report(self, message: str, remedy: str) -> None:
        self.problems.append(FormProblem(self.place, message, remedy))

    def parse(self, text: str) -> dict[str, Any] | None:
        try:
            schema = json.loads(text, object_pairs_hook=self.read_object, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            self.report(f"is not JSON: {error}", "export it again from the form editor")
            return None
        if not isinstance(schema, dict) or schema.get("type") != "default":
            self.report('is no form: "type" is not "default"', "start from an existing form")
            return None
        if not isinstance(schema.get("id"), str) or not _KEY.fullmatch(schema["id"]):
            self.report(f"the form's id is {schema.get('id')!r}", "give it a word, the name of its file")
        return schema

    def read_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            self.report(f"says {', '.join(twice)} twice in one object", "keep one")
        return found

    def read_fields(self, components: Any, hide: tuple[Expression, ...] = (), row: bool = False) -> list[Field]:
        """Read components in order; groups are flattened, what hides them hides their members."""
        if not isinstance(components, list):
            self.report('has no list of "components"', "add one")
            return []
        found: list[Field] = []
        for at, component in enumerate(components, 1):
            if not isinstance(component, dict):
                self.report(f"component {at} is no object", "remove it")
                continue
            self.place = str(component.get("key") or component.get("path") or component.get("id") or f"number {at}")
            found.extend(self.read_component(component, hide, row))
        keys = [each.key for each in found if each.is_answered]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            self.place = key
            self.report("the key is used twice", "rename one")
        return found

    def read_component(self, component: dict[str, Any], hide: tuple[Expression, ...], row: bool) -> list[Field]:
        kind = component.get("type")
        if isinstance(kind, str) and kind in REFUSED:
            self.report(f"a {kind} has no place here", REFUSED[kind])
            return []
        if not isinstance(kind, str) or kind not in PROPERTIES:
            self.report(f"type {kind!r} is not known", f"use one of {', '.join(sorted(PROPERTIES))}")
            return []
        check_properties(self.report, kind, component)
        own = self.read_hide(component)
        hide = (*hide, own) if own else hide
        if kind == "group":
            if component.get("path"):
                self.report("a group with a path", "remove the path: answers have one level, lists are dynamiclist")
            group = Field(self.place, kind, str(component.get("label") or ""), component, hide)
            return [group, *self.read_fields(component.get("components"), hide, row)]
        if kind == "dynamiclist" and row:
            self.report("a list within a list", "move it out")
            return []
        key = component.get("path") if kind == "dynamiclist" else component.get("key")
        self.check_key(kind, key)
        columns: list[Field] = []
        if kind == "dynamiclist":
            place = self.place
            columns = self.read_fields(component.get("components"), row=True)
            self.place = place
            check_rows(self.report, component, columns)
        return [self.read_field(component, str(key or self.place), hide, tuple(columns))]

    def check_key(self, kind: str, key: Any) -> None:
        if kind in ANSWERED and (not isinstance(key, str) or not _KEY.fullmatch(key) or key in CONSTANTS):
            name = "path" if kind == "dynamiclist" else "key"
            self.report(f"{name} {key!r} is no word", f"give the {kind} a {name} such as reason")

    def read_field(
        self, component: dict[str, Any], key: str, hide: tuple[Expression, ...], columns: tuple[Field, ...]
    ) -> Field:
        kind = str(component["type"])
        rules = component.get("validate") or {}
        if not isinstance(rules, dict):
            self.report('"validate" is no object', "correct it")
            rules = {}
        for name in rules:
            if kind not in RULES.get(name, ()):
                self.report(f"validate.{name} does not apply to a {kind}", "remove it")
        if not isinstance(rules.get("required", False), bool):
            self.report(
                "validate.required is neither true nor false", "correct it; hide the field with conditional.hide"
            )
        check_details(self.report, kind, component, rules)
        label = component.get("label") or component.get("dateLabel") or component.get("timeLabel") or ""
        if kind in MARKED_UP:
            label = component.get("text" if kind == "text" else "content") or ""
        source = self.read_source(kind, component)
        found = Field(
            key=key, kind=kind, label=str(label), component=component, hide=hide,
            readonly=kind == "expression" or self.read_readonly(component), options=self.read_options(kind, component),
            required=rules.get("required") is True,
            min_length=self.read_bound("minLength", rules.get("minLength")),
            max_length=self.read_bound("maxLength", rules.get("maxLength")),
            min=self.read_bound("min", rules.get("min")), max=self.read_bound("max", rules.get("max")),
            pattern=self.read_pattern(rules.get("pattern")), columns=columns, roles=self.read_roles(component),
            source=source, places=self.read_markup(kind, str(label)) if kind in MARKED_UP else {},
        )  # fmt: skip
        self.check_default(found)
        return found

    def check_default(self, given: Field) -> None:
        """A default is an answer the field would take; limits that are expressions are left to the task."""
        default = given.default
        if default in (None, "", [], False) or given.kind not in ASKED or isinstance(given.options, Expression):
            return
        if given.kind in ("filepicker", "dynamiclist"):
            self.report(f"defaultValue of a {given.kind}", "give it by an input parameter of the task")
            return
        fixed = replace(
            given, required=False, min=_fixed(given.min), max=_fixed(given.max),
            min_length=_fixed(given.min_length), max_length=_fixed(given.max_length),
        )  # fmt: skip
        try:
            clean(fixed, default, Asked({}, date.min))
        except Refusal as refusal:
            self.report(f"defaultValue {default!r}: {refusal.message.en.rstrip('.')}", "correct it")
        except (FormFailed, TypeError, ValueError) as error:
            self.report(f"defaultValue {default!r} is no answer: {error}", "correct it")

    def read_source(self, kind: str, component: dict[str, Any]) -> Expression | None:
        """The expression behind an expression, a table or a documentPreview."""
        name = {"expression": "expression", "table": "dataSource", "documentPreview": "dataSource"}.get(kind)
        if name is None:
            return None
        text = component.get(name)
        if isinstance(text, str) and _KEY.fullmatch(text.strip()):
            self.report(f"{name} names form data", f'write "{name}": "={text.strip()}"')
            return None
        return self.read_expression(text, name)

    def read_markup(self, kind: str, text: str) -> dict[str, Expression]:
        """The expressions in a text; what of the text would not be shown is a problem."""
        if text.strip().startswith("="):
            self.report("the text is an expression", "write a text with {{ expression }} in it")
            return {}
        for problem in check_markup(kind, text):
            self.report(problem, "take it out of the text")
        found: dict[str, Expression] = {}
        for place in places_of(text):
            if _BLOCK.match(place):
                self.report(
                    f"{{{{{place}}}}} is not worked out", "use {{ expression }}, or a condition on the component"
                )
                continue
            expression = self.read_expression(f"={place}", f"{{{{{place}}}}}")
            if expression is not None:
                found[place] = expression
        return found

    def read_roles(self, component: dict[str, Any]) -> frozenset[str]:
        custom = component.get("properties")
        text = custom.get("editable_by") if isinstance(custom, dict) else None
        if text is not None and (not isinstance(text, str) or not text.split()):
            self.report(f"editable_by is {text!r}", "name roles with spaces between them, or remove it")
            return frozenset()
        return frozenset((text or "").split())

    def read_expression(self, text: Any, place: str) -> Expression | None:
        """Read ``=expression`` (as form editors write it) or ``${expression}``."""
        if not isinstance(text, str) or not text.strip().startswith(("=", "${")):
            self.report(f"{place} is {text!r}", "write an expression after `=`")
            return None
        plain = text.strip()
        plain = plain.removeprefix("=") if plain.startswith("=") else plain
        try:
            return compile_expression(plain.strip(), self.functions)
        except ExpressionError as error:
            message = f"{place}, character {error.position + 1} of {error.text!r}: {error.message}"
            self.report(message, error.remedy or "correct it")
            return None

    def read_hide(self, component: Mapping[str, Any]) -> Expression | None:
        conditional = component.get("conditional")
        if conditional is None:
            return None
        if not isinstance(conditional, dict) or set(conditional) - {"hide"}:
            self.report('"conditional" holds more than "hide"', "keep only hide")
            return None
        return self.read_expression(conditional["hide"], "conditional.hide") if conditional.get("hide") else None

    def read_readonly(self, component: dict[str, Any]) -> bool | Expression:
        for name in ("readonly", "disabled"):
            if isinstance(component.get(name), str):
                return self.read_expression(component[name], name) or False
            if component.get(name, False) not in (True, False):
                self.report(f"{name} is {component[name]!r}", "use true, false or an expression")
        return component.get("readonly") is True or component.get("disabled") is True

    def read_bound(self, name: str, value: Any) -> Bound:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        return self.read_expression(value, f"validate.{name}")

    def read_pattern(self, text: Any) -> re.Pattern[str] | None:
        if text in (None, ""):
            return None
        try:
            found = re.compile(text)
        except (re.error, TypeError, RecursionError) as error:
            self.report(f"validate.pattern {text!r} cannot be read: {error}", "correct the regular expression")
            return None
        if repeats_repeats(text):
            self.report(f"validate.pattern {text!r} repeats a repetition", "write it without: it may take for ever")
        return found

    def read_options(self, kind: str, component: dict[str, Any]) -> tuple[Option, ...] | Expression:
        if kind not in OPTIONS:
            return ()
        if component.get("valuesKey"):
            self.report("valuesKey names form data", f'write "valuesExpression": "={component["valuesKey"]}"')
            return ()
        if ("values" in component) == ("valuesExpression" in component):
            self.report("needs either values or valuesExpression", "list the choices or write an expression for them")
            return ()
        if "valuesExpression" in component:
            return self.read_expression(component["valuesExpression"], "valuesExpression") or ()
        listed = component["values"] if isinstance(component["values"], list) else []
        options = [
            Option(each["value"], str(each.get("label", each["value"])), hide=self.read_hide(each))
            for each in listed
            if isinstance(each, Mapping) and isinstance(each.get("value"), str | int | float)
        ]
        if not options or len(options) < len(listed):
            self.report("a choice has no value", 'write choices as {"label": "…", "value": "…"}')
        if len({str(option.value) for option in options}) < len(options):
            self.report("two choices have one value", "give each its own")
        return tuple(options)


def _fixed(limit: Bound) -> Bound:
    return None if isinstance(limit, Expression) else limit
