"""Changes of components: proposed by one, decided by another; and the list of owners that are missing or contested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import Strict, mapping, moment, text, whole
from engine.components.changes import CONFIRM, confirm, list_changes, propose, refuse
from engine.components.ownership import claims, gaps, how_many
from engine.components.photos import photos_of
from engine.components.rules import Rules, load_rules
from engine.models import Component, ComponentChange, Person

blueprint = group("component changes", "Proposals for the register of components, their history, and ownership.")
STATUSES = ("proposed", "confirmed", "refused")
KINDS = ("add", "change", "ownership", "survey")


class ComponentChangeSchema(Strict):
    """A change of one component."""

    id = whole("Id.")
    component = text("The component's code.")
    kind = text("`add`, `change`, `ownership` (only the owner) or `survey`.")
    status = text("`proposed`, `confirmed` or `refused`.")
    before = mapping("The fields as they were; null for a new component.", allow_none=True)
    after = mapping("The same fields as proposed.")
    reason = text("Why.")
    proposed_by = text("Who proposed it; null for a survey.", allow_none=True)
    proposed_at = moment("When.")
    decided_by = text("Who decided; null while open and for a survey.", allow_none=True)
    decided_at = moment("When.", allow_none=True)
    decision = text("What was said with it.")
    survey = whole("The survey it came with.", allow_none=True)
    photo = whole("The photo it came with: `/components/photos/{id}`.", allow_none=True)


class ComponentChangesSchema(Strict):
    """A page of changes."""

    changes = fields.List(fields.Nested(ComponentChangeSchema))
    next = whole("`after` of the next page; null on the last.", allow_none=True)


class ChangesQuery(Strict):
    """Filter."""

    status = text("Only this status.", load_default=None, validate=ma.validate.OneOf(STATUSES))
    kind = text("Only this kind.", load_default=None, validate=ma.validate.OneOf(KINDS))
    component = text("Only this component.", load_default=None)
    after = whole("Ids above this one.", load_default=0)
    limit = whole("Rows a page.", load_default=50, validate=ma.validate.Range(1, 200))


class ProposalSchema(Strict):
    """What is to be."""

    component = text("The component's 16-digit code.", required=True)
    values = mapping("Fields and their new values; a new component names its `full_code`.", required=True)
    reason = text("Why.", required=True, validate=ma.validate.Length(1, 1000))


class DecisionSchema(Strict):
    """A decision."""

    decision = text("What is to be said with it; a refusal needs it.", load_default="")


class GapQuery(Strict):
    """Filter."""

    full_code = text("Only this subclass.", load_default=None)
    grid = text("Only this unit grid.", load_default=None)
    after = text("Codes above this one.", load_default="")
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class GapSchema(Strict):
    """A component nobody owns."""

    code = text("Code.")
    full_code = text("Class.")
    name = text("Name.")
    grid = text("Unit grid.", allow_none=True)
    dept_in_charge = text("Department in charge.", allow_none=True)
    dept_maintenance = text("Department that maintains it.", allow_none=True)


class OwnershipSchema(Strict):
    """What is to be worked off."""

    gaps = fields.List(fields.Nested(GapSchema))
    claims = fields.List(fields.Nested(ComponentChangeSchema))
    open_gaps = whole("All gaps, whatever the filter.")
    open_claims = whole("All claims.")


@blueprint.route("/components/changes")
class Changes(MethodView):
    """Changes of the register."""

    @blueprint.arguments(ChangesQuery, location="query")
    @blueprint.response(200, ComponentChangesSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Changes by id: open proposals, or who moved which component when. Needs `component.propose`."""
        require_permission("component.propose", "read changes of components")
        rows = list_changes(
            session(), status=query["status"], kind=query["kind"], code=query["component"], after=query["after"],
            most=query["limit"],
        )  # fmt: skip
        following = rows[-1].id if len(rows) == query["limit"] else None
        return {"changes": change_views(rows), "next": following}

    @blueprint.arguments(ProposalSchema)
    @blueprint.response(201, ComponentChangeSchema)
    @blueprint.problems(403, 404, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Propose a change or a new component; the register stays as it is. Needs `component.propose`."""
        actor, rules = require_permission("component.propose", "propose changes of components"), city_rules()
        change = propose(session(), actor, body["component"], body["values"], body["reason"], rules, now())
        return change_view(change)


@blueprint.route("/components/changes/<int:change_id>/confirmation")
class Confirmation(MethodView):
    """Yes."""

    @blueprint.arguments(DecisionSchema)
    @blueprint.response(200, ComponentChangeSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], change_id: int) -> dict[str, Any]:
        """Put a proposal of somebody else into the register. 409 when the register has moved on since.

        Needs `component.confirm`.
        """
        actor = require_permission(CONFIRM, "decide on changes of components")
        return change_view(confirm(session(), actor, change_id, body["decision"], city_rules(), now()))


@blueprint.route("/components/changes/<int:change_id>/refusal")
class Refusal(MethodView):
    """No."""

    @blueprint.arguments(DecisionSchema)
    @blueprint.response(200, ComponentChangeSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], change_id: int) -> dict[str, Any]:
        """Refuse a proposal, with the reason. Needs `component.confirm`."""
        return change_view(refuse(session(), current_actor(), change_id, body["decision"], now()))


@blueprint.route("/components/ownership")
class Ownership(MethodView):
    """Owners that are missing or contested."""

    @blueprint.arguments(GapQuery, location="query")
    @blueprint.response(200, OwnershipSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Components without an owner, by code, and the first 200 open claims. Needs `component.confirm`.

        Work a gap off by proposing `dept_owner`, a claim by its confirmation or refusal.
        """
        require_permission(CONFIRM, "settle ownership")
        rows = gaps(
            session(), full_code=query["full_code"], grid=query["grid"], after=query["after"], most=query["limit"]
        )
        open_gaps, open_claims = how_many(session())
        return {
            "gaps": [gap_view(row) for row in rows],
            "claims": change_views([claim.change for claim in claims(session(), most=200)]),
            "open_gaps": open_gaps,
            "open_claims": open_claims,
        }


def city_rules() -> Rules:
    """What the city's files say, with the grids in memory."""
    return load_rules(session(), platform().city, platform().host.ground)


def change_views(rows: Sequence[ComponentChange]) -> list[dict[str, Any]]:
    """Changes with the names of people and the photos they came with."""
    photos = photos_of(session(), [row.id for row in rows])
    return [
        {
            "id": row.id, "component": row.component_code, "kind": row.kind, "status": row.status,
            "before": row.before, "after": row.after, "reason": row.reason,
            "proposed_by": person_name(row.proposed_by), "proposed_at": row.proposed_at,
            "decided_by": person_name(row.decided_by), "decided_at": row.decided_at, "decision": row.decision,
            "survey": row.survey_id, "photo": photos[row.id].id if row.id in photos else None,
        }
        for row in rows
    ]  # fmt: skip


def change_view(row: ComponentChange) -> dict[str, Any]:
    """One of them."""
    return change_views([row])[0]


def person_name(person_id: int | None) -> str | None:
    """A person's name."""
    person = session().get(Person, person_id) if person_id is not None else None
    return person.name if person is not None else None


def gap_view(row: Component) -> dict[str, Any]:
    """A component nobody owns."""
    return {
        "code": row.code, "full_code": row.full_code, "name": row.name, "grid": row.grid_code,
        "dept_in_charge": row.dept_in_charge, "dept_maintenance": row.dept_maintenance,
    }  # fmt: skip
