"""``wangge check``: every fault of a city's files at once, without a database."""

from __future__ import annotations

from itertools import groupby

import click
import orjson

from api.cli.context import city_option
from engine.checks import Finding, check_folder, errors_of

MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow")}


@click.command("check")
@city_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--strict", is_flag=True, help="Fail on warnings as well.")
def check_command(city_name: str, as_json: bool, strict: bool) -> None:
    """Check a city's files: diagrams, decisions, forms, catalogue, grids, organisation, calendars, translations."""
    _, findings = check_folder(city_name)
    errors = errors_of(findings)
    if as_json:
        click.echo(orjson.dumps([finding.to_json() for finding in findings], option=orjson.OPT_INDENT_2).decode())
    else:
        show_findings(findings)
        click.echo(summary(city_name, len(errors), len(findings) - len(errors)))
    if errors or (strict and findings):
        raise SystemExit(1)


def show_findings(findings: list[Finding]) -> None:
    """Print findings under the file they are about."""
    for (file, layer), group in groupby(findings, key=lambda finding: (finding.file, finding.layer)):
        click.secho(f"{file} ({layer})" if layer else file, bold=True)
        for finding in group:
            mark, colour = MARKS[finding.severity]
            line = f" (line {finding.line})" if finding.line else ""
            severity = click.style(f"{mark} {finding.severity}", fg=colour)
            click.echo(f"  {severity} {finding.element}{line}: {finding.message}")
            for shown in finding.excerpt.splitlines():
                click.echo(f"      {shown}")
            click.echo(f"      → {finding.remedy}")
        click.echo()


def summary(name: str, errors: int, warnings: int) -> str:
    """One line that says how it stands."""
    if not errors and not warnings:
        return f"{name}: nothing to correct"
    return f"{name}: {_count(errors, 'error')}, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
