"""The roster over the API: shifts, their changes, the file out and in, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flask import Response
from flask.views import MethodView
from sqlalchemy import select

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.patrol import (
    ImportedRosterSchema,
    NewShiftSchema,
    PeriodQuery,
    RosterFaultsSchema,
    RosterFileSchema,
    RosterSchema,
    RosterShiftSchema,
    ShiftChangeSchema,
)
from engine.cases.access import require
from engine.errors import Invalid
from engine.models import DutyShift, Person
from engine.patrol.changing import PLAN, add_shift, cancel_shift, substitute, swap, take_leave
from engine.patrol.roster import shifts_between
from engine.patrol.roster_checks import check_roster
from engine.patrol.roster_files import LARGEST, export_roster, import_roster
from engine.patrol.rules import load_patrol_rules
from engine.patrol.seeing import LIVE

blueprint = group("patrol roster", "Who answers for which duty grid when.")
LONGEST = timedelta(days=100)
CSV = "text/csv; charset=utf-8"


@blueprint.route("/patrol/shifts")
class Shifts(MethodView):
    """Shifts."""

    @blueprint.arguments(PeriodQuery, location="query")
    @blueprint.response(200, RosterSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """The roster of up to 100 days. Needs `patrol.read`; without it one sees one's own shifts."""
        return {"shifts": shift_views(asked_shifts(query))}

    @blueprint.arguments(NewShiftSchema)
    @blueprint.response(201, RosterShiftSchema)
    @blueprint.problems(403, 409, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Plan a shift by hand. 409 when the person is elsewhere then. Needs `patrol.plan`."""
        row = add_shift(
            session(), current_actor(), body["login"], body["duty_grid"], body["starts_at"], body["ends_at"],
            body["reason"], now(), shift=body["shift"],
        )  # fmt: skip
        return shift_views([row])[0]


@blueprint.route("/patrol/shifts/<int:shift_id>/change")
class ShiftChange(MethodView):
    """A shift changes."""

    @blueprint.arguments(ShiftChangeSchema)
    @blueprint.response(200, RosterSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], shift_id: int) -> dict[str, Any]:
        """Leave, cancellation, substitute or swap; answers the shifts that came of it. Needs `patrol.plan`."""
        return {"shifts": shift_views(change(shift_id, body))}


@blueprint.route("/patrol/shifts/file")
class ShiftFile(MethodView):
    """The roster as a file."""

    @blueprint.arguments(PeriodQuery, location="query")
    @blueprint.response(200, content_type="text/csv")
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> Response:
        """The roster of a period as CSV. Needs `patrol.read`."""
        require_permission(LIVE, "export the roster")
        content = export_roster(session(), asked_shifts(query), platform().city.time_zone)
        answer = Response(content, content_type=CSV)
        answer.headers["Content-Disposition"] = 'attachment; filename="roster.csv"'
        return answer

    @blueprint.arguments(RosterFileSchema, location="upload")
    @blueprint.response(200, ImportedRosterSchema)
    @blueprint.problems(403, 413, 422)
    def post(self, upload: dict[str, Any]) -> dict[str, Any]:
        """Take a roster, all of it or nothing. The same file twice changes nothing. Needs `patrol.plan`."""
        require_permission(PLAN, "import a roster")
        stream = getattr(upload["file"], "stream", None)
        if stream is None:
            raise Invalid("the roster is no file; send it as one", field="file")
        done = import_roster(session(), current_actor(), stream.read(LARGEST + 1), now())
        return {
            **{name: getattr(done, name) for name in ("added", "changed", "unchanged")},
            "refused": [{"line": each.line, "reason": each.reason, "remedy": each.remedy} for each in done.refused],
        }


@blueprint.route("/patrol/roster-faults")
class RosterFaults(MethodView):
    """What is wrong."""

    @blueprint.arguments(PeriodQuery(only=("since", "until")), location="query")
    @blueprint.response(200, RosterFaultsSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Grids without anybody, people in two places, shifts of people or grids that are gone. Needs `patrol.read`."""
        require_permission(LIVE, "check the roster")
        refuse_long(query)
        city = platform().city
        faults = check_roster(session(), city, load_patrol_rules(city), query["since"], query["until"])
        return {"faults": [{**asdict(each), "message": each.message} for each in faults]}


def change(shift_id: int, body: dict[str, Any]) -> list[DutyShift]:
    """Do what a change says; the shifts that came of it. Raises Invalid when something is missing."""
    act, reason, actor, db, moment = body["act"], body["reason"], current_actor(), session(), now()
    if act == "leave":
        return [take_leave(db, actor, shift_id, reason, moment)]
    if act == "cancel":
        return [cancel_shift(db, actor, shift_id, reason, moment)]
    if act == "substitute":
        if not body["login"]:
            raise Invalid("a substitute needs a login; name a collector", field="login")
        return [substitute(db, actor, shift_id, body["login"], reason, moment)]
    if body["other"] is None:
        raise Invalid("a swap needs another shift; name its id", field="other")
    return list(swap(db, actor, shift_id, body["other"], reason, moment))


def asked_shifts(query: dict[str, Any]) -> list[DutyShift]:
    """The shifts of a period that the actor may see."""
    refuse_long(query)
    actor = current_actor()
    person_id = None
    if query["login"]:
        person_id = session().scalar(select(Person.id).where(Person.login == query["login"])) or 0
    if person_id != actor.person_id or not query["login"]:
        require(actor, LIVE, "see the roster of others")
    return shifts_between(session(), query["since"], query["until"], person_id=person_id, grid=query["grid"])


def refuse_long(query: dict[str, Any]) -> None:
    """Raise Invalid for a period that ends before it begins, or is too long."""
    if not query["since"] < query["until"] <= query["since"] + LONGEST:
        raise Invalid(
            f"a period has up to {LONGEST.days} days and ends after it begins; correct from and to", field="to"
        )


def shift_views(rows: Iterable[DutyShift]) -> list[dict[str, Any]]:
    """Shifts with their people."""
    listed = list(rows)
    ids = {row.person_id for row in listed}
    people = {row.id: row for row in session().scalars(select(Person).where(Person.id.in_(ids)))}
    return [
        {
            "id": row.id, "login": people[row.person_id].login, "name": people[row.person_id].name,
            "duty_grid": row.duty_grid_code, "shift": row.shift, "team": row.team, "starts_at": row.starts_at,
            "ends_at": row.ends_at, "status": row.status, "origin": row.origin, "reason": row.reason,
            "stands_for": row.stands_for_id,
        }
        for row in listed
    ]  # fmt: skip
