"""What an editor of expressions asks: what can be named, and whether a text is well written."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from api.auth import require_permission
from api.context import platform, session
from api.resources.blueprint import group
from api.resources.processes import deployed
from api.schemas.expressions import InspectionSchema, TextSchema, VocabularyQuery, VocabularySchema
from engine.errors import NotFound
from engine.workflow.expression_completion import completion, inspect_text

blueprint = group("expressions", "The language of conditions, tables, scripts and forms.")


@blueprint.route("/expressions")
class Expressions(MethodView):
    """The language."""

    @blueprint.arguments(VocabularyQuery, location="query")
    @blueprint.response(200, VocabularySchema)
    @blueprint.problems(403, 404)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Everything an expression may name, with types and meanings in both languages: for completion in an editor."""
        require_permission("process.read", "read the diagrams")
        definition = platform().definitions.get(session(), deployed().id)
        process = query["process"]
        if process and process not in definition.diagrams:
            raise NotFound(f"there is no process {process}; deployed are {', '.join(sorted(definition.diagrams))}")
        return completion(platform().host.functions, definition, process)


@blueprint.route("/expressions/check")
class Check(MethodView):
    """A text."""

    @blueprint.arguments(TextSchema)
    @blueprint.response(200, InspectionSchema)
    @blueprint.problems(403, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """What a text reads, or what is wrong with it and where. Nothing is evaluated and nothing is kept."""
        require_permission("process.read", "read the diagrams")
        return inspect_text(body["text"], body["kind"], platform().host.functions)
