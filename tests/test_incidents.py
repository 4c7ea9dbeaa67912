"""What fails inside a diagram becomes an incident that can be tried again, repaired or skipped; nothing sticks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_people import Api
from small_diagrams import chain, flow, node, service, timer, user, write_process
from sqlalchemy import select

from engine.cases.incident_acts import repair_incident, retry_incident, skip_incident
from engine.cases.incidents import list_incidents, resolve_incident, settle_incidents
from engine.cases.stuck import find_stuck
from engine.core_operators import CORE_OPERATORS
from engine.errors import Conflict, Invalid, OperatorRefused
from engine.models import CaseEvent, Incident, Instance, Task, Timer
from engine.registry import Operator, build_registry
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.step import Step, StepFailed


class Gateway:
    """An operator of somebody else: broken, refusing or well, as the test says."""

    fault: Exception | None = ValueError("no such plate")

    def __call__(self, step: Step, plate: str = "") -> dict[str, Any]:
        """Ask a gateway."""
        if self.fault is not None:
            raise self.fault
        return {"answer": plate}


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def town(tmp_path: Path, gateway: Gateway) -> Iterator[SmallTown]:
    def ask(step: Step, plate: str = "") -> dict[str, Any]:
        """Ask a gateway."""
        return gateway(step, plate)

    town = SmallTown(write_small_city(tmp_path / "small"))
    write_process(
        town.folder, [node("scriptTask", "prepare", "<bpmn:script>share = 0</bpmn:script>"), user("first"),
        service("ask", "test/ask", plate="京A"), user("last")],
        chain("start", "prepare", "first", "ask", "last", "end"),
    )  # fmt: skip
    town.load()
    town.platform.host.registry = build_registry([*CORE_OPERATORS, Operator("test/ask", ask)])
    yield town
    town.close()


def redraw(town: SmallTown, nodes: list[str], flows: list[str]) -> None:
    write_process(town.folder, nodes, flows)
    registry = town.platform.host.registry
    town.load()
    town.platform.host.registry = registry


def only(town: SmallTown) -> Incident:
    town.session.rollback()
    (incident, _), *rest = list_incidents(town.session)
    assert rest == []
    return incident


def test_a_broken_operator_is_an_incident_with_case_element_cause_and_remedy(town: SmallTown) -> None:
    work = CaseWork(town)
    for _ in range(2):
        with pytest.raises(StepFailed, match=r"case / ask .*ValueError: no such plate") as caught:
            work.do("acceptor", "first")
    assert work.open() == ["first"]
    ((incident, number),) = list_incidents(town.session)
    assert (number, incident.process, incident.element) == (work.case.number, "case", "ask")
    assert incident.id == caught.value.incident_id
    assert "skip the step" in incident.message


def test_an_operator_that_refuses_is_no_incident(town: SmallTown, gateway: Gateway) -> None:
    gateway.fault = OperatorRefused("the yard is full; call again tomorrow")
    with pytest.raises(OperatorRefused):
        CaseWork(town).do("acceptor", "first")
    assert list_incidents(town.session) == []


def test_a_retry_does_what_was_tried_as_whoever_tried_it(town: SmallTown, gateway: Gateway) -> None:
    work = CaseWork(town)
    with pytest.raises(StepFailed):
        work.do("acceptor", "first")
    incident = only(town)
    with pytest.raises(StepFailed):
        retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")
    assert only(town).id == incident.id
    gateway.fault = None
    done = retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")
    assert (done.resolved_at, done.resolution) == (town.clock.now(), "tried again by admin")
    assert work.open() == ["last"]
    lines = town.session.execute(
        select(CaseEvent.kind, CaseEvent.actor_id).where(CaseEvent.case_id == work.id).order_by(CaseEvent.id)
    ).all()
    assert ("task_completed", town.actor("acceptor").person_id) in [tuple(line) for line in lines]
    assert lines[-1][0] == "incident_retried"
    with pytest.raises(Conflict, match="is over"):
        retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")


def test_an_incident_is_over_when_the_task_is_done_after_all(town: SmallTown, gateway: Gateway) -> None:
    work = CaseWork(town)
    with pytest.raises(StepFailed):
        work.do("acceptor", "first")
    assert settle_incidents(town.session, town.clock.now()) == 0
    gateway.fault = None
    work.do("acceptor", "first")
    assert settle_incidents(town.session, town.clock.now()) == 1
    assert [(each.resolution, number) for each, number in list_incidents(town.session, resolved=True)] == [
        ("the task was completed", work.case.number)
    ]


def test_a_skipped_step_is_passed_without_running_it_and_the_history_says_why(town: SmallTown) -> None:
    work = CaseWork(town)
    with pytest.raises(StepFailed):
        work.do("acceptor", "first")
    incident = only(town)
    with pytest.raises(Invalid, match="say why"):
        skip_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin", reason=" ")
    skip_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin", reason="asked by phone")
    assert work.open() == ["last"]
    query = select(CaseEvent.element, CaseEvent.data).where(CaseEvent.kind == "step_skipped")
    assert [tuple(row) for row in town.session.execute(query)] == [
        ("ask", {"name": "ask", "reason": "asked by phone", "by": "admin"})
    ]
    assert list_incidents(town.session) == []
    other = CaseWork(town)
    with pytest.raises(StepFailed):
        other.do("acceptor", "first")


def test_repaired_variables_let_the_step_succeed_and_are_noted_with_their_old_values(town: SmallTown) -> None:
    compute = node("scriptTask", "compute", "<bpmn:script>part = 100 / share</bpmn:script>")
    prepare = node("scriptTask", "prepare", "<bpmn:script>share = 0</bpmn:script>")
    redraw(
        town, [prepare, user("first"), compute, user("last")],
        chain("start", "prepare", "first", "compute", "last", "end"),
    )  # fmt: skip
    work = CaseWork(town)
    with pytest.raises(StepFailed, match="compute"):
        work.do("acceptor", "first")
    work.forget_live()
    incident = only(town)
    now = town.clock.now()
    with pytest.raises(Invalid, match="variable"):
        repair_incident(town.session, town.platform, incident.id, {}, now, by="admin", reason="x")
    repair_incident(town.session, town.platform, incident.id, {"share": 4}, now, by="admin", reason="wrong table")
    assert work.open() == ["last"]
    row = town.session.scalars(select(CaseEvent.data).where(CaseEvent.kind == "variables_repaired")).one()
    assert row == {"before": {"share": 0}, "after": {"share": 4}, "reason": "wrong table", "by": "admin"}


def test_a_gateway_cannot_be_skipped(town: SmallTown) -> None:
    choice = node("exclusiveGateway", "choice", default="choice_to_end")
    redraw(
        town, [user("first"), choice, user("last")],
        [*chain("start", "first", "choice"), flow("choice", "last", "${1 / 0 == 1}"), flow("choice", "end"),
         flow("last", "end")],
    )  # fmt: skip
    with pytest.raises(StepFailed):
        CaseWork(town).do("acceptor", "first")
    with pytest.raises(Conflict, match="only automatic tasks"):
        skip_incident(town.session, town.platform, only(town).id, town.clock.now(), by="admin", reason="x")


def timed(town: SmallTown) -> CaseWork:
    """A case whose timer has fired into a broken service."""
    redraw(
        town, [user("first"), timer("late", "first", "30 minute"), service("ask", "test/ask"), user("remind"),
        node("endEvent", "reminded")],
        [*chain("start", "first", "end"), *chain("late", "ask", "remind", "reminded")],
    )  # fmt: skip
    work = CaseWork(town)
    work.wait(minutes=31)
    return work


def test_a_timer_whose_step_fails_is_an_incident_and_can_be_fired_at_once(town: SmallTown, gateway: Gateway) -> None:
    work = timed(town)
    incident = only(town)
    assert (incident.element, incident.act["failed"]["element"]) == ("late", "ask")
    assert town.session.scalars(select(Timer.due_at)).one() > town.clock.now()
    with pytest.raises(StepFailed):
        retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")
    gateway.fault = None
    retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")
    assert sorted(work.open()) == ["first", "remind"]
    assert list_incidents(town.session) == []


def test_the_step_behind_a_timer_can_be_skipped(town: SmallTown) -> None:
    work = timed(town)
    skip_incident(town.session, town.platform, only(town).id, town.clock.now(), by="admin", reason="gateway is gone")
    assert sorted(work.open()) == ["first", "remind"]
    assert "step_skipped" in work.history()


def test_an_action_that_fails_is_an_incident_and_can_be_tried_again(town: SmallTown, gateway: Gateway) -> None:
    caught = "<bpmn:messageEventDefinition messageRef='message_supervise'/>"
    write_process(
        town.folder,
        [user("first"), node("boundaryEvent", "urged", caught, attachedToRef="first", cancelActivity="false"),
         service("ask", "test/ask"), user("answer"), node("endEvent", "answered")],
        [*chain("start", "first", "end"), *chain("urged", "ask", "answer", "answered")],
        extra="<bpmn:message id='message_supervise' name='supervise'/>",
    )  # fmt: skip
    registry = town.platform.host.registry
    town.load()
    town.platform.host.registry = registry
    work = CaseWork(town)
    with pytest.raises(StepFailed):
        work.act("leader", "supervise", instruction="快办")
    gateway.fault = None
    retry_incident(town.session, town.platform, only(town).id, town.clock.now(), by="admin")
    assert sorted(work.open()) == ["answer", "first"]


def test_a_case_that_waits_for_nothing_becomes_an_incident_and_is_over_when_it_waits_again(town: SmallTown) -> None:
    work = CaseWork(town)
    assert find_stuck(town.session, town.platform, town.clock.now()) == 0
    # What a migration by another tool, or a hand in the database, may leave behind.
    task = town.session.get_one(Task, work.task("first").id)
    task.status = "withdrawn"
    town.session.commit()
    assert [find_stuck(town.session, town.platform, town.clock.now()) for _ in range(2)] == [1, 1]
    incident = only(town)
    assert "waits for nothing" in incident.message
    assert incident.case_id == work.id
    with pytest.raises(Conflict, match="still waits for nothing"):
        retry_incident(town.session, town.platform, incident.id, town.clock.now(), by="admin")
    task.status = "open"
    town.session.commit()
    assert find_stuck(town.session, town.platform, town.clock.now()) == 0
    assert list_incidents(town.session) == []


def test_a_case_that_waits_for_a_message_is_not_stuck(town: SmallTown) -> None:
    caught = "<bpmn:messageEventDefinition messageRef='message_resume'/>"
    write_process(
        town.folder, [node("intermediateCatchEvent", "hear", caught)], chain("start", "hear", "end"),
        extra="<bpmn:message id='message_resume' name='resume'/>",
    )  # fmt: skip
    town.load()
    CaseWork(town)
    assert find_stuck(town.session, town.platform, town.clock.now()) == 0


def test_somebody_may_resolve_an_incident_and_say_why(town: SmallTown) -> None:
    with pytest.raises(StepFailed):
        CaseWork(town).do("acceptor", "first")
    done = resolve_incident(town.session, only(town).id, town.clock.now(), by="admin", reason="case was a test")
    assert done.resolution == "resolved by admin: case was a test"
    assert list_incidents(town.session) == []


def test_incidents_of_a_case_that_has_ended_are_over(town: SmallTown, gateway: Gateway) -> None:
    work = CaseWork(town)
    with pytest.raises(StepFailed):
        work.do("acceptor", "first")
    instance = town.session.scalars(select(Instance).where(Instance.case_id == work.id)).one()
    instance.status = "ended"
    town.session.commit()
    assert settle_incidents(town.session, town.clock.now()) == 1


def test_those_who_may_mend_see_retry_repair_and_skip_over_http(api: Api) -> None:
    for path in ("/incidents", "/migrations"):
        assert api.get("acceptor", path).status_code == 403
        assert api.get("analyst", path).status_code == 200
    assert api.post("analyst", "/incidents/7/retry").status_code == 404
    assert api.post("analyst", "/incidents/7/skip", json={"reason": "x"}).status_code == 403
    assert api.post("administrator", "/incidents/7/skip", json={"reason": "x"}).status_code == 404
    repair = {"variables": {"share": 1}, "reason": "x"}
    assert api.post("analyst", "/incidents/7/repair", json=repair).status_code == 403
    assert api.post("administrator", "/incidents/7/repair", json=repair).status_code == 404
