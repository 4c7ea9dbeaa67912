"""Run scenarios: the one runner of pytest, the command line and the studio. A function from files to results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from engine.city import City
from engine.errors import NotFound
from engine.registry import Registry
from engine.scenarios.bench import Bench
from engine.scenarios.covering import cover
from engine.scenarios.expecting import Since, compare
from engine.scenarios.playing import DEFAULT_REPORT, REFUSALS, Play, Unplayable, local_moment
from engine.scenarios.reading import ScenarioBook, read_book
from engine.scenarios.values import (
    ACTION,
    STRETCH,
    TASK,
    Expected,
    Failure,
    Mismatch,
    Scenario,
    ScenarioReport,
    ScenarioResult,
    ScenarioStep,
)
from engine.workflow.observing import Trail

Progress = Callable[[ScenarioResult], None]


def run_scenarios(
    city: City,
    processes: Collection[str] = (),
    *,
    registry: Registry | None = None,
    bench: Bench | None = None,
    progress: Progress | None = None,
) -> ScenarioReport:
    """Run a city's scenarios, those of core and plugins included, on a copy of the city in memory.

    :param processes: names of scenario files; all when empty. The coverage then tells of the diagrams of that name.
    :param bench: a loaded city to use again; it stays open.
    :raises CityBroken: with every fault of the scenario files. NotFound: no scenario file has one of the names.
    """
    book = read_book(city)
    wanted = choose(book, processes)
    own = bench or Bench(city, registry)
    try:
        trail, results = Trail(), []
        for scenario in wanted:
            result, passed = run_scenario(own, book.stretches, scenario)
            trail.add(passed)
            results.append(result)
            if progress is not None:
                progress(result)
        return ScenarioReport(tuple(results), tuple(cover(own.definition, trail, processes)))
    finally:
        if bench is None:
            own.close()


def choose(book: ScenarioBook, processes: Collection[str]) -> list[Scenario]:
    """The scenarios of the files with these names; all when none is named."""
    known = {scenario.name for scenario in book.scenarios}
    unknown = sorted(set(processes) - known)
    if unknown:
        raise NotFound(f"no scenarios are called {', '.join(unknown)}; there are {', '.join(sorted(known)) or 'none'}")
    return [scenario for scenario in book.scenarios if not processes or scenario.name in processes]


def run_scenario(
    bench: Bench, stretches: Mapping[str, tuple[ScenarioStep, ...]], scenario: Scenario
) -> tuple[ScenarioResult, Trail]:
    """Play one scenario on a fresh copy of the city; it breaks off at the first step that is not as written."""
    trail, done = Trail(), 0
    bench.trail.take()
    missing = unfit(bench, scenario)
    if missing:
        return ScenarioResult(scenario, "skipped", 0, reason=missing), trail
    moment = local_moment(bench.city, scenario.given.moment)
    try:
        steps = (None, *lay_out(scenario.steps, stretches))
    except Unplayable as error:
        mismatch = Mismatch("step", "can be done", error.message)
        return ScenarioResult(scenario, "failed", 0, Failure(0, "stretches", moment, (mismatch,))), trail
    with bench.place(moment) as place:
        play = Play(bench, place)
        for number, step in enumerate(steps):
            since = Since.now(play)
            mismatches = tuple(_try(play, scenario, step, since))
            if mismatches:
                label = describe(step) if step is not None else "report"
                failure = Failure(number, label, place.clock.now(), mismatches)
                return ScenarioResult(scenario, "failed", done, failure), trail
            passed = bench.trail.take()
            if step is None or step.expect.refused is None:
                trail.add(passed)  # what a refused step ran was rolled back
            done += step is not None
    return ScenarioResult(scenario, "passed", done), trail


def unfit(bench: Bench, scenario: Scenario) -> str:
    """Why this city cannot play the scenario at all; empty when it can.

    A city with a catalogue of its own does not know the classes the core's scenarios are about.
    """
    if scenario.given.matter:
        return ""
    report = {**DEFAULT_REPORT, **scenario.given.report}
    key = (str(report["kind"]), str(report["full_code"]))
    if scenario.layer != f"city {bench.city.id}" and key not in bench.classes:
        return f"{bench.city.name} has no {key[0]} of class {key[1]}"
    return ""


def lay_out(
    steps: Iterable[ScenarioStep], stretches: Mapping[str, tuple[ScenarioStep, ...]], inside: tuple[str, ...] = ()
) -> list[ScenarioStep]:
    """The steps with their stretches laid out; what a scenario expects of a stretch holds after its last step.

    Raises Unplayable for a stretch that does not exist or leads into itself.
    """
    laid: list[ScenarioStep] = []
    for step in steps:
        if step.kind != STRETCH:
            laid.append(step)
            continue
        if step.what not in stretches:
            raise Unplayable(f"there is no stretch {step.what!r}; there are {', '.join(sorted(stretches)) or 'none'}")
        if step.what in inside:
            raise Unplayable(f"stretch {step.what} leads into itself; take it out of {inside[-1]}")
        parts = lay_out(stretches[step.what], stretches, (*inside, step.what))
        if step.expect != Expected() and parts:
            parts[-1] = replace(parts[-1], expect=step.expect)
        laid += parts
    return laid


def _try(play: Play, scenario: Scenario, step: ScenarioStep | None, since: Since) -> Iterator[Mismatch]:
    expected = scenario.expect if step is None else step.expect
    try:
        if step is None:
            play.begin(scenario.given)
        else:
            play.act(step)
    except REFUSALS as error:
        told = str(error)
        if isinstance(error, Unplayable) or expected.refused is None:
            yield Mismatch("step", "can be done", told)
            return
        if expected.refused not in told:
            yield Mismatch("refused", expected.refused, told)
        play.session.rollback()
        if not play.numbers:
            return  # it was never opened, so there is nothing to look at
    else:
        if expected.refused is not None:
            yield Mismatch("refused", expected.refused, "it was done")
            return
    try:
        yield from compare(play, expected, step.of if step is not None else "", since)
    except REFUSALS as error:
        yield Mismatch("expect", "can be looked up", str(error))


def describe(step: ScenarioStep) -> str:
    """A step in words, as results name it."""
    words = {TASK: "task {}", ACTION: "action {}", "wait": "wait {}", "until": "until {}"}
    told = words[step.kind].format(step.what)
    told += f" @ {step.scope}" if step.scope else ""
    told += f" by {step.by}" if step.by else ""
    return told + (f" (case {step.of})" if step.of else "")
