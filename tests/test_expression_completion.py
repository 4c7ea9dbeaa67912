"""What an editor of expressions is told: every name with its type and meaning, and faults with their place."""

import json
from typing import Any

import pytest
from api_people import Api
from click.testing import CliRunner

from api.cli import main
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown
from engine.workflow.expression_completion import CONSTANTS, KINDS, OPERATORS, completion, inspect_text
from engine.workflow.expression_entries import TYPES
from engine.workflow.expression_library import CORE
from engine.workflow.expressions import compile_expression
from engine.workflow.fact_names import CASE_FACTS

KIND_OF = {"text": str, "number": (int, float), "boolean": bool, "list": list, "dictionary": dict}


def test_every_word_is_explained_in_both_languages() -> None:
    known = completion(CORE)
    assert [each["name"] for each in known["functions"]] == list(CORE)
    assert {each["name"] for each in known["names"]} == {"case", "answer", "result"}
    for part in ("functions", "names", "facts", "operators", "constants"):
        for each in known[part]:
            assert each["en"].isascii() and not each["zh"].isascii(), each
    assert {each["type"] for each in [*known["facts"], *known["names"]]} <= set(TYPES)
    assert json.loads(json.dumps(known)) == known


def test_facts_have_the_types_that_are_told(town: SmallTown) -> None:
    work = CaseWork(town)
    work.dispatch()
    facts = town.platform.host.facts(town.session, work.case, town.clock.now())
    assert set(facts) == {fact.name for fact in CASE_FACTS}
    for fact in CASE_FACTS:
        value = facts[fact.name]
        assert value is None or isinstance(value, KIND_OF[fact.type]), fact
        assert isinstance(value, bool) is (fact.type == "boolean") or value is None
    assert sum(value is not None for value in facts.values()) > 25


def test_every_operator_and_constant_that_is_told_exists() -> None:
    for sign, _, _ in OPERATORS:
        text = "a if b else c" if "if" in sign else f"not a {sign} b".replace("not a not b", "not a")
        assert compile_expression(text)
    for name, _, _ in CONSTANTS:
        assert compile_expression(name).names == set()


def test_the_variables_of_a_deployment_are_told_with_who_sets_them(town: SmallTown) -> None:
    definition = town.platform.definitions.current(town.session, town.clock.now())
    functions = town.platform.host.functions
    every = {each["name"]: each["set_by"] for each in completion(functions, definition)["variables"]}
    assert every["proposal"] == ["dispatch/propose"]
    one = {each["name"] for each in completion(functions, definition, "dispatch")["variables"]}
    assert "proposal" in one < set(every)
    assert all(place.partition("/")[0] in definition.diagrams for places in every.values() for place in places)


@pytest.mark.parametrize(
    ("kind", "text", "reads"),
    [
        ("condition", "case.urgent and x > 1", ["case.urgent", "x"]),
        ("template", "案件 ${case.number}", ["case.number"]),
        ("script", "a = x\nb = a", ["x"]),
        ("cell", "< limit, ? in names", ["limit", "names"]),
        ("cell", "-", []),
    ],
)
def test_a_text_that_can_be_read_tells_what_it_reads(kind: str, text: str, reads: list[str]) -> None:
    assert inspect_text(text, kind, CORE) == {"valid": True, "error": None, "reads": reads}


@pytest.mark.parametrize(
    ("kind", "text", "line", "column"),
    [
        ("condition", "case.urgent = 1", 1, 13), ("template", "案件 ${case.}", 1, 10),
        ("script", "a = 1\nb = a +", 2, 7), ("cell", "approve", 1, 1),
    ],
)  # fmt: skip
def test_a_fault_has_its_place_an_excerpt_and_a_remedy(kind: str, text: str, line: int, column: int) -> None:
    told = inspect_text(text, kind, CORE)
    fault = told["error"]
    assert (told["valid"], fault["line"], fault["column"]) == (False, line, column)
    assert fault["excerpt"].splitlines()[0] in text and fault["excerpt"].endswith("^")
    assert fault["message"] and fault["remedy"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["expressions", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ["是否以 part 开头", "case.urgent: boolean  是否紧急", "本市是几点几分"]),
     ("en", ["whether the text begins with part", "case.urgent: boolean  whether it is urgent", "add_time("])],
)  # fmt: skip
def test_the_command_prints_the_language(language: str, words: list[str]) -> None:
    code, told = run("--language", language)
    assert code == 0
    for word in words:
        assert word in told


def test_the_command_prints_json_and_checks_a_text() -> None:
    code, told = run("--json")
    assert code == 0 and {each["name"] for each in json.loads(told)["functions"]} > set(CORE)
    code, told = run("--language", "en", "--check", "case.urgent and x > 1")
    assert (code, told) == (0, "reads case.urgent, x\n")
    code, told = run("--check", "case.urgent = 1")
    assert (code, told.splitlines()[:2]) == (1, ["case.urgent = 1", "            ^"])
    code, told = run("--check", "a ==", "--kind", "script", "--json")
    assert code == 1 and json.loads(told)["error"]["column"] == 1


def test_the_api_tells_what_an_expression_may_name(api: Api) -> None:
    known = api.get("collector", "/expressions?process=dispatch").json
    names = {each["name"]: each for each in known["functions"]}
    assert names["add_time"]["parameters"][1] == {
        "name": "limit", "type": "text", "optional": False, "repeated": False,
    }  # fmt: skip
    assert {"name": "proposal", "set_by": ["dispatch/propose"]} in known["variables"]
    assert known["limits"]["characters"] == 4000
    assert api.get("collector", "/expressions?process=none").status_code == 404
    assert api.client.get("/api/v1/expressions").status_code == 401


def test_the_api_checks_a_text_without_evaluating_it(api: Api) -> None:
    def check(**body: Any) -> Any:
        return api.post("collector", "/expressions/check", json=body)

    assert check(text="case.urgent").json == {"valid": True, "error": None, "reads": ["case.urgent"]}
    assert check(text="1 / 0").json["valid"] is True
    fault = check(text="a = 1\nb = 2 +", kind="script").json["error"]
    assert (fault["line"], fault["column"], fault["excerpt"]) == (2, 7, "b = 2 +\n      ^")
    assert check(text="x", kind="poem").status_code == 422
    assert check(kind=KINDS[0]).status_code == 422
    assert check(text="x" * 20_001).status_code == 422
    assert check(text="x" * 20_000).json["error"]["message"] == "longer than 4000 characters"
