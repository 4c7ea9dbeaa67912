"""Who may see where people are and were; every look at somebody else leaves a line."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import require
from engine.database import begin_write
from engine.errors import Invalid, NotFound
from engine.models import PatrolAccess, Person
from engine.organisation.actor import Actor

LIVE, TRACKS, AUDIT = "patrol.read", "patrol.track", "patrol.audit"
QUIET = timedelta(minutes=10)
"""A live list that reloads itself leaves one line in this time."""


def look_at_track(session: Session, actor: Actor, login: str, day: date, reason: str, now: datetime) -> Person:
    """The person whose track may be shown; commits the line that says who looked and why. One's own needs neither.

    Raises NotAllowed, NotFound, and Invalid without a reason.
    """
    if login != actor.login:
        require(actor, TRACKS, "see other people's tracks")
    person = session.scalar(select(Person).where(Person.login == login))
    if person is None:
        raise NotFound(f"nobody has the login {login!r}; choose somebody from the list")
    if person.id == actor.person_id:
        return person
    if not reason.strip():
        raise Invalid("say why you look at the track; the person may read it", field="reason")
    _note(session, actor, person.id, "track", day, reason.strip()[:500], now)
    return person


def look_at_all(session: Session, actor: Actor, now: datetime) -> None:
    """The positions of everybody on duty are shown; a line every ten minutes at most. Commits. Raises NotAllowed."""
    require(actor, LIVE, "see who is on duty where")
    last = session.scalar(
        select(PatrolAccess.id).where(
            PatrolAccess.person_id.is_(None), PatrolAccess.actor_id == actor.person_id,
            PatrolAccess.at > now - QUIET, PatrolAccess.at <= now,
        )
    )  # fmt: skip
    if last is None:
        _note(session, actor, None, "positions", None, "", now)


def _note(
    session: Session, actor: Actor, person_id: int | None, what: str, day: date | None, reason: str, now: datetime
) -> None:
    begin_write(session)
    session.add(PatrolAccess(at=now, actor_id=actor.person_id, person_id=person_id, what=what, day=day, reason=reason))
    session.commit()


def looks(
    session: Session, actor: Actor, *, login: str | None = None, before: int | None = None, most: int = 100
) -> list[PatrolAccess]:
    """Who looked at what, latest first: everything for those who audit, looks at oneself for everybody else."""
    query = select(PatrolAccess).order_by(PatrolAccess.id.desc()).limit(most)
    if not actor.may(AUDIT):
        query = query.where(PatrolAccess.person_id == actor.person_id)
    elif login:
        query = query.where(PatrolAccess.person_id.in_(select(Person.id).where(Person.login == login)))
    if before is not None:
        query = query.where(PatrolAccess.id < before)
    return list(session.scalars(query))
