"""Proposals for the register to decide on, and ownership (确权) to work off."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.component_words import (
    KINDS,
    STATUSES,
    class_names,
    component_title,
    department_name,
    differences_of,
    page_rules,
)
from api.pages.components import departments, find_person
from api.pages.frame import actor, back_to, render
from api.pages.languages import _
from api.pages.refusals import Refusal, tell
from engine.cases.access import require
from engine.components.changes import CONFIRM, PROPOSE, confirm, list_changes, propose, refuse
from engine.components.counts import count_classes
from engine.components.ownership import claims, gaps, how_many
from engine.components.photos import photos_of
from engine.errors import DomainError, Invalid
from engine.ground.features import distance_m
from engine.models import Component, ComponentChange, ComponentPhoto

PAGE = 20
GAPS = 50


def component_proposals() -> BaseResponse:
    """Changes by status: open ones with the forms that decide."""
    require(actor(), PROPOSE, "read changes of components")
    return show_proposals()


def show_proposals(refusal: Refusal | None = None, refused: int | None = None) -> BaseResponse:
    """The queue, with why a decision was not taken."""
    db = context.session()
    showing = request.args.get("status", "")
    showing = showing if showing in STATUSES else "proposed"
    kind = request.args.get("kind", "")
    kind = kind if kind in KINDS else ""
    after = request.args.get("after", 0, type=int)
    changes = list_changes(db, status=showing, kind=kind or None, after=after, most=PAGE + 1)
    more = ""
    if len(changes) > PAGE:
        more = url_for("pages.component_proposals", status=showing, kind=kind, after=changes[PAGE - 1].id)
    shown = changes[:PAGE]
    components = rows_of([change.component_code for change in shown])
    photos = photos_of(db, [change.id for change in shown])
    return render(
        "component_proposals.html", refusal.status if refusal else 200, refusal=refusal, refused=refused,
        changes=[told(change, components.get(change.component_code), photos.get(change.id)) for change in shown],
        more=more, first=not after, showing=showing, kind=kind, statuses=STATUSES,
        kinds=KINDS, may_confirm=actor().may(CONFIRM), class_names=class_names(),
    )  # fmt: skip


def rows_of(codes: list[str]) -> dict[str, Component]:
    """Components by code."""
    query = select(Component).where(Component.code.in_(codes))
    return {row.code: row for row in context.session().scalars(query)}


def told(change: ComponentChange, row: Component | None, photo: ComponentPhoto | None) -> dict[str, object]:
    """A change as the queue shows it."""
    full_code = row.full_code if row is not None else str(change.after.get("full_code", ""))
    name = row.name if row is not None else str(change.after.get("name", ""))
    apart = None
    if row is not None and photo is not None and photo.lon is not None and photo.lat is not None:
        apart = round(distance_m(row.lon, row.lat, photo.lon, photo.lat))
    return {
        "change": change, "row": row, "title": component_title(full_code, name) or full_code,
        "differences": differences_of(change, full_code), "photo": photo, "apart_m": apart,
        "by": find_person(change.proposed_by), "decided_by": find_person(change.decided_by),
        "mine": change.proposed_by is not None and change.proposed_by == actor().person_id,
    }  # fmt: skip


def decide_component(change_id: int) -> BaseResponse:
    """Confirm or refuse a proposal, and go on with the queue."""
    require(actor(), CONFIRM, "decide on changes of components")
    db, said, moment = context.session(), request.form.get("decision", "")[:1000], context.now()
    try:
        if request.form.get("act") == "confirm":
            change = confirm(db, actor(), change_id, said, page_rules(), moment)
            done = _("部件 %(code)s 的变更已确认。", code=change.component_code)
        else:
            change = refuse(db, actor(), change_id, said, moment)
            done = _("部件 %(code)s 的变更未采纳。", code=change.component_code)
    except DomainError as error:
        db.rollback()
        return show_proposals(tell(error), change_id)
    if request.form.get("back") == "ownership":
        return back_to("pages.component_ownership", said=done)
    return back_to("pages.component_proposals", said=done)


def component_ownership() -> BaseResponse:
    """Components without an owner, and those of which another owner is claimed."""
    require(actor(), CONFIRM, "settle ownership")
    return show_ownership()


def show_ownership(refusal: Refusal | None = None) -> BaseResponse:
    """The list, with why a proposal was not taken."""
    db = context.session()
    asked: dict[str, Any] = {
        name: request.args[name].strip() for name in ("full_code", "grid") if request.args.get(name, "").strip()
    }
    rows = gaps(
        db, full_code=asked.get("full_code"), grid=asked.get("grid"), after=request.args.get("after", ""), most=GAPS + 1
    )
    more = url_for("pages.component_ownership", **asked, after=rows[GAPS - 1].code) if len(rows) > GAPS else ""
    open_gaps, open_claims = how_many(db)
    waiting = claims(db, most=GAPS)
    return render(
        "component_ownership.html", refusal.status if refusal else 200, refusal=refusal, asked=asked,
        gaps=rows[:GAPS], more=more, first=not request.args.get("after"), open_gaps=open_gaps, open_claims=open_claims,
        claims=[told(claim.change, claim.component, None) for claim in waiting], classes=class_names(),
        counts=count_classes(db), departments=departments(), department=department_name, title=component_title,
        proposed={claim.component.code: claim.change.after.get("dept_owner") for claim in waiting},
    )  # fmt: skip


def propose_owners() -> BaseResponse:
    """Propose one owner for all the components that were ticked; a colleague confirms."""
    require(actor(), PROPOSE, "propose changes of components")
    codes, owner = request.form.getlist("code"), request.form.get("dept_owner", "")
    reason, rules, moment = request.form.get("reason", "")[:1000], page_rules(), context.now()
    try:
        if not codes or not owner:
            raise Invalid("no component or no owner was chosen; tick components and choose an owner", field="code")
        for code in codes[:GAPS]:
            propose(context.session(), actor(), code, {"dept_owner": owner}, reason, rules, moment)
    except DomainError as error:
        context.session().rollback()
        return show_ownership(tell(error))
    return back_to("pages.component_ownership", said=_("已为 %(count)s 个部件提交确权建议。", count=len(codes[:GAPS])))


ROUTES = (
    ("/components/proposals", component_proposals, ("GET",)),
    ("/components/proposals/<int:change_id>", decide_component, ("POST",)),
    ("/components/ownership", component_ownership, ("GET",)),
    ("/components/ownership", propose_owners, ("POST",)),
)
