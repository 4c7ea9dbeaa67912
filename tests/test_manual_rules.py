"""The manual's rules of evidence and extension at work: asked for at the right task, told why, kept by old cases."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from manual_books import TODAY, Book, exported
from page_desk import Site
from sqlalchemy import select

from api.app import create_app
from api.config import Settings
from engine.calendar import parse_limit
from engine.cases import clocks
from engine.cases.task_list import open_task
from engine.catalogue.condition_rules import ROLES, ConditionRules, RuleUnreadable
from engine.catalogue.manual import CONDITIONS
from engine.catalogue.manual_change import compare_workbook, effect_on_cases, propose_change, sign_change
from engine.catalogue.provenance import marked
from engine.checks.running import check_city
from engine.city import load_city
from engine.errors import CityBroken, Invalid, OperatorRefused
from engine.explain.explaining import explain_case
from engine.loading.catalogue import CONDITION, RULES
from engine.models import CaseEvent, FilingCondition
from engine.testing.casework import CONDITION as KEY
from engine.testing.casework import CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.forms import FormInvalid

EXTEND = {"decision": "extension", "reason_kind": "material", "reason": "等备件"}


def ruled_town(folder: Path, evidence: str = "", extension: str = "", database: str = "sqlite://") -> SmallTown:
    """A small city whose manual has rules for a missing water cover."""
    write_small_city(folder)
    (folder / "catalogue").mkdir()
    row = ("component", "0101", "1", "MISSING", "盖板缺失", "Cover missing", "2 urgent_hour", "补盖复位", "found")
    with (folder / "catalogue/conditions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(*CONDITION, *RULES), (*row, evidence, extension)])
    return SmallTown(folder, database)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallTown]:
    """A small city on either database."""
    if request.param == "sqlite":
        town = SmallTown(write_small_city(tmp_path / "small"))
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(write_small_city(tmp_path / "small"), url)
            yield town
            town.close()
    except NoServer as reason:
        if os.environ.get("WANGGE_NO_SKIP"):
            raise
        pytest.skip(str(reason))


def missing(town: SmallTown, work: CaseWork, element: str, login: str) -> dict[str, tuple[int, int, str]]:
    """What a task asks for: role -> (asked for, there, by whom)."""
    detail = open_task(town.session, town.platform, town.actor(login), work.task(element).id, town.clock.now())
    found = {each.role: (each.count, each.there, each.by) for each in detail.evidence}
    town.session.rollback()
    return found


# Evidence --------------------------------------------------------------------------------------------------------


def test_what_the_manual_asks_for_is_refused_when_missing_and_says_by_which_rule(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "city", "near_photo 1; after_photo 2; check_photo 1")
    work = CaseWork(town)
    work.accept()
    approve = {"decision": "approve", "condition": KEY, "urgent": False}
    with pytest.raises(Invalid, match=r"near_photo and the case has 0: the command manual asks .* component/0101/1"):
        work.do("shift_leader", "file_case", approve)
    assert missing(town, work, "file_case", "shift_leader") == {"near_photo": (1, 0, "manual")}
    work.photo("near_photo")
    work.do("shift_leader", "file_case", approve)
    work.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL", "assisting": []})
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    work.photo("after_photo")
    work.photo("after_photo")  # the same file again is one photo
    assert missing(town, work, "feedback", "unit_clerk_municipal") == {"after_photo": (2, 1, "manual")}
    with pytest.raises(Invalid, match="needs 2 files of evidence of kind after_photo and the case has 1"):
        work.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    work.photo("after_photo", sha256="1" * 64)
    work.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    with pytest.raises(Invalid, match="check_photo"):
        work.do("collector", "check", {"decision": "pass"})
    work.do("collector", "check", {"decision": "cannot_revisit", "reason_kind": "no_access", "reason": "封闭施工"})
    town.close()


def test_a_problem_that_is_not_there_needs_no_photo_of_it(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "city", "near_photo 1; verify_photo 1")
    work = CaseWork(town, source="hotline_12319")
    accept = {"decision": "needs_field_proof", "condition": KEY, "urgent": False, "verify_note": "看看"}
    work.do("acceptor", "accept", accept)
    asked = missing(town, work, "verify", "collector")
    assert asked == {"near_photo": (1, 0, "manual"), "verify_photo": (1, 0, "manual")}
    with pytest.raises(Invalid, match="near_photo"):
        work.do("collector", "verify", {"verified": "true"})
    work.do("collector", "verify", {"verified": "false", "reason_kind": "not_found", "reason": "现场未见"})
    town.close()


def test_the_rule_of_the_condition_that_the_answer_settles_is_asked_for(tmp_path: Path) -> None:
    """The case is reported under another condition; what counts is the one it is filed under."""
    town = ruled_town(tmp_path / "city", "far_photo 1")
    work = CaseWork(town, condition_no=2)
    work.accept()
    assert missing(town, work, "file_case", "shift_leader") == {}
    answers = {"decision": "approve", "condition": KEY, "urgent": False}
    with pytest.raises(Invalid, match="far_photo"):
        work.do("shift_leader", "file_case", answers)
    assert work.open() == ["file_case"]
    assert (work.case.condition_no, work.case.filed_at) == (2, None)
    work.photo("far_photo")
    work.do("shift_leader", "file_case", answers)
    assert work.case.condition_no == 1
    town.close()


def test_photos_of_the_problem_stay_true_and_those_of_the_work_do_not(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "city", "before_photo 1; after_photo 1; check_photo 1")
    work = CaseWork(town)
    work.photo("before_photo")
    work.dispatch()
    town.clock.set(town.clock.now() + timedelta(minutes=5))
    work.handle()
    work.photo("check_photo")
    work.do("collector", "check", {"decision": "fail", "reason_kind": "not_handled", "reason": "仍缺"})
    town.clock.set(town.clock.now() + timedelta(minutes=5))
    work.do("dispatcher", "decide_rework", {"decision": "same_unit", "scope": "lead", "reason": "重做"})
    town.clock.set(town.clock.now() + timedelta(minutes=5))
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    assert missing(town, work, "feedback", "unit_clerk_municipal") == {"after_photo": (1, 0, "manual")}
    work.photo("after_photo", sha256="1" * 64)
    work.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    assert missing(town, work, "check", "collector") == {"check_photo": (1, 0, "manual")}
    town.close()


def events(town: SmallTown, work: CaseWork, kind: str) -> list[CaseEvent]:
    query = select(CaseEvent).where(CaseEvent.case_id == work.id, CaseEvent.kind == kind)
    return list(town.session.scalars(query))


def test_the_explanation_says_why_a_photo_is_asked_for(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "city", "near_photo 2")
    work = CaseWork(town)
    work.accept()
    for language, words in (
        ("zh", ("近景照片 2 件", "指挥手册 component/0101/1：near_photo 2", "视填报结果而定")),
        ("en", ("× 2", "command manual component/0101/1: near_photo 2", "depending on the answer")),
    ):
        told = explain_case(town.session, town.platform, work.case, language)
        text = "\n".join(told.sentences)
        assert all(word in text for word in words), text
        (asked,) = told.tasks[0].evidence
        assert (asked.code, asked.count, asked.there, asked.by) == ("near_photo", 2, 0, "manual")
    town.close()


def test_every_role_of_evidence_can_be_asked_for_by_the_manual_and_by_some_task(tmp_path: Path) -> None:
    rule = "; ".join(f"{role} 1" for role in ROLES)
    town = ruled_town(tmp_path / "city", rule)
    assert dict(ConditionRules(rule).asks) == dict.fromkeys(ROLES, 1)
    definition = town.platform.definitions.current(town.session, town.clock.now())
    named = {
        role
        for diagram in definition.diagrams.values()
        for element in diagram.elements.values()
        for role in element.properties.get("manual_evidence", "").split()
    }
    assert named == set(ROLES)
    town.close()


def test_a_rule_nobody_can_read_names_condition_and_rule(tmp_path: Path) -> None:
    for rule in ("near_photo", "near_photo 0", "selfie 1", "near_photo 1; near_photo 2"):
        with pytest.raises(RuleUnreadable, match="is no rule"):
            assert ConditionRules(rule).asks
    with pytest.raises(CityBroken, match="near_photo one"):
        ruled_town(tmp_path / "city", "near_photo one")


def test_what_a_diagram_says_about_evidence_is_checked(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "city")
    core = Path("processes/check_and_close.bpmn").read_text(encoding="utf-8")
    (folder / "processes").mkdir()
    broken = core.replace('value="check_photo"', 'value="selfie"').replace(
        "${answer.decision !=", "${answer.verdict !="
    )
    (folder / "processes/check_and_close.bpmn").write_text(broken, encoding="utf-8")
    told = " | ".join(each.message for each in check_city(load_city(folder)))
    assert "manual_evidence 'selfie' is unknown" in told
    assert "verdict" in told


# Extensions ------------------------------------------------------------------------------------------------------


def handled(work: CaseWork) -> None:
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})


def extend(work: CaseWork) -> None:
    work.do("unit_handler_municipal", "handle", EXTEND)
    work.do("dispatcher", "approve_extension", {"decision": "approve"})


def test_a_limit_is_extended_as_often_and_by_as_much_as_the_manual_says(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "city", extension="1 x 3 urgent_hour")
    work = CaseWork(town)
    handled(work)
    before = work.case.due_at
    extend(work)
    assert before is not None and work.case.due_at == before + timedelta(hours=3)
    (event,) = events(town, work, "extended")
    assert (event.data["limit"], event.data["rule"]) == ("3 urgent_hour", "1 x 3 urgent_hour")
    with pytest.raises(FormInvalid, match="decision"):  # it is not offered any more
        work.do("unit_handler_municipal", "handle", EXTEND)
    assert work.open() == ["handle"]
    town.close()


def test_never_is_never_and_the_process_alone_decides_where_the_manual_is_silent(tmp_path: Path) -> None:
    town = ruled_town(tmp_path / "never", extension="none")
    work = CaseWork(town)
    handled(work)
    with pytest.raises(FormInvalid, match="decision"):
        work.do("unit_handler_municipal", "handle", EXTEND)
    assert (work.open(), work.case.extensions) == (["handle"], 0)
    town.close()
    town = ruled_town(tmp_path / "silent")
    work = CaseWork(town)
    handled(work)
    before = work.case.due_at
    for _ in range(2):
        extend(work)
    assert before is not None and work.case.due_at == before + timedelta(hours=4)
    work.do("unit_handler_municipal", "handle", EXTEND)
    assert work.task("handle").defaults["notice"] == "已延期两次，不得再延期。"
    town.close()


def offering_always(folder: Path) -> Path:
    """The city's folder with a form of its own that offers an extension whatever the manual says."""
    form = json.loads(Path("processes/forms/handle.json").read_text(encoding="utf-8"))
    for field in form["components"]:
        for choice in field.get("values", ()):
            choice.pop("conditional", None)
    (folder / "forms").mkdir()
    (folder / "forms/handle.json").write_text(json.dumps(form), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("rule", "told"), [("none", "不得延期"), ("1 x 3 urgent_hour", "已按指挥手册规定的次数延期")])
def test_a_citys_own_form_that_offers_it_all_the_same_gets_the_manuals_reason(
    tmp_path: Path, rule: str, told: str
) -> None:
    town = ruled_town(tmp_path / "city", extension=rule)
    offering_always(town.folder)
    town.load()
    work = CaseWork(town)
    handled(work)
    if rule != "none":
        extend(work)
    work.do("unit_handler_municipal", "handle", EXTEND)
    assert work.open() == ["handle"] and told in work.task("handle").defaults["notice"]
    town.close()


def test_a_city_whose_own_table_allows_what_the_manual_forbids_is_refused_with_the_rule(tmp_path: Path) -> None:
    folder = offering_always(write_small_city(tmp_path / "city"))
    table = Path("processes/decisions/extension.dmn").read_text(encoding="utf-8")
    (folder / "decisions").mkdir()
    (folder / "decisions/extension.dmn").write_text(table.replace("<text>false</text>", "<text>true</text>"), "utf-8")
    (folder / "catalogue").mkdir()
    row = ("component", "0101", "1", "MISSING", "盖板缺失", "Cover missing", "2 urgent_hour", "补盖复位", "found")
    with (folder / "catalogue/conditions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([(*CONDITION, *RULES), (*row, "", "none")])
    town = SmallTown(folder)
    work = CaseWork(town)
    handled(work)
    work.do("unit_handler_municipal", "handle", EXTEND)
    with pytest.raises(OperatorRefused, match=r"allows 0 extensions .* \(none\)"):
        work.do("dispatcher", "approve_extension", {"decision": "approve"})
    assert work.open() == ["approve_extension"]
    town.close()


@pytest.mark.parametrize(
    ("limit", "each", "hours"), [("8 work_hour", "1 calendar_day", 24), ("2 urgent_hour", "4 work_hour", 4)]
)
def test_an_extension_of_another_measure_moves_the_deadline_by_itself(
    town: SmallTown, limit: str, each: str, hours: int
) -> None:
    calendar, now = town.platform.host.calendar, town.clock.now()
    case: Any = SimpleNamespace(clocks=[])
    clock = clocks.start_clock(case, calendar, "handling", parse_limit(limit), now, restart=False)
    clocks.run_clock(clock, calendar, now, "-")
    before = clock.due_at
    clocks.extend_clock(clock, calendar, now, parse_limit(each))
    assert before is not None
    assert clock.due_at is not None and clock.due_at >= before
    assert calendar.worked(before, clock.due_at, parse_limit(each).unit) == timedelta(hours=hours)


# The whole way ---------------------------------------------------------------------------------------------------


def test_a_signed_change_binds_new_cases_and_no_old_one(any_town: SmallTown) -> None:
    """Export, change, compare, propose, sign: cases filed before keep limit, evidence and extension."""
    town = any_town
    old = CaseWork(town)
    handled(old)
    due = old.case.due_at
    book = Book(exported(town.session)).change(
        CONDITIONS, "component", "0101", "1", limit="1 urgent_hour", evidence="after_photo 3", extension="none"
    )
    effective = TODAY + timedelta(days=1)
    compared = compare_workbook(town.session, book.saved(), effective, TODAY, [])
    assert len(compared.diff.changes) == 1
    assert compared.effect.filed == compared.effect.filed_touched == 1
    proposed, new = propose_change(
        town.session, town.actor("analyst"), book.saved(), file_name="手册.xlsx", name="修订", note="",
        effective=effective, today=TODAY, now=town.clock.now(),
    )  # fmt: skip
    assert new and proposed.diff_digest == compared.diff.digest
    signed = sign_change(
        town.session, town.actor("command_head"), proposed.id, proposed.diff_digest, today=TODAY, now=town.clock.now()
    )
    assert effect_on_cases(town.session, signed)["filed_touched"] == 1
    extend(old)
    extend(old)
    assert due is not None and old.case.due_at == due + timedelta(hours=4)
    old.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    assert missing(town, old, "feedback", "unit_clerk_municipal") == {"after_photo": (1, 0, "diagram")}
    old.photo()
    old.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    assert old.case.limit_text == "2 urgent_hour"
    town.clock.set(town.clock.now() + timedelta(days=1))
    fresh = CaseWork(town)
    handled(fresh)
    assert fresh.case.limit_text == "1 urgent_hour"
    assert fresh.case.catalogue_version_id == signed.version_id != old.case.catalogue_version_id
    with pytest.raises(FormInvalid, match="decision"):
        fresh.do("unit_handler_municipal", "handle", EXTEND)
    assert fresh.case.extensions == 0
    fresh.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    assert missing(town, fresh, "feedback", "unit_clerk_municipal") == {"after_photo": (3, 0, "manual")}
    stored = town.session.get_one(FilingCondition, (old.case.catalogue_version_id, "component", "0101", 1))
    assert (stored.evidence, stored.extension, stored.limit) == ("", "", "2 urgent_hour")


def test_a_label_carries_the_mark_of_what_is_in_doubt() -> None:
    assert marked("0101 井盖", "found", "memory: city template") == "0101 井盖（经验值，待核定）"
    assert marked("Cover", "provisional", "memory", english=True) == "Cover (provisional code, to be confirmed)"
    assert marked("0101 井盖", "found", "city") == "0101 井盖"


def test_the_page_says_what_is_asked_for_and_how_the_limit_may_be_extended(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    town = ruled_town(tmp_path / "city", "after_photo 2", "none", url)
    settings = Settings(str(town.folder), url, "test", tmp_path, check_city=False, testing=True)
    site = Site(create_app(settings, clock=town.clock), town)
    work = CaseWork(town)
    handled(work)
    address = f"/cases/{work.case.number}"
    town.session.rollback()
    assert (
        "指挥手册对本案延期的规定：不得延期；已延期 0 次。" in site.desk("unit_handler_municipal").get(address).words()
    )
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"})
    town.session.rollback()
    desk = site.desk("unit_clerk_municipal")
    page = desk.get(address)
    assert "处置后照片：已有 0 件，须有 2 件 依据：指挥手册立案条件 component/0101/1 的证据要求" in page.words()
    refused = desk.submit(page, f"/tasks/{work.task('feedback').id}", {"decision": "complete"}, "act=complete")
    assert refused.status == 422
    assert (
        "须有处置后照片 2 件，现有 0 件（指挥手册立案条件 component/0101/1 的证据要求：after_photo 2）"
        in refused.words()
    )
    english = site.desk("unit_clerk_municipal", "en").get(address).words()
    assert "0 of 2 files" in english and "By the command manual, filing condition component/0101/1" in english
    with site.app.app_context():
        site.app.extensions["sqlalchemy"].engine.dispose()
    town.close()
