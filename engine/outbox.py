"""Deliver what the outside must hear: at least once, with growing pauses after a failure, never for ever.

Messages are written in the transaction of their cause (``Step.tell``) and delivered here. Two kinds of recipients:

* a *handler* only writes to the database. It works in one transaction with the mark that the message is done, so what
  it does happens exactly once, whenever the worker dies.
* a *sender* talks to a network, which may take its time. It leases the message first and sends outside of any
  transaction, so that no clerk waits for a gateway; no other worker takes the message while the lease runs. When the
  worker dies between sending and marking, the message is sent again after the lease: at least once.

What fails is tried again after 10 s, 20 s, 40 s … at most an hour. After ``MOST_TRIES`` the message is a dead letter:
an incident tells why, and `retry_message` sends it on once the cause is mended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from engine.cases.incidents import open_incident
from engine.database import begin_write
from engine.errors import DomainError, NotFound
from engine.models import Case, CaseEvent, Incident, Instance, Notice, OutboxMessage, Person, PersonPost, Post
from engine.pace import Pace, at_once

log = logging.getLogger("wangge.outbox")

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
LEASE = timedelta(minutes=5)
"""How long a sender may take; it must give up before."""
MOST_TRIES = 20
"""About eleven hours: a gateway that is down for a night is no incident."""
REMEDY = "mend what the message names, then retry the message"

Handler = Callable[[Session, OutboxMessage, datetime], None]


class DeliveryFailed(DomainError):
    """A message could not be delivered, however often it was tried; the message says which and why."""


class Sender(Protocol):
    """Delivers over a network. Raises when that failed; it is tried again then."""

    def prepare(self, session: Session, message: OutboxMessage) -> Any:
        """Read from the database what sending needs."""
        ...

    def send(self, prepared: Any) -> Any:
        """Send, outside of any transaction and within the lease. The message's id may serve as idempotency key."""
        ...

    def note(self, session: Session, message: OutboxMessage, outcome: Any, now: datetime) -> None:
        """Write down what came of it, in one transaction with the mark that it is done."""
        ...


class Channel(Protocol):
    """A way to reach the person who reported a problem that needs no network; others are senders of ``reply``."""

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
    """Who handles which topic; a sender comes before a handler. Plugins add topics of their own."""

    channel: Channel = field(default_factory=CallBack)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)

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


def deliver_due(session: Session, outbox: Outbox, now: datetime, *, most: int = 200, pace: Pace | None = None) -> int:
    """Deliver messages that are due, oldest first, until the round is over. Returns how many got through."""
    pace = pace or at_once()
    due = session.scalars(
        select(OutboxMessage.id)
        .where(OutboxMessage.done_at.is_(None), OutboxMessage.due_at <= now)
        .order_by(OutboxMessage.due_at, OutboxMessage.id)
        .limit(most)
    ).all()
    delivered = 0
    for message_id in due:
        if pace.spent:
            break
        with pace.transaction():
            delivered += deliver_one(session, outbox, message_id, now)
    session.rollback()
    return delivered


def deliver_one(session: Session, outbox: Outbox, message_id: int, now: datetime) -> bool:
    """Deliver one message; false when it failed or another worker has it."""
    begin_write(session)
    message = held(session, message_id, now)
    if message is None:
        session.rollback()
        return False
    attempt = message.attempts + 1
    if attempt > MOST_TRIES:
        lost = DeliveryFailed("the worker ended in the midst of every last try")
        note_failure(session, message_id, attempt, lost, now)
        return False
    try:
        sender = outbox.senders.get(message.topic)
        if sender is not None:
            return send_leased(session, sender, message, attempt, now)
        outbox.handler(message.topic)(session, message, now)
        mark_done(message, attempt, now)
        session.commit()
    except Exception as error:
        # Handlers are other people's code and other people's networks: whatever goes wrong counts as a failed attempt.
        log.warning("outbox message %s (%s) failed: %s", message_id, error, type(error).__name__)
        session.rollback()
        note_failure(session, message_id, attempt, error, now)
        return False
    return True


def send_leased(session: Session, sender: Sender, message: OutboxMessage, attempt: int, now: datetime) -> bool:
    """Lease the message, send it with no transaction open, and mark it unless the lease was lost in between."""
    message_id = message.id
    prepared = sender.prepare(session, message)
    message.attempts, message.due_at = attempt, now + LEASE
    session.commit()
    outcome = sender.send(prepared)
    begin_write(session)
    still = session.get(OutboxMessage, message_id, populate_existing=True, with_for_update=True)
    if still is None or still.done_at is not None or still.attempts != attempt:
        session.rollback()
        return False
    sender.note(session, still, outcome, now)
    mark_done(still, attempt, now)
    session.commit()
    return True


def mark_done(message: OutboxMessage, attempt: int, now: datetime) -> None:
    """Done messages leave the index of what is due, however many there are."""
    message.attempts, message.done_at, message.due_at, message.last_error = attempt, now, None, None


def note_failure(session: Session, message_id: int, attempt: int, error: Exception, now: datetime) -> None:
    """Count a failed attempt and put the message off; after the last one it is a dead letter with an incident."""
    begin_write(session)
    message = session.get(OutboxMessage, message_id, populate_existing=True, with_for_update=True)
    if message is None or message.done_at is not None or message.attempts > attempt:
        session.rollback()  # gone, or another worker has taken it over since
        return
    message.attempts = attempt
    message.last_error = f"{type(error).__name__}: {error}"[:2000]
    message.due_at = now + pause_after(attempt) if attempt < MOST_TRIES else None
    session.commit()
    if message.due_at is None:
        open_dead_letter(session, message, now)


def pause_after(attempt: int) -> timedelta:
    """10 s, 20 s, 40 s … at most an hour; without chance, so that everybody can tell when the next try is."""
    return min(FIRST_PAUSE * (1 << min(attempt - 1, 16)), LONGEST_PAUSE)


def open_dead_letter(session: Session, message: OutboxMessage, now: datetime) -> None:
    """An incident for a message that is given up; its element names the message."""
    instance_id = session.scalar(select(Instance.id).where(Instance.case_id == message.case_id).limit(1)) or 0
    error = DeliveryFailed(
        f"message {message.id} ({message.topic}) was not delivered in {message.attempts} tries: {message.last_error}"
    )
    incident_id = open_incident(session, message.case_id or 0, instance_id, error, now)
    begin_write(session)
    incident = session.get_one(Incident, incident_id)
    incident.element, incident.remedy = letter(message.id), REMEDY
    session.commit()


def letter(message_id: int) -> str:
    """How an incident names a message."""
    return f"outbox/{message_id}"


def dead_letters(session: Session) -> list[OutboxMessage]:
    """Messages that were given up, oldest first."""
    query = select(OutboxMessage).where(OutboxMessage.done_at.is_(None), OutboxMessage.due_at.is_(None))
    return list(session.scalars(query.order_by(OutboxMessage.id)))


def retry_message(session: Session, message_id: int, now: datetime) -> None:
    """Deliver a dead letter anew, with all its tries, and resolve its incident. Raises NotFound for any other."""
    begin_write(session)
    message = session.get(OutboxMessage, message_id, populate_existing=True, with_for_update=True)
    if message is None or message.done_at is not None or message.due_at is not None:
        session.rollback()
        raise NotFound(f"there is no dead letter {message_id}; only messages that were given up are retried by hand")
    message.attempts, message.due_at = 0, now
    ours = (Incident.case_id == (message.case_id or 0), Incident.element == letter(message_id))
    session.execute(update(Incident).where(*ours, Incident.resolved_at.is_(None)).values(resolved_at=now))
    session.commit()


def held(session: Session, message_id: int, now: datetime) -> OutboxMessage | None:
    """The message, locked and still due; none when another worker has it or did it."""
    query = select(OutboxMessage).where(
        OutboxMessage.id == message_id, OutboxMessage.done_at.is_(None), OutboxMessage.due_at <= now
    )
    # Read anew: another worker may have leased it since this session last saw it.
    return session.scalar(query.with_for_update(skip_locked=True).execution_options(populate_existing=True))


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
