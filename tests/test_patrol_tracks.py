"""Positions of collectors: what is taken, what is refused and why, where somebody is, what is left of a track."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from patrol_city import ON, beat_city, either_city, points, server_database, shift_for, walk
from sqlalchemy import func, select

from engine.errors import Invalid, NotAllowed
from engine.models import PatrolState, TrackDay, TrackPoint
from engine.patrol.seeing import look_at_track, looks
from engine.patrol.taking import Taken, take_points
from engine.patrol.tracks import forget_tracks, simplify, thin_days, track_of
from engine.testing.small_city import MONDAY, SmallTown

__all__ = ["beat_city", "either_city", "server_database"]
MINUTE = timedelta(minutes=1)


def take(
    town: SmallTown, batch: list[Any], *, at: datetime | None = None, login: str = "collector", **more: Any
) -> Taken:
    return take_points(town.session, town.platform, town.actor(login), batch, at or ON + 2 * MINUTE * 60, **more)


def reasons(taken: Taken) -> dict[int, str]:
    return {each.index: each.code for each in taken.refused}


def test_a_batch_is_taken_once_however_often_and_in_whatever_order_it_comes(either_city: SmallTown) -> None:
    batch = points(walk(20), ON, every_s=30)
    assert (take(either_city, batch).taken, take(either_city, batch[::-1]).duplicates) == (20, 20)
    late = points(walk(20), ON + timedelta(seconds=15), every_s=30)
    again = take(either_city, [*late[10:], *late[:10], *batch, late[0]])
    assert (again.taken, again.duplicates, again.refused) == (20, 21, ())
    assert either_city.session.scalar(select(func.count()).select_from(TrackPoint)) == 40


def test_every_bad_point_is_refused_with_its_reason_and_the_others_are_taken(beat_city: SmallTown) -> None:
    good = points(walk(3), ON, every_s=60)
    at = good[0][0]
    bad = [
        [at + 1000, 200.0, 28.0005, 5, None],
        [at + 2000, 116.0005, float("nan"), 5, None],
        [at + 3000, 116.0005, 28.0005, 900, 50],
        [at + 4000, 116.0005, 28.0005, -1, 50],
        "here", [1, 2], None, {"lon": 1}, [10**400, 1, 1, 1, 1], [True, 1, 1, 1, None],
        [at + 40 * 3_600_000, 116.0005, 28.0005, 5, 80],
        [at - 90 * 86_400_000, 116.0005, 28.0005, 5, 80],
        [at - 3 * 3_600_000, 116.0005, 28.0005, 5, 80],
        [at + 30_000, 116.9, 28.9, 5, 80],
    ]  # fmt: skip
    taken = take(beat_city, [*good, *bad])
    assert taken.taken == 3
    codes = [
        "position",
        "unreadable",
        "accuracy",
        "accuracy",
        *["unreadable"] * 6,
        "future",
        "old",
        "off_shift",
        "jump",
    ]
    assert reasons(taken) == {3 + at: code for at, code in enumerate(codes)}


def test_a_battery_that_makes_no_sense_is_left_out_and_the_point_stays(beat_city: SmallTown) -> None:
    assert take(beat_city, [[*points(walk(1), ON)[0][:4], 900]]).taken == 1
    assert beat_city.session.scalars(select(TrackPoint.battery)).all() == [None]


def test_a_clock_that_is_wrong_is_put_right_and_a_batch_sent_again_is_still_the_same(beat_city: SmallTown) -> None:
    now, wrong = ON + 60 * MINUTE, timedelta(hours=5)
    batch = points(walk(5), ON + 50 * MINUTE - wrong, every_s=30)
    first = take(beat_city, batch, at=now, sent_at_ms=(now - wrong).timestamp() * 1000)
    assert (first.taken, first.clock_skew_s) == (5, wrong.total_seconds())
    second = take(beat_city, batch, at=now + MINUTE, sent_at_ms=(now - wrong).timestamp() * 1000 + 59_000)
    assert (second.taken, second.duplicates) == (0, 5)
    state = beat_city.session.scalars(select(PatrolState)).one()
    assert state.at == ON + 50 * MINUTE + timedelta(seconds=120)
    with pytest.raises(Invalid, match="clock is wrong by 48 h"):
        take(beat_city, batch, at=now, sent_at_ms=(now - timedelta(hours=48)).timestamp() * 1000)


def test_who_is_no_collector_or_has_no_shift_leaves_no_track(beat_city: SmallTown) -> None:
    with pytest.raises(NotAllowed):
        take(beat_city, points(walk(2), ON), login="acceptor")
    taken = take(beat_city, points(walk(2, east=0.0025), ON), login="collector2")
    assert (taken.taken, set(reasons(taken).values())) == (0, {"off_shift"})
    with pytest.raises(Invalid, match="more than 5000"):
        take(beat_city, [[0, 0, 0, 0, 0]] * 5001)


def test_a_chinese_datum_named_with_the_batch_is_converted(beat_city: SmallTown) -> None:
    take(beat_city, points(walk(1), ON), datum="GCJ-02")
    lon, lat = beat_city.session.execute(select(TrackPoint.lon, TrackPoint.lat)).one()
    assert 0.001 < abs(lon - walk(1)[0][0]) < 0.01 and 0.001 < abs(lat - walk(1)[0][1]) < 0.01


EDGE = 116.002
"""The border of D1 to the east; a degree of longitude is 98 km there."""
M = 1 / 98_300


def place(town: SmallTown) -> tuple[bool, datetime]:
    town.session.expire_all()
    state = town.session.scalars(select(PatrolState)).one()
    return state.inside, state.since


def test_noise_at_the_border_flickers_in_no_direction(beat_city: SmallTown) -> None:
    rng = np.random.default_rng(1)
    path = [(EDGE + M * float(rng.normal(0, 12)), 28.0015) for _ in range(200)]
    take(beat_city, points([(116.001, 28.0015)], ON))
    take(beat_city, points(path, ON + MINUTE, every_s=15, accuracy=10))
    assert place(beat_city) == (True, ON)


def test_leaving_and_coming_back_count_from_the_first_point_that_says_so(beat_city: SmallTown) -> None:
    inside, outside = (116.001, 28.0015), (EDGE + 60 * M, 28.0015)
    take(beat_city, points([inside] * 3 + [outside] * 2, ON, every_s=60))
    assert place(beat_city) == (True, ON)
    take(beat_city, points([outside] * 3, ON + 5 * MINUTE, every_s=60))
    assert place(beat_city) == (False, ON + 3 * MINUTE)
    # One stray point inside and older points that come late change nothing.
    take(beat_city, points([inside, outside, outside], ON + 8 * MINUTE, every_s=60))
    take(beat_city, points([inside] * 9, ON + 10_000 * timedelta(milliseconds=1), every_s=10))
    assert place(beat_city) == (False, ON + 3 * MINUTE)
    take(beat_city, points([inside] * 4, ON + 12 * MINUTE, every_s=60))
    assert place(beat_city) == (True, ON + 12 * MINUTE)


def test_a_simplified_track_stays_within_its_tolerance_and_keeps_its_moments() -> None:
    rng = np.random.default_rng(2)
    rows = np.column_stack([
        np.arange(2000) * 5000.0, 116 + np.cumsum(rng.normal(0, 2e-5, 2000)), 28 + np.cumsum(rng.normal(0, 2e-5, 2000)),
    ])  # fmt: skip
    import shapely

    from engine.patrol.plane import Plane

    kept = simplify(rows, 5)
    plane = Plane(28)
    line = shapely.LineString(plane.points(kept[:, 1], kept[:, 2]))
    away = shapely.distance(line, shapely.points(plane.points(rows[:, 1], rows[:, 2])))
    assert away.max() <= 5.01 and len(kept) < 1200
    assert {tuple(row) for row in kept} <= {tuple(row) for row in rows} and (np.diff(kept[:, 0]) > 0).all()


def test_days_are_thinned_and_raw_points_forgotten_when_their_time_is_over(either_city: SmallTown) -> None:
    town, city, collector = either_city, either_city.city, either_city.actor("collector").person_id
    take(town, points(walk(200), ON, every_s=20))
    assert thin_days(town.session, city, ON + 60 * MINUTE) == 0
    tomorrow = ON + timedelta(days=1)
    assert (thin_days(town.session, city, tomorrow), thin_days(town.session, city, tomorrow)) == (1, 0)
    late = points(walk(3), ON + 100 * MINUTE, every_s=20)
    take(town, late, at=tomorrow)
    assert thin_days(town.session, city, tomorrow) == 1
    day = date(2026, 3, 2)
    raw, line = (track_of(town.session, city, collector, day, raw=raw) for raw in (True, False))
    assert len(raw.rows) == raw.points == line.points == 203 > len(line.rows) and line.simplified
    assert raw.length_m == pytest.approx(line.length_m, abs=0.1)
    assert forget_tracks(town.session, city, ON + timedelta(days=29)) == (0, 0)
    assert forget_tracks(town.session, city, ON + timedelta(days=31)) == (203, 0)
    assert len(track_of(town.session, city, collector, day, raw=True).rows) == len(line.rows)
    assert forget_tracks(town.session, city, ON + timedelta(days=367)) == (0, 1)
    assert town.session.get(TrackDay, (collector, day)) is None


def test_a_look_at_a_track_takes_a_permission_and_a_reason_and_leaves_a_line(beat_city: SmallTown) -> None:
    session, day, now = beat_city.session, date(2026, 3, 2), ON
    collector, leader, other = map(beat_city.actor, ("collector", "shift_leader", "collector2"))
    look_at_track(session, collector, "collector", day, "", now)
    assert looks(session, beat_city.actor("administrator")) == []
    with pytest.raises(NotAllowed):
        look_at_track(session, other, "collector", day, "curious", now)
    with pytest.raises(Invalid, match="why"):
        look_at_track(session, leader, "collector", day, " ", now)
    look_at_track(session, leader, "collector", day, "complaint 20260302-00001", now)
    for reader in (collector, beat_city.actor("administrator")):
        [line] = looks(session, reader)
        assert (line.actor_id, line.person_id, line.reason) == (
            leader.person_id, collector.person_id, "complaint 20260302-00001",
        )  # fmt: skip
    assert looks(session, other) == []


def test_a_shift_begins_with_a_fresh_state(beat_city: SmallTown) -> None:
    take(beat_city, points([(EDGE + 60 * M, 28.0015)] * 5, ON, every_s=60))
    assert place(beat_city)[0] is False
    tomorrow = MONDAY + timedelta(days=1)
    shift_for(beat_city, "collector", "D1", tomorrow, hours=8)
    take(beat_city, points([(116.001, 28.0015)], tomorrow + MINUTE), at=tomorrow + 2 * MINUTE)
    assert place(beat_city) == (True, tomorrow + MINUTE)
    assert tomorrow.tzinfo is UTC
