"""Collectors of a demonstration whom people log in as stay on duty, whatever the hour somebody tries them at."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.city import City
from engine.database import begin_write
from engine.models import Person, PersonPost, Post
from engine.patrol.roster import HAND, PLANNED, new_shift, shifts_between
from engine.patrol.rules import load_patrol_rules

HOURS = 48.0


def stand_by(session: Session, city: City, now: datetime, *, hours: float = HOURS) -> int:
    """Fill the gaps between the shifts of the demonstration's collectors from now on; commits. How many shifts it took.

    Nothing where the city has no shifts.
    """
    shift = next(iter(load_patrol_rules(city).shifts), "")
    people = session.execute(
        select(Person.id, PersonPost.duty_grid_code)
        .join(PersonPost, PersonPost.person_id == Person.id)
        .join(Post, Post.code == PersonPost.post_code)
        .where(Person.demo, Person.active, Post.role == "collector", PersonPost.duty_grid_code.is_not(None))
        .order_by(Person.id)
    ).all()
    if not shift:
        return 0
    begin_write(session)
    end, added = now + timedelta(hours=hours), 0
    for person_id, grid in people:
        free = now
        known = [row for row in shifts_between(session, now, end, person_id=person_id) if row.status == PLANNED]
        for starts_at, ends_at in [*sorted((row.starts_at, row.ends_at) for row in known), (end, end)]:
            if starts_at > free:
                session.add(new_shift(person_id, grid or "", shift, "", free, starts_at, HAND, now))
                added += 1
            free = max(free, ends_at)
    session.commit()
    return added
