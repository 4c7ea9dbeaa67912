"""``wangge where``: which layer a file or a row comes from, and how a city overrides it."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from api.cli.context import city_option, find_city_folder
from engine.layers import Found
from engine.packs.pieces import Piece
from engine.packs.readers import readers_of
from engine.packs.where import Whereabouts, copy_to_city, find_where, plain

MARKS = {"wins": "●", "merged": "●", "adds": "+", "added to": "●"}
SHOWN = 6


@click.command("where")
@click.argument("file")
@click.argument("key", nargs=-1)
@city_option
@click.option("--copy", "to_copy", is_flag=True, help="Copy it into the city's folder, to be changed there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def where_command(file: str, key: tuple[str, ...], city_name: str, to_copy: bool, as_json: bool) -> None:
    """Which layer won a file, and why: core, a plugin or the city. FILE is its path inside a layer.

    For files that merge, KEY names a row: 'wangge where roles.csv dispatcher', 'wangge where catalogue/conditions.csv
    event/0110/1'. Exit code 1 when nobody reads such a file or no layer has it.
    """
    city = find_city_folder(city_name)
    about = find_where(city, file, key)
    last = about.steps[-1]
    layer = next(each for each in city.layers.layers if each.name == last.layer)
    readers = readers_of(city, Found(about.logical, last.path, layer), about.kind)
    if as_json:
        told = {**about.to_json(), "readers": readers}
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str).decode())
    else:
        _show(about, readers)
    if to_copy:
        click.echo(f"copied to {copy_to_city(about)}")
    if readers == []:
        raise SystemExit(1)


def _show(about: Whereabouts, readers: list[str] | None) -> None:
    click.secho(f"{about.logical}{f'  {about.key}' if about.key else ''}  ({about.kind.en})", bold=True)
    for step in reversed(about.steps):
        click.echo(f"  {MARKS.get(step.what, '○')} {step.layer:<18} {step.what:<10} {_short(step.path)}")
        if step.piece is not None:
            click.echo(f"      {_row(step.piece)}")
    if about.piece is not None and len(about.steps) > 1:
        click.echo(f"in force: {_row(about.piece)}")
    click.echo(f"why: {about.why}")
    for note in about.notes:
        click.echo(f"note: {note}")
    if readers == []:
        click.echo("nobody reads it: no diagram, matter or class names it; name it there, or delete it")
    elif readers:
        more = f" and {len(readers) - SHOWN} more" if len(readers) > SHOWN else ""
        click.echo(f"read by: {'; '.join(readers[:SHOWN])}{more}")
    click.echo(f"to override: {about.suggestion}")


def _row(piece: Piece) -> str:
    values = plain(piece) or {}
    return "  ".join(f"{name}={value}" for name, value in values.items() if value not in ("", None))


def _short(path: Path) -> str:
    """A path from where the command was called, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
