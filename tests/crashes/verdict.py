"""What a fresh process finds when everybody has been killed: is every answer true, once, and can every case go on?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from crashes.desk import Desk
from crashes.finishing import finish
from crashes.ledger import Book
from crashes.town import DONE_ONCE, FIRED_ONCE, LIFECYCLE, NOTED_ONCE, QUIET, REPLIES, WATCH
from engine.casefile.unit import unit_of
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.stuck import find_stuck
from engine.clock import FrozenClock
from engine.database import begin_write
from engine.errors import Conflict, DomainError
from engine.models import (
    Case,
    CaseEvent,
    CaseUnit,
    Evidence,
    IdempotencyKey,
    Incident,
    Instance,
    Notice,
    OutboxMessage,
    Supervision,
    Task,
    Timer,
)
from engine.outbox import people_of
from engine.workflow.elements import PEOPLE

GATEWAY = "eventBasedGateway"
"""Timers behind it bear its id in the due index."""


@dataclass
class Verdict:
    """What was found wrong, in words; one finding each."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """Everything, with its kind before it."""
        kinds = (("lost", self.lost), ("doubled", self.doubled), ("stuck", self.stuck))
        return [f"{kind}: {finding}" for kind, findings in kinds for finding in findings]

    def count(self, expected: int, found: int, what: str) -> None:
        """Fewer than expected were lost, more were doubled."""
        if found < expected:
            self.lost.append(f"{what}: {found}, expected {expected}")
        elif found > expected:
            self.doubled.append(f"{what}: {found}, expected {expected}")


def judge(desk: Desk, book: Book, clock: FrozenClock) -> tuple[Verdict, int]:
    """Judge everything; ``clock`` is the desk's. Returns what is wrong, and how many cases ended after it."""
    verdict = Verdict()
    versions = first_versions(desk, (LIFECYCLE, WATCH))
    ask_for_answers(desk, book)
    judge_answers(desk, book, verdict)
    judge_resending(desk, book, verdict)
    judge_answers(desk, book, verdict)
    judge_standing(desk, versions, verdict)
    ended = finish(desk, clock, verdict.stuck)
    judge_ended_cases(desk, verdict)
    for findings in (verdict.lost, verdict.doubled, verdict.stuck):
        findings[:] = dict.fromkeys(findings)  # answers were judged twice
    return verdict, ended


def first_versions(desk: Desk, processes: Iterable[str]) -> dict[str, int]:
    """The version an instance of each process has when it has been reported and nothing else; nothing is kept."""
    versions = {}
    for process in processes:
        begin_write(desk.session)
        report = Report(kind="component", full_code="0101", description="-", source="patrol", lon=116.0005, lat=28.0005)
        case = report_case(desk.session, desk.platform, report, None, desk.clock.now(), process=process)
        unit_of(desk.session).flush()
        versions[process] = desk.session.scalars(select(Instance.version).where(Instance.case_id == case.id)).one()
        desk.session.rollback()
    return versions


def ask_for_answers(desk: Desk, book: Book) -> None:
    """Send what was never answered once more, as the clients would: now it is answered, done before or not."""
    for deed in book.unanswered:
        book.resent += 1
        book.committed += desk.is_committed(deed)
        try:
            book.answers[deed.key] = desk.do(deed)
        except Conflict as refusal:
            book.refusals[deed.key] = str(refusal)


def judge_answers(desk: Desk, book: Book, verdict: Verdict) -> None:
    """Everything answered is in the database, once, as it was answered."""
    session = desk.session
    people = {actor.login: actor.person_id for actor in desk.people}
    kept = {(row.person_id, row.key): row.answer for row in session.scalars(select(IdempotencyKey))}
    for key, answer in book.answers.items():
        there = kept.get((people[book.deeds[key].login], key))
        if there != answer:
            verdict.lost.append(f"{key} was answered {answer}, the database has {there}")
    unknown = {key for _, key in kept} - book.answers.keys()
    verdict.doubled += [f"{key} was done, but nobody was answered" for key in unknown]
    verdict.doubled += book.differing
    judge_completions(desk, book, verdict)
    numbers = Counter(session.scalars(select(Case.external_id)))
    reports = {deed.key for deed, _ in book.answered("report")}
    for key in reports | {str(number) for number in numbers}:
        verdict.count(int(key in reports), numbers[key], f"cases of report {key}")
    photos = Counter(session.scalars(select(Evidence.id)))
    for deed, answer in book.answered("photo"):
        verdict.count(1, photos[answer["id"]], f"photo of {deed.key}")
    verdict.count(len(book.answered("photo")), sum(photos.values()), "photos in all")
    session.rollback()


def judge_completions(desk: Desk, book: Book, verdict: Verdict) -> None:
    """A task that somebody was told is done is done, by that person, with one line in the history, for one key."""
    session = desk.session
    people = {actor.login: actor.person_id for actor in desk.people}
    lines = Counter(str(data.get("task")) for data in session.scalars(data_of("task_completed")))
    tasks = {str(task.id): task for task in session.scalars(select(Task))}
    done = {key for key, task in tasks.items() if task.status == "done"}
    told = Counter(deed.request["task"] for deed, _ in book.answered("complete"))
    for deed, _ in book.answered("complete"):
        task = tasks.get(deed.request["task"])
        if task is None or task.status != "done" or task.completed_by != people[deed.login]:
            verdict.lost.append(f"{deed.key}: task {deed.request['task']} is not done by {deed.login}")
        elif task.version != deed.request["seen_version"] + 1:
            verdict.doubled.append(
                f"{deed.key}: task {task.id} has version {task.version}, seen {deed.request['seen_version']}"
            )
    for key in done | lines.keys() | told.keys():
        verdict.count(int(key in done), lines[key], f"history lines of task {key}")
        verdict.count(int(key in done), told[key], f"requests answered as completing task {key}")


def judge_standing(desk: Desk, first_version: Mapping[str, int], verdict: Verdict) -> None:
    """Task list and due index are what the diagrams wait for, versions count acts, the product finds no fault."""
    session, platform = desk.session, desk.platform
    open_rows, timers = defaultdict(Counter), defaultdict(Counter)
    for row in session.execute(select(Task.instance_id, Task.process, Task.element).where(Task.status == "open")):
        open_rows[row.instance_id][row.process, row.element] += 1
    for row in session.execute(select(Timer.instance_id, Timer.element)):
        timers[row.instance_id][row.element] += 1
    acts = Counter(session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == "task_completed")))
    fired = Counter(session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == "timer_fired")))
    for instance in session.scalars(select(Instance)).all():
        name, waits, dues = f"instance {instance.id}", open_rows[instance.id], timers[instance.id]
        begun, done, late = first_version[instance.process], acts[instance.case_id], fired[instance.case_id]
        if not begun + done <= instance.version <= begun + done + late:
            verdict.doubled.append(f"{name} has version {instance.version} after {done} tasks and {late} timers")
        if instance.status != "running":
            if waits or dues:
                verdict.stuck.append(f"{name} has ended and still waits for {dict(waits)} {dict(dues)}")
            continue
        definition = platform.definitions.get(session, instance.deployment_id)
        tokens, _ = platform.runtime.tokens(instance, definition)
        elements = {place: definition.element(*place) for place in tokens}
        people = {place: number for place, number in tokens.items() if elements[place].kind in PEOPLE}
        if people != waits:
            verdict.stuck.append(f"{name} waits at {people}, the task list has {dict(waits)}")
        clocks, sure = Counter[str](), Counter[str]()
        for place, number in tokens.items():
            element = elements[place]
            if element.event == "timer" or element.kind == GATEWAY:
                clocks[element.id] += number
                # One on a boundary stays when a share of its clock has fired, but no longer in the due index.
                sure[element.id] += number if element.host is None else 0
        if not sure <= dues <= clocks:
            verdict.stuck.append(f"{name} waits at {dict(clocks)}, the due index has {dict(dues)}")
    session.rollback()
    found = find_stuck(session, platform, desk.clock.now())
    verdict.stuck += [f"{found} cases wait for nothing"] if found else []
    verdict.stuck += [f"incident: {each.message}" for each in session.scalars(select(Incident))]
    judge_file(desk, verdict)
    session.rollback()


def judge_file(desk: Desk, verdict: Verdict) -> None:
    """SQLite's own opinion of its file."""
    if desk.engine.dialect.name == "sqlite":
        said = desk.session.execute(text("PRAGMA integrity_check")).scalars().all()
        broken = desk.session.execute(text("PRAGMA foreign_key_check")).all()
        verdict.lost += [f"integrity check: {each}" for each in (*said, *broken) if each != "ok"]


def judge_resending(desk: Desk, book: Book, verdict: Verdict) -> None:
    """Every answered request sent again gives the same answer; what it would do again, the other judges find."""
    for key, answer in book.answers.items():
        try:
            again: Any = desk.do(book.deeds[key])
        except (DomainError, SQLAlchemyError) as refusal:
            desk.session.rollback()
            again = str(refusal)
        if again != answer:
            verdict.doubled.append(f"{key} was answered {answer} and, sent again, {again}")


def judge_ended_cases(desk: Desk, verdict: Verdict) -> None:
    """Every case has ended and has had each of its tasks, timers, operators and messages exactly once."""
    session = desk.session
    done, noted, fired = defaultdict(Counter), defaultdict(Counter), defaultdict(Counter)
    for row in session.execute(select(Task.case_id, Task.element, Task.status)):
        done[row.case_id][row.element if row.status == "done" else f"{row.element} ({row.status})"] += 1
    for line in session.execute(select(CaseEvent.case_id, CaseEvent.kind, CaseEvent.process, CaseEvent.element)):
        noted[line.case_id][line.kind] += 1
        if line.kind == "timer_fired":
            fired[line.case_id][line.element] += 1
    levels = Counter(data.get("level", 0) >= 1 for data in session.scalars(data_of("escalated")))
    orders = Counter(session.scalars(select(Supervision.case_id)))
    units = Counter(session.scalars(select(CaseUnit.case_id)))
    told = Counter(session.scalars(select(OutboxMessage.case_id).where(OutboxMessage.topic == "notify")))
    rows = session.execute(select(Instance, Case).join(Case, Case.id == Instance.case_id)).all()
    for instance, case in rows:
        name, process = f"case {case.number} ({instance.process})", instance.process
        if instance.status != "ended":
            verdict.stuck.append(f"{name} is {instance.status}, at {dict(done[case.id])}")
            continue
        replied = sum(done[case.id].pop(element, 0) for element in REPLIES)
        for element in done[case.id].keys() | DONE_ONCE[process].keys():
            verdict.count(DONE_ONCE[process][element], done[case.id][element], f"{name}: {element}")
        for kind in NOTED_ONCE[process]:
            verdict.count(1, noted[case.id][kind], f"{name}: lines {kind}")
        for element in fired[case.id].keys() | FIRED_ONCE[process]:
            verdict.count(1, fired[case.id][element], f"{name}: timer {element}")
        for what, number in (
            ("replies", replied),
            ("lines", noted[case.id]["supervised"]),
            ("count", case.supervisions),
        ):
            verdict.count(orders[case.id], number, f"{name}: {what} of supervisions")
        verdict.count(2 * bool(noted[case.id]["dispatched"]), units[case.id], f"{name}: units")
        loud = len(fired[case.id].keys() - QUIET)
        verdict.count(loud, told[case.id], f"{name}: messages of timers")
        verdict.count(loud if process == LIFECYCLE else 0, noted[case.id]["escalated"], f"{name}: escalations")
    verdict.count(levels[True], sum(orders.values()), "supervisions of escalations")
    judge_messages(desk, verdict)
    session.rollback()


def judge_messages(desk: Desk, verdict: Verdict) -> None:
    """Every message was delivered, to every one of its people once."""
    session = desk.session
    notices: dict[int, Counter[int]] = defaultdict(Counter)
    for outbox_id, person_id in session.execute(select(Notice.outbox_id, Notice.person_id)):
        notices[outbox_id][person_id] += 1
    for message in session.scalars(select(OutboxMessage)).all():
        if message.done_at is None:
            verdict.stuck.append(f"message {message.id} ({message.topic}) was never delivered: {message.last_error}")
        elif message.topic == "notify":
            names = message.payload["recipients"]
            wanted = Counter(set(chain.from_iterable(people_of(session, name) for name in names)))
            for person in wanted.keys() | notices[message.id].keys():
                verdict.count(
                    wanted[person], notices[message.id][person], f"notices of message {message.id} to {person}"
                )


def data_of(kind: str) -> Any:
    """The data of all history lines of a kind."""
    return select(CaseEvent.data).where(CaseEvent.kind == kind)
