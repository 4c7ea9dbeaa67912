"""Who can do a task: the people whose posts give the role within the scope."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.models import Person, PersonPost, Post


def people_for(session: Session, role: str, scope: str | None = None, *, most: int | None = None) -> list[Person]:
    """Active people with a post of this role, in the department or duty grid ``scope`` when it is given, by login."""
    holders = select(PersonPost.person_id).join(Post, Post.code == PersonPost.post_code).where(Post.role == role)
    if scope:
        holders = holders.where(or_(PersonPost.department_code == scope, PersonPost.duty_grid_code == scope))
    query = select(Person).where(Person.active, Person.id.in_(holders)).order_by(Person.login)
    return list(session.scalars(query.limit(most) if most is not None else query))
