"""Deployments compared, and running cases moved from one to another."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView
from sqlalchemy import select

from api.auth import require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.migrations import (
    BatchSchema,
    ChangesSchema,
    DeploymentsSchema,
    ItemsSchema,
    MigrationSchema,
    MigrationsSchema,
    OrderSchema,
    PreviewsSchema,
    StartSchema,
)
from engine.cases.migrating import (
    count_items,
    find_migration,
    list_items,
    pause_migration,
    resume_migration,
    run_migration,
    start_migration,
    undo_migration,
)
from engine.cases.migration_preview import Order, Selection, preview_migration
from engine.errors import NotFound
from engine.models import Deployment, Migration
from engine.workflow.deployment_diff import compare_deployments
from engine.workflow.deployments import list_deployments

blueprint = group("migrations", "Deployments compared, and running cases moved from one to another.")

PERMISSION = "process.deploy"


@blueprint.route("/deployments")
class Deployments(MethodView):
    """Deployments."""

    @blueprint.response(200, DeploymentsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All deployments: author, reason, when, and how many cases run on each. Needs `process.read`."""
        require_permission("process.read", "read the deployments")
        return {"deployments": list_deployments(session(), now())}


@blueprint.route("/deployments/<int:before>/changes/<int:after>")
class Changes(MethodView):
    """Two deployments compared."""

    @blueprint.response(200, ChangesSchema)
    @blueprint.problems(403, 404)
    def get(self, before: int, after: int) -> dict[str, Any]:
        """What changed from one deployment to another, in words. Needs `process.read`."""
        require_permission("process.read", "compare deployments")
        old, new = deployment(before), deployment(after)
        known = platform().definitions
        pair = known.get(session(), before), known.get(session(), after)
        return {"changes": compare_deployments(old, new, *pair)}


@blueprint.route("/migrations/preview")
class PreviewOfMigration(MethodView):
    """A migration on trial."""

    @blueprint.arguments(OrderSchema)
    @blueprint.response(200, PreviewsSchema)
    @blueprint.problems(403, 404, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Move the chosen cases on trial: what would change, which cannot move and why. Writes nothing."""
        require_permission(PERMISSION, "preview migrations")
        return {"cases": list(preview_migration(session(), platform(), order_of(body), now()))}


@blueprint.route("/migrations")
class Migrations(MethodView):
    """Migrations."""

    @blueprint.response(200, MigrationsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All migrations, newest first. Needs `process.deploy`."""
        require_permission(PERMISSION, "read migrations")
        rows = session().scalars(select(Migration).order_by(Migration.id.desc())).all()
        return {"migrations": [migration_view(row) for row in rows]}

    @blueprint.arguments(StartSchema)
    @blueprint.response(201, MigrationSchema)
    @blueprint.problems(403, 404, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Write a migration down; every chosen case waits in it. Batches move them. Needs `process.deploy`."""
        actor = require_permission(PERMISSION, "migrate cases")
        row = start_migration(session(), platform(), order_of(body), now(), author=actor.name, reason=body["reason"])
        return migration_view(row)


@blueprint.route("/migrations/<int:migration_id>/batch")
class Batch(MethodView):
    """The next cases of a migration."""

    @blueprint.arguments(BatchSchema)
    @blueprint.response(200, MigrationSchema)
    @blueprint.problems(403, 404)
    def post(self, body: dict[str, Any], migration_id: int) -> dict[str, Any]:
        """Move the next cases, one transaction each, and say how far it is. Does nothing while it is paused."""
        actor = require_permission(PERMISSION, "migrate cases")
        row = run_migration(session(), platform(), migration_id, now(), actor=actor, most=body["most"])
        return migration_view(row)


@blueprint.route("/migrations/<int:migration_id>/pause")
class Pause(MethodView):
    """A stop between two cases."""

    @blueprint.response(200, MigrationSchema)
    @blueprint.problems(403, 404, 409)
    def post(self, migration_id: int) -> dict[str, Any]:
        """Let whoever moves cases stop after the one at hand."""
        require_permission(PERMISSION, "migrate cases")
        return migration_view(pause_migration(session(), migration_id, now()))


@blueprint.route("/migrations/<int:migration_id>/resume")
class Resume(MethodView):
    """The end of a pause."""

    @blueprint.response(200, MigrationSchema)
    @blueprint.problems(403, 404, 409)
    def post(self, migration_id: int) -> dict[str, Any]:
        """Let a paused migration go on; batches move its cases."""
        require_permission(PERMISSION, "migrate cases")
        return migration_view(resume_migration(session(), migration_id, now()))


@blueprint.route("/migrations/<int:migration_id>/undo")
class Undo(MethodView):
    """The way back."""

    @blueprint.response(200, MigrationSchema)
    @blueprint.problems(403, 404, 409)
    def post(self, migration_id: int) -> dict[str, Any]:
        """Put back every case that has not moved on since; the others stay and say so."""
        actor = require_permission(PERMISSION, "undo migrations")
        return migration_view(undo_migration(session(), platform(), migration_id, now(), actor=actor))


@blueprint.route("/migrations/<int:migration_id>/cases")
class CasesOfMigration(MethodView):
    """Every case of a migration."""

    @blueprint.response(200, ItemsSchema)
    @blueprint.problems(403, 404)
    def get(self, migration_id: int) -> dict[str, Any]:
        """What became of every case, with the reasons. Needs `process.deploy`."""
        require_permission(PERMISSION, "read migrations")
        find_migration(session(), migration_id)
        names = ("status", "notes", "at")
        rows = list_items(session(), migration_id)
        return {"cases": [{"case": case, **{name: getattr(item, name) for name in names}} for case, item in rows]}


def deployment(deployment_id: int) -> Deployment:
    """A deployment. Raises NotFound."""
    found = session().get(Deployment, deployment_id)
    if found is None:
        raise NotFound(f"there is no deployment {deployment_id}; GET /api/v1/deployments lists them")
    return found


def order_of(body: dict[str, Any]) -> Order:
    """What a request wants moved."""
    chosen = Selection(body["process"], body["stage"], body["source"], tuple(body["cases"]))
    return Order(body["target"], chosen, body["mapping"])


def migration_view(row: Migration) -> dict[str, Any]:
    """A migration with how far it is."""
    names = ("id", "status", "author", "reason", "created_at", "finished_at")
    values = {name: getattr(row, name) for name in names}
    return {"target": row.target_id, "counts": count_items(session(), row.id), **values}
