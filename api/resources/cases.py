"""Cases: report, find, read, act."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.views import MethodView
from geojson import Feature, FeatureCollection, Point

from api.auth import current_actor, require_permission
from api.context import language, now, platform, session, translations
from api.resources.blueprint import group
from api.resources.incidents import note_incident
from api.schemas.base import KeyHeader, LanguageQuery
from api.schemas.cases import (
    ACTION_NAMES,
    ActionSchema,
    CaseDetailSchema,
    CasePageSchema,
    CaseQuery,
    CaseSummarySchema,
    HistorySchema,
    ReportSchema,
    StandingSchema,
)
from api.schemas.standing import CaseDiagramsSchema, DeadlineSchema, PictureQuery
from engine.cases.access import access_case
from engine.cases.actions import act_on_case
from engine.cases.deadlines import DeadlineReason, explain_deadline
from engine.cases.diagrams import CaseDiagrams, case_instance, standing_in_diagrams
from engine.cases.listing import CaseFilter, list_cases
from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.cases.views import CaseDetail, CaseSummary, describe, history, summarise
from engine.database import dumps
from engine.errors import NotFound
from engine.models import Case
from engine.workflow.picture import draw_diagram
from engine.workflow.step import StepFailed

blueprint = group("cases", "Cases (案卷) from the report to the evaluation.")
GEOJSON = "application/geo+json"


def accessible(number: str) -> Case:
    """The case, when the actor may see it."""
    return access_case(session(), current_actor(), platform().host.directory, number)


@blueprint.route("/cases")
class Cases(MethodView):
    """All cases you see."""

    @blueprint.arguments(CaseQuery, location="query")
    @blueprint.response(200, CasePageSchema)
    @blueprint.alt_response(200, content_type=GEOJSON, success=True)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any] | Response:
        """Find cases. A page never skips or repeats a case, however many are reported meanwhile.

        With `Accept: application/geo+json` or `format=geojson` the page is a GeoJSON FeatureCollection of those that
        have a point, WGS-84.
        """
        moment, wanted = now(), query["wanted"]
        assert isinstance(wanted, CaseFilter)
        page = list_cases(
            session(), current_actor(), platform().host.directory, wanted, moment,
            sort=query["sort"], limit=query["limit"], cursor=query["cursor"],
        )  # fmt: skip
        rows = [summarise(platform(), case, moment) for case in page.rows]
        following = next_link(page.next_cursor)
        if query["format"] == "geojson" or (query["format"] is None and wants_geojson()):
            return geojson_answer(rows, page.next_cursor, following)
        return {"cases": rows, "next_cursor": page.next_cursor, "next": following}

    @blueprint.arguments(ReportSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, CaseSummarySchema)
    @blueprint.alt_response(200, schema=CaseSummarySchema, success=True)
    @blueprint.problems(403, 404, 409, 422)
    def post(self, report: Report, headers: dict[str, Any]) -> tuple[CaseSummary, int, dict[str, str]]:
        """Report a problem: opens a case and starts its process. Needs the permission `case.create`.

        200 instead of 201 when the channel (`source`) has sent this `external_id` before: the answer is the first case.
        """
        actor, moment, db = require_permission("case.create", "report a case"), now(), session()

        answer = submit_report(db, platform(), report, actor, moment, key=headers["key"])
        case = accessible(answer["case"])
        location = url_for("cases.OneCase", number=case.number)
        return summarise(platform(), case, moment), 200 if answer.get("known") else 201, {"Location": location}


def wants_geojson() -> bool:
    """Whether the client prefers GeoJSON to JSON."""
    return request.accept_mimetypes.best_match(("application/json", GEOJSON)) == GEOJSON


def next_link(cursor: str | None) -> str | None:
    """The present address with the next cursor."""
    if cursor is None:
        return None
    assert request.endpoint is not None
    arguments: dict[str, Any] = {**(request.view_args or {}), **request.args.to_dict(flat=False), "cursor": cursor}
    return url_for(request.endpoint, **arguments)


def geojson_answer(rows: list[CaseSummary], cursor: str | None, following: str | None) -> Response:
    """A FeatureCollection with the paging as foreign members."""
    schema = CaseSummarySchema(exclude=("lon", "lat"))
    features = [
        Feature(id=row.number, geometry=Point((row.lon, row.lat)), properties=schema.dump(row))
        for row in rows
        if row.lon is not None and row.lat is not None
    ]
    return Response(dumps(FeatureCollection(features, next_cursor=cursor, next=following)), content_type=GEOJSON)


@blueprint.route("/cases/<string:number>")
class OneCase(MethodView):
    """One case."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, CaseDetailSchema)
    @blueprint.problems(404)
    def get(self, query: dict[str, Any], number: str) -> CaseDetail:
        """A case in full: units, clocks with lights, links, evidence, open tasks and what you may do with it."""
        db = session()
        detail = describe(db, platform(), current_actor(), accessible(number), now())
        db.commit()  # nothing was written: the commit gives the live instance back to the cache
        return detail


@blueprint.route("/cases/<string:number>/history")
class CaseHistory(MethodView):
    """What happened to a case."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, HistorySchema)
    @blueprint.problems(404)
    def get(self, query: dict[str, Any], number: str) -> dict[str, Any]:
        """The whole history, oldest first; decisions with the rules that decided."""
        return {"number": number, "events": history(session(), platform(), accessible(number))}


@blueprint.route("/cases/<string:number>/deadline")
class CaseDeadline(MethodView):
    """Why a case is due when it is."""

    @blueprint.response(200, DeadlineSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> DeadlineReason:
        """Every clock with its runs, pauses and their reasons, and what counted, as values and as sentences."""
        return explain_deadline(platform(), accessible(number), now())


@blueprint.route("/cases/<string:number>/diagram")
class CaseDiagram(MethodView):
    """Where a case stands in its diagrams."""

    @blueprint.response(200, CaseDiagramsSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> CaseDiagrams:
        """The diagrams the case is pinned to, with tokens and elements that were passed."""
        db = session()
        found = standing_in_diagrams(db, platform(), accessible(number))
        db.commit()
        return found


@blueprint.route("/cases/<string:number>/diagram.svg")
class CasePicture(MethodView):
    """A diagram of a case as a picture."""

    @blueprint.arguments(PictureQuery, location="query")
    @blueprint.response(200, content_type="image/svg+xml")
    @blueprint.problems(404, 422)
    def get(self, query: dict[str, Any], number: str) -> Response:
        """One of the case's diagrams with its tokens and what was passed, names in your language."""
        db = session()
        found = standing_in_diagrams(db, platform(), accessible(number))
        db.commit()
        process = query["process"] or found.process
        diagram = next((each for each in found.diagrams if each.process == process), None)
        if diagram is None:
            touched = ", ".join(each.process for each in found.diagrams)
            raise NotFound(f"case {number} has not come to the diagram {process!r}; it has been in {touched}")
        spoken = language()
        svg = draw_diagram(diagram.xml, spoken, translations().speaker(spoken), diagram.tokens, diagram.done)
        return Response(svg, content_type="image/svg+xml; charset=utf-8")


@blueprint.route("/cases/<string:number>/actions/<any(" + ", ".join(ACTION_NAMES) + "):action>")
class CaseAction(MethodView):
    """Acts on a case at any time."""

    @blueprint.arguments(ActionSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(200, StandingSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def post(self, body: dict[str, Any], headers: dict[str, Any], number: str, action: str) -> dict[str, Any]:
        """Cancel, merge, supervise, resume or appeal. 409 when the case does not take it where it stands.

        `cancel` needs `reason`; `merge` needs `into`; `supervise` needs `instruction` and takes `level`; `resume` takes
        `reason`; `appeal` needs `reason`. The permissions are `case.cancel`, `case.merge` and so on.
        """
        db, actor, moment = session(), current_actor(), now()
        try:
            return act_on_case(db, platform(), actor, number, action, body, now=moment, key=headers["key"])
        except StepFailed as error:
            db.rollback()
            case = accessible(number)
            note_incident(error, case.id, case_instance(db, case), moment)
            raise
