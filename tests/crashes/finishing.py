"""Bring every case to its end, as somebody would who starts the city again after the last kill."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select

from crashes.desk import Desk
from crashes.ledger import Deed
from crashes.town import answers_to
from engine.cases.timekeeping import fire_due_timers
from engine.clock import FrozenClock
from engine.errors import DomainError
from engine.models import Instance, Timer
from engine.outbox import deliver_due

MOST_ROUNDS = 60


def finish(desk: Desk, clock: FrozenClock, refused: list[str]) -> int:
    """Do every task, let time pass to every timer, deliver every message. Returns how many cases came to their end.

    ``refused`` gets the tasks that cannot be done, and why. Cases that come to no end are left as they are.
    """
    undoable: set[UUID] = set()
    running = select(func.count()).select_from(Instance).where(Instance.status == "running")
    before = desk.session.scalar(running) or 0
    for _ in range(MOST_ROUNDS):
        done = do_every_task(desk, undoable, refused)
        due = desk.session.scalar(select(func.max(Timer.due_at)))
        desk.session.rollback()
        if due is not None:
            clock.set(max(due, clock.now()))
        while fire_due_timers(desk.session, desk.platform, clock.now()):
            done += 1
        while deliver_due(desk.session, desk.outbox, clock.now()):
            done += 1
        if not done:
            break
    return before - (desk.session.scalar(running) or 0)


def do_every_task(desk: Desk, undoable: set[UUID], refused: list[str]) -> int:
    """Do what is open until nothing is but what is ``undoable``. Returns how many tasks were done."""
    number = 0
    for _ in range(MOST_ROUNDS):
        tasks = [task for task in desk.open_tasks() if task.id not in undoable]
        if not tasks:
            break
        for task in tasks:
            actor = desk.server_of(task.role, task.scope)
            request = {"task": str(task.id), "answers": answers_to(task.element), "seen_version": task.version}
            try:
                if task.evidence:
                    desk.do(Deed(f"last-photo-{task.id}", "photo", actor.login, {"case": task.number}))
                desk.do(Deed(f"last-{task.id}", "complete", actor.login, request))
            except DomainError as error:
                undoable.add(task.id)
                refused.append(f"{task.element} of case {task.number} cannot be done: {error}")
            number += 1
    return number
