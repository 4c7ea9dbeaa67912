"""Why a case is where it is: explained in plain words, computed from its diagrams and its state."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from api.auth import current_actor
from api.context import language, now, platform, roles, session, translations
from api.resources.blueprint import group
from api.resources.cases import accessible
from api.schemas.base import LanguageQuery
from api.schemas.explanation import ExplanationSchema
from engine.explain import Explanation, explain_case

blueprint = group("explanation", "Explanations: why a case is here, who can move it, what comes next.")


@blueprint.route("/cases/<string:number>/explanation")
class CaseExplanation(MethodView):
    """Why a case is where it is."""

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, ExplanationSchema)
    @blueprint.problems(404)
    def get(self, query: dict[str, Any], number: str) -> Explanation:
        """Why the case is here, who can move it and by when, what each answer leads to, what time does by itself.

        Conditions that depend on what has not happened yet are told, the others are decided. Names of people are given
        to those with the permission `organisation.read`.
        """
        db, may_see = session(), current_actor().may("organisation.read")
        told = explain_case(
            db, platform(), accessible(number), language(), now=now(), translations=translations(), roles=roles(),
            people=may_see,
        )  # fmt: skip
        db.commit()
        return told
