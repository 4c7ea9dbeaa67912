"""在岗: who is on duty where, today's coverage, what waits for a verdict; and a collector's own page on a phone."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import shapely
from flask import Response, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, noop, page_language
from api.pages.words import local_moment
from api.resources.patrol import taken_view
from api.resources.patrol_facts import coverage_views, fact_views
from engine.cases.access import require
from engine.cases.task_list import list_tasks
from engine.database import dumps
from engine.errors import Invalid
from engine.models import Case
from engine.patrol.alarms import OPEN
from engine.patrol.duty import STATES, OnDuty, on_duty
from engine.patrol.facts import CANDIDATE, JUDGE, MISSED, judge_fact, list_facts
from engine.patrol.grids import beats_of
from engine.patrol.plane import distance_m
from engine.patrol.roster import PLANNED, shifts_between
from engine.patrol.rules import load_patrol_rules
from engine.patrol.seeing import look_at_all
from engine.patrol.taking import REPORT, take_points
from engine.patrol.tracks import day_bounds, track_of

GEOJSON = "application/geo+json"
STATE_NAMES = {
    "on_grid": noop("在网格内"), "off_grid": noop("离开网格"), "silent": noop("定位中断"), "unseen": noop("尚无定位"),
}  # fmt: skip
LIGHTS = {"on_grid": "green", "off_grid": "red", "silent": "yellow", "unseen": "none"}
FACT_NAMES = {"left_grid": noop("离开网格"), "no_position": noop("没有定位")}
ON_SITE = ("verify", "check")
MOST_ROWS = 40
"""Shifts whose coverage the page shows."""


def duty_page() -> BaseResponse:
    """The live list with the map, alarms, today's coverage and missed reports to judge."""
    db, platform, moment = context.session(), context.platform(), context.now()
    look_at_all(db, actor(), moment)
    people = on_duty(db, platform, moment)
    alarms = list_facts(db, kinds=tuple(FACT_NAMES), status=OPEN, most=50)
    missed = list_facts(db, kinds=(MISSED,), status=CANDIDATE, most=20)
    day = platform.host.today(moment)
    first, last = day_bounds(platform.city, day)
    begun = [row for row in shifts_between(db, first, last) if row.status == PLANNED and row.starts_at <= moment]
    order = {state: at for at, state in enumerate(("off_grid", "silent", "unseen", "on_grid"))}
    return render(
        "duty.html", people=sorted(people, key=lambda each: (order[each.state], each.duty_grid)), states=STATE_NAMES,
        lights=LIGHTS, counts=Counter(each.state for each in people), order=STATES, alarms=fact_views(alarms),
        missed=fact_views(missed), fact_names=FACT_NAMES, coverage=coverage_views(begun[:MOST_ROWS]),
        may_judge=actor().may(JUDGE), shift_name=shift_name, more=max(0, len(begun) - MOST_ROWS),
    )  # fmt: skip


def duty_people() -> BaseResponse:
    """Everybody on duty with a position, as GeoJSON for the map."""
    db, moment = context.session(), context.now()
    look_at_all(db, actor(), moment)
    found = on_duty(db, context.platform(), moment)
    return features([person_feature(each) for each in found if each.lon is not None])


def person_feature(person: OnDuty) -> dict[str, Any]:
    """Somebody on the map."""
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [person.lon, person.lat]},
        "properties": {
            "login": person.login, "name": person.name, "light": LIGHTS[person.state], "grid": person.grid_name,
            "state": _(STATE_NAMES[person.state]), "seen": local_moment(person.seen_at) if person.seen_at else "",
        },
    }  # fmt: skip


def judge_missed(fact_id: int) -> BaseResponse:
    """Confirm or reject a missed report."""
    verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
    judge_fact(context.session(), actor(), fact_id, verdict, reason, context.now())
    return back_to("pages.duty_page", said=_("已记录。"))


def my_duty() -> BaseResponse:
    """A collector's own page: shift, grid, today's track, tasks on site by distance."""
    require(actor(), REPORT, "see one's own duty")
    db, platform, moment = context.session(), context.platform(), context.now()
    mine = on_duty(db, platform, moment, person_id=actor().person_id)
    coming = [
        row
        for row in shifts_between(db, moment, moment + timedelta(days=7), person_id=actor().person_id)
        if row.status == PLANNED and row.starts_at > moment
    ]
    begun = [row for row in shifts_between(db, moment, moment + timedelta(seconds=1), person_id=actor().person_id)
             if row.status == PLANNED]  # fmt: skip
    track = track_of(db, platform.city, actor().person_id, platform.host.today(moment))
    return render(
        "my_duty.html", mine=mine, coming=coming[:5], states=STATE_NAMES, lights=LIGHTS, shift_name=shift_name,
        coverage=coverage_views(begun), points=track.points, length_m=round(track.length_m),
        near=tasks_near(mine[0] if mine else None),
    )  # fmt: skip


def tasks_near(here: OnDuty | None) -> list[dict[str, Any]]:
    """One's tasks on site, the nearest first where a position is known."""
    db = context.session()
    page = list_tasks(db, context.platform(), actor(), context.now(), limit=100)
    tasks = [task for task in page.tasks if task.stage in ON_SITE]
    numbers = [task.case.number for task in tasks]
    places = {
        number: (lon, lat)
        for number, lon, lat in db.execute(select(Case.number, Case.lon, Case.lat).where(Case.number.in_(numbers)))
    }
    found = []
    for task in tasks:
        lon, lat = places[task.case.number]
        known = here is not None and here.lon is not None and here.lat is not None and lon is not None
        away = distance_m(here.lon, here.lat, lon, lat) if known and here is not None else None  # type: ignore[arg-type]  # known says that none is missing
        found.append({"task": task, "distance_m": None if away is None else round(away)})
    return sorted(found, key=lambda each: (each["distance_m"] is None, each["distance_m"] or 0))


def my_track() -> BaseResponse:
    """One's own grid, and today's track, as GeoJSON."""
    require(actor(), REPORT, "see one's own duty")
    db, platform, moment = context.session(), context.platform(), context.now()
    track = track_of(db, platform.city, actor().person_id, platform.host.today(moment))
    beats = beats_of(db, platform.host.ground).by_code
    found = [
        {
            "type": "Feature",
            "geometry": json.loads(_geojson(beats[each.duty_grid].border)),
            "properties": {"kind": "grid"},
        }
        for each in on_duty(db, platform, moment, person_id=actor().person_id)
        if each.duty_grid in beats
    ]
    line = [[lon, lat] for _at, lon, lat in track.rows.tolist()]
    if len(line) > 1:
        shape = {"type": "LineString", "coordinates": line}
        found.append({"type": "Feature", "geometry": shape, "properties": {"kind": "track"}})
    if line:
        here = {"type": "Point", "coordinates": line[-1]}
        found.append({"type": "Feature", "geometry": here, "properties": {"kind": "here"}})
    return features(found)


def send_positions() -> BaseResponse:
    """Positions from the phone's browser: ``points`` and ``sent_at`` of a form."""
    try:
        points, sent_at = json.loads(request.form.get("points", "[]")), float(request.form.get("sent_at", "nan"))
    except ValueError as error:
        raise Invalid("the positions are no list; reload the page", field="points") from error
    if not isinstance(points, list):
        raise Invalid("the positions are no list; reload the page", field="points")
    taken = take_points(
        context.session(), context.platform(), actor(), points, context.now(),
        sent_at_ms=sent_at if sent_at == sent_at else None,
    )  # fmt: skip
    return Response(dumps(taken_view(taken)), content_type="application/json")


def features(found: list[dict[str, Any]]) -> Response:
    """A feature collection."""
    return Response(dumps({"type": "FeatureCollection", "features": found}), content_type=GEOJSON)


def _geojson(shape: Any) -> str:
    text: str = shapely.to_geojson(shape)
    return text


def shift_name(code: str) -> str:
    """The name of a shift in the page's language; its code where the city has no such shift any more."""
    shift = load_patrol_rules(context.platform().city).shifts.get(code)
    return code if shift is None else shift.name if page_language() == "zh" else shift.name_en


ROUTES = (
    ("/duty", duty_page, ("GET",)),
    ("/duty/people.geojson", duty_people, ("GET",)),
    ("/duty/missed/<int:fact_id>", judge_missed, ("POST",)),
    ("/duty/mine", my_duty, ("GET",)),
    ("/duty/mine/track.geojson", my_track, ("GET",)),
    ("/duty/mine/positions", send_positions, ("POST",)),
)
