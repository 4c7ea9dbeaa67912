"""Who goes: the collector for a task on site, and why that one.

In this order: a cross-check by lot; the nearest collector on duty, by distance and open tasks; somebody whose shift it
is in the case's duty grid; the collectors of that grid (one of the others where one of them reported the case);
everybody in the role. Nobody is chosen for a case of their own report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, select
from sqlalchemy.orm import Session

from engine.casefile.asking import Question
from engine.ground.index import DEGREE_M
from engine.models import DutyShift, PatrolState, Person, PersonPost, Post, Task
from engine.models.workflow import OPEN
from engine.patrol.plane import distance_m
from engine.patrol.roster import PLANNED, working_at
from engine.patrol.rules import ChoiceRules, load_patrol_rules, minutes
from engine.workflow.step import Step

NEAREST, CROSS, ON_SHIFT, GRID, ROLE, BY_HAND = "nearest", "cross_check", "on_shift", "grid", "role", "by_hand"
CHOICE = "choice"
"""Under this name a task's defaults keep the reason."""
BARRED = "barred"
FUTURE = timedelta(minutes=5)
"""A position later than now by more belongs to another clock."""

_others = (
    select(func.count(PersonPost.person_id.distinct()))
    .join(Post, Post.code == PersonPost.post_code)
    .join(Person, and_(Person.id == PersonPost.person_id, Person.active))
    .where(
        Post.role == bindparam("role"), PersonPost.duty_grid_code == bindparam("grid"),
        PersonPost.person_id != bindparam("reporter"),
    )
)  # fmt: skip
STANDING = Question(
    select(
        exists(select(PatrolState.person_id).where(PatrolState.at >= bindparam("since"))),
        exists(
            select(DutyShift.id).where(
                DutyShift.ends_at > bindparam("now"), DutyShift.starts_at <= bindparam("now"),
                DutyShift.status == PLANNED,
            )
        ),
        _others.scalar_subquery(),
        exists(
            select(PersonPost.id).where(
                PersonPost.duty_grid_code == bindparam("grid"), PersonPost.person_id == bindparam("reporter")
            )
        ),
    ),
    "since", "now", "role", "grid", "reporter",
)  # fmt: skip
"""Whether any position is fresh, whether anybody is on a shift, how many others the grid has, whether its reporter is
one of its people: one small question."""


@dataclass(frozen=True)
class Candidate:
    """A collector who could go. ``distance_m`` and ``age_s`` of the position are none without one."""

    person_id: int
    login: str
    name: str
    duty_grid: str
    distance_m: float | None = None
    age_s: float | None = None
    open_tasks: int = 0

    def cost_m(self, rules: ChoiceRules) -> float:
        """Distance with every open task counted as so many metres."""
        return (self.distance_m or 0.0) + self.open_tasks * rules.load_m


def choose_collector(step: Step, role: str = "collector", scope: Any = None, cross_share: Any = None) -> dict[str, Any]:
    """Choose who does a task on site: by distance and load, on duty, never who reported it while there is anybody else.

    Written as the property ``choose`` of a user task it settles who gets it; ``role`` and ``scope`` then are those of
    ``candidateGroups``. ``cross_share`` (0 to 1) overrides the city's share of cross-checks. Result
    ``{person_id, scope, reason}``; ``person_id`` is none when the task is left to a group.
    """
    host: Any = step.host
    rules = load_patrol_rules(host.city).choice
    case = step.case
    grid = str(scope) if scope is not None else case.duty_grid_code
    values = {
        "since": step.now - minutes(rules.fresh_min), "now": step.now, "role": role, "grid": grid or "",
        "reporter": case.reporter_id or 0,
    }  # fmt: skip
    [(fresh, on_shift, others, own)] = step.unit.ask((STANDING, values))
    skipped: list[str] = []
    chosen: tuple[str, Candidate, dict[str, Any]] | None = None
    if fresh and case.lon is not None and case.lat is not None:
        share = rules.cross_share if cross_share is None else float(cross_share)
        near = near_collectors(step.session, rules, role, case.lon, case.lat, step.now, but=case.reporter_id)
        chosen = pick_near(near, rules, grid, share, lot_of(step), skipped)
    elif not fresh:
        skipped.append("no_positions")
    else:
        skipped.append("no_place")
    if chosen is None and on_shift and grid:
        standing_by = on_shift_in(step.session, role, grid, step.now, but=case.reporter_id)
        if standing_by:
            chosen = ON_SHIFT, standing_by[0], {"considered": len(standing_by)}
        else:
            skipped.append("nobody_on_shift")
    elif chosen is None and not on_shift:
        skipped.append("no_roster")
    reason: dict[str, Any] = {"skipped": skipped}
    if rules.bar_reporter and case.reporter_id is not None:
        reason[BARRED] = case.reporter_id
    if chosen is not None:
        rule, who, more = chosen
        reason |= {"rule": rule, **told(who), **more}
        return {"person_id": who.person_id, "scope": grid or None, "reason": reason}
    if grid and others and own:
        [best, *_] = members_of(step.session, role, grid, but=case.reporter_id)
        return {
            "person_id": best.person_id, "scope": grid,
            "reason": {**reason, "rule": GRID, **told(best), "considered": int(others)},
        }  # fmt: skip
    if grid and others:
        return {"person_id": None, "scope": grid, "reason": {**reason, "rule": GRID, "considered": int(others)}}
    return {"person_id": None, "scope": None, "reason": {**reason, "rule": ROLE}}


def lot_of(step: Step) -> Random:
    """The lot of a task: always the same for a case, an element and the round of rework it is in."""
    element = step.element.id if step.element is not None else ""
    return Random(f"{step.case.number}/{element}/{step.case.reworks}")


def pick_near(
    near: Sequence[Candidate], rules: ChoiceRules, grid: str | None, share: float, lot: Random, skipped: list[str]
) -> tuple[str, Candidate, dict[str, Any]] | None:
    """Rule, person and details; none when nobody is near. What was tried in vain is added to ``skipped``."""
    if not near:
        skipped.append("nobody_near")
        return None
    drawn = lot.random()
    if drawn < share:
        strangers = [each for each in near if each.duty_grid != grid]
        if strangers:
            return CROSS, lot.choice(strangers), {"considered": len(strangers), "drawn": round(drawn, 4)}
        skipped.append("no_stranger_near")
    best = min(near, key=lambda each: (each.cost_m(rules), each.login))
    return NEAREST, best, {"considered": len(near)}


def near_collectors(
    session: Session, rules: ChoiceRules, role: str, lon: float, lat: float, now: datetime, *, but: int | None
) -> list[Candidate]:
    """Everybody on duty whose position is fresh and within reach, by login, with their open tasks."""
    reach = rules.reach_m / DEGREE_M
    rows = session.execute(
        select(PatrolState, Person.login, Person.name, DutyShift.duty_grid_code)
        .join(Person, and_(Person.id == PatrolState.person_id, Person.active))
        .join(DutyShift, and_(DutyShift.person_id == PatrolState.person_id, *working_at(now)))
        .where(
            PatrolState.at >= now - minutes(rules.fresh_min), PatrolState.at <= now + FUTURE,
            PatrolState.lat.between(lat - reach, lat + reach),
            PatrolState.person_id.in_(holders_of(role)), PatrolState.person_id != (but or 0),
        )
        .order_by(Person.login, DutyShift.id)
    ).all()  # fmt: skip
    found: dict[int, Candidate] = {}
    for state, login, name, grid in rows:
        away = distance_m(lon, lat, state.lon, state.lat)
        if away <= rules.reach_m:
            age = max(0.0, (now - state.at) / timedelta(seconds=1))
            found.setdefault(state.person_id, Candidate(state.person_id, login, name, grid, away, age))
    return with_tasks(session, list(found.values()))


def on_shift_in(session: Session, role: str, grid: str, now: datetime, *, but: int | None) -> list[Candidate]:
    """Whose shift it is in a grid, fewest open tasks first."""
    rows = session.execute(
        select(Person.id, Person.login, Person.name)
        .join(DutyShift, and_(DutyShift.person_id == Person.id, *working_at(now)))
        .where(
            DutyShift.duty_grid_code == grid, Person.active, Person.id.in_(holders_of(role)), Person.id != (but or 0)
        )
        .order_by(Person.login)
    ).all()
    found = [Candidate(row.id, row.login, row.name, grid) for row in dict.fromkeys(rows)]
    return sorted(with_tasks(session, found), key=lambda each: (each.open_tasks, each.login))


def members_of(session: Session, role: str, grid: str, *, but: int | None) -> list[Candidate]:
    """Everybody with a post of the role in a grid, fewest open tasks first."""
    rows = session.execute(
        select(Person.id, Person.login, Person.name)
        .join(PersonPost, PersonPost.person_id == Person.id)
        .join(Post, Post.code == PersonPost.post_code)
        .where(Person.active, Post.role == role, PersonPost.duty_grid_code == grid, Person.id != (but or 0))
    ).all()
    found = [Candidate(row.id, row.login, row.name, grid) for row in dict.fromkeys(rows)]
    return sorted(with_tasks(session, found), key=lambda each: (each.open_tasks, each.login))


def holders_of(role: str) -> Any:
    """Ids of everybody with a post of a role."""
    return select(PersonPost.person_id).join(Post, Post.code == PersonPost.post_code).where(Post.role == role)


def with_tasks(session: Session, found: list[Candidate]) -> list[Candidate]:
    """The same people with how many open tasks they hold."""
    ids = [each.person_id for each in found]
    query = select(Task.assignee_id, func.count()).where(Task.status == OPEN, Task.assignee_id.in_(ids))
    held = dict(session.execute(query.group_by(Task.assignee_id)).all()) if ids else {}
    return [replace(each, open_tasks=held.get(each.person_id, 0)) for each in found]


def told(who: Candidate) -> dict[str, Any]:
    """What the reason says of a person."""
    return {
        "login": who.login, "name": who.name, "duty_grid": who.duty_grid, "open_tasks": who.open_tasks,
        "distance_m": None if who.distance_m is None else round(who.distance_m),
        "age_s": None if who.age_s is None else round(who.age_s),
    }  # fmt: skip
