"""What the diagrams of the penalty call beside registers and documents: the gates of the law that need arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from engine.calendar import parse_limit
from engine.errors import OperatorRefused
from engine.models import Case
from engine.registry import Operator, OperatorFunction
from engine.workflow.step import Step
from plugins.penalty import arithmetic
from plugins.penalty.goods import enter_goods, settle_goods
from plugins.penalty.ledger import find_decision, record_decision
from plugins.penalty.officers import check_officers, officer_choices, officer_names, today_of

PARTICULARS: Mapping[str, Any] = {
    "cause": "", "cause_code": "other", "party": "", "party_kind": "unit", "party_id": "", "party_address": "",
    "party_phone": "", "facts": "", "legal_basis": "", "happened_on": None, "life_safety": False, "officers": [],
    "decision_number": "", "fine": 0, "obligation": "", "served_on": None, "pay_by": None, "excluded_days": 0,
    "evidence_items": [],
}  # fmt: skip
"""What a procedure begins with where neither a form nor the case that opened it gave anything."""
PAY_WITHIN_DAYS = 15
"""行政处罚法（2021）第六十七条（found）."""
HEARING_NOTICE = "7 work_day"
"""行政处罚法（2021）第六十四条、第八十五条（found）."""


def begin(step: Step) -> dict[str, Any]:
    """The particulars of a case: what the form or the case that opened it gave, and something for the rest.

    Result: cause, party, party_kind, facts, legal_basis, officers and so on. ``law`` is taken for ``legal_basis``.
    """
    given = {name: step.variables.get(name) for name in PARTICULARS}
    if not given["legal_basis"]:
        given["legal_basis"] = step.variables.get("law")
    told = {name: value if given[name] is None else given[name] for name, value in PARTICULARS.items()}
    told["facts"] = told["facts"] or step.case.description or ""
    told["cause"] = told["cause"] or step.case.title or ""
    if told["pay_by"] is None and told["served_on"]:
        told["pay_by"] = (_day(told["served_on"], "served_on") + timedelta(days=PAY_WITHIN_DAYS)).isoformat()
    if told["party_kind"] not in ("person", "unit"):
        raise OperatorRefused(f"party_kind is person or unit, not {told['party_kind']!r}", field="party_kind")
    return told


def limitation(step: Step, happened_on: Any, life_safety: Any = False) -> dict[str, Any]:
    """Whether an act came to light too late to be punished: two years, five where life was in danger (第三十六条).

    Result ``{barred, barred_after}``; it came to light on the day the case was reported.
    """
    day = _day(happened_on, "happened_on")
    found = step.case.reported_at.astimezone(step.host.city.time_zone).date()
    if day > today_of(step):
        raise OperatorRefused(f"the act is said to have happened on {day}, which is to come", field="happened_on")
    last = arithmetic.barred_after(day, life_safety is True)
    return {"barred": found > last, "barred_after": last.isoformat()}


def surcharge(step: Step, principal: Any, pay_by: Any, excluded_days: Any = 0, until: Any = None) -> dict[str, Any]:
    """The surcharge on a fine not paid by its last day: 3 % a day, never more than the fine (第七十二条).

    Amounts in yuan, days as ISO dates; ``until`` is today when left out, ``excluded_days`` are those of remedies.
    Result ``{days, surcharge, total}``.
    """
    today = _day(until, "until") if until else today_of(step)
    days = arithmetic.days_overdue(_day(pay_by, "pay_by"), today, int(excluded_days or 0))
    try:
        fen = arithmetic.fen_of(principal)
    except ValueError as error:
        raise OperatorRefused(str(error), field="fine") from error
    added = arithmetic.surcharge_fen(fen, days)
    return {"days": days, "surcharge": arithmetic.yuan_of(added), "total": arithmetic.yuan_of(fen + added)}


def check_hearing(step: Step, host: str, held_on: Any, officers: Sequence[str] = ()) -> dict[str, Any]:
    """The host took no part in the investigation, and the party has seven working days' notice (第六十四条).

    Result ``{earliest}``, the first day allowed.
    """
    if str(host or "").strip() in officer_names(step.session, officers):
        message = (
            f"{host} investigated this case and cannot host its hearing (行政处罚法第六十四条); name somebody else"
        )
        raise OperatorRefused(message, field="host")
    noticed = step.host.calendar.add(step.now, parse_limit(HEARING_NOTICE))
    earliest = noticed.astimezone(step.host.city.time_zone).date()
    if _day(held_on, "held_on") < earliest:
        message = f"the party is told seven working days ahead (行政处罚法第六十四条); choose {earliest} or later"
        raise OperatorRefused(message, field="held_on")
    return {"earliest": earliest.isoformat()}


def check_decision(
    step: Step, decision: str, fine: Any = 0, noticed: Any = False, noticed_fine: Any = 0, defended: Any = False,
    review_required: Any = False, reviewed: Any = False,
) -> None:  # fmt: skip
    """A penalty was told beforehand, is no heavier, and was reviewed where it must be (第四十五、五十八、六十二条)."""
    if decision != "penalty":
        return
    if noticed is not True:
        raise OperatorRefused(
            "no penalty without prior notice (行政处罚法第六十二条); send it back to the investigation",
            field="decision",
        )
    if review_required is True and reviewed is not True:
        raise OperatorRefused(
            "this case must pass the legal review first (行政处罚法第五十八条); send it back", field="decision"
        )
    wanted, told = arithmetic.fen_of(fine), arithmetic.fen_of(noticed_fine)
    if wanted > told:
        why = "a defence never makes a penalty heavier (行政处罚法第四十五条)" if defended is True else (
            "a heavier penalty than the notice told needs a new notice (行政处罚法第四十四条)"
        )  # fmt: skip
        raise OperatorRefused(f"the fine was told as {arithmetic.yuan_of(told):.2f} yuan; {why}", field="fine")


def check_heavier(step: Step, fine: Any = 0, ceiling: Any = None) -> None:
    """A defence never makes a penalty heavier (第四十五条): the fine is not above what was told before it."""
    if ceiling is not None and arithmetic.fen_of(fine) > arithmetic.fen_of(ceiling):
        told = arithmetic.yuan_of(arithmetic.fen_of(ceiling))
        message = f"the fine was told as {told:.2f} yuan before the defence, which never makes it heavier (第四十五条)"
        raise OperatorRefused(f"{message}; propose that or less, or say that new facts were found", field="fine")


def tell_origin(step: Step, text: str) -> None:
    """Leave a line in the history of the case this one was opened beside, if there is one. It waits for nothing."""
    origin = step.session.scalar(select(Case).where(Case.number == step.case.origin)) if step.case.origin else None
    if origin is None:
        return
    step.unit.lines.append(
        {
            "case_id": origin.id,
            "at": step.now,
            "kind": "message_received",
            "stage": origin.stage,
            "process": "",
            "element": "",
            "actor_id": step.actor.person_id if step.actor else None,
            "actor_role": step.actor.acting_role if step.actor else "system",
            "department_code": step.case.lead_department,
            "data": {"message": "penalty", "number": step.case.number, "text": text},
        }
    )


def _day(value: Any, name: str) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise OperatorRefused(f"{name} is {value!r}, no date; write it as 2026-10-01", field=name) from error


_FUNCTIONS: dict[str, OperatorFunction] = {
    "begin": begin,
    "limitation": limitation,
    "officer_choices": officer_choices,
    "check_officers": check_officers,
    "check_hearing": check_hearing,
    "check_decision": check_decision,
    "check_heavier": check_heavier,
    "record_decision": record_decision,
    "find_decision": find_decision,
    "surcharge": surcharge,
    "enter_goods": enter_goods,
    "settle_goods": settle_goods,
    "tell_origin": tell_origin,
}
OPERATORS = tuple(Operator(f"penalty/{verb}", function) for verb, function in _FUNCTIONS.items())
