"""Cases that tell of one problem: which leads, which may join it, and what is seen of them together.

A merged case points at the case it went into (``merged_into_id``), which may itself be merged later: the end of that
chain leads. The leading case counts the reports that joined it directly (``merged_reports``). Its own limit goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from engine.casefile.unit import Unit
from engine.errors import OperatorRefused
from engine.models import Case, CaseLink
from engine.workflow.step import Step

MERGED, SPLIT = "merged", "split"
ENDED = ("closed", "rejected", "voided")
LONGEST = 20
"""Merges one after another that are followed; a chain cannot close, so this is never met but by broken rows."""


@dataclass(frozen=True)
class JoinedReport:
    """A report that was merged into a case, to be answered with it."""

    number: str
    source: str
    description: str
    reported_at: Any
    reporter_name: str
    reporter_phone: str


def join_leading(step: Step, into: str) -> Case:
    """Join the step's case to a leading one, in one act on both; the caller ends the step's case.

    The leading case's file is changed too, so that nobody else moves it meanwhile without one of both trying again.
    Raises OperatorRefused with the field ``into`` where the two do not go together.
    """
    case, session = step.case, step.session
    found = session.scalar(select(Case).where(Case.number == str(into).strip()))
    if found is None or found.id == case.id:
        raise refusal(f"there is no other case {into!r} to merge into; give the number of an open case")
    refuse_ended(session, case, found)
    file = step.unit.take(step.runtime.shelf, "case", found.id, lock="")
    if file is None:
        raise refusal(f"case {found.number} has run to its end; link the two as related instead")
    leading = file.case
    refuse_ended(session, case, leading)
    refuse_unlike(case, leading)
    case.merged_into_id = leading.id
    leading.merged_reports += 1
    by = step.actor.person_id if step.actor else None
    session.add(CaseLink(from_id=case.id, to_id=leading.id, kind=MERGED, created_at=step.now, created_by=by))
    note_on(step, leading, "report_joined", number=case.number, source=case.source, description=case.description[:200])
    return leading


def refuse_ended(session: Session, case: Case, other: Case) -> None:
    """Raise OperatorRefused where the other case does not go on."""
    if other.status == "merged":
        leading = leading_case(session, other)
        if leading.id == case.id:
            raise refusal(f"case {other.number} is merged into {case.number}, which it cannot lead; nothing is to do")
        raise refusal(f"case {other.number} is merged into {leading.number} itself; merge into {leading.number}")
    if other.status == "closed":
        raise refusal(
            f"case {other.number} is closed, so this is a new problem or the old one come back; "
            "link the two as related instead"
        )
    if other.status in ENDED:
        raise refusal(f"case {other.number} is {other.status} itself; merge into one that goes on")


def refuse_unlike(case: Case, leading: Case) -> None:
    """Raise OperatorRefused for another kind, and where a limit that runs already would be lost."""
    if case.kind != leading.kind:
        raise refusal(
            f"case {leading.number} is of kind {leading.kind}, this one of kind {case.kind}; "
            "correct the class of one of them first, or link the two as related"
        )
    if case.matter != leading.matter:
        raise refusal(f"case {leading.number} is another matter ({leading.matter}); link the two as related instead")
    later = case.due_at and leading.due_at and case.due_at < leading.due_at
    if later or (case.filed_at is not None and leading.filed_at is None):
        raise refusal(
            f"the limit of {case.number} ends before that of {leading.number}, merging must win no time; "
            f"merge {leading.number} into {case.number} instead"
        )


def refusal(message: str) -> OperatorRefused:
    """A refusal that names the field of the form."""
    return OperatorRefused(message, field="into")


def leave_leading(unit: Unit, shelf: Any, case: Case) -> Case | None:
    """Take a case out of the one it was merged into, whose file is changed; none when that one has ended."""
    if case.merged_into_id is None:
        return None
    file = unit.take(shelf, "case", case.merged_into_id, lock="")
    if file is None or file.case.status in (*ENDED, MERGED):
        return None
    file.case.merged_reports = max(file.case.merged_reports - 1, 0)
    case.merged_into_id = None
    return file.case


def end_link(session: Session, from_id: int, to_id: int, kind: str, now: Any) -> int:
    """End the links of a kind between two cases; how many there were."""
    found = update(CaseLink).where(
        CaseLink.from_id == from_id, CaseLink.to_id == to_id, CaseLink.kind == kind, CaseLink.removed_at.is_(None)
    )
    changed: Any = session.execute(found.values(removed_at=now))
    return int(changed.rowcount)


def note_on(step: Step, case: Case, kind: str, **data: Any) -> None:
    """A line in the history of another case than the step's, by the same person."""
    actor = step.actor
    step.unit.lines.append(
        {
            "case_id": case.id, "at": step.now, "kind": kind, "stage": case.stage, "process": "", "element": "",
            "actor_id": actor.person_id if actor else None, "actor_role": actor.acting_role if actor else "system",
            "department_code": None, "data": data,
        }
    )  # fmt: skip


def tell_joined(step: Step, **payload: Any) -> None:
    """Tell everybody whose report joined the step's case what became of it."""
    if not step.case.merged_reports:
        return
    for case in joined_cases(step.session, [step.case.id]):
        step.unit.letters.append(
            {
                "topic": "reply", "case_id": case.id,
                "payload": {"phone": bool(case.reporter_phone), "leading": step.case.number, **payload},
                "created_at": step.now, "due_at": step.now, "attempts": 0, "done_at": None, "last_error": None,
            }
        )  # fmt: skip


def leading_case(session: Session, case: Case) -> Case:
    """The case at the end of the chain; the case itself when it is not merged."""
    for _ in range(LONGEST):
        if case.merged_into_id is None or case.status != MERGED:
            break
        case = session.get_one(Case, case.merged_into_id)
    return case


def joined_cases(session: Session, ids: Iterable[int]) -> list[Case]:
    """All cases merged into these, directly or through others, by id."""
    found: dict[int, Case] = {}
    level = list(ids)
    for _ in range(LONGEST):
        query = select(Case).where(Case.merged_into_id.in_(level), Case.status == MERGED)
        fresh = [case for case in session.scalars(query) if case.id not in found]
        if not fresh:
            break
        found |= {case.id: case for case in fresh}
        level = [case.id for case in fresh]
    return [found[key] for key in sorted(found)]


def joined_reports(session: Session, case: Case) -> Iterator[JoinedReport]:
    """The reports merged into a case, oldest first."""
    if case.merged_reports:
        for each in joined_cases(session, [case.id]):
            yield JoinedReport(
                each.number, each.source, each.description, each.reported_at, each.reporter_name, each.reporter_phone
            )


def any_phone(session: Session, case: Case) -> bool:
    """Whether somebody whose report joined the case left a telephone number."""
    return any(each.reporter_phone for each in joined_cases(session, [case.id]))


def cases_seen_with(session: Session, case: Case) -> dict[int, str]:
    """Numbers by id of the other cases whose evidence belongs to this one: merged either way, or split.

    Who sees the one sees the evidence of the other.
    """
    found: dict[int, str] = {}
    if case.merged_into_id is not None:
        leading = leading_case(session, case)
        found = {each.id: each.number for each in joined_cases(session, [leading.id])} | {leading.id: leading.number}
    elif case.merged_reports:
        found = {each.id: each.number for each in joined_cases(session, [case.id])}
    ends = select(CaseLink.from_id, CaseLink.to_id).where(
        CaseLink.kind == SPLIT,
        CaseLink.removed_at.is_(None),
        or_(CaseLink.from_id == case.id, CaseLink.to_id == case.id),
    )
    others = {key for pair in session.execute(ends).all() for key in pair}
    if others:
        found |= dict(session.execute(select(Case.id, Case.number).where(Case.id.in_(others))).all())
    found.pop(case.id, None)
    return found
