"""Alarms become cases: filed by the intake, merged into an open case, or held off; what cannot be filed says why.

Each alarm is one transaction: the case and the alarm's outcome are written together or not at all, so that an alarm
opens one case however often its process is killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from engine.casefile.unit import unit_of
from engine.cases.opening import Report, settle_stage
from engine.cases.reporting import open_case
from engine.cases.steps import step_on_case
from engine.database import begin_write
from engine.errors import Conflict, DomainError, Invalid, NotFound
from engine.ground.address_near import describe_point
from engine.ground.features import distance_m
from engine.intake.channels import channel_of
from engine.models import Case, IntakeNumber, SensorAlarm, SensorDevice, SensorReading
from engine.platform import Platform
from engine.sensors.rules import BACK_CANCEL, BACK_NONE, MERGE_CLASS, MERGE_NONE, PER_PLACE, CaseOrder, Rule
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import WAITING
from engine.workflow.decisions_values import DecisionError
from engine.workflow.expression_functions import convert_to_text
from engine.workflow.expressions import ExpressionError

CASE, MERGED, HELD, UNFILED = "case", "merged", "held", "unfiled"
OPEN = ("reported", "filed", "dispatched", "suspended")
SOURCE = "iot"
ALARM, OVER = "sensor_alarm", "sensor_over"
CHART_READINGS, CHART_SPAN = 120, timedelta(hours=24)
TITLE_LIMIT, TEXT_LIMIT = 100, 2_000


@dataclass(frozen=True)
class Wanted:
    """The case an alarm asks for, its decision made and its texts written."""

    kind: str
    full_code: str
    condition_no: int | None
    urgent: bool
    severity: str
    title: str
    text: str
    files: bool = True


def settle_alarms(session: Session, platform: Platform, now: datetime, *, most: int = 200) -> int:
    """File every alarm that waits, those whose hold-off has ended, and tell cases what is over; commits each.

    Returns how many were settled. Safe to be called by several processes.
    """
    query = (
        select(SensorAlarm.id)
        .where(
            or_(
                SensorAlarm.outcome == WAITING,
                and_(SensorAlarm.outcome == HELD, SensorAlarm.over_at.is_(None), SensorAlarm.held_until <= now),
                SensorAlarm.over_told.is_(False),
            )
        )
        .order_by(SensorAlarm.id)
        .limit(most)
    )
    ids = session.scalars(query).all()
    session.rollback()
    return settle(session, platform, ids, now)


def settle(session: Session, platform: Platform, alarm_ids: Iterable[int], now: datetime) -> int:
    """Settle these alarms, as far as there is something to do; commits each."""
    done = 0
    for alarm_id in dict.fromkeys(alarm_ids):
        try:
            done += _file(session, platform, alarm_id, now)
            done += _tell_over(session, platform, alarm_id, now)
        except (StaleDataError, OperationalError):
            session.rollback()  # somebody else works on the same case: it stays waiting and is tried again
    return done


def file_again(session: Session, platform: Platform, alarm_id: int, now: datetime) -> SensorAlarm:
    """Try to file an alarm that could not be filed, its cause mended; commits.

    :raises NotFound: no such alarm.
    :raises Conflict: it is filed, or there is nothing to file.
    """
    begin_write(session)
    alarm = session.get(SensorAlarm, alarm_id, with_for_update=True, populate_existing=True)
    if alarm is None:
        raise NotFound(f"there is no alarm {alarm_id}; list them at /api/v1/sensors/alarms")
    if alarm.outcome != UNFILED:
        raise Conflict(f"alarm {alarm_id} is {alarm.outcome}; only unfiled ones are filed again")
    alarm.outcome = WAITING
    session.commit()
    settle(session, platform, (alarm_id,), now)
    return session.get_one(SensorAlarm, alarm_id, populate_existing=True)


def _file(session: Session, platform: Platform, alarm_id: int, now: datetime) -> bool:
    """File one alarm when it waits."""
    sensing = sensing_of(session, platform)
    begin_write(session)
    alarm = session.get(SensorAlarm, alarm_id, with_for_update=True, populate_existing=True)
    due = alarm is not None and alarm.outcome == HELD and alarm.held_until is not None and alarm.held_until <= now
    if alarm is None or not (alarm.outcome == WAITING or (due and alarm.over_at is None)):
        session.rollback()
        return False
    try:
        _decide(session, platform, alarm, sensing.rules.get(alarm.rule), now)
    except (DomainError, ExpressionError, DecisionError) as error:
        session.rollback()
        message = error.message if isinstance(error, DomainError) else str(error)
        reason, _, remedy = message.rpartition("; ")
        _refuse(session, alarm_id, reason or message, remedy or "mend it and file the alarm again")
    return True


def _refuse(session: Session, alarm_id: int, reason: str, remedy: str) -> None:
    begin_write(session)
    alarm = session.get_one(SensorAlarm, alarm_id, with_for_update=True, populate_existing=True)
    alarm.outcome, alarm.reason, alarm.remedy = UNFILED, reason, remedy
    session.commit()


def _decide(session: Session, platform: Platform, alarm: SensorAlarm, rule: Rule | None, now: datetime) -> None:
    """Merge, hold or file; commits. Raises what says why it cannot be filed."""
    if rule is None or rule.case is None:
        raise Invalid(f"there is no rule {alarm.rule} that files cases any more; restore it in sensors/rules.toml")
    device = session.get_one(SensorDevice, alarm.device_id)
    wanted = _wanted(session, platform, alarm, rule, rule.case, now)
    alarm.readings, alarm.severity = _chart(session, alarm), wanted.severity
    if not wanted.files:
        alarm.outcome, alarm.reason = "noted", f"decision {rule.case.decide} files no case"
        session.commit()
        return
    case_id = _open_case_of(session, alarm, rule, wanted)
    if case_id is not None:
        step = step_on_case(unit_of(session), platform, case_id, now, None)
        if step is not None:
            step.record(ALARM, **_line(alarm, rule, device, wanted))
            alarm.outcome, alarm.case_id, alarm.reason = MERGED, case_id, ""
            session.commit()
            return
    until = _held_until(session, alarm, rule)
    if until is not None and until > now:
        alarm.outcome, alarm.held_until = HELD, until
        alarm.reason = f"a case was opened less than {rule.hold_off} before"
        session.commit()
        return
    report = _report(session, alarm, device, wanted)
    channel_of(platform.city, report.source).refuse_incomplete(report)
    step = open_case(unit_of(session), platform, report, None, now)
    session.add(IntakeNumber(channel=SOURCE, number=str(report.external_id), case_id=step.case.id))
    step.record(ALARM, **_line(alarm, rule, device, wanted))
    alarm.outcome, alarm.case_id, alarm.reason, alarm.remedy = CASE, step.case.id, "", ""
    session.commit()


def _wanted(
    session: Session, platform: Platform, alarm: SensorAlarm, rule: Rule, order: CaseOrder, now: datetime
) -> Wanted:
    """What to file: the rule's order, its decision's outputs first."""
    since = alarm.began_at.astimezone(platform.city.time_zone)
    names: dict[str, Any] = {
        **alarm.facts, "rule": rule.code, "since": f"{since:%Y-%m-%d %H:%M}",
        "minutes": round((alarm.raised_at - alarm.began_at).total_seconds() / 60),
    }  # fmt: skip
    found: dict[str, Any] = {}
    if order.decide:
        definition = platform.definitions.current(session, now)
        decision = definition.decisions.get(order.decide)
        if decision is None:
            raise Invalid(f"there is no decision {order.decide}; deploy the table, or correct rule {rule.code}")
        value = decision.evaluate(names).value
        if value is None:
            raise Invalid(f"decision {order.decide} has no rule for this alarm; add one")
        found = dict(value) if isinstance(value, Mapping) else {"full_code": value}
    number = found.get("condition_no", order.condition_no)
    return Wanted(
        kind=str(found.get("kind") or order.kind), full_code=str(found.get("full_code") or order.full_code),
        condition_no=int(number) if number else None, urgent=bool(found.get("urgent", order.urgent)),
        severity=str(found.get("severity") or rule.severity), files=bool(found.get("file", True)),
        title=convert_to_text(order.title.evaluate(names))[:TITLE_LIMIT],
        text=convert_to_text(order.text.evaluate(names))[:TEXT_LIMIT],
    )  # fmt: skip


def _chart(session: Session, alarm: SensorAlarm) -> list[Any]:
    """The readings that led to the alarm, the oldest first."""
    query = (
        select(SensorReading.at, SensorReading.values)
        .where(
            SensorReading.device_id == alarm.device_id, SensorReading.at <= alarm.raised_at,
            SensorReading.at > alarm.raised_at - CHART_SPAN,
        )
        .order_by(SensorReading.at.desc(), SensorReading.sequence.desc())
        .limit(CHART_READINGS)
    )  # fmt: skip
    return [
        [round((at - alarm.raised_at).total_seconds(), 3), dict(values)]
        for at, values in reversed(session.execute(query).all())
    ]


def _open_case_of(session: Session, alarm: SensorAlarm, rule: Rule, wanted: Wanted) -> int | None:
    """The open case the alarm belongs to: of its device, or of its rule near its place."""
    if rule.merge == MERGE_NONE:
        return None
    query = (
        select(SensorAlarm, Case.id)
        .join(Case, Case.id == SensorAlarm.case_id)
        .where(Case.status.in_(OPEN), SensorAlarm.id != alarm.id)
        .order_by(SensorAlarm.id.desc())
    )
    if rule.merge == MERGE_CLASS:
        query = query.where(Case.kind == wanted.kind, Case.full_code == wanted.full_code)
    found = session.execute(query.where(SensorAlarm.device_id == alarm.device_id).limit(1)).first()
    if found is None and rule.per == PER_PLACE:
        near = (
            row for row in session.execute(query.where(SensorAlarm.rule == rule.code)) if _near(row[0], alarm, rule)
        )
        found = next(near, None)
    return int(found[1]) if found is not None else None


def _held_until(session: Session, alarm: SensorAlarm, rule: Rule) -> datetime | None:
    """Until when the last case of the same device or place holds further ones off."""
    if not rule.hold_off:
        return None
    query = (
        select(SensorAlarm)
        .where(
            SensorAlarm.rule == rule.code, SensorAlarm.outcome == CASE, SensorAlarm.id != alarm.id,
            SensorAlarm.raised_at > alarm.raised_at - rule.hold_off,
        )
        .order_by(SensorAlarm.raised_at.desc())
    )  # fmt: skip
    if rule.per != PER_PLACE:
        query = query.where(SensorAlarm.device_id == alarm.device_id).limit(1)
    for other in session.scalars(query):
        if rule.per != PER_PLACE or other.device_id == alarm.device_id or _near(other, alarm, rule):
            return other.raised_at + rule.hold_off
    return None


def _near(one: SensorAlarm, other: SensorAlarm, rule: Rule) -> bool:
    if one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return False
    return distance_m(one.lon, one.lat, other.lon, other.lat) <= rule.place_m


def _report(session: Session, alarm: SensorAlarm, device: SensorDevice, wanted: Wanted) -> Report:
    """What the intake is told."""
    if alarm.lon is None or alarm.lat is None:
        raise Invalid(f"device {device.code} has no position; give it lon and lat, or wait for its first position")
    address = device.address
    if not address or (alarm.lon, alarm.lat) != (device.lon, device.lat):
        address = describe_point(session, alarm.lon, alarm.lat, limit=1).text or address
    return Report(
        kind=wanted.kind, full_code=wanted.full_code, condition_no=wanted.condition_no, urgent=wanted.urgent,
        description=wanted.text, title=wanted.title, source=SOURCE, lon=alarm.lon, lat=alarm.lat, address=address,
        component_code=device.component_code if wanted.kind == "component" else None,
        reporter_name=f"{device.name} {device.code}"[:100], external_id=f"{device.code}/{alarm.id}",
    )  # fmt: skip


def _line(alarm: SensorAlarm, rule: Rule, device: SensorDevice, wanted: Wanted) -> dict[str, Any]:
    """The line of the case's history."""
    return {
        "alarm": alarm.id, "rule": rule.code, "rule_name": rule.name, "rule_name_en": rule.name_en,
        "device": device.code, "device_name": device.name, "severity": wanted.severity, "text": wanted.text,
        "values": alarm.facts.get("reading", {}),
    }  # fmt: skip


def _tell_over(session: Session, platform: Platform, alarm_id: int, now: datetime) -> bool:
    """Let the case know that its alarm is over, as the rule declares."""
    begin_write(session)
    alarm = session.get(SensorAlarm, alarm_id, with_for_update=True, populate_existing=True)
    if alarm is None or alarm.over_told or alarm.outcome == WAITING:
        session.rollback()
        return False
    rule = sensing_of(session, platform).rules.get(alarm.rule)
    alarm.over_told = True
    if alarm.case_id is not None and rule is not None and rule.back != BACK_NONE:
        device = session.get_one(SensorDevice, alarm.device_id)
        still = session.scalar(
            select(SensorAlarm.id)
            .where(SensorAlarm.case_id == alarm.case_id, SensorAlarm.over_at.is_(None), SensorAlarm.id != alarm.id)
            .limit(1)
        )
        step = step_on_case(unit_of(session), platform, alarm.case_id, now, None)
        if step is not None:
            step.record(OVER, alarm=alarm.id, rule=rule.code, rule_name=rule.name, rule_name_en=rule.name_en,
                        device=device.code, device_name=device.name)  # fmt: skip
            if rule.back == BACK_CANCEL and still is None and step.case.status == "reported":
                reason = f"{rule.name}：已恢复正常，系统撤销"
                if platform.runtime.send(step, "cancel", {"reason": reason}):
                    settle_stage(step)
    session.commit()
    return True
