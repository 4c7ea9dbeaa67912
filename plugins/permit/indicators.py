"""Figures on licences: in time, by commitment, granted, run out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Indicator, Measured
from engine.models import Case, Instance, RegisterEntry
from engine.platform import Platform
from plugins.permit.licences import LICENCES, STATUS

APPLICATION = "permit_application"


def decided(session: Session, start: datetime, end: datetime) -> Sequence[Case]:
    """Applications that ended in a period, whatever matter they were opened as."""
    query = (
        select(Case)
        .join(Instance, Instance.case_id == Case.id)
        .where(Instance.process == APPLICATION, Case.closed_at >= start, Case.closed_at < end)
        .order_by(Case.id)
    )
    return session.scalars(query).all()


def by_unit(rows: Iterable[tuple[str, bool, str]]) -> list[Measured]:
    """(unit, counts, file) rows as one part for each unit."""
    units: dict[str, list[tuple[bool, str]]] = {}
    for unit, holds, behind in rows:
        units.setdefault(unit, []).append((holds, behind))
    return [
        Measured(unit, sum(holds for holds, _ in found), len(found), tuple(behind for _, behind in found))
        for unit, found in sorted(units.items())
    ]


def on_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of decided applications (granted or refused) that were decided within their limit, by unit in charge."""
    cases = [case for case in decided(session, start, end) if case.status == "closed"]
    return by_unit((case.lead_department or "", bool(case.on_time), case.number) for case in cases)


def accepted(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of ended applications that were accepted and decided, by unit in charge."""
    return by_unit(
        (case.lead_department or "", case.status == "closed", case.number) for case in decided(session, start, end)
    )


def licences(session: Session) -> Sequence[RegisterEntry]:
    """All licences that are not struck off."""
    query = select(RegisterEntry).where(RegisterEntry.register == LICENCES, RegisterEntry.gone_at.is_(None))
    return session.scalars(query.order_by(RegisterEntry.key)).all()


def by_commitment(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of licences issued in a period that were granted by commitment, by unit in charge."""
    zone = platform.city.time_zone
    first, after = start.astimezone(zone).date().isoformat(), end.astimezone(zone).date().isoformat()
    rows = [row for row in licences(session) if first <= (row.values.get("issued_on") or "") < after]
    return by_unit((row.values.get("department") or "", bool(row.values.get("by_commitment")), row.key) for row in rows)


def run_out(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Licences that ended in a period without renewal, of those that ended or were to end in it, by unit."""
    zone = platform.city.time_zone
    first, after = start.astimezone(zone).date().isoformat(), end.astimezone(zone).date().isoformat()
    rows = [row for row in licences(session) if first <= (row.values.get("valid_to") or "") < after]
    return by_unit((row.values.get("department") or "", row.values.get(STATUS) == "expired", row.key) for row in rows)


INDICATORS = (
    Indicator("on_time", "许可按期办结率", "licences decided in time", "%", on_time),
    Indicator("accepted", "许可申请受理办结率", "applications accepted and decided", "%", accepted),
    Indicator("by_commitment", "告知承诺办理占比", "licences granted by commitment", "%", by_commitment),
    Indicator("run_out", "许可届满未延续占比", "licences run out without renewal", "%", run_out),
)
