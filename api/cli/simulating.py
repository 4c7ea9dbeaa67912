"""``wangge simulate``: let a city's people work on a virtual clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.cli.context import city_option, database_option, now, open_city, progress_bar
from engine.city import City
from engine.models import CaseEvent
from engine.platform import build_platform
from engine.simulation.city_at_work import simulate
from engine.simulation.summary import Summary


@click.command("simulate")
@city_option
@database_option
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(min=0.01), help="How long.")
@click.option(
    "--cases-per-day", default=40.0, show_default=True, type=click.FloatRange(min=0), help="Reports, on average."
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same histories.")
@click.option(
    "--from", "begin", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    help="Local date or time to begin at. Default: where the last history ends, or so that it ends now.",
)  # fmt: skip
def simulate_command(
    city_name: str, database_url: str | None, days: float, cases_per_day: float, seed: int, begin: datetime | None
) -> None:
    """Let the city work: problems are reported and handled through the real engine."""
    with open_city(city_name, database_url, synchronous="OFF") as (city, _, session):
        start = begin.replace(tzinfo=city.time_zone) if begin else following(session, days)
        platform = build_platform(session, city)
        with progress_bar("city at work, hours", round(days * 24)) as progress:
            summary = simulate(
                session, platform, start=start, days=days, cases_per_day=cases_per_day, seed=seed, progress=progress
            )
        show_summary(summary, city)


def following(session: Session, days: float) -> datetime:
    """When a simulation goes on: after the last thing that happened, else so that it ends now."""
    last = session.scalar(select(func.max(CaseEvent.at)))
    session.rollback()
    return last or now() - timedelta(days=days)


def show_summary(summary: Summary, city: City) -> None:
    """Print what came of a simulation."""
    tally = summary.tally
    click.echo(f"{city.name} at {summary.now.astimezone(city.time_zone):%Y-%m-%d %H:%M}")
    click.echo(f"  {tally.reported} cases reported, {tally.completed} tasks done, {tally.fired} timers fired")
    click.echo("  by status: " + _list(summary.by_status))
    click.echo("  open tasks: " + _list(summary.open_by_stage))
    if summary.on_time_share is not None:
        click.echo(f"  on time: {summary.closed_on_time} of {summary.closed} closed ({summary.on_time_share:.1%})")
    click.echo(f"  overdue and open: {summary.overdue_open}")
    if tally.acts:
        click.echo("  from outside: " + _list(tally.acts))
    for role, count in tally.unstaffed.most_common(5):
        click.echo(f"  nobody is {role} ({count} tasks wait); give somebody that post in organisation/people.csv")
    for message, count in tally.stuck.most_common(5):
        click.echo(f"  refused {count} times: {message}")


def _list(counted: object) -> str:
    return ", ".join(f"{name} {count}" for name, count in dict(counted).items()) or "none"  # type: ignore[call-overload]
