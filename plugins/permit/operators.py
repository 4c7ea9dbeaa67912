"""What the licence diagrams call: the item behind an application, its limit, its term, its entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from engine.calendar import parse_limit
from engine.cases import clocks
from engine.errors import DomainError, OperatorError, OperatorRefused
from engine.organisation.duty import people_for
from engine.registers.declaring import Register
from engine.registers.keeping import Hand, add_entry, change_entry, look_up
from engine.workflow.step import Step
from plugins.permit.licences import ITEMS, LICENCES, end_of_term, enter_result, prolong, set_licence

UNKNOWN_ITEM = "permit_item_unknown"
"""The code of the error event that catches an item which is not in the register, or stopped."""
REVIEW, HOST = "permit_review", "hearing_host"
STATUTORY, JOINT, TELL_WITHIN = 20, 45, 5
"""Working days: to decide, to decide jointly (行政许可法第四十二条), to tell what is missing (第三十二条)."""
EXTENSION, JOINT_EXTENSION = 10, 15
DISTRICT = "district"
"""The column of a department's register that takes the code of the case's district."""
OPTIONAL = "（如需）"
"""Stands in the name of a paper that may be left out."""
TEXTS = ("applicant", "applicant_kind", "applicant_code", "contact", "phone", "subject")
CONTRACT = frozenset((
    *TEXTS, "item_code", "item", "department", "details", "materials", "route", "organ", "window", "hearing_unit",
    "review_process", "register_values",
))  # fmt: skip
"""Variables of the application; whatever else its form asks is the department's own, its ``details``."""


def prepare(step: Step) -> dict[str, Any]:
    """Look up the item of an application and fill in whatever variables it does not bring.

    Result: the variables of ``permit_application``, see the plugin's README. An item that is not in the register
    permit_items, is struck off or stopped raises the error ``permit_item_unknown``.
    """
    given, host = step.variables, _host(step)
    code = str(given.get("item_code") or "").strip()
    entry = look_up(step.session, ITEMS, code) if code else None
    if entry is None or entry.gone_at is not None or entry.values.get("status") == "stopped":
        raise OperatorError(UNKNOWN_ITEM, f"{code!r} is no item in force; add it to the register {ITEMS}")
    item = {name: entry.values.get(name) for name in host.registers[ITEMS].columns}
    lead = item["department"] or step.case.lead_department
    papers = [name.strip() for name in str(item["materials"] or "").replace("；", ";").split(";") if name.strip()]
    wanted = str(given.get("route") or "ordinary")
    own = {name: value for name, value in given.items() if name not in CONTRACT}
    details = given.get("details") or own  # kept when a corrected item code brings the application here again
    return {
        **{name: given.get(name) or "" for name in TEXTS},
        "item_code": code, "item": item, "details": details,
        "materials": given.get("materials") or [{"name": name, "handed": False, "note": None} for name in papers],
        "route": wanted if wanted != "commitment" or item["commitment"] else "ordinary",
        "organ": item["organ"] or lead, "window": item["window"] or lead,
        "hearing_unit": hearing_unit(step, (item["organ"] or lead, lead)),
        "review_process": given.get("review_process") or item["review_process"] or REVIEW,
        "register_values": given.get("register_values") or {},
    }  # fmt: skip


def hearing_unit(step: Step, near: Sequence[str | None]) -> str | None:
    """Whose hosts hold a hearing: the first of these units that has any, else another of the city, else the first."""
    for unit in near:
        if unit and people_for(step.session, HOST, unit, most=1):
            return unit
    units = {post.department_code for host in people_for(step.session, HOST, most=1) for post in host.posts}
    return min(units) if units else near[0]


def accept(
    step: Step, item: Mapping[str, Any], materials: Sequence[Mapping[str, Any]], deemed: bool = False
) -> dict[str, Any]:
    """Accept an application: by when it must be decided.

    Result ``{accepted_on, decide_limit}``. One deemed accepted counts from the day it was handed in. Refused while a
    paper is missing that must be there.
    """
    missing = [str(row["name"]) for row in materials if not row.get("handed") and OPTIONAL not in str(row["name"])]
    if missing and not deemed:
        told = "、".join(missing)
        raise OperatorRefused(
            f"还缺材料：{told}；请勾选已收材料，或者选择一次告知补正 (missing: {told}; tick them or ask for them)",
            field="materials",
        )
    days = int(item.get("days") or (JOINT if item.get("joint") else STATUTORY))
    left = max(1, days - TELL_WITHIN) if deemed else days
    step.record("permit_accepted", deemed=deemed, days=days)
    return {"accepted_on": _today(step).isoformat(), "decide_limit": f"{left} work_day"}


def extend(step: Step, joint: bool = False, reason: str = "") -> dict[str, Any]:
    """Give ten working days more to decide, fifteen in a joint procedure; once. Result ``{days}``."""
    clock = clocks.find_clock(step.case, clocks.HANDLING)
    if clock is None:
        raise step.failure("the case has no clock to extend; start it with case/start_clock")
    if step.case.extensions:
        raise OperatorRefused("决定期限只能延长一次；请作出决定 (extended once already; decide now)", field="decision")
    days = JOINT_EXTENSION if joint else EXTENSION
    calendar = _host(step).calendar
    clocks.extend_clock(clock, calendar, step.now, parse_limit(f"{days} work_day"))
    step.case.extensions += 1
    step.record("extended", clock=clocks.HANDLING, reason=reason, limit=f"{days} work_day")
    return {"days": days}


def terms(step: Step, valid_months: Any = None) -> dict[str, Any]:
    """When a licence begins and what its last day is; none for one without end. Result ``{issued_on, valid_to}``."""
    today, months = _today(step), int(valid_months or 0)
    ends = end_of_term(today, months, _host(step).calendar).isoformat() if months else None
    return {"issued_on": today.isoformat(), "valid_to": ends}


def enter(
    step: Step,
    licence_no: str,
    decision_no: str,
    issued_on: str,
    valid_to: Any = None,
    conditions: Any = "",
    register_values: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Enter a granted licence into permit_licences, and into the item's own register where it names one.

    Result ``{licence_no, entry_key}``. Refused with the columns at fault.
    """
    given, host = step.variables, _host(step)
    item, case = given["item"], step.case
    licence = {
        "licence_no": licence_no, "holder": given["applicant"], "holder_code": given["applicant_code"] or None,
        "phone": given["phone"] or None, "item": item["code"], "subject": given["subject"] or item["name"],
        "department": case.lead_department, "organ": given["organ"], "issued_on": issued_on, "valid_to": valid_to,
        "conditions": conditions or None, "decision_no": decision_no, "by_commitment": given["by_commitment"],
        "case_no": case.number, "status": "valid", "lon": case.lon, "lat": case.lat,
    }  # fmt: skip
    registers = host.registers

    def act() -> str:
        add_entry(step.session, registers[LICENCES], licence, _hand(step))
        if not item.get("result_register"):
            return ""
        name = str(item["result_register"])
        known = {DISTRICT: case.district_code, **given["details"]}
        values = {column: known[column] for column in columns_of(registers, name) if column in known}
        values |= register_values or {}
        entered = enter_result(step.session, registers, name, licence, values, _hand(step))
        own = {"entry_register": name, "entry_key": entered}
        change_entry(step.session, registers[LICENCES], licence_no, own, _hand(step))
        return entered

    return {"licence_no": licence_no, "entry_key": _done(act)}


def columns_of(registers: Mapping[str, Register], name: str) -> tuple[str, ...]:
    """The columns of a register; none where there is no such register, which is told when it is entered."""
    return tuple(registers[name].columns) if name in registers else ()


def change(step: Step, licence_no: str, values: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """Change a licence and what its department's own entry shares with it. Result ``{licence}``, its values."""
    registers = _host(step).registers
    entry = _done(lambda: set_licence(step.session, registers, str(licence_no), values, _hand(step, reason)))
    return {"licence": dict(entry.values)}


def renewed(step: Step, licence_no: str, valid_months: Any = None, deemed: bool = False) -> dict[str, Any]:
    """Prolong a licence from its last day on: by ``valid_months``, else as long as it was. Result ``{valid_to}``."""
    host = _host(step)
    why = "届满未决定，视为准予延续" if deemed else "准予延续"

    def act() -> date:
        months = int(valid_months or 0) or None
        return prolong(step.session, host.registers, host.calendar, str(licence_no), months, _hand(step, why))

    return {"valid_to": _done(act).isoformat()}


def _host(step: Step) -> Any:
    return step.host


def _today(step: Step) -> date:
    today: date = _host(step).today(step.now)
    return today


def _hand(step: Step, reason: str = "") -> Hand:
    step.flush()  # a case that is new in this act is there before its history points to it
    where = f"{step.process}/{step.element.id}" if step.element else step.process
    return Hand(step.now, step.actor.person_id if step.actor else None, step.case.id, reason or where)


def _done(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
