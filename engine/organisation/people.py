"""Log in, tokens, and the actor a person is."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotAllowed
from engine.models import AccessToken, Department, Person
from engine.organisation.actor import Actor, Holding
from engine.organisation.roles import Role

TOKEN_LIFE = timedelta(hours=12)
_HASHER = PasswordHasher()
_ABSENT = _HASHER.hash(secrets.token_hex())


def hash_password(password: str) -> str:
    """An argon2id hash."""
    return _HASHER.hash(password)


def check_password(session: Session, login: str, password: str) -> Person:
    """The person who logs in. Raises NotAllowed alike for unknown logins and wrong passwords."""
    person = session.scalar(select(Person).where(Person.login == login))
    known = person is not None and person.active and person.password_hash is not None
    try:
        # An unknown login costs the same time as a wrong password, so neither tells which logins exist.
        _HASHER.verify(person.password_hash if known and person and person.password_hash else _ABSENT, password)
    except Argon2Error:
        known = False
    if not known or person is None:
        raise NotAllowed("login or password is wrong; ask an administrator for a new password", field="password")
    return person


def issue_token(session: Session, person: Person, now: datetime) -> tuple[str, datetime]:
    """A new API token and when it expires; only its digest is kept. The caller commits."""
    token = secrets.token_urlsafe(32)
    expires = now + TOKEN_LIFE
    session.add(AccessToken(digest=_digest(token), person_id=person.id, created_at=now, expires_at=expires))
    return token, expires


def person_of_token(session: Session, token: str, now: datetime) -> int | None:
    """The person a valid token speaks for."""
    row = session.get(AccessToken, _digest(token))
    return row.person_id if row is not None and row.expires_at > now else None


def revoke_token(session: Session, token: str) -> None:
    """Log out. The caller commits."""
    row = session.get(AccessToken, _digest(token))
    if row is not None:
        session.delete(row)


def load_actor(session: Session, person_id: int, roles: Mapping[str, Role], acting_role: str = "") -> Actor | None:
    """The actor a person is at this moment; none when there is no such active person."""
    person = session.get(Person, person_id)
    if person is None or not person.active:
        return None
    sides = {row.code: row.side for row in session.execute(select(Department.code, Department.side))}
    holdings = tuple(
        Holding(held.post.role, held.department_code, sides.get(held.department_code, ""), held.duty_grid_code)
        for held in person.posts
    )
    permissions = frozenset(p for h in holdings if h.role in roles for p in roles[h.role].permissions)
    actor = Actor(person.id, person.login, person.name, holdings, permissions)
    return replace(actor, acting_role=acting_role or (holdings[0].role if holdings else ""))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
