"""Incidents: steps of diagrams that failed, for those who mend them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask.views import MethodView
from marshmallow import fields

from api.auth import require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import Strict, mapping, moment, text, truth, whole
from engine.cases.incident_acts import repair_incident, retry_incident, skip_incident
from engine.cases.incidents import list_incidents, open_incident, resolve_incident
from engine.models import Case, Incident, Instance
from engine.workflow.step import StepFailed

blueprint = group("incidents", "Steps that failed: cause and remedy, until somebody resolves them.")


class IncidentQuery(Strict):
    """Filter."""

    resolved = truth("Also those resolved.", load_default=False)


class IncidentSchema(Strict):
    """A failed step."""

    id = whole("Id, as in a problem's `instance`.")
    case = text("Case number.")
    process = text("Process where known.")
    element = text("Element of the diagram where known.")
    message = text("What failed and where.")
    remedy = text("What to do.")
    opened_at = moment("When.")
    resolved_at = moment("When it was over.", allow_none=True)
    resolution = text("How it came to be over.")


class SkipSchema(Strict):
    """Why a step is not to run."""

    reason = text("Why; goes into the case's history.", required=True)


class RepairSchema(SkipSchema):
    """Variables and why they are set."""

    variables = mapping("Variables of the case to set.", required=True)


class IncidentsSchema(Strict):
    """Incidents, newest first."""

    incidents = fields.List(fields.Nested(IncidentSchema))


def note_incident(error: StepFailed, case_id: int, instance: Instance | None, at: datetime) -> None:
    """Keep a failed step as an incident and give the error its id."""
    if instance is not None and error.incident_id is None:
        error.incident_id = open_incident(session(), case_id, instance.id, error, at)


@blueprint.route("/incidents")
class Incidents(MethodView):
    """All incidents."""

    @blueprint.arguments(IncidentQuery, location="query")
    @blueprint.response(200, IncidentsSchema)
    @blueprint.problems(403)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """The latest 200 incidents. Needs the permission `process.deploy`: those who can mend diagrams."""
        require_permission("process.deploy", "read incidents")
        rows = list_incidents(session(), resolved=query["resolved"])
        return {"incidents": [incident_view(incident, number) for incident, number in rows]}


@blueprint.route("/incidents/<int:incident_id>/resolution")
class Resolution(MethodView):
    """The end of an incident."""

    @blueprint.response(204)
    @blueprint.problems(403, 404)
    def put(self, incident_id: int) -> None:
        """Mark an incident as resolved. Needs the permission `process.deploy`."""
        actor = require_permission("process.deploy", "resolve incidents")
        resolve_incident(session(), incident_id, now(), by=actor.name)


@blueprint.route("/incidents/<int:incident_id>/retry")
class Retry(MethodView):
    """Another try."""

    @blueprint.response(200, IncidentSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def post(self, incident_id: int) -> dict[str, Any]:
        """Try the failed act again now, in the name of who did it. Needs the permission `process.deploy`."""
        actor = require_permission("process.deploy", "retry incidents")
        done = retry_incident(session(), platform(), incident_id, now(), by=actor.name, actor=actor)
        return incident_view(done, None)


@blueprint.route("/incidents/<int:incident_id>/repair")
class Repair(MethodView):
    """Variables set by hand."""

    @blueprint.arguments(RepairSchema)
    @blueprint.response(200, IncidentSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def post(self, body: dict[str, Any], incident_id: int) -> dict[str, Any]:
        """Set variables where the case stands, then try again. Needs `admin`; the history keeps old and new values."""
        actor = require_permission("admin", "repair variables of cases")
        done = repair_incident(
            session(), platform(), incident_id, body["variables"], now(), by=actor.name, reason=body["reason"],
            actor=actor,
        )  # fmt: skip
        return incident_view(done, None)


@blueprint.route("/incidents/<int:incident_id>/skip")
class Skip(MethodView):
    """A step passed over."""

    @blueprint.arguments(SkipSchema)
    @blueprint.response(200, IncidentSchema)
    @blueprint.problems(403, 404, 409, 422, 500)
    def post(self, body: dict[str, Any], incident_id: int) -> dict[str, Any]:
        """Let the failing automatic step pass without running it. Needs `admin`; the reason goes into the history."""
        actor = require_permission("admin", "skip steps of cases")
        done = skip_incident(
            session(), platform(), incident_id, now(), by=actor.name, reason=body["reason"], actor=actor
        )
        return incident_view(done, None)


def incident_view(incident: Incident, number: str | None) -> dict[str, Any]:
    """An incident with its case's number."""
    names = ("id", "process", "element", "message", "remedy", "opened_at", "resolved_at", "resolution")
    if number is None:
        case = session().get(Case, incident.case_id)
        number = case.number if case is not None else None
    return {"case": number or "", **{name: getattr(incident, name) for name in names}}
