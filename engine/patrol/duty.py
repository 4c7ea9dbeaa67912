"""Who is on duty where, right now: shift, last point and duty grid put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.models import DutyShift, PatrolState, Person, Task
from engine.models.workflow import OPEN
from engine.patrol.grids import beats_of
from engine.patrol.roster import shifts_at
from engine.patrol.rules import PatrolRules, load_patrol_rules, minutes
from engine.platform import Platform

ON_GRID, OFF_GRID, SILENT, UNSEEN, OFF_DUTY = "on_grid", "off_grid", "silent", "unseen", "off_duty"
STATES = (ON_GRID, OFF_GRID, SILENT, UNSEEN)


@dataclass(frozen=True)
class OnDuty:
    """A person on a shift. ``state``: on_grid, off_grid, silent (no point for too long), unseen (none yet).

    ``since``: when the state began; ``seen_at`` and the place are none while unseen.
    """

    shift_id: int
    person_id: int
    login: str
    name: str
    name_en: str
    phone: str
    duty_grid: str
    grid_name: str
    shift: str
    starts_at: datetime
    ends_at: datetime
    state: str
    since: datetime
    seen_at: datetime | None
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    battery: float | None
    open_tasks: int


def on_duty(session: Session, platform: Platform, now: datetime, *, person_id: int | None = None) -> list[OnDuty]:
    """Everybody on a shift at a moment, by duty grid."""
    rules = load_patrol_rules(platform.city)
    shifts = shifts_at(session, now, person_id=person_id)
    ids = {row.person_id for row in shifts}
    people = {row.id: row for row in session.scalars(select(Person).where(Person.id.in_(ids)))}
    states = {row.person_id: row for row in session.scalars(select(PatrolState).where(PatrolState.person_id.in_(ids)))}
    tasks = open_tasks_of(session, ids)
    beats = beats_of(session, platform.host.ground).by_code
    found = []
    for row in shifts:
        person, state = people[row.person_id], states.get(row.person_id)
        kind, since = state_of(row, state, rules, now)
        seen = state if state is not None and kind != UNSEEN else None
        beat = beats.get(row.duty_grid_code)
        found.append(
            OnDuty(
                row.id, row.person_id, person.login, person.name, person.name_en, person.phone, row.duty_grid_code,
                beat.name if beat is not None else row.duty_grid_code, row.shift, row.starts_at, row.ends_at, kind,
                since, seen.at if seen else None, seen.lon if seen else None, seen.lat if seen else None,
                seen.accuracy_m if seen else None, seen.battery if seen else None, tasks.get(row.person_id, 0),
            )
        )  # fmt: skip
    return found


def state_of(shift: DutyShift, state: PatrolState | None, rules: PatrolRules, now: datetime) -> tuple[str, datetime]:
    """What a shift and its person's last point amount to, and since when."""
    if state is None or state.at < shift.starts_at - minutes(rules.track.early_min):
        return UNSEEN, shift.starts_at
    if now - state.at > minutes(rules.state.silent_min):
        return SILENT, state.at
    return (ON_GRID if state.inside else OFF_GRID), max(state.since, shift.starts_at)


def open_tasks_of(session: Session, ids: Sequence[int] | set[int]) -> dict[int, int]:
    """How many open tasks people hold."""
    query = select(Task.assignee_id, func.count()).where(Task.status == OPEN, Task.assignee_id.in_(ids))
    return dict(session.execute(query.group_by(Task.assignee_id)).all())  # type: ignore[arg-type]  # none is excluded
