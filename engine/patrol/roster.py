"""Who answers for which duty grid when: rolled out from the city's files, then a matter of the database.

``organisation/duty.csv``: ``login,duty_grid,team,from,until`` – a collector patrols a grid in a team's shifts; ``from``
and ``until`` are dates and may be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.errors import CityBroken
from engine.loading.tables import read_csv
from engine.models import DutyGrid, DutyShift, PatrolCoverage, PatrolFact, Person
from engine.patrol.rules import OFF, PatrolRules, Shift, load_patrol_rules

DUTY = ("login", "duty_grid", "team", "from", "until")
DUTY_FILE = "organisation/duty.csv"
AHEAD_DAYS = 21
"""How far ahead the pattern is rolled out."""
PLANNED, LEAVE, REPLACED, CANCELLED = "planned", "leave", "replaced", "cancelled"
STATUSES = (PLANNED, LEAVE, REPLACED, CANCELLED)
PATTERN, IMPORT, HAND = "pattern", "import", "hand"


@dataclass(frozen=True)
class Duty:
    """A line of ``duty.csv``."""

    line: int
    login: str
    duty_grid: str
    team: str
    since: date | None
    until: date | None

    def holds(self, day: date) -> bool:
        """Whether the line covers a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


def read_duties(city: City) -> list[Duty]:
    """The lines of the city's ``duty.csv``, none when it has no such file. Raises CityBroken with the line."""
    path = city.root / DUTY_FILE
    if not path.is_file():
        return []
    duties = []
    for line, row in read_csv(path, DUTY):
        try:
            since, until = (date.fromisoformat(row[name]) if row[name] else None for name in ("from", "until"))
        except ValueError as error:
            raise CityBroken(f"{path}, line {line}: {error}; write dates as 2026-01-31 or leave them empty") from error
        duties.append(Duty(line, row["login"], row["duty_grid"], row["team"], since, until))
    return duties


def roll_out(session: Session, city: City, now: datetime, *, since: date | None = None) -> int:
    """Bring the shifts to come in line with the city's files; commits. Returns how many rows came or went.

    Shifts that have begun, that somebody changed by hand or imported stay, and so do those a fact or a coverage hangs
    on. ``since``: a day in the past to begin with, for a city that is being made up.
    """
    rules, zone = load_patrol_rules(city), city.time_zone
    duties = read_duties(city)
    begin_write(session)
    people = dict(session.execute(select(Person.login, Person.id).where(Person.active)).all())
    grids = set(session.scalars(select(DutyGrid.code)))
    today = now.astimezone(zone).date()
    first = since or today
    days = [first + timedelta(days=each) for each in range((today - first).days + AHEAD_DAYS + 1)]
    wanted = {
        (people[duty.login], begins, duty.duty_grid): (shift.code, duty.team, ends)
        for day in days
        for duty, shift in duties_on(rules, duties, day)
        if duty.login in people and duty.duty_grid in grids
        for begins, ends in [span(shift, day, city)]
        if since is not None or begins > now
    }
    edge = min((begins for _, begins, _ in wanted), default=now)
    there = session.scalars(select(DutyShift).where(DutyShift.starts_at >= min(edge, now))).all()
    known = {(row.person_id, row.starts_at, row.duty_grid_code): row for row in there}
    gone = [
        row.id
        for key, row in known.items()
        if key not in wanted and row.origin == PATTERN and row.status == PLANNED and row.starts_at > now
    ]
    if gone:
        hung = set(session.scalars(select(PatrolFact.shift_id).where(PatrolFact.shift_id.in_(gone))))
        hung |= set(session.scalars(select(PatrolCoverage.shift_id).where(PatrolCoverage.shift_id.in_(gone))))
        gone = [each for each in gone if each not in hung]
        session.execute(delete(DutyShift).where(DutyShift.id.in_(gone)))
    changed = len(gone)
    for (person_id, begins, grid), (code, team, ends) in wanted.items():
        row = known.get((person_id, begins, grid))
        if row is None:
            session.add(new_shift(person_id, grid, code, team, begins, ends, PATTERN, now))
            changed += 1
        elif row.origin == PATTERN and (row.ends_at, row.shift, row.team) != (ends, code, team):
            row.ends_at, row.shift, row.team, row.changed_at = ends, code, team, now
            changed += 1
    session.commit()
    return changed


def duties_on(rules: PatrolRules, duties: Sequence[Duty], day: date) -> Iterator[tuple[Duty, Shift]]:
    """The lines that work on a day, each with its shift."""
    of_team = {code: team.shift_on(day) for code, team in rules.teams.items()}
    for duty in duties:
        code = of_team.get(duty.team, OFF)
        if duty.holds(day) and code != OFF and code in rules.shifts:
            yield duty, rules.shifts[code]


def span(shift: Shift, day: date, city: City) -> tuple[datetime, datetime]:
    """When a shift of a day begins and ends, by the city's wall clock, in UTC."""
    begins = datetime.combine(day, shift.begins, city.time_zone)
    ends = begins + timedelta(minutes=shift.minutes)  # wall clock: a night of 23 hours ends when the clock says so
    return begins.astimezone(UTC), ends.astimezone(UTC)


def new_shift(
    person_id: int, grid: str, shift: str, team: str, begins: datetime, ends: datetime, origin: str, now: datetime
) -> DutyShift:
    """A planned shift, not yet in the session."""
    return DutyShift(
        person_id=person_id, duty_grid_code=grid, shift=shift, team=team, starts_at=begins, ends_at=ends,
        status=PLANNED, origin=origin, reason="", stands_for_id=None, changed_by_id=None, changed_at=now,
    )  # fmt: skip


def working_at(moment: datetime, *, before: timedelta = timedelta(0), after: timedelta = timedelta(0)) -> Sequence[
    ColumnElement[bool]
]:  # fmt: skip
    """The conditions under which a shift is worked at a moment; it may begin ``before`` early and end ``after``."""
    return (
        DutyShift.ends_at > moment - after, DutyShift.starts_at <= moment + before, DutyShift.status == PLANNED,
    )  # fmt: skip


def shifts_at(session: Session, moment: datetime, *, person_id: int | None = None) -> list[DutyShift]:
    """The shifts worked at a moment, by duty grid and id."""
    query = select(DutyShift).where(*working_at(moment))
    if person_id is not None:
        query = query.where(DutyShift.person_id == person_id)
    return list(session.scalars(query.order_by(DutyShift.duty_grid_code, DutyShift.id)))


def shifts_between(
    session: Session, since: datetime, until: datetime, *, person_id: int | None = None, grid: str | None = None
) -> list[DutyShift]:
    """All shifts that touch a period, whatever their status, in order."""
    query = select(DutyShift).where(DutyShift.ends_at > since, DutyShift.starts_at < until)
    if person_id is not None:
        query = query.where(DutyShift.person_id == person_id)
    if grid:
        query = query.where(DutyShift.duty_grid_code == grid)
    return list(session.scalars(query.order_by(DutyShift.starts_at, DutyShift.duty_grid_code, DutyShift.id)))


def has_shifts(session: Session) -> bool:
    """Whether the city keeps a roster at all."""
    return session.scalar(select(DutyShift.id).limit(1)) is not None
