"""Why a case is here, who can move it, by when, what comes next, what happens when time is up: in both languages.

What is foretold is held against what really happens in every core scenario.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_people import Api, dispatched
from click.testing import CliRunner

from api.cli import main
from api.pages.words import EVENTS as PAGE_EVENTS
from engine.cases.actions import ACTIONS
from engine.city import load_city
from engine.core_operators import CORE_OPERATORS
from engine.explain import Explanation, explain_case
from engine.explain.knowledge import CHANGES, LASTING
from engine.explain.words import ARRIVALS, EVENTS, TABLES, UNITS, WORDS
from engine.limits import Unit
from engine.models import Case, Person, Task
from engine.scenarios import Bench, read_book
from engine.scenarios.playing import Play, local_moment
from engine.scenarios.running import lay_out
from engine.scenarios.values import TASK, UNTIL, WAIT, Scenario
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.translations import Translations
from engine.workflow.fact_names import FACTS

CHINESE = re.compile(r"[\u4e00-\u9fff]")
BOOK = read_book(load_city("yunhe"))
CORE = [each for each in BOOK.scenarios if each.layer == "core"]
STRETCHES = BOOK.stretches
REQUEST = {"reason": "等待", "reason_kind": "season"}


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    town = SmallTown(write_small_city(tmp_path / "small"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(load_city(str(write_small_city(tmp_path_factory.mktemp("city") / "small"))))
    yield bench
    bench.close()


def explain(work: CaseWork, language: str = "zh", **options: Any) -> Explanation:
    town = work.town
    return explain_case(town.session, town.platform, work.case, language, now=town.clock.now(), **options)


def leads(told: Explanation, element: str = "") -> dict[Any, list[tuple[str, str]]]:
    """Answer -> (arrival, element) of its ways, of one task."""
    task = next(each for each in told.tasks if element in ("", each.element))
    return {choice.value: [(way.arrival, way.element) for way in choice.ways] for choice in task.choices}


# Stages -------------------------------------------------------------------------------------------------------


def test_a_reported_case_waits_for_the_acceptor_until_the_acceptance_limit(town: SmallTown) -> None:
    told = explain(CaseWork(town))
    assert told.headline == "案件 20260302-00001（待立案）正在“受理登记”：由受理员办理，2026-03-02 09:15 到期"
    (task,) = told.tasks
    assert (task.role.name, task.people, task.people_more) == ("受理员", ("acceptor",), 0)
    assert task.why_due[0].endswith("限时 15 分钟，昼夜连续计时，节假日不停")
    assert leads(told) == {
        "ok": [("task", "file_case")],
        "needs_field_proof": [("task", "verify")],
        "duplicate": [("end", "end")],
        "not_in_scope": [("end", "end")],
    }
    assert [choice.label for choice in task.choices][:2] == ["予以受理", "需现场核实"]
    assert task.choices[1].ways[0].who == "责任网格一信息采集员"
    (timer,) = told.timers
    assert (timer.name, timer.during, timer.interrupting) == ("受理超时", "受理登记", False)
    assert timer.at == town.clock.now() + timedelta(minutes=15)
    assert [(way.steps, way.arrival) for way in timer.ways] == [(("提醒值班长",), "aside")]
    assert [action.name for action in told.actions] == ["cancel", "merge", "supervise"]
    assert [role.code for role in told.actions[1].roles] == ["shift_leader"]


def test_why_it_is_here_tells_answers_in_the_words_of_forms_and_rules_that_matched(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    told = explain(work)
    texts = [step.text for step in told.past]
    assert texts[:3] == ["问题上报", "受理登记：受理意见“予以受理”", "立案审核：审核意见“同意立案”"]
    decision = next(step for step in told.past if step.element == "propose")
    assert decision.text == "“判定责任单位”命中规则：职责明确"
    assert [(rule.id, rule.text) for rule in decision.rules] == [("duty_known", "职责明确")]
    assert decision.inputs is not None
    assert "MUNICIPAL" in decision.inputs.values()
    english = next(step for step in explain(work, "en").past if step.element == "propose")
    assert english.text == "“Find the responsible unit” matched the rule: The duty is clear"


def test_two_units_are_explained_each_and_one_waits_for_the_other(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch("MUNICIPAL", ["SANITATION"])
    work.wait(minutes=1)  # tasks are told in the order in which they came up
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"}, scope="MUNICIPAL")
    work.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已补盖"}, scope="MUNICIPAL")
    told = explain(work)
    assert [(task.element, task.scope.name if task.scope else "") for task in told.tasks] == [
        ("receive", "环境卫生管理处"), ("feedback", "市政设施管理处"),
    ]  # fmt: skip
    assert told.headline.endswith("，另有 1 项任务同时待办")
    feedback = told.tasks[1]
    assert [each.name for each in feedback.evidence] == ["处置后照片"]
    assert leads(told, "feedback") == {"complete": [("others", "end")], "photo_missing": [("task", "handle")]}
    assert leads(told, "receive") == {"accept": [("task", "handle")], "return": [("task", "redispatch_unit")]}
    work.photo()
    work.do("unit_clerk_municipal", "feedback", {"decision": "complete"}, scope="MUNICIPAL")
    work.do("unit_clerk_sanitation", "receive", {"decision": "accept"}, scope="SANITATION")
    work.do("unit_handler_sanitation", "handle", {"decision": "done", "handling_note": "已清理"}, scope="SANITATION")
    assert leads(explain(work))["complete"] == [("task", "check")]


def test_the_limit_of_handling_says_what_each_mark_does(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    told = explain(work)
    assert [timer.element for timer in told.timers] == ["limit_80", "limit_100", "limit_200", "limit_300"]
    assert [[(way.arrival, way.element) for way in timer.ways] for timer in told.timers] == [
        [("aside", "escalation_end")], [("task", "reply_unit")], [("task", "reply_unit")], [("task", "reply_unit")],
    ]  # fmt: skip
    assert told.timers[1].ways[0].who == "市政设施管理处单位负责人"
    assert told.timers[0].timer == "时限的 80%"
    work.wait(hours=1, minutes=40)
    assert [timer.element for timer in explain(work).timers] == ["limit_100", "limit_200", "limit_300"]


def test_rules_are_looked_up_before_anybody_asks(town: SmallTown) -> None:
    """Overdue, an extension is refused by the table: the explanation says so beforehand."""
    work = CaseWork(town)
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    assert leads(explain(work), "handle")["extension"] == [("task", "approve_extension")]
    work.wait(hours=2, minutes=1)
    told = explain(work)
    assert leads(told, "handle")["extension"] == [("task", "handle")]
    assert "已超期" in next(task for task in told.tasks if task.element == "handle").text


def test_a_suspended_case_waits_for_its_date_and_its_clock_stands_still(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    work.do("unit_handler_municipal", "handle", {"decision": "suspension", "until": "2026-06-01", **REQUEST})
    work.do("shift_leader", "approve_suspension", {"decision": "approve", "until": "2026-06-01"})
    told = explain(work)
    assert told.headline == "案件 20260302-00001（已挂账）正在“等待恢复”，等待时间或消息，没有待办任务"
    assert told.tasks == ()
    first = told.timers[0]
    assert (first.element, first.timer, first.during) == ("suspended_until_date", "2026-06-01", "")
    assert [(way.arrival, way.element, way.who) for way in first.ways] == [
        ("task", "handle", "市政设施管理处处置人员")
    ]  # fmt: skip
    assert [timer.at for timer in told.timers[2:]] == [None] * 4
    assert told.timers[2].text.startswith("计时暂停中“时限 80 %”")
    resume = next(action for action in told.actions if action.name == "resume")
    assert [role.name for role in resume.roles] == ["值班长", "派遣员", "指挥中心主任"]
    assert [way.element for way in resume.ways] == ["handle"]


def test_at_the_check_each_result_leads_somewhere_else(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.handle()
    told = explain(work, "en")
    assert leads(told) == {
        "pass": [("task", "close")], "fail": [("task", "decide_rework")], "cannot_revisit": [("task", "close")],
    }  # fmt: skip
    assert told.tasks[0].text.startswith(
        "“On-site check” by: Information collector – collector, collector2; by 2026-03-02 09:30"
    )


def test_after_the_evaluation_the_case_waits_for_an_appeal(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.handle()
    work.close()
    assert leads(explain(work)) == {
        "satisfied": [("wait", "appeal_window")],
        "dissatisfied": [("task", "decide_rework")],
        "no_answer": [("wait", "appeal_window")],
    }
    work.do("acceptor", "call_reporter", {"satisfaction": "satisfied"})
    told = explain(work, "en")
    assert told.headline.endswith("is at “Wait for an appeal”: it waits for time or a message, no task is open")
    (timer,) = told.timers
    assert [(way.arrival, way.name) for way in timer.ways] == [("end", "Archived")]
    assert timer.text == "2026-03-16 09:00 “Appeal period over” (10 working days): the process ends: “Archived”"
    appeal = next(action for action in told.actions if action.name == "appeal")
    assert [role.name for role in appeal.roles] == ["Unit clerk", "Head of unit"]
    assert appeal.text.startswith("appeal (Unit clerk, Head of unit): ")


def test_a_case_that_has_ended_waits_for_nobody(town: SmallTown) -> None:
    work = CaseWork(town)
    work.act("shift_leader", "cancel", reason="误报")
    told = explain(work)
    assert (told.running, told.tasks, told.timers, told.actions) == (False, (), (), ())
    assert told.headline == "案件 20260302-00001（已作废）已走完流程，不再等待任何人"
    assert [step.kind for step in told.past][-2:] == ["cancel_requested", "voided"]


def test_a_branch_beside_the_main_way_ends_alone(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    work.act("leader", "supervise", instruction="今日办结")
    assert leads(explain(work), "reply_unit") == {None: [("aside", "supervision_end")]}


def test_what_depends_on_an_open_answer_is_told_with_its_condition(town: SmallTown) -> None:
    """A second return is decided by somebody whose answer nobody knows: both ways stand with their condition."""
    work = CaseWork(town)
    work.dispatch()
    returned = {"decision": "return", "reason": "非本单位权属", "reason_kind": "not_our_property"}
    work.do("unit_clerk_municipal", "receive", returned)
    work.do("dispatcher", "redispatch_unit", {"decision": "keep", "reason": "经核属本单位"})
    assert leads(explain(work))["return"] == [("task", "decide_return")]
    work.do("unit_clerk_municipal", "receive", returned)
    told = explain(work)
    assert leads(told) == {"keep": [("task", "handle")], "other": [("task", "receive")]}


def test_the_holder_of_a_claimed_task_is_named(town: SmallTown) -> None:
    work = CaseWork(town)
    task = work.task("accept")
    person = town.session.query(Person).filter_by(login="acceptor").one()
    town.session.get_one(Task, task.id).assignee_id = person.id
    town.session.commit()
    told = explain(work)
    assert told.tasks[0].assignee == "acceptor"
    assert "，acceptor 已签收" in told.tasks[0].text


def test_a_post_that_nobody_holds_is_said(town: SmallTown) -> None:
    work = CaseWork(town)
    town.session.query(Person).filter_by(login="acceptor").one().active = False
    town.session.commit()
    assert "目前无人任此岗位" in explain(work).tasks[0].text
    assert "目前无人任此岗位" not in explain(work, people=False).tasks[0].text


def test_explaining_writes_nothing(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    before = work.case.version
    explain(work)
    assert not town.session.dirty
    assert not town.session.new
    assert work.case.version == before


# What is foretold happens -------------------------------------------------------------------------------------


def foretold(told: Explanation, element: str, scope: str | None, answers: dict[str, Any]) -> set[str] | None:
    """The elements of tasks that may open after these answers; none when the explanation does not know the task."""
    for task in told.tasks:
        if task.element == element and (scope is None or (task.scope and task.scope.code == scope)):
            for choice in task.choices:
                if choice.value is None or choice.value in answers.values():
                    return {way.element for way in choice.ways if way.arrival == "task"}
    return None


@pytest.mark.parametrize("scenario", CORE, ids=lambda each: f"{each.name}: {each.title}")
def test_what_the_explanation_foretells_is_what_happens(bench: Bench, scenario: Scenario) -> None:
    steps = lay_out(scenario.steps, STRETCHES)
    texts, roles = Translations.load(bench.city), bench.roles
    with bench.place(local_moment(bench.city, scenario.given.moment)) as place:
        play = Play(bench, place)
        play.begin(scenario.given)
        for step in steps:
            case = play.case(step.of)
            told = explain_case(
                place.session, place.platform, case, "zh", now=place.clock.now(), translations=texts, roles=roles
            )
            before = {task.id for task in play.open_tasks(case)}
            if step.expect.refused is not None:
                continue
            scope = play.fill(step.scope, play.names(step.of)) if step.scope else None
            play.act(step)
            opened = {task.element for task in play.open_tasks(play.case(step.of)) if task.id not in before}
            if step.kind == TASK:
                expected = foretold(told, step.what, scope, dict(step.answers))
            elif step.kind in (WAIT, UNTIL):
                expected = {way.element for timer in told.timers for way in timer.ways if way.arrival == "task"}
            else:
                action = next(each for each in told.actions if each.name == step.what)
                expected = {way.element for way in action.ways if way.arrival == "task"}
            assert expected is not None, f"{step} is not explained"
            assert opened <= expected, f"{step}: {opened} opened, foretold were {expected}"
            if step.kind == TASK and len(expected) == 1 and step.what != "feedback":
                assert opened == expected, f"{step}: foretold was {expected}, but {opened} opened"


# Languages ----------------------------------------------------------------------------------------------------


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in ("inputs", "title"):
                yield from texts_of(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_of(each)


@pytest.mark.parametrize("stretch", ["report", "dispatch", "handle", "closed"])
def test_an_english_explanation_has_no_chinese_left_in_it(town: SmallTown, stretch: str) -> None:
    work = CaseWork(town)
    for name, act in (("dispatch", work.dispatch), ("handle", work.handle), ("closed", work.close)):
        if stretch != "report":
            act()
        if stretch in ("report", name):
            break
    left = [text for text in texts_of(asdict(explain(work, "en"))) if CHINESE.search(text)]
    assert left == []


def test_every_sentence_has_both_languages_and_the_same_blanks() -> None:
    assert WORDS["zh"].keys() == WORDS["en"].keys()
    blanks = re.compile(r"\{(\w+)\}")
    for key, text in WORDS["zh"].items():
        assert set(blanks.findall(text)) == set(blanks.findall(WORDS["en"][key])), key
    for table in (*TABLES.values(), ARRIVALS):
        for code, (chinese, english) in table.items():
            assert chinese, code
            assert not CHINESE.search(english), code
    assert set(UNITS) == {str(unit) for unit in Unit}


def test_every_kind_of_history_the_engine_writes_has_words_in_explanation_and_pages() -> None:
    written = history_kinds()
    assert {"filed", "timer_fired", "error_caught", "escalation_caught", "cancel_requested", "imported"} <= written
    assert written - {"task_completed", "decision", "timer_fired"} <= set(EVENTS)  # these three have sentences
    assert written <= set(PAGE_EVENTS)


def history_kinds() -> set[str]:
    """Kinds of history lines as they stand in the engine's code."""
    parts = {"{name}": tuple(ACTIONS), "{thrown.kind}": ("error", "escalation")}
    found: set[str] = set()
    for path in (Path(__file__).resolve().parent.parent / "engine").rglob("*.py"):
        text = path.read_text("utf-8")
        kinds = re.findall(r'\.record\(\s*f?"([\w{}.]+)"', text)
        kinds += re.findall(r'CaseEvent\([^"]*kind="(\w+)"', text) + re.findall(r'"kind": "(\w+)", "stage"', text)
        for kind in kinds:
            part = next((part for part in parts if part in kind), "")
            found |= {kind.replace(part, each) for each in parts[part]} if part else {kind}
    return found


def test_every_core_operator_says_which_facts_it_may_change() -> None:
    topics = {operator.topic for operator in CORE_OPERATORS}
    assert set(CHANGES) == topics
    assert {fact for facts in CHANGES.values() for fact in facts} <= FACTS
    assert LASTING <= FACTS


# API and command line -----------------------------------------------------------------------------------------


def test_the_api_explains_in_the_language_asked_for(api: Api) -> None:
    number = dispatched(api)
    told = api.get("shift_leader", f"/cases/{number}/explanation?lang=en").json
    assert told["language"] == "en"
    assert told["tasks"][0]["element"] == "receive"
    assert told["tasks"][0]["people"] == ["unit_clerk_municipal"]
    assert told["timers"][0]["element"] == "limit_80"
    assert "What happens next" in told["sentences"]
    assert "接下来" in api.get("shift_leader", f"/cases/{number}/explanation?lang=zh").json["sentences"]


def test_people_are_named_only_to_those_who_may_read_the_organisation(api: Api) -> None:
    number = dispatched(api)
    told = api.get("unit_handler_municipal", f"/cases/{number}/explanation").json
    assert told["tasks"][0]["people"] == []
    assert "unit_clerk_municipal" not in told["tasks"][0]["text"]


def test_a_case_one_may_not_see_is_not_explained(api: Api) -> None:
    number = dispatched(api)
    assert api.get("unit_clerk_sanitation", f"/cases/{number}/explanation").status_code == 404


def test_the_command_explains(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    url = f"sqlite:///{tmp_path / 'small.sqlite'}"
    town = SmallTown(folder, url)
    number = CaseWork(town).case.number
    town.close()
    options = ["--city", str(folder), "--database", url]
    result = CliRunner().invoke(main, ["case", "explain", number, *options])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"案件 {number}（待立案）正在“受理登记”")
    as_json = CliRunner().invoke(main, ["case", "explain", number, "--json", "--language", "en", *options])
    assert json.loads(as_json.output)["tasks"][0]["name"] == "Accept"
    missing = CliRunner().invoke(main, ["case", "explain", "1", *options])
    assert missing.exit_code == 1
    assert "there is no case 1" in missing.output


def test_an_imported_case_without_diagram_is_explained_by_its_history(town: SmallTown) -> None:
    from engine.models import Instance

    work = CaseWork(town)
    for table in ("task", "timer"):
        town.session.connection().exec_driver_sql(f"DELETE FROM {table}")
    town.session.query(Instance).delete()
    town.session.commit()
    told = explain_case(town.session, town.platform, town.session.get_one(Case, work.id), "en")
    assert told.headline.endswith("was imported with its outcome; no diagram runs for it")
    assert [step.kind for step in told.past] == ["reported"]
