"""``wangge process test``: play the scenarios of a city and say which elements and flows none of them reaches."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from unicodedata import east_asian_width

import click
import orjson

from api.cli.context import city_option, find_city_folder
from engine.city import City
from engine.errors import NotFound
from engine.scenarios import Coverage, ScenarioReport, ScenarioResult, run_scenarios

MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "yellow")}


@click.command("test")
@click.argument("processes", nargs=-1, metavar="[PROCESS]...")
@city_option
@click.option("--coverage/--no-coverage", default=True, help="Print what the scenarios reach of each diagram.")
@click.option(
    "--min-coverage", type=click.FloatRange(0, 100), default=0.0, metavar="PERCENT",
    help="Fail when the scenarios reach less of the diagrams' elements and flows.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def play_scenarios(
    processes: tuple[str, ...], city_name: str, coverage: bool, min_coverage: float, as_json: bool
) -> None:
    """Play a city's scenarios (all, or those of some processes) in memory; nothing is written anywhere."""
    city = find_city_folder(city_name)
    report = run_scenarios(city, processes, progress=None if as_json else _Printer(city))
    if as_json:
        click.echo(orjson.dumps(to_json(report), default=str, option=orjson.OPT_INDENT_2).decode())
    else:
        show_report(report, coverage=coverage)
    if min_coverage and not report.coverage:
        raise NotFound(
            f"no diagram is called {', '.join(processes)}, so there is no coverage; leave --min-coverage out"
        )
    short = report.percent < min_coverage
    if short:
        click.secho(f"coverage is {report.percent:.1f} %, less than {min_coverage:g} %", fg="red", err=True)
    if not report.results:
        raise NotFound(f"{city.name} has no scenarios; write the first one (docs/how-to/test-a-diagram.md)")
    if report.failed or short:
        raise SystemExit(1)


class _Printer:
    """Prints each result as it comes, under the name of its file."""

    def __init__(self, city: City) -> None:
        self.city, self.file = city, ""

    def __call__(self, result: ScenarioResult) -> None:
        scenario = result.scenario
        if scenario.file != self.file:
            self.file = scenario.file
            click.secho(f"{scenario.name} ({scenario.layer})", bold=True)
        mark, colour = MARKS[result.outcome]
        click.echo(f"  {click.style(mark, fg=colour)} {scenario.title}{f' ({result.reason})' if result.reason else ''}")
        if result.failure is not None:
            at = f"{result.failure.at.astimezone(self.city.time_zone):%Y-%m-%d %H:%M}"
            click.echo(f"      step {result.failure.step}, {result.failure.label}, at {at}")
            for mismatch in result.failure.mismatches:
                click.echo(f"        {mismatch.about}: expected {mismatch.expected}")
                click.echo(f"        {' ' * len(mismatch.about)}  happened {mismatch.happened}")


def show_report(report: ScenarioReport, *, coverage: bool) -> None:
    """The coverage as a table, then one line that says how it stands."""
    if coverage and report.coverage:
        click.echo()
        show_coverage(report.coverage)
    counts = {name: sum(result.outcome == name for result in report.results) for name in MARKS}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no scenarios"
    click.echo(f"\n{told}; coverage {report.percent:.1f} %" if report.coverage else f"\n{told}")


def show_coverage(rows: tuple[Coverage, ...]) -> None:
    """One line a diagram, what is missing below it."""
    head = ("process", "elements", "flows", "covered")
    lines = [
        (
            row.process,
            f"{row.elements - len(row.missed_elements)}/{row.elements}",
            f"{row.flows - len(row.missed_flows)}/{row.flows}",
            f"{row.percent:.1f} %",
        )
        for row in rows
    ]
    widths = [max(map(_width, column)) for column in zip(head, *lines, strict=True)]
    for line, row in zip((head, *lines), (None, *rows), strict=True):
        first, *rest = (f"{text:{'<' if place == 0 else '>'}{widths[place]}}" for place, text in enumerate(line))
        click.secho("  ".join((first, *rest)), bold=row is None)
        for word, missed in (("elements", row.missed_elements), ("flows", row.missed_flows)) if row else ():
            if missed:
                click.echo(f"    {word} no scenario reaches: {', '.join(missed)}")


def _width(text: str) -> int:
    """Columns a text takes in a terminal."""
    return sum(2 if east_asian_width(each) in "WF" else 1 for each in text)


def to_json(report: ScenarioReport) -> dict[str, Any]:
    """As ``--json`` prints it; moments are ISO texts in UTC."""
    return {
        "passed": not report.failed,
        "scenarios": [
            {
                "file": result.scenario.file, "layer": result.scenario.layer, "title": result.scenario.title,
                "outcome": result.outcome, "steps_done": result.steps_done, "reason": result.reason,
                "failure": asdict(result.failure) if result.failure is not None else None,
            }
            for result in report.results
        ],
        "coverage": {
            "percent": round(report.percent, 2),
            "processes": [{**asdict(row), "percent": round(row.percent, 2)} for row in report.coverage],
        },
    }  # fmt: skip
