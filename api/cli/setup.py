"""``wangge init`` and ``wangge db``: make and migrate a city's database."""

from __future__ import annotations

import click

from api.cli.context import city_option, database_option, now, open_city, progress_bar
from engine.checks import check_city, refuse_broken
from engine.loading.city import load_city_folder
from engine.migrations import upgrade_database
from engine.organisation.people import hash_password


@click.command("init")
@city_option
@database_option
@click.option("--password", help="Give people that are new this password; without it nobody can log in yet.")
def init_command(city_name: str, database_url: str | None, password: str | None) -> None:
    """Create or refresh the database of a city from its folder."""
    with open_city(city_name, database_url) as (city, engine, session):
        refuse_broken(check_city(city))
        upgrade_database(engine, city.enabled_roots)
        with progress_bar("loading the city") as progress:
            rejected = load_city_folder(
                session, city, now(), password_hash=hash_password(password) if password else None, progress=progress
            )
        for item in rejected:
            click.echo(f"not taken: {item}")
        click.echo(f"{city.name} is ready in {engine.url.render_as_string()}")


@click.group("db")
def db_command() -> None:
    """The database's schema."""


@db_command.command("upgrade")
@city_option
@database_option
def upgrade(city_name: str, database_url: str | None) -> None:
    """Bring the schema to this release; data stays."""
    with open_city(city_name, database_url) as (city, engine, _session):
        click.echo(f"schema is at {upgrade_database(engine, city.enabled_roots)}")
