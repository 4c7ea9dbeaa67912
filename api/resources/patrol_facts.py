"""What patrols cover, what was missed or false, and each person's figures for a period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView
from sqlalchemy import select

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.resources.patrol_roster import asked_shifts, refuse_long, shift_views
from api.schemas.patrol import (
    CoverageListSchema,
    FactSchema,
    FactsQuery,
    FactsSchema,
    FiguresSchema,
    PeriodQuery,
    VerdictSchema,
)
from engine.cases.access import require
from engine.errors import Invalid
from engine.models import Case, DutyShift, PatrolCoverage, PatrolFact, Person
from engine.patrol.coverage import METHOD, covered_by
from engine.patrol.facts import judge_fact, list_facts
from engine.patrol.figures import figures
from engine.patrol.roster import PLANNED
from engine.patrol.rules import load_patrol_rules
from engine.patrol.seeing import LIVE

blueprint = group("patrol facts", "Coverage, missed and false reports, figures by person and period.")
MOST_SHIFTS = 1000
KEPT = (
    "method", "cells", "cells_visited", "missed_cells", "roads_m", "roads_visited_m", "track_m", "points", "reports",
    "quota",
)  # fmt: skip


@blueprint.route("/patrol/coverage")
class Coverage(MethodView):
    """What patrols cover."""

    @blueprint.arguments(PeriodQuery, location="query")
    @blueprint.response(200, CoverageListSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Coverage of the shifts that have begun in a period. Needs `patrol.read`, or names oneself as `login`."""
        moment = now()
        shifts = [row for row in asked_shifts(query) if row.status == PLANNED and row.starts_at <= moment]
        if len(shifts) > MOST_SHIFTS:
            raise Invalid(f"{len(shifts)} shifts are more than {MOST_SHIFTS}; name a grid or fewer days", field="to")
        return {"coverage": coverage_views(shifts)}


@blueprint.route("/patrol/facts")
class Facts(MethodView):
    """Facts about people on the ground."""

    @blueprint.arguments(FactsQuery, location="query")
    @blueprint.response(200, FactsSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Alarms, missed and false reports, latest first. Needs `patrol.read`, or names oneself as `login`."""
        actor = current_actor()
        if query["login"] != actor.login:
            require(actor, LIVE, "see facts about others")
        person_id = None
        if query["login"]:
            person_id = session().scalar(select(Person.id).where(Person.login == query["login"])) or 0
        rows = list_facts(
            session(), kinds=[query["kind"]] if query["kind"] else (), status=query["status"], person_id=person_id,
            since=query["since"], until=query["until"], before=query["before"], most=query["limit"],
        )  # fmt: skip
        return {"facts": fact_views(rows)}


@blueprint.route("/patrol/facts/<int:fact_id>/verdict")
class Verdict(MethodView):
    """A person decides."""

    @blueprint.arguments(VerdictSchema)
    @blueprint.response(200, FactSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], fact_id: int) -> dict[str, Any]:
        """Confirm or reject a missed report. Needs `patrol.judge`."""
        row = judge_fact(session(), current_actor(), fact_id, body["verdict"], body["reason"], now())
        return fact_views([row])[0]


@blueprint.route("/patrol/figures")
class FiguresOf(MethodView):
    """Figures by person."""

    @blueprint.arguments(PeriodQuery(only=("since", "until", "login")), location="query")
    @blueprint.response(200, FiguresSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """What people have to show for a period, each figure with its cases. Needs `patrol.read`, or oneself."""
        refuse_long(query)
        if query["login"] != current_actor().login:
            require_permission(LIVE, "see figures of others")
        found = figures(session(), query["since"], query["until"], login=query["login"])
        ids = {case_id for each in found for behind in each.cases.values() for case_id in behind}
        numbers = case_numbers(ids)
        return {
            "people": [
                {
                    "login": each.login, "counts": each.counts,
                    "cases": {name: [numbers[case_id] for case_id in behind] for name, behind in each.cases.items()},
                }
                for each in found
            ]
        }  # fmt: skip


def coverage_views(shifts: Sequence[DutyShift]) -> list[dict[str, Any]]:
    """Coverage as it was kept; counted up to now where a shift is not over."""
    rules = load_patrol_rules(platform().city)
    ids = [row.id for row in shifts]
    kept = {
        row.shift_id: row for row in session().scalars(select(PatrolCoverage).where(PatrolCoverage.shift_id.in_(ids)))
    }
    views = []
    for shift, told in zip(shifts, shift_views(shifts), strict=True):
        row = kept.get(shift.id)
        if row is not None:
            share = row.cells_visited / row.cells if row.cells else None
            views.append({"shift": told, "kept": True, "share": share, **{name: getattr(row, name) for name in KEPT}})
            continue
        done = covered_by(session(), platform(), shift, now(), rules)
        views.append(
            {
                "shift": told, "kept": False, "method": METHOD, "cells": done.cells, "cells_visited": done.visited,
                "missed_cells": list(done.missed), "share": done.share, "roads_m": round(done.roads_m, 1),
                "roads_visited_m": round(done.roads_visited_m, 1), "track_m": round(done.track_m, 1),
                "points": done.points, "reports": done.reports, "quota": done.quota,
            }
        )  # fmt: skip
    return views


def fact_views(rows: Sequence[PatrolFact]) -> list[dict[str, Any]]:
    """Facts with people and case numbers."""
    ids = {row.person_id for row in rows} | {row.decided_by_id for row in rows if row.decided_by_id}
    people = {row.id: row for row in session().scalars(select(Person).where(Person.id.in_(ids)))}
    numbers = case_numbers({row.case_id for row in rows if row.case_id})
    return [
        {
            "id": row.id, "kind": row.kind, "status": row.status, "login": people[row.person_id].login,
            "name": people[row.person_id].name, "name_en": people[row.person_id].name_en,
            "duty_grid": row.duty_grid_code,
            "case": numbers.get(row.case_id or 0), "at": row.at, "ended_at": row.ended_at, "facts": row.facts,
            "decided_by": people[row.decided_by_id].name if row.decided_by_id else None,
            "decided_at": row.decided_at, "reason": row.reason,
        }
        for row in rows
    ]  # fmt: skip


def case_numbers(ids: set[int]) -> dict[int, str]:
    """The numbers of cases by id."""
    listed, found = sorted(ids), {}
    for at in range(0, len(listed), 5000):
        part = listed[at : at + 5000]
        found.update(dict(session().execute(select(Case.id, Case.number).where(Case.id.in_(part))).all()))
    return found
