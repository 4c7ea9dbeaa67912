"""SpiffWorkflow's traps, one test each: what the runtime must never let through again."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from engine.cases.timekeeping import fire_due_timers
from engine.errors import DomainError
from engine.layers import core_root
from engine.models import CaseEvent, Instance, Timer
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown
from engine.workflow.codec import StateUnreadable, decode, difference, encode


def test_state_survives_a_store_that_reorders_keys(town: SmallTown) -> None:
    """A document store that sorts keys silently empties stock's state; ours is a list of rows and does not care."""
    work = CaseWork(town)
    work.dispatch()
    instance = town.session.scalars(select(Instance)).one()
    definition = town.platform.definitions.get(town.session, instance.deployment_id)
    shuffled = json.dumps(json.loads(instance.state), sort_keys=True).encode()
    before = orjson.loads(encode(decode(instance.state, definition, "case")))
    assert orjson.loads(encode(decode(shuffled, definition, "case"))) == before


def test_multi_instance_on_a_reloaded_instance_completes(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    town.load()
    work.handle("MUNICIPAL")
    town.load()
    work.handle("SANITATION")
    assert work.open() == ["check"]


def test_types_survive_the_difference_from_the_parent() -> None:
    """``1 == True`` in Python; a difference by equality alone would restore one as the other."""
    assert difference({"a": 1}, {"a": True}) == [{"a": True}, []]
    assert difference({"a": [1]}, {"a": [True]}) == [{"a": [True]}, []]
    assert difference({"a": 1}, {"a": 1.0}) == [{"a": 1.0}, []]
    assert difference({"a": 1}, {"a": 1}) == 0
    assert difference({"a": 1}, {}) == 1
    assert difference({"a": 1, "b": 2}, {"b": 2}) == [{}, ["a"]]


def test_parallel_branches_do_not_share_their_values(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    returned = {"decision": "return", "reason": "不属本单位", "reason_kind": "not_our_duty"}
    work.do("unit_clerk_sanitation", "receive", returned, scope="SANITATION")
    work.do("dispatcher", "redispatch_unit", {"decision": "other", "department": "STREET1", "reason": "属地"})
    assert set(work.open()) == {"receive"}
    assert work.task("receive", "MUNICIPAL").defaults["part"] == "lead"
    assert work.task("receive", "STREET1").defaults["part"] == "assist"


def test_a_failing_step_rolls_back_and_the_task_can_be_done_again(town: SmallTown) -> None:
    """Stock leaves the task in ERROR and later steps silently do nothing."""
    work = CaseWork(town)
    with pytest.raises(DomainError):
        work.do("acceptor", "accept", {"decision": "duplicate", "into": "none-such"})
    work.accept()
    assert work.open() == ["file_case"]


def test_a_broken_condition_names_the_element_and_the_remedy(town: SmallTown) -> None:
    text = (core_root() / "intake.bpmn").read_text(encoding="utf-8")
    (town.folder / "processes").mkdir()
    broken = text.replace("${accept_decision == 'duplicate'}", "${accept_decisoin == 'duplicate'}")
    (town.folder / "processes/intake.bpmn").write_text(broken, encoding="utf-8")
    town.load()
    work = CaseWork(town)
    with pytest.raises(DomainError, match=r"accept_decisoin.*did you mean `accept_decision`"):
        work.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})
    assert work.open() == ["accept"]


def test_a_loop_may_go_round_a_hundred_times(town: SmallTown) -> None:
    """Stock walks its tree recursively and gives up near a hundred rounds."""
    work = CaseWork(town)
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    request = {"decision": "enforcement", "reason": "x", "enforcement_title": "x"}
    del request["reason"]
    for _ in range(110):
        work.do("unit_handler_municipal", "handle", request)
    assert work.open() == ["handle"]


def test_a_live_instance_behind_its_row_is_never_used(tmp_path: Path, town_folder: Path) -> None:
    """Two workers: what the first keeps in memory is stale once the second has moved the case."""
    url = f"sqlite:///{tmp_path / 'city.sqlite'}"
    first, second = SmallTown(town_folder, url), SmallTown(town_folder, url)
    here = CaseWork(first)
    here.accept()
    there = CaseWork.__new__(CaseWork)
    there.town, there.id = second, here.id
    there.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})
    here.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL"})
    there.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    assert here.open() == ["handle"]
    first.close()
    second.close()


def test_a_timer_moves_with_its_clock_in_the_index(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    first = town.session.scalars(select(Timer.due_at).where(Timer.element == "limit_100")).one()
    returned = {"decision": "return", "reason": "不属本单位", "reason_kind": "not_our_duty"}
    work.do("unit_clerk_municipal", "receive", returned)
    assert town.session.scalars(select(Timer.due_at).where(Timer.element == "limit_100")).one() is None
    work.wait(minutes=25)
    work.do("dispatcher", "redispatch_unit", {"decision": "keep", "reason": "属本单位"})
    moved = town.session.scalars(select(Timer.due_at).where(Timer.element == "limit_100")).one()
    assert first is not None and moved is not None
    assert (moved - first).total_seconds() == 25 * 60


def test_state_of_a_later_release_is_refused_by_name(town: SmallTown) -> None:
    CaseWork(town)
    instance = town.session.scalars(select(Instance)).one()
    definition = town.platform.definitions.get(town.session, instance.deployment_id)
    later = orjson.dumps({**orjson.loads(instance.state), "format": 99})
    with pytest.raises(StateUnreadable, match="format 99"):
        decode(later, definition, "case")


def test_two_pollers_fire_a_timer_once(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    town.clock.set(town.clock.now().replace(hour=12))
    second = town.sessions()
    moved = [fire_due_timers(session, town.platform, town.clock.now()) for session in (town.session, second)]
    second.close()
    assert moved == [1, 0]
    query = select(CaseEvent.element).where(CaseEvent.case_id == work.id, CaseEvent.kind == "timer_fired")
    fired = list(town.session.scalars(query))
    assert sorted(fired) == ["limit_100", "limit_200", "limit_300", "limit_80"]
