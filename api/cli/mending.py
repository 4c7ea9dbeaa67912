"""``wangge incident``: what failed inside diagrams, and how it is mended."""

from __future__ import annotations

from typing import Any

import click
import orjson

from api.cli.context import open_city
from api.cli.deploying import author_option, print_json, shared_options
from engine.cases.incident_acts import repair_incident, retry_incident, skip_incident
from engine.cases.incidents import list_incidents, resolve_incident, settle_incidents
from engine.cases.stuck import find_stuck
from engine.errors import Invalid
from engine.models import Incident
from engine.platform import build_platform


@click.group("incident")
def incident_command() -> None:
    """Steps of diagrams that failed: cause and remedy."""


@incident_command.command("list")
@click.option("--all", "resolved", is_flag=True, help="Also those that are over.")
@click.option("--case", help="Only those of one case.")
@shared_options
def list_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, resolved: bool, case: str | None
) -> None:
    """What failed, newest first. Looks for cases that wait for nothing as well."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        moment = platform.clock.now()
        settle_incidents(session, moment)
        find_stuck(session, platform, moment)
        rows = [row_of(incident, number) for incident, number in list_incidents(session, resolved=resolved, case=case)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        state = f"over: {row['resolution']}" if row["resolved_at"] else row["remedy"]
        click.echo(f"{row['id']:>4}  {row['case']}  {row['message']}\n      {state}")
    if not rows:
        click.echo("no incident is open")


def row_of(incident: Incident, number: str | None) -> dict[str, Any]:
    """An incident as plain values."""
    names = ("id", "process", "element", "message", "remedy", "opened_at", "resolved_at", "resolution")
    return {"case": number or "", **{name: getattr(incident, name) for name in names}}


@incident_command.command("retry")
@click.argument("incident", type=int)
@click.option("--set", "pairs", multiple=True, metavar="NAME=JSON", help="Set a variable of the case first.")
@click.option("--reason", default="", help="Why the variables are set; goes into the case's history.")
@author_option
@shared_options
def retry_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, incident: int,
    pairs: tuple[str, ...], reason: str, author: str,
) -> None:  # fmt: skip
    """Try what failed again now, with variables repaired when they are given."""
    variables = dict(_variable(text) for text in pairs)
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        moment = platform.clock.now()
        if variables:
            repair_incident(session, platform, incident, variables, moment, by=author, reason=reason)
        else:
            retry_incident(session, platform, incident, moment, by=author)
        _say(incident, "is over: it was tried again and succeeded", as_json)


@incident_command.command("skip")
@click.argument("incident", type=int)
@click.option("--reason", required=True, help="Why; goes into the case's history.")
@author_option
@shared_options
def skip_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, incident: int, reason: str,
    author: str,
) -> None:  # fmt: skip
    """Let the failing automatic step pass without running it."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        skip_incident(session, platform, incident, platform.clock.now(), by=author, reason=reason)
        _say(incident, "is over: the step was skipped", as_json)


@incident_command.command("resolve")
@click.argument("incident", type=int)
@click.option("--reason", default="", help="Why.")
@author_option
@shared_options
def resolve_command(
    city_name: str, database_url: str | None, language: str | None, as_json: bool, incident: int, reason: str,
    author: str,
) -> None:  # fmt: skip
    """Mark an incident as done with, without trying anything."""
    with open_city(city_name, database_url) as (city, _, session):
        platform = build_platform(session, city)
        resolve_incident(session, incident, platform.clock.now(), by=author, reason=reason)
        _say(incident, "is resolved", as_json)


def _variable(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), orjson.loads(value)
    except orjson.JSONDecodeError as error:
        example = "share=4 or unit='\"MUNICIPAL\"'"
        raise Invalid(f"--set {text}: the value is no JSON; write {example}", field="variables") from error


def _say(incident: int, text: str, as_json: bool) -> None:
    if as_json:
        print_json({"incident": incident, "result": text})
    else:
        click.echo(f"incident {incident} {text}")


__all__ = ["incident_command"]
