"""``patrol.toml`` and ``organisation/duty.csv``: numbers, shifts, teams, and who patrols which grid in which team."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from engine.checks.finding import Finding, Source, split_remedy, suggest
from engine.checks.material import Material
from engine.city import City
from engine.errors import CityBroken
from engine.intake.channels import load_channels
from engine.patrol.roster import DUTY_FILE, Duty, read_duties
from engine.patrol.rules import FILE, PatrolRules, load_patrol_rules


def check_patrol(material: Material) -> Iterator[Finding]:
    """Every fault of the two files; people and grids are those of the city's other files."""
    city = material.city
    rules_file, duty_file = (Source(name, f"city {city.id}") for name in (FILE, DUTY_FILE))
    try:
        channels = load_channels(city)
    except CityBroken:  # told by another check
        return
    try:
        rules = load_patrol_rules(city)
    except CityBroken as error:
        for fault in error.message.split("; "):
            message, _, remedy = fault.rpartition(", ")
            yield rules_file.error("rules", message or fault, remedy or "correct the file")
        return
    for source in sorted(set(rules.missed.sources) - set(channels)):
        remedy = suggest(source, channels, f"use one of {', '.join(channels)}")
        yield rules_file.error("missed.sources", f"there is no source {source!r}", remedy)
    try:
        duties = read_duties(city)
    except CityBroken as error:
        message, remedy = split_remedy(error.message, "correct the file")
        yield duty_file.error("file", message, remedy)
        return
    if duties:
        yield from _check_duties(city, rules, duties, duty_file)


def _check_duties(city: City, rules: PatrolRules, duties: list[Duty], source: Source) -> Iterator[Finding]:
    posts = {row["code"]: row["role"] for row in _rows(city, "organisation/posts.csv")}
    able = {row["login"] for row in _rows(city, "organisation/people.csv") if posts.get(row["post"]) == "collector"}
    grids = _grids(city)
    seen: dict[tuple[str, str], int] = {}
    for duty in duties:
        if duty.login not in able:
            remedy = suggest(duty.login, able, "give the person a post with the role collector")
            yield source.error(duty.login, "the login is no collector's", remedy, duty.line)
        if grids and duty.duty_grid not in grids:
            remedy = suggest(duty.duty_grid, grids, "add it to ground/duty_grids.geojson")
            yield source.error(duty.login, f"duty grid {duty.duty_grid!r} does not exist", remedy, duty.line)
        if duty.team not in rules.teams:
            remedy = suggest(duty.team, rules.teams, "declare [teams] in patrol.toml")
            yield source.error(duty.login, f"team {duty.team!r} does not exist", remedy, duty.line)
        first = seen.setdefault((duty.login, duty.team), duty.line)
        if first != duty.line and duty.since is None:
            message = f"the person works in team {duty.team} in line {first} already and would be in two places"
            yield source.error(duty.login, message, "delete one row, or give both from and until", duty.line)


def _rows(city: City, name: str) -> list[dict[str, str]]:
    """Rows of a file; what cannot be read is another check's finding."""
    try:
        with (city.root / name).open(encoding="utf-8-sig", newline="") as file:
            return [
                row for row in csv.DictReader(file) if {"login", "post"} <= row.keys() or {"code", "role"} <= row.keys()
            ]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _grids(city: City) -> set[str]:
    try:
        found = json.loads((city.root / "ground/duty_grids.geojson").read_text(encoding="utf-8"))
        return {str(each["properties"]["code"]) for each in found["features"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
