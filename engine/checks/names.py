"""Names that declarations give themselves: registers, matters, documents, settings, permissions, roles."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.errors import CityBroken
from engine.hooks.settings import FILE as SETTINGS
from engine.hooks.settings import declared_settings
from engine.layers import Found

FOLDERS = ("registers", "matters", "documents", "scorecards")
WRITTEN = {"zh": "zh", "en": "en"}
"""Languages declarations have names in, and the key each stands under."""
CHINESE = re.compile(r"[㐀-鿿]")
Named = tuple[str, Mapping[str, Any]]


def check_names(material: Material) -> Iterator[Finding]:
    """Names that are missing in a language of the city; English ones that are Chinese still; languages nobody wrote."""
    for found, element, names in _declared(material):
        source = Source.of(found)
        for language in material.city.languages:
            yield from _name(source, element, names, language)
    yield from _permissions(material)
    yield from _roles(material)
    others = [each for each in material.city.languages if each not in WRITTEN]
    for language in others:
        message = f"registers, matters, documents, settings and permissions have no names in {language!r}"
        remedy = "they have Chinese and English ones, English is shown; take the language off, or accept it"
        yield Source("city.toml").warning("city.languages", message, remedy)


def _name(source: Source, element: str, names: Mapping[str, Any], language: str) -> Iterator[Finding]:
    key = WRITTEN.get(language, "")
    for one in (key, f"note{'_en' if key == 'en' else ''}"):
        needed = one == key or names.get("note") or names.get("note_en")
        text = names.get(one)
        if not key or not needed or (text is not None and not isinstance(text, str)):
            continue
        if not (text or "").strip():
            yield source.warning(element, f"{one} is missing, the city speaks {language!r}", f'add {one} = "…"')
        elif key == "en" and CHINESE.search(str(text)):
            yield source.warning(element, f"{one} is Chinese: {text!r}", "translate it into English")


def _declared(material: Material) -> Iterator[tuple[Found, str, Mapping[str, Any]]]:
    """Every table with names, of every declaration that can be read; what cannot be is another check's finding."""
    layers = material.city.layers
    for folder in FOLDERS:
        for found in layers.listing(folder, ".toml"):
            for element, names in _tables(found):
                yield found, element, names
    for layer in layers.layers[1:-1]:
        found = Found(SETTINGS, layer.path(SETTINGS), layer)
        try:
            declared = declared_settings(layer.root)
        except CityBroken:
            continue
        for name, setting in declared.items():
            yield found, name, {"zh": setting.zh, "en": setting.en}


def _tables(found: Found) -> Iterator[Named]:
    try:
        toml = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    for table in ("register", "matter", "document", "scorecard"):
        if isinstance(toml.get(table), dict):
            yield table, toml[table]
    columns = toml.get("columns", {})
    for name, column in columns.items() if isinstance(columns, dict) else ():
        if isinstance(column, dict):
            yield name, column
            choices = column.get("choices", ())
            yield from ((f"{name}.{each.get('value')}", each) for each in choices if isinstance(each, dict))


def _permissions(material: Material) -> Iterator[Finding]:
    for plugin, given in material.registry.plugins.items():
        for permission in given.permissions:
            source = Source("plugin.py", f"plugin {plugin}")
            for language in material.city.languages:
                yield from _name(source, permission.name, {"zh": permission.zh, "en": permission.en}, language)


def _roles(material: Material) -> Iterator[Finding]:
    source = material.sources.get("roles.csv", Source("roles.csv"))
    for role in material.roles.values():
        for language, name, column in (("zh", role.name, "name"), ("en", role.name_en, "name_en")):
            if language not in material.city.languages:
                continue
            if not name:
                message = f"{column} is missing, the city speaks {language!r}"
                yield source.warning(role.role, message, "write the role's name in roles.csv")
            elif language == "en" and CHINESE.search(name):
                yield source.warning(role.role, f"{column} is Chinese: {name!r}", "translate it into English")
