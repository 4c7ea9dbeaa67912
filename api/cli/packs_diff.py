"""``wangge diff``: what changes for clerks from one pack or city to another."""

from __future__ import annotations

import click
import orjson

from api.cli.context import now
from engine.packs.comparing import compare


@click.command("diff")
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--language", help="zh or en; the language of city B when not given.")
@click.option("--all", "show_all", is_flag=True, help="List every change, however many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, in both languages.")
def diff_command(old: str, new: str, language: str | None, show_all: bool, as_json: bool) -> None:
    """What changes for clerks from A to B: steps, roles, limits, forms, decisions, classes, working time, settings.

    Each is a pack file, a city's folder or a shipped city's id. What their layers give together is compared, with the
    core and plugins installed here. Exit code 0, whether anything changes or not.
    """
    told = compare(old, new, now().date())
    if as_json:
        click.echo(orjson.dumps(told.to_json(), option=orjson.OPT_INDENT_2).decode())
        return
    for line in told.lines(language or told.language, most=None if show_all else 40):
        click.secho(line, bold=bool(line) and not line.startswith(" "))
