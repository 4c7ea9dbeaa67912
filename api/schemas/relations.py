"""Cases beside each other on the wire: likely duplicates, parts, links, recurring places, no-report rules."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import LanguageQuery, Strict, moment, real, text, truth, whole
from api.schemas.cases import StandingSchema
from engine.cases.relating import MOST_PARTS, Part

REASON = ma.validate.And(ma.validate.Length(1, 1000), ma.validate.Regexp(r".*\S", error="Write why."))


class NearQuery(LanguageQuery):
    """How many likely duplicates."""

    limit = whole("At most so many.", load_default=5, validate=ma.validate.Range(1, 20))


class NearCaseSchema(Strict):
    """A case that may tell of the same problem, and why."""

    number = text("Its number.")
    title = text("Its title.")
    status = text("reported, filed, dispatched, suspended or closed.")
    kind = text("`component` or `event`.")
    full_code = text("Class and subclass.")
    description = text("What its reporter said.")
    address = text("Where, in words.")
    lon = real("Longitude, degrees, WGS-84.")
    lat = real("Latitude, degrees, WGS-84.")
    reported_at = moment("When it was reported.")
    distance_m = real("How far from this one, metres.")
    class_part = text("same_subclass, confusable, same_class or other.")
    text_likeness = real("How alike the descriptions are, 0 to 1; none when one says nothing.", allow_none=True)
    hours_before = real("Hours it was reported before this one; below 0 after it.")
    same_component = truth("Whether both are about the same component.")
    score = real("0 to 1.")
    explanation = text("Why, in Chinese.")
    explanation_en = text("Why, in English.")


class NearCasesSchema(Strict):
    """Likely duplicates of a case."""

    number = text("The case.")
    duplicates = fields.List(fields.Nested(NearCaseSchema), metadata={"description": "Likeliest first."})


class ReasonSchema(Strict):
    """Why."""

    reason = text("Why, for both histories.", required=True, validate=REASON)


class PartSchema(Strict):
    """A further problem a report tells of; what is left out is the report's own."""

    kind = text("`component` or `event`.", required=True, validate=ma.validate.OneOf(("component", "event")))
    full_code = text("Class and subclass: `0110`.", required=True, validate=ma.validate.Length(1, 20))
    description = text("What is wrong.", required=True, validate=ma.validate.Length(1, 5000))
    condition_no = whole("The filing condition, when it is known.", load_default=None, allow_none=True)
    component_code = text("The 16-digit code of a component.", load_default=None, allow_none=True)
    lon = real("Longitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-90, 90))
    address = text("Where, in words.", load_default="", validate=ma.validate.Length(max=500))

    @ma.post_load
    def make(self, values: dict[str, Any], **kwargs: Any) -> Part:
        """The domain's value."""
        return Part(**values)


class SplitSchema(ReasonSchema):
    """The further problems of a report."""

    parts = fields.List(
        fields.Nested(PartSchema), required=True, validate=ma.validate.Length(1, MOST_PARTS),
        metadata={"description": f"1 to {MOST_PARTS} problems, each becomes a case; the report's own case goes on."},
    )  # fmt: skip


class SplitStandingSchema(StandingSchema):
    """Where the case stands, and the numbers of its parts."""

    parts = fields.List(fields.String(), metadata={"description": "Numbers of the cases that were opened."})


class LinkedSchema(Strict):
    """Two cases that were linked or unlinked."""

    number = text("The one.")
    other = text("The other.")


class LinkRequestSchema(ReasonSchema):
    """A case to link with."""

    other = text("Number of the other case.", required=True, validate=ma.validate.Length(1, 60))


class RecurringCaseSchema(Strict):
    """One time a problem was reported."""

    number = text("Case number.")
    status = text("Its status.")
    reported_at = moment("When it was reported.")


class RecurringPlaceSchema(Strict):
    """A problem that keeps coming back to a place."""

    kind = text("`component` or `event`.")
    full_code = text("Class and subclass.")
    title = text("What it is.")
    lon = real("Longitude of the middle of its cases, degrees, WGS-84.")
    lat = real("Latitude of the same.")
    address = text("Address of the latest case that has one.")
    district_code = text("District.", allow_none=True)
    subdistrict_code = text("Subdistrict.", allow_none=True)
    amount = whole("How many cases.")
    open_now = whole("How many of them are open.")
    radius_m = real("Within so many metres.")
    days = whole("Within so many days.")
    first_at = moment("The first of them.")
    last_at = moment("The latest of them.")
    cases = fields.List(
        fields.Nested(RecurringCaseSchema), metadata={"description": "The latest twenty, the latest first."}
    )


class RecurrenceSchema(Strict):
    """What a case is one time of."""

    number = text("The case.")
    recurring = fields.Nested(RecurringPlaceSchema, allow_none=True, metadata={"description": "None when it is not."})


class RecurringQuery(Strict):
    """What the list is narrowed to."""

    kind = text(
        "`component` or `event`.", load_default=None, validate=ma.validate.OneOf(("component", "event"))
    )  # fmt: skip
    full_code = text("Class and subclass: `0110`.", load_default=None)
    district = text("District code.", load_default=None)
    limit = whole("Places at most.", load_default=100, validate=ma.validate.Range(1, 500))
    lang = text("Language of texts.", load_default=None)


class RecurringPlacesSchema(Strict):
    """Recurring problems, most often first."""

    places = fields.List(fields.Nested(RecurringPlaceSchema))


class CityNoReportRuleSchema(Strict):
    """Where and when nothing is to be reported."""

    code = text("Code of the rule.")
    name = text("Name in the city's language.")
    name_en = text("English name.")
    areas = fields.List(
        fields.String(), metadata={"description": "Codes of areas, divisions or grids; none: everywhere."}
    )
    classes = fields.List(fields.String(), metadata={"description": "`event`, `event/04`, `event/0401`; none: all."})
    since = fields.Date(allow_none=True, metadata={"description": "First day."})
    until = fields.Date(allow_none=True, metadata={"description": "Last day."})
    when_text = text("The expression that says when; empty for always.")
    reason = text("Why, in the city's language.")
    reason_en = text("Why, in English.")
    holds_today = truth("Whether today is among its days.")
    geometry = fields.Raw(allow_none=True, metadata={"description": "GeoJSON MultiPolygon of its drawn areas, WGS-84."})


class NoReportSchema(Strict):
    """The city's no-report rules."""

    rules = fields.List(fields.Nested(CityNoReportRuleSchema))
