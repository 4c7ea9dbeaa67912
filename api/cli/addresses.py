"""``wangge addresses``: standard addresses, place names and points of interest as a file."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.context import city_option, database_option, open_city, progress_bar
from engine.loading.addresses import export_addresses


@click.group("addresses")
def addresses_command() -> None:
    """Standard addresses, place names and points of interest."""


@addresses_command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@city_option
@database_option
def export(file: Path, city_name: str, database_url: str | None) -> None:
    """Write all addresses into FILE, a .csv that `wangge import addresses` reads without loss."""
    with open_city(city_name, database_url) as (_, _engine, session), progress_bar("addresses") as progress:
        count = export_addresses(session, file, progress)
    click.echo(f"{count} addresses written to {file}")
