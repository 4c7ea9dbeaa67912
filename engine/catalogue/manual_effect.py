"""What a change of the command manual means for running cases: none of them changes, and these are those it is near."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.catalogue.manual import CLASSES
from engine.catalogue.manual_diff import REMOVED, ManualDiff
from engine.models import Case

RUNNING = ("reported", "filed", "dispatched", "suspended")
"""Statuses of cases that are not over."""


@dataclass(frozen=True)
class Effect:
    """Running cases, counted. A filed case keeps the version it was filed under whatever is signed.

    ``filed`` run under the version they were filed under, ``filed_touched`` of them under a subclass or condition that
    this change touches. ``waiting`` are reported and not filed: they are filed under the version in force on that day,
    and the ``waiting_removed`` of them whose subclass or condition goes keep the version they were reported under.
    """

    filed: int
    filed_touched: int
    waiting: int
    waiting_touched: int
    waiting_removed: int


def effect_of(session: Session, diff: ManualDiff) -> Effect:
    """Count the running cases by what a change would be to them."""
    subclasses = {change.key for change in diff.changes if change.table is CLASSES}
    conditions = {change.key for change in diff.changes if change.table is not CLASSES}
    gone = {change.key for change in diff.changes if change.sort == REMOVED}
    query = (
        select(Case.filed_at.is_not(None), Case.kind, Case.full_code, Case.condition_no, func.count())
        .where(Case.status.in_(RUNNING), Case.matter.is_(None))
        .group_by(Case.filed_at.is_not(None), Case.kind, Case.full_code, Case.condition_no)
    )
    filed = filed_touched = waiting = waiting_touched = waiting_removed = 0
    for is_filed, kind, code, number, count in session.execute(query):
        keys = {(kind, code), (kind, code, str(number))}
        touched = bool(keys & (subclasses | conditions))
        if is_filed:
            filed, filed_touched = filed + count, filed_touched + count * touched
        else:
            waiting, waiting_touched = waiting + count, waiting_touched + count * touched
            waiting_removed += count * bool(keys & gone)
    return Effect(filed, filed_touched, waiting, waiting_touched, waiting_removed)
