"""Missed reports (漏报) and false ones, as facts with their cases behind.

A missed report is a candidate by rule: somebody else reported a problem in a grid, its collector was on duty then, and
had passed within ``radius_m`` in the ``within_h`` before. A person confirms or rejects it. A false report is a
collector's own that a verification on the spot found untrue, or that was voided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import shapely
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from engine.cases.access import require
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Case, CaseEvent, DutyShift, PatrolFact
from engine.organisation.actor import Actor
from engine.patrol.coverage import parts_of
from engine.patrol.plane import Plane
from engine.patrol.roster import PLANNED
from engine.patrol.rules import PatrolRules, load_patrol_rules
from engine.patrol.tracks import read_points
from engine.platform import Platform

MISSED, FALSE = "missed", "false_report"
CANDIDATE, CONFIRMED, REJECTED = "candidate", "confirmed", "rejected"
JUDGE = "patrol.judge"
GONE = ("rejected", "voided", "merged")
SLACK = timedelta(days=3)
"""Cases of the last days are looked at anew: tracks come late, cases are filed late. A fact is written once."""


def find_facts(session: Session, platform: Platform, now: datetime, *, since: datetime | None = None) -> int:
    """Find missed and false reports of the last days (or since a moment); commits. Returns how many are new."""
    rules = load_patrol_rules(platform.city)
    since = since or now - SLACK
    found = [*_missed(session, rules, since, now), *_false(session, since, now)]
    known = set(session.scalars(select(PatrolFact.key).where(PatrolFact.key.in_([fact.key for fact in found]))))
    new = [fact for fact in found if fact.key not in known]
    if not new:
        return 0
    begin_write(session)
    session.add_all(new)
    session.commit()
    return len(new)


def _missed(session: Session, rules: PatrolRules, since: datetime, now: datetime) -> Iterator[PatrolFact]:
    """Candidates among filed cases of the sources in question."""
    query = (
        select(Case, DutyShift)
        .join(
            DutyShift,
            (DutyShift.duty_grid_code == Case.duty_grid_code)
            & (DutyShift.starts_at <= Case.reported_at)
            & (DutyShift.ends_at > Case.reported_at)
            & (DutyShift.status == PLANNED),
        )
        .where(
            Case.reported_at >= since, Case.reported_at <= now, Case.source.in_(rules.missed.sources),
            Case.filed_at.is_not(None), Case.status.not_in(GONE), Case.lon.is_not(None), Case.matter.is_(None),
        )
        .order_by(Case.id, DutyShift.id)
    )  # fmt: skip
    for case, shift in session.execute(query).all():
        if case.reporter_id == shift.person_id:
            continue
        passed = passed_by(session, rules, shift, case)
        if passed is not None:
            distance, at = passed
            yield _fact(
                MISSED, shift.person_id, case, shift.id, CANDIDATE,
                {"distance_m": round(distance, 1), "passed_at": at.isoformat(), "radius_m": rules.missed.radius_m,
                 "within_h": rules.missed.within_h, "source": case.source},
            )  # fmt: skip


def passed_by(session: Session, rules: PatrolRules, shift: DutyShift, case: Case) -> tuple[float, datetime] | None:
    """How near the collector came before the report, and when; none when farther than the rule's radius."""
    first = max(shift.starts_at, case.reported_at - timedelta(hours=rules.missed.within_h))
    rows = read_points(session, shift.person_id, first, case.reported_at, skew_h=rules.track.max_skew_h)
    plane = Plane(case.lat or 0.0)
    here = shapely.Point(plane.points([case.lon or 0.0], [case.lat or 0.0])[0])
    nearest: tuple[float, float] | None = None
    for part in parts_of(rows, rules.coverage):
        at = plane.points(part[:, 1], part[:, 2])
        line = shapely.LineString(at) if len(at) > 1 else shapely.Point(at[0])
        away = float(shapely.distance(line, here))
        if away <= rules.missed.radius_m and (nearest is None or away < nearest[0]):
            moment = part[int(shapely.distance(shapely.points(at), here).argmin()), 0]
            nearest = away, float(moment)
    return None if nearest is None else (nearest[0], shift.starts_at + _after(shift, nearest[1]))


def _after(shift: DutyShift, at_ms: float) -> timedelta:
    return timedelta(milliseconds=at_ms - shift.starts_at.timestamp() * 1000)


def _false(session: Session, since: datetime, now: datetime) -> Iterator[PatrolFact]:
    """Own reports of collectors that were found untrue on the spot, or voided."""
    query = select(Case).where(
        Case.source == "patrol", Case.reporter_id.is_not(None), Case.status.in_(("rejected", "voided")),
        Case.closed_at >= since, Case.closed_at <= now, Case.matter.is_(None),
    )  # fmt: skip
    for case in session.scalars(query.order_by(Case.id)).all():
        verified = session.scalars(
            select(CaseEvent)
            .where(CaseEvent.case_id == case.id, CaseEvent.kind == "task_completed", CaseEvent.stage == "verify")
            .order_by(CaseEvent.id.desc())
        ).first()
        untrue = verified is not None and str((verified.data.get("answers") or {}).get("verified")).lower() == "false"
        if case.status == "voided" or untrue:
            assert case.reporter_id is not None  # the query asks for it
            how = "voided" if case.status == "voided" else "verified"
            by = verified.actor_id if verified is not None and untrue else None
            yield _fact(FALSE, case.reporter_id, case, None, CONFIRMED, {"how": how, "verified_by": by})


def _fact(
    kind: str, person_id: int, case: Case, shift_id: int | None, status: str, facts: dict[str, object]
) -> PatrolFact:
    return PatrolFact(
        key=f"{kind}/{person_id}/{case.id}", kind=kind, person_id=person_id, duty_grid_code=case.duty_grid_code or "",
        shift_id=shift_id, case_id=case.id, at=case.reported_at, ended_at=None, status=status,
        facts={"case": case.number, **facts}, decided_by_id=None, decided_at=None, reason="",
    )  # fmt: skip


def judge_fact(session: Session, actor: Actor, fact_id: int, verdict: str, reason: str, now: datetime) -> PatrolFact:
    """Confirm or reject a candidate, with the reason; commits. Nobody judges a fact about themselves."""
    require(actor, JUDGE, "judge missed reports")
    if verdict not in (CONFIRMED, REJECTED):
        raise Invalid(f"the verdict is {CONFIRMED} or {REJECTED}, not {verdict!r}", field="verdict")
    if not reason.strip():
        raise Invalid("a verdict needs a reason; write one", field="reason")
    begin_write(session)
    row = session.get(PatrolFact, fact_id, with_for_update=True, populate_existing=True)
    if row is None or row.kind != MISSED:
        raise NotFound(f"there is no missed report {fact_id} to judge; see the list")
    if row.person_id == actor.person_id:
        raise Invalid("this is about yourself; leave it to somebody else", field="verdict")
    if row.status != CANDIDATE:
        raise Conflict(f"it is {row.status} already; reload the list")
    row.status, row.reason = verdict, reason.strip()[:500]
    row.decided_by_id, row.decided_at = actor.person_id, now
    session.commit()
    return row


def list_facts(
    session: Session, *, kinds: Sequence[str] = (), status: str | None = None, person_id: int | None = None,
    since: datetime | None = None, until: datetime | None = None, before: int | None = None, most: int = 100,
) -> list[PatrolFact]:  # fmt: skip
    """Facts, latest first."""
    query = select(PatrolFact).where(*_of(kinds, status, person_id, since, until))
    if before is not None:
        query = query.where(PatrolFact.id < before)
    return list(session.scalars(query.order_by(PatrolFact.id.desc()).limit(most)))


def _of(
    kinds: Sequence[str], status: str | None, person_id: int | None, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [PatrolFact.kind.in_(kinds)] if kinds else []
    conditions += [PatrolFact.status == status] if status else []
    conditions += [PatrolFact.person_id == person_id] if person_id is not None else []
    conditions += [PatrolFact.at >= since] if since is not None else []
    conditions += [PatrolFact.at < until] if until is not None else []
    return conditions
