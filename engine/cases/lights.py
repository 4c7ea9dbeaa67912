"""Traffic lights: green in time, yellow from the warning share of a limit on, red when it is used up."""

from __future__ import annotations

from datetime import datetime

from engine.calendar import WorkCalendar
from engine.cases import clocks
from engine.models import Case, CaseClock, Task

GREEN, YELLOW, RED = "green", "yellow", "red"
WARNING = 0.8


def light_for_share(share: float) -> str:
    """The light for a share of a limit, 1 = all of it."""
    if share > 1.0:
        return RED
    return YELLOW if share >= WARNING else GREEN


def clock_light(clock: CaseClock, calendar: WorkCalendar, now: datetime) -> str:
    """The light of one clock, running or paused."""
    return light_for_share(clocks.used(clock, calendar, now) / clock.total) if clock.total else GREEN


def case_light(case: Case, calendar: WorkCalendar, now: datetime) -> str | None:
    """The light of the handling limit; none where the case has none or has ended without being handled."""
    if case.status in ("rejected", "merged", "voided"):
        return None
    if case.status == "closed":
        return None if case.on_time is None else (GREEN if case.on_time else RED)
    clock = clocks.find_clock(case, clocks.HANDLING)
    return clock_light(clock, calendar, now) if clock is not None else None


def task_light(task: Task, now: datetime) -> str | None:
    """The light of a task's own deadline; none where it has none or its clock pauses."""
    if task.due_at is None:
        return None
    if now > task.due_at:
        return RED
    return YELLOW if task.warn_at is not None and now >= task.warn_at else GREEN
