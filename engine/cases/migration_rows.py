"""What a migration remembers of an instance's open tasks and timers, and how it puts them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Instance, MigrationItem, Task, Timer
from engine.workflow.listening import settle_listeners
from engine.workflow.migration import TASK_FIELDS
from engine.workflow.step import Step

TASK_MOMENTS = ("due_at", "warn_at")
TIMER_FIELDS = ("position", "element", "text", "clock", "share")


def remember(session: Session, instance_id: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Open tasks and timers of an instance as JSON values."""
    tasks = session.scalars(select(Task).where(Task.instance_id == instance_id, Task.status == "open"))
    timers = session.scalars(select(Timer).where(Timer.instance_id == instance_id))
    return (
        [
            {
                "id": str(row.id),
                **{name: getattr(row, name) for name in TASK_FIELDS},
                **{name: _text(getattr(row, name)) for name in TASK_MOMENTS},
            }
            for row in tasks
        ],
        [
            {
                "task_id": str(row.task_id),
                **{name: getattr(row, name) for name in TIMER_FIELDS},
                "due_at": _text(row.due_at),
            }
            for row in timers
        ],
    )


def restore(session: Session, instance: Instance, item: MigrationItem) -> None:
    """Put state, open tasks and timers back. Who holds a task and what was drafted since stays."""
    assert item.state is not None  # a migrated item has one
    instance.state = item.state
    for kept in item.tasks:
        row = session.get_one(Task, UUID(kept["id"]))
        for name in TASK_FIELDS:
            setattr(row, name, kept[name])
        for name in TASK_MOMENTS:
            setattr(row, name, _moment(kept[name]))
        row.version += 1
    there = {
        (row.task_id, row.position): row
        for row in session.scalars(select(Timer).where(Timer.instance_id == instance.id))
    }
    for kept in item.timers:
        key = (UUID(kept["task_id"]), kept["position"])
        timer = there.pop(key, None)
        if timer is None:
            timer = Timer(task_id=key[0], instance_id=instance.id)
            session.add(timer)
        for name in TIMER_FIELDS:
            setattr(timer, name, kept[name])
        timer.due_at = _moment(kept["due_at"])
    for timer in there.values():
        session.delete(timer)


def restore_listeners(step: Step) -> None:
    """Bring what other cases can reach in line with a state just put back."""
    workflow = step.runtime.live.read(step.instance, step.definition)
    workflow.step = step
    settle_listeners(step, workflow)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
