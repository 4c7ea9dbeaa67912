"""A group of endpoints: every one of them needs a token, unless it says otherwise, and documents its problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Request, request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import CombinedMultiDict
from werkzeug.exceptions import UnsupportedMediaType

from api.auth import authenticate
from api.problems import MEDIA_TYPE
from api.schemas.base import ProblemSchema

PREFIX = "/api/v1"
F = TypeVar("F", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """Refuses query parameters it does not know: a filter with a typing mistake must not list everything.

    Knows one more location, ``upload``: a multipart form, texts and files together.
    """

    # webargs reads both from the class
    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE, "upload": RAISE}  # noqa: RUF012
    __location_map__ = {**FlaskParser.__location_map__, "upload": "load_upload"}  # noqa: RUF012

    def load_upload(self, req: Request, schema: Schema) -> MultiDictProxy:
        """Texts and files of a multipart form."""
        return MultiDictProxy(CombinedMultiDict([req.form, req.files]), schema)


class Group(Blueprint):  # type: ignore[misc]
    """Endpoints of one noun. The decorators keep the type of what they decorate."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING = {  # noqa: RUF012 - flask-smorest reads it from the class
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        "upload": "multipart/form-data",
    }

    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """The address of a view, under the API's prefix."""
        return cast("Callable[[F], F]", super().route(rule, **options))

    def arguments(self, schema: Any, **options: Any) -> Callable[[F], F]:
        """What a view takes: a schema in the body, the query or the headers."""
        return cast("Callable[[F], F]", super().arguments(schema, **options))

    def response(self, status: int, schema: Any = None, **options: Any) -> Callable[[F], F]:
        """What a view answers when all is well."""
        return cast("Callable[[F], F]", super().response(status, schema, **options))

    def alt_response(self, status: int, response: Any = None, **options: Any) -> Callable[[F], F]:
        """Another answer of a view."""
        return cast("Callable[[F], F]", super().alt_response(status, response, **options))

    def doc(self, **options: Any) -> Callable[[F], F]:
        """More for the document."""
        return cast("Callable[[F], F]", super().doc(**options))

    def problems(self, *statuses: int) -> Callable[[F], F]:
        """Document the problems a view answers with, besides 401 for a missing token."""

        def decorate(function: F) -> F:
            for status in sorted({401, *statuses}):
                function = self.alt_response(status, schema=ProblemSchema, content_type=MEDIA_TYPE)(function)
            return function

        return decorate


def group(name: str, description: str, *, open_to_all: bool = False) -> Group:
    """Endpoints under the API's prefix; ``open_to_all`` groups need no token."""
    blueprint = Group(name, f"api.{name}", url_prefix=PREFIX, description=description)
    blueprint.before_request(refuse_other_media)
    if not open_to_all:
        blueprint.before_request(authenticate)
    return blueprint


def refuse_other_media() -> None:
    """A body that is neither JSON nor an upload would be taken for an empty one."""
    if request.content_length and not (request.is_json or request.mimetype == "multipart/form-data"):
        raise UnsupportedMediaType(f"{request.mimetype or 'a body without type'} is not read; send application/json")
