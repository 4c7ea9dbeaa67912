"""What the diagrams of outdoor advertising call: the sign behind a case, its state, the signs at risk in a wind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import DomainError, OperatorError, OperatorRefused
from engine.registers.keeping import Hand, change_entry, look_up, put_entry
from engine.workflow.step import Step
from plugins.outdoor_ad import signs

UNKNOWN_SIGN = "outdoor_ad_sign_unknown"
"""The code of the error event that catches a sign which is not in the register."""
RESULTS = ("safe", "secured", "taken_down", "unreachable")


def begin(step: Step, required: bool = False) -> dict[str, Any]:
    """The sign a case is about, and something for whatever it did not bring.

    The sign is named by ``sign_code``, by ``entry_key`` (what a licence was entered as) or by ``licence_no``. Result
    ``{sign_code, sign, party, party_kind, licence_no, due, problem, facts}``; ``sign`` is none where there is none.
    With ``required`` a sign that is not in the register raises the error ``outdoor_ad_sign_unknown``.
    """
    given, register = step.variables, _host(step).registers[signs.SIGNS]
    code = str(given.get("sign_code") or given.get("entry_key") or given.get("licence_no") or "").strip()
    entry = look_up(step.session, signs.SIGNS, code) if code else None
    if entry is not None and entry.gone_at is not None:
        entry = None
    if entry is None and required:
        raise OperatorError(UNKNOWN_SIGN, f"{code!r} is no sign in the register {signs.SIGNS}; add or correct it")
    sign = signs.told(entry, register) if entry is not None else None
    known = sign or {}
    return {
        "sign_code": entry.key if entry is not None else "", "sign": sign,
        "party": given.get("party") or known.get("holder") or "", "party_kind": given.get("party_kind") or "unit",
        "licence_no": given.get("licence_no") or known.get("licence_no") or "", "due": given.get("due") or "test",
        "problem": given.get("problem") or "other", "facts": given.get("facts") or step.case.description or "",
    }  # fmt: skip


def mark(
    step: Step, sign_code: str = "", values: Mapping[str, Any] | None = None, removed: bool = False, reason: str = ""
) -> dict[str, Any]:
    """Change a sign of the register, or strike it off when it is ``removed``; nothing where the case has no sign.

    Result ``{changed}``. Refused with the columns at fault.
    """
    register, hand = _host(step).registers[signs.SIGNS], _hand(step, reason)
    changed = _done(lambda: signs.mark(step.session, register, sign_code, values or {}, hand, removed=removed is True))
    return {"changed": changed}


def enter(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """Enter a sign at the case's place, with its district and unit. Result ``{sign_code}``."""
    case = step.case
    place = {"lon": case.lon, "lat": case.lat, "district": case.district_code, "department": case.lead_department}
    kept = {name: value for name, value in {**place, **values}.items() if value is not None}
    register = _host(step).registers[signs.SIGNS]
    entry, _ = _done(lambda: put_entry(step.session, register, kept, _hand(step)))
    return {"sign_code": entry.key}


def at_risk(step: Step, kinds: Sequence[str], district: str = "") -> dict[str, Any]:
    """The signs a campaign checks: those of these kinds and all that are overdue, expired or against the rules.

    Result ``{signs}``, each ``{code, title, address, department, why}``.
    """
    found = signs.at_risk(step.session, _host(step).ground, kinds, district or "")
    step.record("outdoor_ad_listed", signs=len(found), kinds=list(kinds), district=district or "")
    return {"signs": found}


def wind_note(step: Step, sign_code: str, wind_result: str, note: str = "") -> dict[str, Any]:
    """Enter what a campaign found at a sign: ``safe``, ``secured``, ``taken_down`` or ``unreachable``."""
    if wind_result not in RESULTS:
        raise OperatorRefused(f"{wind_result!r} is no result; use one of {', '.join(RESULTS)}", field="decision")
    register = _host(step).registers[signs.SIGNS]
    values: dict[str, Any] = {"wind_case": step.case.number, "wind_result": wind_result}
    if wind_result == "secured":
        values["status"] = "secured"
    hand = _hand(step, note or "大风排查")

    def act() -> bool:
        noted = signs.mark(step.session, register, sign_code, values, hand)
        return noted and (
            wind_result != "taken_down"
            or signs.mark(step.session, register, sign_code, {}, _hand(step, "大风中拆除"), removed=True)
        )

    return {"noted": _done(act)}


def wind_summary(step: Step) -> dict[str, int]:
    """What this campaign found. Result ``{checked, safe, secured, taken_down, unreachable}``."""
    return signs.results_of(step.session, step.case.number)


def release(step: Step) -> dict[str, Any]:
    """After the wind: signs secured in this campaign are in use again. Result ``{released}``."""
    register, released = _host(step).registers[signs.SIGNS], 0
    for row in signs.standing_signs(step.session):
        if row.values.get("wind_case") == step.case.number and row.values["status"] == "secured":
            change_entry(step.session, register, row.key, {"status": "in_use"}, _hand(step, "大风预警解除"))
            released += 1
    return {"released": released}


def _host(step: Step) -> Any:
    return step.host


def _hand(step: Step, reason: str = "") -> Hand:
    step.flush()  # a case that is new in this act is there before its history points to it
    where = f"{step.process}/{step.element.id}" if step.element else step.process
    return Hand(step.now, step.actor.person_id if step.actor else None, step.case.id, reason or where)


def _done(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
