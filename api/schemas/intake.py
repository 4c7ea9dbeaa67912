"""Intake on the wire: channels, what a report came to, suggestions and the model behind them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, moment, real, text, truth, whole

PARTS = "`name`, `phone`, `number`, `place` or `photo`."


class ChannelSchema(Strict):
    """A channel."""

    channel = text("Its code, the `source` of a report.", attribute="code")
    name = text("Name in Chinese.")
    name_en = text("Name in English.")
    reporter = text("`public`, `internal` or `machine`.")
    needs = fields.List(fields.String(), metadata={"description": f"What a report is refused without: {PARTS}"})
    wants = fields.List(fields.String(), metadata={"description": f"What is told to be missing: {PARTS}"})
    provenance = text("Where the row comes from: found, memory or city.", attribute="source")


class ChannelsSchema(Strict):
    """The city's channels."""

    channels = fields.List(fields.Nested(ChannelSchema))


class ReceivedSchema(Strict):
    """What a report came to."""

    number = text("The case.")
    known = truth("The channel sent this number before: the case is the first one's, no other was opened.")
    status = text("Status of the case.")
    missing = fields.List(
        fields.String(), metadata={"description": f"What the channel wants and this report did not bring: {PARTS}"}
    )


class SuggestionQuery(Strict):
    """What is known of a report so far."""

    lon = real("Longitude, degrees, WGS-84.", load_default=None, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", load_default=None, validate=ma.validate.Range(-90, 90))
    kind = text(
        "Of the chosen class: `component` or `event`.", load_default=None,
        validate=ma.validate.OneOf(("component", "event")),
    )  # fmt: skip
    full_code = text("The chosen class: `0110`.", load_default=None, validate=ma.validate.Length(1, 20))
    component_code = text("The chosen component.", load_default=None, validate=ma.validate.Length(1, 40))
    limit = whole("Classes and duplicates at most.", load_default=5, validate=ma.validate.Range(1, 20))
    # the last of them: it hides the function of its name
    text = text("What is wrong, in the reporter's words.", load_default="", validate=ma.validate.Length(max=5000))

    @ma.validates_schema
    def both_coordinates(self, values: dict[str, Any], **kwargs: Any) -> None:
        """A point has two coordinates; something must be known."""
        if (values.get("lon") is None) != (values.get("lat") is None):
            missing = "lon" if values.get("lon") is None else "lat"
            raise ma.ValidationError(f"a point needs both; give {missing} too, or neither", missing)
        if values.get("lon") is None and not values.get("text", "").strip():
            raise ma.ValidationError("there is nothing to go by; give text, or lon and lat", "text")


class LikelyClassSchema(Strict):
    """A class the text may be about."""

    kind = text("`component` or `event`.")
    full_code = text("Class and subclass: `0110`.")
    name = text("Name.")
    name_en = text("English name.")
    confidence = real("How sure the model is, 0 to 1.")
    words = fields.List(
        fields.String(), metadata={"description": "Words of the text that spoke for it, loudest first."}
    )
    provenance = text("Where the class's code comes from: found, memory, provisional or city.")


class LikelyComponentSchema(Strict):
    """A component near the point."""

    code = text("Its 16-digit code.")
    full_code = text("Its class.")
    name = text("Name.")
    distance_m = real("Metres from the point.")
    lon = real("Longitude, degrees, WGS-84.")
    lat = real("Latitude, degrees, WGS-84.")
    state = text("State in the register.")


class LikelyAddressSchema(Strict):
    """The point in words, and where it lies."""

    description = text("In Chinese; empty when nothing known is near.")
    description_en = text("The same in English.")
    in_city = truth("Whether the point lies in a unit grid of the city; a report elsewhere is refused.")
    grid = text("Unit grid.", allow_none=True)
    duty_grid = text("Duty grid.", allow_none=True)
    community = text("Community.", allow_none=True)
    subdistrict = text("Subdistrict.", allow_none=True)
    district = text("District.", allow_none=True)
    area_class = text("Area class.", allow_none=True)


class LikelyDuplicateSchema(Strict):
    """A case that may tell of the same problem. Ids and descriptions only of cases you may see."""

    number = text("Number.")
    title = text("Title.")
    status = text("Status.")
    kind = text("`component` or `event`.")
    full_code = text("Class.")
    address = text("Where it is.")
    lon = real("Longitude, degrees, WGS-84.")
    lat = real("Latitude, degrees, WGS-84.")
    distance_m = real("Metres from the point.")
    reported_at = moment("When it was reported.")
    score = real("How likely, 0 to 1.")
    why = text("Why, in Chinese.")
    why_en = text("Why, in English.")


class UseRatesSchema(Strict):
    """How often what was suggested became the class of the case."""

    cases = whole("Filed cases of the last 90 days that count.")
    top1 = real("Share whose class was the first suggestion; none without such cases.", allow_none=True)
    top3 = real("Share whose class was among the first three.", allow_none=True)


class ModelSchema(Strict):
    """The model in use and how good it is."""

    kind = text("`start`: made of the catalogue's words; `trained`: trained on closed cases, too.")
    version = text("Digest of its file; of its words for the start.")
    trained_at = moment("When it was trained; none for the start.", allow_none=True)
    cases = whole("Closed cases it was trained on.")
    held_out = whole("Closed cases it was measured on and never trained on.")
    top1 = real("Share of these whose class came first; none for the start.", allow_none=True)
    top3 = real("Share of these whose class was among the first three.", allow_none=True)
    start_top1 = real("What the words alone reach on the same cases.", allow_none=True)
    start_top3 = real("The same, among the first three.", allow_none=True)
    in_use = fields.Nested(UseRatesSchema, metadata={"description": "What came of the suggestions in use."})


class NoReportHereSchema(Strict):
    """A rule by which something is not to be reported at a place or time; a report is taken all the same, flagged."""

    code = text("Code.")
    name = text("Name.")
    name_en = text("English name.")
    reason = text("Why.")
    reason_en = text("Why, in English.")


class SuggestionsSchema(Strict):
    """Everything that can be said of a report so far."""

    known = truth("Whether the text fits a class; when not, the model says so and names none.")
    classes = fields.List(fields.Nested(LikelyClassSchema), metadata={"description": "Best first."})
    components = fields.List(
        fields.Nested(LikelyComponentSchema), metadata={"description": "Best class, then nearest."}
    )
    address = fields.Nested(LikelyAddressSchema, allow_none=True)
    duplicates = fields.List(fields.Nested(LikelyDuplicateSchema), metadata={"description": "Likeliest first."})
    no_report = fields.List(
        fields.Nested(NoReportHereSchema),
        metadata={"description": "Rules by which the problem is not to be reported here and now."},
    )
    model = fields.Nested(ModelSchema)
