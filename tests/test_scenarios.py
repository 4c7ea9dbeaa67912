"""Every scenario of core, plugins and cities holds, they reach every element and flow, and a broken one says where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli import main
from engine.checks import check_city
from engine.city import cities_root, load_city
from engine.errors import CityBroken, NotFound
from engine.layers import core_root
from engine.scenarios import Bench, ScenarioReport, ScenarioResult, read_book, run_scenario, run_scenarios
from engine.scenarios.values import Mismatch, Scenario
from engine.testing.small_city import write_small_city
from engine.workflow.observing import Trail

NAME = "scenarios/own.scenarios.toml"
CITIES = sorted(path.parent.name for path in cities_root().glob("*/city.toml"))
CORE = [each for each in read_book(load_city("yunhe")).scenarios if each.layer == "core"]
OWN = [
    (name, each)
    for name in CITIES
    for each in read_book(load_city(name)).scenarios
    if each.layer == f"city {name}"  # those of plugins are played by the plugins' own tests
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_city(tmp_path_factory.mktemp("city") / "small")


@pytest.fixture(scope="module")
def bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of a small city that may have scenarios of its own."""
    folder = write_small_city(tmp_path / "small")
    (folder / "scenarios").mkdir()
    return folder


def play(bench: Bench, own: Path, text: str) -> ScenarioResult:
    """Run the one scenario of a text beside the core's stretches."""
    (own / NAME).write_text(text, encoding="utf-8")
    book = read_book(load_city(str(own)))
    scenario = next(each for each in book.scenarios if each.file == NAME)
    return run_scenario(bench, book.stretches, scenario)[0]


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["process", "test", *words, "--city", str(folder)])


# The scenarios ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", CORE, ids=lambda each: f"{each.name}: {each.title}")
def test_a_core_scenario_holds(bench: Bench, scenario: Scenario) -> None:
    result, _ = run_scenario(bench, read_book(bench.city).stretches, scenario)
    assert result.outcome == "passed", result.failure or result.reason


@pytest.mark.parametrize(("name", "scenario"), OWN, ids=lambda each: getattr(each, "title", each))
def test_a_scenario_of_a_plugin_or_a_city_holds(name: str, scenario: Scenario) -> None:
    city = load_city(name)
    bench = Bench(city)
    result, _ = run_scenario(bench, read_book(city).stretches, scenario)
    bench.close()
    assert result.outcome == "passed", result.failure or result.reason


def test_the_core_scenarios_reach_every_element_and_flow_of_every_core_diagram(bench: Bench) -> None:
    report = run_scenarios(bench.city, bench=bench)
    assert {row.process for row in report.coverage} == {path.stem for path in core_root().glob("*.bpmn")}
    assert {row.process: (row.missed_elements, row.missed_flows) for row in report.coverage} == {
        row.process: ((), ()) for row in report.coverage
    }


def test_the_core_scenarios_hold_in_the_demonstration_city_with_its_own_units_and_people() -> None:
    names = {each.name for each in CORE}
    report = run_scenarios(load_city("yunhe"), names)
    assert [(each.scenario.title, each.failure) for each in report.failed] == []
    assert {each.outcome for each in report.results} == {"passed"}


def test_a_city_with_a_catalogue_of_its_own_skips_what_the_core_says_about_other_classes() -> None:
    report = run_scenarios(load_city("boston"), ["callback"])
    assert {each.outcome for each in report.results} == {"skipped"}
    assert "0101" in report.results[0].reason
    assert report.percent == 0.0


# A scenario that does not hold --------------------------------------------------------------------------------

REPORTED = """
[[scenario]]
title = "x"
given.report = { reporter_phone = "1" }
expect = { stage = "accept" }
"""
FILED = REPORTED + '[[scenario.step]]\nstretch = "立案"\n'


@pytest.mark.parametrize(
    ("wrong", "about", "happened"),
    [
        ('open = ["assign", "assign"]', "open", "assign by dispatcher due 2026-03-02 09:15"),
        ('open = ["assign by acceptor"]', "open", "assign by dispatcher due 2026-03-02 09:15"),
        ('open = ["assign due 2026-03-02 09:16"]', "open", "assign by dispatcher due 2026-03-02 09:15"),
        ("open = []", "open", "assign by dispatcher due 2026-03-02 09:15"),
        ('stage = "handle"', "stage", "dispatch"),
        ('status = "closed"', "status", "filed"),
        ("ended = true", "ended", "false"),
        ('due = "2026-03-02 11:00"', "due", "none"),
        ('clocks = { handling = "running" }', "clock handling", "none"),
        ("case = { reworks = 1 }", "case.reworks", "0"),
        ("case = { rework = 0 }", "case.rework", "there is no such name"),
        ('variables = { intake_result = "merged" }', "variable intake_result", "filed"),
        ('history = ["filed", "task_completed"]', "history", "task_completed, filed, decision, decision"),
        ("history = []", "history", "task_completed, filed, decision, decision"),
        ('notices = ["acceptor"]', "notices", "none"),
        ('refused = "no"', "refused", "it was done"),
    ],
)
def test_what_is_not_as_expected_is_told_with_what_happened(
    bench: Bench, own: Path, wrong: str, about: str, happened: str
) -> None:
    result = play(bench, own, f"{FILED}expect = {{ {wrong} }}\n")
    assert result.outcome == "failed"
    assert result.failure is not None
    assert (result.failure.step, result.failure.label, result.steps_done) == (2, "task file_case", 1)
    assert [(each.about, each.happened) for each in result.failure.mismatches] == [(about, happened)]


def test_a_step_refused_unexpectedly_is_told_with_the_reason(bench: Bench, own: Path) -> None:
    result = play(bench, own, REPORTED + '[[scenario.step]]\ntask = "accept"\nanswers.decision = "not_in_scope"\n')
    assert result.failure is not None
    (mismatch,) = result.failure.mismatches
    assert "reason" in mismatch.happened
    assert "required" in mismatch.happened


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ('task = "handle"', "no task handle is open; open are: accept"),
        ('task = "accept"\nby = "nobody"', "'nobody' is neither a role nor a login"),
        ('task = "accept"\nby = "dispatcher"\nanswers.decision = "ok"', "there is no task"),
        ('action = "cancel"\npayload.reason = "x"', "nobody is named to act"),
        ('action = "cancel"\nby = "acceptor"\npayload.reason = "x"', "case.cancel"),
        ('wait = "3 fortnights"', "3 fortnights"),
        ('until = "2026-03-01 09:00"', "past already"),
        ('until = "due"', "the handling clock does not run"),
        ('of = "enforcement"\nwait = "1 minute"', "no linked case"),
        ('stretch = "到月球"', "there is no stretch '到月球'"),
        ('task = "accept"\nanswers.decision = "${unit.decision.x + 1}"', "none"),
    ],
)
def test_a_step_that_cannot_be_done_says_why(bench: Bench, own: Path, step: str, told: str) -> None:
    result = play(bench, own, f"{REPORTED}[[scenario.step]]\n{step}\n")
    assert result.failure is not None
    assert told in " ".join(each.happened for each in result.failure.mismatches)


def test_a_wrong_refusal_is_told_with_the_right_one(bench: Bench, own: Path) -> None:
    step = '[[scenario.step]]\ntask = "accept"\nanswers.decision = "nonsense"\nexpect.refused = "photo"\n'
    result = play(bench, own, REPORTED + step)
    assert result.failure is not None
    assert [(each.about, each.expected) for each in result.failure.mismatches] == [("refused", "photo")]


def test_stretches_that_lead_into_themselves_are_told(bench: Bench, own: Path) -> None:
    circle = '[[stretch]]\nname = "a"\n[[stretch.step]]\nstretch = "a"\n'
    result = play(bench, own, circle + REPORTED + '[[scenario.step]]\nstretch = "a"\n')
    assert result.failure is not None
    assert "leads into itself" in result.failure.mismatches[0].happened


def test_every_scenario_starts_from_the_same_city(bench: Bench, own: Path) -> None:
    number = '[[scenario.step]]\nwait = "1 minute"\nexpect.case.number = "20260302-00001"\n'
    assert play(bench, own, FILED + number).outcome == "passed"
    assert play(bench, own, FILED + number).outcome == "passed"


# Coverage -----------------------------------------------------------------------------------------------------


def test_coverage_names_what_nobody_reached(bench: Bench, own: Path) -> None:
    (own / NAME).write_text(REPORTED, encoding="utf-8")
    report = run_scenarios(load_city(str(own)), ["own"], bench=bench)
    assert report.coverage == ()
    _, trail = run_scenario(bench, {}, report.results[0].scenario)
    reached = {element for process, element in trail.elements if process == "intake"}
    assert reached == {"start", "start_acceptance"}
    flows = {flow for process, flow in trail.flows if process == "intake"}
    assert flows == {"start_to_start_acceptance", "start_acceptance_to_accept"}


def test_a_refused_step_covers_nothing(bench: Bench, own: Path) -> None:
    """The step runs as far as the operator that refuses; all of it is rolled back."""
    step = '[[scenario.step]]\ntask = "accept"\nanswers = { decision = "duplicate", into = "none" }\n'
    (own / NAME).write_text(f'{REPORTED}{step}expect.refused = "no other case"\n', encoding="utf-8")
    book = read_book(load_city(str(own)))
    scenario = next(each for each in book.scenarios if each.file == NAME)
    result, trail = run_scenario(bench, book.stretches, scenario)
    assert result.outcome == "passed"
    assert ("intake", "accept") not in trail.elements


def test_a_trail_begins_anew_when_it_is_taken_up() -> None:
    trail = Trail({("a", "b")}, {("a", "c")})
    taken = trail.take()
    assert (taken.elements, taken.flows, trail.elements, trail.flows) == ({("a", "b")}, {("a", "c")}, set(), set())


# Files --------------------------------------------------------------------------------------------------------

FAULTY = """
[[scenario]]
given.moment = "tomorrow"
given.colour = "red"
given.report = { kid = "event" }
expect.opens = []
[[scenario.step]]
by = "acceptor"
[[scenario.step]]
task = "accept"
wait = "1 minute"
[[scenario.step]]
task = "accept"
expect = { open = ["a b c"], ended = "yes", history = "filed" }
[[stretch]]
name = "立案"
"""


def test_every_fault_of_a_file_is_told_at_once(own: Path) -> None:
    (own / NAME).write_text(FAULTY, encoding="utf-8")
    with pytest.raises(CityBroken) as broken:
        read_book(load_city(str(own)))
    told = broken.value.message
    for words in (
        "it has no title", "'tomorrow' is no moment", "unknown key 'colour'", "unknown key 'kid'",
        "unknown key 'opens'", "nothing happens in it", "task and wait at once", "'a b c' names no task",
        "ended is neither true nor false", "history is no list of texts", "another file has a stretch of this name",
    ):  # fmt: skip
        assert words in told


def test_the_check_tells_faults_as_errors_and_what_the_diagrams_lack_as_warnings(own: Path) -> None:
    steps = """
[[scenario.step]]
task = "acept"
expect.open = ["file_case by shift_lead"]
[[scenario.step]]
task = "accept"
answers = { decison = "ok" }
[[scenario.step]]
stretch = "立按"
[[scenario.step]]
action = "burn"
by = "acceptor"
[[scenario.step]]
wait = "soon"
[[scenario.step]]
until = "never"
[[scenario.step]]
task = "feedback"
photos = ["selfie"]
scope = "${case.}"
"""
    (own / NAME).write_text(REPORTED + steps, encoding="utf-8")
    found = [each for each in check_city(load_city(str(own))) if each.file == NAME]
    errors = "\n".join(str(each) for each in found if each.severity == "error")
    warnings = "\n".join(str(each) for each in found if each.severity == "warning")
    for words in ("no stretch '立按'", "no action 'burn'", "wait = 'soon'", "'never'", "'selfie'", "${case.}"):
        assert words in errors
    for words in ("user task 'acept'", "did you mean accept", "no 'decison'", "role 'shift_lead'"):
        assert words in warnings
    assert len(found) == 9


def test_an_unreadable_diagram_is_one_doubt_about_the_scenarios_not_one_a_step(own: Path) -> None:
    (own / "processes").mkdir()
    (own / "processes/handle_unit.bpmn").write_text("<broken", encoding="utf-8")
    (own / NAME).write_text(f'{REPORTED}[[scenario.step]]\ntask = "accept"\nanswers.nonsense = 1\n', encoding="utf-8")
    found = [each for each in check_city(load_city(str(own))) if "scenario" in each.file + each.element]
    told = [(each.severity, each.file, each.element) for each in found]
    assert told == [("warning", "processes/handle_unit.bpmn", "scenarios"), ("warning", NAME, "x: step 1")], found
    assert re.match(r"\d\d steps in \d+ scenario files may be about its tasks", found[0].message)
    assert found[0].remedy == "correct it; then they are"


def test_a_manual_task_is_a_task_of_a_scenario(own: Path) -> None:
    (own / "processes").mkdir()
    example = Path(__file__).parents[1] / "docs/reference/examples/example_people.bpmn"
    text = re.sub(r' camunda:formKey="\w+"', "", example.read_text(encoding="utf-8"))
    (own / "processes/example_people.bpmn").write_text(text, encoding="utf-8")
    (own / NAME).write_text(f'{REPORTED}[[scenario.step]]\ntask = "hang_sign"\n', encoding="utf-8")
    assert [each for each in check_city(load_city(str(own))) if each.file == NAME] == []


def test_a_citys_file_takes_the_place_of_the_cores(own: Path) -> None:
    (own / "scenarios/callback.scenarios.toml").write_text(REPORTED, encoding="utf-8")
    layers = {each.layer for each in read_book(load_city(str(own))).scenarios if each.name == "callback"}
    assert layers == {"city small"}


def test_an_unknown_name_is_answered_with_the_known_ones(bench: Bench) -> None:
    with pytest.raises(NotFound, match="nothing; there are appeal, callback"):
        run_scenarios(bench.city, ["nothing"], bench=bench)


# The command --------------------------------------------------------------------------------------------------


def test_the_command_passes_and_tells_the_coverage(folder: Path) -> None:
    result = run(folder, "callback", "--min-coverage", "100")
    assert result.exit_code == 0, result.output
    assert "✓ 没有电话的不回访，直接评价" in result.output
    assert "100.0 %" in result.output
    assert "3 passed" in result.output


def test_the_command_fails_with_the_step_and_what_happened(own: Path) -> None:
    (own / NAME).write_text(f'{FILED}expect.stage = "handle"\n', encoding="utf-8")
    result = run(own, "own")
    assert result.exit_code == 1
    assert "✗ x" in result.output
    assert "step 2, task file_case, at 2026-03-02 09:00" in result.output
    assert "stage: expected handle" in result.output
    assert "happened dispatch" in result.output


def test_the_command_fails_below_the_coverage_asked_for(own: Path) -> None:
    (own / "scenarios/callback.scenarios.toml").write_text(REPORTED, encoding="utf-8")
    result = run(own, "callback", "--min-coverage", "90")
    assert result.exit_code == 1
    assert "less than 90 %" in result.output
    assert "elements no scenario reaches: start, " in result.output


def test_a_file_about_no_diagram_has_no_coverage(own: Path) -> None:
    (own / NAME).write_text(REPORTED, encoding="utf-8")
    result = run(own, "own")
    assert result.exit_code == 0
    assert result.output.endswith("1 passed\n")
    refused = run(own, "own", "--min-coverage", "50")
    assert refused.exit_code == 1
    assert "no diagram is called own" in refused.output


def test_the_command_prints_json(own: Path) -> None:
    (own / NAME).write_text(f'{FILED}expect.stage = "handle"\n', encoding="utf-8")
    result = run(own, "own", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["passed"] is False
    (scenario,) = told["scenarios"]
    assert scenario["failure"]["mismatches"] == [{"about": "stage", "expected": "handle", "happened": "dispatch"}]


def test_results_are_plain_values_for_other_surfaces(bench: Bench) -> None:
    report = run_scenarios(bench.city, ["supervision"], bench=bench)
    assert isinstance(report, ScenarioReport)
    assert report.failed == ()
    assert Mismatch("a", "b", "c") == Mismatch("a", "b", "c")
