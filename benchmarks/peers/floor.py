"""The floor: a hard-coded state machine that writes the same rows in the same transaction as the product does.

No diagram, no form, no access check, no engine: one SELECT finds the task with the versions of its instance and case,
then SQLAlchemy Core writes, a statement a table, what a completion of the product writes, with the same contents
(copied once from a lifecycle of the product, so that rows and state have their real size). ``peers/driver_floor.py``
does the same on the driver's own cursor.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from benchmarks.peer import Open, Peer, answer
from benchmarks.peers.product import Product
from benchmarks.town import BenchTown
from engine.database import WRITE
from engine.models import Base, Case, CaseEvent, Counter, Instance, OutboxMessage, Task, Timer

NEXT = {
    "accept": "file_case", "file_case": "assign", "assign": "handle", "handle": "feedback", "feedback": "check",
}  # fmt: skip


def table_of(model: type[Base]) -> Table:
    """The table of a model, as a table."""
    return cast("Table", model.__table__)


CASE, TASK, TIMER, INSTANCE = table_of(Case), table_of(Task), table_of(Timer), table_of(Instance)
EVENT, OUTBOX, COUNTER = table_of(CaseEvent), table_of(OutboxMessage), table_of(Counter)


class Taken(Exception):
    """The task is not open any more."""


@dataclass
class Scene:
    """Where a case stands while a task is open, and what completing it adds: contents of rows without their ids."""

    task: dict[str, Any]
    timer: dict[str, Any] | None
    state: bytes
    stage: str
    handled_at: datetime | None
    events: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)


class Floor(Peer):
    """The lower bound of a durable completion on this schema."""

    name = "floor"

    def __init__(self, town: BenchTown) -> None:
        self.engine = town.engine.execution_options(**{WRITE: True})
        self.now = town.now
        self.person = town.actors["accept"].person_id
        with town.sessions() as session:
            self.case, self.instance, self.counter, self.reported = _first_rows(town, session)
            self.scenes, self.final_state = learn(town, session)
        self.insert = {table: insert(table) for table in (CASE, INSTANCE, EVENT, OUTBOX, TASK, TIMER)}
        self.find = (
            select(
                TASK.c.status, TASK.c.case_id, TASK.c.instance_id, TASK.c.version, INSTANCE.c.version.label("instance"),
                CASE.c.version.label("case"),
            )
            .join_from(TASK, INSTANCE, TASK.c.instance_id == INSTANCE.c.id)
            .join(CASE, TASK.c.case_id == CASE.c.id)
            .where(TASK.c.id == bindparam("key"))
            .with_for_update(of=[TASK, INSTANCE, CASE])
        )  # fmt: skip
        self.close_task = update(TASK).where(TASK.c.id == bindparam("key"))
        self.move_instance = update(INSTANCE).where(INSTANCE.c.id == bindparam("key"))
        self.move_case = update(CASE).where(CASE.c.id == bindparam("key"))
        self.drop_timer = delete(TIMER).where(
            TIMER.c.instance_id == bindparam("instance"), TIMER.c.task_id == bindparam("key")
        )
        self.draw = update(COUNTER).where(COUNTER.c.name == self.counter).values(value=COUNTER.c.value + 1)

    def start(self) -> Open:
        with self.engine.begin() as connection:
            connection.execute(self.draw)
            case_id = connection.execute(self.insert[CASE], {**self.case, "number": uuid4().hex}).inserted_primary_key
            assert case_id is not None
            scene = self.scenes["accept"]
            of_case = {"case_id": case_id[0]}
            made = connection.execute(self.insert[INSTANCE], {**self.instance, **of_case, "state": scene.state})
            assert made.inserted_primary_key is not None
            connection.execute(self.insert[EVENT], {**self.reported, **of_case})
            task_id = self._open(connection, scene, case_id[0], made.inserted_primary_key[0])
        return Open(task_id, "accept")

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        following = NEXT.get(task.element)
        if task.element == "check":
            following = "handle" if answers["decision"] == "rework" else "close"
        with self.engine.begin() as connection:
            opened = self._move(connection, task, following)
        return Open(opened, following) if following is not None else None

    def _move(self, connection: Any, task: Open, following: str | None) -> UUID | None:
        """All that a completion reads and writes. The rows are locked, so their versions hold until the commit."""
        scene, there = self.scenes[task.element], self.scenes[following] if following is not None else None
        row = connection.execute(self.find, {"key": task.key}).one()
        if row.status != "open":
            raise Taken(task.key)
        of_case = {"case_id": row.case_id}
        done = {"status": "done", "completed_at": self.now, "completed_by": self.person}
        connection.execute(self.close_task, {"key": task.key, **done, "version": row.version + 1})
        connection.execute(self.insert[EVENT], [{**event, **of_case} for event in scene.events])
        moved: dict[str, Any] = {"key": row.instance_id, "version": row.instance + 1}
        if there is None:
            moved.update(status="ended", ended_at=self.now, state=self.final_state)
        else:
            moved.update(state=there.state)
        connection.execute(self.move_instance, moved)
        stage = {"stage": there.stage if there is not None else "", "version": row.case + 1}
        handled = {"handled_at": self.now} if following == "check" else {}
        connection.execute(self.move_case, {"key": row.case_id, **stage, **handled})
        if scene.timer is not None:
            connection.execute(self.drop_timer, {"key": task.key, "instance": row.instance_id})
        for message in scene.outbox:
            connection.execute(self.insert[OUTBOX], {**message, **of_case})
        return self._open(connection, there, row.case_id, row.instance_id) if there is not None else None

    def _open(self, connection: Any, scene: Scene, case_id: int, instance_id: int) -> UUID:
        task_id = uuid4()
        ids = {"id": task_id, "case_id": case_id, "instance_id": instance_id}
        connection.execute(self.insert[TASK], {**scene.task, **ids})
        if scene.timer is not None:
            connection.execute(self.insert[TIMER], {**scene.timer, "task_id": task_id, "instance_id": instance_id})
        return task_id


def learn(town: BenchTown, session: Session) -> tuple[dict[str, Scene], bytes]:
    """What the product writes while a case goes through every task once, by element, and its last state."""
    product = Product(town)
    task: Open | None = product.start()
    assert task is not None
    case_id = session.get_one(Task, task.key).case_id
    scenes: dict[str, Scene] = {}
    while task is not None:
        scenes[task.element] = scene = _look(session, case_id, task.key)
        seen = _last(session, CaseEvent, case_id), _last(session, OutboxMessage, case_id)
        session.rollback()
        task = product.complete(task, answer(task.element, rework=False))
        scene.events = _since(session, CaseEvent, case_id, seen[0])
        scene.outbox = _since(session, OutboxMessage, case_id, seen[1])
    return scenes, session.execute(select(INSTANCE.c.state).where(INSTANCE.c.case_id == case_id)).scalar_one()


def _first_rows(town: BenchTown, session: Session) -> tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]:
    """Contents of a new case, its instance and its first line of history; the name of the counter it drew from."""
    product = Product(town)
    case_id = session.get_one(Task, product.start().key).case_id
    case = _contents(session.execute(select(CASE).where(CASE.c.id == case_id)).one())
    instance = _contents(session.execute(select(INSTANCE).where(INSTANCE.c.case_id == case_id)).one())
    counter = session.execute(select(COUNTER.c.name).order_by(COUNTER.c.name.desc())).scalars().first()
    reported = _since(session, CaseEvent, case_id, 0)[0]
    session.rollback()
    return case, instance, counter or "", reported


def _look(session: Session, case_id: int, task_id: UUID) -> Scene:
    task = _contents(session.execute(select(TASK).where(TASK.c.id == task_id)).one())
    instance = session.execute(select(INSTANCE.c.id, INSTANCE.c.state).where(INSTANCE.c.case_id == case_id)).one()
    case = session.execute(select(CASE.c.stage, CASE.c.handled_at).where(CASE.c.id == case_id)).one()
    timers = session.execute(select(TIMER).where(TIMER.c.instance_id == instance.id)).all()
    timer = _contents(timers[0]) if timers else None
    return Scene(task, timer, instance.state, case.stage, case.handled_at)


def _last(session: Session, model: Any, case_id: int) -> int:
    query = select(model.id).where(model.case_id == case_id).order_by(model.id.desc()).limit(1)
    return session.execute(query).scalar() or 0


def _since(session: Session, model: Any, case_id: int, last: int) -> list[dict[str, Any]]:
    table = model.__table__
    rows = session.execute(select(table).where(table.c.case_id == case_id, table.c.id > last).order_by(table.c.id))
    return [_contents(row) for row in rows]


def _contents(row: Any) -> dict[str, Any]:
    return {key: value for key, value in row._mapping.items() if key != "id"}
