"""Acts on a case at any time: cancel, merge, supervise, resume, appeal. Each is a message diagrams may take or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import access_case, require
from engine.cases.opening import settle_stage
from engine.cases.tasks import standing
from engine.cases.transaction import act_once
from engine.errors import Conflict, Invalid
from engine.models import Case, Instance
from engine.organisation.actor import Actor
from engine.platform import Platform
from engine.workflow.step import Step


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
        step = open_step(session, platform, case, actor, now, lock=True)
        step.record(f"{name}_requested", **content)
        if not platform.runtime.send(step, name, content):
            raise Conflict(f"case {number} ({case.status}) does not take '{name}' where it stands now; reload the case")
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
    if running_instance(session, case) is None:
        return []
    step = open_step(session, platform, case, actor, now)
    return [
        action.name
        for action in ACTIONS.values()
        if actor.may(action.permission) and platform.runtime.waits_for(step, action.name)
    ]


def running_instance(session: Session, case: Case, *, lock: bool = False) -> Instance | None:
    """The running instance of a case, none when it has ended."""
    query = select(Instance).where(Instance.case_id == case.id, Instance.status == "running")
    return session.scalar(query.with_for_update() if lock else query)


def open_step(
    session: Session, platform: Platform, case: Case, actor: Actor | None, now: datetime, *, lock: bool = False
) -> Step:
    """A step on the running instance of a case, locked when it is to act. Raises Conflict when it has ended."""
    instance = running_instance(session, case, lock=lock)
    if instance is None:
        raise Conflict(f"case {case.number} has run to its end ({case.status}); nothing in it waits any more")
    definition = platform.definitions.get(session, instance.deployment_id)
    return Step(
        session, platform.host, platform.runtime, definition, case, instance, now, actor, process=instance.process
    )
