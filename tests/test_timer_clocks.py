"""Any run of pauses, extensions, restarts and rounds: timers of a case clock fire when its spans say, once.

The index is compared after every act with a computation from the rows that explain the clock (`ClockSpan`), and every
firing with the moment that computation foretold. Nothing here reads what the runtime computed for itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from engine.casefile.unit import unit_of
from engine.cases import clocks
from engine.cases.steps import step_on_case
from engine.database import begin_write
from engine.limits import parse_limit
from engine.models import CaseClock, CaseEvent, Instance, Timer
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city

SHARES = {"limit_30": 0.3, "limit_80": 0.8, "limit_100": 1.0, "limit_150": 1.5}


def diagram(limit: str) -> str:
    """A stage that runs, pauses, extends and restarts its clock as told; the message ``again`` enters it anew."""
    boundaries = "".join(
        f"""<bpmn:boundaryEvent id="{name}" name="{name}" attachedToRef="stage" cancelActivity="false">
          <bpmn:extensionElements><camunda:properties><camunda:property name="clock" value="handling"/>
          </camunda:properties></bpmn:extensionElements>
          <bpmn:timerEventDefinition><bpmn:timeDuration>{share * 100:g} % of limit</bpmn:timeDuration>
          </bpmn:timerEventDefinition></bpmn:boundaryEvent>
        <bpmn:sequenceFlow id="{name}_f" sourceRef="{name}" targetRef="{name}_end"/>
        <bpmn:endEvent id="{name}_end" name="{name}"/>"""
        for name, share in SHARES.items()
    )

    def service(name: str, topic: str, **inputs: str) -> str:
        rows = "".join(f'<camunda:inputParameter name="{k}">{v}</camunda:inputParameter>' for k, v in inputs.items())
        return f"""<bpmn:serviceTask id="{name}" name="{name}" camunda:type="external" camunda:topic="{topic}">
          <bpmn:extensionElements><camunda:inputOutput>{rows}</camunda:inputOutput></bpmn:extensionElements>
          </bpmn:serviceTask>"""

    def loop(first: str, second: str) -> str:
        return f"""<bpmn:sequenceFlow id="{first}_0" sourceRef="split" targetRef="{first}_in"/>
          <bpmn:exclusiveGateway id="{first}_in" name="-"/>
          <bpmn:sequenceFlow id="{first}_1" sourceRef="{first}_in" targetRef="{first}"/>
          <bpmn:sequenceFlow id="{first}_2" sourceRef="{first}" targetRef="{second}"/>
          <bpmn:sequenceFlow id="{first}_3" sourceRef="{second}" targetRef="{first}_in"/>"""

    start = service("begin_clock", "case/start_clock", clock="handling", limit=limit)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL"
        xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="urn:wangge:process">
      <bpmn:message id="m" name="again"/>
      <bpmn:process id="case" name="试" isExecutable="true">
        <bpmn:startEvent id="begin" name="始"/>
        <bpmn:sequenceFlow id="f1" sourceRef="begin" targetRef="begin_clock"/>{start}
        <bpmn:sequenceFlow id="f2" sourceRef="begin_clock" targetRef="round"/>
        <bpmn:exclusiveGateway id="round" name="-"/>
        <bpmn:sequenceFlow id="f3" sourceRef="round" targetRef="stage"/>
        <bpmn:subProcess id="stage" name="处置">
          <bpmn:startEvent id="inner" name="始"/>
          <bpmn:sequenceFlow id="f4" sourceRef="inner" targetRef="split"/>
          <bpmn:parallelGateway id="split" name="-"/>
          <bpmn:userTask id="running" name="办" camunda:candidateGroups="acceptor"><bpmn:extensionElements>
            <camunda:properties><camunda:property name="clock" value="handling"/></camunda:properties>
          </bpmn:extensionElements></bpmn:userTask>
          <bpmn:userTask id="paused" name="停" camunda:candidateGroups="acceptor"/>
          {loop("running", "paused")}
          <bpmn:userTask id="extend" name="延" camunda:candidateGroups="acceptor"/>
          {service("extended", "case/extend", clock="handling")}{loop("extend", "extended")}
          <bpmn:userTask id="restart" name="重" camunda:candidateGroups="acceptor"/>
          {service("restarted", "case/start_clock", clock="handling", limit=limit, restart="${true}")}
          {loop("restart", "restarted")}
          <bpmn:sequenceFlow id="f7" sourceRef="split" targetRef="leave"/>
          <bpmn:userTask id="leave" name="走" camunda:candidateGroups="acceptor"/>
          <bpmn:sequenceFlow id="f8" sourceRef="leave" targetRef="left"/>
          <bpmn:endEvent id="left" name="终"/>
        </bpmn:subProcess>
        <bpmn:sequenceFlow id="f5" sourceRef="stage" targetRef="done"/>
        <bpmn:endEvent id="done" name="终"/>
        <bpmn:boundaryEvent id="again" name="再" attachedToRef="stage" cancelActivity="true">
          <bpmn:messageEventDefinition messageRef="m"/></bpmn:boundaryEvent>
        <bpmn:sequenceFlow id="f6" sourceRef="again" targetRef="round"/>
        {boundaries}
      </bpmn:process>
    </bpmn:definitions>"""


LIMITS = ("90 minute", "8 work_hour", "5 work_day", "30 calendar_day", "20 urgent_hour")
ZONES = {"Asia/Shanghai": "CN", "America/New_York": "US"}


@pytest.fixture(scope="module", params=[(zone, limit) for zone in ZONES for limit in LIMITS], ids=lambda p: "-".join(p))
def town(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    zone, limit = request.param
    folder = write_small_city(tmp_path_factory.mktemp("clocks") / "small")
    toml = folder / "city.toml"
    text = toml.read_text(encoding="utf-8").replace("Asia/Shanghai", zone)
    toml.write_text(text.replace('country = "CN"', f'country = "{ZONES[zone]}"'), encoding="utf-8")
    (folder / "processes").mkdir()
    (folder / "processes/case.bpmn").write_text(diagram(limit), encoding="utf-8")
    town = SmallTown(folder)
    yield town
    town.close()


@dataclass
class Expected:
    """What must happen, told from the spans alone."""

    work: CaseWork
    extensions: int = 0
    fired: dict[str, float] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=lambda: set(SHARES))
    firings: list[tuple[str, datetime]] = field(default_factory=list)

    def clock(self) -> CaseClock:
        return self.work.town.session.scalars(
            select(CaseClock).where(CaseClock.case_id == self.work.id, CaseClock.stopped_at.is_(None))
        ).one()

    def used(self, now: datetime) -> timedelta:
        """Time used on the clock, span by span."""
        clock, calendar = self.clock(), self.work.town.platform.host.calendar
        unit = parse_limit(clock.limit_text).unit
        running = [span for span in clock.spans if span.running]
        return sum((calendar.worked(s.started_at, s.ended_at or now, unit) for s in running), timedelta())

    def total(self) -> timedelta:
        clock, calendar = self.clock(), self.work.town.platform.host.calendar
        return calendar.amount(self.work.town.clock.now(), parse_limit(clock.limit_text)) * (1 + self.extensions)

    def moment(self, name: str) -> datetime | None:
        """When a timer that waits is due: from the start of the span that runs, what is left of its share."""
        if name in self.fired:
            return None
        clock, calendar = self.clock(), self.work.town.platform.host.calendar
        last = clock.spans[-1] if clock.spans else None
        if last is None or not last.running or last.ended_at is not None:
            return None
        left = self.total() * SHARES[name] - self.used(last.started_at)
        return calendar.advance(last.started_at, left, parse_limit(clock.limit_text).unit)

    def fire_until(self, end: datetime) -> None:
        """Foretell the firings up to a moment."""
        now = self.work.town.clock.now()
        due = sorted((max(m, now), name) for name in self.waiting if (m := self.moment(name)) is not None and m <= end)
        for moment, name in due:
            self.firings.append((name, moment))
            self.fired[name] = SHARES[name]
            self.waiting.discard(name)


def again(work: CaseWork) -> None:
    """Send the message that enters the stage anew."""
    town, now = work.town, work.town.clock.now()
    begin_write(town.session)
    step = step_on_case(unit_of(town.session), town.platform, work.id, now, None)
    assert step is not None
    assert town.platform.runtime.send(step, "again", {})
    town.session.commit()


def act(work: CaseWork, expected: Expected, name: str) -> None:
    """Do one act and tell what it changes."""
    now = work.town.clock.now()
    if name == "turn":
        work.do("acceptor", "running" if "running" in work.open() else "paused")
    elif name == "again":
        again(work)
        expected.waiting = set(SHARES)
    else:
        used = expected.used(now)
        work.do("acceptor", name)
        if name == "extend":
            expected.extensions += 1
            expected.fired = {n: s for n, s in expected.fired.items() if expected.total() * s <= used}
        else:
            expected.extensions, expected.fired = 0, {}
    expected.fire_until(now)


def firings(work: CaseWork) -> list[tuple[str, datetime]]:
    query = select(CaseEvent).where(CaseEvent.case_id == work.id, CaseEvent.kind == "timer_fired")
    return [(row.element, row.at) for row in work.town.session.scalars(query.order_by(CaseEvent.id))]


def index(work: CaseWork) -> dict[str, datetime | None]:
    work.town.session.rollback()
    work.town.session.expire_all()
    rows = work.town.session.execute(
        select(Timer.element, Timer.due_at).join(Instance).where(Instance.case_id == work.id)
    )
    return {row.element: row.due_at for row in rows}


WALKS = int(os.environ.get("WANGGE_CLOCK_WALKS", "12"))
"""Walks a city and a unit; the long form takes hundreds."""
YEAR_S = 365 * 86_400
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["turn", "turn", "turn", "extend", "restart", "again"]),
        st.one_of(st.integers(0, 7200), st.integers(0, 5 * 86_400), st.integers(0, 40 * 86_400)),
    ),
    min_size=1,
    max_size=9,
)


@settings(
    max_examples=WALKS,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),  # making a failure smaller takes minutes; ask for it when there is one
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(start_s=st.integers(0, YEAR_S), acts=ACTS, restart=st.booleans())
def test_the_index_is_what_the_spans_say_and_every_timer_fires_then(
    town: SmallTown, start_s: int, acts: list[tuple[str, int]], restart: bool
) -> None:
    town.clock.set(datetime(2026, 1, 1, tzinfo=town.city.time_zone) + timedelta(seconds=start_s))
    town.session.query(Timer).delete()  # of the examples before
    town.session.commit()
    work = CaseWork(town)
    expected = Expected(work)
    for name, seconds in [*acts, ("turn", 0)]:
        if restart:
            work.forget_live()
        end = town.clock.now() + timedelta(seconds=seconds)
        expected.fire_until(end)
        work.wait_until(end)
        assert sorted(firings(work)) == sorted(expected.firings)
        act(work, expected, name)
        assert sorted(firings(work)) == sorted(expected.firings)
        assert index(work) == {name: expected.moment(name) for name in expected.waiting}
    assert clocks.find_clock(work.case, "handling") is not None


def test_an_extension_does_not_fire_again_what_is_still_used_up(town: SmallTown) -> None:
    """Nine tenths used, extended to twice the limit: three tenths of that are used up and stay fired."""
    town.session.query(Timer).delete()
    town.session.commit()
    town.clock.set(datetime(2026, 3, 2, 9, tzinfo=town.city.time_zone))
    work = CaseWork(town)
    calendar = town.platform.host.calendar
    limit = parse_limit(Expected(work).clock().limit_text)
    work.wait_until(calendar.advance(town.clock.now(), calendar.amount(town.clock.now(), limit) * 0.9, limit.unit))
    assert [name for name, _ in firings(work)] == ["limit_30", "limit_80"]
    work.do("acceptor", "extend")
    again(work)
    assert [name for name, _ in firings(work)] == ["limit_30", "limit_80"]
