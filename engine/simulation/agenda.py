"""What is to come in a simulated city, in order: reports, tasks to do, acts from outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count

from engine.hooks.contributions import PlannedMatter
from engine.simulation.desk import OpenTask


@dataclass(frozen=True)
class Appointment:
    """Something that happens at a moment: a ``report`` of ``source``, a ``matter`` that is opened, a ``task`` to do, or
    an act on a case.
    """

    kind: str
    source: str = ""
    serial: int = 0
    task: OpenTask | None = None
    case_id: int = 0
    matter: PlannedMatter | None = None


@dataclass
class Agenda:
    """Appointments by moment; of the same moment, those made first come first."""

    _heap: list[tuple[datetime, int, Appointment]] = field(default_factory=list)
    _serial: count[int] = field(default_factory=count)

    def add(self, at: datetime, appointment: Appointment) -> None:
        """Make an appointment."""
        heappush(self._heap, (at, next(self._serial), appointment))

    def next_moment(self) -> datetime | None:
        """When the next one is, none when nothing is to come."""
        return self._heap[0][0] if self._heap else None

    def take(self) -> tuple[datetime, Appointment]:
        """The next one, taken off."""
        at, _, appointment = heappop(self._heap)
        return at, appointment
