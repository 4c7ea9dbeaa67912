"""The main lifecycle, walked by its people through the services, every branch of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from engine.errors import Conflict, Invalid, NotFound
from engine.models import Case, CaseClock, Evaluation, OutboxMessage, Supervision, Task
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown
from engine.workflow.forms import FormInvalid


@pytest.fixture(params=["live", "reloaded"])
def work(town: SmallTown, request: pytest.FixtureRequest) -> CaseWork:
    """A reported case; in the second round the runtime forgets everything before every act."""
    work = CaseWork(town)
    if request.param == "reloaded":
        do = work.do

        def do_after_restart(*args: object, **kwargs: object) -> object:
            work.forget_live()
            return do(*args, **kwargs)  # type: ignore[arg-type]

        work.do = do_after_restart  # type: ignore[assignment, method-assign]
    return work


def test_a_case_goes_through_all_seven_steps(work: CaseWork) -> None:
    work.dispatch()
    work.handle()
    work.close()
    assert work.case.status == "closed"
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    case = work.case
    assert (case.status, case.on_time, case.satisfaction, case.lead_department) == (
        "closed",
        True,
        "satisfied",
        "MUNICIPAL",
    )
    assert work.town.session.get_one(Evaluation, work.id).facts["on_time"] is True
    work.wait(days=30)
    assert work.state() == "ended"
    assert work.open() == []


def test_a_duplicate_is_merged_into_the_case_it_repeats(work: CaseWork) -> None:
    other = CaseWork(work.town)
    work.do("acceptor", "accept", {"decision": "duplicate", "into": other.case.number})
    assert work.case.status == "merged"
    assert work.case.merged_into_id == other.id
    assert other.case.status == "reported"


def test_merging_into_a_number_that_does_not_exist_changes_nothing(work: CaseWork) -> None:
    with pytest.raises(Exception, match="no other case"):
        work.do("acceptor", "accept", {"decision": "duplicate", "into": "20990101-00001"})
    assert work.open() == ["accept"]


def test_what_is_not_in_scope_is_rejected_and_the_reporter_told_why(work: CaseWork) -> None:
    form = {"decision": "not_in_scope", "reason": "属小区内部设施"}
    with pytest.raises(FormInvalid) as refused:
        work.do("acceptor", "accept", {"decision": "not_in_scope"})
    assert "reason" in refused.value.errors
    form["reason_kind"] = _first_choice(work, "accept", "reason_kind")
    work.do("acceptor", "accept", form)
    assert work.case.status == "rejected"
    replies = work.town.session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "reply")).all()
    assert [message.payload["text"] for message in replies] == ["属小区内部设施"]


def test_verification_goes_to_others_than_the_reporter_and_pauses_the_acceptance_clock(
    work: CaseWork,
) -> None:
    work.wait(minutes=5)
    work.do(
        "acceptor",
        "accept",
        {"decision": "needs_field_proof", "condition": CONDITION, "urgent": False, "verify_note": "核对位置"},
    )
    task = work.task("verify")
    # The only collector of D1 reported it: it is left to all of them.
    assert (task.role, task.scope, task.assignee_id) == ("collector", None, None)
    clock = work.town.session.scalars(select(CaseClock).where(CaseClock.name == "acceptance")).one()
    assert clock.running_since is None
    assert clock.used == 300
    with pytest.raises(NotFound):
        work.do("dispatcher", "verify", {"verified": "true"})
    work.do("collector2", "verify", {"verified": "true"})
    assert work.open() == ["file_case"]


def test_filing_gives_the_case_its_limit_and_dispatch_starts_the_clock(work: CaseWork) -> None:
    work.dispatch()
    case = work.case
    assert case.limit_text == "2 urgent_hour"
    assert case.due_at == work.town.clock.now() + timedelta(hours=2)


def test_the_table_proposes_the_unit_in_charge_of_the_class(work: CaseWork) -> None:
    work.file()
    assert work.task("assign").defaults["lead"] == "MUNICIPAL"


def test_a_return_pauses_the_clock_and_the_same_unit_goes_on_with_the_rest(work: CaseWork) -> None:
    work.dispatch()
    work.wait(minutes=30)
    returned = {"decision": "return", "reason": "非本单位权属", "reason_kind": "not_our_property"}
    work.do("unit_clerk_municipal", "receive", returned)
    assert work.case.due_at is None
    work.wait(minutes=10)
    work.do("dispatcher", "redispatch_unit", {"decision": "keep", "reason": "经核属本单位"})
    assert work.case.due_at == work.town.clock.now() + timedelta(minutes=90)
    assert work.case.returns == 1


def test_another_unit_gets_a_fresh_limit(work: CaseWork) -> None:
    work.dispatch()
    work.wait(minutes=30)
    returned = {"decision": "return", "reason": "非本单位权属", "reason_kind": "not_our_property"}
    work.do("unit_clerk_municipal", "receive", returned)
    work.do("dispatcher", "redispatch_unit", {"decision": "other", "department": "SANITATION", "reason": "属环卫"})
    case = work.case
    assert case.lead_department == "SANITATION"
    assert case.due_at == work.town.clock.now() + timedelta(hours=2)
    assert work.task("receive").scope == "SANITATION"


def test_a_second_return_needs_the_head_of_the_command_centre(work: CaseWork) -> None:
    work.dispatch()
    returned = {"decision": "return", "reason": "非本单位权属", "reason_kind": "not_our_property"}
    work.do("unit_clerk_municipal", "receive", returned)
    work.do("dispatcher", "redispatch_unit", {"decision": "keep", "reason": "经核属本单位"})
    work.do("unit_clerk_municipal", "receive", returned)
    assert work.open() == ["decide_return"]
    assert work.task("decide_return").role == "command_head"


def test_no_clear_owner_goes_to_coordination(work: CaseWork) -> None:
    work.file()
    work.do("dispatcher", "assign", {"decision": "no_owner", "reason": "权属不清"})
    task = work.task("resolve_owner")
    assert task.defaults["lead"] == "EMERGENCY"
    work.do("command_head", "resolve_owner", {"decision": "decided", "lead": "STREET1", "reason": "属地先行"})
    assert work.case.lead_department == "STREET1"


def test_joint_handling_waits_for_every_unit(work: CaseWork) -> None:
    work.dispatch("MUNICIPAL", ["SANITATION"])
    assert work.open() == ["receive", "receive"]
    work.handle("SANITATION")
    assert work.open() == ["receive"]
    work.handle("MUNICIPAL")
    assert work.open() == ["check"]


def test_feedback_without_a_photo_is_refused(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    with pytest.raises(Invalid, match="after_photo"):
        work.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    assert work.open() == ["feedback"]


def test_an_extension_adds_one_original_limit_and_only_twice(work: CaseWork) -> None:
    work.dispatch()
    due = work.case.due_at
    assert due is not None
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    for count in (1, 2):
        work.do("unit_handler_municipal", "handle", _request(work, "extension"))
        work.do("dispatcher", "approve_extension", {"decision": "approve"})
        assert work.case.due_at == due + timedelta(hours=2 * count)
    work.do("unit_handler_municipal", "handle", _request(work, "extension"))
    assert work.open() == ["handle"]
    assert work.case.extensions == 2
    assert work.task("handle").defaults["notice"]


def test_no_extension_once_overdue(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.wait(hours=2, minutes=1)
    work.do("unit_handler_municipal", "handle", _request(work, "extension"))
    assert "approve_extension" not in work.open()
    assert work.case.extensions == 0


def test_suspension_stops_the_clock_and_resumes_by_itself_on_its_date(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.wait(minutes=30)
    work.do("unit_handler_municipal", "handle", _request(work, "suspension", until="2026-06-01"))
    work.do("shift_leader", "approve_suspension", {"decision": "approve", "until": "2026-06-01"})
    assert work.case.status == "suspended"
    assert work.case.due_at is None
    work.wait(days=120)
    assert work.case.status == "dispatched"
    assert "resumed" in work.history()
    assert work.case.suspensions == 1
    resumed = next(e.at for e in _events(work) if e.kind == "resumed")
    assert resumed.isoformat() == "2026-05-31T16:00:00+00:00"


def test_a_suspended_case_can_be_resumed_early_and_is_suspended_only_once(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", _request(work, "suspension", until="2026-06-01"))
    work.do("shift_leader", "approve_suspension", {"decision": "approve", "until": "2026-06-01"})
    work.act("dispatcher", "resume", reason="材料已到")
    assert work.open() == ["handle"]
    work.do("unit_handler_municipal", "handle", _request(work, "suspension", until="2026-06-01"))
    assert work.open() == ["handle"]
    assert work.case.suspensions == 1


def test_an_enforcement_case_opens_beside_and_never_blocks(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", _request(work, "enforcement", enforcement_title="擅自占道"))
    assert work.open() == ["handle"]
    beside = work.town.session.scalars(select(Case).where(Case.id != work.id)).one()
    assert (beside.lead_department, beside.title, beside.grid_code) == ("MUNICIPAL", "擅自占道", work.case.grid_code)
    assert beside.number != work.case.number


def test_a_failed_check_sends_the_case_back_to_the_same_unit(work: CaseWork) -> None:
    work.dispatch()
    work.wait(minutes=20)
    work.handle()
    work.town.clock.set(work.town.clock.now() + timedelta(minutes=5))
    work.do("collector", "check", {"decision": "fail", "reason": "井盖仍松动", "reason_kind": "partly_handled"})
    work.do("dispatcher", "decide_rework", {"decision": "same_unit", "scope": "lead", "reason": "重新加固"})
    case = work.case
    assert case.reworks == 1
    assert work.open() == ["receive"]
    assert case.due_at == work.town.clock.now() + timedelta(minutes=100)
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已加固"})
    with pytest.raises(Invalid, match="after_photo"):
        work.do("unit_clerk_municipal", "feedback", {"decision": "complete"})


def test_a_failed_check_can_go_to_another_unit(work: CaseWork) -> None:
    work.dispatch()
    work.handle()
    work.do("collector", "check", {"decision": "fail", "reason": "井盖仍松动", "reason_kind": "not_handled"})
    work.do("dispatcher", "decide_rework", {"decision": "other_unit", "reason": "换单位"})
    assert work.open() == ["assign"]


def test_doubt_at_closing_asks_for_another_check(work: CaseWork) -> None:
    work.dispatch()
    work.handle()
    work.do("collector", "check", {"decision": "pass"})
    work.do("shift_leader", "close", {"decision": "doubt", "reason": "照片不清"})
    assert work.open() == ["check"]


def test_a_dissatisfied_callback_opens_the_case_again(work: CaseWork) -> None:
    work.dispatch()
    work.handle()
    work.close()
    answers = {"satisfaction": "dissatisfied", "reason": "又松了", "reason_kind": "came_back"}
    work.do("acceptor", "call_reporter", answers)
    assert work.case.status == "dispatched"
    assert work.open() == ["decide_rework"]


def test_without_a_phone_nobody_is_called_back(town: SmallTown) -> None:
    work = CaseWork(town, reporter_phone="")
    work.dispatch()
    work.handle()
    work.close()
    assert work.open() == []
    assert "evaluated" in work.history()


def test_what_the_collector_fixed_at_once_goes_straight_to_the_check(town: SmallTown) -> None:
    work = CaseWork(town, self_handled=True)
    work.accept()
    work.do("shift_leader", "file_case", {"decision": "collector_fixed", "condition": CONDITION, "urgent": False})
    assert work.open() == ["check"]
    work.close()
    assert work.case.on_time is True


def test_escalation_warns_then_supervises_then_goes_higher(work: CaseWork) -> None:
    work.dispatch()
    work.wait(hours=1, minutes=37)
    assert work.case.supervisions == 0
    assert "escalated" in work.history()
    work.wait(minutes=30)
    assert work.case.supervisions == 1
    work.wait(hours=2)
    assert work.case.supervisions == 2
    work.wait(hours=2)
    levels = work.town.session.scalars(
        select(Supervision.level).where(Supervision.case_id == work.id).order_by(Supervision.id)
    ).all()
    assert list(levels) == sorted(set(levels))
    assert len(levels) == 3


def test_a_rework_late_in_the_limit_does_not_escalate_the_same_again(work: CaseWork) -> None:
    work.dispatch()
    work.wait(hours=2, minutes=5)
    assert work.case.supervisions == 1
    work.handle()
    work.town.clock.set(work.town.clock.now() + timedelta(minutes=5))
    work.do("collector", "check", {"decision": "fail", "reason": "未处理", "reason_kind": "not_handled"})
    work.do("dispatcher", "decide_rework", {"decision": "same_unit", "scope": "lead", "reason": "重做"})
    work.wait(minutes=5)
    assert work.case.supervisions == 1
    work.wait(hours=2)
    assert work.case.supervisions == 2


def test_suspension_stops_the_clock_even_while_another_unit_still_works(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"}, scope="MUNICIPAL")
    work.do("unit_handler_municipal", "handle", _request(work, "suspension", until="2026-06-01"))
    work.do("shift_leader", "approve_suspension", {"decision": "approve", "until": "2026-06-01"})
    assert work.case.due_at is None
    work.wait(days=10)
    assert work.case.supervisions == 0


def test_timers_of_a_limit_stand_still_while_its_clock_does(work: CaseWork) -> None:
    work.dispatch()
    returned = {"decision": "return", "reason": "非本单位权属", "reason_kind": "not_our_property"}
    work.do("unit_clerk_municipal", "receive", returned)
    work.wait(days=3)
    assert work.case.supervisions == 0


def test_overdue_handling_is_not_on_time(work: CaseWork) -> None:
    work.dispatch()
    work.wait(hours=3)
    work.handle()
    work.close()
    assert work.case.on_time is False


def test_an_appeal_is_decided_by_two_and_only_once(work: CaseWork) -> None:
    work.dispatch()
    work.wait(hours=3)
    work.handle()
    work.close()
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    work.act("unit_head_municipal", "appeal", reason="道路封闭无法进场")
    work.do("dispatcher", "appeal_review_dispatch", {"decision": "approve", "reason": "属实"})
    work.do("acceptor", "appeal_review_accept", {"decision": "approve", "reason": "同意"})
    assert work.case.overdue_excluded is True
    assert work.case.on_time is False
    with pytest.raises(Conflict):
        work.act("unit_head_municipal", "appeal", reason="再申诉")


def test_the_window_for_appeals_closes(work: CaseWork) -> None:
    work.dispatch()
    work.handle()
    work.close()
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    work.wait(days=20)
    with pytest.raises(Conflict, match="run to its end"):
        work.act("unit_head_municipal", "appeal", reason="太晚")


@pytest.mark.parametrize("stretch", ["report", "dispatch", "check"])
def test_a_case_can_be_voided_at_any_time(town: SmallTown, stretch: str) -> None:
    work = CaseWork(town)
    if stretch != "report":
        work.dispatch()
    if stretch == "check":
        work.handle()
    work.act("shift_leader", "cancel", reason="误报")
    assert work.case.status == "voided"
    assert work.open() == []
    assert work.state() == "ended"


def test_a_running_case_can_be_merged(town: SmallTown) -> None:
    first, second = CaseWork(town), CaseWork(town)
    first.dispatch()
    second.dispatch()
    second.act("shift_leader", "merge", into=first.case.number)
    assert second.case.status == "merged"
    assert second.open() == []


def test_supervision_is_answered_by_the_unit_while_handling_goes_on(work: CaseWork) -> None:
    work.dispatch()
    work.act("leader", "supervise", instruction="今日办结", level=2)
    assert set(work.open()) == {"receive", "reply_unit"}
    work.do("unit_head_municipal", "reply_unit", {"reply": "已安排"})
    row = work.town.session.scalars(select(Supervision)).one()
    assert (row.instruction, row.level, row.reply) == ("今日办结", 2, "已安排")
    assert work.open() == ["receive"]


def test_a_case_can_be_supervised_again_and_again(work: CaseWork) -> None:
    work.dispatch()
    work.act("leader", "supervise", instruction="今日办结")
    work.do("unit_head_municipal", "reply_unit", {"reply": "已安排"})
    work.act("leader", "supervise", instruction="明日一早报送照片")
    work.act("shift_leader", "supervise", instruction="注意安全")
    assert work.open().count("reply_unit") == 2
    for _ in range(2):
        work.do("unit_head_municipal", "reply_unit", {"reply": "收到"})
    work.handle()
    work.close()
    assert (work.case.status, work.case.supervisions) == ("closed", 3)


def test_every_completion_leaves_one_line_of_history_and_no_open_row_behind(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.handle()
    work.close()
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    done = town.session.scalar(select(func.count()).where(Task.case_id == work.id, Task.status == "done"))
    assert work.history().count("task_completed") == done == 9


def test_state_stays_small_however_often_a_case_goes_round(town: SmallTown) -> None:
    from engine.models import Instance

    work = CaseWork(town)
    work.dispatch()
    sizes = []
    for _ in range(6):
        work.town.clock.set(work.town.clock.now() + timedelta(seconds=30))
        work.handle()
        work.do("collector", "check", {"decision": "fail", "reason": "未处理", "reason_kind": "not_handled"})
        work.do("dispatcher", "decide_rework", {"decision": "same_unit", "scope": "lead", "reason": "重做"})
        sizes.append(len(town.session.scalars(select(Instance.state)).one()))
    assert sizes[-1] <= sizes[0] * 1.2, sizes


def _request(work: CaseWork, kind: str, **more: str) -> dict[str, str]:
    answers = {"decision": kind, "reason": "需协调占道手续", **more}
    if kind in ("extension", "suspension"):
        answers["reason_kind"] = _first_choice(work, "handle", "reason_kind")
    return answers


def _first_choice(work: CaseWork, form: str, key: str) -> str:
    platform = work.town.platform
    definitions, now = platform.definitions, work.town.clock.now()
    schema = definitions.current(work.town.session, now).forms[form].to_dict("zh", lambda _, text: text)
    field = next(component for component in schema["components"] if component.get("key") == key)
    return str(field["values"][0]["value"])


def _events(work: CaseWork) -> list[object]:
    from engine.models import CaseEvent

    return list(work.town.session.scalars(select(CaseEvent).where(CaseEvent.case_id == work.id).order_by(CaseEvent.id)))


def test_a_case_without_a_limit_needs_no_extension(town: SmallTown) -> None:
    (town.folder / "catalogue").mkdir()
    header = (
        "kind,full_code,condition_no,defect_code,filing_condition,filing_condition_en,limit,closing_condition,source"
    )
    row = "component,0101,1,MISSING,盖板缺失,Cover missing,,补盖,city"
    (town.folder / "catalogue/conditions.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    town.load()
    work = CaseWork(town)
    work.dispatch()
    assert work.case.due_at is None
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", _request(work, "extension"))
    assert work.open() == ["handle"]
    assert "没有处置时限" in work.task("handle").defaults["notice"]
