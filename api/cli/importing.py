"""``wangge import``: grids, components, catalogues and cases; each row is taken, or refused with its reason."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from api.cli.context import city_option, database_option, now, open_city, progress_bar
from engine.cases.import_profile import ImportProfile, load_profile, open_rows
from engine.cases.importing import ImportReport, import_cases
from engine.city import City
from engine.components.rules import load_rules
from engine.loading.addresses import import_addresses
from engine.loading.encodings import encoding_of
from engine.loading.single_files import FileReport, import_catalogue, import_grids
from engine.loading.survey_package import open_any
from engine.loading.surveys import import_survey
from engine.loading.tables import Rejection
from engine.platform import build_platform

SHOWN = 20
"""Refused rows printed; all of them go into the file of ``--report``."""


def import_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """FILE, ``--city``, ``--database``, ``--dry-run`` and ``--report``."""
    command = click.option(
        "--report",
        "report_file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write every refused row as CSV.",
    )(command)
    command = click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")(command)
    file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    return file(city_option(database_option(command)))


@click.group("import")
def import_command() -> None:
    """Bring files into a city's database. Good rows are taken together or, when anything fails, not at all."""


@import_command.command("grids")
@import_options
def grids(file: Path, city_name: str, database_url: str | None, dry_run: bool, report_file: Path | None) -> None:
    """Unit grids (GeoJSON, WGS-84)."""
    with open_city(city_name, database_url) as (city, _, session), progress_bar("grids") as progress:
        report = import_grids(session, city, file, now(), progress=progress, dry_run=dry_run)
    show_rows(report, dry_run, report_file)


@import_command.command("components")
@import_options
def components(file: Path, city_name: str, database_url: str | None, dry_run: bool, report_file: Path | None) -> None:
    """A survey of components (CSV or GeoPackage; columns of ground/components.csv, photo, attributes).

    Batches stay: give the same command again after it was cut off, and it goes on.
    """
    with open_city(city_name, database_url) as (city, _engine, session), refusals(report_file) as refuse:
        rules = load_rules(session, city)
        length = open_any(file, rules.fields).rows
        with progress_bar("components", length) as progress:
            report = import_survey(session, file, rules, now, progress=progress, refuse=refuse, dry_run=dry_run)
    if report.note:
        click.echo(report.note)
    if report.resumed_at:
        click.echo(f"went on after row {report.resumed_at}, where this survey was cut off")
    click.echo(
        f"{report.read} rows read, {report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.refused} refused{'; dry run, nothing written' if dry_run else ''}"
    )
    if report.claims:
        click.echo(f"{report.claims} rows name another owner than the register; they wait as ownership claims")
    show_first(
        [(item.line, item.source, item.reason, item.remedy) for item in report.rejected[:SHOWN]],
        report.refused,
        report_file,
    )


@import_command.command("addresses")
@import_options
def addresses(file: Path, city_name: str, database_url: str | None, dry_run: bool, report_file: Path | None) -> None:
    """Addresses, place names and points of interest (CSV, UTF-8 or GB18030; columns of ground/addresses.csv)."""
    with open_city(city_name, database_url) as (_, _engine, session), progress_bar("addresses") as progress:
        report = import_addresses(session, file, progress=every(500, progress), dry_run=dry_run)
    show_rows(report, dry_run, report_file)


@import_command.command("catalogue")
@import_options
@click.option("--name", help="The new version's name. Default: the file's name.")
@click.option("--valid-from", type=click.DateTime(["%Y-%m-%d"]), help="Its first day. Default: today.")
def catalogue(
    file: Path, city_name: str, database_url: str | None, dry_run: bool, report_file: Path | None, name: str | None,
    valid_from: datetime | None,
) -> None:  # fmt: skip
    """Classes or filing conditions (CSV with the columns of catalogue/classes.csv or conditions.csv)."""
    with open_city(city_name, database_url) as (city, _, session), progress_bar("catalogue") as progress:
        moment = now()
        day = valid_from.date() if valid_from else moment.astimezone(city.time_zone).date()
        report = import_catalogue(
            session, file, moment, name=name or file.stem, valid_from=day, progress=progress, dry_run=dry_run
        )
    show_rows(report, dry_run, report_file)


@import_command.command("cases")
@import_options
@click.option("--profile", "profile_name", help="A profile of the city's imports/. Default: the only one there.")
def cases(
    file: Path, city_name: str, database_url: str | None, dry_run: bool, report_file: Path | None,
    profile_name: str | None,
) -> None:  # fmt: skip
    """Cases of another system, by an import profile (docs/how-to/import-cases.md)."""
    with open_city(city_name, database_url) as (city, _, session):
        profile = find_profile(city, profile_name)
        platform, encoding = build_platform(session, city), encoding_of(file)
        if encoding.note:
            click.echo(encoding.note)
        with progress_bar("rows") as progress:
            rows = profile.read_all(open_rows(file, encoding.name))
            report = import_cases(session, platform, rows, now(), progress=every(500, progress), dry_run=dry_run)
    show_cases(report, dry_run)
    show_refused(
        [(item.line, item.column, item.reason, item.remedy) for item in report.rejected],
        ("line", "column", "reason", "remedy"), report_file,
    )  # fmt: skip


def find_profile(city: City, name: str | None) -> ImportProfile:
    """The named profile of the city, or its only one."""
    found = sorted((city.root / "imports").glob("*.toml"))
    if name is not None:
        found = [path for path in found if path.stem == name]
    if len(found) != 1:
        known = ", ".join(path.stem for path in sorted((city.root / "imports").glob("*.toml"))) or "none"
        raise click.ClickException(f"{city.id} has these import profiles: {known}; name one with --profile")
    return load_profile(found[0])


def every(step: int, progress: Callable[[int], None]) -> Callable[[int], None]:
    """Tell the bar only now and then: drawing it costs more than reading a row."""
    gathered = 0

    def advance(done: int) -> None:
        nonlocal gathered
        gathered += done
        if gathered >= step:
            progress(gathered)
            gathered = 0

    return advance


# What is printed --------------------------------------------------------------------------------------------


def show_rows(report: FileReport, dry_run: bool, report_file: Path | None) -> None:
    """What became of a file's rows."""
    if report.note:
        click.echo(report.note)
    click.echo(
        f"{report.read} rows read, {report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{len(report.rejected)} refused{'; dry run, nothing written' if dry_run else ''}"
    )
    show_refused(
        [(item.line, item.source, item.reason, item.remedy) for item in report.rejected],
        ("line", "file", "reason", "remedy"), report_file,
    )  # fmt: skip


def show_refused(rejected: list[tuple[int, str, str, str]], header: Iterable[str], report_file: Path | None) -> None:
    """The first refused rows, and all of them in the report file."""
    show_first(rejected[:SHOWN], len(rejected), report_file)
    if report_file is not None:
        with report_file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(header)
            writer.writerows(rejected)


def show_first(rejected: list[tuple[int, str, str, str]], count: int, report_file: Path | None) -> None:
    """The first of ``count`` refused rows, and where the others are."""
    for line, where, reason, remedy in rejected:
        click.echo(f"  line {line}, {where}: {reason}; {remedy}")
    if count > len(rejected):
        rest = f"all of them are in {report_file}" if report_file else "--report FILE lists all of them"
        click.echo(f"  … and {count - len(rejected)} more; {rest}")


@contextmanager
def refusals(report_file: Path | None) -> Iterator[Callable[[Rejection], None]]:
    """Takes refused rows one by one into the report file, so that no number of them fills the memory."""
    if report_file is None:
        yield lambda item: None
        return
    with report_file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(("line", "file", "reason", "remedy"))
        yield lambda item: writer.writerow((item.line, item.source, item.reason, item.remedy))


def show_cases(report: ImportReport, dry_run: bool) -> None:
    """Rows, verdicts and due moments of an import of cases."""
    click.echo(
        f"{report.read} rows read, {report.taken} taken, {report.changed} changed, {report.unchanged} unchanged,"
        f" {len(report.rejected)} refused{'; dry run, nothing written' if dry_run else ''}"
    )
    click.echo(f"{report.merged} duplicates found their original; {report.outside} cases lie outside every grid")
    if report.handled_here:
        click.echo(f"{report.handled_here} cases of these ids are handled here and were left alone")
    verdicts = report.verdicts
    click.echo(
        f"on time by the dates against the file: {verdicts.equal} of {verdicts.stated} equal,"
        f" {verdicts.different.total()} different, {verdicts.blank} blank"
    )
    for reason, count in verdicts.different.most_common():
        click.echo(f"  different: {count} {reason}")
    if report.due_moments:
        click.echo("due moments the city's clock reproduces within 60 s, by type:")
    for entry in report.due_moments:
        off = ", ".join(f"{count} × {_hours(hours)}" for hours, count in entry.off_by.most_common(3))
        bare = f"{entry.without_limit} without a limit here" if entry.without_limit else ""
        rest = "; ".join(part for part in (f"off: {off}" if off else "", bare) if part)
        click.echo(
            f"  {entry.share:7.2%} of {entry.stated:5} {entry.kind} {entry.full_code} {entry.name}  {rest}".rstrip()
        )
    stated, met = (sum(getattr(entry, name) for entry in report.due_moments) for name in ("stated", "met"))
    if stated:
        click.echo(f"  {met / stated:7.2%} of {stated} in all")


def _hours(hours: int) -> str:
    return "less than 30 min" if hours == 0 else f"{hours:+} h"
