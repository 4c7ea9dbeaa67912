"""The figures of departments, measured for a period."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from flask.views import MethodView
from marshmallow import fields

from api.auth import current_actor
from api.context import language, now, platform, session
from api.resources.blueprint import group
from api.schemas.base import LanguageQuery, Strict, text
from engine.errors import Invalid
from engine.hooks.measuring import Figure, Reading, measure

blueprint = group("indicators", "Figures of departments, each with what it is made of.")

USUAL_DAYS = 30
MOST_BEHIND = 500
"""Keys behind a figure that the API tells; ``parts`` counts them all."""


class PeriodQuery(LanguageQuery):
    """Which period, and of whom."""

    start = fields.Date(
        data_key="from", load_default=None, metadata={"description": "The first day; 30 days before the last one."}
    )
    end = fields.Date(data_key="to", load_default=None, metadata={"description": "The last day, today when left out."})
    plugin = text("One plugin; all when left out.", load_default="")


class FigureSchema(Strict):
    """An object's value."""

    object = text("What it is of: a department, a stage, a class, the city.")
    value = fields.Float(allow_none=True, metadata={"description": "The value; none of nothing."})
    numerator = fields.Float(metadata={"description": "What was counted or added up."})
    denominator = fields.Float(metadata={"description": "Of how many; 1 for a plain count."})
    parts = fields.Integer(metadata={"description": "How many cases or entries are behind it."})
    behind = fields.List(fields.String(), metadata={"description": "Their numbers and keys, 500 at most."})


class IndicatorSchema(Strict):
    """An indicator of a period."""

    id = text("Plugin and indicator, with a dot between.")
    name = text("What it is called, in your language.")
    unit = text("The unit; `%` of a share.")
    failure = text("Why it could not be measured; empty when all is well.")
    figures = fields.List(fields.Nested(FigureSchema))


@blueprint.route("/indicators")
class Indicators(MethodView):
    """The figures of departments."""

    @blueprint.arguments(PeriodQuery, location="query")
    @blueprint.response(200, IndicatorSchema(many=True))
    @blueprint.problems(404, 422)
    def get(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Every indicator you may see, for whole days on the city's clocks."""
        first, last = whole_days(query["start"], query["end"], now())
        readings = measure(session(), platform(), current_actor(), *bounds(first, last), query["plugin"])
        return [reading_answer(each) for each in readings]


def whole_days(first: date | None, last: date | None, moment: datetime) -> tuple[date, date]:
    """The first and last day asked for, or the last 30 days. Raises Invalid when they are the wrong way round."""
    end = last or moment.astimezone(platform().city.time_zone).date()
    start = first or end - timedelta(days=USUAL_DAYS - 1)
    if start > end:
        raise Invalid(f"the period begins on {start} and ends on {end}; give an earlier first day", field="from")
    return start, end


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """Whole days as moments: the first one's beginning, and the beginning of the day after the last."""
    zone = platform().city.time_zone
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def reading_answer(reading: Reading) -> dict[str, Any]:
    """A reading on the wire."""
    indicator = reading.indicator
    return {
        "id": reading.identity, "name": indicator.en if language() == "en" else indicator.zh, "unit": indicator.unit,
        "failure": reading.failure, "figures": [figure_answer(each) for each in reading.figures],
    }  # fmt: skip


def figure_answer(figure: Figure) -> dict[str, Any]:
    """A figure on the wire."""
    return {
        "object": figure.object, "value": figure.value, "numerator": figure.numerator,
        "denominator": figure.denominator, "parts": len(figure.behind), "behind": list(figure.behind[:MOST_BEHIND]),
    }  # fmt: skip
