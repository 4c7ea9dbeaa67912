"""What every contestant can do: start a case and complete its open task; and how a round of cases is timed."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol

REWORK_EVERY = 4
NOTE = "现场已恢复，达到结案条件。"


@dataclass(frozen=True)
class Open:
    """The open task of a case; ``key`` is whatever the contestant finds it by."""

    key: Any
    element: str


@dataclass(frozen=True)
class Round:
    """A round of lifecycles: how long all took and each completion, and the processor's share of it, in seconds."""

    cases: int
    seconds: float
    completions: tuple[float, ...]
    processor: float


class Contestant(Protocol):
    """Somebody who can play a round."""

    name: str

    def play(self, cases: int) -> Round:
        """Run that many cases from start to end; every fourth is reworked once."""
        ...

    def close(self) -> None:
        """Give up processes and connections."""
        ...


class Peer(ABC):
    """A contestant in this process: two acts, timed from here."""

    name = ""

    @abstractmethod
    def start(self) -> Open:
        """Start a case; it is durable when this returns, as far as the contestant keeps anything."""

    @abstractmethod
    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        """Complete the open task and say which is open then; none at the end of the case."""

    def close(self) -> None:  # noqa: B027 - a contestant that holds nothing has nothing to give up
        """Give up connections."""

    def play(self, cases: int) -> Round:
        """All cases live side by side, each in turn one step on, so that nobody profits from one hot case."""
        return play(self, cases)


def play(peer: Peer, cases: int) -> Round:
    """Time a round of a peer."""
    spent: list[float] = []
    clock = time.perf_counter
    began, used = clock(), time.thread_time()
    live = [(number, peer.start()) for number in range(cases)]
    reworked: set[int] = set()
    while live:
        moved = []
        for number, task in live:
            answers = answer(task.element, rework=number % REWORK_EVERY == REWORK_EVERY - 1 and number not in reworked)
            if answers["decision"] == "rework":
                reworked.add(number)
            before = clock()
            following = peer.complete(task, answers)
            spent.append(clock() - before)
            if following is not None:
                moved.append((number, following))
        live = moved
    return Round(cases, clock() - began, tuple(spent), time.thread_time() - used)


DECISIONS = {"assign": "assign", "handle": "done", "feedback": "complete", "check": "pass", "close": "close"}


def answer(element: str, *, rework: bool) -> dict[str, Any]:
    """What the form of a task is answered with."""
    if element == "check" and rework:
        return {"decision": "rework", "note": NOTE}
    return {"decision": DECISIONS.get(element, "ok"), "note": NOTE}
