"""A form as it is shown: each component with its value, choices and rows for what is answered so far."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.workflow.expression_functions import Refused, convert_to_text
from engine.workflow.expressions import Expression
from engine.workflow.forms_answers import ROW_LIMIT, Asked, list_options, read_options, work_out
from engine.workflow.forms_rules import OPTIONS
from engine.workflow.forms_settling import settle
from engine.workflow.forms_values import Bound, Field, FormFailed, Option, Refusal

PHOTOS = frozenset({"filepicker", "documentPreview"})
PHOTOS_OF_CASE = "case_photos"
"""The context's name for the photos of the case: choices of their ids."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field as it is shown now.

    ``value`` is the answer so far; of a text its values by expression, of a table its rows, of a documentPreview the
    ids of its photos. ``rows`` are those of a dynamiclist, ``least`` and ``most`` how many there may be, ``spare`` one
    to be added, empty when none can be.
    """

    field: Field
    visible: bool
    readonly: bool
    value: Any
    options: tuple[Option, ...]
    rows: tuple[tuple["FieldView", ...], ...] = ()
    least: int = 0
    most: int = ROW_LIMIT
    spare: tuple["FieldView", ...] = ()


def view_fields(
    fields: tuple[Field, ...], answers: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[FieldView, ...]:
    """Every component of a form or of a row, in order."""
    filled = {each.key: answers.get(each.key, each.default) for each in fields if each.is_answered}
    settled = settle(fields, filled, context, context.get("roles") or ())
    viewer = _Viewer(settled.names, context, frozenset(filled))
    return tuple(
        viewer.view(each, filled.get(each.key), at not in settled.hidden, at in settled.locked)
        for at, each in enumerate(fields)
    )


@dataclass(frozen=True, slots=True)
class _Viewer:
    names: Mapping[str, Any]
    context: Mapping[str, Any]
    own: frozenset[str]

    def view(self, given: Field, value: Any, visible: bool, locked: bool) -> FieldView:
        if locked:
            value = self.context.get(given.key, given.default)
        if given.kind == "expression":
            value = self.names.get(given.key)
        elif visible and given.source is not None:
            found = self.attempt(given, "dataSource", given.source)
            value = list(_rows_of(found) if given.kind == "table" else _ids_of(found))
        elif visible and given.places:
            value = {
                place: _text(self.attempt(given, f"{{{{{place}}}}}", each)) for place, each in given.places.items()
            }
        rows = tuple(self.rows(given, value)) if given.kind == "dynamiclist" else ()
        least, most = self.limits(given, len(rows))
        spare = self.row(given, {}, None, len(rows)) if visible and not locked and len(rows) < most else ()
        options = self.options(given) if visible else ()
        return FieldView(given, visible, locked, value, options, rows, least, most, spare)

    def attempt(self, given: Field, rule: str, expression: Expression) -> Any:
        """A value to show. What reads answers shows nothing as long as they do not suffice."""
        try:
            return work_out(given, rule, expression, self.names)
        except FormFailed:
            if self.own & expression.names:
                return None
            raise

    def options(self, given: Field) -> tuple[Option, ...]:
        if given.kind in OPTIONS:
            return list_options(given, self.names)
        return photos_of(self.context) or () if given.kind in PHOTOS else ()

    def rows(self, given: Field, value: Any) -> Iterator[tuple[FieldView, ...]]:
        base = self.context.get(given.key)
        rows = value if isinstance(value, list | tuple) else base if given.is_fixed else ()
        rows = [each for each in rows or () if isinstance(each, Mapping)]
        if given.is_fixed:
            count = fixed_count(given, base)
            rows = [*rows, *({} for _ in range(count))][:count]
        for index, row in enumerate(rows):
            yield self.row(given, row, base, index)

    def row(self, given: Field, row: Mapping[str, Any], base: Any, index: int) -> tuple[FieldView, ...]:
        return view_fields(given.columns, row, {**self.names, **row_base(given, base, index)})

    def limits(self, given: Field, count: int) -> tuple[int, int]:
        if given.kind != "dynamiclist":
            return 0, 0
        if given.is_fixed:
            return count, count
        least, most = self.bound(given, "min", given.min), self.bound(given, "max", given.max)
        return max(least or 0, int(given.required)), ROW_LIMIT if most is None else most

    def bound(self, given: Field, rule: str, limit: Bound) -> int | None:
        found = self.attempt(given, rule, limit) if isinstance(limit, Expression) else limit
        return int(found) if isinstance(found, int | float) else None


def photos_of(context: Mapping[str, Any]) -> tuple[Option, ...] | None:
    """The photos of the case as choices; none when the context does not know them."""
    known = context.get(PHOTOS_OF_CASE)
    return None if known is None else read_options(_PHOTO, known)


_PHOTO = Field(PHOTOS_OF_CASE, "filepicker", "", {})


def count_rows(given: Field, rows: list[Any] | tuple[Any, ...], base: Any, asked: Asked) -> None:
    """Raise Refusal when a dynamiclist has too few or too many rows."""
    count = len(rows)
    if given.is_fixed:
        limit: int | float | None = fixed_count(given, base)
        if rows and count != limit:
            raise Refusal("rows", limit=limit, count=count)
        return
    if not rows and given.required:
        raise Refusal("required")
    low, high = asked.bound(given, "min", given.min), asked.bound(given, "max", given.max)
    if low is not None and count < low:
        raise Refusal("rows_min", limit=low, count=count)
    limit = ROW_LIMIT if high is None else high
    if count > limit:
        raise Refusal("rows_max", limit=limit, count=count)


def fixed_count(given: Field, base: Any) -> int:
    """How many rows a list has that takes no others: those it came with, else as many as the form says."""
    return len(base) if isinstance(base, list | tuple) else int(given.component.get("defaultRepetitions", 1))


def row_base(given: Field, base: Any, index: int) -> dict[str, Any]:
    """What a row of a list came with, for columns that can only be read; a variable's value never stands in."""
    there = base[index] if given.is_fixed and isinstance(base, list | tuple) and index < len(base) else None
    row = there if isinstance(there, Mapping) else {}
    return {each.key: row.get(each.key) for each in given.columns if each.is_answered}


def _rows_of(found: Any) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in (found if isinstance(found, list | tuple) else ()) if isinstance(each, Mapping))


def _ids_of(found: Any) -> Iterator[Any]:
    for each in found if isinstance(found, list | tuple) else [found]:
        value = each.value if isinstance(each, Option) else each
        if isinstance(value, Mapping):
            value = value.get("id", value.get("value"))
        if isinstance(value, str | int) and not isinstance(value, bool):
            yield value


def _text(value: Any) -> str:
    try:
        return convert_to_text(value)
    except Refused:
        return ""
