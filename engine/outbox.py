"""Deliver what the outside must hear: at least once, with growing pauses after a failure.

Messages are written in the transaction of their cause (``Step.tell``) and delivered here, one transaction each, so that
several workers share the work and none is lost. A handler that fails is asked again; what it did is rolled back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.models import Case, CaseEvent, Notice, OutboxMessage, Person, PersonPost, Post

log = logging.getLogger("wangge.outbox")

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)

Handler = Callable[[Session, OutboxMessage, datetime], None]


class Channel(Protocol):
    """A way to reach the person who reported a problem: a telephone, a message service."""

    name: str

    def reply(self, session: Session, message: OutboxMessage, case: Case, text: str, now: datetime) -> None:
        """Tell the reporter. Raises when that failed; it is tried again then."""
        ...


class CallBack:
    """The channel of a city without any other: the acceptors find a notice with whom to call and what to say."""

    name = "call_back"

    def reply(self, session: Session, message: OutboxMessage, case: Case, text: str, now: datetime) -> None:
        """Ask the acceptors to call. The telephone number stays in the case, where access to it is checked."""
        log.info("reply of case %s: acceptors are asked to call back", case.number)
        who = case.reporter_name or "报告人"
        tell(session, message, people_of(session, "acceptor"), f"请答复 {case.number} 的{who}：{text}", now)


@dataclass(frozen=True)
class Outbox:
    """Who handles which topic. Plugins add topics of their own."""

    channel: Channel = field(default_factory=CallBack)
    handlers: Mapping[str, Handler] = field(default_factory=dict)

    def handler(self, topic: str) -> Handler:
        """The handler of a topic. Raises LookupError naming the remedy."""
        known: dict[str, Handler] = {"notify": notify, "reply": self.reply, **self.handlers}
        if topic not in known:
            raise LookupError(f"nobody handles the topic {topic!r}; enable the plugin that has it")
        return known[topic]

    def reply(self, session: Session, message: OutboxMessage, now: datetime) -> None:
        """Tell the reporter through the channel and note in the history that it was sent."""
        case = session.get_one(Case, message.case_id)
        text = str(message.payload.get("text") or "")
        self.channel.reply(session, message, case, text, now)
        session.add(
            CaseEvent(
                case_id=case.id,
                at=now,
                kind="reply_sent",
                stage=case.stage,
                process="",
                element="",
                actor_id=None,
                actor_role="system",
                department_code=None,
                data={"channel": self.channel.name, "text": text},
            )
        )


def deliver_due(session: Session, outbox: Outbox, now: datetime, *, most: int = 200) -> int:
    """Deliver messages that are due, oldest first. Returns how many got through."""
    due = session.scalars(
        select(OutboxMessage.id)
        .where(OutboxMessage.done_at.is_(None), OutboxMessage.due_at <= now)
        .order_by(OutboxMessage.due_at, OutboxMessage.id)
        .limit(most)
    ).all()
    delivered = sum(deliver_one(session, outbox, message_id, now) for message_id in due)
    session.rollback()
    return delivered


def deliver_one(session: Session, outbox: Outbox, message_id: int, now: datetime) -> bool:
    """Deliver one message in its own transaction; false when it failed or another worker has it."""
    begin_write(session)
    message = held(session, message_id)
    if message is None or message.done_at is not None:
        session.rollback()
        return False
    message.attempts += 1
    try:
        outbox.handler(message.topic)(session, message, now)
        message.done_at, message.last_error = now, None
        session.commit()
    except Exception as error:
        # Handlers are other people's code and other people's networks: whatever goes wrong counts as a failed attempt.
        log.warning("outbox message %s (%s) failed: %s", message_id, error, type(error).__name__)
        session.rollback()
        note_failure(session, message_id, error, now)
        return False
    return True


def note_failure(session: Session, message_id: int, error: Exception, now: datetime) -> None:
    """Count a failed attempt and put the message off: 10 s, 20 s, 40 s … at most an hour."""
    begin_write(session)
    message = held(session, message_id)
    if message is not None and message.done_at is None:
        message.attempts += 1
        message.last_error = f"{type(error).__name__}: {error}"[:2000]
        message.due_at = now + min(FIRST_PAUSE * 2 ** min(message.attempts - 1, 16), LONGEST_PAUSE)
    session.commit()


def held(session: Session, message_id: int) -> OutboxMessage | None:
    """The message, locked; none when another worker has it."""
    return session.scalar(select(OutboxMessage).where(OutboxMessage.id == message_id).with_for_update(skip_locked=True))


def notify(session: Session, message: OutboxMessage, now: datetime) -> None:
    """Tell the people of every recipient, ``role`` or ``role@scope`` (a department or a duty grid)."""
    people: dict[int, None] = {}
    for recipient in message.payload.get("recipients") or ():
        people |= dict.fromkeys(people_of(session, str(recipient)))
    tell(session, message, people, str(message.payload.get("text") or ""), now)


def people_of(session: Session, recipient: str) -> list[int]:
    """Ids of the active people who hold a role, within a scope where one is given."""
    role, _, scope = recipient.partition("@")
    query = (
        select(PersonPost.person_id)
        .join(Post, Post.code == PersonPost.post_code)
        .join(Person, Person.id == PersonPost.person_id)
        .where(Post.role == role, Person.active)
        .distinct()
    )
    if scope:
        query = query.where(or_(PersonPost.department_code == scope, PersonPost.duty_grid_code == scope))
    return list(session.scalars(query))


def tell(session: Session, message: OutboxMessage, people: Iterable[int], text: str, now: datetime) -> None:
    """Write the notices of a message that are not there yet."""
    told = set(session.scalars(select(Notice.person_id).where(Notice.outbox_id == message.id)))
    for person_id in people:
        if person_id not in told:
            session.add(
                Notice(
                    outbox_id=message.id,
                    person_id=person_id,
                    case_id=message.case_id,
                    topic=message.topic,
                    text=text,
                    created_at=now,
                    read_at=None,
                )
            )
