"""Collectors of a simulated city walk: on their shifts, from cell to cell, with a phone that is not exact."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from engine.models import DutyShift, Person
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.patrol.alarms import watch
from engine.patrol.coverage import count_again
from engine.patrol.facts import find_facts
from engine.patrol.grids import Beat, beats_of
from engine.patrol.roster import PLANNED, shifts_between
from engine.patrol.taking import take_points
from engine.patrol.tracks import thin_days
from engine.platform import Platform
from engine.simulation.chances import stream

EVERY = timedelta(seconds=60)
PACE_M_S = 0.9
"""Walking, with the stops to look and to photograph."""
NOISE_M = 4.0
ACCURACY_M = (4.0, 15.0)
SEEN_SHARE = (0.6, 1.0)
"""Which share of its cells a patrol means to see."""
SILENT, AWAY = 0.04, 0.04
"""Shares of people whose phone falls silent, or who go home for a while, at the end of what is simulated."""
AT_END = timedelta(minutes=40)
Way = NDArray[np.floating[Any]]


def walk_city(
    session: Session,
    platform: Platform,
    end: datetime,
    *,
    hours: float,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Let everybody walk the shifts of the last ``hours``, then count coverage, alarms and missed reports; commits.

    Returns how many points were taken; the same seed and shifts give the same. ``progress`` hears of every shift.
    """
    beats = beats_of(session, platform.host.ground).by_code
    roles = load_roles(platform.city.layers)
    taken = 0
    since = end - timedelta(hours=hours)
    shifts = walked(session, since, end)
    for row in shifts:
        beat, person = beats.get(row.duty_grid_code), session.get(Person, row.person_id)
        actor = load_actor(session, person.id, roles, "collector") if person is not None else None
        if beat is not None and actor is not None and len(beat.cells):
            chance = stream(seed, f"walk {actor.login} {row.starts_at.isoformat()}")
            now = min(end, row.ends_at)
            batch = points_of(row, beat, now, chance, lively=row.ends_at <= end)
            taken += take_points(session, platform, actor, batch, now).taken
        progress(1)
    thin_days(session, platform.city, end)
    count_again(session, platform, [row for row in shifts if row.ends_at <= end], end)
    find_facts(session, platform, end, since=since)
    watch(session, platform, end)
    return taken


def walked(session: Session, since: datetime, end: datetime) -> list[DutyShift]:
    """The shifts to walk, in order."""
    return [row for row in shifts_between(session, since, end) if row.status == PLANNED]


def points_of(row: DutyShift, beat: Beat, now: datetime, chance: Random, *, lively: bool) -> list[list[float | None]]:
    """The points of a shift up to a moment. ``lively``: the shift is over, its end holds no surprise."""
    way = way_through(beat, chance)
    steps = max(1, int((now - row.starts_at) / EVERY))
    at = along(way, np.arange(steps) * PACE_M_S * EVERY.total_seconds())
    noise = np.random.default_rng(chance.randrange(2**32)).normal(0, NOISE_M, at.shape)
    fate = 1.0 if lively else chance.random()
    last = min(steps, int(AT_END / EVERY))
    if fate < SILENT:
        at = at[: steps - last] if steps > last else at[:1]
    elif fate < SILENT + AWAY:
        east, _, _, _ = beat.area.bounds
        at[steps - last :, 0] = east - 150
    at += noise[: len(at)]
    first = round(row.starts_at.timestamp() * 1000)
    step_ms, battery = EVERY.total_seconds() * 1000, chance.uniform(70, 100)
    lons, lats = at[:, 0] / beat.plane.east_m, at[:, 1] / beat.plane.north_m
    return [
        [
            first + round(number * step_ms), round(lon, 6), round(lat, 6), round(chance.uniform(*ACCURACY_M), 1),
            round(max(5.0, battery - number * 0.11)),
        ]
        for number, (lon, lat) in enumerate(zip(lons.tolist(), lats.tolist(), strict=True))
    ]  # fmt: skip


def way_through(beat: Beat, chance: Random) -> Way:
    """A way from cell to cell, always to the nearest not seen yet; metres."""
    middles = shapely.get_coordinates(shapely.point_on_surface(beat.cell_shapes))
    wanted = max(1, round(len(middles) * chance.uniform(*SEEN_SHARE)))
    here = chance.randrange(len(middles))
    left = np.ones(len(middles), dtype=bool)
    order = []
    for _ in range(wanted):
        left[here] = False
        order.append(here)
        away = np.hypot(*(middles - middles[here]).T)
        away[~left] = np.inf
        here = int(away.argmin())
    found: Way = middles[order]
    return found


def along(way: Way, distances: Way) -> Way:
    """Points at distances along a way there and back again, for as long as it takes."""
    if len(way) == 1:
        return np.repeat(way, len(distances), axis=0)
    around = np.vstack([way, way[-2::-1]])
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(around, axis=0).T))])
    at = distances % lengths[-1]
    return np.column_stack([np.interp(at, lengths, around[:, axis]) for axis in (0, 1)])
