"""Where a case stands in time and in its diagrams, on the wire."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import LanguageQuery, Strict, mapping, moment, real, text, truth, whole
from api.schemas.cases import ClockSchema


class DiagramSchema(Strict):
    """One diagram of a case."""

    process = text("Process id.")
    name = text("Name.")
    version = whole("Version of the file in the deployment the case is pinned to.")
    xml = text("BPMN 2.0.")
    tokens = mapping("How many tokens wait on which element.")
    done = fields.List(fields.String(), metadata={"description": "Elements that were passed."})


class CaseDiagramsSchema(Strict):
    """Where the tokens of a case stand."""

    process = text("The process it started on.")
    deployment = whole("The deployment it is pinned to.")
    running = truth("Whether anything still waits.")
    diagrams = fields.List(fields.Nested(DiagramSchema))


class PictureQuery(LanguageQuery):
    """Which diagram."""

    process = text("Process id; the one the case started on when absent.", load_default=None)


class StretchSchema(Strict):
    """A stretch of time with one reason."""

    start = moment("From.")
    end = moment("To.")
    kind = text("worked, swapped, running, break, night, weekend or holiday.")
    counted_s = real("What it adds to the limit, seconds.")
    reason = text("Name of the holiday, in Chinese.")
    reason_en = text("Name of the holiday, in English.")


class ClockSpanSchema(Strict):
    """A stretch in which a clock ran or paused."""

    running = truth("Whether it ran.")
    start = moment("From.")
    end = moment("To; none when it goes on.", allow_none=True)
    reason = text("The tasks that let it run, or what it waited for.")
    counted_s = real("What it used of the limit, seconds.")
    stretches = fields.List(fields.Nested(StretchSchema))


class ClockReasonSchema(Strict):
    """Why a clock is due when it is."""

    clock = fields.Nested(ClockSchema)
    spans = fields.List(fields.Nested(ClockSpanSchema))
    sentences = fields.List(fields.String(), metadata={"description": "The explanation in Chinese."})
    sentences_en = fields.List(fields.String(), metadata={"description": "The explanation in English."})


class DeadlineSchema(Strict):
    """Why a case is due when it is."""

    number = text("Case number.")
    due_at = moment("When the handling limit ends; none while its clock pauses.", allow_none=True)
    clocks = fields.List(fields.Nested(ClockReasonSchema))
