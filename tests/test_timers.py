"""Timers through the services: what an analyst writes, cycles, clocks that jump, downtime, summer time, failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from engine.calendar import WorkCalendar
from engine.cases.timekeeping import fire_due_timers
from engine.checks import check_folder, errors_of
from engine.models import CaseEvent, Deployment, Incident, Instance, OutboxMessage, Timer
from engine.testing.casework import CaseWork
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.deployments import Definitions
from engine.workflow.step import StepFailed
from engine.workflow.timers import Cycle, TimerUnreadable, parse_timer

CHINA = WorkCalendar.from_settings("Asia/Shanghai", ["08:00-12:00", "14:00-18:00"], country="CN")
NEW_YORK = ZoneInfo("America/New_York")
BOSTON = WorkCalendar.from_settings("America/New_York", ["08:30-17:00"], country="US", subdivision="MA")

Open = Callable[..., CaseWork]


def diagram(
    timer: str, *, interrupting: bool = False, branch: str = "notify", catch: str = "", inside: bool = False
) -> str:
    """A case that waits at ``wait`` with a timer on it, and at an intermediate timer ``catch`` before it."""
    steps = {
        "notify": """<bpmn:serviceTask id="branch" name="催办" camunda:type="external" camunda:topic="case/notify">
          <bpmn:extensionElements><camunda:inputOutput>
            <camunda:inputParameter name="recipients">${['dispatcher']}</camunda:inputParameter>
            <camunda:inputParameter name="text">到时</camunda:inputParameter>
          </camunda:inputOutput></bpmn:extensionElements></bpmn:serviceTask>""",
        "task": '<bpmn:userTask id="branch" name="催办" camunda:candidateGroups="dispatcher"/>',
        "script": '<bpmn:scriptTask id="branch" name="记"><bpmn:script>seen = true</bpmn:script></bpmn:scriptTask>',
        "broken": '<bpmn:scriptTask id="branch" name="记"><bpmn:script>seen = 1 / 0</bpmn:script></bpmn:scriptTask>',
    }
    caught = f"""<bpmn:intermediateCatchEvent id="caught" name="等"><bpmn:timerEventDefinition>
        <bpmn:timeCycle>{catch or "1 minute"}</bpmn:timeCycle></bpmn:timerEventDefinition>
        </bpmn:intermediateCatchEvent>
        <bpmn:sequenceFlow id="f0" sourceRef="file" targetRef="caught"/>"""
    wait = '<bpmn:userTask id="wait" name="候" camunda:candidateGroups="acceptor"/>'
    stage = f"""<bpmn:subProcess id="stage" name="段"><bpmn:startEvent id="in" name="始"/>
        <bpmn:sequenceFlow id="f7" sourceRef="in" targetRef="wait"/>{wait}
        <bpmn:sequenceFlow id="f8" sourceRef="wait" targetRef="out"/><bpmn:endEvent id="out" name="终"/>
        </bpmn:subProcess>"""
    host = "stage" if inside else "wait"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
        xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="urn:wangge:process">
      <bpmn:process id="case" name="试" isExecutable="true">
        <bpmn:startEvent id="begin" name="始"/>
        <bpmn:sequenceFlow id="f5" sourceRef="begin" targetRef="classify"/>
        <bpmn:serviceTask id="classify" name="分类" camunda:type="external" camunda:topic="case/classify">
          <bpmn:extensionElements><camunda:inputOutput>
            <camunda:inputParameter name="condition">component/0101/1</camunda:inputParameter>
          </camunda:inputOutput></bpmn:extensionElements></bpmn:serviceTask>
        <bpmn:sequenceFlow id="f6" sourceRef="classify" targetRef="file"/>
        <bpmn:serviceTask id="file" name="立案" camunda:type="external" camunda:topic="case/file"/>
        {caught if catch else ""}
        <bpmn:sequenceFlow id="f1" sourceRef="{"caught" if catch else "file"}" targetRef="{host}"/>
        {stage if inside else wait}
        <bpmn:boundaryEvent id="again" name="到时" attachedToRef="{host}" cancelActivity="{str(interrupting).lower()}">
          <bpmn:timerEventDefinition><bpmn:timeCycle>{timer}</bpmn:timeCycle></bpmn:timerEventDefinition>
        </bpmn:boundaryEvent>
        {steps[branch]}
        <bpmn:sequenceFlow id="f2" sourceRef="again" targetRef="branch"/>
        <bpmn:sequenceFlow id="f3" sourceRef="branch" targetRef="reminded"/>
        <bpmn:endEvent id="reminded" name="已催"/>
        <bpmn:sequenceFlow id="f4" sourceRef="{host}" targetRef="done"/>
        <bpmn:endEvent id="done" name="终"/>
      </bpmn:process>
    </bpmn:definitions>"""


@pytest.fixture(params=["live", "reloaded"])
def open_case(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open a case of a diagram with a timer; in the second round the runtime forgets everything at every tick."""
    towns: list[SmallTown] = []

    def make(timer: str, *, moment: datetime = MONDAY, zone: str = "Asia/Shanghai", **how: object) -> CaseWork:
        folder = write_small_city(tmp_path / f"small{len(towns)}")
        toml = folder / "city.toml"
        text = toml.read_text(encoding="utf-8")
        if zone != "Asia/Shanghai":
            text = text.replace("Asia/Shanghai", zone).replace('country = "CN"', 'country = "US"')
        toml.write_text(text, encoding="utf-8")
        (folder / "processes").mkdir()
        (folder / "processes/case.bpmn").write_text(diagram(timer, **how), encoding="utf-8")  # type: ignore[arg-type]
        towns.append(SmallTown(folder, moment=moment))
        work = CaseWork(towns[-1])
        if request.param == "reloaded":
            wait_until = work.wait_until

            def after_restart(end: datetime) -> int:
                work.forget_live()
                return wait_until(end)

            work.wait_until = after_restart  # type: ignore[method-assign]
        return work

    yield make
    for town in towns:
        town.close()


@pytest.fixture
def town(town_folder: Path) -> Iterator[SmallTown]:
    town = SmallTown(town_folder)
    yield town
    town.close()


def fired(work: CaseWork) -> list[datetime]:
    """When the timer fired, by the history."""
    query = select(CaseEvent.at).where(CaseEvent.case_id == work.id, CaseEvent.kind == "timer_fired")
    return list(work.town.session.scalars(query.order_by(CaseEvent.id)))


def reminders(work: CaseWork) -> int:
    """How often the branch of the timer ran."""
    return work.town.session.query(OutboxMessage).filter_by(case_id=work.id, topic="notify").count()


def index(work: CaseWork) -> list[datetime | None]:
    """The due index of the case."""
    work.town.session.rollback()
    return list(work.town.session.scalars(select(Timer.due_at).join(Instance).where(Instance.case_id == work.id)))


def tick(work: CaseWork, moment: datetime) -> int:
    """One round of the poller at a moment, as the machine's clock shows it."""
    work.town.clock.set(moment)
    return fire_due_timers(work.town.session, work.town.platform, moment)


def local(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK, fold=fold).astimezone(UTC)  # type: ignore[arg-type, misc]


# What may be written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("every 80 % of limit", "used up only once"),
        ("every condition_limit", "used up only once"),
        ("every", "what comes again"),
        ("every 2 fortnight", "'2 fortnight' is not a number and a unit"),
        ("every 0.1 minute", "more than once a minute"),
        ("every 1 minute, 0 times", "never fires"),
        ("every 1 work_day, until soon", "'soon' is no date"),
        ("every 1 work_day, sometimes", "not a number and a unit"),
        ("cron 0 8 * *", "five fields"),
        ("cron 61 8 * * *", "bad minute"),
        ("cron 0 0 30 2 *", "bad day-of-month"),
        ("cron @daily", "five fields"),
        ("PT1H", "neither a limit"),
        ("80 % of condition", "neither a limit"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_remedy(text: str, says: str) -> None:
    with pytest.raises(TimerUnreadable, match=says) as refused:
        parse_timer(text, CHINA)
    message, _, remedy = str(refused.value).rpartition("; ")
    assert text in message
    assert remedy.startswith("write ")


def test_a_list_in_a_cron_rule_is_no_end() -> None:
    cycle = parse_timer("cron 0 8,14 * * *, 3 times, until 2026-12-31", CHINA).cycle
    assert cycle is not None
    assert (cycle.cron, cycle.times) == ("0 8,14 * * *", 3)
    assert cycle.until == datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=CHINA.zone)


def test_the_next_moment_is_found_far_ahead_without_counting_there() -> None:
    cycle = parse_timer("every 1 minute", CHINA).cycle
    assert cycle is not None
    years = MONDAY + timedelta(days=3650, seconds=1)
    assert cycle.next(MONDAY, 0, years, CHINA) == MONDAY + timedelta(days=3650, minutes=1)


def test_a_month_is_counted_from_the_beginning_so_that_its_end_comes_back() -> None:
    cycle = parse_timer("every 1 calendar_month", CHINA).cycle
    assert cycle is not None
    start = moment = datetime(2028, 1, 31, 9, tzinfo=CHINA.zone)
    days = []
    for _ in range(4):
        following = cycle.next(start, 0, moment, CHINA)
        assert following is not None
        moment = following
        days.append(CHINA.local(moment).date())
    assert days == [date(2028, 2, 29), date(2028, 3, 31), date(2028, 4, 30), date(2028, 5, 31)]


def test_a_working_day_cycle_leaps_over_the_turn_of_the_year_and_its_holidays() -> None:
    cycle = parse_timer("every 1 work_day", CHINA).cycle
    assert cycle is not None
    start = datetime(2025, 12, 30, 9, tzinfo=CHINA.zone)
    first = cycle.next(start, 0, start, CHINA)
    assert first is not None
    second = cycle.next(start, 1, first, CHINA)
    assert [CHINA.local(m).date() for m in (first, second or first)] == [date(2025, 12, 31), date(2026, 1, 4)]
    assert CHINA.is_working_day(date(2026, 1, 4))  # a Sunday worked for the holiday


def cron_moments(rule: str, start: datetime, count: int) -> list[datetime]:
    cycle, moments = Cycle(cron=rule), [start]
    for _ in range(count):
        following = cycle.next(start, 0, moments[-1], BOSTON)
        assert following is not None
        moments.append(following)
    return moments[1:]


def test_half_past_two_comes_at_three_when_the_clocks_skip_it() -> None:
    assert cron_moments("30 2 * * *", local(2026, 3, 7, 3), 2) == [local(2026, 3, 8, 3), local(2026, 3, 9, 2, 30)]


def test_half_past_one_comes_once_when_the_clocks_show_it_twice() -> None:
    found = cron_moments("30 1 * * *", local(2026, 10, 31, 3), 2)
    assert found == [local(2026, 11, 1, 1, 30), local(2026, 11, 2, 1, 30)]
    between = local(2026, 11, 1, 1, 15, fold=1)
    assert cron_moments("30 1 * * *", between, 1) == [local(2026, 11, 2, 1, 30)]


def test_every_half_hour_of_cron_counts_the_doubled_hour_twice() -> None:
    found = cron_moments("*/30 * * * *", local(2026, 11, 1, 0, 40), 5)
    assert [b - a for a, b in pairwise(found)] == [timedelta(minutes=30)] * 4


def test_a_leap_day_rule_waits_for_the_leap_year() -> None:
    assert cron_moments("0 9 29 2 *", local(2026, 3, 1), 1) == [local(2028, 2, 29, 9)]


# Cycles in a diagram ------------------------------------------------------------------------------------------


def test_a_cycle_fires_again_and_again_and_each_firing_starts_its_branch_once(open_case: Open) -> None:
    work = open_case("every 30 minute")
    for number in range(1, 6):
        work.wait(minutes=30)
        assert reminders(work) == number
        assert index(work) == [MONDAY + timedelta(minutes=30 * (number + 1))]
    assert fired(work) == [MONDAY + timedelta(minutes=30 * n) for n in range(1, 6)]
    work.do("acceptor", "wait")
    assert (work.state(), index(work)) == ("ended", [])


def test_a_cycle_on_a_stage_fires_while_anything_in_it_is_open(open_case: Open) -> None:
    work = open_case("every 30 minute", inside=True, branch="task")
    work.wait(minutes=65)
    assert work.open() == ["wait", "branch", "branch"]
    work.do("acceptor", "wait")
    assert (work.open(), index(work)) == (["branch", "branch"], [])
    work.do("dispatcher", "branch")
    work.do("dispatcher", "branch")
    assert work.state() == "ended"


def test_a_cycle_says_how_often(open_case: Open) -> None:
    work = open_case("every 30 minute, 5 times")
    work.wait(days=1)
    assert (reminders(work), index(work)) == (5, [])
    assert work.open() == ["wait"]
    work.do("acceptor", "wait")
    assert work.state() == "ended"


def test_a_cycle_ends_with_its_last_day(open_case: Open) -> None:
    work = open_case("every 1 calendar_day, until 2026-03-05")
    work.wait(days=20)
    assert [CHINA.local(moment).date().day for moment in fired(work)] == [3, 4, 5]


def test_a_cycle_of_working_days_rests_at_the_weekend(open_case: Open) -> None:
    work = open_case("every 1 work_day")
    work.wait(days=8)
    assert [CHINA.local(moment).strftime("%a %H") for moment in fired(work)] == [
        "Tue 09", "Wed 09", "Thu 09", "Fri 09", "Mon 09", "Tue 09",
    ]  # fmt: skip


def test_cron_follows_the_citys_clocks(open_case: Open) -> None:
    work = open_case("cron 0 8 * * 1-5")
    work.wait(days=7)
    assert [CHINA.local(moment).strftime("%a %H:%M") for moment in fired(work)] == [
        "Tue 08:00", "Wed 08:00", "Thu 08:00", "Fri 08:00", "Mon 08:00",
    ]  # fmt: skip


def test_an_interrupting_cycle_fires_once(open_case: Open) -> None:
    work = open_case("every 30 minute", interrupting=True)
    work.wait(days=1)
    assert (reminders(work), work.state()) == (1, "ended")


def test_branches_of_a_cycle_stay_open_side_by_side_and_outlive_their_task(open_case: Open) -> None:
    work = open_case("every 30 minute", branch="task")
    work.wait(minutes=95)
    assert work.open() == ["wait", "branch", "branch", "branch"]
    work.do("dispatcher", "branch")
    work.do("acceptor", "wait")
    assert (work.open(), work.state(), index(work)) == (["branch", "branch"], "running", [])
    work.do("dispatcher", "branch")
    work.do("dispatcher", "branch")
    assert work.state() == "ended"


def test_an_intermediate_cycle_waits_for_its_first_moment(open_case: Open) -> None:
    work = open_case("condition_limit", catch="cron 0 8 * * 1-5")
    assert work.open() == []
    work.wait_until(datetime(2026, 3, 3, 8, tzinfo=CHINA.zone))
    assert work.open() == ["wait"]


def test_an_intermediate_cycle_that_is_over_refuses_to_wait_for_ever(open_case: Open) -> None:
    with pytest.raises(StepFailed, match="over before the case came here"):
        open_case("1 work_day", catch="every 1 work_day, until 2026-03-01")


def test_an_expression_says_the_cycle_and_is_read_once(open_case: Open) -> None:
    work = open_case("every ${10 + 20} minute, ${1 + 1} times")
    work.wait(days=1)
    assert fired(work) == [MONDAY + timedelta(minutes=30), MONDAY + timedelta(minutes=60)]


def test_the_state_stays_small_however_often_a_cycle_fires(open_case: Open) -> None:
    def size() -> int:
        return len(work.town.session.scalars(select(Instance.state)).one())

    work = open_case("every 30 minute")
    work.wait(hours=2)
    few = size()
    work.wait(hours=48)
    assert reminders(work) == 100
    assert size() <= few + 50


def test_variables_of_a_branch_are_kept_until_the_case_ends(open_case: Open) -> None:
    work = open_case("every 30 minute, 3 times", branch="script")
    work.wait(hours=3)
    work.do("acceptor", "wait")
    assert work.state() == "ended"
    assert b"seen" in work.town.session.scalars(select(Instance.state)).one()


def test_the_condition_limit_may_be_a_timer(open_case: Open) -> None:
    work = open_case("condition_limit")
    assert index(work) == [MONDAY + timedelta(hours=2)]


# A world whose clocks err -------------------------------------------------------------------------------------


def test_a_clock_put_back_fires_nothing_twice_and_loses_nothing(open_case: Open) -> None:
    work = open_case("every 30 minute")
    hour = timedelta(hours=1)
    tick(work, MONDAY + 2 * hour)
    assert reminders(work) == 1
    for minutes in (60, 75, 90, 119):
        assert tick(work, MONDAY + timedelta(minutes=minutes)) == 0
    tick(work, MONDAY + timedelta(minutes=150))
    assert (reminders(work), index(work)) == (2, [MONDAY + timedelta(minutes=180)])


def test_a_clock_put_forward_fires_each_timer_once_and_goes_on_regularly(open_case: Open) -> None:
    work = open_case("every 30 minute")
    tick(work, MONDAY + timedelta(minutes=40) + timedelta(hours=1))
    assert (reminders(work), index(work)) == (1, [MONDAY + timedelta(minutes=120)])


def test_after_a_month_of_downtime_a_cycle_fires_once_and_then_at_its_next_moment(open_case: Open) -> None:
    work = open_case("every 30 minute, 5 times")
    later = MONDAY + timedelta(days=30, minutes=7)
    assert [tick(work, later), tick(work, later)] == [1, 0]
    assert (fired(work), index(work)) == ([later], [MONDAY + timedelta(days=30, minutes=30)])
    work.wait(days=1)
    assert reminders(work) == 5


def test_after_a_month_of_downtime_everything_due_fires_once_in_order(open_case: Open) -> None:
    work = open_case("10 calendar_day")
    town = work.town
    cases = [work]
    for minutes in (5, 3):
        town.clock.set(MONDAY + timedelta(minutes=minutes))
        cases.append(CaseWork(town))
    assert tick(work, MONDAY + timedelta(days=40)) == 3
    order = list(town.session.scalars(select(CaseEvent.case_id).where(CaseEvent.kind == "timer_fired")))
    query = select(CaseEvent.case_id).where(CaseEvent.kind == "timer_fired").order_by(CaseEvent.id)
    assert list(town.session.scalars(query)) == [cases[0].id, cases[2].id, cases[1].id]
    assert len(order) == 3


def test_a_night_job_in_boston_survives_both_changes_of_the_clocks(open_case: Open) -> None:
    spring = open_case("cron 30 2 * * *", zone="America/New_York", moment=local(2026, 3, 6, 12))
    spring.wait(days=4)
    assert fired(spring) == [
        local(2026, 3, 7, 2, 30), local(2026, 3, 8, 3), local(2026, 3, 9, 2, 30), local(2026, 3, 10, 2, 30),
    ]  # fmt: skip
    autumn = open_case("cron 30 1 * * *", zone="America/New_York", moment=local(2026, 10, 31, 12))
    autumn.wait(days=2)
    assert fired(autumn) == [local(2026, 11, 1, 1, 30), local(2026, 11, 2, 1, 30)]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("1 urgent_day", local(2026, 3, 8, 13)),  # twenty-four hours of real time
        ("1 calendar_day", local(2026, 3, 8, 12)),  # the same time on the clocks, twenty-three hours later
        ("2026-03-08", local(2026, 3, 8)),
        ("2026-03-08 02:30", local(2026, 3, 8, 3, 30)),  # no clock shows it
    ],
)
def test_limits_over_the_spring_change_are_what_they_say(open_case: Open, text: str, due: datetime) -> None:
    work = open_case(text, zone="America/New_York", moment=local(2026, 3, 7, 12))
    assert index(work) == [due]


def test_an_hour_cycle_is_real_time_through_the_doubled_hour(open_case: Open) -> None:
    work = open_case("every 1 urgent_hour, 4 times", zone="America/New_York", moment=local(2026, 11, 1, 0, 30))
    work.wait(hours=6)
    assert [b - a for a, b in pairwise(fired(work))] == [timedelta(hours=1)] * 3


def test_a_year_from_a_leap_day_ends_on_the_last_of_february(open_case: Open) -> None:
    work = open_case("1 calendar_year", moment=datetime(2028, 2, 29, 9, tzinfo=CHINA.zone))
    assert index(work) == [datetime(2029, 2, 28, 9, tzinfo=CHINA.zone)]


# Steps that fail ----------------------------------------------------------------------------------------------


def test_a_failing_branch_opens_one_incident_and_is_tried_at_growing_pauses(open_case: Open) -> None:
    work = open_case("every 30 minute", branch="broken")
    other = CaseWork(work.town)
    assert other.id != work.id
    tried: list[int] = []
    start = MONDAY + timedelta(minutes=30)
    for minute in range(0, 40):
        before = index(work)
        tick(work, start + timedelta(minutes=minute))
        if index(work) != before:
            tried.append(minute)
    incidents = work.town.session.query(Incident).filter_by(case_id=work.id).all()
    assert tried == [0, 1, 2, 4, 8, 16, 32]
    assert [("branch" in row.message, row.resolved_at) for row in incidents] == [(True, None)]
    assert fired(work) == []


def test_a_case_that_fails_does_not_hold_up_the_others(open_case: Open) -> None:
    work = open_case("every 30 minute", branch="broken")
    town = work.town
    good = diagram("every 30 minute")
    (town.folder / "processes/case.bpmn").write_text(good, encoding="utf-8")
    town.load()
    fine = CaseWork(town)
    work.wait(minutes=31)
    assert (reminders(work), reminders(fine)) == (0, 1)


def test_a_case_mended_resolves_its_incident_by_itself(open_case: Open) -> None:
    work = open_case("30 minute", branch="broken")
    town = work.town
    work.wait(minutes=30)
    instance = town.session.scalars(select(Instance)).one()
    row = town.session.get_one(Deployment, instance.deployment_id)
    row.files = {**row.files, "processes/case.bpmn": diagram("30 minute")}
    town.session.commit()
    town.platform.definitions = Definitions()
    work.forget_live()
    tick(work, MONDAY + timedelta(minutes=31))
    incident = town.session.query(Incident).one()
    assert (reminders(work), incident.resolved_at) == (1, MONDAY + timedelta(minutes=31))


def test_what_was_put_off_does_not_come_back_with_the_next_act_of_a_clerk(town: SmallTown) -> None:
    """A clerk could do nothing on a case whose timer fails."""
    work = CaseWork(town)
    work.dispatch()
    town.clock.set(town.clock.now() + timedelta(minutes=100))
    later = town.clock.now() + timedelta(minutes=5)
    town.session.query(Timer).filter_by(element="limit_80").update({"due_at": later})
    town.session.commit()
    work.forget_live()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    assert fired(work) == []
    assert later in index(work)
    work.wait(minutes=5)
    assert fired(work) == [later]


def test_an_act_on_a_case_fires_what_is_due_within_it(open_case: Open) -> None:
    work = open_case("every 30 minute", branch="task")
    work.wait(minutes=30)
    now = MONDAY + timedelta(minutes=65)
    work.town.clock.set(now)
    work.do("dispatcher", "branch")
    assert (fired(work)[1:], index(work)) == ([now], [MONDAY + timedelta(minutes=90)])
    assert tick(work, now) == 0


# What the checker and the page say ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["every 80 % of limit", "cron 61 8 * * *", "every 1 work_day, until soon"])
def test_the_check_refuses_an_unreadable_cycle_by_element(tmp_path: Path, text: str) -> None:
    folder = write_small_city(tmp_path / "small")
    (folder / "processes").mkdir()
    (folder / "processes/case.bpmn").write_text(diagram(text), encoding="utf-8")
    findings = [finding for finding in errors_of(check_folder(str(folder))[1]) if text in finding.message]
    assert [(finding.file, finding.element) for finding in findings] == [("processes/case.bpmn", "again")]
    assert all(finding.remedy.startswith("write") for finding in findings)


def test_the_check_accepts_every_form_the_page_shows(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs/reference/timers.md").read_text(encoding="utf-8")
    table = page.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    shown = [text for row in table.splitlines() for text in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(shown) >= 14
    for text in shown:
        if "${" not in text:
            parse_timer(text, CHINA)
    folder = write_small_city(tmp_path / "small")
    (folder / "processes").mkdir()
    (folder / "processes/case.bpmn").write_text(diagram("every ${30} minute"), encoding="utf-8")
    assert not [finding for finding in check_folder(str(folder))[1] if finding.element == "again"]
