"""Where somebody is: inside or outside the duty grid, and since when. It changes its mind slowly.

A point is outside when it lies farther from the grid than the border's width and its own accuracy together, inside when
it lies in the grid, and says nothing in between. ``turn_points`` points in a row that last ``turn_s`` seconds turn the
answer; it then counts from the first of them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from engine.models import DutyShift, PatrolState
from engine.patrol.grids import Beat
from engine.patrol.rules import StateRules

Numbers = NDArray[np.float64]


def move_state(
    session: Session, person_id: int, beat: Beat | None, shift: DutyShift, at_ms: Numbers, rows: Numbers,
    rules: StateRules,
) -> None:  # fmt: skip
    """Move a person's state along points in order of time (``rows`` as the table of a batch).

    Points before the last one known change nothing. A grid that does not exist holds every point.
    """
    state = session.get(PatrolState, person_id, with_for_update=True, populate_existing=True)
    if state is not None:
        later = at_ms > state.at.timestamp() * 1000
        at_ms, rows = at_ms[later], rows[later]
    if not len(rows):
        return
    outside = beat.outside_m(rows[:, 1], rows[:, 2]) if beat is not None else np.zeros(len(rows))
    away = outside > rules.border_m + rows[:, 3]
    home = outside == 0
    if state is None or state.duty_grid_code != shift.duty_grid_code or state.at < shift.starts_at:
        state = _begin(session, state, person_id, shift, at_ms[0], bool(home[0] or not away[0]))
    for moment, is_away, is_home in zip(at_ms.tolist(), away.tolist(), home.tolist(), strict=True):
        against = is_away if state.inside else is_home
        agreeing = is_home if state.inside else is_away
        if against:
            since = state.streak_since or _moment(moment)
            state.streak, state.streak_since = state.streak + 1, since
            lasted = moment / 1000 - since.timestamp()
            if state.streak >= rules.turn_points and lasted >= rules.turn_s:
                state.inside, state.since = not state.inside, since
                state.streak, state.streak_since = 0, None
        elif agreeing:
            state.streak, state.streak_since = 0, None
    last = rows[-1].tolist()
    state.at = _moment(at_ms[-1])
    state.lon, state.lat, state.accuracy_m = last[1], last[2], last[3]
    state.battery = None if last[4] != last[4] else last[4]
    session.flush()


def _begin(
    session: Session, state: PatrolState | None, person_id: int, shift: DutyShift, at_ms: float, inside: bool
) -> PatrolState:
    """A state afresh: another shift or another grid begins."""
    if state is None:
        state = PatrolState(person_id=person_id, accuracy_m=0, battery=None, lon=0, lat=0)
        session.add(state)
    state.duty_grid_code, state.inside, state.since = shift.duty_grid_code, inside, _moment(at_ms)
    state.at, state.streak, state.streak_since = _moment(at_ms), 0, None
    return state


def _moment(at_ms: float) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
