"""Intake: the channels, reports by any of them, and what a report's text and place suggest."""

from __future__ import annotations

from typing import Any

from flask import current_app
from flask.views import MethodView

from api.auth import require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import KeyHeader
from api.schemas.cases import ReportSchema
from api.schemas.intake import (
    ChannelsSchema,
    ModelSchema,
    ReceivedSchema,
    SuggestionQuery,
    SuggestionsSchema,
)
from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.duplicates.finding import Likely as Duplicate
from engine.duplicates.reasons import explain
from engine.intake.channels import channel_of, load_channels
from engine.intake.keeping import InUse, ModelShelf
from engine.intake.model import Likely
from engine.intake.noting import UseRates, rates_in_use
from engine.intake.suggesting import Asked, Suggestions, suggest
from engine.models import Component, Subclass
from engine.no_report import NoReportRule

blueprint = group("intake", "Intake: channels, reports by any of them, and suggestions while one is written.")
SHELF = "wangge.intake"


def shelf() -> ModelShelf:
    """The model this process keeps in memory."""
    found = current_app.extensions.setdefault(SHELF, ModelShelf(platform().city))
    assert isinstance(found, ModelShelf)
    return found


@blueprint.route("/intake/channels")
class Channels(MethodView):
    """Channels."""

    @blueprint.response(200, ChannelsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """The channels reports come by, and what each of them has to bring. Needs the permission `case.create`."""
        require_permission("case.create", "see the channels")
        return {"channels": list(load_channels(platform().city).values())}


@blueprint.route("/intake/reports")
class Reports(MethodView):
    """Reports by any channel."""

    @blueprint.arguments(ReportSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, ReceivedSchema)
    @blueprint.alt_response(200, schema=ReceivedSchema, success=True)
    @blueprint.problems(403, 409, 422)
    def post(self, report: Report, headers: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Take a report by any channel. Needs the permission `case.create`.

        200 instead of 201 when the channel has sent this `external_id` before: then `known` is true and the case is the
        first one's. `missing` says what the channel would like to have and did not get.
        """
        actor = require_permission("case.create", "report a case")
        channel = channel_of(platform().city, report.source)
        answer = submit_report(session(), platform(), report, actor, now(), key=headers["key"])
        known = answer.get("known", False)
        said = {"number": answer["case"], "known": known, "status": answer["status"]}
        return {**said, "missing": [] if known else channel.missing(report)}, 200 if known else 201


@blueprint.route("/intake/suggestions")
class OneSuggestion(MethodView):
    """Suggestions."""

    @blueprint.arguments(SuggestionQuery, location="query")
    @blueprint.response(200, SuggestionsSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """What the text and the place of a report suggest. Keeps nothing. Needs the permission `case.create`.

        Classes come from the text; components, address and duplicates from the place; components and duplicates are
        those of `kind` and `full_code` once a class is chosen, of the likeliest classes before.
        """
        actor = require_permission("case.create", "ask for suggestions")
        limit = query.pop("limit")
        found = suggest(session(), platform(), shelf(), Asked(**query), actor, now(), limit=limit)
        return {
            "known": found.known,
            "classes": [class_view(each, found.used.catalogue_id) for each in found.classes],
            "components": [component_view(row, distance) for row, distance in found.components],
            "address": address_view(found),
            "duplicates": [duplicate_view(each) for each in found.duplicates],
            "no_report": [rule_view(each) for each in found.no_report],
            "model": model_view(found.used, found.in_use),
        }


@blueprint.route("/intake/model")
class Model(MethodView):
    """The model."""

    @blueprint.response(200, ModelSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """The model in use, its hit rates on held-out cases and in use. Needs the permission `catalogue.read`."""
        require_permission("catalogue.read", "see the model of suggestions")
        used = shelf().model(session(), platform().host.today(now()))
        return model_view(used, rates_in_use(session(), now()))


def class_view(likely: Likely, catalogue_id: int) -> dict[str, Any]:
    """A class with its names."""
    kind, _, code = likely.of.partition("/")
    row = session().get(Subclass, (catalogue_id, kind, code))
    return {
        "kind": kind, "full_code": code, "name": row.name if row else code, "name_en": row.name_en if row else code,
        "confidence": round(likely.confidence, 3), "words": likely.words, "provenance": row.code_source if row else "",
    }  # fmt: skip


def component_view(row: Component, distance_m: float) -> dict[str, Any]:
    """A component and how far it is."""
    return {
        "code": row.code, "full_code": row.full_code, "name": row.name, "distance_m": round(distance_m, 1),
        "lon": row.lon, "lat": row.lat, "state": row.state,
    }  # fmt: skip


def address_view(found: Suggestions) -> dict[str, Any] | None:
    """The point in words and where the ground has it; none without a point."""
    if found.address is None:
        return None
    place = found.place
    names = ("grid", "duty_grid", "community", "subdistrict", "district", "area_class")
    return {
        "description": found.address.text, "description_en": found.address.text_en, "in_city": place is not None,
        **{name: (getattr(place, name) or None) if place else None for name in names},
    }  # fmt: skip


def duplicate_view(likely: Duplicate) -> dict[str, Any]:
    """A case that may tell of the same problem, and why."""
    names = (
        "number", "title", "status", "kind", "full_code", "address", "lon", "lat", "distance_m", "reported_at", "score"
    )  # fmt: skip
    return {
        **{name: getattr(likely, name) for name in names},
        "why": explain(likely, "zh"), "why_en": explain(likely, "en"),
    }  # fmt: skip


def rule_view(rule: NoReportRule) -> dict[str, Any]:
    """A rule by which something is not to be reported."""
    return {name: getattr(rule, name) for name in ("code", "name", "name_en", "reason", "reason_en")}


def model_view(used: InUse, in_use: UseRates) -> dict[str, Any]:
    """A model with its hit rates."""
    facts = used.model.facts
    rates = {
        name: None if getattr(facts, name) is None else round(getattr(facts, name), 4)
        for name in ("top1", "top3", "start_top1", "start_top3")
    }
    return {
        "kind": "trained" if used.trained_at else "start", "version": used.version, "trained_at": used.trained_at,
        "cases": facts.cases, "held_out": facts.held_out, **rates, "in_use": in_use,
    }  # fmt: skip
