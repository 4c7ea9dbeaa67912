"""What is wrong with a roster: a grid without anybody, a person in two places, people and grids that do not exist."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.city import City
from engine.models import DutyGrid, DutyShift, Person
from engine.patrol.changing import collectors
from engine.patrol.roster import PLANNED, shifts_between, span
from engine.patrol.rules import PatrolRules

UNCOVERED, TWO_PLACES, UNKNOWN_GRID, NO_COLLECTOR = "uncovered", "two_places", "unknown_grid", "no_collector"
Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class RosterFault:
    """Something to put right. ``login`` and ``other_grid`` where a person is concerned."""

    kind: str
    duty_grid: str
    begins: datetime
    ends: datetime
    login: str = ""
    other_grid: str = ""

    @property
    def message(self) -> str:
        """In English, with the remedy."""
        when = f"{self.begins:%Y-%m-%d %H:%M} to {self.ends:%Y-%m-%d %H:%M} UTC"
        return {
            UNCOVERED: f"nobody patrols grid {self.duty_grid} from {when}; plan a shift or name a substitute",
            TWO_PLACES: f"{self.login} is in grids {self.duty_grid} and {self.other_grid} from {when}; take one off",
            UNKNOWN_GRID: f"{self.login} patrols grid {self.duty_grid}, which does not exist; cancel the shift",
            NO_COLLECTOR: f"{self.login} is no collector at work but has a shift from {when}; name a substitute",
        }[self.kind]


def check_roster(
    session: Session, city: City, rules: PatrolRules, since: datetime, until: datetime
) -> list[RosterFault]:
    """Every fault of a period, in order of time."""
    rows = [row for row in shifts_between(session, since, until) if row.status == PLANNED]
    grids = set(session.scalars(select(DutyGrid.code)))
    able = {person.id for person in collectors(session)}
    logins = dict(session.execute(select(Person.id, Person.login)).all())
    faults = [
        *_uncovered(rows, grids, patrol_hours(city, rules, since, until)),
        *_two_places(rows, logins),
        *(_about(UNKNOWN_GRID, row, logins) for row in rows if row.duty_grid_code not in grids),
        *(_about(NO_COLLECTOR, row, logins) for row in rows if row.person_id not in able),
    ]
    return sorted(faults, key=lambda each: (each.begins, each.kind, each.duty_grid, each.login))


def patrol_hours(city: City, rules: PatrolRules, since: datetime, until: datetime) -> list[Interval]:
    """When grids are to be patrolled: in the hours of any of the city's shifts that some team works that day."""
    found: list[Interval] = []
    day, last = since.astimezone(city.time_zone).date() - timedelta(days=1), until.astimezone(city.time_zone).date()
    while day <= last:
        worked = {team.shift_on(day) for team in rules.teams.values()}
        found += [span(shift, day, city) for code, shift in rules.shifts.items() if code in worked]
        day += timedelta(days=1)
    return [(max(a, since), min(b, until)) for a, b in union(found) if b > since and a < until]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals that overlap or touch, joined."""
    joined: list[Interval] = []
    for begins, ends in sorted(intervals):
        if joined and begins <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(ends, joined[-1][1])
        else:
            joined.append((begins, ends))
    return joined


def without(whole: Interval, taken: list[Interval]) -> Iterator[Interval]:
    """The parts of an interval that none of the others (joined, in order) covers."""
    begins, end = whole
    for first, last in taken:
        if last <= begins or first >= end:
            continue
        if first > begins:
            yield begins, first
        begins = max(begins, last)
    if begins < end:
        yield begins, end


def _uncovered(rows: list[DutyShift], grids: set[str], hours: list[Interval]) -> Iterator[RosterFault]:
    of_grid: dict[str, list[Interval]] = defaultdict(list)
    for row in rows:
        of_grid[row.duty_grid_code].append((row.starts_at, row.ends_at))
    for grid in sorted(grids):
        there = union(of_grid[grid])
        for stretch in hours:
            for begins, ends in without(stretch, there):
                yield RosterFault(UNCOVERED, grid, begins, ends)


def _two_places(rows: list[DutyShift], logins: dict[int, str]) -> Iterator[RosterFault]:
    of_person: dict[int, list[DutyShift]] = defaultdict(list)
    for row in rows:
        of_person[row.person_id].append(row)
    for person_id, own in of_person.items():
        for at, row in enumerate(own):
            for other in own[at + 1 :]:
                begins, ends = max(row.starts_at, other.starts_at), min(row.ends_at, other.ends_at)
                if begins < ends:
                    login = logins.get(person_id, "")
                    yield RosterFault(TWO_PLACES, row.duty_grid_code, begins, ends, login, other.duty_grid_code)


def _about(kind: str, row: DutyShift, logins: dict[int, str]) -> RosterFault:
    return RosterFault(kind, row.duty_grid_code, row.starts_at, row.ends_at, logins.get(row.person_id, ""))
