"""``wangge scorecards``: how indicators are weighed into scores, and by whose file."""

from __future__ import annotations

import click

from api.cli.context import city_option, find_city_folder
from engine.hooks.scorecards import load_scorecards


@click.command("scorecards")
@city_option
def scorecards_command(city_name: str) -> None:
    """Every scorecard of the city: its parts, what each counts, which layer it comes from."""
    city = find_city_folder(city_name)
    cards = load_scorecards(city.layers)
    if not cards:
        click.echo("there are no scorecards; a file in scorecards/ declares one")
    for card in cards.values():
        click.echo(f"{card.name}  {card.called(city.language)}  ({card.layer})")
        for part in card.parts:
            less = "  less is better" if part.lower_is_better else ""
            click.echo(f"  {card.share(part):5.1f} %  {part.indicator}{less}")
