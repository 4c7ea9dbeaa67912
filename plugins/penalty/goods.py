"""Goods in custody: seized (查封扣押) or kept as registered evidence (先行登记保存), one entry each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import DomainError, OperatorRefused
from engine.registers.keeping import add_entry, change_entry, look_up
from engine.workflow.step import Step
from plugins.penalty.ledger import hand_of, register_of
from plugins.penalty.officers import today_of

GOODS = "penalty_goods"


def enter_goods(
    step: Step, kind: str, goods: Sequence[Mapping[str, Any]], party: str = "", custodian: str = ""
) -> dict[str, Any]:
    """Enter every row of a list of goods (``name amount unit mark place``). Result ``{keys}``, in order.

    Keys are the case's number with a serial. Refused without any row.
    """
    if not goods:
        raise OperatorRefused("the list of goods is empty; name every object", field="goods")
    register, hand, today = register_of(step, GOODS), hand_of(step), today_of(step).isoformat()
    keys, serial = [], 0
    for row in goods:
        serial += 1
        while look_up(step.session, GOODS, f"{step.case.number}-{serial:02}") is not None:
            serial += 1
        values = {
            "code": f"{step.case.number}-{serial:02}", "name": row.get("name"), "amount": row.get("amount") or 1,
            "unit": row.get("unit"), "mark": row.get("mark"), "kind": kind, "case_number": step.case.number,
            "party": party or None, "custodian": custodian or row.get("place"), "taken_on": today, "condition": "kept",
        }  # fmt: skip
        try:
            keys.append(add_entry(step.session, register, values, hand).key)
        except DomainError as error:
            raise OperatorRefused(error.message, field=error.field) from error
    return {"keys": keys}


def settle_goods(step: Step, keys: Sequence[str], state: str, note: str = "") -> None:
    """Note what became of goods: released, confiscated, sold, copied, tested, seized. Refused for another state."""
    register, hand, today = register_of(step, GOODS), hand_of(step), today_of(step).isoformat()
    for key in keys or ():
        try:
            change_entry(
                step.session, register, str(key), {"condition": state, "settled_on": today, "note": note or None}, hand
            )
        except DomainError as error:
            raise OperatorRefused(error.message, field=error.field) from error
