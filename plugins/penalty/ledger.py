"""The ledger of penalties (处罚台账): entered when a penalty is decided, looked up when it is annulled."""

from __future__ import annotations

from typing import Any

from engine.cases import clocks
from engine.errors import DomainError, OperatorRefused
from engine.models import Case, CaseClock
from engine.registers.declaring import Register
from engine.registers.keeping import Hand, look_up, put_entry
from engine.workflow.step import Step
from plugins.penalty.officers import today_of

LEDGER = "penalty_ledger"
CLOCK = clocks.HANDLING


def register_of(step: Step, name: str) -> Register:
    """A register of the city. Refused when it is not there."""
    host: Any = step.host
    found: Register | None = host.registers.get(name)
    if found is None:
        raise OperatorRefused(f"there is no register {name}; the plugin penalty brings it")
    return found


def hand_of(step: Step) -> Hand:
    """Who changes a register in this step, and where."""
    step.flush()  # a case that is new in this act is there before its history points to it
    where = f"{step.process}/{step.element.id}" if step.element else step.process
    return Hand(step.now, step.actor.person_id if step.actor else None, step.case.id, where)


def record_decision(
    step: Step, decision: str, party: str, procedure: str, cause: str = "", cause_code: str = "other",
    party_kind: str = "unit", legal_basis: str = "", fine: Any = 0, obligation: str = "", filed_on: Any = None,
    served_on: Any = None, manner: str = "", number: str = "",
) -> dict[str, Any]:  # fmt: skip
    """Enter a decision in the ledger under the number of its case; ``number`` is that of the document, if it has one.

    Result ``{number, decided_on, in_time}``; in time is within the 90 days, without what the law leaves out (第六十条).
    """
    today, own = today_of(step).isoformat(), str(number or step.case.number)
    values = {
        "case_number": step.case.number, "decision_number": own, "procedure": procedure, "decision": decision,
        "party": party, "party_kind": party_kind, "cause": cause, "cause_code": cause_code, "law": legal_basis,
        "amount": fine or 0, "obligation": obligation or None, "filed_on": filed_on or None, "decided_on": today,
        "in_time": in_time(step), "served_on": served_on or None, "manner": manner or None, "paid": False,
        "annulled": False, "department": step.case.lead_department, "lon": step.case.lon, "lat": step.case.lat,
    }  # fmt: skip
    try:
        put_entry(step.session, register_of(step, LEDGER), values, hand_of(step))
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
    return {"number": own, "decided_on": today, "in_time": values["in_time"]}


def find_decision(step: Step, own: Any = True) -> dict[str, Any]:
    """The entry of this case, or of the case the variable ``number`` names. Result ``{key, party, published}``.

    Refused when the ledger has no such entry.
    """
    key = step.case.number if own is True else str(step.variables.get("number") or "").strip()
    entry = look_up(step.session, LEDGER, key)
    if entry is None:
        raise OperatorRefused(
            f"the ledger has no decision of the case {key!r}; look it up in {LEDGER}",
            field="number",
        )
    return {
        "key": entry.key,
        "party": entry.values.get("party") or "",
        "published": bool(entry.values.get("published_on")),
    }


def in_time(step: Step) -> bool:
    """Whether the time for the decision is not used up. True for procedures that have no such time."""
    found = latest_clock(step.case)
    return found is None or clocks.used(found, step.host.calendar, step.now) <= found.total


def latest_clock(case: Case) -> CaseClock | None:
    """The clock of the decision, stopped or not."""
    return next((clock for clock in reversed(case.clocks) if clock.name == CLOCK), None)
