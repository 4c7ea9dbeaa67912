"""``wangge case explain``: why a case is where it is, in plain words."""

from __future__ import annotations

from dataclasses import asdict

import click
import orjson
from sqlalchemy import inspect, select

from api.cli.context import city_option, database_option, now, open_city
from engine.errors import NotFound
from engine.explain import explain_case
from engine.models import Case
from engine.platform import build_platform


@click.command("explain")
@click.argument("number")
@city_option
@database_option
@click.option("--language", help="zh or en; the city's own when not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain_command(number: str, city_name: str, database_url: str | None, language: str | None, as_json: bool) -> None:
    """Why a case is here, who can move it and by when, what comes next, and what happens when the clock runs out."""
    with open_city(city_name, database_url) as (city, engine, session):
        if not inspect(engine).has_table(Case.__tablename__):
            raise NotFound(f"{engine.url.render_as_string()} holds no city yet; run 'wangge init' first")
        case = session.scalar(select(Case).where(Case.number == number))
        if case is None:
            raise NotFound(f"there is no case {number}; check the number")
        told = explain_case(session, build_platform(session, city), case, language or city.language, now=now())
    if as_json:
        click.echo(orjson.dumps(asdict(told), default=str, option=orjson.OPT_INDENT_2).decode())
        return
    for line in told.sentences:
        click.secho(line, bold=not line.startswith(" "))
