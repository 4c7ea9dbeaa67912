"""Decisions in a running case: their reasons are kept, what they cannot decide is an incident or an event."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_diagrams import flow, node, user, write_process
from sqlalchemy import select

from engine.cases.incidents import list_incidents
from engine.checks import check_city
from engine.city import load_city
from engine.models import CaseEvent
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.step import StepFailed

LEVELS = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="d">
<decision id="season" name="季节">
<literalExpression><text>"winter" if month == 1 else "other"</text></literalExpression></decision>
<decision id="crowd" name="人群"><variable name="crowd"/><decisionTable hitPolicy="FIRST">
<input label="人数"><inputExpression><text>people</text></inputExpression></input>
<input label="人数"><inputExpression><text>people % 2</text></inputExpression></input>
<output name="size"/>
<rule id="many"><inputEntry><text>&gt;= 50</text></inputEntry><inputEntry><text>-</text></inputEntry>
<outputEntry><text>"many"</text></outputEntry><annotationEntry><text>五十人以上</text></annotationEntry></rule>
<rule id="few"><inputEntry><text>-</text></inputEntry><inputEntry><text>-</text></inputEntry>
<outputEntry><text>"few"</text></outputEntry></rule></decisionTable></decision>
<decision id="response" name="响应级别">
<informationRequirement><requiredDecision href="#season"/></informationRequirement>
<informationRequirement><requiredDecision href="#crowd"/></informationRequirement>
<decisionTable hitPolicy="UNIQUE">
<input label="季节"><inputExpression><text>season</text></inputExpression></input>
<input label="人群"><inputExpression><text>crowd.size</text></inputExpression></input>
<output name="level"/><output name="until"/>
<rule id="cold"><inputEntry><text>"winter"</text></inputEntry><inputEntry><text>"many"</text></inputEntry>
<outputEntry><text>1</text></outputEntry><outputEntry><text>date('2026-01-31')</text></outputEntry>
<annotationEntry><text>冬季人多</text></annotationEntry></rule>
<rule id="again"><inputEntry><text>-</text></inputEntry><inputEntry><text>"many", "huge"</text></inputEntry>
<outputEntry><text>2</text></outputEntry><outputEntry><text/></outputEntry></rule>
</decisionTable></decision></definitions>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_city(tmp_path / "small")


def draw(folder: Path, script: str, *, no_match: str = "", caught: bool = False) -> None:
    """A task, then a script, the decision, a task after it; with ``caught`` an error event at the decision."""
    (folder / "decisions").mkdir(exist_ok=True)
    (folder / "decisions/response.dmn").write_text(LEVELS, encoding="utf-8")
    said = f'<camunda:property name="no_match" value="{no_match}"/>' if no_match else ""
    inside = f"<bpmn:extensionElements><camunda:properties>{said}</camunda:properties></bpmn:extensionElements>"
    event = '<bpmn:errorEventDefinition errorRef="nothing"/>'
    nodes = [
        user("first", limit="1 work_day", stage="accept"),
        node("scriptTask", "reckon", f"<bpmn:script>{script}</bpmn:script>"),
        '<bpmn:businessRuleTask id="decide" name="判定响应" camunda:decisionRef="response"'
        f' camunda:resultVariable="response">{inside}</bpmn:businessRuleTask>',
        user("after", limit="1 work_day", stage="accept"),
    ]
    flows = [flow("start", "first"), flow("first", "reckon"), flow("reckon", "decide"), flow("decide", "after")]
    if caught:
        nodes += [node("boundaryEvent", "unclear", event, attachedToRef="decide"), user("by_hand")]
        flows += [flow("unclear", "by_hand"), flow("by_hand", "end")]
    error = '<bpmn:error id="nothing" name="nothing" errorCode="no_rule_matched"/>'
    write_process(folder, nodes, [*flows, flow("after", "end")], extra=error)


@pytest.fixture
def towns(folder: Path) -> Iterator[Any]:
    opened: list[SmallTown] = []

    def open_town(script: str, **how: Any) -> SmallTown:
        draw(folder, script, **how)
        opened.append(SmallTown(folder))
        return opened[-1]

    yield open_town
    for town in opened:
        town.close()


def decisions(town: SmallTown) -> list[dict[str, Any]]:
    town.session.rollback()
    query = select(CaseEvent.data).where(CaseEvent.kind == "decision").order_by(CaseEvent.id)
    return list(town.session.scalars(query))


def test_the_reasons_of_a_decision_and_of_those_it_requires_are_kept(towns: Any) -> None:
    town = towns("month = 7\npeople = 60")
    work = CaseWork(town)
    work.do("acceptor", "first")
    assert work.open() == ["after"]
    (kept,) = decisions(town)
    assert kept == {
        "decision": "response",
        "inputs": {"季节": "other", "人群": "many"},
        "rules": [{"id": "again", "row": 2, "note": ""}],
        "value": {"level": 2, "until": None},
        "policy": "UNIQUE",
        "required": [
            {"decision": "season", "inputs": {}, "rules": [], "value": "other", "policy": ""},
            {
                "decision": "crowd", "inputs": {"人数": 60, "人数 (2)": 0}, "policy": "FIRST",
                "rules": [{"id": "many", "row": 1, "note": "五十人以上"}], "value": {"size": "many"},
            },
        ],
    }  # fmt: skip


def test_rules_that_contradict_each_other_are_an_incident_that_names_them(towns: Any) -> None:
    town = towns("month = 1\npeople = 60")
    work = CaseWork(town)
    with pytest.raises(StepFailed) as caught:
        work.do("acceptor", "first")
    for words in (
        "case / decide (判定响应)",
        "decision response",
        "rows 1, 2 match together",
        "decisions/response.dmn",
    ):
        assert words in str(caught.value)
    ((incident, number),) = list_incidents(town.session)
    assert (number, incident.element) == (work.case.number, "decide")
    assert work.open() == ["first"]


@pytest.mark.parametrize("no_match", ["", "none"])
def test_without_a_matching_rule_the_value_is_none_and_the_history_says_so(towns: Any, no_match: str) -> None:
    town = towns("month = 7\npeople = 3", no_match=no_match)
    work = CaseWork(town)
    work.do("acceptor", "first")
    assert work.open() == ["after"]
    (kept,) = decisions(town)
    assert (kept["rules"], kept["value"], kept["policy"]) == ([], None, "UNIQUE")


def test_without_a_matching_rule_an_error_event_takes_over_where_the_task_says_so(towns: Any) -> None:
    town = towns("month = 7\npeople = 3", no_match="error", caught=True)
    work = CaseWork(town)
    work.do("acceptor", "first")
    assert work.open() == ["by_hand"]
    assert decisions(town)[0]["rules"] == []
    query = select(CaseEvent.data).where(CaseEvent.kind == "error_caught")
    assert "no rule of response (响应级别) matches 季节 = 'other', 人群 = 'few'" in str(
        town.session.scalars(query).one()
    )


def test_without_a_matching_rule_and_an_event_the_step_is_an_incident_with_the_inputs(towns: Any) -> None:
    town = towns("month = 7\npeople = 3", no_match="error")
    work = CaseWork(town)
    with pytest.raises(StepFailed, match=r"no rule of response .*人群 = 'few'; add a rule for it"):
        work.do("acceptor", "first")
    assert decisions(town) == []
    assert len(list_incidents(town.session)) == 1


@pytest.mark.parametrize(
    ("no_match", "severity", "words"),
    [("", "warning", "when no rule of response matches"), ("maybe", "error", "no_match 'maybe' is unknown")],
)
def test_the_check_asks_what_happens_when_no_rule_matches(
    folder: Path, no_match: str, severity: str, words: str
) -> None:
    draw(folder, "month = 7\npeople = 3", no_match=no_match)
    found = [each for each in check_city(load_city(str(folder))) if each.element == "decide"]
    assert [(each.severity, words in each.message) for each in found] == [(severity, True)]


@pytest.mark.parametrize("no_match", ["none", "error"])
def test_an_author_who_has_said_so_is_not_asked(folder: Path, no_match: str) -> None:
    draw(folder, "month = 7\npeople = 3", no_match=no_match)
    assert [each for each in check_city(load_city(str(folder))) if each.element == "decide"] == []
