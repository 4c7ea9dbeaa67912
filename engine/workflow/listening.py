"""Keep the index of what other cases can reach in line with what an instance waits for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SpiffWorkflow.task import Task as SpiffTask
from SpiffWorkflow.util.task import TaskState

from engine.casefile.records import WaitingRecord, is_new
from engine.workflow.events import NamedMessage, NamedSignal, correlation_key, definitions_of
from engine.workflow.step import Step


def settle_listeners(step: Step, workflow: Any) -> None:
    """Note signals and correlated messages the instance waits for now; forget those it no longer waits for.

    The key of a message is fixed when its event begins to wait and stays with the task.
    """
    file = step.file
    gone = dict(file.listeners)
    for task in workflow.event_manager.tasks.values():
        if task.state != TaskState.WAITING:
            continue
        step.process = step.definition.home[task.workflow.spec.name]
        for position, kind, name, key in reachable(task):
            if gone.pop((task.id, position), None) is None:
                file.listeners[task.id, position] = WaitingRecord(
                    task_id=task.id, position=position, instance_id=step.instance.id, kind=kind, name=name, key=key
                )
    for place, row in gone.items():
        del file.listeners[place]
        if not is_new(row):
            file.listeners_gone.append(place)


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
