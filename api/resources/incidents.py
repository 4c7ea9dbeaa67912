"""Incidents: steps of diagrams that failed, for those who mend them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import select

from api.auth import require_permission
from api.context import now, session
from api.resources.blueprint import group
from api.schemas.base import Strict, moment, text, truth, whole
from engine.cases.incidents import open_incident
from engine.database import begin_write
from engine.errors import NotFound
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
    element = text("Element of the diagram where known.")
    message = text("What failed and where.")
    remedy = text("What to do.")
    opened_at = moment("When.")
    resolved_at = moment("When somebody resolved it.", allow_none=True)


class IncidentsSchema(Strict):
    """Incidents, newest first."""

    incidents = fields.List(fields.Nested(IncidentSchema))


def note_incident(error: StepFailed, case_id: int, instance: Instance | None, at: datetime) -> None:
    """Keep a failed step as an incident and give the error its id."""
    if instance is not None:
        error.incident_id = open_incident(session(), case_id, instance.id, error, at)  # type: ignore[attr-defined]


@blueprint.route("/incidents")
class Incidents(MethodView):
    """All incidents."""

    @blueprint.arguments(IncidentQuery, location="query")
    @blueprint.response(200, IncidentsSchema)
    @blueprint.problems(403)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """The latest 200 incidents. Needs the permission `process.deploy`: those who can mend diagrams."""
        require_permission("process.deploy", "read incidents")
        found = select(Incident, Case.number).outerjoin(Case, Case.id == Incident.case_id).order_by(Incident.id.desc())
        if not query["resolved"]:
            found = found.where(Incident.resolved_at.is_(None))
        rows = session().execute(found.limit(200))
        return {"incidents": [incident_view(incident, number) for incident, number in rows]}


@blueprint.route("/incidents/<int:incident_id>/resolution")
class Resolution(MethodView):
    """The end of an incident."""

    @blueprint.response(204)
    @blueprint.problems(403, 404)
    def put(self, incident_id: int) -> None:
        """Mark an incident as resolved. Needs the permission `process.deploy`."""
        require_permission("process.deploy", "resolve incidents")
        begin_write(session())
        incident = session().get(Incident, incident_id)
        if incident is None:
            raise NotFound(f"there is no incident {incident_id}; take the id of GET /api/v1/incidents")
        incident.resolved_at = incident.resolved_at or now()
        session().commit()


def incident_view(incident: Incident, number: str | None) -> dict[str, Any]:
    """An incident with its case's number."""
    names = ("id", "element", "message", "remedy", "opened_at", "resolved_at")
    return {"case": number or "", **{name: getattr(incident, name) for name in names}}
