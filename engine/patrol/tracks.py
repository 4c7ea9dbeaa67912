"""Tracks: read raw or simplified, thinned to a line a day, forgotten when their time is over.

Simplified with the algorithm of Douglas and Peucker (GEOS through ``shapely.simplify``): no raw point lies farther from
the line than the tolerance. The points that are left keep their own moments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.models import PatrolState, TrackDay, TrackPoint
from engine.patrol.plane import Plane, steps_m
from engine.patrol.rules import PatrolRules, load_patrol_rules

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """Where somebody went: rows of (epoch ms, longitude, latitude), ``simplified`` or raw; ``points`` raw ones."""

    rows: Numbers
    simplified: bool
    points: int
    length_m: float


def read_points(session: Session, person_id: int, since: datetime, until: datetime, *, skew_h: float = 24) -> Numbers:
    """Raw points of a stretch of time, in order: rows of (epoch ms, longitude, latitude)."""
    first, last, slack = _ms(since), _ms(until), round(skew_h * 3_600_000)
    query = select(TrackPoint.device_ms + TrackPoint.skew_ms, TrackPoint.lon, TrackPoint.lat).where(
        TrackPoint.person_id == person_id,
        TrackPoint.device_ms >= first - slack,
        TrackPoint.device_ms <= last + slack,
        TrackPoint.device_ms + TrackPoint.skew_ms >= first,
        TrackPoint.device_ms + TrackPoint.skew_ms <= last,
    )
    found = np.array(session.execute(query).all(), dtype=np.float64).reshape(-1, 3)
    return found[np.argsort(found[:, 0], kind="stable")]


def day_bounds(city: City, day: date) -> tuple[datetime, datetime]:
    """The first moment of a day by the city's clock, and that of the next."""
    first = datetime.combine(day, time(), city.time_zone)
    last = datetime.combine(day + timedelta(days=1), time(), city.time_zone)
    return first.astimezone(UTC), last.astimezone(UTC)


def track_of(session: Session, city: City, person_id: int, day: date, *, raw: bool = False) -> Track:
    """The track of a day: simplified; raw while it is kept and asked for. An empty one where nothing is known."""
    rules = load_patrol_rules(city).track
    first, last = day_bounds(city, day)
    kept = session.get(TrackDay, (person_id, day))
    if kept is not None and not raw:
        return Track(np.array(kept.line, dtype=np.float64).reshape(-1, 3), True, kept.points, kept.length_m)
    rows = read_points(session, person_id, first, last - timedelta(milliseconds=1), skew_h=rules.max_skew_h)
    if not len(rows) and kept is not None:
        return Track(np.array(kept.line, dtype=np.float64).reshape(-1, 3), True, kept.points, kept.length_m)
    length = length_m(rows)
    return Track(rows if raw else simplify(rows, rules.tolerance_m), not raw, len(rows), length)


def length_m(rows: Numbers) -> float:
    """Metres along rows of (epoch ms, longitude, latitude)."""
    return float(steps_m(Plane(float(rows[0, 2])).points(rows[:, 1], rows[:, 2])).sum()) if len(rows) > 1 else 0.0


def simplify(rows: Numbers, tolerance_m: float) -> Numbers:
    """Those rows that a line within the tolerance needs; first and last always stay."""
    if len(rows) < 3:
        return rows
    at = Plane(float(rows[0, 2])).points(rows[:, 1], rows[:, 2])
    kept = shapely.get_coordinates(shapely.simplify(shapely.LineString(at), tolerance_m, preserve_topology=False))
    chosen, here = [0], 0
    for point in kept[1:-1]:
        while not (at[here] == point).all():
            here += 1
        chosen.append(here)
        here += 1
    return rows[[*chosen, len(rows) - 1]]


def thin_days(session: Session, city: City, now: datetime) -> int:
    """Write the simplified lines of all days that are over and have none, or have got more points since; commits.

    Returns how many lines were written. A day is looked at anew for as long as points of it are still taken.
    """
    rules = load_patrol_rules(city)
    written = 0
    for person_id in _people(session):
        for day in _open_days(city, rules, now):
            written += _thin(session, city, rules, person_id, day)
    return written


def _people(session: Session) -> list[int]:
    return list(session.scalars(select(PatrolState.person_id).order_by(PatrolState.person_id)))


def _open_days(city: City, rules: PatrolRules, now: datetime) -> Iterator[date]:
    today = now.astimezone(city.time_zone).date()
    for back in range(1, int(rules.track.max_age_h // 24) + 3):
        yield today - timedelta(days=back)


def _thin(session: Session, city: City, rules: PatrolRules, person_id: int, day: date) -> int:
    first, last = day_bounds(city, day)
    end = last - timedelta(milliseconds=1)
    rows = read_points(session, person_id, first, end, skew_h=rules.track.max_skew_h)
    kept = session.get(TrackDay, (person_id, day))
    if not len(rows) or (kept is not None and kept.points >= len(rows)):
        return 0
    line = simplify(rows, rules.track.tolerance_m)
    values: list[Any] = [[int(at), round(lon, 6), round(lat, 6)] for at, lon, lat in line.tolist()]
    begin_write(session)
    session.merge(
        TrackDay(
            person_id=person_id, day=day, line=values, points=len(rows), tolerance_m=rules.track.tolerance_m,
            length_m=round(length_m(rows), 1),
        )
    )  # fmt: skip
    session.commit()
    return 1


def forget_tracks(session: Session, city: City, now: datetime) -> tuple[int, int]:
    """Delete raw points and lines whose time is over; commits. Returns how many of each.

    Let ``thin_days`` run first: what it has not seen leaves no line behind.
    """
    rules = load_patrol_rules(city).track
    today = now.astimezone(city.time_zone).date()
    edge, _ = day_bounds(city, today - timedelta(days=int(rules.keep_raw_days)))
    points = 0
    for person_id in _people(session):
        begin_write(session)
        done = session.execute(
            delete(TrackPoint).where(TrackPoint.person_id == person_id, TrackPoint.device_ms < _ms(edge))
        )
        points += int(getattr(done, "rowcount", 0))
        session.commit()
    begin_write(session)
    gone = session.execute(delete(TrackDay).where(TrackDay.day < today - timedelta(days=int(rules.keep_days))))
    session.commit()
    return points, int(getattr(gone, "rowcount", 0))


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
