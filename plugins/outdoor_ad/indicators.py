"""Figures on signs: tested in time, licensed, corrected without a penalty, made safe in the wind in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Indicator, Measured
from engine.models import Case, CaseEvent, Task
from engine.platform import Platform
from plugins.outdoor_ad.signs import standing_signs

NO_LICENCE_NEEDED = "shop"


def by_object(rows: Iterable[tuple[str, bool, str]]) -> list[Measured]:
    """(object, counts, file) rows as one part for each object."""
    found: dict[str, list[tuple[bool, str]]] = {}
    for name, holds, behind in rows:
        found.setdefault(name, []).append((holds, behind))
    return [
        Measured(name, sum(holds for holds, _ in parts), len(parts), tuple(behind for _, behind in parts))
        for name, parts in sorted(found.items())
    ]


def tested(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of standing advertisements whose test is not overdue at the end of the period, by kind of sign."""
    day = end.astimezone(platform.city.time_zone).date().isoformat()
    return by_object(
        (row.values["kind"], row.values["status"] != "test_overdue" and row.values["next_test"] >= day, row.key)
        for row in standing_signs(session)
        if row.values.get("next_test")
    )


def licensed(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of standing advertisements (shop signs apart) with a licence in force at the end of the period, by kind."""
    day = end.astimezone(platform.city.time_zone).date().isoformat()

    def holds(values: dict[str, str]) -> bool:
        return bool(values.get("licence_no")) and not (values.get("valid_to") or "9999") < day

    rows = [row for row in standing_signs(session) if row.values["kind"] != NO_LICENCE_NEEDED]
    return by_object((row.values["kind"], holds(row.values), row.key) for row in rows)


def corrected(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of ended cases against signs that needed no penalty, by unit in charge."""
    query = select(Case).where(Case.matter == "outdoor_ad_illegal", Case.closed_at >= start, Case.closed_at < end)
    cases = session.scalars(query.order_by(Case.id)).all()
    linked = select(CaseEvent.case_id).where(
        CaseEvent.kind == "linked", CaseEvent.case_id.in_([case.id for case in cases])
    )
    punished = set(session.scalars(linked))
    return by_object((case.lead_department or "", case.id not in punished, case.number) for case in cases)


def wind_in_time(session: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    """Share of checks in the wind done within their limit, by campaign."""
    query = (
        select(Case.number, Task.due_at, Task.completed_at)
        .join(Task, Task.case_id == Case.id)
        .where(Task.element == "check_sign", Task.completed_at >= start, Task.completed_at < end)
        .order_by(Task.completed_at)
    )
    rows = session.execute(query).all()
    return by_object((number, due is None or (done is not None and done <= due), number) for number, due, done in rows)


INDICATORS = (
    Indicator("tested", "户外广告按期检测率", "advertisements tested in time", "%", tested),
    Indicator("licensed", "户外广告持证率", "advertisements with a licence in force", "%", licensed),
    Indicator("corrected", "违规广告责改到位率", "orders obeyed without a penalty", "%", corrected),
    Indicator("wind_in_time", "大风排查按时率", "checks in the wind within their limit", "%", wind_in_time),
)
