"""Rules of a form tried out before anybody fills it in: none may fail for what is, or is not yet, answered."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from engine.workflow.expressions import Expression, ExpressionError
from engine.workflow.forms_answers import read_loosely
from engine.workflow.forms_reading import SchemaReader
from engine.workflow.forms_settling import plain
from engine.workflow.forms_values import MULTIPLE, SELECTIONS, Field

NOTHING = "while nothing is answered"
_SAMPLES: Mapping[str, Any] = {
    "number": 1, "checkbox": True, "filepicker": [1], "dynamiclist": [{}], "textfield": "1", "textarea": "1",
}  # fmt: skip
_MOMENTS = {"date": "2026-03-02", "time": "08:30", "datetime": "2026-03-02T08:30:00+08:00"}


def try_rules(fields: tuple[Field, ...], reader: SchemaReader) -> None:
    """Report every rule that fails, and expressions that read what is worked out later."""
    _try_row(fields, {}, reader)
    around = dict(next(_situations(fields, {}))[1])
    for each in fields:
        if each.columns:
            _try_row(each.columns, around, reader)


def _try_row(fields: tuple[Field, ...], around: Mapping[str, Any], reader: SchemaReader) -> None:
    situations = dict(_situations(fields, around))
    later = {each.key for each in fields if each.kind == "expression"}
    for each in fields:
        reader.place = each.key
        if each.kind == "expression" and each.source is not None:
            for name in sorted(later & each.source.names):
                what = "itself" if name == each.key else name
                reader.report(f"the expression reads {what}, which has no value yet", "put it after what it reads")
            later.discard(each.key)
            _try(each.source, "expression", {NOTHING: situations[NOTHING]}, reader)
        for rule, expression in _conditions(each):
            _try(expression, rule, situations, reader)


def _conditions(given: Field) -> Iterator[tuple[str, Expression]]:
    for expression in given.hide:
        yield "conditional.hide", expression
    if isinstance(given.readonly, Expression):
        yield "readonly", given.readonly
    for option in given.options if isinstance(given.options, tuple) else ():
        if option.hide is not None:
            yield f"choice {option.value}, conditional.hide", option.hide


def _situations(fields: tuple[Field, ...], around: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """How a row of fields may stand: nothing answered, one answer alone, all."""
    nothing = {each.key: read_loosely(each, None) for each in fields if each.is_answered}
    samples = {each.key: read_loosely(each, _sample(each)) for each in fields if each.is_answered}
    yield NOTHING, _compute(fields, {**around, **nothing})
    for key, value in samples.items():
        yield f"while only {key} is answered", _compute(fields, {**around, **nothing, key: value})
    yield "when all is answered", _compute(fields, {**around, **samples})


def _compute(fields: tuple[Field, ...], names: dict[str, Any]) -> dict[str, Any]:
    """Work out the expressions; one that reads what only the task knows is left unknown, so nobody judges by it."""
    for each in fields:
        if each.kind != "expression":
            continue
        names[each.key] = None
        if each.source is not None and not each.source.names <= names.keys():
            del names[each.key]
        elif each.source is not None:
            with suppress(ExpressionError):
                names[each.key] = plain(each.source.evaluate(names))
    return names


def _sample(given: Field) -> Any:
    if given.kind in SELECTIONS | MULTIPLE:
        first = given.options[0].value if isinstance(given.options, tuple) and given.options else "1"
        return [first] if given.kind in MULTIPLE else first
    if given.kind == "datetime":
        return _MOMENTS.get(str(given.component.get("subtype", "date")))
    return _SAMPLES.get(given.kind)


def _try(expression: Expression, rule: str, situations: Mapping[str, Mapping[str, Any]], reader: SchemaReader) -> None:
    for when, names in situations.items():
        if not expression.names <= names.keys():
            return  # it reads what only the task knows
        try:
            expression.evaluate(names)
        except ExpressionError as error:
            reader.report(f"{rule} fails {when}: {error.message}", error.remedy or "say what holds then")
            return
