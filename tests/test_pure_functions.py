"""Plugins add functions to expressions: what they must keep to, and that they work wherever expressions do."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from small_diagrams import flow, node, timer, user, write_process
from sqlalchemy import select

from engine.checks import check_city
from engine.city import load_city
from engine.core_operators import CORE_OPERATORS
from engine.errors import CityBroken
from engine.explain.explaining import explain_case
from engine.models import Timer
from engine.registry import build_registry
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city
from engine.workflow.expression_entries import FunctionEntry
from engine.workflow.runtime import Runtime


def entry(**changed: Any) -> FunctionEntry:
    values: dict[str, Any] = {
        "usage": "harbour_fee(tonnes: number, nights?: number) -> number",
        "function": lambda tonnes, nights=1: tonnes * nights * 2,
        "group": "harbour", "zh": "停泊费", "en": "the mooring fee", "examples": (("harbour_fee(3)", "6"),),
        "pure": True, "owner": "harbour",
    }  # fmt: skip
    return FunctionEntry(**{**values, **changed})


def test_a_function_that_keeps_the_rules_is_taken() -> None:
    assert list(build_registry([], [entry()]).functions) == ["harbour_fee"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pure": False}, "not declared pure; give pure=True"),
        ({"owner": "port"}, "does not bear its owner's name; rename it port_harbour_fee"),
        ({"owner": "core"}, "rename it core_harbour_fee"),
        ({"usage": "len(tonnes: number, nights?: number) -> number"}, "every city has"),
        ({"usage": "add_time(tonnes: number, nights?: number) -> number"}, "every city has"),
        ({"zh": " "}, "say what it gives in zh and en"),
        ({"en": ""}, "say what it gives in zh and en"),
        ({"examples": ()}, "has no example"),
        ({"examples": (("harbour_fee(3)", "7"),)}, "gives 6 in its example 'harbour_fee(3)', not 7"),
        ({"examples": (("harbour_fee(3)", "6.0"),)}, "not 6.0"),
        ({"examples": (("harbour_fee()", "6"),)}, "fails in its example"),
        ({"examples": (("1 + 1", "2"),)}, "is not called in its example"),
        ({"usage": "harbour_fee(tonnes: number) -> number", "function": lambda: 6}, "too many positional arguments"),
        ({"function": lambda tonnes: 6}, "too many positional arguments"),
        ({"function": lambda tonnes, nights: 6}, "missing a required argument: 'nights'"),
        ({"function": (each for each in ()).send}, "fails in its example"),
        ({"function": dict}, "no plain function"),
    ],
)
def test_a_function_that_breaks_a_rule_is_refused_with_the_remedy(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(CityBroken) as caught:
        build_registry([], [entry(**changed)])
    assert words in str(caught.value)
    assert "function " in str(caught.value)


async def waits(tonnes: int, nights: int = 1) -> int:
    return tonnes * 2


def yields(tonnes: int, nights: int = 1) -> Any:
    yield tonnes


@pytest.mark.parametrize("function", [waits, yields])
def test_a_function_that_does_not_answer_at_once_is_refused(function: Any) -> None:
    with pytest.raises(CityBroken, match="no plain function"):
        build_registry([], [entry(function=function)])


def test_a_function_with_a_memory_is_found_out_by_its_example() -> None:
    numbers = itertools.count()
    with pytest.raises(CityBroken, match="gives 0 and then 1"):
        build_registry([], [entry(function=lambda tonnes, nights=1: next(numbers))])
    with pytest.raises(CityBroken, match="a pure function gives one value"):
        build_registry([], [entry(function=lambda tonnes, nights=1: random.random())])


def test_every_fault_is_told_at_once_and_both_owners_of_a_name() -> None:
    with pytest.raises(CityBroken) as caught:
        build_registry([], [entry(pure=False, examples=()), entry()])
    assert str(caught.value).count("\n") == 2
    assert "of harbour is supplied by harbour too" in str(caught.value)


# At work

DECISION = """<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="d">
<decision id="berth" name="泊位"><decisionTable hitPolicy="FIRST">
<input label="费用"><inputExpression><text>harbour_fee(tonnes)</text></inputExpression></input>
<output name="place"/><output name="free_on"/>
<rule id="dear"><inputEntry><text>? &gt; harbour_fee(2)</text></inputEntry>
<outputEntry><text>"outer"</text></outputEntry><outputEntry><text>date('2026-03-05')</text></outputEntry></rule>
<rule id="cheap"><inputEntry><text>-</text></inputEntry><outputEntry><text>"inner"</text></outputEntry>
<outputEntry><text>none</text></outputEntry></rule></decisionTable></decision></definitions>"""
FORM = """{"type": "default", "id": "pay", "components": [
{"type": "number", "key": "paid", "label": "已付", "validate": {"required": true},
 "conditional": {"hide": "=harbour_fee(1) != 2"}}]}"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[SmallTown]:
    folder = write_small_city(tmp_path / "small")
    for name, text in (("decisions/berth.dmn", DECISION), ("forms/pay.json", FORM)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    script = "tonnes = 3\nfee = harbour_fee(tonnes)\nuntil = add_time('2026-03-06T16:00:00+08:00', '4 work_hour')"
    write_process(
        folder,
        [
            node("scriptTask", "reckon", f"<bpmn:script>{script}</bpmn:script>"),
            '<bpmn:businessRuleTask id="berth" camunda:decisionRef="berth" camunda:resultVariable="berth"/>',
            node("exclusiveGateway", "split", default="split_to_end"),
            user("pay", form="pay"),
            timer("late", "pay", "${harbour_fee(15)} minute"),
            node("exclusiveGateway", "kept", default="kept_to_values"),
            user("texts"),
            user("values"),
        ],
        [
            flow("start", "reckon"), flow("reckon", "berth"), flow("berth", "split"),
            flow("split", "pay", "${harbour_fee(tonnes) == fee and berth.place == 'outer'}"), flow("split", "end"),
            flow("pay", "kept"), flow("late", "end"), flow("kept", "values"), flow("values", "end"),
            flow("kept", "texts", "${until == '2026-03-09T10:00:00+08:00' and berth.free_on == '2026-03-05'}"),
            flow("texts", "end"),
        ],
    )  # fmt: skip
    registry = build_registry(CORE_OPERATORS, [entry()])
    town = SmallTown(folder, registry=registry)
    yield town
    town.close()


def test_diagrams_tables_and_forms_call_the_functions_of_plugins_and_of_the_calendar(town: SmallTown) -> None:
    work = CaseWork(town)
    assert work.open() == ["pay"]
    (late,) = town.session.scalars(select(Timer))
    assert (late.due_at - town.clock.now()).total_seconds() == 30 * 60
    told = explain_case(town.session, town.platform, work.case, language="en")
    assert [task.element for task in told.tasks] == ["pay"]
    work.do("acceptor", "pay", {"paid": 6})
    assert work.open() == ["texts"]


def test_the_check_knows_them_too(town: SmallTown) -> None:
    def errors(registry: Any) -> list[str]:
        found = check_city(load_city(str(town.folder)), registry)
        return [str(each) for each in found if each.severity == "error" and "harbour_fee" in str(each)]

    assert errors(town.registry) == []
    assert {each.partition(":")[0] for each in errors(None)} == {
        "processes/case.bpmn", "decisions/berth.dmn", "forms/pay.json",
    }  # fmt: skip


@pytest.mark.parametrize("reloaded", [False, True])
def test_dates_are_the_same_texts_before_and_after_a_reload(town: SmallTown, reloaded: bool) -> None:
    """A live instance must not know more than its stored state does."""
    work = CaseWork(town)
    if reloaded:
        town.platform.runtime = Runtime()
    work.do("acceptor", "pay", {"paid": 6})
    assert work.open() == ["texts"]
