"""Indicators of the environment: each figure with the entries and cases it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import Measured
from engine.hooks.settings import plugin_settings
from engine.models import Case, RegisterEntry, SensorAlarm, Task
from engine.platform import Platform

PETITION = "environment_petition"
CLOCKED = ("accept", "investigate", "sign_reply")
"""The tasks of a petition whose limits are those of the petition itself."""


def entries(session: Session, register: str) -> list[RegisterEntry]:
    """The entries of a register that are not struck off, by key."""
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    return list(session.scalars(query.order_by(RegisterEntry.key)))


def purifiers_online(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Of the catering monitors in use those that are online now."""
    used = [
        each
        for each in entries(session, "environment_monitors")
        if each.values.get("kind") == "fume" and each.values.get("status") != "retired"
    ]
    online = [each for each in used if each.values.get("status") == "online"]
    yield Measured("fume", len(online), len(used), tuple(each.key for each in used))


def alarms_on_time(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Of the plugin's alarms that became cases in the period, those whose case was closed within the set hours.

    One whose time is not over yet and whose case is still open is left out.
    """
    hours = timedelta(hours=plugin_settings(platform.city, "environment")["alarm_hours"])
    query = (
        select(SensorAlarm, Case)
        .join(Case, Case.id == SensorAlarm.case_id)
        .where(SensorAlarm.rule.startswith("environment."), SensorAlarm.raised_at >= start, SensorAlarm.raised_at < end)
        .order_by(SensorAlarm.rule, SensorAlarm.id)
    )
    counted: dict[str, list[tuple[str, bool]]] = {}
    for alarm, case in session.execute(query):
        due = alarm.raised_at + hours
        if case.closed_at is None and end < due:
            continue
        counted.setdefault(alarm.rule, []).append((case.number, case.closed_at is not None and case.closed_at <= due))
    for rule, settled in counted.items():
        on_time = sum(good for _, good in settled)
        behind = tuple(number for number, _ in settled)
        yield Measured(rule.removeprefix("environment."), on_time, len(settled), behind)


def green_sites(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Of the sites under construction that have a grade, those that are green now."""
    graded = [
        each
        for each in entries(session, "environment_sites")
        if each.values.get("grade") and each.values.get("status") != "finished"
    ]
    green = sum(each.values["grade"] == "green" for each in graded)
    yield Measured("sites", green, len(graded), tuple(each.key for each in graded))


def petitions_on_time(session: Session, platform: Platform, start: datetime, end: datetime) -> Iterator[Measured]:
    """Of the petitions closed in the period, those of which neither acceptance nor answer was late, by department."""
    query = select(Case).where(Case.matter == PETITION, Case.closed_at >= start, Case.closed_at < end)
    closed = list(session.scalars(query.order_by(Case.id)))
    late = set(
        session.scalars(
            select(Task.case_id).where(
                Task.case_id.in_([case.id for case in closed]), Task.element.in_(CLOCKED),
                Task.completed_at.is_not(None), Task.completed_at > Task.due_at,
            )
        )
    )  # fmt: skip
    for department in sorted({case.lead_department or "" for case in closed}):
        own = [case for case in closed if (case.lead_department or "") == department]
        on_time = sum(case.id not in late for case in own)
        yield Measured(department, on_time, len(own), tuple(case.number for case in own))
