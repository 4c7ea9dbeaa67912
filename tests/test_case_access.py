"""Who may do what to a case, and what happens when two do it at once or one does it twice."""

from __future__ import annotations

import pytest

from engine.cases.tasks import complete_task
from engine.errors import Conflict, NotAllowed, NotFound
from engine.models import Person, PersonPost
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown


def test_a_department_never_closes_or_checks_its_own_case(town: SmallTown) -> None:
    """Not even when one of its people also holds a post at the centre."""
    person = town.session.query(Person).filter_by(login="unit_clerk_municipal").one()
    person.posts.append(PersonPost(post_code="shift_leader", department_code="SUPERVISION", duty_grid_code=None))
    town.session.commit()
    work = CaseWork(town)
    work.dispatch()
    work.handle()
    work.do("collector", "check", {"decision": "pass"})
    with pytest.raises(NotAllowed, match="supervision side"):
        work.do("unit_clerk_municipal", "close", {"decision": "close", "kind": "solved"})
    assert work.case.status == "dispatched"


def test_a_clerk_of_another_department_does_not_even_see_the_task(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    with pytest.raises(NotFound):
        work.do("unit_clerk_sanitation", "receive", {"decision": "accept"})


def test_a_stale_view_is_a_conflict_and_changes_nothing(town: SmallTown) -> None:
    work = CaseWork(town)
    version = work.task("accept").version
    before = len(work.history())
    answers = {"decision": "ok", "condition": CONDITION, "urgent": False}
    with pytest.raises(Conflict, match="changed since"):
        work.do("acceptor", "accept", answers, seen_version=version + 7)
    assert len(work.history()) == before
    work.do("acceptor", "accept", answers, seen_version=version)


def test_the_same_key_answers_the_same_and_acts_once(town: SmallTown) -> None:
    work = CaseWork(town)
    answers = {"decision": "ok", "condition": CONDITION, "urgent": False}
    task_id = work.task("accept").id

    def send(content: dict[str, object]) -> dict[str, object]:
        return complete_task(
            town.session, town.platform, town.actor("acceptor"), task_id, content, now=town.clock.now(), key="k1"
        )

    first = send(answers)
    assert send(answers) == first
    assert work.history().count("task_completed") == 1
    with pytest.raises(Conflict, match="used for another request"):
        send({**answers, "urgent": True})


def test_a_task_done_already_says_by_whom(town: SmallTown) -> None:
    work = CaseWork(town)
    task = work.task("accept")
    work.accept()
    with pytest.raises(Conflict, match="completed by acceptor"):
        complete_task(town.session, town.platform, town.actor("acceptor"), task.id, {}, now=town.clock.now())
