"""People on the ground: positions in, who is on duty where, tracks and who looked at them, tasks given to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from flask.views import MethodView
from sqlalchemy import select

from api.auth import current_actor
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.patrol import (
    HandedOverSchema,
    HandOverSchema,
    LooksQuery,
    LooksSchema,
    OnDutyListSchema,
    OnDutySchema,
    TakenSchema,
    TrackBatchSchema,
    TrackQuery,
    TrackSchema,
)
from engine.cases.access import require
from engine.errors import Invalid
from engine.models import Person
from engine.patrol.choosing import CHOICE
from engine.patrol.duty import STATES, OnDuty, on_duty
from engine.patrol.handing import hand_over
from engine.patrol.seeing import look_at_all, look_at_track, looks
from engine.patrol.taking import REASONS, REPORT, Taken, take_points
from engine.patrol.tracks import track_of

blueprint = group("patrol", "People on the ground: positions, duty, roster, coverage, missed and false reports.")


@blueprint.route("/patrol/positions")
class Positions(MethodView):
    """Positions of devices."""

    @blueprint.arguments(TrackBatchSchema)
    @blueprint.response(200, TakenSchema)
    @blueprint.problems(403, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Send one's own positions. The same batch twice changes nothing; each bad point is refused with its reason.

        Points outside one's shifts are not kept. Needs `patrol.report`.
        """
        taken = take_points(
            session(), platform(), current_actor(), body["points"], now(), sent_at_ms=body["sent_at"],
            datum=body["datum"],
        )  # fmt: skip
        return taken_view(taken)


@blueprint.route("/patrol/people")
class People(MethodView):
    """Who is on duty."""

    @blueprint.response(200, OnDutyListSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """Everybody on a shift right now, by duty grid, with state and last point. Needs `patrol.read`; is noted."""
        look_at_all(session(), current_actor(), now())
        people = on_duty(session(), platform(), now())
        counted = Counter(each.state for each in people)
        return {"people": [duty_view(each) for each in people], "counts": {each: counted[each] for each in STATES}}


@blueprint.route("/patrol/people/me")
class Myself(MethodView):
    """One's own duty."""

    @blueprint.response(200, OnDutySchema(many=True))
    @blueprint.problems(403)
    def get(self) -> list[dict[str, Any]]:
        """One's own shifts right now, with the state as others see it. Needs `patrol.report`."""
        require(current_actor(), REPORT, "see one's own duty")
        mine = on_duty(session(), platform(), now(), person_id=current_actor().person_id)
        return [duty_view(each) for each in mine]


@blueprint.route("/patrol/tracks/<login>/<day>")
class Tracks(MethodView):
    """Tracks by day."""

    @blueprint.arguments(TrackQuery, location="query")
    @blueprint.response(200, TrackSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any], login: str, day: str) -> dict[str, Any]:
        """The track of a day. One's own is free; anybody else's needs `patrol.track` and a reason, and is noted."""
        wanted = read_day(day)
        person = look_at_track(session(), current_actor(), login, wanted, query["reason"], now())
        track = track_of(session(), platform().city, person.id, wanted, raw=query["raw"])
        line = [[int(at), lon, lat] for at, lon, lat in track.rows.tolist()]
        return {
            "login": login, "day": wanted, "simplified": track.simplified, "points": track.points,
            "length_m": round(track.length_m, 1), "line": line,
        }  # fmt: skip


@blueprint.route("/patrol/looks")
class Looks(MethodView):
    """Who looked at whom."""

    @blueprint.arguments(LooksQuery, location="query")
    @blueprint.response(200, LooksSchema)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Looks at positions and tracks: all of them with `patrol.audit`, else those at oneself."""
        rows = looks(session(), current_actor(), login=query["login"], before=query["before"], most=query["limit"])
        logins = logins_of({row.actor_id for row in rows} | {row.person_id for row in rows if row.person_id})
        return {
            "looks": [
                {
                    "id": row.id, "at": row.at, "actor": logins[row.actor_id], "what": row.what, "day": row.day,
                    "person": logins[row.person_id] if row.person_id else None, "reason": row.reason,
                }
                for row in rows
            ]
        }  # fmt: skip


@blueprint.route("/patrol/tasks/<uuid:task_id>/collector")
class TaskCollector(MethodView):
    """Who does a task on site."""

    @blueprint.arguments(HandOverSchema)
    @blueprint.response(200, HandedOverSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], task_id: UUID) -> dict[str, Any]:
        """Give a task of the collectors to one of them. Needs `patrol.assign`; never to who reported the case."""
        task = hand_over(session(), platform(), current_actor(), task_id, body["login"], body["reason"], now())
        choice = task.defaults[CHOICE]
        return {"task": str(task.id), "login": choice["login"], "version": task.version, "choice": choice}


def read_day(text: str) -> date:
    """A day of an address. Raises Invalid."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no day; write it as 2026-03-02", field="day") from error


def taken_view(taken: Taken) -> dict[str, Any]:
    """What became of a batch, with the reasons in words."""
    refused = [
        {"index": each.index, "code": each.code, "reason": REASONS[each.code][0], "remedy": REASONS[each.code][1]}
        for each in taken.refused
    ]
    return {
        "taken": taken.taken, "duplicates": taken.duplicates, "clock_skew_s": taken.clock_skew_s, "refused": refused,
    }  # fmt: skip


def duty_view(person: OnDuty) -> dict[str, Any]:
    """Somebody on duty, without what is ours alone."""
    return {name: value for name, value in asdict(person).items() if name not in ("person_id", "name_en")}


def logins_of(ids: set[int]) -> dict[int, str]:
    """The logins of people."""
    return dict(session().execute(select(Person.id, Person.login).where(Person.id.in_(ids))).all())
