"""The outbox under failure: back-off, dead letters, leases, two workers at once, workers killed in the midst."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from engine.errors import NotFound
from engine.models import CaseEvent, Incident, Notice, OutboxMessage
from engine.outbox import LEASE, MOST_TRIES, Outbox, dead_letters, deliver_due, pause_after, retry_message
from engine.pace import Pace
from engine.testing.casework import CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def town(town_folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    if request.param == "sqlite":
        town = SmallTown(town_folder, f"sqlite:///{tmp_path / 'city.db'}")
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(town_folder, url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def queue(town: SmallTown, topic: str, case_id: int | None = None, **payload: object) -> OutboxMessage:
    now = town.clock.now()
    message = OutboxMessage(
        topic=topic, case_id=case_id, payload=payload, created_at=now, due_at=now, attempts=0, done_at=None,
        last_error=None,
    )  # fmt: skip
    town.session.add(message)
    town.session.commit()
    return message


@dataclass
class Gateway:
    """A text-message gateway: what it was sent, and what it does meanwhile."""

    meanwhile: Callable[[int], None] = lambda number: None
    sent: list[int] = field(default_factory=list)

    def prepare(self, session: Session, message: OutboxMessage) -> int:
        return message.id

    def send(self, prepared: int) -> str:
        self.sent.append(prepared)
        self.meanwhile(len(self.sent))
        return "accepted"

    def note(self, session: Session, message: OutboxMessage, outcome: str, now: datetime) -> None:
        session.add(
            Notice(
                outbox_id=message.id, person_id=1, case_id=None, topic="sms", text=outcome, created_at=now, read_at=None
            )
        )


def deliver(town: SmallTown, outbox: Outbox, at: datetime) -> int:
    with town.sessions() as session:
        return deliver_due(session, outbox, at)


def fresh(town: SmallTown, message: OutboxMessage) -> OutboxMessage:
    town.session.rollback()
    town.session.refresh(message)
    return message


def test_pauses_double_to_an_hour_and_never_differ() -> None:
    pauses = [pause_after(attempt).total_seconds() for attempt in range(1, MOST_TRIES)]
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, *[3600] * 10]
    assert timedelta(hours=8) < sum(map(pause_after, range(1, MOST_TRIES)), timedelta()) < timedelta(hours=12)


def test_what_always_fails_becomes_a_dead_letter_with_an_incident_and_can_be_retried(town: SmallTown) -> None:
    work, down = CaseWork(town), [True]

    def refuse(number: int) -> None:
        if down[0]:
            raise ConnectionError("the gateway does not answer")

    outbox = Outbox(senders={"sms": Gateway(refuse)})
    message, tries = queue(town, "sms", work.id), []
    while (due := fresh(town, message).due_at) is not None:
        tries.append(due)
        town.clock.set(due)
        deliver(town, outbox, due - timedelta(microseconds=1))
        assert fresh(town, message).attempts == len(tries) - 1
        deliver(town, outbox, due)
    assert len(tries) == MOST_TRIES
    assert [letter.id for letter in dead_letters(town.session)] == [message.id]
    incident = town.session.query(Incident).filter_by(case_id=work.id).one()
    assert "the gateway does not answer" in incident.message
    assert (incident.element, incident.resolved_at) == (f"outbox/{message.id}", None)
    assert "retry the message" in incident.remedy
    down[0] = False
    retry_message(town.session, message.id, town.clock.now())
    assert deliver(town, outbox, town.clock.now()) == 1
    town.session.rollback()
    town.session.refresh(incident)
    assert incident.resolved_at == town.clock.now()
    assert dead_letters(town.session) == []
    with pytest.raises(NotFound, match="no dead letter"):
        retry_message(town.session, message.id, town.clock.now())


def test_a_message_without_a_case_can_become_a_dead_letter(town: SmallTown) -> None:
    message = queue(town, "unheard_of")
    message.attempts = MOST_TRIES - 1
    town.session.commit()
    deliver(town, Outbox(), town.clock.now())
    assert fresh(town, message).due_at is None
    assert "nobody handles the topic" in town.session.query(Incident).one().message


def test_a_message_that_kills_every_worker_is_given_up(town: SmallTown) -> None:
    gateway = Gateway()
    message = queue(town, "sms")
    message.attempts = MOST_TRIES  # leased as often, never answered
    town.session.commit()
    deliver(town, Outbox(senders={"sms": gateway}), town.clock.now())
    assert (gateway.sent, fresh(town, message).due_at) == ([], None)
    assert "midst of every last try" in (message.last_error or "")


def test_no_transaction_is_open_while_a_sender_sends(town: SmallTown) -> None:
    """A clerk's act would wait for the gateway otherwise."""

    def write(number: int) -> None:
        if town.engine.dialect.name == "sqlite":
            other = sqlite3.connect(str(town.engine.url.database), timeout=0)
            other.execute("BEGIN IMMEDIATE")
            other.close()
        with town.sessions() as session:
            session.execute(text("UPDATE outbox SET last_error = 'seen' WHERE id = 1"))
            session.rollback()

    queue(town, "sms")
    assert deliver(town, Outbox(senders={"sms": Gateway(write)}), town.clock.now()) == 1


def test_two_workers_at_once_send_a_message_once(town: SmallTown) -> None:
    sending, other_done = threading.Event(), threading.Event()

    def wait(number: int) -> None:
        sending.set()
        assert other_done.wait(10)

    gateway = Gateway(wait)
    outbox, now = Outbox(senders={"sms": gateway}), town.clock.now()
    message = queue(town, "sms")
    first = threading.Thread(target=deliver, args=(town, outbox, now))
    first.start()
    assert sending.wait(10)
    assert deliver(town, outbox, now + LEASE - timedelta(seconds=1)) == 0
    other_done.set()
    first.join()
    assert gateway.sent == [message.id]
    assert (fresh(town, message).done_at, message.due_at) == (now, None)


def test_a_worker_that_lost_its_lease_does_not_mark_what_another_did(town: SmallTown) -> None:
    outbox, now = Outbox(), town.clock.now()

    def overtake(number: int) -> None:
        if number == 1:  # this worker hangs for longer than its lease, and another takes the message over
            assert deliver(town, outbox, now + LEASE) == 1

    gateway = Gateway(overtake)
    outbox = Outbox(senders={"sms": gateway})
    message = queue(town, "sms")
    assert deliver(town, outbox, now) == 0
    assert (len(gateway.sent), town.session.query(Notice).count()) == (2, 1)
    assert (fresh(town, message).done_at, message.attempts) == (now + LEASE, 2)


def test_a_failed_try_does_not_put_off_what_another_worker_has_taken_over(town: SmallTown) -> None:
    outbox, now = Outbox(), town.clock.now()

    def overtake(number: int) -> None:
        if number == 1:
            assert deliver(town, outbox, now + LEASE) == 1
            raise ConnectionError("too late")

    gateway = Gateway(overtake)
    outbox = Outbox(senders={"sms": gateway})
    message = queue(town, "sms")
    deliver(town, outbox, now)
    assert (fresh(town, message).done_at, message.last_error) == (now + LEASE, None)


def test_four_workers_share_two_hundred_messages(town: SmallTown) -> None:
    gateway = Gateway()
    outbox, now = Outbox(senders={"sms": gateway}), town.clock.now()
    for _ in range(100):
        queue(town, "sms")
        queue(town, "notify", recipients=["acceptor"], text="x")
    delivered: list[int] = []
    workers = [threading.Thread(target=lambda: delivered.append(deliver(town, outbox, now))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(delivered) == 200
    assert set(Counter(gateway.sent).values()) == {1}
    assert town.session.query(Notice).count() == 200


def test_done_messages_leave_the_index_of_what_is_due(town: SmallTown) -> None:
    queue(town, "notify", recipients=["acceptor"], text="x")
    deliver(town, Outbox(), town.clock.now())
    assert town.session.query(OutboxMessage).filter(OutboxMessage.due_at.is_not(None)).count() == 0


def test_a_round_ends_when_its_time_is_up_and_rests_after_every_message(town: SmallTown) -> None:
    moment, rests = [0.0], list[float]()

    def tick(number: int) -> None:
        moment[0] += 1.0

    pace = Pace(2.5, rest=0.05, clock=lambda: moment[0], sleep=rests.append)
    for _ in range(5):
        queue(town, "sms")
    with town.sessions() as session:
        assert deliver_due(session, Outbox(senders={"sms": Gateway(tick)}), town.clock.now(), pace=pace) == 3
    assert rests == [0.05] * 3


WORKER = """
import os, signal, sys
from datetime import datetime, timedelta
from engine.database import open_database, session_factory
from engine.models import CaseEvent, Notice
from engine.outbox import Outbox, deliver_due

url, log, moment, place, count = sys.argv[1:]
left = [int(count)]

def perhaps_die(here):
    if here == place:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def note(session, message, now):
    told = dict(outbox_id=message.id, person_id=1, case_id=None, topic=message.topic)
    session.add(Notice(**told, text="", created_at=now, read_at=None))
    session.flush()

class Gateway:
    def prepare(self, session, message):
        return message.id
    def send(self, prepared):
        perhaps_die("before")
        with open(log, "a") as file:
            file.write(f"{prepared}\\n")
        perhaps_die("after")
    def note(self, session, message, outcome, now):
        note(session, message, now)
        perhaps_die("noted")

def handler(session, message, now):
    note(session, message, now)
    perhaps_die("handled")

outbox = Outbox(handlers={"x": handler}, senders={"sms": Gateway()})
with session_factory(open_database(url))() as session:
    deliver_due(session, outbox, datetime.fromisoformat(moment))
"""


def test_workers_killed_between_delivery_and_mark_lose_nothing(town: SmallTown, tmp_path: Path) -> None:
    """At least once for what goes out, exactly once for what stays inside."""
    for _ in range(12):
        queue(town, "sms")
        queue(town, "x")
    town.session.rollback()
    log, now = tmp_path / "sent.txt", town.clock.now()
    url: Any = town.engine.url.render_as_string(hide_password=False)
    places = ["before", "after", "noted", "handled", "after", "handled", "nowhere"]
    for number, place in enumerate(places):
        moment = (now + number * LEASE).isoformat()
        worker = subprocess.run([sys.executable, "-c", WORKER, url, str(log), moment, place, "2"], check=False)
        assert worker.returncode == (0 if place == "nowhere" else -signal.SIGKILL)
    sent = Counter(int(line) for line in log.read_text().split())
    town.session.rollback()
    rows = town.session.query(OutboxMessage).all()
    assert all(row.done_at is not None for row in rows)
    assert set(sent) == {row.id for row in rows if row.topic == "sms"}  # none was lost
    assert 0 < sum(sent.values()) - 12 <= 3  # sent again: one for each worker killed after sending, none else
    noted = Counter(town.session.scalars(town.session.query(Notice.outbox_id).statement))
    assert noted == Counter(row.id for row in rows)  # exactly once


def test_a_notice_delivered_twice_tells_nobody_twice(town: SmallTown) -> None:
    message = queue(town, "notify", recipients=["acceptor"], text="x")
    assert deliver(town, Outbox(), MONDAY) == 1
    fresh(town, message).done_at, message.due_at = None, MONDAY
    town.session.commit()
    assert deliver(town, Outbox(), MONDAY) == 1
    assert town.session.query(Notice).count() == 1


def test_the_channel_notes_a_reply_once(town: SmallTown) -> None:
    work = CaseWork(town)
    queue(town, "reply", work.id, phone=True, text="不属于受理范围")
    assert [deliver(town, Outbox(), MONDAY), deliver(town, Outbox(), MONDAY)] == [1, 0]
    assert town.session.query(CaseEvent).filter_by(kind="reply_sent").count() == 1
