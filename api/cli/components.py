"""``wangge components``: the register of components as a file."""

from __future__ import annotations

from pathlib import Path

import click

from api.cli.context import city_option, database_option, open_city, progress_bar
from engine.components.listing import ComponentFilter
from engine.components.rules import read_attributes
from engine.loading.component_files import export_components, number_fields


@click.group("components")
def components_command() -> None:
    """The register of components."""


@components_command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@city_option
@database_option
@click.option("--class", "full_code", help="Only this subclass, for example 0101.")
@click.option("--grid", help="Only this unit grid.")
@click.option("--state", help="Only this state.")
def export(
    file: Path, city_name: str, database_url: str | None, full_code: str | None, grid: str | None, state: str | None
) -> None:
    """Write the register into FILE, a .csv or .gpkg that `wangge import components` reads without loss."""
    with open_city(city_name, database_url) as (city, _, session), progress_bar("components") as progress:
        wanted = ComponentFilter(full_code=full_code, grid=grid, state=state)
        count = export_components(session, file, wanted, number_fields(read_attributes(city)), progress)
    click.echo(f"{count} components written to {file}")
