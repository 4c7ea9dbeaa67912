"""Cases beside each other: undo a merge, split a report into several cases, link and unlink related ones.

Every act is one transaction, leaves a line in the history of each case it concerns, and answers the same to the same
idempotency key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.casefile.file import CaseFile
from engine.casefile.records import InstanceRecord
from engine.casefile.unit import Unit, unit_of
from engine.cases.access import access_case, require
from engine.cases.diagrams import case_instance
from engine.cases.merging import MERGED, SPLIT, end_link, leading_case, leave_leading, note_on
from engine.cases.opening import NEXT_INSTANCE, Report, settle_stage
from engine.cases.reporting import open_case
from engine.cases.steps import RUNNING, step_on_case
from engine.cases.tasks import standing
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Case, CaseEvent, CaseLink
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.step import Step

RELATED = "related"
MOST_PARTS = 10


@dataclass(frozen=True)
class Part:
    """One problem a report is split into. What is left out is the report's own."""

    kind: str
    full_code: str
    description: str
    condition_no: int | None = None
    component_code: str | None = None
    lon: float | None = None
    lat: float | None = None
    address: str = ""


def undo_merge(
    session: Session,
    platform: Platform,
    actor: Actor,
    number: str,
    reason: str,
    *,
    now: datetime,
    key: str | None = None,
) -> dict[str, Any]:
    """Take a case out of the one it was merged into; it begins its process anew, on what is deployed now.

    Possible while the leading case is open; the history of both keeps the merge. Raises Conflict otherwise,
    NotAllowed without ``case.merge``.
    """
    require(actor, "case.merge", "undo the merging of a case")
    refuse_silence(reason)

    def act() -> dict[str, Any]:
        case = access_case(session, actor, platform.host.directory, number)
        if case.status != MERGED or case.merged_into_id is None:
            raise Conflict(f"case {number} is {case.status} and merged into none; nothing is to undo")
        leading = leading_case(session, case)
        into = session.get_one(Case, case.merged_into_id)
        unit = unit_of(session)
        step = begin_again(unit, platform, case, actor, now)
        if leave_leading(unit, platform.runtime.shelf, step.case) is None:
            raise Conflict(
                f"case {leading.number}, which leads, is {leading.status}; report the problem anew if it is still there"
            )
        end_link(session, case.id, into.id, MERGED, now)
        step.record("unmerged", number=into.number, reason=reason)
        note_on(step, into, "report_left", number=number, reason=reason)
        platform.runtime.start(step, opened_with(session, case))
        settle_stage(step)
        return standing(step)

    return act_once(session, actor.person_id, key, {"unmerge": number, "reason": reason}, now, act)


def begin_again(unit: Unit, platform: Platform, case: Case, actor: Actor, now: datetime) -> Step:
    """A step on a fresh instance of a case that had ended, as it was when it was reported.

    What it went through stays in its history; units and clocks of then keep their rows.
    """
    ended = case_instance(unit.session, case)
    file = unit.take(platform.runtime.shelf, "id", ended.id) if ended is not None else None
    if ended is None or file is None or file.instance.status == RUNNING:
        raise Conflict(f"case {case.number} has no process here to begin again; it was imported with its outcome")
    del unit.files[file.instance.id]
    record = file.case
    record.status, record.stage = "reported", ""
    record.filed_at = record.dispatched_at = record.handled_at = record.closed_at = record.due_at = None
    record.close_kind = record.on_time = None
    matter = platform.host.matters.get(record.matter or "")
    if matter is None:  # a matter has its lead from the beginning
        record.lead_department = None
        for row in record.units:
            row.until = row.until or now
    definition = platform.definitions.current(unit.session, now)
    [drawn] = unit.ask((NEXT_INSTANCE, {}))
    process = matter.process if matter is not None else platform.city.process
    instance = InstanceRecord(
        id=unit.fresh_id(InstanceRecord, drawn[0]), case_id=record.id, deployment_id=definition.deployment_id,
        process=process, status=RUNNING, state=b"", version=1, started_at=now, ended_at=None,
    )  # fmt: skip
    fresh = CaseFile(record, instance)
    unit.hold(platform.runtime.shelf, fresh)
    return Step(unit, platform.host, platform.runtime, definition, fresh, now, actor, process=process)


def opened_with(session: Session, case: Case) -> dict[str, Any]:
    """The variables a matter was opened with; nothing for a problem on the street."""
    asked = select(CaseEvent.data).where(CaseEvent.case_id == case.id).order_by(CaseEvent.id).limit(1)
    data = session.scalar(asked) if case.matter else None
    return {**((data or {}).get("values") or {}), **((data or {}).get("answers") or {})}


def split_case(
    session: Session,
    platform: Platform,
    actor: Actor,
    number: str,
    parts: Sequence[Part],
    reason: str,
    *,
    now: datetime,
    key: str | None = None,
) -> dict[str, Any]:
    """Open a case for every further problem a report tells of; the report's own case goes on.

    Parts have the reporter, source and moment of the report, begin at intake and run on clocks of their own. Raises
    Conflict for a case that has ended, Invalid naming part and field, NotAllowed without ``case.split``. Answers where
    the case stands with the ``parts``' numbers.
    """
    require(actor, "case.split", "split a case")
    refuse_silence(reason)
    if not 1 <= len(parts) <= MOST_PARTS:
        raise Invalid(f"a report is split into 1 to {MOST_PARTS} further cases, not {len(parts)}", field="parts")

    def act() -> dict[str, Any]:
        case = access_case(session, actor, platform.host.directory, number)
        step = step_on_case(unit_of(session), platform, case.id, now, actor)
        if step is None or step.case.status in ("closed", MERGED, "rejected", "voided"):
            raise Conflict(f"case {number} is {case.status}; report what else it told of as a problem of its own")
        if step.case.matter:
            raise Conflict(f"case {number} is no problem on the street; report what else it tells of by itself")
        numbers = [open_part(step, platform, part, at, reason) for at, part in enumerate(parts)]
        step.file.touched = True
        step.record("split", numbers=numbers, reason=reason)
        return {**standing(step), "parts": numbers}

    request = {"split": number, "parts": [asdict(part) for part in parts], "reason": reason}
    return act_once(session, actor.person_id, key, request, now, act)


def open_part(step: Step, platform: Platform, part: Part, at: int, reason: str) -> str:
    """Open the case of one part; its number."""
    case = step.case
    own_place = part.lon is not None and part.lat is not None
    report = Report(
        kind=part.kind, full_code=part.full_code, description=part.description, source=case.source,
        lon=part.lon if own_place else case.lon, lat=part.lat if own_place else case.lat,
        address=part.address or case.address, condition_no=part.condition_no, component_code=part.component_code,
        urgent=case.urgent, reporter_name=case.reporter_name, reporter_phone=case.reporter_phone,
    )  # fmt: skip
    try:
        opened = open_case(step.unit, platform, report, step.actor, step.now)
    except Invalid as error:
        raise Invalid(f"part {at + 1}: {error.message}", field=f"parts.{at}.{error.field or 'full_code'}") from error
    opened.case.reporter_id, opened.case.reported_at = case.reporter_id, case.reported_at
    opened.record("split_from", number=case.number, reason=reason)
    by = step.actor.person_id if step.actor else None
    link = CaseLink(
        from_id=case.id, to_id=opened.case.id, kind=SPLIT, created_at=step.now, reason=reason, created_by=by
    )  # fmt: skip
    step.session.add(link)
    return opened.case.number


def relate_cases(
    session: Session,
    platform: Platform,
    actor: Actor,
    number: str,
    other: str,
    reason: str,
    *,
    linked: bool,
    now: datetime,
    key: str | None = None,
) -> dict[str, Any]:
    """Link two cases as related, whatever their state, or undo that; both histories keep it.

    Raises Conflict when they are linked already, or are not; NotAllowed without ``case.link``.
    """
    require(actor, "case.link", "link cases" if linked else "unlink cases")
    refuse_silence(reason)

    def act() -> dict[str, Any]:
        case, beside = both(session, platform, actor, number, other)
        links = related_links(session, case, beside)
        if bool(links) == linked:
            told = "linked as related already; nothing is to do" if linked else "not linked as related; reload the case"
            raise Conflict(f"{number} and {beside.number} are {told}")
        for link in links:
            link.removed_at = now
        if linked:
            link = CaseLink(
                from_id=case.id, to_id=beside.id, kind=RELATED, created_at=now, reason=reason,
                created_by=actor.person_id,
            )  # fmt: skip
            session.add(link)
        note_both(session, actor, case, beside, "related" if linked else "unrelated", reason, now)
        return {"number": number, "other": beside.number}

    request = {"link" if linked else "unlink": number, "other": other, "reason": reason}
    return act_once(session, actor.person_id, key, request, now, act)


def both(session: Session, platform: Platform, actor: Actor, number: str, other: str) -> tuple[Case, Case]:
    """The two cases, held so that nobody links them meanwhile. Raises Invalid for one and the same."""
    directory = platform.host.directory
    case, beside = (access_case(session, actor, directory, each.strip()) for each in (number, other))
    if case.id == beside.id:
        raise Invalid("a case is not linked with itself; give the number of another one", field="other")
    session.execute(
        select(Case.id).where(Case.id.in_((case.id, beside.id))).order_by(Case.id).with_for_update(key_share=True)
    )
    return case, beside


def related_links(session: Session, case: Case, beside: Case) -> list[CaseLink]:
    """The links as related between two cases, either way round."""
    query = select(CaseLink).where(
        CaseLink.kind == RELATED, CaseLink.removed_at.is_(None),
        or_(
            (CaseLink.from_id == case.id) & (CaseLink.to_id == beside.id),
            (CaseLink.from_id == beside.id) & (CaseLink.to_id == case.id),
        ),
    )  # fmt: skip
    return list(session.scalars(query))


def note_both(session: Session, actor: Actor, case: Case, beside: Case, kind: str, reason: str, now: datetime) -> None:
    """A line in both histories."""
    for one, other in ((case, beside), (beside, case)):
        session.add(
            CaseEvent(
                case_id=one.id, at=now, kind=kind, stage=one.stage, process="", element="", actor_id=actor.person_id,
                actor_role=actor.acting_role, department_code=None, data={"number": other.number, "reason": reason},
            )
        )  # fmt: skip


def refuse_silence(reason: str) -> None:
    """Raise Invalid when no reason is given."""
    if not reason.strip():
        raise Invalid("no reason is given; write why", field="reason")
