"""The deployed diagrams."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from api.auth import require_permission
from api.context import language, now, platform, session, translations
from api.resources.blueprint import group
from api.schemas.base import Strict, moment, text, whole
from engine.errors import CityBroken, NotFound
from engine.models import Deployment
from engine.workflow.deployments import current_deployment

blueprint = group("processes", "Diagrams, decisions and forms new cases start on.")


class ProcessSchema(Strict):
    """A deployed diagram."""

    id = text("Process id.")
    name = text("Name in your language.")
    version = whole("Version of the file; grows by one with every change.")
    documentation = text("What it is for.")


class ProcessesSchema(Strict):
    """The deployment in force."""

    deployment = whole("Id.")
    digest = text("SHA-256 of its content.")
    deployed_at = moment("When.")
    author = text("By whom.")
    reason = text("Why.")
    processes = fields.List(fields.Nested(ProcessSchema))


def deployed() -> Deployment:
    """The deployment new cases start on."""
    found = current_deployment(session(), now())
    if found is None:
        raise CityBroken("nothing is deployed yet; run 'wangge init'")
    return found


@blueprint.route("/processes")
class Processes(MethodView):
    """Diagrams."""

    @blueprint.response(200, ProcessesSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """The diagrams of the deployment in force, with versions."""
        require_permission("process.read", "read the diagrams")
        deployment = deployed()
        definition = platform().definitions.get(session(), deployment.id)
        spoken, known = language(), translations()
        rows = [
            {
                "id": diagram.id, "name": known.say(spoken, f"process:{diagram.id}", diagram.name),
                "version": deployment.versions.get(f"processes/{diagram.id}.bpmn", 0),
                "documentation": diagram.documentation,
            }
            for diagram in definition.diagrams.values()
        ]  # fmt: skip
        return {
            "deployment": deployment.id, "digest": deployment.digest, "deployed_at": deployment.deployed_at,
            "author": deployment.author, "reason": deployment.reason, "processes": rows,
        }  # fmt: skip


@blueprint.route("/processes/<string:process>")
class OneProcess(MethodView):
    """One diagram."""

    @blueprint.response(200, content_type="application/xml")
    @blueprint.problems(403, 404)
    def get(self, process: str) -> Response:
        """The BPMN 2.0 file as deployed."""
        require_permission("process.read", "read the diagrams")
        definition = platform().definitions.get(session(), deployed().id)
        diagram = definition.diagrams.get(process)
        if diagram is None:
            raise NotFound(f"there is no process {process}; deployed are {', '.join(sorted(definition.diagrams))}")
        return Response(diagram.xml, content_type="application/xml; charset=utf-8")
