"""A case file: the case with its units and clocks, its running instance, open tasks, timers and what it listens for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.models import Case, Instance, Task, Timer, WaitingEvent

Place = tuple[UUID, int]
"""A waiting task of the engine and the position of one of its events."""


@dataclass
class CaseFile:
    """All rows of one instance that its acts change, as records. One act has it at a time.

    ``live`` is the running instance in memory, kept by the workflow. Tasks that were done or withdrawn leave ``tasks``
    for ``left``; timers and listeners that no longer wait leave theirs, and their keys are noted until written.
    """

    case: Case
    instance: Instance
    tasks: dict[UUID, Task] = field(default_factory=dict)
    timers: dict[Place, Timer] = field(default_factory=dict)
    listeners: dict[Place, WaitingEvent] = field(default_factory=dict)
    live: Any = None
    touched: bool = False
    """Whether the instance's version moves on though none of its columns changed: what others remember is outdated."""
    raised: set[str] = field(default_factory=set)
    """Whose version this act has raised already: an act counts once, however often it is written on the way."""
    remembered: bool = False
    """Whether it was in memory before this act: it may be behind the database, which the write finds out."""
    left: list[Task] = field(default_factory=list)
    timers_gone: list[Place] = field(default_factory=list)
    listeners_gone: list[Place] = field(default_factory=list)

    def leave(self, task: Task) -> None:
        """A task is done or withdrawn."""
        if self.tasks.pop(task.id, None) is not None:
            self.left.append(task)

    def rows(self) -> Iterator[Any]:
        """Every record that is written when it changed, parents first."""
        yield self.case
        yield self.instance
        yield from self.case.units
        for clock in self.case.clocks:
            yield clock
            yield from clock.spans
        yield from self.left
        yield from self.tasks.values()
        yield from self.timers.values()
        yield from self.listeners.values()
