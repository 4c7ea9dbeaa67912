"""``wangge replay``: live a sample of another system's cases again, in a database of its own, and compare the ends."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import click

from api.cli.context import city_option, find_city_folder, now, progress_bar
from api.cli.importing import find_profile
from engine.cases.import_profile import ImportedCase, RowRejected, open_rows
from engine.city import City
from engine.database import open_database, session_factory
from engine.loading.city import load_city_folder
from engine.loading.encodings import encoding_of
from engine.migrations import upgrade_database
from engine.platform import build_platform
from engine.simulation.replaying import ReplayReport, replay_cases


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@city_option
@click.option("--profile", "profile_name", help="A profile of the city's imports/. Default: the only one there.")
@click.option("--sample", default=2000, show_default=True, type=click.IntRange(min=1), help="Rows drawn.")
@click.option("--seed", default=1, show_default=True, help="The same seed draws the same rows.")
def replay_command(file: Path, city_name: str, profile_name: str | None, sample: int, seed: int) -> None:
    """Replay cases through the whole lifecycle. Ends with 1 when one does not end as the file says."""
    city = find_city_folder(city_name)
    rows = list(find_profile(city, profile_name).read_all(open_rows(file, encoding_of(file).name)))
    refused = [row for row in rows if isinstance(row, RowRejected)]
    drawn = draw(rows, sample, seed)
    report = replay_apart(city, drawn, seed)
    click.echo(f"{len(rows)} rows read, {len(refused)} refused, {report.replayed} replayed")
    click.echo(f"  {report.completed} tasks done, {report.fired} timers fired")
    click.echo("  outcomes: " + ", ".join(f"{name} {count}" for name, count in sorted(report.ended.items())))
    click.echo(
        f"  on time alike by the city's clock and the file's dates: {report.on_time_alike} of {report.on_time_compared}"
    )
    click.echo(f"  {len(report.mismatches)} did not end as the file says")
    for item in report.mismatches:
        click.echo(f"  line {item.line}, {item.external_id}: expected {item.expected}; found {item.found}")
    if report.mismatches:
        raise SystemExit(1)


def draw(rows: list[ImportedCase | RowRejected], sample: int, seed: int) -> list[ImportedCase]:
    """So many rows, the same ones for the same seed."""
    usable = [row for row in rows if isinstance(row, ImportedCase)]
    return Random(seed).sample(usable, min(sample, len(usable)))


def replay_apart(city: City, cases: list[ImportedCase], seed: int) -> ReplayReport:
    """Replay in a database that is thrown away: a city's own cases are not touched."""
    with tempfile.TemporaryDirectory(prefix="wangge-replay-") as folder:
        engine = open_database(f"sqlite:///{folder}/replay.sqlite", synchronous="OFF")
        try:
            upgrade_database(engine, city.enabled_roots)
            with session_factory(engine)() as session:
                load_city_folder(session, city, now())
                platform = build_platform(session, city)
                with progress_bar("replaying", len(cases)) as progress:
                    return replay_cases(session, platform, cases, seed=seed, progress=progress)
        finally:
            engine.dispose()
