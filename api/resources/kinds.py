"""The kinds of problems, for those who follow a problem's ``type``."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from marshmallow import fields

from api.errors import TABLE
from api.problems import TYPE_BASE
from api.resources.blueprint import group
from api.schemas.base import Strict, text, whole
from engine.errors import NotFound

blueprint = group("problems", "What the `type` of a problem means.", open_to_all=True)


class KindSchema(Strict):
    """A kind of problem."""

    type = text("As in the problem.")
    status = whole("HTTP status.")
    title = text("In Chinese.")
    title_en = text("In English.")
    meaning = text("When it happens.")


class KindsSchema(Strict):
    """All kinds of problems."""

    problems = fields.List(fields.Nested(KindSchema))


def kinds() -> dict[str, dict[str, Any]]:
    """The error table as readers see it, by kind."""
    return {
        row.kind: {
            "type": TYPE_BASE + row.kind, "status": row.status, "title": row.title, "title_en": row.title_en,
            "meaning": (row.error.__doc__ or "").strip(),
        }
        for row in reversed(TABLE)
    }  # fmt: skip


@blueprint.route("/problems")
class Kinds(MethodView):
    """Kinds of problems."""

    @blueprint.doc(security=[])
    @blueprint.response(200, KindsSchema)
    def get(self) -> dict[str, Any]:
        """All kinds of problems this API answers with of its own; others are plain HTTP."""
        return {"problems": list(kinds().values())}


@blueprint.route("/problems/<string:kind>")
class Kind(MethodView):
    """A kind of problem."""

    @blueprint.doc(security=[])
    @blueprint.response(200, KindSchema)
    @blueprint.problems(404)
    def get(self, kind: str) -> dict[str, Any]:
        """What a problem's `type` means."""
        found = kinds().get(kind)
        if found is None:
            raise NotFound(f"there is no kind of problem {kind!r} here; it is a plain HTTP status")
        return found
