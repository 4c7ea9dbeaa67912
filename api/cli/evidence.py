"""``wangge evidence``: the store of photos, videos and voice: move into it, sweep it, check it."""

from __future__ import annotations

from datetime import timedelta

import click
from sqlalchemy import func, select

from api.cli.context import city_option, database_option, now, open_city, progress_bar
from engine.evidence.kinds import PHOTO, VIDEO, VOICE
from engine.evidence.places import find_store
from engine.evidence.rounds import holdings, last_rounds, sweep_on_record
from engine.evidence.store import StoreFailed
from engine.evidence.sweeping import Swept, check_store, count_in_database, move_to_store
from engine.evidence.sweeping import sweep as sweep_store
from engine.models import Evidence, EvidenceSweep

SHOWN = 7
"""Rounds of the sweep that are told."""


@click.group("evidence")
def evidence_command() -> None:
    """Where photos, videos and voice are kept (WANGGE_EVIDENCE: a folder or s3://bucket/prefix?endpoint=…)."""


@evidence_command.command("move")
@city_option
@database_option
def move(city_name: str, database_url: str | None) -> None:
    """Move photos of earlier releases from the database to the store; safe to stop and to start again."""
    with open_city(city_name, database_url) as (city, _, session):
        store = find_store(session)
        with progress_bar("photos", count_in_database(session)) as progress:
            moved = move_to_store(session, store, city.time_zone, progress)
        click.echo(f"{moved} photos moved to {store.describe()}")


@evidence_command.command("sweep")
@city_option
@database_option
@click.option("--older-than", "hours", type=click.FloatRange(min=1), default=24, show_default=True, help="Hours.")
@click.option("--dry-run", is_flag=True, help="Count only.")
def sweep(city_name: str, database_url: str | None, hours: float, dry_run: bool) -> None:
    """Delete files that no case names; people may go on working meanwhile."""
    with open_city(city_name, database_url) as (_city, _, session):
        store, span = find_store(session), timedelta(hours=hours)
        if dry_run:
            done: Swept | EvidenceSweep = sweep_store(session, store, now(), grace=span, dry=True)
        else:
            done = sweep_on_record(session, store, now(), grace=span)
            if done.failure:
                raise StoreFailed(done.failure)
        verb = "would go" if dry_run else "deleted"
        click.echo(f"{done.taken} of {done.seen} files {verb}, {done.size / 1e6:.1f} MB, in {store.describe()}")
        if done.unfinished:
            click.echo(f"{done.unfinished} half-written files cleared")


@evidence_command.command("status")
@city_option
@database_option
def status(city_name: str, database_url: str | None) -> None:
    """How many files cases name, and what the last sweeps took; a running server sweeps once a day by itself."""
    with open_city(city_name, database_url) as (city, _, session):
        click.echo(find_store(session).describe())
        held = holdings(session)
        for kind in (PHOTO, VIDEO, VOICE):
            click.echo(f"{kind:6} {held.files.get(kind, 0):>9} files {held.sizes.get(kind, 0) / 1e6:>10.1f} MB")
        if held.in_database:
            click.echo(f"{held.in_database} photos still lie in the database; wangge evidence move")
        rounds = last_rounds(session, SHOWN)
        for each in rounds:
            at = f"{each.began_at.astimezone(city.time_zone):%Y-%m-%d %H:%M}"
            told = each.failure or f"{each.taken} of {each.seen} files deleted, {each.size / 1e6:.1f} MB"
            click.echo(f"swept {at}: {told}")
        if not rounds:
            click.echo("never swept; start the server, or wangge evidence sweep")


@evidence_command.command("check")
@city_option
@database_option
def check(city_name: str, database_url: str | None) -> None:
    """Read every file that a case names; exit 1 when one is missing or damaged."""
    with open_city(city_name, database_url) as (_city, _, session):
        store = find_store(session)
        count = session.scalar(select(func.count()).select_from(Evidence).where(Evidence.original.is_(None))) or 0
        with progress_bar("files", count) as progress:
            faults = list(check_store(session, store, progress))
        for fault in faults:
            click.echo(f"evidence {fault.evidence_id}: {fault.message}")
        click.echo(f"{count - len({fault.evidence_id for fault in faults})} of {count} sound in {store.describe()}")
    if faults:
        raise SystemExit(1)
