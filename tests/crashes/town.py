"""The city they work in: the product's own lifecycle, and a process whose timers can be counted exactly."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from small_diagrams import chain, flow, node, service, user, write_process

from engine.testing.small_city import MONDAY, SmallTown, write_small_city

LIFECYCLE = "case"
WATCH = "watch"
CONDITIONS = tuple(f"component/0101/{number}" for number in range(1, 5))
"""Of 2 urgent hours, 4 working hours, 2 and 5 working days: some cases are escalated up to 300 %, some never."""

ANSWERS: dict[str, dict[str, Any]] = {
    "file_case": {"decision": "approve", "urgent": False},
    "assign": {"decision": "assign", "lead": "MUNICIPAL", "assisting": ["SANITATION"]},
    "receive": {"decision": "accept"},
    "handle": {"decision": "done", "handling_note": "已补盖"},
    "feedback": {"decision": "complete"},
    "check": {"decision": "pass"},
    "close": {"decision": "close", "kind": "solved"},
    "call_reporter": {"satisfaction": "satisfied"},
    "reply_unit": {"reply": "已责成责任人立即处置"},
    "reply_centre": {"reply": "已责成责任人立即处置"},
    "look": {},
    "sign": {},
}
REPLIES = frozenset({"reply_unit", "reply_centre"})
"""Done once for each supervision; every other task is done as often as ``DONE_ONCE`` says."""

DONE_ONCE = {
    LIFECYCLE: Counter(
        {
            "accept": 1, "file_case": 1, "assign": 1, "receive": 2, "handle": 2, "feedback": 2, "check": 1, "close": 1,
            "call_reporter": 1,
        }
    ),
    WATCH: Counter({"look": 1, "sign": 1}),
}  # fmt: skip
"""What has been done of a case that has come to its end when it was answered as above."""

NOTED_ONCE = {
    LIFECYCLE: ("reported", "filed", "dispatched", "closed", "called_back", "evaluated"),
    WATCH: ("reported",),
}
"""History lines that say what an operator did, one of each in a case that has ended."""

WAITS = ("10 minute", "20 minute", "30 minute", "40 minute")
FIRED_ONCE = {
    LIFECYCLE: frozenset({"appeal_window"}),
    WATCH: frozenset({*(f"after_{number}" for number in range(len(WAITS))), "at_last"}),
}
"""Timers that fire in every case that ends; others fire once or never."""

QUIET = frozenset({"appeal_window", "at_last"})
"""Timers that tell nobody; every other one sends one message."""


def answers_to(element: str, condition: str = CONDITIONS[0]) -> dict[str, Any]:
    """What is answered to a task of either process."""
    if element == "accept":
        return {"decision": "ok", "condition": condition, "urgent": False}
    if element == "file_case":
        return {**ANSWERS[element], "condition": condition}
    return ANSWERS[element]


def write_city(folder: Path) -> Path:
    """The small city with the process ``watch``: four timers and a task side by side, then a timer and a task."""
    write_small_city(folder)
    nodes = [node("parallelGateway", "split"), node("parallelGateway", "join")]
    nodes += [user("look", role="acceptor"), user("sign", role="shift_leader"), wait("at_last", "30 minute")]
    flows = chain("start", "split", "look", "join", "at_last", "sign", "end")
    for number, text in enumerate(WAITS):
        after, tell = f"after_{number}", f"tell_{number}"
        nodes += [wait(after, text), service(tell, "case/notify", recipients="${['leader']}", text=after)]
        flows += [flow("split", after), *chain(after, tell), flow(tell, "join")]
    write_process(folder, nodes, flows, name=WATCH)
    return folder


def wait(name: str, text: str) -> str:
    """An event that waits for a timer."""
    inside = f"<bpmn:timerEventDefinition><bpmn:timeDuration>{text}</bpmn:timeDuration></bpmn:timerEventDefinition>"
    return node("intermediateCatchEvent", name, inside)


def found_city(folder: Path, url: str) -> None:
    """Write the city and load it into an empty database."""
    SmallTown(write_city(folder), url).close()


@dataclass(frozen=True)
class FastClock:
    """One clock for all processes, as fast as they are: an hour a second, from Monday morning on."""

    origin_s: float
    speed: float = 3600.0

    def now(self) -> datetime:
        """The present moment, aware."""
        return MONDAY + timedelta(seconds=(time.time() - self.origin_s) * self.speed)
