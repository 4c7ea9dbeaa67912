"""Every element does what docs/reference/elements.md says: its example runs live and reloaded at each step."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from element_bench import EXAMPLES, REGISTRY, Bench, copy_examples
from sqlalchemy import func, select

from engine.checks import check_folder
from engine.errors import DomainError
from engine.models import OutboxMessage
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.layout_lint import lint_layout


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    folder = write_small_city(tmp_path_factory.mktemp("elements") / "small")
    copy_examples(folder)
    town = SmallTown(folder)
    yield town
    town.close()


@pytest.fixture(params=["live", "reloaded"])
def bench(town: SmallTown, request: pytest.FixtureRequest) -> Bench:
    town.clock.set(MONDAY)
    return Bench(town, reloading=request.param == "reloaded")


# Tasks ----------------------------------------------------------------------------------------------------------


def test_a_manual_task_is_on_the_list_like_a_user_task(bench: Bench) -> None:
    work = bench.start("example_people")
    work.do("look", choice="yes")
    assert work.open() == ["hang_sign"]
    work.do("hang_sign")
    assert work.ended()


def test_a_lane_gives_its_role_to_the_tasks_in_it(bench: Bench) -> None:
    work = bench.start("example_lanes")
    assert work.open() == ["register"]
    work.do("register")  # as the acceptor
    work.do("decide")  # as the shift leader
    assert work.ended()


def test_scripts_decisions_and_services_run_by_themselves(bench: Bench) -> None:
    work = bench.start("example_automatic")
    assert work.open() == ["read"]
    assert work.task_data("read") == {"points": 5, "graded": {"level": "high"}}
    query = select(OutboxMessage.payload).where(OutboxMessage.case_id == work.id, OutboxMessage.topic == "notify")
    assert [row["text"] for row in bench.town.session.scalars(query)] == ["等级 high"]


# Gateways -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "way"), [("yes", "repair"), ("no", "keep")])
def test_an_exclusive_gateway_takes_one_way(bench: Bench, choice: str, way: str) -> None:
    work = bench.start("example_exclusive")
    work.do("choose", choice=choice)
    assert work.open() == [way]
    work.do(way)
    assert work.ended()


@pytest.mark.parametrize(
    ("choice", "count", "ways"),
    [("yes", 2, ["clean", "repair"]), ("yes", 1, ["repair"]), ("no", 2, ["clean"]), ("no", 1, ["archive"])],
)
def test_an_inclusive_gateway_takes_every_way_that_holds_and_waits_for_them(
    bench: Bench, choice: str, count: int, ways: list[str]
) -> None:
    work = bench.start("example_inclusive")
    work.do("choose", choice=choice, count=count)
    assert work.open() == ways
    for number, way in enumerate(ways, 1):
        work.do(way)
        assert work.ended() == (number == len(ways))


def test_a_parallel_gateway_waits_for_all(bench: Bench) -> None:
    work = bench.start("example_parallel")
    assert work.open() == ["clean", "repair"]
    work.do("clean")
    assert not work.ended()
    work.do("repair")
    assert work.ended()


def test_an_event_based_gateway_goes_the_way_of_the_first_event(bench: Bench) -> None:
    work, other = bench.start("example_event_gateway"), bench.start("example_event_gateway")
    assert work.send("resume")
    assert work.open() == ["go_on"]
    bench.wait(days=3)
    assert other.ended() and "given_up" in other.passed()
    assert not work.ended()
    work.do("go_on")
    assert work.ended()


# Timers ---------------------------------------------------------------------------------------------------------


def test_timers_wait_remind_and_interrupt(bench: Bench) -> None:
    work = bench.start("example_timers")
    assert work.open() == []
    bench.wait(minutes=30)
    assert work.open() == ["handle_it"]
    bench.wait(hours=5)
    assert work.open() == ["handle_it", "remind"]
    bench.wait(days=1)
    assert work.open() == ["remind"]
    work.do("remind")
    assert work.ended() and "overdue" in work.passed()


def test_a_timer_may_name_a_date(bench: Bench) -> None:
    work = bench.start("example_timer_date")
    bench.wait(days=1)
    assert work.open() == []
    bench.wait(days=2)
    assert work.open() == ["sweep"]


def test_a_cycle_fires_again_and_again_while_its_task_is_open(bench: Bench) -> None:
    work = bench.start("example_timer_cycle")
    bench.wait(minutes=65)
    assert work.open() == ["handle_it", "remind", "remind"]
    bench.wait(days=2)
    assert work.open() == ["handle_it", "remind", "remind", "remind"]
    query = select(func.count()).where(OutboxMessage.case_id == work.id, OutboxMessage.topic == "notify")
    assert bench.town.session.scalar(query) == 2  # on Tuesday and on Wednesday morning
    work.do("handle_it")
    bench.wait(days=2)
    assert bench.town.session.scalar(query) == 2
    for _ in range(3):
        work.do("remind")
    assert work.ended()


# Messages between cases -----------------------------------------------------------------------------------------


def test_messages_reach_the_case_with_the_key_once(bench: Bench) -> None:
    waiting, other, sender = (bench.start(f"example_message_{name}") for name in ("wait", "wait", "send"))
    sender.do("find_case", other=waiting.number, count=3)
    assert waiting.open() == [] and sender.open() == ["watch"]
    bench.deliver()
    assert waiting.open() == ["mend"] and other.open() == []
    assert waiting.task_data("mend")["quantity"] == 3
    assert [(each["message"], each["sender"]) for each in waiting.history("message_received")] == [
        ("parts_ready", sender.number), ("fee_paid", sender.number),
    ]  # fmt: skip
    assert bench.deliver() == 0
    sender.do("watch")
    bench.deliver()
    assert sender.ended() and waiting.ended()
    assert "stopped" in waiting.passed()


def test_a_message_waits_until_somebody_waits_for_it(bench: Bench) -> None:
    sender = bench.start("example_message_send")
    future = int(sender.number.rpartition("-")[2]) + 1
    number = f"{sender.number.rpartition('-')[0]}-{future:05}"
    sender.do("find_case", other=number, count=1)
    bench.deliver()
    waiting = bench.start("example_message_wait")
    assert waiting.number == number and waiting.open() == []
    bench.wait(minutes=5)
    bench.deliver()
    bench.wait(minutes=5)
    bench.deliver()
    assert waiting.open() == ["mend"]


def test_a_message_to_a_case_that_has_ended_is_noted_with_the_sender(bench: Bench) -> None:
    gone, sender = bench.start("example_people"), bench.start("example_message_send")
    gone.do("look")
    gone.do("hang_sign")
    sender.do("find_case", other=gone.number, count=1)
    bench.deliver()
    assert [each["message"] for each in sender.history("message_unheard")] == ["fee_paid"]


def test_a_failing_receiver_loses_no_message(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, sender = bench.start("example_message_wait"), bench.start("example_message_send")
    sender.do("find_case", other=waiting.number, count=3)
    with monkeypatch.context() as patch:
        patch.setattr("engine.cases.messages.settle_stage", lambda step: 1 / 0)
        bench.deliver()
    assert waiting.open() == []
    bench.wait(minutes=1)
    bench.deliver()
    assert waiting.open() == ["mend"]
    assert len(waiting.history("message_received")) == 2


def test_a_receive_task_may_be_given_up(bench: Bench) -> None:
    work = bench.start("example_message_wait")
    bench.wait(days=30)
    assert work.ended() and "late" in work.passed()


# Signals --------------------------------------------------------------------------------------------------------


def test_a_signal_is_heard_by_every_case_that_waits(bench: Bench) -> None:
    first, second, gone = (bench.start("example_signal_catch") for _ in range(3))
    gone.do("dig")
    sender = bench.start("example_signal_throw")
    sender.do("observe", choice="yes")
    bench.deliver()
    assert first.open() == second.open() == ["cover"]
    assert first.task_data("cover")["storm_level"] == "yes"
    assert gone.ended()
    late = bench.start("example_signal_catch")
    assert bench.deliver() == 0 and late.open() == ["dig"]
    sender.do("report_back")
    bench.deliver()
    assert late.open() == ["cover"]
    late.do("cover")
    assert late.ended() and sender.ended()
    for work in (first, second):
        assert len(work.history("signal_heard")) == 1


# Escalations, errors, conditions, ends ----------------------------------------------------------------------------


def test_an_escalation_calls_for_help_and_lets_the_work_go_on(bench: Bench) -> None:
    work = bench.start("example_escalation")
    work.do("try_it", choice="yes", count=2)
    assert work.open() == ["support"]
    assert work.task_data("support")["needed"] == 2
    work.do("support")
    assert work.ended() and "site_work" in work.passed()


def test_an_interrupting_escalation_ends_the_work(bench: Bench) -> None:
    work = bench.start("example_escalation")
    work.do("try_it", choice="no")
    assert work.open() == ["close_road", "support"]
    work.do("close_road")
    work.do("support")
    assert work.ended() and "site_work" not in work.passed()


def test_an_operator_error_takes_the_way_of_its_boundary_event(bench: Bench) -> None:
    work, fine = bench.start("example_operator_error"), bench.start("example_operator_error")
    work.do("ask", choice="no")
    assert work.open() == ["by_hand"]
    assert work.task_data("by_hand")["problem"] == "车辆都在外面"
    assert work.history("error_caught") == [{"code": "no_truck", "message": "车辆都在外面"}]
    work.do("by_hand")
    assert work.ended()
    fine.do("ask", choice="yes")
    assert fine.task_data("use")["truck"] == {"plate": "A1"}


def test_an_operator_error_nobody_catches_undoes_the_step(bench: Bench) -> None:
    work = bench.start("example_operator_error")
    with pytest.raises(DomainError, match=r"order_truck.*no_driver.*caught by nobody"):
        work.do("ask")
    assert work.open() == ["ask"]
    work.do("ask", choice="yes")
    assert work.open() == ["use"]


def test_an_error_end_event_leaves_the_sub_process(bench: Bench) -> None:
    work = bench.start("example_error_end")
    work.do("negotiate", choice="no")
    assert work.open() == ["enforce"]
    assert work.task_data("enforce")["failed_with"] == "refused"
    work.do("enforce")
    assert work.ended() and "talks" not in work.passed()


def test_a_condition_is_looked_at_after_every_step(bench: Bench) -> None:
    work = bench.start("example_conditional")
    assert work.open() == ["gather"]
    work.do("gather", count=3)
    assert work.open() == ["inspect"]
    work.do("inspect")
    assert work.ended()


def test_a_condition_that_comes_true_later_lets_its_event_happen(bench: Bench) -> None:
    work = bench.start("example_conditional", urgent=True)
    assert work.open() == ["gather", "hurry"]
    work.do("hurry")
    work.do("gather", count=1)
    assert not work.ended() and work.open() == []


def test_a_terminate_end_event_ends_everything(bench: Bench) -> None:
    work = bench.start("example_terminate")
    assert work.open() == ["search", "wait_owner"]
    work.do("search")
    assert work.ended()


# Sub-processes and calls ------------------------------------------------------------------------------------------


def test_a_sub_process_runs_inside(bench: Bench) -> None:
    work = bench.start("example_sub_process")
    for element in ("fetch", "mend", "check_it"):
        assert work.open() == [element]
        work.do(element)
    assert work.ended()


def test_a_called_process_answers_or_fails(bench: Bench) -> None:
    work, failed = bench.start("example_call"), bench.start("example_call")
    work.do("inspect", choice="yes")
    assert work.open() == ["file_it"]
    failed.do("inspect", choice="no")
    assert failed.open() == ["repeat_it"]
    failed.do("repeat_it")
    assert failed.ended()


@pytest.mark.parametrize(("choice", "first"), [("yes", "inspect"), ("no", "look")])
def test_a_variable_names_the_process_to_call(bench: Bench, choice: str, first: str) -> None:
    work = bench.start("example_call_by_expression")
    work.do("choose", choice=choice)
    assert work.open() == [first]
    work.do(first, choice="yes")
    if choice == "no":
        work.do("hang_sign")
    work.do("file_it")
    assert work.ended()


# Event sub-processes ----------------------------------------------------------------------------------------------


def test_a_timer_starts_an_event_sub_process_beside_the_work(bench: Bench) -> None:
    work = bench.start("example_event_sub_timer")
    bench.wait(days=2)
    assert work.open() == ["handle_it", "remind"]
    work.do("handle_it")
    work.do("record_it")
    assert not work.ended()
    work.do("remind")
    assert work.ended()


def test_a_waiting_event_sub_process_holds_nothing_up(bench: Bench) -> None:
    for name in ("timer", "message"):
        work = bench.start(f"example_event_sub_{name}")
        work.do("handle_it")
        work.do("record_it")
        assert work.ended()


def test_a_message_starts_an_event_sub_process_as_often_as_it_comes(bench: Bench) -> None:
    work = bench.start("example_event_sub_message")
    assert work.send("supervise", instruction="请加快")
    assert work.send("supervise", instruction="再加快")
    assert work.open() == ["answer", "answer", "handle_it"]
    work.do("answer")
    work.do("answer")
    assert not work.ended()
    work.do("handle_it")
    work.do("record_it")
    assert work.ended()


def test_an_interrupting_event_sub_process_ends_its_scope_and_sees_its_variables(bench: Bench) -> None:
    work = bench.start("example_event_sub_message")
    assert work.send("supervise", instruction="请加快")
    work.do("handle_it", choice="yes")
    assert work.send("cancel", reason="重复")
    assert work.open() == ["tell_reporter"]
    seen = work.task_data("tell_reporter")
    assert (seen["reason"], seen["choice"], seen["noted"]) == ("重复", "yes", 1)
    assert not work.send("supervise", instruction="迟了")
    work.do("tell_reporter")
    assert work.ended()


def test_event_sub_processes_leave_the_shared_definition_alone(bench: Bench) -> None:
    """Hazard 3: stock connects a message event sub-process to the start of the shared spec when it is triggered."""
    first = bench.start("example_event_sub_message")
    definition = bench.town.platform.definitions.current(bench.town.session, bench.town.clock.now())
    before = {name: list(spec._outputs) for name, spec in _specs(definition)}
    first.send("supervise", instruction="请加快")
    first.send("cancel", reason="重复")
    assert {name: list(spec._outputs) for name, spec in _specs(definition)} == before
    assert bench.start("example_event_sub_message").open() == ["handle_it"]


def _specs(definition: object) -> Iterator[tuple[str, object]]:
    for name, spec in definition.specs.items():  # type: ignore[attr-defined]
        for each in spec.task_specs.values():
            yield f"{name}/{each.name}", each


def test_an_error_starts_the_event_sub_process_of_its_scope(bench: Bench) -> None:
    work = bench.start("example_event_sub_error")
    work.do("ask", choice="no")
    assert work.open() == ["by_hand"]
    work.do("by_hand")
    assert work.open() == ["check_it"]
    assert work.task_data("check_it")["problem"] == "车辆都在外面"
    work.do("check_it")
    assert work.ended()


# Loops and multi-instance -----------------------------------------------------------------------------------------


def test_a_standard_loop_goes_on_while_its_condition_holds(bench: Bench) -> None:
    work, most = bench.start("example_loop"), bench.start("example_loop")
    work.do("try_again", choice="no")
    assert work.open() == ["try_again"]
    work.do("try_again", choice="yes")
    assert work.ended()
    for _ in range(3):
        most.do("try_again", choice="no")
    assert most.ended()


def test_parallel_instances_collect_and_stop_when_their_condition_holds(bench: Bench) -> None:
    work, stopped = bench.start("example_multi_parallel"), bench.start("example_multi_parallel")
    assert work.open() == ["vote"] * 3
    for scope in ("SANITATION", "STREET1", "MUNICIPAL"):
        work.do("vote", scope, choice="yes")
    assert work.task_data("see")["votes"] == ["yes", "yes", "yes"]
    stopped.do("vote", "STREET1", choice="no")
    assert stopped.open() == ["see"]


def test_sequential_instances_run_one_after_another(bench: Bench) -> None:
    work = bench.start("example_multi_sequential")
    work.do("how_many", count=2)
    for number in range(2):
        assert work.open() == ["lamp"] and work.task_data("lamp")["lamp_no"] == number
        work.do("lamp", choice="yes")
    for street in ("东街", "西街"):
        assert work.open() == ["sweep"] and work.task_data("sweep")["street_name"] == street
        work.do("sweep")
    assert work.ended()


def test_a_number_of_instances_that_cannot_be_is_refused(bench: Bench) -> None:
    work = bench.start("example_multi_sequential")
    with pytest.raises(DomainError, match=r"lamp.*runs -1 times"):
        work.do("how_many", count=-1)
    assert work.open() == ["how_many"]
    work.do("how_many", count=0)
    assert work.open() == ["sweep"]


# The page -----------------------------------------------------------------------------------------------------------


def test_every_example_is_in_order_and_drawn_well(town: SmallTown) -> None:
    _, findings = check_folder(str(town.folder), registry=REGISTRY)
    unsaid = "translation|names it|says no source|has passed"  # they show elements, not where limits come from
    told = [str(each) for each in findings if "example" in each.file and not re.search(unsaid, each.message)]
    assert told == []
    for path in sorted(EXAMPLES.glob("*.bpmn")):
        assert lint_layout(path.read_text(encoding="utf-8"), path.name) == []


def test_the_page_lists_every_example_and_every_example_is_run() -> None:
    page = (EXAMPLES.parent / "elements.md").read_text(encoding="utf-8")
    files = {path.name for path in EXAMPLES.glob("*.bpmn")}
    assert set(re.findall(r"examples/(\w+\.bpmn)", page)) == files
    tests = Path(__file__).read_text(encoding="utf-8")
    for name in files:
        stem = name.removesuffix(".bpmn")
        assert stem in tests or stem in {"example_message_wait", "example_called"}, f"no test runs {stem}"


def test_nothing_is_left_in_the_outbox_for_ever(town: SmallTown) -> None:
    query = select(func.count()).where(OutboxMessage.topic == "case/signal_to", OutboxMessage.done_at.is_(None))
    assert town.session.scalar(query) == 0
