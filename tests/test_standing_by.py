"""A demonstration's collectors are on duty whenever somebody tries them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from patrol_city import beat_city, shift_for

from engine.patrol.roster import shifts_between
from engine.simulation.standing_by import stand_by
from engine.testing.small_city import MONDAY, SmallTown

__all__ = ["beat_city"]

PATROL = '[shifts.day]\nname = "白班"\nhours = "09:00-17:00"\n'


def test_gaps_between_shifts_are_filled_and_no_shift_is_worked_twice(beat_city: SmallTown) -> None:
    town = beat_city
    begin, end = MONDAY - timedelta(hours=2), MONDAY + timedelta(hours=46)
    assert stand_by(town.session, town.city, begin) == 0  # the city has no shifts
    (town.folder / "patrol.toml").write_text(PATROL, encoding="utf-8")
    town.load()
    shift_for(town, "collector", "D1", MONDAY + timedelta(hours=24), hours=8)
    assert stand_by(town.session, town.city, begin) > 0
    person = town.actor("collector").person_id
    spans = [(row.starts_at, row.ends_at) for row in shifts_between(town.session, begin, end, person_id=person)]
    assert len(spans) == 5 and (spans[0][0], spans[-1][1]) == (begin, end)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert stand_by(town.session, town.city, begin) == 0
