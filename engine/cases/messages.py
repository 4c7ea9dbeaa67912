"""What cases tell each other: messages by correlation and signals, delivered once through the outbox.

A delivery moves the receiving case and marks the outbox row as done in one transaction, so nothing is lost or doubled
however often a worker dies in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.casefile.unit import unit_of
from engine.cases.opening import settle_stage
from engine.cases.steps import step_on
from engine.errors import Conflict
from engine.models import Case, CaseEvent, Instance, OutboxMessage, WaitingEvent
from engine.outbox import Handler
from engine.platform import Platform

PATIENCE = timedelta(days=7)
"""How long a message waits for a case that takes it. A signal is heard by whoever waits, or by nobody."""


class NobodyWaits(Conflict):
    """No case waits for the message yet; the outbox tries again."""


def case_handlers(platform: Platform) -> Mapping[str, Handler]:
    """The outbox topics by which cases reach each other."""
    return {
        "case/message": partial(deliver_message, platform),
        "case/signal": spread_signal,
        "case/signal_to": partial(deliver_signal, platform),
    }


def deliver_message(platform: Platform, session: Session, message: OutboxMessage, now: datetime) -> None:
    """Give a message to the case it is for: the one of that number, or else the first that waits with that key.

    Raises NobodyWaits while none takes it; after a week the sender's history says that nobody did.
    """
    name, key = str(message.payload["name"]), str(message.payload["key"])
    content: dict[str, Any] = dict(message.payload.get("content") or {})
    for instance_id, by_key in receivers(session, name, key):
        step = step_on(unit_of(session), platform, instance_id, now, None)
        if step is not None and platform.runtime.send(step, name, content, key=key if by_key else None):
            step.record("message_received", message=name, key=key, sender=number_of(session, message.case_id))
            settle_stage(step)
            return
    if now - message.created_at < PATIENCE and may_still_come(session, key):
        raise NobodyWaits(f"no case waits for the message {name!r} with the key {key!r}; it is tried again")
    note_unheard(session, message, name, key, now)


def receivers(session: Session, name: str, key: str) -> list[tuple[int, bool]]:
    """(instance, whether by key) of the cases a message may be for, the case of that number first."""
    by_number = session.scalars(
        select(Instance.id)
        .join(Case, Case.id == Instance.case_id)
        .where(Case.number == key, Instance.status == "running")
    )
    by_key = session.scalars(
        select(WaitingEvent.instance_id)
        .where(WaitingEvent.kind == "message", WaitingEvent.name == name, WaitingEvent.key == key)
        .order_by(WaitingEvent.instance_id)
    )
    return [*((each, False) for each in by_number), *((each, True) for each in dict.fromkeys(by_key))]


def may_still_come(session: Session, key: str) -> bool:
    """Whether a case may yet begin to wait: not when the key is the number of one that has ended."""
    known = session.scalar(select(Case.id).where(Case.number == key))
    if known is None:
        return True
    running = select(Instance.id).where(Instance.case_id == known, Instance.status == "running")
    return session.scalar(running) is not None


def spread_signal(session: Session, message: OutboxMessage, now: datetime) -> None:
    """One outbox row for every case that waits for the signal now, but the one that sent it."""
    name, sender = str(message.payload["name"]), message.payload.get("instance")
    rows = session.execute(
        select(WaitingEvent.instance_id, Instance.case_id)
        .join(Instance, Instance.id == WaitingEvent.instance_id)
        .where(WaitingEvent.kind == "signal", WaitingEvent.name == name, WaitingEvent.instance_id != sender)
        .distinct()
        .order_by(WaitingEvent.instance_id)
    )
    content = message.payload.get("content") or {}
    for instance_id, case_id in rows:
        session.add(
            OutboxMessage(
                topic="case/signal_to",
                case_id=case_id,
                payload={"name": name, "content": content, "instance": instance_id, "sender": message.case_id},
                created_at=now,
                due_at=now,
                attempts=0,
                done_at=None,
                last_error=None,
            )
        )


def deliver_signal(platform: Platform, session: Session, message: OutboxMessage, now: datetime) -> None:
    """Let one case hear a signal; one that no longer waits for it has moved on."""
    step = step_on(unit_of(session), platform, int(message.payload["instance"]), now, None)
    name = str(message.payload["name"])
    if step is not None and platform.runtime.signal(step, name, dict(message.payload.get("content") or {})):
        step.record("signal_heard", signal=name, sender=number_of(session, message.payload.get("sender")))
        settle_stage(step)


def number_of(session: Session, case_id: int | None) -> str:
    """The number of a case, empty for none."""
    case = session.get(Case, case_id) if case_id is not None else None
    return case.number if case is not None else ""


def note_unheard(session: Session, message: OutboxMessage, name: str, key: str, now: datetime) -> None:
    """Tell the sender's history that nobody took the message."""
    case = session.get(Case, message.case_id) if message.case_id is not None else None
    if case is not None:
        session.add(
            CaseEvent(
                case_id=case.id, at=now, kind="message_unheard", stage=case.stage, process="", element="",
                actor_id=None, actor_role="system", department_code=None, data={"message": name, "key": key},
            )
        )  # fmt: skip
