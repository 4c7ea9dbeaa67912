"""Alarms: away from the grid, or without a position, for too long. Facts with begin and end, told to the shift leaders.

``watch`` is run every minute. The moment an alarm begins comes from the points, not from when it was noticed, so that
running it more or less often gives the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import DutyShift, OutboxMessage, PatrolFact
from engine.patrol.duty import OFF_GRID, SILENT, UNSEEN, OnDuty, on_duty
from engine.patrol.rules import PatrolRules, load_patrol_rules, minutes
from engine.platform import Platform

LEFT, NO_POSITION = "left_grid", "no_position"
OPEN, ENDED = "open", "ended"
TOPIC = "notify"
RECIPIENT = "shift_leader"
TEXTS = {
    (LEFT, "zh"): "离开责任网格：{who}", (LEFT, "en"): "Away from the duty grid: {who}",
    (NO_POSITION, "zh"): "没有定位：{who}", (NO_POSITION, "en"): "No position: {who}",
}  # fmt: skip
NAMED = 10
"""People one message names."""


@dataclass(frozen=True)
class Alarm:
    """Somebody's alarm as it is now."""

    kind: str
    person: OnDuty
    since: datetime

    @property
    def key(self) -> str:
        """What makes its fact unique."""
        return f"{self.kind}/{self.person.shift_id}/{round(self.since.timestamp())}"


def watch(session: Session, platform: Platform, now: datetime) -> tuple[int, int]:
    """Open the alarms that have begun, end those that are over; commits. Returns how many of each."""
    rules = load_patrol_rules(platform.city)
    there = {alarm.key: alarm for each in on_duty(session, platform, now) for alarm in alarms_of(each, rules, now)}
    query = select(PatrolFact).where(PatrolFact.status == OPEN, PatrolFact.kind.in_((LEFT, NO_POSITION)))
    standing = {row.key: row for row in session.scalars(query)}
    over = [row for key, row in standing.items() if key not in there]
    new = [alarm for key, alarm in there.items() if key not in standing]
    if not over and not new:
        return 0, 0
    begin_write(session)
    for row in session.scalars(query):
        if row.key not in there:
            shift = session.get(DutyShift, row.shift_id) if row.shift_id else None
            row.status, row.ended_at = ENDED, min(now, shift.ends_at) if shift is not None else now
    known = dict(
        session.execute(select(PatrolFact.key, PatrolFact).where(PatrolFact.key.in_([each.key for each in new]))).all()
    )
    opened = [alarm for alarm in new if alarm.key not in known]
    for alarm in opened:
        session.add(fact_of(alarm))
    _tell(session, platform, opened, now)
    session.commit()
    return len(opened), len(over)


def alarms_of(person: OnDuty, rules: PatrolRules, now: datetime) -> list[Alarm]:
    """The alarms of somebody on duty, at most one."""
    lasted = now - person.since
    if person.state == OFF_GRID and lasted > minutes(rules.state.off_grid_min):
        return [Alarm(LEFT, person, person.since)]
    if person.state in (SILENT, UNSEEN) and lasted > minutes(rules.state.silent_min):
        return [Alarm(NO_POSITION, person, person.since)]
    return []


def fact_of(alarm: Alarm) -> PatrolFact:
    """The fact of an alarm that begins."""
    person = alarm.person
    return PatrolFact(
        key=alarm.key, kind=alarm.kind, person_id=person.person_id, duty_grid_code=person.duty_grid,
        shift_id=person.shift_id, case_id=None, at=alarm.since, ended_at=None, status=OPEN,
        facts={"state": person.state, "lon": person.lon, "lat": person.lat}, decided_by_id=None, decided_at=None,
        reason="",
    )  # fmt: skip


def _tell(session: Session, platform: Platform, opened: Sequence[Alarm], now: datetime) -> None:
    """One message a kind, however many people it is about."""
    language = platform.city.language if platform.city.language in ("zh", "en") else "en"
    by_kind: Mapping[str, list[Alarm]] = {
        kind: [each for each in opened if each.kind == kind] for kind in (LEFT, NO_POSITION)
    }
    for kind, alarms in by_kind.items():
        if not alarms:
            continue
        names = [f"{each.person.name if language == 'zh' else each.person.name_en} ({each.person.duty_grid})"
                 for each in alarms[:NAMED]]  # fmt: skip
        who = ("、" if language == "zh" else ", ").join(names)
        if len(alarms) > NAMED:
            who += f" … ({len(alarms)})"
        payload = {
            "recipients": [RECIPIENT], "text": TEXTS[kind, language].format(who=who), "event": f"patrol.{kind}",
            "people": [each.person.login for each in alarms],
        }  # fmt: skip
        session.add(
            OutboxMessage(
                topic=TOPIC, case_id=None, payload=payload, created_at=now, due_at=now, attempts=0, done_at=None,
                last_error=None,
            )
        )  # fmt: skip
