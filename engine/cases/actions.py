"""Acts on a case at any time: cancel, merge, supervise, resume, appeal. Each is a message diagrams may take or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.casefile.unit import Unit, unit_of
from engine.cases.access import access_case, require
from engine.cases.opening import settle_stage
from engine.cases.steps import begin_step, step_on_case
from engine.cases.tasks import standing
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Case
from engine.organisation.actor import Actor
from engine.platform import Platform


@dataclass(frozen=True)
class Action:
    """An act on a case: the permission it takes and the fields its payload must have."""

    name: str
    permission: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


ACTIONS = {
    action.name: action
    for action in (
        Action("cancel", "case.cancel", ("reason",)),
        Action("merge", "case.merge", ("into",), ("reason",)),
        Action("supervise", "case.supervise", ("instruction",), ("level",)),
        Action("resume", "case.resume", (), ("reason",)),
        Action("appeal", "case.appeal", ("reason",)),
    )
}


def act_on_case(
    session: Session,
    platform: Platform,
    actor: Actor,
    number: str,
    name: str,
    payload: Mapping[str, Any],
    *,
    now: datetime,
    key: str | None = None,
) -> dict[str, Any]:
    """Send an action to a case. Raises Conflict when the case does not take it where it stands."""
    action = ACTIONS.get(name)
    if action is None:
        raise Invalid(f"there is no action {name!r}; use one of {', '.join(ACTIONS)}", field="action")
    require(actor, action.permission, f"{name} a case")
    content = check_payload(action, payload)

    def act() -> dict[str, Any]:
        case = access_case(session, actor, platform.host.directory, number)
        step = step_on_case(unit_of(session), platform, case.id, now, actor)
        if step is None:
            raise Conflict(f"case {case.number} has run to its end ({case.status}); nothing in it waits any more")
        step.record(f"{name}_requested", **content)
        if not platform.runtime.send(step, name, content):
            raise Conflict(
                f"case {number} ({step.case.status}) does not take '{name}' where it stands now; reload the case"
            )
        settle_stage(step)
        return standing(step)

    request = {"case": number, "action": name, "payload": content}
    return act_once(session, actor.person_id, key, request, now, act)


def check_payload(action: Action, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with every field of the action, missing optional ones as none."""
    errors = {
        field: f"{action.name} needs {field}" for field in action.required if not str(payload.get(field) or "").strip()
    }
    known = (*action.required, *action.optional)
    errors |= {field: f"{action.name} has no field {field}" for field in payload if field not in known}
    if errors:
        raise Invalid("; ".join(errors.values()), errors=errors, field=next(iter(errors)))
    return {field: payload.get(field) for field in known}


def possible_actions(session: Session, platform: Platform, actor: Actor, case: Case, now: datetime) -> list[str]:
    """The actions the actor may take on the case as it stands."""
    unit = Unit(session)
    file = unit.look("case", case.id)
    if file is None:
        return []
    step = begin_step(unit, platform, file, now, actor)
    return [
        action.name
        for action in ACTIONS.values()
        if actor.may(action.permission) and platform.runtime.waits_for(step, action.name)
    ]
