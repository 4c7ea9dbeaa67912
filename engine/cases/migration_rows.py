"""What a migration remembers of an instance's open tasks and timers, and how it puts them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from engine.casefile.file import CaseFile
from engine.casefile.records import TimerRecord
from engine.models import MigrationItem
from engine.workflow.listening import settle_listeners
from engine.workflow.migration import TASK_FIELDS
from engine.workflow.runtime import read_live
from engine.workflow.step import Step

TASK_MOMENTS = ("due_at", "warn_at")
TIMER_FIELDS = ("position", "element", "text", "clock", "share")


def remember(file: CaseFile) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Open tasks and timers of an instance as JSON values."""
    return (
        [
            {
                "id": str(row.id),
                **{name: getattr(row, name) for name in TASK_FIELDS},
                **{name: _text(getattr(row, name)) for name in TASK_MOMENTS},
            }
            for row in file.tasks.values()
        ],
        [
            {
                "task_id": str(row.task_id),
                **{name: getattr(row, name) for name in TIMER_FIELDS},
                "due_at": _text(row.due_at),
            }
            for row in file.timers.values()
        ],
    )


def restore(file: CaseFile, item: MigrationItem) -> None:
    """Put state, open tasks and timers back. Who holds a task and what was drafted since stays."""
    assert item.state is not None  # a migrated item has one
    file.instance.state, file.live = item.state, None
    for kept in item.tasks:
        row = file.tasks[UUID(kept["id"])]
        for name in TASK_FIELDS:
            setattr(row, name, kept[name])
        for name in TASK_MOMENTS:
            setattr(row, name, _moment(kept[name]))
        row.version += 1
    gone = dict(file.timers)
    for kept in item.timers:
        place = (UUID(kept["task_id"]), kept["position"])
        timer = gone.pop(place, None)
        if timer is None:
            timer = file.timers[place] = TimerRecord(task_id=place[0], instance_id=file.instance.id)
        for name in TIMER_FIELDS:
            setattr(timer, name, kept[name])
        timer.due_at = _moment(kept["due_at"])
    for place in gone:
        del file.timers[place]
        file.timers_gone.append(place)


def restore_listeners(step: Step) -> None:
    """Bring what other cases can reach in line with a state just put back."""
    workflow = read_live(step.instance, step.definition)
    workflow.step = step
    settle_listeners(step, workflow)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
