"""The same city on PostgreSQL: the lifecycle, its timers, and two writers at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from engine.cases.tasks import complete_task
from engine.errors import Conflict
from engine.models import CaseEvent
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import SmallTown

pytestmark = pytest.mark.postgresql


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    try:
        with scratch_postgresql() as url:
            town = SmallTown(town_folder, url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def test_a_case_goes_through_its_life_on_postgresql(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    work.wait(hours=3)
    assert work.case.supervisions == 1
    work.handle("SANITATION")
    work.handle("MUNICIPAL")
    work.close()
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    assert (work.case.status, work.case.on_time) == ("closed", False)


def test_eight_clerks_complete_the_same_task_and_one_wins(town: SmallTown) -> None:
    work = CaseWork(town)
    task_id, actor, now = work.task("accept").id, town.actor("acceptor"), town.clock.now()
    answers = {"decision": "ok", "condition": CONDITION, "urgent": False}

    def attempt(task: UUID) -> bool:
        with town.sessions() as session:
            try:
                complete_task(session, town.platform, actor, task, answers, now=now)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, [task_id] * 8))
    assert won.count(True) == 1
    query = select(func.count()).where(CaseEvent.case_id == work.id, CaseEvent.kind == "task_completed")
    assert town.session.scalar(query) == 1


def test_one_key_sent_eight_times_at_once_acts_once_and_answers_the_same(town: SmallTown) -> None:
    work = CaseWork(town)
    task_id, actor, now = work.task("accept").id, town.actor("acceptor"), town.clock.now()
    answers = {"decision": "ok", "condition": CONDITION, "urgent": False}

    def attempt(key: str) -> dict[str, object]:
        with town.sessions() as session:
            return complete_task(session, town.platform, actor, task_id, answers, now=now, key=key)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(attempt, ["the-key"] * 8))
    assert all(answer == got[0] for answer in got)
    assert work.history().count("task_completed") == 1
