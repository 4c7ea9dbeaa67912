"""Deployments and migrations as JSON."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, text, truth, whole


class SentenceSchema(Strict):
    """A sentence in both languages."""

    zh = text("Chinese.")
    en = text("English.")


class DeploymentSchema(Strict):
    """A deployment and how many cases run on it."""

    id = whole("Id.")
    digest = text("SHA-256 of its content.")
    deployed_at = moment("When it was deployed.")
    effective_at = moment("From when on new cases start on it.")
    author = text("By whom.")
    reason = text("Why.")
    running = whole("Cases that run on it.")
    in_force = truth("Whether new cases start on it now.")


class DeploymentsSchema(Strict):
    """All deployments, newest first."""

    deployments = fields.List(fields.Nested(DeploymentSchema))


class ChangeSchema(Strict):
    """One change between two deployments."""

    place = text("Id of the process, decision table or form.")
    element = text("Id of the element; empty when it concerns the whole.")
    words = fields.Nested(SentenceSchema)


class ChangesSchema(Strict):
    """What changed between two deployments."""

    changes = fields.List(fields.Nested(ChangeSchema))


class OrderSchema(Strict):
    """Which cases to move where. What is left out chooses every case."""

    target = whole("The deployment to move to.", required=True)
    source = whole("Only cases on this deployment.", load_default=None, allow_none=True)
    process = text("Only cases of this process.", load_default="")
    stage = text("Only cases in this stage.", load_default="")
    cases = fields.List(
        fields.String(), load_default=list, metadata={"description": "Only these cases, by number."},
        validate=ma.validate.Length(max=1000),
    )  # fmt: skip
    mapping = fields.Dict(
        keys=fields.String(), values=fields.String(), load_default=dict,
        metadata={"description": "Elements mapped by hand: `id` or `process/id` to the new id."},
    )  # fmt: skip


class StartSchema(OrderSchema):
    """A migration to be written down."""

    reason = text("Why; goes into the history of every case.", required=True, validate=ma.validate.Length(1, 500))


class PreviewSchema(Strict):
    """What a move would do to one case."""

    case = text("Case number.")
    deployment = whole("The deployment it runs on.")
    changes = fields.List(fields.Nested(SentenceSchema))
    refusals = fields.List(
        fields.Nested(SentenceSchema), metadata={"description": "Why it cannot move; empty: it can."}
    )


class PreviewsSchema(Strict):
    """A preview over all cases chosen."""

    cases = fields.List(fields.Nested(PreviewSchema))


class BatchSchema(Strict):
    """How far to go in one request."""

    most = whole("At most so many cases; ask again for more.", load_default=50, validate=ma.validate.Range(1, 500))


class ItemSchema(Strict):
    """What became of one case."""

    case = text("Case number.")
    status = text("`waiting`, `migrated`, `refused`, `ended`, `undone` or `moved_on`.")
    notes = fields.List(fields.Nested(SentenceSchema))
    at = moment("When.", allow_none=True)


class MigrationSchema(Strict):
    """A migration and how far it is."""

    id = whole("Id.")
    target = whole("The deployment cases move to.")
    status = text("`running`, `paused`, `done` or `undone`.")
    author = text("By whom.")
    reason = text("Why.")
    created_at = moment("When it was written down.")
    finished_at = moment("When it was done or undone.", allow_none=True)
    counts = mapping("How many cases are in which status.")


class MigrationsSchema(Strict):
    """All migrations, newest first."""

    migrations = fields.List(fields.Nested(MigrationSchema))


class ItemsSchema(Strict):
    """Every case of a migration."""

    cases = fields.List(fields.Nested(ItemSchema))
