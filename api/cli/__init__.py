"""The command line: ``wangge``. Each module here adds its commands to the group."""

from __future__ import annotations

import re
from importlib import import_module

import click
from sqlalchemy.exc import DatabaseError

from engine.errors import DomainError

COMMANDS = {
    "init": "setup",
    "db": "setup",
    "serve": "serving",
    "demo": "demo",
    "check": "checking",
    "expressions": "expressions",
    "import": "importing",
    "components": "components",
    "addresses": "addresses",
    "manual": "manual",
    "ground": "ground",
    "simulate": "simulating",
    "replay": "replaying",
    "process": "showing",
    "case": "showing",
    "incident": "mending",
    "evidence": "evidence",
    "sensors": "sensors",
    "intake": "intake",
    "plugin": "plugins",
    "register": "registers",
    "document": "documents",
    "scorecards": "scorecards",
    "where": "where",
    "pack": "packs",
    "diff": "packs_diff",
}

NO_TABLE = re.compile(r"no such table|relation .* does not exist")


class _Lazy(click.Group):
    """Imports a command's module when it is called, so that ``wangge --help`` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"api.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(error.message) from error
        except DatabaseError as error:
            if not NO_TABLE.search(str(error.orig)):
                raise
            raise click.ClickException("the database has no city in it yet; run 'wangge init' first") from error


@click.group(cls=_Lazy)
@click.version_option(package_name="wangge")
def main() -> None:
    """Wangge (网格): a city's digital urban management."""
