"""``wangge manual``: the command manual out as a workbook, its changes compared, proposed, signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cli.context import city_option, database_option, now, open_city
from api.cli.deploying import print_json
from engine.catalogue.lookup import version_in_force
from engine.catalogue.manual_change import (
    compare_workbook,
    effect_on_cases,
    find_change,
    list_changes,
    manual_of,
    people_of,
    propose_change,
    sign_change,
    withdraw_change,
)
from engine.catalogue.manual_departments import department_names
from engine.catalogue.manual_diff import ManualDiff, diff_of
from engine.catalogue.manual_effect import Effect
from engine.catalogue.manual_faults import ManualInvalid
from engine.catalogue.manual_writing import write_workbook
from engine.city import City
from engine.errors import NotFound
from engine.models import ManualChange, Person
from engine.organisation.actor import Actor
from engine.organisation.people import load_actor
from engine.organisation.roles import load_roles

SHOWN = 100
"""Faults and rows printed; ``--json`` prints all rows."""


@click.group("manual")
def manual_command() -> None:
    """The command manual (指挥手册): changed in a spreadsheet, compared, signed by a second person."""


def day_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--effective DATE``."""
    return click.option(
        "--effective", type=click.DateTime(["%Y-%m-%d"]), help="First day of the change. Default: today."
    )(command)


def as_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--as LOGIN``."""
    return click.option("--as", "login", required=True, help="Login of the person who acts; their posts decide.")(
        command
    )


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``, beside city and database."""
    return city_option(database_option(click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)))


file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@manual_command.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--version", "version_id", type=int, help="A catalogue version's id. Default: the one in force today.")
@city_option
@database_option
def export_command(file: Path, version_id: int | None, city_name: str, database_url: str | None) -> None:
    """Write the manual to an XLSX workbook."""
    with open_city(city_name, database_url) as (city, _, session):
        found = version_id or version_in_force(session, today(city)).id
        version, manual = manual_of(session, found)
        file.write_bytes(write_workbook(version, manual, department_names(city)))
    click.echo(f"{file}: {version.name}, {len(manual.classes)} subclasses, {len(manual.conditions)} filing conditions")


@manual_command.command("diff")
@file_argument
@day_option
@json_option
def diff_command(
    file: Path, effective: datetime | None, city_name: str, database_url: str | None, as_json: bool
) -> None:
    """Say what a workbook would change and what that means for running cases. Writes nothing."""
    with open_city(city_name, database_url) as (city, _, session), faults_told():
        day, known = day_of(effective, city), list(department_names(city))
        compared = compare_workbook(session, file.read_bytes(), day, today(city), known)
        if as_json:
            rows = compared.diff.record
            print_json({"counts": compared.diff.counts, "effect": asdict(compared.effect), "changes": rows})
            return
        show_diff(compared.diff)
        show_effect(compared.effect)


@manual_command.command("propose")
@file_argument
@day_option
@click.option("--name", required=True, help="Name of the new version.")
@click.option("--note", default="", help="Why, for the record.")
@as_option
@json_option
def propose_command(
    file: Path, effective: datetime | None, name: str, note: str, login: str, city_name: str,
    database_url: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Stage what a workbook changes. Nothing takes effect before somebody else signs."""
    with open_city(city_name, database_url) as (city, _, session), faults_told():
        change, new = propose_change(
            session, actor_of(session, city, login), file.read_bytes(), file_name=file.name, name=name, note=note,
            effective=day_of(effective, city), today=today(city), now=now(),
            departments=list(department_names(city)),
        )  # fmt: skip
        if as_json:
            print_json(change_row(session, change))
            return
        click.echo(f"change {change.id} {'is proposed' if new else 'was proposed before'}: {line_of(session, change)}")


@manual_command.command("sign")
@click.argument("change", type=int)
@click.option("--digest", required=True, help="First characters (8 or more) of the digest that 'show' prints.")
@as_option
@json_option
def sign_command(change: int, digest: str, login: str, city_name: str, database_url: str | None, as_json: bool) -> None:
    """Sign somebody else's change: it becomes a version of the catalogue, valid from its day on."""
    with open_city(city_name, database_url) as (city, _, session):
        whole = find_change(session, change).diff_digest
        read = whole if len(digest) >= 8 and whole.startswith(digest) else digest
        signed = sign_change(session, actor_of(session, city, login), change, read, today=today(city), now=now())
        if as_json:
            print_json(change_row(session, signed))
            return
        click.echo(f"change {signed.id} is signed: {line_of(session, signed)}")
        show_effect(Effect(**signed.effect))


@manual_command.command("withdraw")
@click.argument("change", type=int)
@as_option
@city_option
@database_option
def withdraw_command(change: int, login: str, city_name: str, database_url: str | None) -> None:
    """Put a proposed change aside; it stays on record."""
    with open_city(city_name, database_url) as (city, _, session):
        withdraw_change(session, actor_of(session, city, login), change, now=now())
    click.echo(f"change {change} is withdrawn")


@manual_command.command("show")
@click.argument("change", type=int)
@json_option
def show_command(change: int, city_name: str, database_url: str | None, as_json: bool) -> None:
    """Print a change row by row, its effect on running cases, and the digest to sign."""
    with open_city(city_name, database_url) as (_, _engine, session):
        found = find_change(session, change)
        effect = effect_on_cases(session, found)
        if as_json:
            print_json({**change_row(session, found), "effect": effect, "changes": found.diff})
            return
        click.echo(f"change {found.id}: {line_of(session, found)}")
        show_diff(diff_of(found.diff))
        show_effect(Effect(**effect))
        click.echo(f"digest {found.diff_digest}")


@manual_command.command("list")
@json_option
def list_command(city_name: str, database_url: str | None, as_json: bool) -> None:
    """All changes with who proposed and who signed, newest first."""
    with open_city(city_name, database_url) as (_, _engine, session):
        changes = list_changes(session)
        if as_json:
            print_json([change_row(session, change) for change in changes])
            return
        for change in changes:
            click.echo(f"{change.id:>4}  {line_of(session, change)}")
        if not changes:
            click.echo("nobody has proposed a change of the manual")


# What is read and printed -----------------------------------------------------------------------------------


def today(city: City) -> date:
    """The city's day."""
    return now().astimezone(city.time_zone).date()


def day_of(effective: datetime | None, city: City) -> date:
    """The day asked for, or today."""
    return effective.date() if effective else today(city)


def actor_of(session: Session, city: City, login: str) -> Actor:
    """The person who acts. Raises NotFound."""
    person_id = session.scalar(select(Person.id).where(Person.login == login))
    actor = load_actor(session, person_id, load_roles(city.layers)) if person_id is not None else None
    if actor is None:
        raise NotFound(f"nobody has the login {login!r}; take one of organisation/people.csv")
    return actor


class faults_told:  # noqa: N801 - reads as a word after ``with``
    """Prints every fault of a workbook with its cell, then ends with 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if not isinstance(error, ManualInvalid):
            return
        for fault in error.faults[:SHOWN]:
            click.echo(f"  {fault.where or 'file'}: {fault.said('en')}")
        raise click.ClickException(f"{len(error.faults)} faults; nothing was taken") from error


def show_diff(diff: ManualDiff) -> None:
    """Counts, then the rows with old and new values."""
    for table, counts in diff.counts.items():
        click.echo(f"{table}: " + ", ".join(f"{count} {sort}" for sort, count in counts.items()))
    for change in diff.changes[:SHOWN]:
        click.echo(f"  {change.sort} {'/'.join(change.key)} {change.row.get('name') or change.row.get('text', '')}")
        if change.sort == "changed":
            for name, (old, new) in change.values.items():
                click.echo(f"    {name}: {old or '–'} → {new or '–'}")
    if len(diff.changes) > SHOWN:
        click.echo(f"  … and {len(diff.changes) - SHOWN} more rows; --json prints all of them")


def show_effect(effect: Effect) -> None:
    """What it means for running cases."""
    click.echo(
        f"running cases: none changes; {effect.filed} filed keep their version"
        f" ({effect.filed_touched} of them under rows that change)"
    )
    click.echo(
        f"reported, not yet filed: {effect.waiting}, filed under the version of that day"
        f" ({effect.waiting_touched} under rows that change, {effect.waiting_removed} under rows that go)"
    )


def change_row(session: Session, change: ManualChange) -> dict[str, Any]:
    """A change as plain values."""
    names = (
        "id", "status", "name", "note", "file_name", "file_digest", "diff_digest", "effective_date", "base_id",
        "version_id", "proposed_at", "decided_at",
    )  # fmt: skip
    people = people_of(session, [change])
    who = {"author": people.get(change.author_id, ""), "decided_by": people.get(change.decided_by_id or 0, "")}
    return {**{name: getattr(change, name) for name in names}, **who, "counts": diff_of(change.diff).counts}


def line_of(session: Session, change: ManualChange) -> str:
    """A change in a line."""
    row = change_row(session, change)
    decided = f", {row['status']} by {row['decided_by']}" if row["decided_by"] else ", not signed yet"
    rows = sum(sum(counts.values()) for counts in row["counts"].values())
    return f"{row['name']}, {rows} rows, from {row['effective_date']}, by {row['author']}{decided}"
