"""Where a process does its deeds: a database session, a platform and the city's people, as the server has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, select

from crashes.ledger import Deed
from engine.cases.evidence import add_evidence
from engine.cases.messages import case_handlers
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.tasks import complete_task
from engine.cases.transaction import act_once
from engine.city import load_city
from engine.clock import Clock
from engine.database import open_database, session_factory
from engine.models import Case, IdempotencyKey, Person, Task
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.outbox import Outbox
from engine.platform import build_platform
from engine.simulation.photos import draw, name_photo

PHOTO = "after_photo"
OPEN_TASKS = (
    select(Task.id, Task.element, Task.role, Task.scope, Task.version, Task.evidence, Task.case_id, Case.number)
    .join(Case, Case.id == Task.case_id)
    .where(Task.status == "open")
    .order_by(Task.created_at, Task.id)
)


class Desk:
    """Opens a city that is already in the database, with empty caches: what a freshly started process has."""

    def __init__(self, folder: Path, url: str, clock: Clock) -> None:
        self.clock = clock
        self.engine = open_database(url)
        self.session = session_factory(self.engine)()
        city = load_city(str(folder))
        roles = load_roles(city.layers)
        self.platform = build_platform(self.session, city, clock=clock)
        self.outbox = Outbox(handlers=case_handlers(self.platform))
        ids = self.session.scalars(select(Person.id).order_by(Person.id)).all()
        self.people = [actor for each in ids if (actor := load_actor(self.session, each, roles)) is not None]
        self.session.rollback()

    def close(self) -> None:
        """Give up the database."""
        self.session.close()
        self.engine.dispose()

    def person(self, login: str) -> Actor:
        """The person of that login."""
        return next(actor for actor in self.people if actor.login == login)

    def server_of(self, role: str, scope: str | None) -> Actor:
        """Somebody who may do a task of that role and scope."""
        return next(actor for actor in self.people if actor.serves(role, scope))

    def open_tasks(self, most: int | None = None) -> Sequence[Row[Any]]:
        """Open tasks, oldest first, as a task list shows them."""
        rows = self.session.execute(OPEN_TASKS.limit(most)).all()
        self.session.rollback()
        return rows

    def is_committed(self, deed: Deed) -> bool:
        """Whether a deed has an answer in the database already."""
        row = self.session.get(IdempotencyKey, (self.person(deed.login).person_id, deed.key))
        self.session.rollback()
        return row is not None

    def do(self, deed: Deed) -> dict[str, Any]:
        """Do a deed, or do it again: the way the REST interface does. The answer, as JSON has it."""
        ways = {"complete": self._complete, "report": self._report, "photo": self._photo}
        answer: dict[str, Any] = orjson.loads(orjson.dumps(ways[deed.kind](deed, self.person(deed.login))))
        return answer

    def _complete(self, deed: Deed, actor: Actor) -> dict[str, Any]:
        request = deed.request
        return complete_task(
            self.session, self.platform, actor, UUID(request["task"]), request["answers"],
            now=self.clock.now(), seen_version=request["seen_version"], key=deed.key,
        )  # fmt: skip

    def _report(self, deed: Deed, actor: Actor) -> dict[str, Any]:
        report, process, now = Report(**deed.request["report"]), deed.request["process"], self.clock.now()

        def act() -> dict[str, Any]:
            case = report_case(self.session, self.platform, report, actor, now, process=process)
            return {"case": case.number}

        return act_once(self.session, actor.person_id, deed.key, {"report": asdict(report)}, now, act)

    def _photo(self, deed: Deed, actor: Actor) -> dict[str, Any]:
        photo, name = draw(PHOTO, 0), name_photo(PHOTO, 0)
        number, now = deed.request["case"], self.clock.now()
        view = add_evidence(
            self.session, self.platform, actor, number, PHOTO, name, photo, now=now, key=deed.key
        )  # fmt: skip
        return {"id": view.id}
