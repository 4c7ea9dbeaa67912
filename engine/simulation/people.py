"""The people of a simulated city: who can do a task, which units are slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Person, PersonPost, Post
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import Role


class People:
    """Everybody at work, found by role and scope (a department or a duty grid)."""

    def __init__(self, session: Session, roles: Mapping[str, Role]) -> None:
        self.session = session
        self.roles = roles
        self._actors: dict[tuple[int, str], Actor] = {}
        self._holders: dict[tuple[str, str | None], list[int]] = defaultdict(list)
        rows = session.execute(
            select(PersonPost.person_id, Post.role, PersonPost.department_code, PersonPost.duty_grid_code)
            .join(Post, Post.code == PersonPost.post_code)
            .join(Person, Person.id == PersonPost.person_id)
            .where(Person.active)
            .order_by(PersonPost.person_id, PersonPost.id)
        )
        for person_id, role, department, duty_grid in rows:
            for scope in dict.fromkeys((None, department, duty_grid or department)):
                holders = self._holders[role, scope]
                if person_id not in holders:
                    holders.append(person_id)

    def find(self, role: str, scope: str | None, chance: Random) -> Actor | None:
        """Somebody who can do a task for this role and scope, acting in that role; none when the city has nobody."""
        holders = self._holders.get((role, scope or None))
        if not holders:
            return None
        return self.actor(chance.choice(holders), role)

    def allowed(self, permission: str, departments: Sequence[str | None], chance: Random) -> Actor | None:
        """Somebody with a permission, of the first of these departments that has one (none: of any); handlers first."""
        roles = [code for code, role in self.roles.items() if permission in role.permissions]
        roles.sort(key=lambda code: self.roles[code].side != "handling")
        found = (self.find(role, department, chance) for department in departments for role in roles)
        return next((actor for actor in found if actor is not None), None)

    def whose(self, task: Any, chance: Random) -> Actor | None:
        """Who does a task: the person it was given to, else somebody of its role and scope."""
        if task.assignee_id is not None:
            return self.actor(task.assignee_id, task.role)
        return self.find(task.role, task.scope, chance)

    def actor(self, person_id: int, role: str) -> Actor:
        """A person acting in a role."""
        actor = self._actors.get((person_id, role))
        if actor is None:
            actor = load_actor(self.session, person_id, self.roles, role)
            assert actor is not None  # only active people are on the roster
            self._actors[person_id, role] = actor
        return actor
