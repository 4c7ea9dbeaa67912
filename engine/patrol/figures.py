"""What people on the ground have to show for a period; every figure leads back to its cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Case, PatrolFact, Person, Task
from engine.patrol.facts import CANDIDATE, CONFIRMED, FALSE, GONE, MISSED


@dataclass(frozen=True)
class Figures:
    """What a person has to show for a period (by the moment of the report, or of the task's due date).

    ``reports`` on patrol, ``valid`` of them filed and not taken back since, ``missed`` confirmed, ``false`` ones;
    tasks of verification and check to be done, done, and done in time; alarms. ``cases`` holds the ids behind each.
    """

    person_id: int
    login: str
    counts: dict[str, int]
    cases: dict[str, list[int]]


COUNTS = (
    "reports", "valid", "missed", "missed_candidates", "false", "need_verify", "verified", "verified_in_time",
    "need_check", "checked", "checked_in_time", "left_grid", "no_position",
)  # fmt: skip


def figures(session: Session, since: datetime, until: datetime, *, login: str | None = None) -> list[Figures]:
    """The figures of everybody who has any in a period, by login."""
    behind: dict[int, dict[str, list[int]]] = {}
    alarms: Counter[tuple[int, str]] = Counter()

    def add(person_id: int | None, name: str, case_id: int) -> None:
        if person_id is not None:
            behind.setdefault(person_id, {}).setdefault(name, []).append(case_id)

    own = select(Case.id, Case.reporter_id, Case.status, Case.filed_at).where(
        Case.source == "patrol", Case.reported_at >= since, Case.reported_at < until, Case.reporter_id.is_not(None),
        Case.matter.is_(None),
    )  # fmt: skip
    for case_id, reporter, status, filed_at in session.execute(own.order_by(Case.id)):
        add(reporter, "reports", case_id)
        if filed_at is not None and status not in GONE:
            add(reporter, "valid", case_id)
    for stage, need, done, in_time in (
        ("verify", "need_verify", "verified", "verified_in_time"),
        ("check", "need_check", "checked", "checked_in_time"),
    ):  # fmt: skip
        tasks = select(Task).where(
            Task.stage == stage, Task.created_at >= since, Task.created_at < until, Task.status != "withdrawn"
        )
        for task in session.scalars(tasks.order_by(Task.created_at, Task.case_id)):
            who = task.completed_by if task.status == "done" else task.assignee_id
            add(who, need, task.case_id)
            if task.status == "done":
                add(who, done, task.case_id)
                if task.due_at is None or (task.completed_at is not None and task.completed_at <= task.due_at):
                    add(who, in_time, task.case_id)
    names = {(MISSED, CONFIRMED): "missed", (MISSED, CANDIDATE): "missed_candidates", (FALSE, CONFIRMED): "false"}
    for fact in session.scalars(select(PatrolFact).where(PatrolFact.at >= since, PatrolFact.at < until)):
        if fact.case_id is None:
            alarms[fact.person_id, fact.kind] += 1
        elif (fact.kind, fact.status) in names:
            add(fact.person_id, names[fact.kind, fact.status], fact.case_id)
    ids = {*behind, *(person for person, _ in alarms)}
    people = session.execute(select(Person.id, Person.login).where(Person.id.in_(ids)).order_by(Person.login)).all()
    return [
        Figures(
            person_id, name,
            {each: len(behind.get(person_id, {}).get(each, ())) or alarms[person_id, each] for each in COUNTS},
            behind.get(person_id, {}),
        )
        for person_id, name in people
        if login in (None, name)
    ]  # fmt: skip
