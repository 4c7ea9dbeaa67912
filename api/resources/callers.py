"""The intake desk for programs: what a caller has reported before, and what to ask and say."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import Strict, moment, text, truth
from engine.cases.callers import caller_of
from engine.catalogue.intake_texts import KINDS, USES, texts_for

blueprint = group("intake desk", "Who calls, and what to ask and say.")


class CallerQuery(Strict):
    """A caller."""

    phone = text("The whole number, at least seven digits.", required=True, validate=ma.validate.Length(1, 40))


class CallerCaseSchema(Strict):
    """A case somebody reported."""

    number = text("Number.")
    title = text("Title.")
    status = text("Status.")
    address = text("Where it is.")
    reported_at = moment("When it was reported.")


class CallerSchema(Strict):
    """What a number has reported within a year."""

    phone = text("The number, masked.")
    names = fields.List(fields.String(), metadata={"description": "Names that came with the number."})
    cases = fields.List(fields.Nested(CallerCaseSchema), metadata={"description": "Newest first, ten at most."})
    more = truth("Whether there are more.")


class TextsQuery(Strict):
    """A class."""

    kind = text("`component` or `event`.", load_default="", validate=ma.validate.OneOf(KINDS[:2]))
    full_code = text("Class and subclass: `0110`.", load_default="", validate=ma.validate.Length(max=20))


class IntakeTextSchema(Strict):
    """A sentence of the desk."""

    use = text(f"One of {', '.join(USES)}.")
    text_zh = text("In Chinese.", data_key="text", attribute="text")
    text_en = text("In English; may be empty.")


class TextsSchema(Strict):
    """Standard texts of a class."""

    texts = fields.List(fields.Nested(IntakeTextSchema), metadata={"description": "The most exact first."})


@blueprint.route("/callers")
class Callers(MethodView):
    """Callers."""

    @blueprint.arguments(CallerQuery)
    @blueprint.response(200, CallerSchema)
    @blueprint.problems(403, 422)
    def post(self, query: dict[str, Any]) -> Any:
        """What a number has reported within a year. The number comes in the body: addresses are logged.

        Needs the permission `caller.read`; only cases you may see are told.
        """
        return caller_of(session(), platform(), current_actor(), query["phone"], now())


@blueprint.route("/intake/texts")
class Texts(MethodView):
    """Standard texts."""

    @blueprint.arguments(TextsQuery, location="query")
    @blueprint.response(200, TextsSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """What to ask and say for a class, and usual words for its description. Needs the permission `case.create`."""
        require_permission("case.create", "see the texts of the intake desk")
        return {"texts": texts_for(platform().city, query["kind"], query["full_code"])}
