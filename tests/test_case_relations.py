"""Merge and undo, split, link: what both cases keep, who is refused and why, and two people at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import func, select

from engine.cases.access import access_case
from engine.cases.actions import act_on_case
from engine.cases.evidence_views import joined_views
from engine.cases.merging import joined_reports
from engine.cases.relating import Part, relate_cases, split_case, undo_merge
from engine.cases.views import history, links_of
from engine.errors import Conflict, DomainError, Invalid, NotAllowed, NotFound, OperatorRefused
from engine.models import Case, CaseEvent, CaseLink, Instance, OutboxMessage
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.scratch import scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city

GARBAGE = {"kind": "event", "full_code": "0110", "condition_no": 1, "description": "门口垃圾成堆"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def either(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallTown]:
    """A small town on each database."""
    folder = write_small_city(tmp_path / "small")
    if request.param == "sqlite":
        town = SmallTown(folder, url=f"sqlite:///{tmp_path / 'town.sqlite'}")
        yield town
        town.close()
        return
    with scratch_postgresql() as url:
        town = SmallTown(folder, url=url)
        yield town
        town.close()


def undo(town: SmallTown, work: CaseWork, login: str = "shift_leader", **options: Any) -> dict[str, Any]:
    number = work.case.number
    return undo_merge(
        town.session, town.platform, town.actor(login), number, "不是同一处", now=town.clock.now(), **options
    )


def told(town: SmallTown, work: CaseWork) -> list[dict[str, Any]]:
    query = select(OutboxMessage.payload).where(OutboxMessage.case_id == work.id, OutboxMessage.topic == "reply")
    return list(town.session.scalars(query.order_by(OutboxMessage.id)))


def test_a_merge_is_told_on_both_cases_and_answered_with_the_leading_one(town: SmallTown) -> None:
    first, second, third = CaseWork(town, reporter_phone=""), CaseWork(town), CaseWork(town)
    third.act("shift_leader", "merge", into=second.case.number)
    second.do("acceptor", "accept", {"decision": "duplicate", "into": first.case.number})
    assert (first.case.merged_reports, second.case.merged_into_id) == (1, first.id)
    assert "report_joined" in first.history()
    assert [each.number for each in joined_reports(town.session, first.case)] == [
        second.case.number,
        third.case.number,
    ]
    number = first.case.number
    assert told(town, second) == [
        {
            "phone": True,
            "text": f"您反映的问题与在办案件 {number} 重复，已并案办理，办结后一并答复。",
            "leading": number,
        }
    ]
    first.dispatch()
    first.handle()
    first.close()
    assert "call_reporter" in first.open()  # the first reporter left no telephone, the second did
    assert [each.get("closed") for each in told(town, second)] == [None, "solved"]
    assert told(town, third)[-1] == {"phone": True, "leading": number, "closed": "solved"}


def test_evidence_of_merged_cases_is_seen_from_both(town: SmallTown) -> None:
    first, second = CaseWork(town), CaseWork(town)
    second.photo("before_photo")
    first.dispatch()
    second.act("shift_leader", "merge", into=first.case.number)
    handler = town.actor("unit_handler_municipal")
    with pytest.raises(NotFound):
        access_case(town.session, handler, town.platform.host.directory, second.case.number)
    [seen] = joined_views(town.session, town.platform, handler, first.case)
    assert (seen.role, seen.of_case) == ("before_photo", second.case.number)
    first.photo("after_photo")
    [seen] = joined_views(town.session, town.platform, town.actor("acceptor"), second.case)
    assert (seen.role, seen.of_case) == ("after_photo", first.case.number)


def test_an_undone_merge_begins_anew_and_both_histories_keep_it(either: SmallTown) -> None:
    first, second = CaseWork(either), CaseWork(either)
    first.dispatch()
    second.dispatch()
    version = first.case.version
    second.act("shift_leader", "merge", into=first.case.number)
    answer = undo(either, second, key="undo-1")
    assert (answer["status"], [task["element"] for task in answer["tasks"]]) == ("reported", ["accept"])
    assert undo(either, second, key="undo-1") == answer
    assert (first.case.merged_reports, second.case.merged_into_id, second.case.lead_department) == (0, None, None)
    assert first.case.version == version + 2
    assert {"merged", "unmerged"} <= set(second.history())
    assert {"report_joined", "report_left"} <= set(first.history())
    assert list(links_of(either.session, either.platform, second.case)) == []
    second.dispatch()
    second.handle()
    second.close()
    assert second.case.status == "closed"
    with pytest.raises(Conflict, match="merged into none"):
        undo(either, second)


def test_a_merge_cannot_be_undone_when_the_leading_case_has_ended(town: SmallTown) -> None:
    first, second = CaseWork(town), CaseWork(town)
    second.act("shift_leader", "merge", into=first.case.number)
    first.act("shift_leader", "cancel", reason="误报")
    with pytest.raises(Conflict, match="report the problem anew"):
        undo(town, second)
    assert second.case.status == "merged"
    with pytest.raises(NotAllowed, match=r"case\.merge"):
        undo(town, second, "acceptor")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        ("closed", "is closed, so this is a new problem"),
        ("other_kind", "of kind event, this one of kind component"),
        ("voided", "is voided itself"),
        ("itself", "there is no other case"),
        ("merged", "merge into {third}"),
        ("circle", "which it cannot lead"),
        ("wins_time", "merging must win no time"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_way_out(town: SmallTown, prepare: str, message: str) -> None:
    case, third = CaseWork(town), CaseWork(town)
    other = CaseWork(town, **(GARBAGE if prepare == "other_kind" else {}))
    into = case if prepare == "itself" else other
    if prepare == "closed":
        other.dispatch()
        other.handle()
        other.close()
    elif prepare == "voided":
        other.act("shift_leader", "cancel", reason="误报")
    elif prepare in ("merged", "circle"):
        other.act("shift_leader", "merge", into=(case if prepare == "circle" else third).case.number)
    elif prepare == "wins_time":
        case.dispatch()
        town.clock.set(town.clock.now() + timedelta(minutes=30))
        other.dispatch()
    with pytest.raises(OperatorRefused, match=message.format(third=third.case.number)) as refused:
        case.act("shift_leader", "merge", into=into.case.number)
    assert refused.value.field == "into"
    assert case.case.status != "merged"


def test_a_report_is_split_into_cases_of_their_own(either: SmallTown) -> None:
    work = CaseWork(either, description="井盖缺失，旁边还有垃圾")
    work.accept()
    either.clock.set(either.clock.now() + timedelta(minutes=10))
    parts = [Part("event", "0110", "井盖旁有垃圾", 1), Part("component", "0103", "雨水井盖破损", 1)]
    options: dict[str, Any] = {"now": either.clock.now(), "key": "split-1"}
    number, acceptor = work.case.number, either.actor("acceptor")
    answer = split_case(either.session, either.platform, acceptor, number, parts, "一报两事", **options)
    assert split_case(either.session, either.platform, acceptor, number, parts, "一报两事", **options) == answer
    cases = [either.session.scalars(select(Case).where(Case.number == each)).one() for each in answer["parts"]]
    assert [(case.full_code, case.source, case.reporter_phone) for case in cases] == [
        ("0110", "patrol", "10000000001"), ("0103", "patrol", "10000000001"),
    ]  # fmt: skip
    assert {case.reported_at for case in cases} == {work.case.reported_at}
    assert answer["status"] == "reported"  # the report's own case goes on
    assert work.history()[-1] == "split"
    assert {link.kind for link in links_of(either.session, either.platform, work.case)} == {"split"}
    assert "split_from" in [line.kind for line in history(either.session, either.platform, cases[0])]


def test_a_part_that_does_not_hold_names_itself_and_nothing_is_opened(town: SmallTown) -> None:
    work = CaseWork(town)
    parts = [Part("event", "0110", "垃圾", 1), Part("event", "0777", "没有这一类")]
    before = town.session.scalar(select(func.count()).select_from(Case))
    with pytest.raises(Invalid, match="part 2") as refused:
        split_case(
            town.session, town.platform, town.actor("acceptor"), work.case.number, parts, "-", now=town.clock.now()
        )
    assert refused.value.field is not None
    assert refused.value.field.startswith("parts.1.")
    assert town.session.scalar(select(func.count()).select_from(Case)) == before
    work.act("shift_leader", "cancel", reason="误报")
    with pytest.raises(Conflict, match="is voided"):
        split_case(
            town.session, town.platform, town.actor("acceptor"), work.case.number, parts[:1], "-",
            now=town.clock.now(),
        )  # fmt: skip


def test_related_cases_are_linked_once_and_unlinked_with_a_reason(town: SmallTown) -> None:
    first, second = CaseWork(town), CaseWork(town, **GARBAGE)
    one, other = first.case.number, second.case.number
    common: dict[str, Any] = {"now": town.clock.now()}
    acceptor = town.actor("acceptor")
    relate_cases(town.session, town.platform, acceptor, one, other, "同一工地", linked=True, **common)
    with pytest.raises(Conflict, match="linked as related already"):
        relate_cases(town.session, town.platform, acceptor, other, one, "同一工地", linked=True, **common)
    with pytest.raises(Invalid, match="not linked with itself"):
        relate_cases(town.session, town.platform, acceptor, one, one, "同一工地", linked=True, **common)
    with pytest.raises(NotAllowed, match=r"case\.link"):
        relate_cases(
            town.session, town.platform, town.actor("collector"), one, other, "同一工地", linked=True, **common
        )
    with pytest.raises(Invalid, match="no reason"):
        relate_cases(town.session, town.platform, acceptor, one, other, " ", linked=False, **common)
    [link] = links_of(town.session, town.platform, second.case)
    assert (link.number, link.kind, link.reason) == (one, "related", "同一工地")
    relate_cases(town.session, town.platform, acceptor, other, one, "看错了", linked=False, **common)
    assert list(links_of(town.session, town.platform, first.case)) == []
    for work in (first, second):
        assert [kind for kind in work.history() if kind in ("related", "unrelated")] == ["related", "unrelated"]


def test_two_people_merging_two_cases_into_each_other_leave_one_to_lead(either: SmallTown) -> None:
    actor, now = either.actor("shift_leader"), either.clock.now()
    for _ in range(2):
        works = [CaseWork(either), CaseWork(either)]
        numbers = [work.case.number for work in works]
        either.session.rollback()
        barrier, refused = Barrier(2), []

        def merge(one: str, other: str, barrier: Barrier = barrier, refused: list[str] = refused) -> None:
            with either.sessions() as session:
                barrier.wait()
                try:
                    act_on_case(session, either.platform, actor, one, "merge", {"into": other}, now=now)
                except DomainError as error:
                    refused.append(error.message)

        threads = [Thread(target=merge, args=pair) for pair in (numbers, numbers[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        merged = [work for work in works if work.case.status == "merged"]
        [leading] = [work for work in works if work.case.status == "reported"]
        assert len(refused) == 1
        assert len(merged) == 1
        assert (merged[0].case.merged_into_id, leading.case.merged_reports) == (leading.id, 1)
        assert leading.state() == "running"


def test_two_reports_merged_at_once_into_one_are_both_counted(either: SmallTown) -> None:
    leading, *works = (CaseWork(either) for _ in range(4))
    actor, now, number = either.actor("shift_leader"), either.clock.now(), leading.case.number
    numbers = [work.case.number for work in works]
    either.session.rollback()
    barrier = Barrier(3)

    def merge(one: str) -> None:
        with either.sessions() as session:
            barrier.wait()
            act_on_case(session, either.platform, actor, one, "merge", {"into": number}, now=now)

    threads = [Thread(target=merge, args=(one,)) for one in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert leading.case.merged_reports == 3
    assert leading.history().count("report_joined") == 3
    leading.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})


def test_nothing_of_a_refused_undo_is_kept(town: SmallTown) -> None:
    first, second = CaseWork(town), CaseWork(town)
    second.act("shift_leader", "merge", into=first.case.number)
    first.act("shift_leader", "cancel", reason="误报")
    counts = [town.session.scalar(select(func.count()).select_from(model)) for model in (Instance, CaseEvent, CaseLink)]
    with pytest.raises(Conflict):
        undo(town, second)
    assert counts == [
        town.session.scalar(select(func.count()).select_from(model)) for model in (Instance, CaseEvent, CaseLink)
    ]
