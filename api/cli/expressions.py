"""``wangge expressions``: what an expression may name, and whether one is well written."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import click

from api.cli.context import city_option, find_city_folder
from api.cli.showing import print_json
from engine.workflow.expression_completion import KINDS, completion, inspect_text
from engine.workflow.language import city_functions

TITLES = {
    "facts": ("案件的信息", "Facts of a case"), "operators": ("运算", "Operators"), "examples": ("例", "for example"),
    "reads": ("读取：", "reads "), "nothing": ("不读取任何变量", "reads no variable"),
}  # fmt: skip


@click.command("expressions")
@city_option
@click.option("--language", help="zh or en; the city's own when not given.")
@click.option("--check", "text", help="Only read this text and say what it reads, or what is wrong with it and where.")
@click.option("--kind", type=click.Choice(KINDS), default="condition", show_default=True, help="What the text is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def expressions_command(city_name: str, language: str | None, text: str | None, kind: str, as_json: bool) -> None:
    """What an expression may name: functions, facts of a case, operators (docs/reference/expressions.md)."""
    city = find_city_folder(city_name)
    functions, spoken = city_functions(city), language or city.language
    if text is not None:
        told = inspect_text(text, kind, functions)
        print_json(told) if as_json else print_inspection(told, spoken)
        if not told["valid"]:
            raise SystemExit(1)
        return
    known = completion(functions)
    print_json(known) if as_json else print_known(known, spoken)


def print_known(known: dict[str, Any], language: str) -> None:
    """Everything that can be named, in one language."""
    said = "zh" if language == "zh" else "en"
    for group, entries in groupby(known["functions"], key=lambda each: each["group"]):
        click.secho(group, bold=True)
        for each in entries:
            click.echo(f"  {each['usage']}\n      {each[said]}")
            for example in each["examples"]:
                click.echo(f"      {_title('examples', said)} {example['call']} → {example['gives']}")
    for part in ("facts", "operators"):
        click.secho(_title(part, said), bold=True)
        for each in known[part]:
            name = f"case.{each['name']}: {each['type']}" if part == "facts" else each["name"]
            click.echo(f"  {name}  {each[said]}")


def print_inspection(told: dict[str, Any], language: str) -> None:
    """What a text reads, or its fault with a caret under the character."""
    said = "zh" if language == "zh" else "en"
    if told["valid"]:
        reads = ", ".join(told["reads"])
        click.echo(_title("reads", said) + reads if reads else _title("nothing", said))
        return
    fault = told["error"]
    click.echo(f"{fault['excerpt']}\n{fault['message']}\n→ {fault['remedy']}")


def _title(key: str, said: str) -> str:
    return TITLES[key][0 if said == "zh" else 1]
