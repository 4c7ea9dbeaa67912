"""What the model says of every report is noted before anybody has decided, so that its hit rate in use is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.intake.keeping import InUse, ModelShelf
from engine.models import Case, IntakeSuggestion

LOOK_BACK = timedelta(days=1)
BATCH = 500
RECENT = timedelta(days=90)


@dataclass(frozen=True)
class UseRates:
    """How often what was said of a report became its class. Shares are of ``cases``, none while there are none."""

    cases: int
    top1: float | None
    top3: float | None


def note_suggestions(session: Session, shelf: ModelShelf, day: date, now: datetime) -> int:
    """Note what the model says of the reports of the last day that nobody has closed; commits. Returns how many."""
    rows = session.execute(
        select(Case.id, Case.description)
        .outerjoin(IntakeSuggestion, IntakeSuggestion.case_id == Case.id)
        .where(
            IntakeSuggestion.case_id.is_(None),
            Case.reported_at >= now - LOOK_BACK,
            Case.closed_at.is_(None),
            Case.matter.is_(None),
        )
        .order_by(Case.id)
        .limit(BATCH)
    ).all()
    if not rows:
        session.rollback()
        return 0
    used = shelf.model(session, day)
    noted = [noted_row(used, case_id, text, now) for case_id, text in rows]
    begin_write(session)
    try:
        session.execute(insert(IntakeSuggestion), noted)
        session.commit()
    except IntegrityError:  # another worker led for a moment and noted the same
        session.rollback()
        return 0
    return len(noted)


def noted_row(used: InUse, case_id: int, text: str, now: datetime) -> dict[str, Any]:
    """The row of one report."""
    likely = used.model.judge(text, limit=3, least=0.0).likely
    said: Sequence[str | None] = [*(each.of for each in likely), None, None, None]
    return {
        "case_id": case_id, "model": used.version, "first": said[0], "second": said[1], "third": said[2],
        "confidence": likely[0].confidence if likely else 0.0, "noted_at": now,
    }  # fmt: skip


def rates_in_use(session: Session, now: datetime, *, model: str | None = None) -> UseRates:
    """Hit rates over the filed cases of the last 90 days, of one model or of whichever was in use."""
    became: ColumnElement[str] = Case.kind + "/" + Case.full_code

    def hits(*said: Any) -> ColumnElement[Any]:
        first, *others = (func.coalesce(column == became, False) for column in said)
        met: Any = first
        for each in others:
            met = met | each
        return func.coalesce(func.sum(case((met, 1), else_=0)), 0)

    query = (
        select(
            func.count(),
            hits(IntakeSuggestion.first),
            hits(IntakeSuggestion.first, IntakeSuggestion.second, IntakeSuggestion.third),
        )
        .join(Case, Case.id == IntakeSuggestion.case_id)
        .where(Case.filed_at.is_not(None), IntakeSuggestion.noted_at >= now - RECENT)
    )
    if model is not None:
        query = query.where(IntakeSuggestion.model == model)
    cases, first, third = session.execute(query).one()
    return UseRates(cases, first / cases if cases else None, third / cases if cases else None)
