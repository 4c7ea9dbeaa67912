"""What the diagrams of illegal buildings call: keep a file, name departments, refuse to demolish at night."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.errors import DomainError, OperatorRefused
from engine.registers.keeping import Hand, put_entry
from engine.workflow.step import Step

BUILDINGS = "illegal_build_buildings"
MINUTE = timedelta(minutes=1)


BEGIN: Mapping[str, Any] = {
    "building": "", "address": "", "party": "", "party_kind": "unknown", "area": None, "storeys": None, "use": None,
    "begun_on": None, "zone": "urban",
}  # fmt: skip
"""What a file may begin with, and what it is otherwise."""


def begin(step: Step) -> dict[str, Any]:
    """What is known of the building when its file is opened, by hand, from a finding or beside a street case.

    Result: one value for each name of ``BEGIN``.
    """
    given = {name: step.variables.get(name) for name in BEGIN}
    return {**BEGIN, "address": step.case.address, **{name: value for name, value in given.items() if value}}


def keep_building(step: Step, values: Mapping[str, Any], building: str = "") -> dict[str, Any]:
    """Enter the case's building into the register, at the case's place. Result ``{code}``.

    A building that is there (``building`` is its code) is brought in line; a new one takes the case's number.
    Refused with the columns at fault.
    """
    host: Any = step.host
    case, code = step.case, str(building or step.case.number).strip()
    known = {name: value for name, value in values.items() if value is not None}
    place = {"lon": case.lon, "lat": case.lat} if case.lon is not None else {}
    kept = {
        **known, **place, "code": code, "case": case.number, "department": case.lead_department,
        "found_on": case.reported_at.astimezone(host.city.time_zone).date().isoformat(),
    }  # fmt: skip
    step.flush()  # a case that is new in this act is there before the register's history points to it
    hand = Hand(step.now, step.actor.person_id if step.actor else None, case.id, f"{step.process}")
    try:
        put_entry(step.session, host.registers[BUILDINGS], kept, hand)
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
    return {"code": code}


def name_departments(
    step: Step, duties: Sequence[str] | None = None, codes: Sequence[str] | None = None
) -> dict[str, Any]:
    """The departments that have these duties near the case, and those of these codes, each once.

    Result ``{departments}``, a list of ``{code, name}``. Refused when there is none.
    """
    host: Any = step.host
    case = step.case
    places = (case.community_code or "", case.subdistrict_code or "", case.district_code or "")
    found = [host.directory.answering(duty, places) for duty in duties or ()]
    named = [code for code in dict.fromkeys([*found, *(codes or ())]) if code]
    if not named:
        asked = "、".join(duties or ()) or "—"
        raise OperatorRefused(
            f"没有单位承担职责 {asked}，请另选单位，或在设置与 departments.csv 中核对 (nobody has these duties; name a "
            "department, or correct the settings of illegal_build and organisation/departments.csv)"
        )
    return {"departments": [{"code": code, "name": host.directory.name(code)} for code in named]}


def refuse_at_night(step: Step, start: str, until: str, urgent_reason: str = "") -> None:
    """Refuse a demolition that does not lie within the city's working time, unless a reason says why it is urgent.

    Not at night and not on public holidays: Administrative Compulsion Law (2011), article 43.

    :param start: when it begins, ISO with offset.
    :param until: when it ends, ISO with offset.
    """
    begin, end = datetime.fromisoformat(str(start)), datetime.fromisoformat(str(until))
    if end <= begin:
        raise OperatorRefused(
            "拆除的结束时间须晚于开始时间，请更正 (it must end after it begins)", field="planned_until"
        )
    if str(urgent_reason or "").strip():
        return
    calendar = step.host.calendar
    first, last = calendar.local(begin), calendar.local(end - MINUTE)
    why = "不得在夜间或者法定节假日实施行政强制执行（行政强制法第四十三条）；请另定时间，情况紧急的写明理由"
    if first.date() != last.date():
        raise OperatorRefused(f"拆除跨越夜间，{why} (it goes on over night; plan each day)", field="planned_until")
    if not calendar.is_working_day(first.date()):
        raise OperatorRefused(f"{first:%Y-%m-%d} 不是工作日，{why} (no demolition on a holiday)", field="planned_from")
    for moment in (first, last):
        if not calendar.is_working_time(moment):
            raise OperatorRefused(f"{moment:%H:%M} 不在工作时间，{why} (no demolition at night)", field="planned_from")
