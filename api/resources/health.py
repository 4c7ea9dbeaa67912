"""Whether the host is well: for people, load balancers and monitors. Needs no token and tells nothing of cases."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from flask.views import MethodView
from marshmallow import fields

from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import Strict, text, whole
from engine.database import dumps
from engine.health import Health, check_health

blueprint = group("health", "Whether the host is well.", open_to_all=True)
probe = Blueprint("healthz", __name__)


class HealthSchema(Strict):
    """The state of the platform."""

    status = text("ok; late: timers or messages wait for more than a minute, is the scheduler running?; down.")
    city = text("City id.")
    database = text("ok or away.")
    deployment = whole("The deployment new cases start on.", allow_none=True)
    timers_overdue = whole("Timers due for more than a minute.")
    outbox_waiting = whole("Messages due for more than a minute.")
    outbox_failing = whole("Messages that failed at least once.")
    incidents_open = whole("Failed steps nobody has resolved.")


class AnswerSchema(HealthSchema):
    """The same at /health."""

    api = fields.String(metadata={"description": "Version of this API."})


@blueprint.route("/health")
class HealthOfApi(MethodView):
    """The state of the host."""

    @blueprint.doc(security=[])
    @blueprint.response(200, AnswerSchema)
    @blueprint.alt_response(503, schema=AnswerSchema)
    def get(self) -> tuple[dict[str, Any], int]:
        """The state of the host; 503 when the database is away."""
        health = check_health(session(), platform(), now())
        return {**vars(health), "api": "v1"}, status_of(health)


@probe.get("/healthz")
def healthz() -> Response:
    """The same outside the API's prefix, where probes look for it."""
    health = check_health(session(), platform(), now())
    return Response(dumps(vars(health)), status_of(health), content_type="application/json")


def status_of(health: Health) -> int:
    """503 takes the worker out of a load balancer; being late does not."""
    return 503 if health.status == "down" else 200
