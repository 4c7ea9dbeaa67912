"""The seven steps of a case as the standard numbers them, and where the case stands in them now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from api.pages.languages import noop
from engine.cases.views import CaseDetail

STEPS = (
    (noop("信息收集"), ("accept", "verify")),
    (noop("案卷建立"), ("file",)),
    (noop("任务派遣"), ("coordinate", "dispatch")),
    (noop("任务处理"), ("receive", "handle", "suspended", "rework", "enforce")),
    (noop("处理反馈"), ("feedback",)),
    (noop("核查结案"), ("check", "close")),
    (noop("综合评价"), ("callback", "evaluate", "appeal")),
)
ENDED = ("rejected", "merged", "voided")


@dataclass(frozen=True)
class StepView:
    """One step: ``state`` is done, current, open or skipped; ``at`` when it was done."""

    name: str
    state: str
    at: datetime | None


def steps_of(detail: CaseDetail) -> list[StepView]:
    """The seven steps of a case."""
    summary = detail.summary
    times = (
        summary.reported_at, detail.filed_at, detail.dispatched_at, detail.handled_at, detail.handled_at,
        summary.closed_at if summary.status == "closed" else None, None,
    )  # fmt: skip
    at = place(detail)
    found = []
    for index, (name, _stages) in enumerate(STEPS):
        state = "done" if index < at else "current" if index == at else "open"
        if summary.status in ENDED and index >= at:
            state = "skipped"
        found.append(StepView(name, state, times[index] if state == "done" else None))
    return found


def place(detail: CaseDetail) -> int:
    """The index of the step a case is in; behind the last when it has run to its end."""
    summary = detail.summary
    for index, (_name, stages) in enumerate(STEPS):
        if summary.stage in stages:
            return index
    if summary.status == "closed":
        return len(STEPS)
    reached = (detail.filed_at, detail.dispatched_at, detail.handled_at)
    return (0, 2, 3, 5)[sum(moment is not None for moment in reached)]
