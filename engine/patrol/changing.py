"""Changes of the roster at run time: leave, a substitute, a swap, a shift more or less. Each with who and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import require
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotFound
from engine.models import DutyGrid, DutyShift, Person
from engine.organisation.actor import Actor
from engine.organisation.duty import people_for
from engine.patrol.roster import CANCELLED, HAND, LEAVE, PLANNED, REPLACED, new_shift

PLAN = "patrol.plan"
COLLECTOR = "collector"


def take_leave(session: Session, actor: Actor, shift_id: int, reason: str, now: datetime) -> DutyShift:
    """Take a person off a shift; the grid then has a gap until somebody stands in. Commits."""
    row = _open(session, actor, shift_id, reason, now)
    row.status = LEAVE
    return _done(session, actor, row, reason, now)


def cancel_shift(session: Session, actor: Actor, shift_id: int, reason: str, now: datetime) -> DutyShift:
    """Strike a shift: it is not worked and nobody is needed. Commits."""
    row = _open(session, actor, shift_id, reason, now)
    row.status = CANCELLED
    return _done(session, actor, row, reason, now)


def substitute(session: Session, actor: Actor, shift_id: int, login: str, reason: str, now: datetime) -> DutyShift:
    """Let somebody else work a shift (also one whose person is on leave); the new row. Commits."""
    row = _open(session, actor, shift_id, reason, now, (PLANNED, LEAVE))
    person = collector(session, login)
    if person.id == row.person_id:
        raise Invalid(f"{login} has this shift already; name somebody else", field="login")
    new = _stand_in(session, row, person.id, now)
    row.status = REPLACED
    _mark(actor, new, reason, now)
    _done(session, actor, row, reason, now)
    return new


def swap(
    session: Session, actor: Actor, first_id: int, second_id: int, reason: str, now: datetime
) -> tuple[DutyShift, DutyShift]:
    """Let two people work each other's shifts; the new rows. Commits."""
    first = _open(session, actor, first_id, reason, now)
    second = _open(session, actor, second_id, reason, now, begin=False)
    if first.person_id == second.person_id:
        raise Invalid("both shifts are the same person's; choose shifts of two people", field="with")
    pair = first.person_id, second.person_id
    first.status = second.status = REPLACED
    session.flush()
    new = _stand_in(session, first, pair[1], now), _stand_in(session, second, pair[0], now)
    for row in (*new, first, second):
        _mark(actor, row, reason, now)
    session.commit()
    return new


def add_shift(
    session: Session, actor: Actor, login: str, grid: str, begins: datetime, ends: datetime, reason: str, now: datetime,
    *, shift: str = "", origin: str = HAND,
) -> DutyShift:  # fmt: skip
    """Plan a shift by hand. Commits. Raises Conflict when the person is elsewhere then."""
    require(actor, PLAN, "plan shifts")
    begin_write(session)
    person = collector(session, login)
    if session.get(DutyGrid, grid) is None:
        raise Invalid(f"there is no duty grid {grid!r}; see the map for their codes", field="duty_grid")
    if begins.tzinfo is None or ends.tzinfo is None or not begins < ends:
        raise Invalid("a shift ends after it begins; correct the times", field="ends_at")
    refuse_elsewhere(session, person.id, begins, ends)
    row = _again(session, person.id, begins, grid) or new_shift(person.id, grid, shift, "", begins, ends, origin, now)
    row.status, row.ends_at, row.shift, row.origin = PLANNED, ends, shift or row.shift, origin
    session.add(row)
    return _done(session, actor, row, reason, now)


def collector(session: Session, login: str) -> Person:
    """The collector of a login. Raises Invalid."""
    person = session.scalar(select(Person).where(Person.login == login, Person.active))
    if person is None or all(held.post.role != COLLECTOR for held in person.posts):
        raise Invalid(f"{login!r} is no collector at work; name the login of one", field="login")
    return person


def collectors(session: Session) -> list[Person]:
    """Everybody who can be given a shift."""
    return people_for(session, COLLECTOR)


def refuse_elsewhere(
    session: Session, person_id: int, begins: datetime, ends: datetime, *, but: tuple[int, ...] = ()
) -> None:
    """Raise Conflict when a person works another shift at the time: nobody is in two places."""
    other = session.scalar(
        select(DutyShift).where(
            DutyShift.person_id == person_id, DutyShift.status == PLANNED, DutyShift.starts_at < ends,
            DutyShift.ends_at > begins, DutyShift.id.not_in(but),
        )
    )  # fmt: skip
    if other is not None:
        raise Conflict(
            f"the person works in grid {other.duty_grid_code} from {other.starts_at:%Y-%m-%d %H:%M} UTC then; "
            "take that shift off first"
        )


def _open(
    session: Session,
    actor: Actor,
    shift_id: int,
    reason: str,
    now: datetime,
    status: tuple[str, ...] = (PLANNED,),
    *,
    begin: bool = True,
) -> DutyShift:
    """A shift that can still be changed, in a write transaction."""
    require(actor, PLAN, "change shifts")
    if not reason.strip():
        raise Invalid("a change of the roster needs a reason; write one", field="reason")
    if begin:
        begin_write(session)
    row = session.get(DutyShift, shift_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no shift {shift_id}; see the roster")
    if row.status not in status:
        raise Conflict(f"shift {shift_id} is {row.status} already; reload the roster")
    if row.ends_at <= now:
        raise Conflict(f"shift {shift_id} is over; what was worked stays as it was")
    return row


def _stand_in(session: Session, row: DutyShift, person_id: int, now: datetime) -> DutyShift:
    refuse_elsewhere(session, person_id, row.starts_at, row.ends_at, but=(row.id,))
    new = _again(session, person_id, row.starts_at, row.duty_grid_code) or new_shift(
        person_id, row.duty_grid_code, row.shift, row.team, row.starts_at, row.ends_at, HAND, now
    )
    new.status, new.origin, new.ends_at, new.stands_for_id = PLANNED, HAND, row.ends_at, row.id
    session.add(new)
    return new


def _again(session: Session, person_id: int, begins: datetime, grid: str) -> DutyShift | None:
    """The row that the same person had for the same grid and moment before; it comes back instead of a second one."""
    return session.scalar(
        select(DutyShift).where(
            DutyShift.person_id == person_id, DutyShift.starts_at == begins, DutyShift.duty_grid_code == grid
        )
    )


def _mark(actor: Actor, row: DutyShift, reason: str, now: datetime) -> None:
    row.reason, row.changed_by_id, row.changed_at = reason.strip()[:500], actor.person_id, now


def _done(session: Session, actor: Actor, row: DutyShift, reason: str, now: datetime) -> DutyShift:
    _mark(actor, row, reason, now)
    session.commit()
    return row
