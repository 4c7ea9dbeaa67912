"""Scorecards: what they weigh exists and is a share."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.hooks.measuring import SHARE
from engine.hooks.scorecards import FOLDER, SUFFIX, ScorecardBroken, read_scorecard


def check_scorecards(material: Material) -> Iterator[Finding]:
    """Every fault of every scorecard; indicators nobody supplies, and figures that are no shares."""
    units = {
        f"{plugin}.{each.id}": each.unit
        for plugin, given in material.registry.plugins.items()
        for each in given.indicators
    }
    for found in material.city.layers.listing(FOLDER, SUFFIX):
        source = Source.of(found)
        try:
            card = read_scorecard(found)
        except ScorecardBroken as error:
            for fault in error.faults:
                yield source.error(fault.element, fault.message, fault.remedy)
            continue
        for part in card.parts:
            if part.indicator not in units:
                remedy = suggest(part.indicator, units, "name an indicator of an enabled plugin, <plugin>.<indicator>")
                yield source.error(part.indicator, f"there is no indicator {part.indicator}", remedy)
            elif units[part.indicator] != SHARE:
                message = f"{part.indicator} is counted in {units[part.indicator] or 'numbers'}, not in per cent"
                yield source.error(part.indicator, message, "weigh shares only")
