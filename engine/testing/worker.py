"""A process that works tasks of a small town and says so, to be killed at any moment.

``python -m engine.testing.worker FOLDER DATABASE``: completes open tasks one after the other, reporting new cases when
none are left, and prints the id of every task *after* its completion was answered.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.cases.tasks import complete_task
from engine.models import Person, Task
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown

ANSWERS: dict[str, dict[str, Any]] = {
    "accept": {"decision": "ok", "condition": CONDITION, "urgent": False},
    "file_case": {"decision": "approve", "condition": CONDITION, "urgent": False},
    "assign": {"decision": "assign", "lead": "MUNICIPAL", "assisting": ["SANITATION"]},
    "receive": {"decision": "accept"},
    "handle": {"decision": "done", "handling_note": "已补盖"},
    "feedback": {"decision": "complete"},
    "check": {"decision": "pass"},
    "close": {"decision": "close", "kind": "solved"},
    "call_reporter": {"satisfaction": "satisfied"},
}


def work(town: SmallTown) -> None:
    """Complete tasks without end."""
    session = town.session
    while True:
        task = session.scalars(select(Task).where(Task.status == "open").order_by(Task.created_at)).first()
        if task is None:
            CaseWork(town)
            continue
        if task.element == "feedback":
            photographer = CaseWork.__new__(CaseWork)
            photographer.town, photographer.id = town, task.case_id
            photographer.photo()
        person = next(
            actor
            for login in session.scalars(select(Person.login))
            if (actor := town.actor(login)).serves(task.role, task.scope)
        )
        task_id, answers = task.id, ANSWERS[task.element]
        complete_task(session, town.platform, person, task_id, answers, now=town.clock.now(), key=str(task_id))
        sys.stdout.write(f"{task_id}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    work(SmallTown(Path(sys.argv[1]), sys.argv[2]))
