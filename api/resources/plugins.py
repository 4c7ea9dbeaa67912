"""The city's plugins: what they are, their map layers, their jobs."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from api.auth import current_actor, require_permission
from api.context import language, now, platform, plugins, session
from api.resources.blueprint import group
from api.resources.ground import GEOJSON, geojson
from api.schemas.base import Strict, moment, text
from api.schemas.ground import BoxQuery
from engine.cases.listing import read_bbox
from engine.errors import NotAllowed, NotFound
from engine.hooks.layers import features_in, find_layer, layers_for
from engine.hooks.working import all_jobs, run_job
from engine.models import PluginJob, PluginMark

blueprint = group("plugins", "Departments and domains that the city has enabled.")


class PluginSchema(Strict):
    """An enabled plugin."""

    name = text("Its name.")
    title = text("What it is called, in the language asked for.")
    version = text("Its release.")
    requires = fields.List(fields.String(), metadata={"description": "Plugins it works with."})
    failure = text("Why it does not hear what happens to cases any more; empty when all is well.")


class PluginLayerSchema(Strict):
    """A layer of the map."""

    id = text("Plugin and layer, with a dot between.")
    name = text("What it is called, in the language asked for.")
    kind = text("point, line or area.")


class PluginJobSchema(Strict):
    """A job of a plugin."""

    id = text("Plugin and job, with a dot between.")
    name = text("What it is called, in the language asked for.")
    cron = text("When it is due, in the city's time zone.")
    started_at = moment("When it was last begun.", allow_none=True)
    ended_at = moment("When that ended.", allow_none=True)
    due_at = moment("When it is due next.", allow_none=True)
    told = text("What it said it did.")
    failure = text("Why it failed; empty when it went well.")


@blueprint.route("/plugins")
class Plugins(MethodView):
    """What is enabled."""

    @blueprint.response(200, PluginSchema(many=True))
    @blueprint.problems()
    def get(self) -> list[dict[str, Any]]:
        """The enabled plugins."""
        english = language() == "en"
        marks = {mark.plugin: mark.failure for mark in session().query(PluginMark)}
        return [
            {
                "name": name, "title": each.title_en if english else each.title, "version": each.version,
                "requires": list(each.requires), "failure": marks.get(name, ""),
            }
            for name, each in plugins().manifests.items()
        ]  # fmt: skip


@blueprint.route("/layers")
class Layers(MethodView):
    """Layers of the map."""

    @blueprint.response(200, PluginLayerSchema(many=True))
    @blueprint.problems()
    def get(self) -> list[dict[str, Any]]:
        """The plugins' layers that one may see."""
        english = language() == "en"
        return [
            {"id": identity, "name": layer.en if english else layer.zh, "kind": layer.kind}
            for identity, layer in layers_for(platform().host.registry, current_actor())
        ]


@blueprint.route("/layers/<identity>")
class LayerFeatures(MethodView):
    """What a layer has in a view."""

    @blueprint.arguments(BoxQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any], identity: str) -> Response:
        """GeoJSON of a layer in a box; ``truncated`` when there is more than the most a view may hold."""
        layer = find_layer(platform().host.registry, identity)
        if layer is None:
            raise NotFound(f"there is no layer {identity!r}; GET /api/v1/layers lists them")
        if not current_actor().may(layer.permission):
            raise NotAllowed(f"your posts do not allow {layer.permission}, which the layer {identity} asks for")
        return geojson(features_in(session(), layer, read_bbox(query["bbox"])))


@blueprint.route("/jobs")
class Jobs(MethodView):
    """Work by the clock."""

    @blueprint.response(200, PluginJobSchema(many=True))
    @blueprint.problems(403)
    def get(self) -> list[dict[str, Any]]:
        """The plugins' jobs with last and next run."""
        require_permission("admin", "see the jobs of plugins")
        return [_job(plugin, job) for plugin, job in all_jobs(platform())]


@blueprint.route("/jobs/<identity>/run")
class JobRun(MethodView):
    """Run a job now."""

    @blueprint.response(200, PluginJobSchema)
    @blueprint.problems(403, 404)
    def post(self, identity: str) -> dict[str, Any]:
        """Run it, and say what came of it."""
        require_permission("admin", "run the jobs of plugins")
        plugin, _, job_id = identity.partition(".")
        run_job(session(), platform(), plugin, job_id, now())
        return next(_job(name, job) for name, job in all_jobs(platform()) if (name, job.id) == (plugin, job_id))


def _job(plugin: str, job: Any) -> dict[str, Any]:
    row = session().get(PluginJob, (plugin, job.id))
    return {
        "id": f"{plugin}.{job.id}", "name": job.en if language() == "en" else job.zh, "cron": job.cron,
        "started_at": row.started_at if row else None, "ended_at": row.ended_at if row else None,
        "due_at": row.due_at if row else None, "told": row.told if row else "", "failure": row.failure if row else "",
    }  # fmt: skip
