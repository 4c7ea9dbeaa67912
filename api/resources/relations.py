"""Cases beside each other: likely duplicates, undone merges, split reports, links; problems that come back."""

from __future__ import annotations

from typing import Any

import shapely
from flask.views import MethodView
from shapely.geometry import mapping

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.resources.cases import accessible
from api.schemas.base import KeyHeader
from api.schemas.cases import StandingSchema
from api.schemas.relations import (
    LinkedSchema,
    LinkRequestSchema,
    NearCasesSchema,
    NearQuery,
    NoReportSchema,
    ReasonSchema,
    RecurrenceSchema,
    RecurringPlacesSchema,
    RecurringQuery,
    SplitSchema,
    SplitStandingSchema,
)
from engine.cases.relating import relate_cases, split_case, undo_merge
from engine.duplicates.finding import Likely, duplicates_of
from engine.duplicates.reasons import explain
from engine.duplicates.recurring import recurrence_of, recurring_places
from engine.no_report import NoReport, NoReportRule

blueprint = group("relations", "Cases that belong together: duplicates, parts, links, problems that come back.")
NEAR = (
    "number", "title", "status", "kind", "full_code", "description", "address", "lon", "lat", "reported_at",
    "distance_m", "class_part", "text_likeness", "hours_before", "same_component", "score",
)  # fmt: skip


def near_case(found: Likely) -> dict[str, Any]:
    """A likely duplicate with its reasons in both languages."""
    told = {"explanation": explain(found), "explanation_en": explain(found, "en")}
    return {name: getattr(found, name) for name in NEAR} | told


@blueprint.route("/cases/<string:number>/duplicates")
class CaseDuplicates(MethodView):
    """Likely duplicates of a case."""

    @blueprint.arguments(NearQuery, location="query")
    @blueprint.response(200, NearCasesSchema)
    @blueprint.problems(404, 422)
    def get(self, query: dict[str, Any], number: str) -> dict[str, Any]:
        """Open cases and those closed lately that may tell of the same problem, explained, of those you see.

        Scored from distance, class, text and time by the city's `duplicates.csv`. Needs access to the case.
        """
        case = accessible(number)
        found = duplicates_of(session(), platform(), current_actor(), case, now(), limit=query["limit"])
        return {"number": number, "duplicates": [near_case(each) for each in found]}


@blueprint.route("/cases/<string:number>/merge")
class CaseMerge(MethodView):
    """The merge of a case into another."""

    @blueprint.arguments(ReasonSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(200, StandingSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def delete(self, body: dict[str, Any], headers: dict[str, Any], number: str) -> dict[str, Any]:
        """Undo it: the case leaves the one that leads and begins its process anew; both histories keep the merge.

        409 when the leading case has ended. Needs the permission `case.merge`. Merging is the action `merge`.
        """
        return undo_merge(session(), platform(), current_actor(), number, body["reason"], now=now(), key=headers["key"])


@blueprint.route("/cases/<string:number>/parts")
class CaseParts(MethodView):
    """Cases split off a report."""

    @blueprint.arguments(SplitSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, SplitStandingSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def post(self, body: dict[str, Any], headers: dict[str, Any], number: str) -> dict[str, Any]:
        """Split further problems off a report: each becomes a case with its reporter, source and moment, and a clock
        of its own. The report's own case goes on. Needs the permission `case.split`; 409 for a case that has ended.
        """
        return split_case(
            session(), platform(), current_actor(), number, body["parts"], body["reason"], now=now(),
            key=headers["key"],
        )  # fmt: skip


@blueprint.route("/cases/<string:number>/links")
class CaseLinks(MethodView):
    """Related cases."""

    @blueprint.arguments(LinkRequestSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, LinkedSchema)
    @blueprint.problems(403, 404, 409, 422)
    def post(self, body: dict[str, Any], headers: dict[str, Any], number: str) -> dict[str, Any]:
        """Link a case with another one as related, with a reason. Needs the permission `case.link`."""
        return relate_cases(
            session(), platform(), current_actor(), number, body["other"], body["reason"], linked=True, now=now(),
            key=headers["key"],
        )  # fmt: skip


@blueprint.route("/cases/<string:number>/links/<string:other>")
class CaseLinkTo(MethodView):
    """A link as related."""

    @blueprint.arguments(ReasonSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(200, LinkedSchema)
    @blueprint.problems(403, 404, 409, 422)
    def delete(self, body: dict[str, Any], headers: dict[str, Any], number: str, other: str) -> dict[str, Any]:
        """Undo a link as related; both histories keep it. Needs the permission `case.link`."""
        return relate_cases(
            session(), platform(), current_actor(), number, other, body["reason"], linked=False, now=now(),
            key=headers["key"],
        )  # fmt: skip


@blueprint.route("/cases/<string:number>/recurrence")
class CaseRecurrence(MethodView):
    """Whether the problem of a case keeps coming back."""

    @blueprint.response(200, RecurrenceSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> dict[str, Any]:
        """The earlier cases of its subclass at its place, when they are as many as `recurring.csv` says."""
        case = accessible(number)
        return {"number": number, "recurring": recurrence_of(session(), platform(), current_actor(), case)}


@blueprint.route("/recurring")
class Recurring(MethodView):
    """Problems that keep coming back."""

    @blueprint.arguments(RecurringQuery, location="query")
    @blueprint.response(200, RecurringPlacesSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Places with the same problem again and again up to now, most often first, of the cases you see.

        A case belongs to one place at most. Needs the permission `recurring.read`.
        """
        actor = require_permission("recurring.read", "see recurring problems")
        query.pop("lang")
        return {"places": recurring_places(session(), platform(), actor, now(), **query)}


@blueprint.route("/no-report-rules")
class NoReportRules(MethodView):
    """Where and when nothing is to be reported."""

    @blueprint.response(200, NoReportSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """The city's no-report rules with their areas, for those who report. Needs the permission `catalogue.read`.

        A report that falls under one is taken and flagged, never refused.
        """
        require_permission("catalogue.read", "see the no-report rules")
        known = platform().host.no_report
        return {"rules": [rule_view(known, rule) for rule in known.rules]}


def rule_view(known: NoReport, rule: NoReportRule) -> dict[str, Any]:
    """A rule with what is drawn of its areas."""
    drawn = [known.areas[code] for code in rule.areas if code in known.areas]
    values = {name: value for name, value in vars(rule).items() if name != "when"}
    return values | {
        "holds_today": rule.holds_on(platform().host.today(now())),
        "geometry": mapping(shapely.MultiPolygon(polygons(drawn))) if drawn else None,
    }


def polygons(areas: list[Any]) -> list[Any]:
    """The single polygons of areas."""
    return [part for area in areas for part in getattr(area, "geoms", [area])]
