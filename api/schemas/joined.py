"""What a case has from elsewhere, on the wire: reports merged into it, rules it was reported under."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import Strict, moment, text


class RuleOnCaseSchema(Strict):
    """A no-report rule a case was reported under, as it read then."""

    code = text("Code of the rule.")
    reason = text("Why, in the city's language.")
    reason_en = text("Why, in English.")
    name = fields.String(attribute="rule.name", metadata={"description": "Name in the city's language."})
    name_en = fields.String(attribute="rule.name_en", metadata={"description": "English name."})


class JoinedReportSchema(Strict):
    """A report merged into a case, to be answered with it."""

    number = text("Its number.")
    source = text("Where it came from.")
    description = text("What its reporter said.")
    reported_at = moment("When.")
    reporter_name = text("Who reported it.")
    reporter_phone = text("Telephone for the callback.")
