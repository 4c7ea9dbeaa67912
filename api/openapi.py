"""The OpenAPI document: what it says about itself, and its problems."""

from __future__ import annotations

import http
from typing import Any

from flask_smorest.utils import prepare_response

from api.problems import MEDIA_TYPE
from api.schemas.base import ProblemSchema

INTRODUCTION = """
The API of Wangge (网格), a platform for digital urban management (数字化城市管理).

* Log in with `POST /api/v1/login`; send the token as `Authorization: Bearer <token>`. What you see and may do follows
  from your posts.
* Acts take an `Idempotency-Key` header: the same key answers the same and acts once.
* Lists are paged by an opaque cursor; follow `next` until it is absent.
* Moments are ISO 8601 with offset, lengths are metres, coordinates are longitude and latitude in WGS-84.
* Texts follow `Accept-Language` (`zh`, `en`) or `?lang=`.
* Every failure is an RFC 9457 problem (`application/problem+json`) that names the thing and the remedy.
"""

OPENAPI = {
    "API_TITLE": "Wangge",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api/v1",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {"info": {"description": INTRODUCTION}, "security": [{"bearer": []}]},
}


def document_problems(spec: Any) -> None:
    """Register the response of every failing status as a problem."""
    for status in http.HTTPStatus:
        if status >= 400:
            response: dict[str, Any] = {"description": status.phrase, "schema": ProblemSchema}
            prepare_response(response, spec, MEDIA_TYPE)
        else:
            response = {"description": status.phrase}
        spec.components.response(status.name, response, lazy=True)
    default: dict[str, Any] = {"description": "Any failure", "schema": ProblemSchema}
    prepare_response(default, spec, MEDIA_TYPE)
    spec.components.response("DEFAULT_ERROR", default, lazy=True)
