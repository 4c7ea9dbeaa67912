"""Matters: procedures of departments that do not begin on the street. Which there are, their forms, opening one."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.views import MethodView

from api.auth import current_actor
from api.context import language, now, platform, session, translations
from api.resources.blueprint import group
from api.resources.cases import accessible
from api.resources.tasks import field_answer, flatten
from api.schemas.base import KeyHeader, LanguageQuery
from api.schemas.cases import CaseSummarySchema
from api.schemas.matters import ApplicationSchema, MatterFormSchema, MattersSchema
from engine.casefile.unit import Unit
from engine.cases.access import require
from engine.cases.matters import (
    Application,
    form_of,
    matter_named,
    matter_names,
    matters_read,
    submit_matter,
)
from engine.cases.views import CaseSummary, summarise
from engine.matters.declaring import Matter

blueprint = group("matters", "Matters (事项): procedures that do not begin with a problem on the street.")


@blueprint.route("/matters")
class Matters(MethodView):
    """The city's matters."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, MattersSchema)
    @blueprint.problems()
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """The matters you may open or see all cases of. Their cases are `GET /cases?matter=<name>`."""
        return {"matters": [matter_answer(each) for each in matters_read(platform().host, current_actor())]}


@blueprint.route("/matters/<string:name>")
class OneMatter(MethodView):
    """One matter."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, MatterFormSchema)
    @blueprint.problems(403, 404)
    def get(self, query: dict[str, Any], name: str) -> dict[str, Any]:
        """What opens it: its form in your language and the choices of its fields. Needs the matter's permission."""
        matter, db, moment, actor = matter_named(platform().host, name), session(), now(), current_actor()
        require(actor, matter.open, f"open {matter.en}")
        form = form_of(matter, platform().definitions.current(db, moment))
        if form is None:
            return {"matter": matter_answer(matter), "form": None, "fields_": []}
        spoken = language()
        shown = form.to_dict(spoken, translations().speaker(spoken))
        labels = {each["key"]: each["label"] for each in flatten(shown)}
        options = {
            each["key"]: {str(o["value"]): o["label"] for o in each.get("values") or ()} for each in flatten(shown)
        }
        views = form.fields(matter_names(Unit(db), platform().host, form, actor, moment), {})
        told = [field_answer(view, labels, options, spoken) for view in views if view.field.is_answered]
        return {"matter": matter_answer(matter), "form": shown, "fields_": told}

    @blueprint.arguments(ApplicationSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, CaseSummarySchema)
    @blueprint.alt_response(200, schema=CaseSummarySchema, success=True)
    @blueprint.problems(403, 404, 409, 422)
    def post(self, body: dict[str, Any], headers: dict[str, Any], name: str) -> tuple[CaseSummary, int, dict[str, str]]:
        """Open one: a case with the matter's process. Needs the matter's permission; the same idempotency key answers
        the same.

        422 with one entry a faulty answer. 200 instead of 201 when the channel (`source`) has sent this `external_id`
        before: the answer is the first case.
        """
        db, moment = session(), now()
        application = Application(name, **body)
        answer = submit_matter(db, platform(), application, current_actor(), moment, key=headers["key"])
        case = accessible(answer["case"])
        location = url_for("cases.OneCase", number=case.number)
        return summarise(platform(), case, moment), 200 if answer.get("known") else 201, {"Location": location}


def matter_answer(matter: Matter) -> dict[str, Any]:
    """A matter in the reader's language."""
    spoken, actor = language(), current_actor()
    return {
        "name": matter.name, "title": matter.called(spoken), "note": matter.note_en if spoken == "en" else matter.note,
        "process": matter.process, "place": matter.place, "may_open": actor.may(matter.open),
        "may_read": actor.may(matter.read),
    }  # fmt: skip
