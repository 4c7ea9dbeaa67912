"""``city.toml``: every key known, of its type, and usable."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.cases.evidence_rules import rule_faults
from engine.checks.finding import Finding, Source, suggest
from engine.city import REQUIRED
from engine.errors import CityBroken
from engine.hooks.settings import setting_faults

FILE = "city.toml"
EXAMPLE = "docs/reference/city-pack.md shows an example"
KEYS: Mapping[str, Mapping[str, type]] = {
    "city": {
        "id": str, "name": str, "name_en": str, "languages": list, "time_zone": str, "division_code": str,
        "case_number": str, "unit_grid_code": str,
    },
    "working_time": {"hours": list, "weekdays": list, "day_rule": str, "calendars": dict},
    "holidays": {
        "country": str, "subdivision": str, "observed": bool, "categories": list, "file": str, "left_out": list,
    },
    "catalogue": {"inherit": bool},
    "lifecycle": {"process": str},
    "plugins": {"enabled": list},
    "pack": {"version": str, "wangge": str},
}  # fmt: skip
WORDS = {str: "a text in quotes", list: "a list in […]", bool: "true or false", dict: "a table"}


def read_toml(root: Path) -> tuple[dict[str, Any], list[Finding]]:
    """The parsed file, empty when it cannot be read, and why."""
    try:
        return tomllib.loads((root / FILE).read_text(encoding="utf-8")), []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        line = re.search(r"at line (\d+)", str(error))
        remedy = "correct the line; the file must be TOML in UTF-8"
        return {}, [Source(FILE).error("file", f"cannot be read: {error}", remedy, int(line[1]) if line else None)]


def check_city_file(toml: Mapping[str, Any], plugins: Mapping[str, Path]) -> Iterator[Finding]:
    """Every fault of a parsed city.toml except what the calendars check."""
    source = Source(FILE)
    for table, values in toml.items():
        if table == "settings":
            yield from _check_settings(toml, plugins, source)
        elif table not in KEYS:
            yield source.error(table, f"there is no table [{table}]", suggest(table, KEYS, EXAMPLE))
        elif not isinstance(values, dict):
            yield source.error(table, f"{table} is no table", f"write [{table}] and its keys below it")
        else:
            yield from _check_keys(table, values, source)
    for table, keys in REQUIRED.items():
        values = toml.get(table)
        for key in keys:
            if not isinstance(values, dict) or key not in values:
                yield source.error(f"{table}.{key}", f"[{table}] has no {key}", f"add it; {EXAMPLE}")
    city = toml.get("city")
    if isinstance(city, dict):
        yield from _check_city(city, source)
    yield from _check_plugins(toml, plugins, source)


def _check_keys(table: str, values: Mapping[str, Any], source: Source) -> Iterator[Finding]:
    known = KEYS[table]
    for key, value in values.items():
        if key not in known:
            remedy = suggest(key, known, f"it has {', '.join(known)}")
            yield source.error(f"{table}.{key}", f"[{table}] does not know {key}", remedy)
        elif not isinstance(value, known[key]):
            yield source.error(f"{table}.{key}", f"{key} is {value!r}", f"write {WORDS[known[key]]}")


def _check_city(city: Mapping[str, Any], source: Source) -> Iterator[Finding]:
    languages = city.get("languages")
    if isinstance(languages, list):
        if not languages or not all(isinstance(each, str) and re.fullmatch(r"[a-z]{2,3}", each) for each in languages):
            remedy = 'name at least one, such as ["zh", "en"]; the first is the default'
            yield source.error("city.languages", f"languages {languages!r} name no languages", remedy)
        elif len(set(languages)) < len(languages):
            yield source.error("city.languages", f"languages {languages!r} repeat themselves", "name each once")
    zone = city.get("time_zone")
    if isinstance(zone, str) and not is_zone(zone):
        remedy = "use an IANA name such as Asia/Shanghai"
        yield source.error("city.time_zone", f"time zone {zone!r} is unknown", remedy)
    city_id = city.get("id")
    if isinstance(city_id, str) and not re.fullmatch(r"[a-z][a-z0-9_]*", city_id):
        remedy = "use small letters, digits and _, beginning with a letter"
        yield source.error("city.id", f"the id {city_id!r} is no word", remedy)
    pattern = city.get("unit_grid_code")
    if isinstance(pattern, str):
        try:
            re.compile(pattern)
        except re.error as error:
            message = f"the pattern {pattern!r} cannot be read: {error}"
            yield source.error("city.unit_grid_code", message, r"write a regular expression such as ^99\d{13}$")
    if isinstance(city.get("case_number"), str):
        yield from _check_case_number(city["case_number"], source)


def _check_case_number(pattern: str, source: Source) -> Iterator[Finding]:
    remedy = "use {year}, {month:02}, {day:02} and {serial:05}"
    try:
        first, second, tomorrow = (
            pattern.format(year=2026, month=1, day=day, serial=serial) for day, serial in ((2, 1), (2, 2), (3, 1))
        )
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        yield source.error("city.case_number", f"{pattern!r} cannot be filled in: {error}", remedy)
        return
    if first in (second, tomorrow):
        message = f"{pattern!r} gives two cases one number, the serial restarts every day"
        yield source.error("city.case_number", message, remedy)


def _check_settings(toml: Mapping[str, Any], plugins: Mapping[str, Path], source: Source) -> Iterator[Finding]:
    settings, enabled = toml["settings"], enabled_plugins(toml)
    if not isinstance(settings, dict):
        yield source.error("settings", "settings is no table", "write [settings.<plugin>] and its keys below it")
        return
    for name, values in settings.items():
        if not isinstance(values, dict):
            yield source.error(f"settings.{name}", f"{name} is no table", f"write [settings.{name}]")
        elif name == "evidence":
            for fault in rule_faults(values):
                message, _, remedy = fault.partition("; ")
                yield source.error("settings.evidence", message, remedy)
        elif name in enabled and name in plugins:
            yield from _check_plugin_settings(name, plugins[name], values, source)
        elif name not in enabled:
            remedy = "enable the plugin or delete the table"
            yield source.warning(f"settings.{name}", f"the plugin {name} is not enabled, so nobody reads this", remedy)


def _check_plugin_settings(name: str, root: Path, values: Mapping[str, Any], source: Source) -> Iterator[Finding]:
    try:
        faults = setting_faults(root, values)
    except CityBroken as error:  # the plugin's own declaration
        faults = error.message.splitlines()
    for fault in faults:
        message, _, remedy = fault.partition("; ")
        yield source.error(f"settings.{name}", message, remedy)


def _check_plugins(toml: Mapping[str, Any], plugins: Mapping[str, Path], source: Source) -> Iterator[Finding]:
    for name in enabled_plugins(toml):
        if name not in plugins:
            installed = ", ".join(sorted(plugins)) or "none"
            remedy = suggest(str(name), plugins, f"install it or take it off the list (installed: {installed})")
            yield source.error("plugins.enabled", f"the plugin {name!r} is not installed", remedy)


def enabled_plugins(toml: Mapping[str, Any]) -> list[str]:
    """The plugins the file enables."""
    plugins = toml.get("plugins")
    enabled = plugins.get("enabled", []) if isinstance(plugins, dict) else []
    return [str(name) for name in enabled] if isinstance(enabled, list) else []


def is_zone(name: str) -> bool:
    """Whether a time zone of that name exists."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
