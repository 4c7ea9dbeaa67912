"""The core operators: what service tasks of the lifecycle do to a case. See the table in docs/reference/diagrams.md.

Everything happens on the step's session, inside the transaction of the completed task; the outside hears of it through
the outbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from engine.calendar import LimitError, parse_limit
from engine.casefile.records import UnitRecord
from engine.cases import clocks
from engine.cases.evaluation_facts import evaluation_facts
from engine.cases.merging import join_leading, tell_joined
from engine.cases.opening import open_linked
from engine.catalogue.lookup import limit_for
from engine.errors import OperatorRefused
from engine.models import Evaluation, Supervision
from engine.patrol.choosing import choose_collector
from engine.registry import Operator, OperatorFunction
from engine.workflow.lists import CONDITION_LIMIT
from engine.workflow.step import Step

CLOSE_KINDS = ("solved", "notification", "forced", "evidence")


def classify(step: Step, condition: str | None = None, urgent: Any = None) -> None:
    """Settle class, filing condition (``event/0110/2``) and urgency; owner and limit follow."""
    case = step.case
    if condition:
        if case.matter:
            raise OperatorRefused(f"case {case.number} is a matter ({case.matter}) and has no class", field="condition")
        kind, _, rest = str(condition).partition("/")
        full_code, _, number = rest.partition("/")
        if not number.isdigit() or case.catalogue_version_id is None:
            raise OperatorRefused(f"{condition!r} is no filing condition; write kind/code/number", field="condition")
        host: Any = step.host
        edition = host.catalogue.edition(step.unit, case.catalogue_version_id)
        edition.limit(kind, full_code, int(number))
        if (kind, full_code) != (case.kind, case.full_code):
            step.record("reclassified", before=f"{case.kind}/{case.full_code}", now=f"{kind}/{full_code}")
            case.title = edition.subclass(kind, full_code).name
        case.kind, case.full_code, case.condition_no = kind, full_code, int(number)
    if urgent is not None:
        case.urgent = urgent in (True, "true", "yes")


def find_departments(step: Step, duties: Sequence[str] | None = None) -> dict[str, Any]:
    """The city's departments that answer for these catalogue departments near the case, without its lead.

    Result ``{departments}``.
    """
    host: Any = step.host
    case = step.case
    places = (case.community_code or "", case.subdistrict_code or "", case.district_code or "")
    found = [host.directory.answering(duty, places) for duty in duties or ()]
    lead = step.facts["owner_department"] or step.facts["duty_department"]
    return {"departments": [code for code in dict.fromkeys(found) if code and code != lead]}


def file_case(step: Step) -> dict[str, Any]:
    """File the case: from now on it has its limit, by filing condition and area class, and counts."""
    case = step.case
    host: Any = step.host
    take_version_in_force(step)
    text = ""
    if case.condition_no is not None and case.catalogue_version_id is not None:
        edition = host.catalogue.edition(step.unit, case.catalogue_version_id)
        text = edition.limit(case.kind, case.full_code, case.condition_no)
    limit = limit_for(text, case.area_class)
    case.limit_text = str(limit) if limit else ""
    case.status, case.filed_at = "filed", step.now
    step.record("filed", limit=case.limit_text, condition=case.condition_no)
    return {"number": case.number, "limit": case.limit_text}


def take_version_in_force(step: Step) -> None:
    """A case is filed under the catalogue in force that day and keeps it; one that no longer knows it is left."""
    host: Any = step.host
    case, edition = step.case, host.catalogue.in_force(step.unit, host.today(step.now))
    if edition.id == case.catalogue_version_id or case.condition_no is None:
        return
    if (case.kind, case.full_code, case.condition_no) in edition.limits:
        case.catalogue_version_id = edition.id


def reject(step: Step, reason: str = "") -> None:
    """Do not accept the problem; the reporter is told why."""
    end_case(step, "rejected", reason=reason)
    step.tell("reply", phone=bool(step.case.reporter_phone), text=reason)


def merge(step: Step, into: str, reason: str | None = "", reply: str = "") -> None:
    """End the case as a duplicate of an open one of its kind, which leads; the reporter is told (``reply``).

    Who reported is told again when the leading case is closed. Refused where the case would win time by it.
    """
    leading = join_leading(step, into)
    end_case(step, "merged", into=leading.number, reason=reason or "")
    step.tell("reply", phone=bool(step.case.reporter_phone), text=reply, leading=leading.number)


def cancel(step: Step, reason: str = "") -> None:
    """Void the case; it leaves every statistic but stays to be found."""
    end_case(step, "voided", reason=reason)


def end_case(step: Step, status: str, **why: Any) -> None:
    """End a case without closing it."""
    case = step.case
    case.status, case.closed_at = status, step.now
    for clock in case.clocks:
        if clock.stopped_at is None:
            clocks.stop_clock(clock, step.host.calendar, step.now, status)
    case.due_at = None
    step.record(status, **why)


def dispatch(
    step: Step,
    lead: str | None = None,
    assisting: Sequence[str] | None = None,
    units: Sequence[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Record the lead unit and those that assist; units taken off keep their row.

    Result ``{units, changed}``; ``changed`` when there is another lead.
    """
    if units:
        lead = next((unit["department"] for unit in units if unit["part"] == "lead"), None)
        assisting = [unit["department"] for unit in units if unit["part"] != "lead"]
    known = known_units(step, lead, assisting or ())
    case = step.case
    changed = case.lead_department != lead
    record_units(step, known)
    case.status, case.dispatched_at, case.lead_department = "dispatched", step.now, lead
    step.record("dispatched", units=known, changed=changed)
    return {"units": known, "changed": changed}


def redispatch(
    step: Step, unit: dict[str, str], department: str, reason: str = "", shirking: Any = False
) -> dict[str, Any]:
    """Give one part of a case (``{department, part}``) to another unit, or back to the same.

    Result ``{unit, changed}``.
    """
    case, before = step.case, unit["department"]
    known_units(step, department, ())
    changed = department != before
    new = {"department": department, "part": unit["part"]}
    if changed:
        current = [{"department": u.department_code, "part": u.part} for u in case.units if u.until is None]
        taken = any(u["department"] == department for u in current)
        if taken:
            raise OperatorRefused(
                f"{department} handles another part of this case already; choose another unit", field="department"
            )
        record_units(step, [new if u["department"] == before else u for u in current])
        if unit["part"] == "lead":
            case.lead_department = department
    step.record("redispatched", unit=new, before=before, reason=reason, shirking=shirking in (True, "true"))
    return {"unit": new, "changed": changed}


def known_units(step: Step, lead: str | None, assisting: Iterable[str]) -> list[dict[str, str]]:
    """The units as lead and assist, each checked to be a handling unit."""
    host: Any = step.host
    handling = {unit.code for unit in host.directory.handling()}
    codes = [code for code in dict.fromkeys([lead, *assisting]) if code]
    if not lead:
        raise OperatorRefused("no lead unit is named; choose one", field="lead")
    for code in codes:
        if code not in handling:
            raise OperatorRefused(f"department {code} handles no cases; choose one of side handling", field="lead")
    return [{"department": code, "part": "lead" if code == lead else "assist"} for code in codes]


def record_units(step: Step, units: Sequence[dict[str, str]]) -> None:
    """Bring the case's units in line."""
    case = step.case
    wanted = {(unit["department"], unit["part"]) for unit in units}
    current = {(unit.department_code, unit.part) for unit in case.units if unit.until is None}
    for row in case.units:
        if row.until is None and (row.department_code, row.part) not in wanted:
            row.until = step.now
    for unit in units:
        if (unit["department"], unit["part"]) not in current:
            case.units.append(
                UnitRecord(department_code=unit["department"], part=unit["part"], since=step.now, until=None)
            )


def start_clock(step: Step, clock: str, limit: str, restart: Any = False) -> None:
    """Declare a case clock; it runs while a task names it. ``restart`` starts it afresh."""
    if limit == CONDITION_LIMIT:
        found = step.host.condition_limit(step.case)
        if found is None:
            return
    else:
        try:
            found = parse_limit(limit)
        except LimitError as error:
            raise step.failure(str(error)) from error
    clocks.start_clock(step.case, step.host.calendar, clock, found, step.now, restart=restart is True)


def stop_clock(step: Step, clock: str) -> None:
    """Stop a case clock for good."""
    found = clocks.find_clock(step.case, clock)
    if found is not None:
        clocks.stop_clock(found, step.host.calendar, step.now, "stopped")


def extend(step: Step, clock: str, reason: str = "") -> None:
    """Move the deadline as far as the manual's rule for the case says, else by one original limit.

    Refused when the rule allows no extension, or none any more.
    """
    host: Any = step.host
    found = clocks.find_clock(step.case, clock)
    if found is None:
        raise OperatorRefused(f"the case has no clock {clock!r} to extend")
    rule = host.extension_rule(step.unit, step.case) if clock == clocks.HANDLING else None
    if rule is not None and step.case.extensions >= rule.times:
        raise OperatorRefused(
            f"the command manual allows {rule.times} extensions of case {step.case.number} ({rule.text}) and it has had"
            f" {step.case.extensions}; handle it within its limit"
        )
    each = rule.each if rule is not None else None
    clocks.extend_clock(found, step.host.calendar, step.now, each)
    step.case.extensions += 1
    rules = {"rule": rule.text} if rule is not None else {}
    step.record("extended", clock=clock, reason=reason, limit=str(each or found.limit_text), **rules)


def suspend(step: Step, until: Any = None, reason: str = "") -> dict[str, Any]:
    """Suspend (挂账) until a date, at most a year from now: the handling clock stands still until resumed.

    Result ``{until}``, an ISO date.
    """
    host: Any = step.host
    today: date = host.today(step.now)
    latest = today.replace(year=today.year + 1) if (today.month, today.day) != (2, 29) else date(today.year + 1, 2, 28)
    try:
        wanted = date.fromisoformat(str(until)) if until else latest
    except ValueError as error:
        raise OperatorRefused(f"{until!r} is no date; write it as 2026-10-01", field="until") from error
    if not today < wanted <= latest:
        raise OperatorRefused(f"a suspension ends after today and by {latest}, not on {wanted}", field="until")
    step.case.status = "suspended"
    step.case.suspensions += 1
    step.record("suspended", until=wanted.isoformat(), reason=reason)
    return {"until": wanted.isoformat()}


def resume(step: Step) -> None:
    """Back from suspension."""
    step.case.status = "dispatched"
    step.record("resumed")


def record_return(step: Step, reason: str = "", department: str = "") -> None:
    """Count a return by a unit."""
    step.case.returns += 1
    step.record("returned", reason=reason, department=department)


def record_rework(step: Step, reason: str = "") -> None:
    """Count a rework by the same unit."""
    step.case.reworks += 1
    step.record("rework", reason=reason)


def supervise(step: Step, instruction: str = "", level: Any = 1) -> dict[str, Any]:
    """Open a supervision (督办); its reply is a task. Result ``{id}``."""
    row = Supervision(
        case_id=step.case.id,
        level=int(level or 1),
        instruction=instruction or "",
        opened_at=step.now,
        opened_by=step.actor.person_id if step.actor else None,
        reply=None,
        replied_at=None,
    )
    step.session.add(row)
    step.flush()
    step.case.supervisions += 1
    step.record("supervised", level=row.level, instruction=row.instruction, supervision=row.id)
    return {"id": row.id}


def answer_supervision(step: Step, id: int, reply: str = "") -> None:
    """Close a supervision with the unit's reply."""
    row = step.session.get(Supervision, int(id))
    if row is None or row.case_id != step.case.id:
        raise OperatorRefused(f"this case has no supervision {id}")
    row.reply, row.replied_at = reply or "", step.now
    step.record("supervision_answered", supervision=row.id, reply=row.reply)


def escalate(step: Step, percent: Any, level: Any, recipients: Sequence[str], instruction: str = "") -> dict[str, Any]:
    """Warn the recipients; a level of 1 or more also opens a supervision. Result ``{id}`` of that, or none.

    Recipients are ``role`` or ``role@scope``.
    """
    step.record(
        "escalated", percent=percent, level=int(level or 0), recipients=list(recipients or ()), text=instruction
    )
    step.tell("notify", recipients=list(recipients or ()), text=instruction)
    return supervise(step, instruction, level) if int(level or 0) >= 1 else {"id": None}


def notify(step: Step, recipients: Sequence[str], text: str) -> None:
    """Queue a notification."""
    step.tell("notify", recipients=list(recipients or ()), text=text)


def close(step: Step, kind: str | None = "solved") -> None:
    """Close the case as ``solved``, ``notification``, ``forced`` or ``evidence``.

    Refused when the actor belongs to a unit that handles it; a matter is the department's own to close.
    """
    case = step.case
    if kind not in CLOSE_KINDS:
        raise OperatorRefused(f"cases close as {', '.join(CLOSE_KINDS)}, not as {kind!r}", field="kind")
    handlers = {unit.department_code for unit in case.units}
    if case.matter is None and step.actor is not None and step.actor.handling_departments & handlers:
        raise OperatorRefused("a handling department never closes its own case; leave it to the supervision centre")
    case.on_time = not clocks.is_overdue(case, step.host.calendar, step.now)
    case.status, case.closed_at, case.close_kind = "closed", step.now, kind
    step.record("closed", close_kind=kind, on_time=case.on_time)
    tell_joined(step, closed=kind)


def reopen(step: Step, reason: str = "") -> None:
    """A dissatisfied callback opens a closed case again."""
    case = step.case
    case.status = "dispatched" if case.lead_department else "filed"
    case.closed_at = case.close_kind = case.on_time = None
    step.record("reopened", reason=reason)


def record_callback(step: Step, satisfaction: str) -> None:
    """Keep the reporter's answer."""
    step.case.satisfaction = satisfaction
    step.record("called_back", satisfaction=satisfaction)


def evaluate(step: Step) -> None:
    """Write down what evaluation counts about this case, under the period of its deadline."""
    step.flush()
    facts = evaluation_facts(step.session, step.case, step.host.calendar, step.now)
    row = step.session.get(Evaluation, step.case.id)
    if row is None:
        row = Evaluation(case_id=step.case.id)
        step.session.add(row)
    row.department_code, row.due_at = step.case.lead_department, facts.due_at
    row.facts, row.evaluated_at = facts.to_json(), step.now
    step.record("evaluated", **row.facts)


def record_appeal(step: Step, granted: Any, reason: str = "") -> None:
    """The outcome of an appeal; when granted the overdue leaves the statistics, the original stays visible."""
    case = step.case
    case.appeals += 1
    case.overdue_excluded = granted is True
    row = step.session.get(Evaluation, case.id)
    if row is not None:
        row.facts = {**row.facts, "overdue_excluded": case.overdue_excluded}
    step.record("appeal_decided", granted=case.overdue_excluded, reason=reason)


_FUNCTIONS: dict[str, OperatorFunction] = {
    "classify": classify,
    "find_departments": find_departments,
    "file": file_case,
    "reject": reject,
    "merge": merge,
    "cancel": cancel,
    "dispatch": dispatch,
    "redispatch": redispatch,
    "start_clock": start_clock,
    "stop_clock": stop_clock,
    "extend": extend,
    "suspend": suspend,
    "resume": resume,
    "record_return": record_return,
    "record_rework": record_rework,
    "supervise": supervise,
    "answer_supervision": answer_supervision,
    "escalate": escalate,
    "notify": notify,
    "close": close,
    "reopen": reopen,
    "record_callback": record_callback,
    "evaluate": evaluate,
    "record_appeal": record_appeal,
    "open_linked": open_linked,
    "choose_collector": choose_collector,
}
CASE_OPERATORS = tuple(Operator(f"case/{topic}", function) for topic, function in _FUNCTIONS.items())
