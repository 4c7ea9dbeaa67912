"""What a scenario says and what came of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

TASK, ACTION, WAIT, UNTIL, STRETCH = "task", "action", "wait", "until", "stretch"
STEP_KINDS = (TASK, ACTION, WAIT, UNTIL, STRETCH)
NONE = "none"
"""How a scenario writes that there is nothing, for instance no deadline."""

Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class OpenTask:
    """An open task that is expected: ``receive by unit_clerk @ D01 due 2026-03-02 11:09``; only the element must be."""

    element: str
    role: str | None = None
    scope: str | None = None
    due: str | None = None


@dataclass(frozen=True)
class Expected:
    """What must hold after a step. What is none is not looked at; ``refused`` is part of the refusal's message."""

    open: tuple[OpenTask, ...] | None = None
    stage: str | None = None
    status: str | None = None
    ended: bool | None = None
    due: str | None = None
    clocks: Mapping[str, str] = field(default_factory=dict)
    case: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[str, ...] | None = None
    notices: tuple[str, ...] | None = None
    overdue: tuple[str, ...] | None = None
    refused: str | None = None
    registers: Mapping[str, Any] = field(default_factory=dict)
    """Of each register a list of columns; each is of one entry that is there."""


@dataclass(frozen=True)
class ScenarioStep:
    """One step. ``what`` is the element, action, length of time, moment or name of a stretch, by ``kind``.

    ``by`` is a role or a login; ``of`` names the case when it is not the first: ``other`` or the kind of its link.
    """

    kind: str
    what: str
    by: str | None = None
    scope: str | None = None
    of: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    photos: tuple[str, ...] = ()
    expect: Expected = Expected()
    note: str = ""


@dataclass(frozen=True)
class Given:
    """How a scenario begins: the moment (city time), the report's fields, where, by whom, and whether there is another
    case of the same report (``other``).

    With ``matter`` that matter is opened with ``answers`` instead of a report; of the report only place, channel and
    reporter count then. ``procedures`` stand in for the city's own (process by code). ``registers`` has the entries
    (values by column) that registers hold from the beginning, by name of the register.
    """

    moment: str = "2026-03-02 09:00"
    report: Mapping[str, Any] = field(default_factory=dict)
    area_class: str | None = None
    by: str | None = None
    process: str | None = None
    other: bool = False
    matter: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    procedures: Mapping[str, str] = field(default_factory=dict)
    registers: Mapping[str, Any] = field(default_factory=dict)
    """Entries that are there, by register; their departments may be ``${unit.DUTY}``."""


@dataclass(frozen=True)
class Scenario:
    """A scenario of a file; ``file`` is its logical path, ``layer`` who supplies it."""

    title: str
    file: str
    layer: str
    given: Given
    steps: tuple[ScenarioStep, ...]
    expect: Expected = Expected()
    """What must hold right after the report."""

    @property
    def name(self) -> str:
        """The file's name without its ending: the diagram the scenario is about."""
        return self.file.rpartition("/")[2].removesuffix(".scenarios.toml")


@dataclass(frozen=True)
class Mismatch:
    """What was expected, of what, and what happened instead."""

    about: str
    expected: str
    happened: str


@dataclass(frozen=True)
class Failure:
    """Where a scenario broke off. ``step`` counts from 1 with stretches laid out, 0 is the report."""

    step: int
    label: str
    at: datetime
    mismatches: tuple[Mismatch, ...]


@dataclass(frozen=True)
class ScenarioResult:
    """How a scenario went. ``reason`` says why it was skipped."""

    scenario: Scenario
    outcome: Outcome
    steps_done: int
    failure: Failure | None = None
    reason: str = ""


@dataclass(frozen=True)
class Coverage:
    """How much of one diagram the scenarios reached; ``missed`` are ids in the order of the file."""

    process: str
    name: str
    elements: int
    flows: int
    missed_elements: tuple[str, ...]
    missed_flows: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Elements and flows reached, of all, in percent."""
        total = self.elements + self.flows
        missed = len(self.missed_elements) + len(self.missed_flows)
        return 100.0 * (total - missed) / total if total else 100.0


@dataclass(frozen=True)
class ScenarioReport:
    """All results of a run and what they covered."""

    results: tuple[ScenarioResult, ...]
    coverage: tuple[Coverage, ...]

    @property
    def failed(self) -> tuple[ScenarioResult, ...]:
        """The scenarios that did not go as written."""
        return tuple(result for result in self.results if result.outcome == "failed")

    @property
    def percent(self) -> float:
        """Coverage over all diagrams together."""
        total = sum(each.elements + each.flows for each in self.coverage)
        missed = sum(len(each.missed_elements) + len(each.missed_flows) for each in self.coverage)
        return 100.0 * (total - missed) / total if total else 100.0
