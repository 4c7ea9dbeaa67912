"""What all schemas share: unknown fields are refused, moments are aware and travel as ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields


class Strict(ma.Schema):
    """A schema that refuses what it does not know, by name."""

    class Meta:
        unknown = ma.RAISE


def text(description: str, **kwargs: Any) -> fields.String:
    """A text with its meaning."""
    return fields.String(metadata={"description": description}, **kwargs)


def real(description: str, **kwargs: Any) -> fields.Float:
    """A number with its meaning and unit."""
    return fields.Float(metadata={"description": description}, **kwargs)


def whole(description: str, **kwargs: Any) -> fields.Integer:
    """A whole number with its meaning and unit."""
    return fields.Integer(metadata={"description": description}, **kwargs)


def truth(description: str, **kwargs: Any) -> fields.Boolean:
    """Yes or no."""
    return fields.Boolean(metadata={"description": description}, **kwargs)


def moment(description: str, **kwargs: Any) -> fields.AwareDateTime:
    """An aware moment, ISO 8601 with offset."""
    return fields.AwareDateTime(
        format="iso", metadata={"description": f"{description} ISO 8601 with offset."}, **kwargs
    )


def mapping(description: str, **kwargs: Any) -> fields.Dict:
    """A JSON object whose keys depend on the case."""
    return fields.Dict(keys=fields.String(), metadata={"description": description}, **kwargs)


class NamedSchema(Strict):
    """A code with its names in both languages."""

    code = text("Code.")
    name = text("Name in the city's language.")
    name_en = text("English name.")


class ProblemField(Strict):
    """What is wrong with one input."""

    field = text("The input's name; dots lead into lists and objects.")
    message = text("What is wrong, in the language of Accept-Language where it is a form's answer.")
    remedy = text("What to do.")


class ProblemSchema(Strict):
    """An RFC 9457 problem."""

    type = text("A link that names the kind of problem.")
    title = text("The kind of problem in words, Chinese or English by Accept-Language.")
    status = whole("The HTTP status.")
    detail = text("What happened here, and the remedy.")
    instance = text("Only for status 500: the id under which the log or the incident list holds it.")
    errors = fields.List(fields.Nested(ProblemField), metadata={"description": "One entry a faulty input."})


class LimitQuery(Strict):
    """Paging."""

    limit = whole("Rows a page.", load_default=50, validate=ma.validate.Range(1, 200))
    cursor = text("The opaque cursor of `next_cursor`; absent for the first page.", load_default=None)


class KeyHeader(ma.Schema):
    """The header that makes a repeated request answer the same instead of acting twice."""

    class Meta:
        unknown = ma.EXCLUDE

    key = fields.String(
        data_key="Idempotency-Key",
        load_default=None,
        validate=ma.validate.Length(1, 200),
        metadata={"description": "Any text of up to 200 characters, new for each act. The same key answers the same."},
    )


class LanguageQuery(Strict):
    """The language of texts."""

    lang = text("`zh` or `en`; wins over Accept-Language.", load_default=None, validate=ma.validate.OneOf(("zh", "en")))
