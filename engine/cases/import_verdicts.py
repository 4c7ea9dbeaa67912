"""An imported file against the city's own reckoning: verdicts from the dates, due moments from the working calendar."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.calendar import Limit, WorkCalendar
from engine.cases.import_profile import ImportedCase

TO_THE_MINUTE = timedelta(seconds=60)
HOUR = timedelta(hours=1)

LimitOf = Callable[[ImportedCase], Limit | None]
"""The handling limit the city's catalogue gives a case, none where nothing is ever due."""


@dataclass
class Verdicts:
    """The file's own verdicts beside those from the dates; ``different`` counts by reason."""

    equal: int = 0
    blank: int = 0
    different: Counter[str] = field(default_factory=Counter)

    @property
    def stated(self) -> int:
        """How many verdicts the file states."""
        return self.equal + self.different.total()


@dataclass
class DueMoments:
    """The due moments a file states for one subclass, against those the city's calendar gives.

    ``off_by`` counts the others by whole hours: stated minus computed.
    """

    kind: str
    full_code: str
    name: str = ""
    stated: int = 0
    met: int = 0
    without_limit: int = 0
    off_by: Counter[int] = field(default_factory=Counter)

    @property
    def share(self) -> float:
        """Share met within 60 seconds."""
        return self.met / self.stated if self.stated else 0.0


def compare_verdicts(cases: Iterable[ImportedCase], as_of: datetime) -> Verdicts:
    """Hold every stated verdict against the dates. ``as_of`` is when the file was drawn, for cases still open."""
    found = Verdicts()
    for case in cases:
        if case.stated_on_time is None:
            found.blank += 1
        elif case.on_time(as_of) == case.stated_on_time:
            found.equal += 1
        else:
            found.different[why_different(case, as_of)] += 1
    return found


def why_different(case: ImportedCase, as_of: datetime) -> str:
    """What the dates say where the file says the opposite."""
    said = "on time" if case.stated_on_time else "overdue"
    if case.due_at is None:
        return f"never due, stated {said}"
    if case.closed_at is not None:
        return f"closed {'by' if case.closed_at <= case.due_at else 'after'} its due moment, stated {said}"
    if case.due_at >= as_of:
        return f"open and due after the file's last moment, stated {said}"
    return f"open and due before the file's last moment, stated {said}"


def compare_due_moments(cases: Iterable[ImportedCase], calendar: WorkCalendar, limit_of: LimitOf) -> list[DueMoments]:
    """By subclass, how many stated due moments the calendar reproduces; those stated most often first."""
    found: dict[tuple[str, str], DueMoments] = defaultdict(lambda: DueMoments("", ""))
    for case in cases:
        if case.due_at is None:
            continue
        entry = found[case.kind, case.full_code]
        entry.kind, entry.full_code = case.kind, case.full_code
        entry.stated += 1
        limit = limit_of(case)
        if limit is None:
            entry.without_limit += 1
            continue
        deviation = case.due_at - calendar.add(case.clock_started_at, limit)
        if abs(deviation) <= TO_THE_MINUTE:
            entry.met += 1
        else:
            entry.off_by[round(deviation / HOUR)] += 1
    return sorted(found.values(), key=lambda entry: (-entry.stated, entry.kind, entry.full_code))
