"""Changes of single components: one person proposes, another confirms or refuses; the register keeps who and when.

A proposal holds what the fields were when it was made. When one of them has moved on since, it can only be refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.components.counts import move_counts
from engine.components.photos import KeptPhoto, attach_photo
from engine.components.register import COLUMNS, checked_component, day, degrees, differences, plain
from engine.components.rules import Rules
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotAllowed, NotFound
from engine.models import Component, ComponentChange
from engine.organisation.actor import Actor

PROPOSE, CONFIRM = "component.propose", "component.confirm"
TEXTS = ("name", "dept_in_charge", "dept_owner", "dept_maintenance", "state", "source", "note", "photo")
DAYS = ("initial_date", "change_date")
DEGREES = ("lon", "lat")
EDITABLE = frozenset({*TEXTS, *DAYS, *DEGREES, "attributes"})
OPTIONAL = frozenset({"dept_in_charge", "dept_owner", "dept_maintenance", *DAYS})
SIGNS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
BLANK: dict[str, Any] = {
    "name": "", "grid_code": None, "dept_in_charge": None, "dept_owner": None, "dept_maintenance": None,
    "initial_date": None, "change_date": None, "source": "", "note": "", "photo": "", "attributes": {},
}  # fmt: skip


def propose(
    session: Session, actor: Actor, code: str, values: Mapping[str, Any], reason: str, rules: Rules, now: datetime,
    *, photo: KeptPhoto | None = None,
) -> ComponentChange:  # fmt: skip
    """Propose values for a component, or a new one (``values`` then name its ``full_code``); commits.

    A ``photo`` comes with the proposal and may be all that is proposed.

    :raises NotAllowed: without the permission ``component.propose``.
    :raises Invalid: a value does not hold, or nothing would change.
    """
    _require(actor, PROPOSE, "propose changes of components")
    if not reason.strip():
        raise Invalid("a proposal says why; give a reason", field="reason")
    begin_write(session)
    current = session.get(Component, code)
    if current is None and "full_code" not in values:
        raise NotFound(f"there is no component {code}; name its full_code to propose a new one")
    before = _row(current) if current is not None else None
    after = checked(code, before, values, rules)
    was, becomes = differences(before or dict.fromkeys(COLUMNS), after)
    if before is not None and not becomes and photo is None:
        raise Invalid(f"component {code} says all of that already; there is nothing to change", field="values")
    kind = "add" if before is None else "ownership" if becomes.keys() - {"grid_code"} == {"dept_owner"} else "change"
    change = ComponentChange(
        component_code=code, kind=kind, status="proposed", before=was if before is not None else None, after=becomes,
        reason=reason.strip(), proposed_by=actor.person_id, proposed_at=now, decided_by=None, decided_at=None,
        decision="", survey_id=None,
    )  # fmt: skip
    session.add(change)
    if photo is not None:
        session.flush()
        attach_photo(session, change, photo, actor.person_id, now)
    session.commit()
    return change


def confirm(
    session: Session, actor: Actor, change_id: int, decision: str, rules: Rules, now: datetime
) -> ComponentChange:
    """Put a proposal into the register, its counts with it; commits.

    :raises NotAllowed: without the permission ``component.confirm``, or for one's own proposal.
    :raises Conflict: it is decided already, or the register has moved on.
    """
    change = _to_decide(session, actor, change_id)
    current = session.get(Component, change.component_code, with_for_update=True, populate_existing=True)
    if (current is None) != (change.before is None):
        state = "is gone" if current is None else "is there already"
        raise Conflict(f"component {change.component_code} {state}; refuse the proposal")
    before = _row(current) if current is not None else None
    moved = [name for name, value in (change.before or {}).items() if before and plain(before[name]) != value]
    if moved:
        raise Conflict(
            f"{', '.join(moved)} of component {change.component_code} changed since this was proposed; refuse it and "
            "propose anew"
        )
    # The grid follows from the place; attributes are whole in a change, and equal to what they were.
    values = {name: value for name, value in change.after.items() if name not in ("code", "grid_code")}
    bare = before | {"attributes": {}} if before is not None and "attributes" in values else before
    after = checked(change.component_code, bare, values, rules)
    moves = []
    if before is not None and before["present"]:
        moves.append((before["full_code"], before["cell"], -1))
    if after["present"]:
        moves.append((after["full_code"], after["cell"], 1))
    if current is None:
        session.add(Component(**after))
    else:
        for name in COLUMNS:
            setattr(current, name, after[name])
    session.flush()
    move_counts(session, moves)
    return _decided(session, change, "confirmed", actor, decision, now)


def refuse(session: Session, actor: Actor, change_id: int, decision: str, now: datetime) -> ComponentChange:
    """Decide against a proposal; commits. Raises like ``confirm``, and Invalid without a reason."""
    if not decision.strip():
        raise Invalid("a refusal says why; give a reason", field="decision")
    return _decided(session, _to_decide(session, actor, change_id), "refused", actor, decision, now)


def list_changes(
    session: Session, *, status: str | None = None, kind: str | None = None, code: str | None = None, after: int = 0,
    most: int,
) -> Sequence[ComponentChange]:  # fmt: skip
    """Changes with an id above ``after``, by id. Kinds: add, change, ownership, survey."""
    query = select(ComponentChange).where(ComponentChange.id > after)
    for column, value in (
        (ComponentChange.status, status),
        (ComponentChange.kind, kind),
        (ComponentChange.component_code, code),
    ):
        if value is not None:
            query = query.where(column == value)
    return session.scalars(query.order_by(ComponentChange.id).limit(most)).all()


def checked(code: str, before: Mapping[str, Any] | None, values: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """A whole row with ``values`` over what was. Raises Invalid naming the field where one is at fault."""
    new = {"full_code"} if before is None else set[str]()
    wrong = sorted(values.keys() - EDITABLE - new)
    if wrong:
        raise Invalid(f"{wrong[0]} cannot be changed; change {', '.join(sorted(EDITABLE))}", field=f"values.{wrong[0]}")
    if before is None and (missing := sorted({"lon", "lat", "state"} - values.keys())):
        raise Invalid(f"a new component has {', '.join(missing)}; add it", field=f"values.{missing[0]}")
    if before is None and not (len(code) == 16 and code.isascii() and code.isdigit()):
        raise Invalid(f"component code {code!r} does not have 16 digits", field="component")
    row: dict[str, Any] = {**BLANK, **(before or {}), "code": code}
    for name, value in values.items():
        try:
            row[name] = read_value(name, value, row["attributes"] if name == "attributes" else None, rules)
        except ValueError as error:
            raise Invalid(str(error), field=f"values.{name}") from error
    row["grid_code"] = None
    if before is None:
        row["full_code"] = str(values.get("full_code", ""))
    try:
        row["attributes"] = {
            field: read_attribute(row["full_code"], field, value, rules) for field, value in row["attributes"].items()
        }
        return checked_component(row, rules)
    except ValueError as error:
        raise Invalid(str(error), field="values") from error


def read_value(name: str, value: Any, attributes: Mapping[str, Any] | None, rules: Rules) -> Any:
    """A field's value from JSON. Attributes go over those that are there; null removes one. Raises ValueError."""
    if name == "attributes":
        if not isinstance(value, dict):
            raise ValueError("attributes are an object of field and value")
        merged = {**(attributes or {}), **value}
        return {field: neat(each, field) for field, each in merged.items() if each is not None and each != ""}
    if value is None and name in OPTIONAL:
        return None
    if name in DEGREES:
        return degrees(str(value), name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is a text")
    if name in DAYS:
        return day(value, name)
    value = neat(value, name)
    return value or None if name in OPTIONAL else value


def read_attribute(full_code: str, field: str, value: Any, rules: Rules) -> Any:
    """An attribute's value as a survey would have brought it. Raises ValueError."""
    attribute = rules.attribute(full_code, field)
    if attribute is None:
        raise ValueError(f"class {full_code} has no attribute {field}")
    return attribute.read(str(value).lower() if isinstance(value, bool) else str(value))


def neat(value: Any, name: str) -> Any:
    """A text without blanks around it; other values as they are. Raises ValueError for signs that are no text."""
    if not isinstance(value, str):
        return value
    if SIGNS.search(value):
        raise ValueError(f"{name} has control characters in it; write it as plain text")
    return value.strip()


def _row(component: Component) -> dict[str, Any]:
    return {name: getattr(component, name) for name in COLUMNS}


def _require(actor: Actor, permission: str, what: str) -> None:
    if not actor.may(permission):
        raise NotAllowed(f"your post may not {what}; it takes the permission {permission}")


def _to_decide(session: Session, actor: Actor, change_id: int) -> ComponentChange:
    """An open proposal, locked in a transaction that writes."""
    _require(actor, CONFIRM, "decide on changes of components")
    begin_write(session)
    change = session.get(ComponentChange, change_id, with_for_update=True, populate_existing=True)
    if change is None:
        raise NotFound(f"there is no change {change_id}; list them at /api/v1/components/changes")
    if change.status != "proposed":
        raise Conflict(f"change {change_id} is {change.status} already; propose anew what is to be otherwise")
    if change.proposed_by == actor.person_id:
        raise NotAllowed("one's own proposal is for somebody else to decide; ask a colleague")
    return change


def _decided(
    session: Session, change: ComponentChange, status: str, actor: Actor, decision: str, now: datetime
) -> ComponentChange:
    change.status, change.decided_by, change.decided_at, change.decision = (
        status,
        actor.person_id,
        now,
        decision.strip(),
    )
    session.commit()
    return change
