"""Which evidence a task asks for, by which rule, and how much of it is there.

Two say so: the diagram (property ``evidence``), and the manual's rule of the filing condition the case has, in the
version it was filed under. A task asks for those roles of the manual that its property ``manual_evidence`` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.cases.host import condition_key
from engine.catalogue.condition_rules import SILENT, ConditionRules, RuleUnreadable
from engine.errors import CityBroken, Invalid
from engine.models import Case, CaseEvent, Evidence, Task
from engine.workflow.expressions import ExpressionError, Functions, parse_template
from engine.workflow.step import Step

DIAGRAM, MANUAL = "diagram", "manual"
EVIDENCE_SINCE = ("dispatched", "redispatched", "rework", "reopened")
AS_FOUND = frozenset({"before_photo", "near_photo", "far_photo", "reference_photo", "verify_photo"})
"""Photos of the problem as it was found: they stay true. All others are asked for anew when work begins anew."""


@dataclass(frozen=True)
class Asked:
    """Evidence a task asks for. ``there``: different files the case has of it that count.

    ``by`` is ``diagram`` or ``manual``; of the manual ``condition`` (``event/0110/2``) and ``rule`` say where. Asked
    for ``always``, or only for some answers (the diagram's property ``evidence_when``).
    """

    role: str
    count: int
    there: int
    by: str
    always: bool
    condition: str = ""
    rule: str = ""

    @property
    def missing(self) -> int:
        """How many files are to be added."""
        return max(self.count - self.there, 0)


def asked_of(
    session: Session,
    task: Task,
    properties: Mapping[str, str],
    case: Case,
    rules: ConditionRules,
    functions: Functions,
    names: Mapping[str, Any] | None = None,
) -> list[Asked]:
    """Everything a task asks for, the diagram's first; each role once.

    :param properties: those of its element. ``names``: ``answer`` and ``case`` of a complete answer, by which
        ``evidence_when`` is decided; without them what depends on answers is in the list, told by ``always``.
    """
    when = properties.get("evidence_when", "").strip()
    if when and names is not None and not _holds(when, functions, names):
        return []
    wanted = dict(_wanted(task, properties, case, rules))
    if not wanted:
        return []
    there = count_evidence(session, case.id, wanted)
    return [Asked(role, count, there.get(role, 0), by, not when, *where) for role, (count, by, where) in wanted.items()]


def _wanted(
    task: Task, properties: Mapping[str, str], case: Case, rules: ConditionRules
) -> Iterator[tuple[str, tuple[int, str, tuple[str, ...]]]]:
    by_manual = dict(manual_asks(case, rules)) if properties.get("manual_evidence") else {}
    where = (condition_key(case.kind, case.full_code, case.condition_no) or "", rules.evidence)
    named = properties.get("manual_evidence", "").split()
    for role in dict.fromkeys((*task.evidence.split(), *named)):
        count = by_manual.get(role, 0) if role in named else 0
        if count:
            yield role, (count, MANUAL, where)
        elif role in task.evidence.split():
            yield role, (1, DIAGRAM, ())


def manual_asks(case: Case, rules: ConditionRules) -> tuple[tuple[str, int], ...]:
    """Roles and counts of a case's rule. Raises CityBroken naming condition and rule when it cannot be read."""
    try:
        return rules.asks
    except RuleUnreadable as error:
        key = condition_key(case.kind, case.full_code, case.condition_no)
        raise CityBroken(f"filing condition {key}: {error.message}") from error


def _holds(when: str, functions: Functions, names: Mapping[str, Any]) -> bool:
    try:
        return bool(parse_template(when, functions).evaluate(names))
    except ExpressionError as error:
        raise CityBroken(f"evidence_when {when!r} cannot be evaluated: {error}; correct the diagram") from error


def count_evidence(session: Session, case_id: int, roles: Iterable[str]) -> dict[str, int]:
    """Different files of each role that count: of what was found all, of what was done those since it began anew."""
    since = session.scalar(
        select(func.max(CaseEvent.at)).where(CaseEvent.case_id == case_id, CaseEvent.kind.in_(EVIDENCE_SINCE))
    )
    query = select(Evidence.role, func.count(Evidence.sha256.distinct())).where(
        Evidence.case_id == case_id, Evidence.role.in_(tuple(roles))
    )
    if since is not None:
        query = query.where(Evidence.role.in_(AS_FOUND) | (Evidence.uploaded_at >= since))
    return dict(session.execute(query.group_by(Evidence.role)).all())


def rules_on(step: Step) -> ConditionRules:
    """The manual's rules for a step's case, by the version it has."""
    host: Any = step.host
    found: ConditionRules = host.rules(step.unit, step.case)
    return found


def require_evidence(step: Step, task: Task, answers: Mapping[str, Any]) -> None:
    """Raise Invalid naming the first role of which a task asks for more than there is, how many, and by which rule."""
    properties = step.definition.element(task.process, task.element).properties
    if not task.evidence and not properties.get("manual_evidence"):
        return
    names = {**answers, "answer": answers, "case": step.facts}
    asked = asked_of(
        step.session, task, properties, step.case, rules_on(step), step.definition.functions, names
    )  # fmt: skip
    for each in asked:
        if each.missing:
            raise Invalid(refusal(task.name, each), field="evidence")


def refusal(name: str, asked: Asked) -> str:
    """What is missing and why, with its remedy."""
    if asked.by == DIAGRAM:
        return f"{name} needs evidence of kind {asked.role}; upload it first"
    return (
        f"{name} needs {asked.count} files of evidence of kind {asked.role} and the case has {asked.there}: the command"
        f" manual asks for '{asked.rule}' under filing condition {asked.condition}; upload {asked.missing} more first"
    )


__all__ = ["SILENT", "Asked", "asked_of", "count_evidence", "manual_asks", "refusal", "require_evidence", "rules_on"]
