"""An explanation as plain values: why a case is here, who can move it, what comes then, what the clock does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Arrival = Literal["task", "wait", "end", "others", "aside", "again", "unknown"]
"""Where a way leads: to somebody's task, to waiting for an event, to an end, to waiting for other units, to the end of
a branch beside the main way, back to where it was, or further than can be said now."""


@dataclass(frozen=True)
class RuleHit:
    """A rule of a decision table that matched; ``row`` counts from 1."""

    id: str
    row: int
    text: str


@dataclass(frozen=True)
class PastDecision:
    """A decision another one required: its rules that matched, what it read by label, and its value."""

    decision: str
    name: str
    rules: tuple[RuleHit, ...]
    inputs: Mapping[str, Any]
    value: Any


@dataclass(frozen=True)
class PastStep:
    """One line of the way so far. ``rules`` are those that matched when it was a decision, ``inputs`` what it read by
    label, ``required`` the decisions taken before it because it needs them.
    """

    at: datetime
    kind: str
    process: str
    element: str
    actor: str
    text: str
    rules: tuple[RuleHit, ...] = ()
    inputs: Mapping[str, Any] | None = None
    required: tuple[PastDecision, ...] = ()


@dataclass(frozen=True)
class Way:
    """One way on: under these conditions, through these automatic steps, to where people or events are waited for."""

    conditions: tuple[str, ...]
    steps: tuple[str, ...]
    arrival: Arrival
    process: str
    element: str
    name: str
    who: str
    text: str


@dataclass(frozen=True)
class Choice:
    """What happens after one answer; ``label`` is empty for a task without a choice."""

    field: str
    value: Any
    label: str
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class Named:
    """A code with its name in the explanation's language."""

    code: str
    name: str


@dataclass(frozen=True)
class AskedFor:
    """Evidence a task asks for: its role with its name, and why in words, ``there`` of ``count`` files present."""

    code: str
    name: str
    count: int
    there: int
    by: str
    why: str


@dataclass(frozen=True)
class WaitingTask:
    """An open task: who can do it, by when and why then, and what each answer leads to."""

    id: str
    process: str
    element: str
    name: str
    stage: str
    role: Named
    scope: Named | None
    assignee: str
    people: tuple[str, ...]
    people_more: int
    since: datetime
    due_at: datetime | None
    why_due: tuple[str, ...]
    evidence: tuple[AskedFor, ...]
    choices: tuple[Choice, ...]
    text: str


@dataclass(frozen=True)
class TimeUp:
    """A timer that waits: when it goes off and what happens then. ``at`` is none while its clock stands still."""

    process: str
    element: str
    name: str
    during: str
    timer: str
    at: datetime | None
    interrupting: bool
    ways: tuple[Way, ...]
    text: str


@dataclass(frozen=True)
class PossibleAction:
    """Something that can be done to the case now, by whom, and what it leads to."""

    name: str
    label: str
    roles: tuple[Named, ...]
    during: str
    interrupting: bool
    ways: tuple[Way, ...]
    text: str


@dataclass(frozen=True)
class Explanation:
    """Why a case is where it is and what can happen next, in one language. ``sentences`` say all of it as text."""

    number: str
    title: str
    language: str
    status: str
    stage: str
    running: bool
    headline: str
    past: tuple[PastStep, ...]
    tasks: tuple[WaitingTask, ...]
    timers: tuple[TimeUp, ...]
    actions: tuple[PossibleAction, ...]
    sentences: tuple[str, ...] = ()
