"""``wangge register``: registers of departments as CSV files."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from api.cli.context import city_option, database_option, now, open_city
from engine.city import City
from engine.database import begin_write
from engine.errors import NotFound
from engine.loading.encodings import encoding_of
from engine.registers.declaring import Register, load_registers
from engine.registers.files import export_register, import_register
from engine.registers.finding import Wanted, count_entries


@click.group("register")
def register_command() -> None:
    """Registers that departments keep: list, export, import."""


@register_command.command("list")
@city_option
@database_option
def list_registers(city_name: str, database_url: str | None) -> None:
    """Every register of the city with its number of entries."""
    with open_city(city_name, database_url) as (city, _, session):
        for register in load_registers(city.layers).values():
            title = register.en if city.language == "en" else register.zh
            count = count_entries(session, register, Wanted())
            click.echo(f"{register.name:<28} {count:>7}  {title}  ({register.layer})")


@register_command.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@city_option
@database_option
def export_command(name: str, file: Path, city_name: str, database_url: str | None) -> None:
    """Write a register to a CSV file."""
    with open_city(city_name, database_url) as (city, _, session):
        register = find(city, name)
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(export_register(session, register))
    click.echo(f"{file} written")


@register_command.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="Write all refused rows to this file.")
@city_option
@database_option
def import_command(name: str, file: Path, report: Path | None, city_name: str, database_url: str | None) -> None:
    """Take the rows of a CSV file that hold. The same file twice changes nothing."""
    with open_city(city_name, database_url) as (city, _, session):
        register = find(city, name)
        encoding = encoding_of(file)
        begin_write(session)
        with file.open(encoding=encoding.name, newline="") as rows:
            outcome = import_register(session, register, rows, now())
        session.commit()
    if encoding.note:
        click.echo(encoding.note)
    click.echo(f"{outcome.added} added, {outcome.changed} changed, {outcome.same} as they were")
    for refused in outcome.refused[:20]:
        click.echo(f"not taken: line {refused.line}, {refused.key}: {refused.reason}")
    if len(outcome.refused) > 20:
        click.echo(f"… {len(outcome.refused)} refused in all; --report FILE writes every one")
    if report is not None:
        with report.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows(
                [("line", "key", "reason"), *((r.line, r.key, r.reason) for r in outcome.refused)]
            )


def find(city: City, name: str) -> Register:
    """A register by name. Raises NotFound."""
    known = load_registers(city.layers)
    if name not in known:
        raise NotFound(f"{city.id} has no register {name!r}; it has {', '.join(sorted(known)) or 'none'}")
    return known[name]
