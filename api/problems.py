"""RFC 9457 problems: how a failure is written, and what marshmallow's and Flask's complaints become."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from marshmallow import Schema
from werkzeug.exceptions import HTTPException

from engine.database import dumps

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "/api/v1/problems/"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one input, and what to do."""

    field: str
    message: str
    remedy: str = ""

    def to_json(self) -> dict[str, str]:
        """As written; without remedy when there is none."""
        found = {"field": self.field, "message": self.message}
        return found | {"remedy": self.remedy} if self.remedy else found


def split_remedy(message: str) -> tuple[str, str]:
    """A domain message is "what is wrong; what to do"."""
    what, _, remedy = message.partition("; ")
    return what, remedy


def problem_response(
    status: int,
    kind: str,
    title: str,
    title_en: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    **extra: str,
) -> Response:
    """A response of type application/problem+json. The title follows ``Accept-Language``, Chinese by default."""
    english = request.accept_languages.best_match(("zh", "en"), "zh") == "en"
    body: dict[str, Any] = {
        "type": TYPE_BASE + kind,
        "title": title_en if english else title,
        "status": status,
        "detail": detail,
        **extra,
    }
    listed = [error.to_json() for error in errors]
    if listed:
        body["errors"] = listed
    return Response(dumps(body), status, dict(headers or {}), content_type=MEDIA_TYPE)


def validation_errors(error: HTTPException) -> tuple[list[FieldError], str]:
    """The field errors behind a refused input, and a detail that names them; none for other HTTP errors."""
    data = getattr(error, "data", None) or {}
    messages = data.get("messages") or data.get("errors")
    if not messages:
        return [], error.description or error.name
    schema = data.get("schema")
    found = [
        error
        for location in messages.values()
        for error in (_field_errors(location, schema) if isinstance(location, Mapping) else _whole_body(location))
    ]
    return found, "; ".join(f"{each.field}: {each.message}" for each in found)


def _whole_body(messages: Any) -> Iterator[FieldError]:
    for message in messages if isinstance(messages, list) else [messages]:
        yield FieldError("", str(message), "send a JSON object with content type application/json")


def _field_errors(messages: Mapping[Any, Any], schema: Schema | None, at: str = "") -> Iterator[FieldError]:
    for key, found in messages.items():
        field = f"{at}.{key}" if at else str(key)
        if isinstance(found, Mapping):
            yield from _field_errors(found, None, field)
            continue
        for message in found if isinstance(found, list) else [found]:
            if message == "Unknown field.":
                yield FieldError(field, f"there is no field {field}", _known_fields(schema))
            elif message == "Missing data for required field.":
                yield FieldError(field, f"{field} is missing", _meaning(schema, key))
            else:
                yield FieldError(field, str(message), _meaning(schema, key))


def _known_fields(schema: Schema | None) -> str:
    if schema is None:
        return "leave it out"
    return f"leave it out or use one of {', '.join(schema.load_fields)}"


def _meaning(schema: Schema | None, name: Any) -> str:
    """What the document says about an input, as the remedy."""
    field = schema.load_fields.get(str(name)) if schema is not None else None
    described = str(field.metadata.get("description", "")) if field is not None else ""
    return f"give {name}: {described}" if described else ""
