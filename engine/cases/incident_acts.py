"""Mend what failed: try it again now, set variables first, or let the failing step pass without running it.

Each is done in the name of who did the act at first; the case's history says who mended it, how and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from engine.casefile.unit import unit_of
from engine.cases.actions import act_on_case
from engine.cases.incidents import find_incident, letter_of
from engine.cases.steps import step_on
from engine.cases.stuck import look_at_instance
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_instance
from engine.cases.transaction import act_once
from engine.database import begin_write
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Case, CaseEvent, Incident, Instance, Person
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles
from engine.outbox import retry_message
from engine.platform import Platform
from engine.workflow.elements import Element
from engine.workflow.repairing import set_variables
from engine.workflow.step import PASSED_OVER

SKIPPABLE = ("serviceTask", "businessRuleTask", "scriptTask", "sendTask")


def retry_incident(
    session: Session, platform: Platform, incident_id: int, now: datetime, *, by: str, actor: Actor | None = None
) -> Incident:
    """Try the failed act again now; the incident is over when it succeeds. Raises what fails again."""
    incident = _open(session, incident_id)
    message_id = letter_of(incident)
    if message_id is not None:
        retry_message(session, message_id, now)
    else:
        _repeat(session, platform, incident.act, incident.instance_id, now)
    return _close(session, incident_id, now, f"tried again by {by}", actor, "incident_retried", by=by)


def repair_incident(
    session: Session,
    platform: Platform,
    incident_id: int,
    variables: Mapping[str, Any],
    now: datetime,
    *,
    by: str,
    reason: str,
    actor: Actor | None = None,
) -> Incident:
    """Set variables where the case stands, note old and new values in the history, then try again.

    The variables stay even when the act fails once more. Raises Invalid without variables or a reason.
    """
    _need_reason(reason)
    if not variables:
        raise Invalid("name at least one variable to set", field="variables")
    incident = _open(session, incident_id)
    instance_id, act = incident.instance_id, incident.act

    def repair() -> dict[str, Any]:
        step = step_on(unit_of(session), platform, instance_id, now, actor)
        if step is None:
            raise Conflict("the case has run to its end; there is nothing to mend")
        before = set_variables(step, variables, _task_of(act))
        step.record("variables_repaired", before=before, after=dict(variables), reason=reason, by=by)
        return {}

    act_once(session, 0, None, {}, now, repair)
    return retry_incident(session, platform, incident_id, now, by=by, actor=actor)


def skip_incident(
    session: Session,
    platform: Platform,
    incident_id: int,
    now: datetime,
    *,
    by: str,
    reason: str,
    actor: Actor | None = None,
) -> Incident:
    """Do the act again and let the failing automatic step pass without running it; the history says so.

    Raises Conflict when what failed is no such step: a gateway must decide, a person must act.
    """
    _need_reason(reason)
    incident = _open(session, incident_id)
    act, element = incident.act, _failing_element(session, platform, incident)
    with _passing(session, element, {"reason": reason, "by": by}):
        _repeat(session, platform, act, incident.instance_id, now)
    text = f"skipped by {by}: {reason}"
    return _close(session, incident_id, now, text, actor, "incident_skipped", by=by, reason=reason)


def _open(session: Session, incident_id: int) -> Incident:
    session.rollback()
    incident = find_incident(session, incident_id)
    if incident.resolved_at is not None:
        raise Conflict(f"incident {incident_id} is over ({incident.resolution}); nothing is left to do")
    return incident


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("say why: the reason is written into the case's history", field="reason")


def _repeat(session: Session, platform: Platform, act: Mapping[str, Any], instance_id: int, now: datetime) -> None:
    """Do an act again as whoever did it. Raises Conflict for acts that cannot be repeated."""
    kind = act.get("kind")
    if kind == "complete":
        complete_task(session, platform, _doer(session, platform, act), UUID(act["task"]), act["answers"], now=now)
    elif kind == "action":
        doer = _doer(session, platform, act)
        act_on_case(session, platform, doer, act["case"], act["action"], act["payload"], now=now)
    elif kind == "timers":
        _fire(session, platform, instance_id, act["timers"], now)
    elif kind == "stuck":
        if look_at_instance(session, platform, instance_id, now):
            raise Conflict("the case still waits for nothing; migrate it to a corrected diagram or cancel it")
    else:
        raise Conflict("this act cannot be repeated for somebody else; let them do it again, then resolve the incident")


def _doer(session: Session, platform: Platform, act: Mapping[str, Any]) -> Actor:
    actor = load_actor(session, act["person"], load_roles(platform.city.layers))
    if actor is None:
        person = session.get(Person, act["person"])
        name = person.name if person is not None else act["person"]
        raise NotFound(f"{name}, who did the act, holds no post any more; let somebody else do it and resolve this")
    return actor


def _fire(session: Session, platform: Platform, instance_id: int, timers: list[list[Any]], now: datetime) -> None:
    """Fire the timers a failure has put off. Raises what fails again; nothing of it is kept then."""
    begin_write(session)
    try:
        file = unit_of(session).take(platform.runtime.shelf, "id", instance_id)
        waiting = file.timers if file is not None else {}
        for task_id, position in timers:
            timer = waiting.get((UUID(task_id), position))
            if timer is not None and timer.due_at is not None:
                timer.due_at = now
        if not fire_instance(session, platform, instance_id, now):
            raise Conflict("no timer of this incident waits any more, or another worker is at it; look again")
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _task_of(act: Mapping[str, Any]) -> UUID | None:
    """The task an act begins with: variables are set beside it."""
    if act.get("kind") == "complete":
        return UUID(act["task"])
    return UUID(act["timers"][0][0]) if act.get("timers") else None


def _failing_element(session: Session, platform: Platform, incident: Incident) -> Element:
    failed = incident.act.get("failed") or {}
    instance = session.get_one(Instance, incident.instance_id)
    definition = platform.definitions.get(session, instance.deployment_id)
    diagram = definition.diagrams.get(failed.get("process", ""))
    element = diagram.elements.get(failed.get("element", "")) if diagram is not None else None
    if element is None or element.kind not in SKIPPABLE:
        what = f"{element.name} ({element.kind})" if element is not None else "what failed"
        raise Conflict(f"{what} cannot be skipped: only automatic tasks can; repair the variables instead")
    return element


@contextmanager
def _passing(session: Session, element: Element, why: dict[str, str]) -> Iterator[None]:
    """While it lasts, this session's steps let the element pass without running it."""
    session.info[PASSED_OVER] = ((element, why),)
    try:
        yield
    finally:
        del session.info[PASSED_OVER]


def _close(
    session: Session,
    incident_id: int,
    now: datetime,
    resolution: str,
    actor: Actor | None,
    kind: str,
    **told: str,
) -> Incident:
    """The act has succeeded: the incident is over, and the case's history says how."""

    def close() -> dict[str, Any]:
        incident = find_incident(session, incident_id)
        if incident.resolution:
            return {}
        incident.resolved_at, incident.resolution = incident.resolved_at or now, resolution
        case = session.get(Case, incident.case_id)
        if case is not None:
            session.add(
                CaseEvent(
                    case_id=case.id, at=now, kind=kind, stage=case.stage, process=incident.process,
                    element=incident.act.get("failed", {}).get("element", ""),
                    actor_id=actor.person_id if actor else None, actor_role=actor.acting_role if actor else "system",
                    department_code=None, data={"incident": incident_id, "message": incident.message, **told},
                )
            )  # fmt: skip
        return {}

    act_once(session, 0, None, {}, now, close)
    return find_incident(session, incident_id)
