"""Overdue tasks: who is told, once a rung, on both databases, by however many pollers, after a downtime, cheaply."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from api_people import Api
from sqlalchemy import insert, select
from sqlalchemy.dialects import sqlite

from api.pages.words import EVENTS as PAGE_WORDS
from api.scheduler import work_off_overdue, work_once
from engine.casefile.unit import unit_of
from engine.cases.clocks import extend_clock, pause_clock, run_clock
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.cases.steps import step_on_case
from engine.cases.tasks import complete_task
from engine.cases.timekeeping import fire_due_timers
from engine.checks.escalating import check_escalation, find_silent
from engine.checks.material import Material, read_material
from engine.checks.overdue import check_overdue
from engine.city import load_city
from engine.clock import FrozenClock
from engine.core_operators import CORE_OPERATORS
from engine.database import begin_write
from engine.explain.words import EVENTS
from engine.layers import Layer, Layers, core_root
from engine.loading.rivals import find_rivals
from engine.models import CaseEvent, Notice, OutboxMessage, Person, Task, TaskOverdue
from engine.outbox import Outbox, deliver_due
from engine.overdue.rungs import OverdueBroken, load_rungs, read_rungs
from engine.overdue.telling import Lookout, _new, next_look, tell_overdue
from engine.pace import Pace
from engine.platform import build_platform
from engine.registry import build_registry
from engine.scenarios import Bench, run_scenario
from engine.scenarios.reading import read_file
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.lists import date_tasks
from engine.workflow.step import Step

HEADER = "task,after,recipients,text_zh,text_en,reason\n"
HOUR = timedelta(hours=1)
LIMIT = '<camunda:property name="limit" value="1 urgent_hour" />'
CLOCK = '<camunda:property name="clock" value="handling" />'
PROCESS = """<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="urn:wangge"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="d">
  <bpmn:process id="{id}" name="跑腿" isExecutable="true">
    <bpmn:startEvent id="begin" name="开始"><bpmn:outgoing>a</bpmn:outgoing></bpmn:startEvent>
    <bpmn:serviceTask id="clock" name="计时" camunda:type="external" camunda:topic="case/start_clock">
      <bpmn:extensionElements><camunda:inputOutput>
        <camunda:inputParameter name="clock">handling</camunda:inputParameter>
        <camunda:inputParameter name="limit">1 urgent_hour</camunda:inputParameter>
      </camunda:inputOutput></bpmn:extensionElements>
      <bpmn:incoming>a</bpmn:incoming><bpmn:outgoing>b</bpmn:outgoing>
    </bpmn:serviceTask>
    <bpmn:userTask id="write" name="填表" camunda:candidateGroups="{group}">
      <bpmn:documentation>一小时。来源：经验值（memory），待城市核定。</bpmn:documentation>
      <bpmn:extensionElements><camunda:properties>
        <camunda:property name="stage" value="handle" />{properties}
      </camunda:properties></bpmn:extensionElements>
      <bpmn:incoming>b</bpmn:incoming><bpmn:outgoing>c</bpmn:outgoing>
    </bpmn:userTask>{timer}
    <bpmn:endEvent id="done" name="办完"><bpmn:incoming>c</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="a" sourceRef="begin" targetRef="clock" />
    <bpmn:sequenceFlow id="b" sourceRef="clock" targetRef="write" />
    <bpmn:sequenceFlow id="c" sourceRef="write" targetRef="done" />
  </bpmn:process>
</bpmn:definitions>
"""
TIMER = """<bpmn:boundaryEvent id="late" name="到期" attachedToRef="write" cancelActivity="false">
      <bpmn:outgoing>e</bpmn:outgoing><bpmn:timerEventDefinition>
      <bpmn:timeDuration xsi:type="bpmn:tFormalExpression">{text}</bpmn:timeDuration></bpmn:timerEventDefinition>
    </bpmn:boundaryEvent>
    <bpmn:endEvent id="told" name="已提醒"><bpmn:incoming>e</bpmn:incoming></bpmn:endEvent>
    <bpmn:sequenceFlow id="e" sourceRef="late" targetRef="told" />"""
IN_TIME = {"at_100": "100 % of limit", "at_80": "80 % of limit", "in_time": "30 minute", "computed": "${'45 minute'}"}
TOO_LATE = {"at_150": "150 % of limit", "two_hours": "2 urgent_hour", "computed_late": "${'90 minute'}"}


def draw(folder: Path, name: str, group: str = "acceptor", properties: str = LIMIT, timer: str = "") -> None:
    """A process of one task, perhaps with a timer on it."""
    (folder / "processes").mkdir(exist_ok=True)
    late = TIMER.format(text=timer) if timer else ""
    content = PROCESS.format(id=name, group=group, properties=properties, timer=late)
    (folder / "processes" / f"{name}.bpmn").write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small city with processes of one task each; read only."""
    folder = write_small_city(tmp_path_factory.mktemp("city") / "small")
    draw(folder, "errand")
    draw(folder, "unit_errand", "unit_handler@MUNICIPAL")
    draw(folder, "odd_errand", "unit_handler@NOWHERE")
    draw(folder, "clock_errand", properties=CLOCK)
    draw(folder, "watched_clock", properties=CLOCK, timer="300 % of limit")
    for name, timer in (IN_TIME | TOO_LATE).items():
        draw(folder, name, timer=timer)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Iterator[SmallTown]:
    town = SmallTown(folder)
    yield town
    town.close()


@pytest.fixture
def town(loaded: SmallTown) -> SmallTown:
    """The city with nothing overdue in it, at Monday nine o'clock."""
    loaded.session.rollback()
    for task in loaded.session.scalars(select(Task).where(Task.status == "open")):
        task.status = "withdrawn"
    loaded.session.query(TaskOverdue).delete()
    loaded.session.commit()
    loaded.platform.runtime.shelf.__init__()  # type: ignore[misc]
    loaded.platform.host.rungs = load_rungs(loaded.city.layers)
    loaded.clock.set(MONDAY)
    return loaded


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    """The city in a database that several workers share."""
    if request.param == "sqlite":
        town = SmallTown(folder, f"sqlite:///{tmp_path / 'city.db'}")
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def begin(town: SmallTown, process: str = "errand") -> int:
    """Open a case of a process; its id."""
    report = Report(kind="component", full_code="0101", description="井盖", source="patrol", lon=116.0005, lat=28.0005)
    begin_write(town.session)
    case = report_case(town.session, town.platform, report, None, town.clock.now(), process=process)
    case_id = case.id
    town.session.commit()
    return case_id


def tell(town: SmallTown, hours: float = 0) -> int:
    """Let time pass, then one round of telling."""
    town.clock.set(town.clock.now() + hours * HOUR)
    return tell_overdue(town.session, town.platform, town.clock.now())


def lines(town: SmallTown, case_id: int) -> list[tuple[int, list[str]]]:
    """The share and the recipients of every line about an overdue task."""
    town.session.rollback()
    query = select(CaseEvent.data).where(CaseEvent.case_id == case_id, CaseEvent.kind == "task_overdue")
    return [(data["percent"], data["recipients"]) for data in town.session.scalars(query.order_by(CaseEvent.id))]


def letters(town: SmallTown, case_id: int) -> list[dict[str, object]]:
    query = select(OutboxMessage).where(OutboxMessage.case_id == case_id, OutboxMessage.topic == "notify")
    return [dict(each.payload) for each in town.session.scalars(query.order_by(OutboxMessage.id))]


def rules(town: SmallTown, tmp_path: Path, rows: str) -> None:
    """Let the city have rows of its own."""
    (tmp_path / "overdue.csv").write_text(HEADER + rows, encoding="utf-8")
    town.platform.host.rungs = load_rungs(Layers([*town.city.layers.layers, Layer("city x", tmp_path)]))


def on_case(town: SmallTown, case_id: int, change: Callable[[Step], None]) -> None:
    """Change a case's clock as an operator would, and date its tasks anew."""
    begin_write(town.session)
    step = step_on_case(unit_of(town.session), town.platform, case_id, town.clock.now(), None)
    assert step is not None
    change(step)
    date_tasks(step)
    town.session.commit()


# Who is told, and when ------------------------------------------------------------------------------------------


def test_each_rung_is_told_once_when_it_is_reached(town: SmallTown) -> None:
    case_id = begin(town)
    assert (tell(town, 0.99), lines(town, case_id)) == (0, [])
    assert next_look(town.session, MONDAY + 9 * HOUR) == MONDAY + HOUR
    assert (tell(town, 0.01), lines(town, case_id)) == (1, [(100, ["shift_leader"])])
    assert next_look(town.session, MONDAY + 9 * HOUR) == MONDAY + 2 * HOUR
    assert [tell(town), tell(town, 0.5), tell(town, 0.5), tell(town), tell(town, 50)] == [0, 0, 1, 0, 0]
    assert lines(town, case_id) == [(100, ["shift_leader"]), (200, ["command_head"])]
    assert next_look(town.session, MONDAY + 999 * HOUR) is None


def test_people_find_a_notice_that_says_what_is_late(town: SmallTown) -> None:
    case_id = begin(town)
    tell(town, 1)
    deliver_due(town.session, Outbox(), town.clock.now())
    query = select(Person.login, Notice.text).join(Notice, Notice.person_id == Person.id)
    found = town.session.execute(query.where(Notice.case_id == case_id)).all()
    assert [tuple(row) for row in found] == [
        ("shift_leader", "“填表”已超过时限（应于 2026-03-02 10:00 前办理），请督促办理。")
    ]
    assert letters(town, case_id)[0]["overdue"] == 100


def test_the_history_has_words_for_it_in_both_languages() -> None:
    assert all(EVENTS["task_overdue"]) and PAGE_WORDS["task_overdue"]


def test_the_head_of_the_tasks_own_unit_is_told(town: SmallTown) -> None:
    case_id = begin(town, "unit_errand")
    tell(town, 2)
    tell(town, 1)
    assert lines(town, case_id) == [
        (100, ["unit_head@MUNICIPAL"]), (200, ["unit_head@MUNICIPAL", "shift_leader"]), (300, ["command_head"]),
    ]  # fmt: skip


def test_where_nobody_is_the_recipient_those_of_the_next_rung_are_told(town: SmallTown) -> None:
    case_id = begin(town, "odd_errand")
    assert (tell(town, 1), lines(town, case_id)) == (1, [(100, ["shift_leader"])])


def test_what_finds_nobody_at_all_still_stands_in_the_history(town: SmallTown, tmp_path: Path) -> None:
    rules(town, tmp_path, "errand/*,100 %,hearing_host,,,\n")
    case_id = begin(town)
    assert (tell(town, 1), lines(town, case_id), letters(town, case_id)) == (1, [(100, [])], [])


def test_a_task_that_is_done_is_not_told_of(town: SmallTown) -> None:
    case_id = begin(town)
    tell(town, 1)
    town.session.rollback()
    task_id = town.session.scalars(select(Task.id).where(Task.case_id == case_id, Task.status == "open")).one()
    town.session.rollback()
    complete_task(town.session, town.platform, town.actor("acceptor"), task_id, {}, now=town.clock.now())
    assert next_look(town.session, MONDAY + 9 * HOUR) is None
    assert (tell(town, 5), lines(town, case_id)) == (0, [(100, ["shift_leader"])])
    assert town.session.get(TaskOverdue, task_id) is None  # it no longer waits for its second rung


def test_after_a_downtime_every_rung_reached_is_told_lowest_first(town: SmallTown) -> None:
    case_id = begin(town)
    assert tell(town, 400) == 2
    assert [percent for percent, _ in lines(town, case_id)] == [100, 200]


# What the diagram sees to ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("process", IN_TIME)
def test_a_timer_on_the_task_in_time_leaves_it_to_the_diagram(town: SmallTown, process: str) -> None:
    case_id = begin(town, process)
    town.clock.set(MONDAY + HOUR)
    fire_due_timers(town.session, town.platform, town.clock.now())
    assert (tell(town), tell(town, 5), lines(town, case_id)) == (0, 0, [])


@pytest.mark.parametrize("process", TOO_LATE)
def test_a_timer_later_than_the_limit_does_not(town: SmallTown, process: str) -> None:
    case_id = begin(town, process)
    assert (tell(town, 1), lines(town, case_id)) == (1, [(100, ["shift_leader"])])


def test_a_task_on_a_watched_clock_is_the_ladders_business(town: SmallTown) -> None:
    case_id = begin(town, "watched_clock")
    assert (tell(town, 5), lines(town, case_id)) == (0, [])


def test_rows_for_the_very_step_hold_whatever_the_diagram_does(town: SmallTown, tmp_path: Path) -> None:
    rules(town, tmp_path, "at_80/write,100 %,leader,,,\n")
    case_id = begin(town, "at_80")
    assert (tell(town, 1), lines(town, case_id)) == (1, [(100, ["leader"])])


def test_a_city_changes_or_switches_off_one_step_or_one_process(town: SmallTown, tmp_path: Path) -> None:
    rules(
        town, tmp_path,
        "errand/*,150 %,leader,${task} ${percent} ${role} ${case.number},Late,\n"
        "unit_errand/write,100 %,none,,,现场办理，超时不影响任何人\n",
    )  # fmt: skip
    first, second = begin(town), begin(town, "unit_errand")
    assert tell(town, 4) == 1
    assert (lines(town, first), lines(town, second)) == ([(150, ["leader"])], [])
    assert str(letters(town, first)[0]["text"]).startswith("填表 150 acceptor ")


# Due moments that move ------------------------------------------------------------------------------------------


def test_a_clock_that_is_extended_is_told_of_again_when_it_runs_out_again(town: SmallTown) -> None:
    case_id = begin(town, "clock_errand")
    assert tell(town, 1) == 1
    on_case(town, case_id, lambda step: extend_clock(step.case.clocks[-1], step.host.calendar, step.now))
    assert [tell(town), tell(town, 0.9), tell(town, 0.1), tell(town)] == [0, 0, 1, 0]
    assert [percent for percent, _ in lines(town, case_id)] == [100, 100]
    assert tell(town, 2) == 1  # twice two hours


def test_a_pause_tells_nobody_twice(town: SmallTown) -> None:
    case_id = begin(town, "clock_errand")
    assert tell(town, 1.5) == 1
    on_case(town, case_id, lambda step: pause_clock(step.case.clocks[-1], step.host.calendar, step.now, "-"))
    assert (tell(town, 30), next_look(town.session, MONDAY + 99 * HOUR)) == (0, None)
    on_case(town, case_id, lambda step: run_clock(step.case.clocks[-1], step.host.calendar, step.now, "-"))
    assert [tell(town), tell(town, 0.4), tell(town, 0.2), tell(town, 9)] == [0, 0, 1, 0]
    assert [percent for percent, _ in lines(town, case_id)] == [100, 200]


def test_a_task_given_a_later_moment_is_looked_at_anew(town: SmallTown) -> None:
    case_id = begin(town)
    tell(town, 1)

    def later(step: Step) -> None:
        for task in step.tasks.values():
            task.due_at = step.now + 3 * HOUR

    on_case(town, case_id, later)
    assert [tell(town, 2), tell(town, 0.9), tell(town, 0.1), tell(town, 1)] == [0, 0, 1, 1]
    assert [percent for percent, _ in lines(town, case_id)] == [100, 100, 200]


# Pollers, users, faults -----------------------------------------------------------------------------------------


def test_four_pollers_at_once_tell_of_every_rung_once(shared: SmallTown) -> None:
    cases = [begin(shared, name) for name in ("errand", "unit_errand", "at_150", "errand") * 2]
    moment = MONDAY + 2 * HOUR

    def poll(_: int) -> int:
        with shared.sessions() as session:
            platform = build_platform(session, shared.city, clock=FrozenClock(moment))
            session.rollback()
            return sum(tell_overdue(session, platform, moment) for _ in range(3))

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(poll, range(4)))
    assert sum(told) == 16
    for case_id in cases:
        assert [percent for percent, _ in lines(shared, case_id)] == [100, 200]
    assert Counter(len(letters(shared, case_id)) for case_id in cases) == {2: 8}
    assert next_look(shared.session, moment) is None


def test_a_round_ends_when_its_time_is_over_and_the_next_goes_on(town: SmallTown) -> None:
    for _ in range(3):
        begin(town)
    ticks = iter(range(100))
    pace = Pace(3.5, rest=0, clock=lambda: next(ticks), sleep=lambda _: None)
    town.clock.set(MONDAY + HOUR)
    assert tell_overdue(town.session, town.platform, town.clock.now(), pace=pace) == 1
    assert tell(town) == 2


def test_a_poller_passes_over_what_is_new_and_now_and_then_over_everything(town: SmallTown) -> None:
    lookout = Lookout()
    first = begin(town)
    town.clock.set(MONDAY + HOUR)
    assert tell_overdue(town.session, town.platform, town.clock.now(), lookout=lookout) == 1

    def long_ago(step: Step) -> None:
        for task in step.tasks.values():
            task.due_at = MONDAY

    second = begin(town)
    on_case(town, second, long_ago)
    told = []
    for minutes in (1, 3, 5, 7):  # the second is told of both its rungs once everything is looked at
        moment = MONDAY + HOUR + timedelta(minutes=minutes)
        told.append(tell_overdue(town.session, town.platform, moment, lookout=lookout))
    assert told == [0, 0, 2, 0]
    assert [percent for percent, _ in lines(town, second)] == [100, 200] and len(lines(town, first)) == 1


def test_a_row_that_fails_stops_its_own_case_only_and_is_tried_again(town: SmallTown, tmp_path: Path) -> None:
    first, second = begin(town), begin(town, "unit_errand")
    rules(town, tmp_path, "errand/*,100 %,unit_head@${1 / 0},,,\n")
    assert (tell(town, 1), lines(town, first), len(lines(town, second))) == (1, [], 1)
    town.platform.host.rungs = load_rungs(town.city.layers)
    assert (tell(town, 0.5), lines(town, first)) == (0, [])
    assert (tell(town, 0.5), len(lines(town, first))) == (3, 2)


def test_the_scheduler_tells(api: Api) -> None:
    answer = api.post("acceptor", "/cases", json={
        "kind": "component", "full_code": "0101", "description": "井盖缺失", "source": "public", "lon": 116.0005,
        "lat": 28.0005, "condition_no": 1, "reporter_name": "王先生", "reporter_phone": "10000000001",
    })  # fmt: skip
    number = answer.json["number"]
    [task] = api.get("acceptor", f"/cases/{number}").json["tasks"]
    body = {"answers": {"decision": "ok", "condition": "component/0101/1", "urgent": False}}
    assert api.put("acceptor", f"/tasks/{task['id']}/completion", json=body).status_code == 200
    api.clock.set(api.clock.now() + 30 * HOUR)  # the shift leader has not filed it
    assert work_off_overdue(api.app) >= 1
    work_once(api.app)
    [notice, *_] = api.get("command_head", "/notices").json["notices"]
    assert (notice["case"], notice["topic"]) == (number, "notify") and "立案" in notice["text"]
    assert work_off_overdue(api.app) == 0


def test_overdue_tasks_are_found_by_the_index_alone_among_many_open_ones(town: SmallTown) -> None:
    """Fewer of them here; the plan is the same."""
    case_id = begin(town)
    open_task = town.session.scalars(select(Task).where(Task.case_id == case_id)).one()
    table = Task.__table__
    row = {column.name: getattr(open_task, column.name) for column in table.columns}
    town.session.execute(insert(Task), [{**row, "id": uuid4(), "due_at": MONDAY + 900 * HOUR} for _ in range(3_000)])
    town.session.commit()
    query = str(
        _new().where(Task.due_at <= MONDAY).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": 1})
    )
    plan = " ".join(str(each[3]) for each in town.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
    assert "task USING INDEX ix_task_open_due" in plan and "SCAN" not in plan
    assert tell(town, 1) == 1
    begun = time.perf_counter()
    for _ in range(20):
        assert tell(town) == 0
    assert time.perf_counter() - begun < 1.0
    town.session.query(Task).filter(Task.due_at == MONDAY + 900 * HOUR).delete()
    town.session.commit()


# Scenarios and checks -------------------------------------------------------------------------------------------

SCENARIO = """
[[scenario]]
title = "超时的环节有人知道"
given.process = "errand"
[[scenario.step]]
wait = "{wait}"
expect.history = []
expect.notices = []
expect.overdue = {overdue}
"""


@pytest.fixture(scope="module")
def bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


@pytest.mark.parametrize(
    ("wait", "overdue", "outcome"),
    [
        ("30 minute", "[]", "passed"), ("61 minute", "['shift_leader']", "passed"),
        ("3 urgent_hour", "['shift_leader', 'command_head']", "passed"), ("61 minute", "[]", "failed"),
        ("61 minute", "['leader']", "failed"),
    ],
)  # fmt: skip
def test_time_that_passes_in_a_scenario_tells_of_overdue_tasks(
    bench: Bench, tmp_path: Path, wait: str, overdue: str, outcome: str
) -> None:
    (tmp_path / "scenarios").mkdir()
    text = SCENARIO.format(wait=wait, overdue=overdue)
    (tmp_path / "scenarios" / "errand.scenarios.toml").write_text(text, encoding="utf-8")
    [found] = Layers([Layer("city x", tmp_path)]).listing("scenarios", ".scenarios.toml")
    [scenario] = read_file(found).scenarios
    result, _ = run_scenario(bench, {}, scenario)
    assert result.outcome == outcome, result.failure or result.reason


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A city whose overdue.csv is its tests'."""
    folder = write_small_city(tmp_path_factory.mktemp("checked") / "small")
    draw(folder, "errand")
    draw(folder, "clock_errand", properties=CLOCK)
    draw(folder, "at_80", timer="80 % of limit")
    return read_material(load_city(str(folder)), build_registry(CORE_OPERATORS))[0]


def findings(material: Material, rows: str, header: str = HEADER) -> list[str]:
    """What the checks say about rows of the city."""
    (material.city.root / "overdue.csv").write_text(header + rows, encoding="utf-8")
    told = [*check_overdue(material), *check_escalation(material)]
    return [f"{each.severity} {each.element}: {each.message}" for each in told]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("errand/write,100 %,unit_head@${case.lead_department} leader,,,", ""),
        ("errand/write,100 %,none,,,", "error errand/write: the rung is taken away without a reason"),
        ("errand/write,100 %,none,,,办完为止", ""),
        ("errand/*,100 %,none,,,办完为止", ""),
        ("errand/write,80 %,leader,,,", "error errand/write: after '80 %' is no share of a limit"),
        ("errand/write,,leader,,,", "error errand/write: after '' is no share of a limit"),
        ("errand/write,100 %,,,,", "error errand/write: the row tells nobody"),
        ("errand/write,100 %,@x,,,", "error errand/write: '@x' is no recipient"),
        ("errand/write,100 %,cook,,,", "error errand/write: role 'cook' does not exist"),
        ("errand/read,100 %,leader,,,", "error errand/read: the process has no task 'read'"),
        ("erand/write,100 %,leader,,,", "error erand/write: there is no process 'erand'"),
        ("cook,100 %,leader,,,", "error cook: role 'cook' does not exist"),
        ("er rand,100 %,leader,,,", "error er rand: 'er rand' is no task"),
        ("errand/write,100 %,leader,${wrong},x,", "error errand/write: text_zh: 'wrong' is not known here"),
        ("errand/write,100 %,leader,${1 +},x,", "error errand/write: text_zh: "),
        ("errand/write,100 %,leader@${case.lead},,,", "error errand/write: recipients: a case has no fact 'lead'"),
        ("errand/write,100 %,leader,,,\nerrand/write,100%,leader,,,", "error errand/write: 100 % stands twice"),
        ("errand/write,100 %,hearing_host,,,", "warning errand/write: nobody has one of the roles that are told"),
    ],
)
def test_a_row_that_does_not_hold_is_told(material: Material, row: str, told: str) -> None:
    found = findings(material, row + "\n")
    assert all(each.startswith(told) for each in found) and bool(found) == bool(told), found


def test_a_file_with_another_header_is_told_and_refused(material: Material) -> None:
    assert [each[:12] for each in findings(material, "", "role,after\n")] == ["error header"]
    with pytest.raises(OverdueBroken, match=r"overdue.csv: header: .*no column task"):
        load_rungs(material.city.layers)


def test_steps_nobody_is_told_of_are_silent_unless_that_is_said_of_them(material: Material, tmp_path: Path) -> None:
    rows = "acceptor,100 %,none,,,没有人\nacceptor,200 %,none,,,没有人\nclock_errand/*,100 %,none,,,不急\n"
    silent = {each.split()[1] for each in findings(material, rows) if "nothing happens" in each}
    assert "write:" in silent and "close:" not in silent
    (tmp_path / "overdue.csv").write_text(HEADER + rows, encoding="utf-8")
    rungs = read_rungs(Layers([*material.city.layers.layers, Layer("city x", tmp_path)]))[0]
    diagrams = {each.id for each, _ in find_silent(material, rungs)}
    assert "errand" in diagrams and "clock_errand" not in diagrams and "at_80" not in diagrams


def test_two_plugins_never_say_who_is_told_of_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "overdue.csv").write_text(HEADER + "warden,100 %,leader,a,b,\n", encoding="utf-8")
    layers = [Layer("core", core_root(), flat=True), *(Layer(f"plugin {n}", tmp_path / n) for n in ("one", "two"))]
    rivals = [str(each) for each in find_rivals(Layers([*layers, Layer("city x", tmp_path)]))]
    assert rivals == [
        "overdue.csv: plugin two has warden/100 %, which plugin one has, too; only a city may replace one; "
        "give the row another key in one of the two, or disable one"
    ]


def test_the_rows_of_the_reference_page_hold(tmp_path: Path) -> None:
    page = (core_root().parent / "docs/reference/overdue.md").read_text(encoding="utf-8")
    (tmp_path / "overdue.csv").write_text(page.partition("```csv\n")[2].partition("```")[0], encoding="utf-8")
    rungs = load_rungs(Layers([Layer("city x", tmp_path)]))
    assert [rung.recipients for rung in rungs.of("permit_application", "check", "unit_handler")] == [
        ("unit_head@${scope}",), ("unit_head@${scope}", "shift_leader"),
    ]  # fmt: skip
    assert rungs.of("enforcement", "record_result", "unit_handler") == ()
    assert rungs.of("penalty_ordinary", "decide", "leader")[0].text_zh.startswith("“${task}”已超过时限")
