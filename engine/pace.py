"""How background work gives way to people: a budget for each round, and a rest after every transaction.

SQLite has one writer at a time and no queue: who waits for the lock looks again after 1, 2, 5, 10 … milliseconds. A
worker that takes the lock again at once would leave clerks hardly a gap to find. One that rests as long as it held the
lock leaves every other moment to them. On PostgreSQL nobody waits for a lock, but the processor is shared as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LONGEST_REST_S = 0.1


@dataclass
class Pace:
    """One round of background work: at most ``budget_s``, resting ``rest`` times as long as each transaction took."""

    budget_s: float
    rest: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock() + self.budget_s

    @property
    def spent(self) -> bool:
        """Whether the round is over; what is left waits for the next one."""
        return self.clock() >= self._end

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Around one transaction: rests afterwards, whatever came of it."""
        begun = self.clock()
        try:
            yield
        finally:
            self.sleep(min((self.clock() - begun) * self.rest, LONGEST_REST_S))


def at_once() -> Pace:
    """A round that neither ends early nor rests, for tests, imports and simulations."""
    return Pace(float("inf"), rest=0.0, sleep=lambda _: None)
