"""Who calls: bearer tokens, and a brake on those who try passwords."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta
from threading import Lock

from flask import g, request
from sqlalchemy.orm import Session

from api.context import now, roles, session
from api.errors import NotAuthenticated, TooManyAttempts
from engine.cases.access import require
from engine.errors import NotAllowed
from engine.models import Person
from engine.organisation.actor import Actor
from engine.organisation.people import check_password, load_actor, person_of_token

SCHEME = "bearer"
FAILURES_ALLOWED = 10
WINDOW = timedelta(minutes=5)


class LoginBrake:
    """Counts failed logins by login and address in this worker's memory; a success forgets them."""

    def __init__(self, allowed: int = FAILURES_ALLOWED, window: timedelta = WINDOW) -> None:
        self.allowed, self.window = allowed, window
        self._failures: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        self._lock = Lock()

    def refuse_if_exhausted(self, login: str, address: str, moment: datetime) -> None:
        """Raise TooManyAttempts when the failures within the window reach the limit."""
        with self._lock:
            failures = self._recent((login, address), moment)
            if len(failures) >= self.allowed:
                wait = int((failures[0] + self.window - moment).total_seconds()) + 1
                raise TooManyAttempts(f"too many failed logins for {login}; try again in {wait} seconds", wait)

    def note_failure(self, login: str, address: str, moment: datetime) -> None:
        """Count a failure."""
        with self._lock:
            self._recent((login, address), moment).append(moment)

    def forget(self, login: str, address: str) -> None:
        """A login that succeeds starts afresh."""
        with self._lock:
            self._failures.pop((login, address), None)

    def _recent(self, key: tuple[str, str], moment: datetime) -> deque[datetime]:
        # Keys that nobody tries any more must not pile up under somebody who invents logins.
        if len(self._failures) > 10_000:
            for other in [k for k, times in self._failures.items() if not times or times[-1] < moment - self.window]:
                del self._failures[other]
        failures = self._failures[key]
        while failures and failures[0] <= moment - self.window:
            failures.popleft()
        return failures


def verify_login(db: Session, brake: LoginBrake, login: str, password: str, moment: datetime) -> Person:
    """The person who logs in. Raises NotAuthenticated, or TooManyAttempts after too many failures."""
    address = request.remote_addr or ""
    brake.refuse_if_exhausted(login, address, moment)
    try:
        person = check_password(db, login, password)
    except NotAllowed as error:
        brake.note_failure(login, address, moment)
        raise NotAuthenticated(error.message, field="password") from error
    brake.forget(login, address)
    return person


def bearer_token() -> str:
    """The token of the request. Raises NotAuthenticated when there is none."""
    authorization = request.authorization
    if authorization is None or authorization.type != SCHEME or not authorization.token:
        raise NotAuthenticated("no token was sent; POST /api/v1/login and send 'Authorization: Bearer <token>'")
    return authorization.token


def authenticate() -> None:
    """Before a request: know the actor or refuse. The actor's posts are read afresh every time."""
    person_id = person_of_token(session(), bearer_token(), now())
    actor = load_actor(session(), person_id, roles()) if person_id is not None else None
    if actor is None:
        raise NotAuthenticated("the token is unknown or has expired; log in again")
    g.actor = actor


def current_actor() -> Actor:
    """The person behind the request."""
    actor: Actor = g.actor
    return actor


def require_permission(permission: str, what: str) -> Actor:
    """The actor, when a post gives the permission. Raises NotAllowed."""
    require(current_actor(), permission, what)
    return current_actor()
