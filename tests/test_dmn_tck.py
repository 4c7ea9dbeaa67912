"""The tool that runs the DMN TCK, on a kit of our own making: what it translates, counts and refuses."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))  # tools are not shipped, so not installed either

from tools.dmn_tck.__main__ import EXPECTED, main
from tools.dmn_tck.cases import same
from tools.dmn_tck.feel import read_expression, read_tests
from tools.dmn_tck.feel_names import Names, NotOurs
from tools.dmn_tck.running import REPORTED, Outcome, run_kit

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "dmn-tck.md").read_text(encoding="utf-8")

MODEL = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" name="litter" namespace="litter" id="d"
 expressionLanguage="https://www.omg.org/spec/DMN/20230324/FEEL/">
<itemDefinition name="tKind"><typeRef>string</typeRef></itemDefinition>
<inputData name="Bags of litter" id="bags"><variable name="Bags of litter" typeRef="number"/></inputData>
<inputData name="Kind" id="kind"><variable name="Kind" typeRef="tKind"/></inputData>
<decision name="Litter/fine" id="fine"><variable name="Litter/fine" typeRef="number"/>
<informationRequirement><requiredInput href="#bags"/></informationRequirement>
<informationRequirement><requiredDecision href="#first"/></informationRequirement>
<decisionTable hitPolicy="PRIORITY">
<input><inputExpression typeRef="number"><text>Bags of litter</text></inputExpression></input>
<input><inputExpression typeRef="tKind"><text>Kind</text></inputExpression>
<inputValues><text>"paper", "glass"</text></inputValues></input>
<output><outputValues><text>200, 50, 20</text></outputValues></output>
<rule><inputEntry><text>]0..2]</text></inputEntry><inputEntry><text>-</text></inputEntry>
<outputEntry><text>if First offence then 20 else 50</text></outputEntry></rule>
<rule><inputEntry><text>&gt; 2</text></inputEntry><inputEntry><text>not("paper")</text></inputEntry>
<outputEntry><text>200</text></outputEntry></rule>
</decisionTable></decision>
<decision name="First offence" id="first"><variable name="First offence" typeRef="boolean"/>
<literalExpression><text>string length(Kind) = 5 and Bags of litter &lt; 9</text></literalExpression></decision>
<decision name="Twice" id="twice"><informationRequirement><requiredDecision href="#fine"/></informationRequirement>
<literalExpression><text>Litter/fine * 2 // both</text></literalExpression></decision>
<decision name="Each" id="each"><literalExpression><text>for b in [1, 2] return b</text></literalExpression></decision>
<decision name="Words" id="words"><literalExpression><text>"a" + 1</text></literalExpression></decision>
</definitions>"""

TESTS = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
<modelName>litter.dmn</modelName>
<testCase id="001">
<inputNode name="Bags of litter"><value xsi:type="xsd:decimal">1.0</value></inputNode>
<inputNode name="Kind"><value xsi:type="xsd:string">paper</value></inputNode>
<resultNode name="Litter/fine" type="decision"><expected><value xsi:type="xsd:decimal">{fine}</value></expected>
</resultNode>
<resultNode name="Twice" type="decision"><expected><value xsi:type="xsd:decimal">40</value></expected></resultNode>
<resultNode name="Each" type="decision"><expected><list><item><value xsi:type="xsd:decimal">1</value></item></list>
</expected></resultNode>
<resultNode name="Words" type="decision" errorResult="true"><expected><value xsi:nil="true"/></expected></resultNode>
<resultNode name="Nothing" type="bkm"><expected><value xsi:nil="true"/></expected></resultNode>
</testCase>
<testCase id="002">
<inputNode name="Bags of litter"><value xsi:type="xsd:decimal">3</value></inputNode>
<inputNode name="Kind"><value xsi:type="xsd:string">glass</value></inputNode>
<resultNode name="Litter/fine" type="decision"><expected><value xsi:type="xsd:decimal">200</value></expected>
</resultNode>
<resultNode name="First offence" type="decision"><expected><value xsi:type="xsd:boolean">true</value></expected>
</resultNode>
</testCase></testCases>"""


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    write_kit(tmp_path, "20")
    return tmp_path


def write_kit(folder: Path, fine: str) -> None:
    place = folder / "TestCases" / "level" / "0001-litter"
    place.mkdir(parents=True, exist_ok=True)
    (place / "litter.dmn").write_text(MODEL, encoding="utf-8")
    (place / "litter-test-01.xml").write_text(TESTS.replace("{fine}", fine), encoding="utf-8")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    return result.exit_code, result.output


def test_every_expected_result_passes_fails_or_has_a_reason(kit: Path) -> None:
    (tally,) = run_kit(kit / "TestCases")
    assert tally.folder == "level/0001-litter"
    file = "litter-test-01"
    assert tally.outcomes == [
        Outcome(f"{file} 001 Litter/fine", "passed"),
        Outcome(f"{file} 001 Twice", "passed"),
        Outcome(f"{file} 001 Each", "not ours", "iteration (for)"),
        Outcome(f"{file} 001 Words", "passed", REPORTED),
        Outcome(f"{file} 001 Nothing", "not ours", "business knowledge models"),
        Outcome(f"{file} 002 Litter/fine", "passed"),
        Outcome(f"{file} 002 First offence", "passed"),
    ]


def test_a_wrong_value_is_told_and_fails_the_run(kit: Path) -> None:
    assert run(kit)[0] == 0
    write_kit(kit, "21")
    code, told = run(kit, "--reasons")
    assert code == 1
    assert "failed: litter-test-01 001 Litter/fine: expected 21, got 20" in told
    assert re.search(r"^all +4 +1 +2$", told, re.MULTILINE)
    assert re.search(r"1 × iteration \(for\)$", told, re.MULTILINE)
    assert "1 passed by reporting the error" in told


def test_other_counts_than_those_recorded_for_a_commit_fail_the_run(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git = ["git", "-C", str(kit), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "kit"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    code, told = run(kit, "--expect")
    assert code == 1 and "the counts were recorded at" in told
    recorded = kit / "counts.toml"
    monkeypatch.setattr("tools.dmn_tck.__main__.EXPECTED", recorded)
    for passed, expected in ((5, 0), (6, 1)):
        recorded.write_text(
            f'commit = "{head}"\n[counts]\npassed = {passed}\nfailed = 0\nnot_ours = 2\n', encoding="utf-8"
        )
        assert run(kit, "--expect")[0] == expected


def test_a_folder_without_the_kit_is_an_error_that_says_what_to_name(tmp_path: Path) -> None:
    code, told = run(tmp_path)
    assert code == 1 and "name the folder with TestCases/ in it" in told


def test_the_page_tells_the_recorded_counts() -> None:
    recorded = tomllib.loads(EXPECTED.read_text(encoding="utf-8"))
    counts = recorded["counts"]
    assert f"| all | {counts['passed']} | {counts['failed']} | {counts['not_ours']} |" in PAGE
    assert f"On {recorded['date']} with the kit at commit `{recorded['commit']}`" in PAGE


NAMES = Names({"Bags of litter", "Kind", "in stock", "Total"}, kinds={"in stock": "list"}, insides={"Total": "sum"})


@pytest.mark.parametrize(
    ("feel", "ours"),
    [
        ("Bags of litter + 1", "(Bags_of_litter + 1)"),
        ('if Kind = "a" then 1 else 2', '(1 if (Kind == "a") else 2)'),
        ("Bags of  litter between 1 and 5 and true", "((1 <= Bags_of_litter <= 5) and true)"),
        ('Kind in ("a", "b")', '((Kind == "a") or (Kind == "b"))'),
        ("Bags of litter in ]1..5]", "((1 < Bags_of_litter <= 5))"),
        ('Kind in ["a"]', '((Kind in ["a"]))'),
        ("in stock[1]", "in_stock[0]"),
        ("in stock[-1]", "in_stock[-1]"),
        ("Total * .5 /* half */", "(Total.sum * 0.5)"),
        ('not(starts with(Kind, "a"))', '(not startswith(Kind, "a"))'),
        ("sum(1, 2) + count(in stock)", "(sum([1, 2]) + len(in_stock))"),
        ("substring(Kind, 2, 3)", "substring(Kind, 1, 3)"),
        ('{a: 1, "b c": null}', "{'a': 1, 'b_c': none}"),
        ('"\\u00e9\\"\\n"', '"é\\"\\n"'),
        ("- -1 - -1", "((-(-1)) - (-1))"),
    ],
)
def test_feel_is_written_in_our_language(feel: str, ours: str) -> None:
    assert read_expression(feel, NAMES).text == ours


@pytest.mark.parametrize(
    ("feel", "reason"),
    [
        ("2 ** 3", "powers (**)"),
        ("some x in in stock satisfies x > 1", "quantified expressions"),
        ("Kind instance of string", "type tests"),
        ("in stock[item > 1]", "filters"),
        ("[1..5]", "ranges as values"),
        ('@"2020-01-01"', "literals with @"),
        ("sqrt(4)", "the function sqrt()"),
        ('substring(string: "a", start position: 1)', "arguments by name"),
        ('date and time("2020-01-01T10:00:00")', "without an offset"),
        ('date and time("2020-01-01T10:00:00@Europe/Paris")', "zones by name"),
        ("{a: 1, b: a}", "read each other"),
        ("Kind in Bags of litter", "only the run tells"),
        ("1 +", "other syntax"),
        ("(1", "other syntax"),
    ],
)
def test_what_our_language_lacks_has_a_reason(feel: str, reason: str) -> None:
    with pytest.raises(NotOurs) as caught:
        read_expression(feel, NAMES)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("feel", "ours"),
    [
        ("-", "-"), ("", "-"), ("< 5, > 9", "< 5, > 9"), ("]1..5[", "(1..5)"), ("= 3", "== 3"), ("null", "none"),
        ('not("a", "b")', 'not("a", "b")'), ("Bags of litter", "== Bags_of_litter"), ("in stock", "? in in_stock"),
        ("? > 3 and ? < 5", "((? > 3) and (? < 5))"), ('["a", "b"]', '"a", "b"'), ("[date(\"2020-01-01\")..Total]",
        '[date("2020-01-01")..Total.sum]'),
    ],
)  # fmt: skip
def test_unary_tests_are_written_as_our_cells(feel: str, ours: str) -> None:
    assert read_tests(feel, NAMES) == ours


@pytest.mark.parametrize(
    ("expected", "actual", "equal"),
    [
        (1, 1.0000000001, True), (1, 1.001, False), (True, 1, False), (None, False, False), (None, None, True),
        ([1, "a"], [1, "a"], True), ([1], [1, 2], False), ({"a": 1}, {"a": 1, "b": 2}, False), ("1", 1, False),
        ({"a": [None]}, {"a": [None]}, True), (1e20, 1e20 + 1, True),
    ],
)  # fmt: skip
def test_values_are_compared_as_the_kit_s_own_runner_does(expected: object, actual: object, equal: bool) -> None:
    assert same(expected, actual) is equal
