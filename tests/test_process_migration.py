"""Running cases move to another deployment: what is ahead is met, what is done stays, nothing is lost or skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from api_people import Api, report
from small_diagrams import chain, flow, node, timer, user, write_process
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.context import platform, session
from engine.cases.migrating import (
    count_items,
    list_items,
    pause_migration,
    resume_migration,
    run_migration,
    start_migration,
    undo_migration,
)
from engine.cases.migration_preview import Order, Preview, Selection, preview_migration
from engine.cases.tasks import claim_task
from engine.cases.timekeeping import fire_due_timers
from engine.city import load_city
from engine.database import begin_write
from engine.errors import Conflict, Invalid
from engine.layers import core_root
from engine.models import CaseClock, CaseEvent, Deployment, Instance, Migration, MigrationItem, Task, Timer
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.definitions import prepare
from engine.workflow.deployment_diff import compare_deployments
from engine.workflow.deployments import deploy


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    town = SmallTown(write_small_city(tmp_path / "small"))
    yield town
    town.close()


@pytest.fixture(params=["live", "reloaded"])
def keep(request: pytest.FixtureRequest) -> bool:
    """Whether the runtime keeps its live instances over the move, or has been started anew."""
    return bool(request.param == "live")


def straight(
    town: SmallTown, *tasks: str, more: tuple[str, ...] = (), flows: tuple[str, ...] = (), **named: str
) -> None:
    """The city's case is a row of user tasks; ``named`` gives a task as written. Deployed."""
    nodes = [named.get(name) or user(name) for name in tasks]
    write_process(town.folder, [*nodes, *more], [*chain("start", *tasks, "end"), *flows])
    redeploy(town)


def redeploy(town: SmallTown) -> int:
    begin_write(town.session)
    now = town.clock.now()
    found = deploy(town.session, load_city(str(town.folder)), now, author="analyst", reason="test", effective_at=now)
    town.session.commit()
    return found.id


def latest(town: SmallTown) -> int:
    return town.session.scalars(select(func.max(Deployment.id))).one()


def order(town: SmallTown, **mapping: str) -> Order:
    return Order(latest(town), mapping=mapping)


def preview(town: SmallTown, **mapping: str) -> list[Preview]:
    return list(preview_migration(town.session, town.platform, order(town, **mapping), town.clock.now()))


def migrate(town: SmallTown, *works: CaseWork, keep: bool = True, **mapping: str) -> Migration:
    """Move everything and say what was refused, if anything was."""
    now = town.clock.now()
    migration = start_migration(
        town.session, town.platform, order(town, **mapping), now, author="analyst", reason="new rules"
    )
    run_migration(town.session, town.platform, migration.id, now)
    if not keep:
        for work in works:
            work.forget_live()
    return town.session.get_one(Migration, migration.id)


def moved(town: SmallTown, migration: Migration) -> None:
    refused = [note["en"] for _, item in list_items(town.session, migration.id) for note in item.notes]
    assert count_items(town.session, migration.id) == {"migrated": 1}, refused


def refused(town: SmallTown, **mapping: str) -> str:
    found = preview(town, **mapping)
    assert len(found) == 1
    return " ".join(words.en for words in found[0].refusals)


def test_a_task_added_ahead_is_reached(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "last")
    work = CaseWork(town)
    straight(town, "first", "second", "last")
    moved(town, migrate(town, work, keep=keep))
    for element in ("first", "second", "last"):
        assert work.open() == [element]
        work.do("acceptor", element)
    assert work.state() == "ended"


def test_a_task_removed_ahead_is_not_met(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "second", "last")
    work = CaseWork(town)
    straight(town, "first", "last")
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "first")
    assert work.open() == ["last"]


def test_a_finished_task_that_is_gone_does_not_hinder(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "second", "last")
    work = CaseWork(town)
    work.do("acceptor", "first")
    straight(town, "second", "extra", "last")
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "second")
    work.do("acceptor", "extra")
    work.do("acceptor", "last")
    assert work.state() == "ended"


def test_a_token_on_a_removed_task_is_refused_in_plain_words(town: SmallTown) -> None:
    straight(town, "first", "second", "last")
    work = CaseWork(town)
    work.do("acceptor", "first")
    straight(town, "first", "last")
    assert "second is gone from the new diagram; map it to an element by hand: second=new_id" in refused(town)
    migration = migrate(town)
    assert count_items(town.session, migration.id) == {"refused": 1}
    (_, item), *_ = list_items(town.session, migration.id)
    assert "second在新图中已删除" in item.notes[0]["zh"]
    work.do("acceptor", "second")
    assert work.open() == ["last"]


def test_a_renamed_task_moves_when_it_is_mapped(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "second")
    work = CaseWork(town)
    task = work.task("first").id
    straight(town, "opening", "second", opening=user("opening", label="开头"))
    moved(town, migrate(town, work, keep=keep, first="opening"))
    assert (work.task("opening").id, work.task("opening").name) == (task, "开头")
    work.do("acceptor", "opening")
    assert work.open() == ["second"]


def test_a_mapping_that_names_nothing_is_refused(town: SmallTown) -> None:
    straight(town, "first")
    CaseWork(town)
    straight(town, "opening")
    with pytest.raises(Invalid, match="has no element frist"):
        preview(town, frist="opening")
    with pytest.raises(Invalid, match="start"):
        preview(town, first="start")


def test_a_task_that_became_another_kind_is_refused(town: SmallTown) -> None:
    straight(town, "first", "last")
    CaseWork(town)
    straight(town, "first", "last", first=node("manualTask", "first"))
    assert "first was userTask and is manualTask now" in refused(town)


def test_an_open_task_keeps_its_holder_and_age_and_takes_the_new_role_and_limit(town: SmallTown, keep: bool) -> None:
    straight(town, "first", first=user("first", limit="30 minute", stage="accept"))
    work = CaseWork(town)
    claim_task(town.session, town.actor("acceptor"), work.task("first").id, town.clock.now())
    before = work.task("first")
    kept = (before.id, before.assignee_id, before.created_at)
    seen, opened = before.version, before.created_at
    town.clock.set(town.clock.now() + timedelta(minutes=10))
    changed = user("first", role="shift_leader", limit="60 minute", stage="verify", form="accept")
    straight(town, "first", first=changed)
    told = [words.en for words in preview(town)[0].changes]
    assert "open task first: role acceptor → shift_leader" in told
    assert "open task first: limit 30 minute → 60 minute" in told
    moved(town, migrate(town, work, keep=keep))
    after = work.task("first")
    assert (after.id, after.assignee_id, after.created_at) == kept
    assert (after.role, after.stage, after.form, after.version) == ("shift_leader", "verify", "accept", seen + 1)
    assert after.due_at == opened + timedelta(hours=1)


def test_a_boundary_timer_added_to_a_waiting_task_is_indexed_and_fires(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "last")
    work = CaseWork(town)
    opened = work.task("first").created_at
    town.clock.set(opened + timedelta(minutes=10))
    straight(
        town, "first", "last", more=(timer("late", "first", "30 minute"), user("remind"), node("endEvent", "reminded")),
        flows=tuple(chain("late", "remind", "reminded")),
    )  # fmt: skip
    moved(town, migrate(town, work, keep=keep))
    assert town.session.scalars(select(Timer.due_at)).all() == [opened + timedelta(minutes=30)]
    work.wait(minutes=30)
    assert sorted(work.open()) == ["first", "remind"]
    work.do("acceptor", "first")
    work.do("acceptor", "last")
    work.do("acceptor", "remind")
    assert work.state() == "ended"


def test_an_interrupting_timer_that_is_due_already_waits_for_the_poller(town: SmallTown, keep: bool) -> None:
    straight(town, "first", "last")
    work = CaseWork(town)
    town.clock.set(town.clock.now() + timedelta(hours=2))
    straight(
        town, "first", "last", more=(timer("late", "first", "30 minute", interrupting=True), user("other")),
        flows=(flow("late", "other"), flow("other", "end")),
    )  # fmt: skip
    assert any("due already: it fires at once" in words.en for words in preview(town)[0].changes)
    moved(town, migrate(town, work, keep=keep))
    assert work.open() == ["first"]
    assert fire_due_timers(town.session, town.platform, town.clock.now()) == 1
    assert work.open() == ["other"]


def test_a_boundary_timer_taken_away_does_not_fire(town: SmallTown, keep: bool) -> None:
    late = (timer("late", "first", "30 minute"), user("remind"), node("endEvent", "reminded"))
    straight(town, "first", "last", more=late, flows=tuple(chain("late", "remind", "reminded")))
    work = CaseWork(town)
    straight(town, "first", "last")
    moved(town, migrate(town, work, keep=keep))
    assert town.session.scalars(select(Timer)).all() == []
    assert work.wait(hours=2) == 0
    work.do("acceptor", "first")
    assert work.open() == ["last"]


def test_a_boundary_timer_that_says_the_same_keeps_its_moment(town: SmallTown) -> None:
    late = (timer("late", "first", "30 minute"), user("remind"), node("endEvent", "reminded"))
    straight(town, "first", more=late, flows=tuple(chain("late", "remind", "reminded")))
    CaseWork(town)
    due = town.session.scalars(select(Timer.due_at)).one()
    town.clock.set(town.clock.now() + timedelta(minutes=20))
    straight(town, "first", "last", more=late, flows=tuple(chain("late", "remind", "reminded")))
    moved(town, migrate(town))
    town.session.rollback()
    assert town.session.scalars(select(Timer.due_at)).one() == due


def test_the_way_of_a_fired_boundary_timer_that_is_gone_is_refused(town: SmallTown) -> None:
    late = (timer("late", "first", "30 minute"), user("remind"), node("endEvent", "reminded"))
    straight(town, "first", "last", more=late, flows=tuple(chain("late", "remind", "reminded")))
    work = CaseWork(town)
    work.wait(hours=1)
    # ``remind`` is still there, but nothing leads from ``first`` to it any more.
    straight(town, "first", "remind", "last")
    assert "boundary event late has fired" in refused(town)


FORK = [node("parallelGateway", "fork"), node("parallelGateway", "meet", name="汇合")]


def branches(town: SmallTown, *names: str, chained: tuple[str, ...] = ()) -> None:
    """Tasks between a fork and a join, all at once; ``chained`` follow the first of them."""
    first = (names[0], *chained)
    flows = [*chain("start", "fork", *first, "meet", "last", "end")]
    flows += [each for name in names[1:] for each in chain("fork", name, "meet")]
    write_process(town.folder, [*FORK, *(user(name) for name in (*names, *chained, "last"))], flows)
    redeploy(town)


def test_branches_that_run_in_parallel_move_and_meet(town: SmallTown, keep: bool) -> None:
    branches(town, "here", "there")
    work = CaseWork(town)
    work.do("acceptor", "here")
    branches(town, "here", "there")
    straight_name = user("there", label="那边")
    write_process(
        town.folder, [*FORK, user("here"), straight_name, user("last"), user("after")],
        [*chain("start", "fork", "here", "meet", "last", "after", "end"), *chain("fork", "there", "meet")],
    )  # fmt: skip
    redeploy(town)
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "there")
    work.do("acceptor", "last")
    assert work.open() == ["after"]


def test_a_task_added_to_a_branch_that_still_runs_is_reached(town: SmallTown, keep: bool) -> None:
    branches(town, "here", "there")
    work = CaseWork(town)
    work.do("acceptor", "there")
    branches(town, "here", "there", chained=("more",))
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "here")
    assert work.open() == ["more"]
    work.do("acceptor", "more")
    assert work.open() == ["last"]


def test_a_branch_that_has_arrived_and_changed_is_refused(town: SmallTown) -> None:
    branches(town, "here", "there")
    CaseWork(town).do("acceptor", "here")
    branches(town, "here", "there", chained=("more",))
    assert "汇合 (meet)" in refused(town)


def test_a_branch_added_behind_the_fork_is_refused(town: SmallTown) -> None:
    branches(town, "here", "there")
    CaseWork(town)
    branches(town, "here", "there", "everywhere")
    assert "would wait for the branch from everywhere" in refused(town)


def test_a_branch_added_ahead_of_the_fork_is_taken(town: SmallTown, keep: bool) -> None:
    def write(*names: str) -> None:
        flows = [*chain("start", "before", "fork", names[0], "meet", "end")]
        flows += [each for name in names[1:] for each in chain("fork", name, "meet")]
        write_process(town.folder, [*FORK, user("before"), *(user(name) for name in names)], flows)
        redeploy(town)

    write("here", "there")
    work = CaseWork(town)
    write("here", "there", "everywhere")
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "before")
    assert sorted(work.open()) == ["everywhere", "here", "there"]
    for name in ("here", "everywhere", "there"):
        work.do("acceptor", name)
    assert work.state() == "ended"


def test_parallel_branches_that_would_follow_each_other_are_refused(town: SmallTown) -> None:
    branches(town, "here", "there")
    CaseWork(town)
    straight(town, "here", "there", "last")
    assert "at which they meet is gone" in refused(town)
    assert "there would be done twice" in refused(town)


def test_a_called_process_that_is_gone_is_refused_and_one_that_changed_moves(town: SmallTown, keep: bool) -> None:
    def write(*inner: str, called: str = "part") -> None:
        write_process(
            town.folder, [node("callActivity", "call", calledElement=called), user("last")],
            chain("start", "call", "last", "end"),
        )  # fmt: skip
        write_process(town.folder, [user(name) for name in inner], chain("start", *inner, "end"), name=called)
        redeploy(town)

    write("inside")
    work = CaseWork(town)
    (town.folder / "processes/part.bpmn").unlink()
    write("inside", called="other")
    assert "process part (part), which is running, is gone" in refused(town)
    (town.folder / "processes/other.bpmn").unlink()
    write("inside", "more")
    moved(town, migrate(town, work, keep=keep))
    work.do("acceptor", "inside")
    work.do("acceptor", "more")
    assert work.open() == ["last"]


def event_subprocess(name: str, message: str, *inner: str) -> str:
    """Waits in its scope for a message and goes on beside it."""
    caught = f"<bpmn:messageEventDefinition messageRef='message_{message}'/>"
    body = node("startEvent", f"{name}_start", caught, isInterrupting="false")
    body += "".join(user(each) for each in inner) + node("endEvent", f"{name}_end")
    body += "".join(chain(f"{name}_start", *inner, f"{name}_end"))
    return node("subProcess", name, body, triggeredByEvent="true")


def test_an_event_sub_process_added_to_a_running_scope_is_heard_and_one_taken_away_is_not(
    town: SmallTown, keep: bool
) -> None:
    def write(*more: str) -> None:
        write_process(
            town.folder, [user("first"), user("last"), *more], chain("start", "first", "last", "end"),
            extra="<bpmn:message id='message_supervise' name='supervise'/>",
        )  # fmt: skip
        redeploy(town)

    write()
    heard, deaf = CaseWork(town), CaseWork(town)
    write(event_subprocess("urged", "supervise", "reply"))
    now = town.clock.now()
    migration = migrate(town, heard, keep=keep)
    assert count_items(town.session, migration.id) == {"migrated": 2}
    heard.act("leader", "supervise", instruction="快办")
    assert sorted(heard.open()) == ["first", "reply"]
    write()
    refusals = {
        each.case: bool(each.refusals) for each in preview_migration(town.session, town.platform, order(town), now)
    }
    assert refusals == {heard.case.number: True, deaf.case.number: False}
    migrate(town, heard, keep=keep)
    with pytest.raises(Conflict):
        deaf.act("leader", "supervise", instruction="快办")
    for element in ("reply", "first", "last"):
        heard.do("acceptor", element)
    for element in ("first", "last"):
        deaf.do("acceptor", element)
    assert (heard.state(), deaf.state()) == ("ended", "ended")


def test_a_repetition_that_counts_otherwise_is_refused_while_it_runs(town: SmallTown) -> None:
    def write(items: str) -> None:
        loop = (
            f"<bpmn:multiInstanceLoopCharacteristics><bpmn:loopDataInputRef>{items}</bpmn:loopDataInputRef>"
            '<bpmn:inputDataItem id="item" name="item"/></bpmn:multiInstanceLoopCharacteristics>'
        )
        script = node("scriptTask", "prepare", "<bpmn:script>items = ['a', 'b']\nothers = ['c']</bpmn:script>")
        write_process(town.folder, [script, user("each", inside=loop)], chain("start", "prepare", "each", "end"))
        redeploy(town)

    write("items")
    CaseWork(town)
    write("others")
    assert "is being repeated now" in refused(town)


def change_core(town: SmallTown, process: str, *pairs: tuple[str, str]) -> None:
    text = (core_root() / f"{process}.bpmn").read_text(encoding="utf-8")
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    (town.folder / "processes").mkdir(exist_ok=True)
    (town.folder / f"processes/{process}.bpmn").write_text(text, encoding="utf-8")
    redeploy(town)


SIGN = '<bpmn:userTask id="countersign" name="会签" camunda:candidateGroups="unit_head@${unit.department}"/>'


def add_countersign(town: SmallTown) -> None:
    """One more task between handling and feedback, in the process every unit runs."""
    flows = '<bpmn:sequenceFlow id="countersigned" sourceRef="countersign" targetRef="feedback"/>'
    change_core(
        town, "handle_unit",
        ('sourceRef="handle_outcome" targetRef="feedback"', 'sourceRef="handle_outcome" targetRef="countersign"'),
        ("  </bpmn:process>", SIGN + flows + "  </bpmn:process>"),
    )  # fmt: skip


def countersign(work: CaseWork, department: str) -> None:
    name = department.lower()
    if work.open().count("receive"):
        work.do(f"unit_clerk_{name}", "receive", {"decision": "accept"}, scope=department)
    work.do(f"unit_handler_{name}", "handle", {"decision": "done", "handling_note": "x"}, scope=department)
    work.do(f"unit_head_{name}", "countersign", scope=department)
    work.photo()
    work.do(f"unit_clerk_{name}", "feedback", {"decision": "complete"}, scope=department)


def test_units_midway_each_go_on_from_where_they_are(town: SmallTown, keep: bool) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"}, scope="MUNICIPAL")
    spans = clock_spans(town)
    add_countersign(town)
    moved(town, migrate(town, work, keep=keep))
    assert clock_spans(town) == spans
    assert sorted(work.open()) == ["handle", "receive"]
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "x"}, scope="MUNICIPAL")
    work.do("unit_head_municipal", "countersign", scope="MUNICIPAL")
    work.photo()
    work.do("unit_clerk_municipal", "feedback", {"decision": "complete"}, scope="MUNICIPAL")
    countersign(work, "SANITATION")
    work.close()
    assert work.case.status == "closed"


def clock_spans(town: SmallTown) -> list[tuple[object, ...]]:
    town.session.rollback()
    return [
        (clock.name, clock.due_at, [(span.running, span.started_at, span.ended_at) for span in clock.spans])
        for clock in town.session.scalars(select(CaseClock).order_by(CaseClock.id))
    ]


def test_the_clocks_timers_go_on_counting_and_fire_once(town: SmallTown, keep: bool) -> None:
    work = CaseWork(town)
    work.dispatch()
    due = dict(town.session.execute(select(Timer.element, Timer.due_at)).all())
    work.wait(minutes=100)
    add_countersign(town)
    moved(town, migrate(town, work, keep=keep))
    town.session.rollback()
    left = dict(town.session.execute(select(Timer.element, Timer.due_at)).all())
    assert left["limit_100"] == due["limit_100"]
    work.wait(minutes=30)
    fired = town.session.scalars(select(CaseEvent.element).where(CaseEvent.kind == "timer_fired")).all()
    assert sorted(name for name in fired if name.startswith("limit")) == ["limit_100", "limit_80"]


def test_a_case_suspended_for_months_moves_and_wakes_on_its_date(town: SmallTown, keep: bool) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.wait(minutes=30)
    request = {
        "decision": "suspension", "reason": "需协调占道手续", "until": "2026-06-01",
        "reason_kind": _choice(town, "handle", "reason_kind"),
    }  # fmt: skip
    work.do("unit_handler_municipal", "handle", request)
    work.do("shift_leader", "approve_suspension", {"decision": "approve", "until": "2026-06-01"})
    spans = clock_spans(town)
    work.wait(days=80)
    add_countersign(town)
    moved(town, migrate(town, work, keep=keep))
    assert (work.case.status, clock_spans(town)) == ("suspended", spans)
    work.wait_until(datetime(2026, 5, 31, 16, 10, tzinfo=UTC))
    assert (work.case.status, work.open()) == ("dispatched", ["handle"])
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "x"})
    assert work.open() == ["countersign"]


def _choice(town: SmallTown, form: str, key: str) -> str:
    found = town.platform.definitions.current(town.session, town.clock.now()).forms[form]
    schema = found.to_dict("zh", lambda _, text: text)
    return str(next(each for each in schema["components"] if each.get("key") == key)["values"][0]["value"])


HELP = ["SANITATION"]


def test_an_unchanged_city_moves_every_stage_without_a_word(town: SmallTown) -> None:
    """Whatever a case stands on, a deployment that changed elsewhere refuses nothing and changes nothing open."""
    work = CaseWork(town)
    stretches = (
        work.accept, lambda: None, lambda: work.wait(hours=1),
        lambda: work.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False}),
        lambda: work.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL", "assisting": HELP}),
        lambda: work.wait(hours=2), lambda: work.handle("MUNICIPAL"), lambda: work.handle("SANITATION"), work.close,
    )  # fmt: skip
    for number, stretch in enumerate(stretches):
        stretch()
        change_core(town, "enforcement", ('name="', f'name="第{number}版'))
        found = preview(town)
        assert [(each.refusals, each.changes) for each in found] == [((), ())], (number, work.open())
        before = work.open()
        moved(town, migrate(town, keep=number % 2 == 0))
        assert work.open() == before
    assert work.case.status == "closed"


def test_two_hundred_cases_move_in_batches_with_a_pause_and_an_undo(town: SmallTown) -> None:
    two_hundred(town)


@pytest.mark.postgresql
def test_two_hundred_cases_move_on_postgresql(tmp_path: Path) -> None:
    try:
        with scratch_postgresql() as url:
            town = SmallTown(write_small_city(tmp_path / "small"), url)
            two_hundred(town)
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def two_hundred(town: SmallTown) -> None:
    straight(town, "first", "gone", "last")
    works = [CaseWork(town) for _ in range(200)]
    stuck = works[::50]
    for work in stuck:
        work.do("acceptor", "first")
    straight(town, "first", "second", "last")
    states = dict(town.session.execute(select(Instance.id, Instance.state)).all())
    assert sum(bool(each.refusals) for each in preview(town)) == 4
    session, platform, now = town.session, town.platform, town.clock.now()
    migration = start_migration(session, platform, order(town), now, author="analyst", reason="new rules")
    run_migration(session, platform, migration.id, now, most=50)
    assert count_items(session, migration.id) == {"migrated": 49, "refused": 1, "waiting": 150}
    pause_migration(session, migration.id, now)
    assert run_migration(session, platform, migration.id, now).status == "paused"
    assert count_items(session, migration.id)["waiting"] == 150
    resume_migration(session, migration.id, now)
    assert run_migration(session, platform, migration.id, now).status == "done"
    assert count_items(session, migration.id) == {"migrated": 196, "refused": 4}
    works[1].do("acceptor", "first")
    assert works[1].open() == ["second"]
    claim_task(session, town.actor("acceptor"), works[2].task("first").id, now)
    undo_migration(session, platform, migration.id, now)
    assert count_items(session, migration.id) == {"undone": 195, "moved_on": 1, "refused": 4}
    session.rollback()
    back = dict(
        session.execute(select(Instance.id, Instance.state).where(Instance.deployment_id != latest(town))).all()
    )
    assert len(back) == 199
    assert all(states[key] == state for key, state in back.items() if key not in _ids(session, stuck))
    assert works[2].task("first").assignee_id == town.actor("acceptor").person_id
    works[2].do("acceptor", "first")
    assert works[2].open() == ["gone"]


def _ids(session: Session, works: list[CaseWork]) -> set[int]:
    return set(session.scalars(select(Instance.id).where(Instance.case_id.in_([work.id for work in works]))))


def test_undo_puts_tasks_and_timers_back(town: SmallTown) -> None:
    straight(
        town, "first", more=(timer("late", "first", "30 minute"), node("endEvent", "told")),
        flows=(flow("late", "told"),), first=user("first", limit="60 minute"),
    )  # fmt: skip
    work = CaseWork(town)
    before = work.task("first")
    kept = (before.role, before.limit_text, before.due_at, before.name)
    timers = town.session.execute(select(Timer.task_id, Timer.element, Timer.text, Timer.due_at)).all()
    straight(town, "first", first=user("first", role="shift_leader", limit="120 minute", label="x"))
    migration = migrate(town)
    assert work.task("first").role == "shift_leader"
    undo_migration(town.session, town.platform, migration.id, town.clock.now())
    after = work.task("first")
    assert (after.role, after.limit_text, after.due_at, after.name) == kept
    assert town.session.execute(select(Timer.task_id, Timer.element, Timer.text, Timer.due_at)).all() == timers
    assert work.history()[-2:] == ["migrated", "migration_undone"]
    work.wait(minutes=40)
    work.do("acceptor", "first")
    assert work.state() == "ended"


def test_a_case_that_ends_between_choice_and_move_says_so(town: SmallTown) -> None:
    straight(town, "first")
    work = CaseWork(town)
    straight(town, "first", "last")
    now = town.clock.now()
    migration = start_migration(town.session, town.platform, order(town), now, author="a", reason="r")
    work.do("acceptor", "first")
    run_migration(town.session, town.platform, migration.id, now)
    assert count_items(town.session, migration.id) == {"ended": 1}


def test_only_the_chosen_cases_move(town: SmallTown) -> None:
    straight(town, "first", first=user("first", stage="accept"))
    one, other = CaseWork(town), CaseWork(town)
    straight(town, "first", "last", first=user("first", stage="accept"))
    chosen = Order(latest(town), Selection(cases=(one.case.number,)))
    now = town.clock.now()
    assert [each.case for each in preview_migration(town.session, town.platform, chosen, now)] == [one.case.number]
    migration = start_migration(town.session, town.platform, chosen, now, author="a", reason="r")
    run_migration(town.session, town.platform, migration.id, now)
    one.do("acceptor", "first")
    other.do("acceptor", "first")
    assert (one.open(), other.state()) == (["last"], "ended")
    nowhere = Order(latest(town), Selection(stage="close"))
    assert list(preview_migration(town.session, town.platform, nowhere, now)) == []


def test_a_preview_writes_nothing(town: SmallTown) -> None:
    straight(town, "first", first=user("first", limit="60 minute"))
    CaseWork(town)
    straight(town, "first", "last", first=user("first", limit="120 minute", role="shift_leader"))
    before = _everything(town)
    assert preview(town)[0].changes
    town.session.commit()
    assert _everything(town) == before


def _everything(town: SmallTown) -> list[object]:
    return [
        town.session.execute(query).all()
        for query in (
            select(Instance.id, Instance.state, Instance.deployment_id, Instance.version),
            select(Task.id, Task.role, Task.due_at, Task.version),
            select(Timer.task_id, Timer.due_at),
            select(func.count()).select_from(CaseEvent),
            select(func.count()).select_from(MigrationItem),
        )
    ]


def test_a_deployment_for_later_counts_for_cases_reported_after_its_moment(town: SmallTown) -> None:
    straight(town, "first")
    write_process(town.folder, [user("other")], chain("start", "other", "end"))
    now, later = town.clock.now(), town.clock.now() + timedelta(days=1)
    city = load_city(str(town.folder))
    deploy(town.session, city, now, author="analyst", reason="new year", effective_at=later)
    town.session.commit()
    town.load()  # a server that starts meanwhile does not bring it forward
    before = CaseWork(town)
    town.clock.set(later)
    after = CaseWork(town)
    assert (before.open(), after.open()) == (["first"], ["other"])
    with pytest.raises(Invalid, match="has passed"):
        deploy(town.session, city, later, author="analyst", reason="late", effective_at=now)


def test_two_deployments_are_compared_in_words(town: SmallTown) -> None:
    straight(
        town, "first", "gone", first=user("first", label="受理", limit="15 minute"), gone=user("gone", label="初审")
    )
    straight(
        town, "first", "checked", "last", first=user("first", label="受理", limit="30 minute", role="shift_leader"),
        checked=user("checked", label="初审"),
    )  # fmt: skip
    old, new = town.session.scalars(select(Deployment).order_by(Deployment.id.desc()).limit(2)).all()[::-1]
    told = [each.words for each in compare_deployments(old, new, prepare(1, old.files), prepare(2, new.files))]
    assert "受理 (first): limit 15 minute → 30 minute" in [words.en for words in told]
    assert "受理 (first)的时限：15 minute → 30 minute" in [words.zh for words in told]
    assert "受理 (first): role acceptor → shift_leader" in [words.en for words in told]
    assert "初审 (gone) has the id checked now" in [words.en for words in told]
    assert "new: last" in [words.en for words in told]
    assert compare_deployments(new, new, prepare(2, new.files), prepare(2, new.files)) == []


def test_cases_move_over_http_with_a_preview_a_batch_and_an_undo(api: Api) -> None:
    report(api)
    with api.app.app_context():
        definition = platform().definitions.current(session(), api.clock.now())
        text = definition.diagrams["intake"].xml
        row = session().get_one(Deployment, definition.deployment_id)
        files = {**row.files, "processes/intake.bpmn": text.replace("acceptor", "shift_leader")}
        session().add(
            Deployment(
                digest="x", files=files, versions={}, deployed_at=api.clock.now(), effective_at=api.clock.now(),
                author="analyst", reason="test",
            )
        )  # fmt: skip
        session().commit()
    rows = api.get("analyst", "/deployments").json["deployments"]
    assert [(row["running"], row["in_force"]) for row in rows] == [(0, True), (1, False)]
    old, new = rows[1]["id"], rows[0]["id"]
    changes = api.get("analyst", f"/deployments/{old}/changes/{new}").json["changes"]
    assert any("role acceptor → shift_leader" in each["words"]["en"] for each in changes)
    (case,) = api.post("analyst", "/migrations/preview", json={"target": new}).json["cases"]
    assert case["refusals"] == []
    assert any("role acceptor → shift_leader" in each["en"] for each in case["changes"])
    begun = api.post("analyst", "/migrations", json={"target": new, "reason": "x"})
    assert (begun.status_code, begun.json["counts"]) == (201, {"waiting": 1})
    home = f"/migrations/{begun.json['id']}"
    assert api.post("analyst", f"{home}/pause").json["status"] == "paused"
    assert api.post("analyst", f"{home}/batch", json={}).json["counts"] == {"waiting": 1}
    assert api.post("analyst", f"{home}/resume").json["status"] == "running"
    assert api.post("analyst", f"{home}/batch", json={}).json["status"] == "done"
    assert api.get("analyst", f"{home}/cases").json["cases"][0]["status"] == "migrated"
    assert api.post("analyst", f"{home}/undo").json["counts"] == {"undone": 1}
    assert api.post("analyst", f"{home}/undo").status_code == 409
