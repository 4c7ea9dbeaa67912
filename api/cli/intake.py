"""``wangge intake``: what a text suggests, the model behind it, and its training."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

import click

from api.cli.context import city_option, database_option, now, open_city
from api.cli.deploying import print_json
from engine.city import City
from engine.intake.keeping import ModelShelf, train_and_keep
from engine.intake.noting import rates_in_use
from engine.models import Subclass


@click.group("intake")
def intake_command() -> None:
    """Suggestions for reports: try them on a text, see the model, train it on the closed cases."""


@intake_command.command("suggest")
@click.argument("text")
@click.option("--limit", type=click.IntRange(1, 20), default=5, show_default=True, help="Classes at most.")
@city_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def suggest_command(text: str, limit: int, city_name: str, database_url: str | None, as_json: bool) -> None:
    """Say which classes a report's text suggests, how sure the model is, and which words spoke for it."""
    with open_city(city_name, database_url) as (city, _, session):
        used = ModelShelf(city).model(session, today(city))
        likely = used.model.judge(text, limit=limit).likely
        if as_json:
            print_json({"classes": [asdict(each) for each in likely]})
            return
        if not likely:
            click.echo("no class: the text is about nothing the catalogue knows, or says too little")
        for each in likely:
            kind, _, code = each.of.partition("/")
            row = session.get(Subclass, (used.catalogue_id, kind, code))
            click.echo(f"{each.confidence:4.0%}  {each.of} {row.name if row else ''}  {'、'.join(each.words)}")


@intake_command.command("model")
@city_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def model_command(city_name: str, database_url: str | None, as_json: bool) -> None:
    """Say which model is in use, what it was trained on and how often it is right."""
    with open_city(city_name, database_url) as (city, _, session):
        used = ModelShelf(city).model(session, today(city))
        facts, rates = used.model.facts, rates_in_use(session, now())
        if as_json:
            print_json(
                {"version": used.version, "trained_at": used.trained_at, **asdict(facts), "in_use": asdict(rates)}
            )
            return
        if used.trained_at is None:
            click.echo(f"start {used.version[:12]}: made of the catalogue's words, not trained on cases yet")
        else:
            click.echo(f"trained {used.version[:12]} at {used.trained_at:%Y-%m-%d %H:%M} UTC on {facts.cases} cases")
            click.echo(f"on {facts.held_out} held-out cases: {shares(facts.top1, facts.top3)}")
            click.echo(f"the words alone on the same: {shares(facts.start_top1, facts.start_top3)}")
        click.echo(f"in use, {rates.cases} filed cases of 90 days: {shares(rates.top1, rates.top3)}")


@intake_command.command("train")
@city_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train_command(city_name: str, database_url: str | None, as_json: bool) -> None:
    """Train on the city's closed cases; what is no better than the catalogue's words alone is not kept.

    The running server does the same every night. Classes of cases that were changed on the way count as they ended.
    """
    with open_city(city_name, database_url) as (city, _, session):
        trained = train_and_keep(session, city, today(city), now())
        facts = trained.facts
        if as_json:
            print_json({"version": trained.version, "kept": trained.kept, **asdict(facts)})
            return
        click.echo(f"trained on {facts.cases} closed cases, measured on {facts.held_out} others")
        click.echo(f"the new model: {shares(facts.top1, facts.top3)}")
        click.echo(f"the words alone: {shares(facts.start_top1, facts.start_top3)}")
        kept = f"kept as {trained.version[:12]}" if trained.kept else "not kept: the words alone do better"
        click.echo(kept)


def today(city: City) -> date:
    """The day on the city's clocks."""
    return now().astimezone(city.time_zone).date()


def shares(top1: float | None, top3: float | None) -> str:
    """Two shares in words."""
    if top1 is None or top3 is None:
        return "not known yet"
    return f"right at first {top1:.1%}, among the first three {top3:.1%}"
