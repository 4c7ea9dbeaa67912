"""Read a form-js schema into fields, collecting every problem."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.workflow.expression_syntax import CONSTANTS
from engine.workflow.expressions import Expression, ExpressionError, Functions, compile_expression
from engine.workflow.forms_values import ANSWERED, MULTIPLE, SELECTIONS, SHOWN, TEXTS, Bound, Field, Option

RULES = {
    "required": ANSWERED, "minLength": TEXTS, "maxLength": TEXTS, "pattern": TEXTS, "validationType": TEXTS,
    "min": frozenset({"number"}), "max": frozenset({"number"}),
    "patternErrorMessage": TEXTS, "minLengthErrorMessage": TEXTS, "maxLengthErrorMessage": TEXTS,
}  # fmt: skip
SUBTYPES = ("date", "time", "datetime")
_KEY = re.compile(r"[^\W\d_]\w*")


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
        if not isinstance(kind, str) or kind not in ANSWERED | SHOWN:
            self.report(f"type {kind!r} is not known", f"use one of {', '.join(sorted(ANSWERED | SHOWN))}")
            return []
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
        self.check_details(kind, component, rules)
        label = component.get("label") or component.get("dateLabel") or component.get("text") or ""
        low, high = self.read_bound("min", rules.get("min")), self.read_bound("max", rules.get("max"))
        shortest = self.read_bound("minLength", rules.get("minLength"))
        longest = self.read_bound("maxLength", rules.get("maxLength"))
        options = self.read_options(kind, component)
        readonly = self.read_readonly(component)
        pattern = self.read_pattern(rules.get("pattern"))
        required = rules.get("required") is True
        return Field(
            key, kind, str(label), component, hide, readonly, options, required,
            shortest, longest, low, high, pattern, columns,
        )  # fmt: skip

    def check_details(self, kind: str, component: dict[str, Any], rules: dict[str, Any]) -> None:
        if kind == "datetime" and component.get("subtype", "date") not in SUBTYPES:
            self.report(f"subtype {component['subtype']!r} is not known", f"use {', '.join(SUBTYPES)}")
        digits = component.get("decimalDigits")
        if kind == "number" and digits is not None and (not isinstance(digits, int) or not 0 <= digits <= 15):
            self.report(f"decimalDigits is {digits!r}", "use a whole number from 0 to 15")
        if rules.get("validationType") not in (None, "", "custom", "email", "phone"):
            self.report(f"validationType {rules['validationType']!r} is not known", "use email, phone or a pattern")

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

    def read_hide(self, component: dict[str, Any]) -> Expression | None:
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
            return re.compile(text)
        except (re.error, TypeError, RecursionError) as error:
            self.report(f"validate.pattern {text!r} cannot be read: {error}", "correct the regular expression")
            return None

    def read_options(self, kind: str, component: dict[str, Any]) -> tuple[Option, ...] | Expression:
        if kind not in SELECTIONS | MULTIPLE:
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
            Option(each["value"], str(each.get("label", each["value"])))
            for each in listed
            if isinstance(each, Mapping) and isinstance(each.get("value"), str | int | float)
        ]
        if not options or len(options) < len(listed):
            self.report("a choice has no value", 'write choices as {"label": "…", "value": "…"}')
        if len({str(option.value) for option in options}) < len(options):
            self.report("two choices have one value", "give each its own")
        default = component.get("defaultValue")
        wanted = default if isinstance(default, list) else [default]
        if default is not None and any(each not in [option.value for option in options] for each in wanted):
            self.report(f"defaultValue {default!r} is no choice", "correct it")
        return tuple(options)
