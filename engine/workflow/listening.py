"""Keep the index of what other cases can reach in line with what an instance waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import select

from engine.models import WaitingEvent
from engine.workflow.events import NamedMessage, NamedSignal, correlation_key, definitions_of
from engine.workflow.step import Step


def settle_listeners(step: Step, workflow: Any) -> None:
    """Note signals and correlated messages the instance waits for now; forget those it no longer waits for.

    The key of a message is fixed when its event begins to wait and stays with the task.
    """
    gone = known_rows(step)
    for task in workflow.event_manager.tasks.values():
        if task.state != TaskState.WAITING:
            continue
        step.process = step.definition.home[task.workflow.spec.name]
        for position, kind, name, key in reachable(task):
            if gone.pop((task.id, position), None) is None:
                step.session.add(
                    WaitingEvent(
                        task_id=task.id, position=position, instance_id=step.instance.id, kind=kind, name=name, key=key
                    )
                )
    for row in gone.values():
        if row in step.session.new:
            step.session.expunge(row)
        else:
            step.session.delete(row)


def known_rows(step: Step) -> dict[tuple[Any, int], WaitingEvent]:
    """The instance's rows, those of this very transaction included."""
    session, instance_id = step.session, step.instance.id
    rows = list(session.scalars(select(WaitingEvent).where(WaitingEvent.instance_id == instance_id)))
    rows += [each for each in session.new if isinstance(each, WaitingEvent) and each.instance_id == instance_id]
    return {(row.task_id, row.position): row for row in rows if row not in session.deleted}


def reachable(task: SpiffTask) -> Iterator[tuple[int, str, str, str]]:
    """(position, kind, name, key) of everything a waiting task hears from other cases."""
    for position, definition in enumerate(definitions_of(task)):
        if isinstance(definition, NamedSignal):
            yield position, "signal", definition.name, ""
        elif isinstance(definition, NamedMessage) and definition.correlated:
            keys = task.internal_data.setdefault("keys", {})
            if definition.name not in keys:
                keys[definition.name] = correlation_key(task, definition.element)
            yield position, "message", definition.name, keys[definition.name] or ""
