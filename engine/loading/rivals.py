"""Plugins only add: what two of them supply under one name or key, and what of the core one would replace.

Files are told apart by their path, rows of the files that merge by key by that key. A city alone may replace, so the
order of plugins never decides anything.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.errors import CityBroken
from engine.layers import DIAGRAMS, Found, Layer, Layers

WHOLE_FILES = (
    (DIAGRAMS, ".bpmn"), ("decisions", ".dmn"), ("forms", ".json"), ("scenarios", ".scenarios.toml"),
    ("registers", ".toml"), ("matters", ".toml"), ("documents", ".toml"), ("documents", ".docx"),
    ("templates", ".docx"), ("scorecards", ".toml"),
)  # fmt: skip
"""Folders whose files win or lose as a whole."""
KEYS: Mapping[str, tuple[str, ...]] = {
    "catalogue/classes.csv": ("kind", "full_code"),
    "catalogue/conditions.csv": ("kind", "full_code", "condition_no"),
    "catalogue/departments.csv": ("dept_code",),
    "channels.csv": ("channel",),
    "no_report.csv": ("code",),
    "intake_texts.csv": ("kind", "code", "use"),
    "duplicates.csv": ("kind", "code"),
    "confusable_classes.csv": ("group", "kind", "code"),
    "recurring.csv": ("kind", "code"),
    "component_states.csv": ("state",),
    "component_attributes.csv": ("full_code", "field"),
    "roles.csv": ("role",),
    "overdue.csv": ("task", "after"),
}
"""Tables that merge by key, and the columns of the key."""
TEXTS = "translations"
TABLES: Mapping[str, int] = {"patrol.toml": 2, "ground_layers.toml": 1}
"""TOML files that merge by key, and how many levels of tables the key has."""


@dataclass(frozen=True)
class Rival:
    """Something of a plugin that another layer below the city has too. ``key`` is empty for a whole file."""

    logical: str
    layer: Layer
    other: Layer
    key: str = ""

    @property
    def message(self) -> str:
        """What is wrong."""
        what = f"{self.key}, which {self.other.name} has, too" if self.key else f"the same file as {self.other.name}"
        return f"{self.layer.name} has {what}; only a city may replace one"

    @property
    def remedy(self) -> str:
        """What to do."""
        change = "give the row another key" if self.key else "rename the file"
        return f"{change} in the plugin" if self.other.flat else f"{change} in one of the two, or disable one"

    def __str__(self) -> str:
        return f"{self.logical}: {self.message}; {self.remedy}"


def refuse_rivals(layers: Layers) -> None:
    """Raise CityBroken with everything two layers below the city both supply."""
    if told := [str(rival) for rival in find_rivals(layers)]:
        raise CityBroken("\n".join(told))


def find_rivals(layers: Layers) -> Iterator[Rival]:
    """Everything of a plugin that the core or a plugin before it supplies already. Files nobody can read have none."""
    below = Layers(layers.layers[:-1])
    if len(below.layers) < 2:
        return
    for folder, suffix in WHOLE_FILES:
        yield from _rival_files(below, folder, suffix)
    for logical in KEYS:
        yield from _rival_rows(below.all_of(logical), _keys_of_table)
    for listed in below.listing(TEXTS, ".csv"):
        yield from _rival_rows(below.all_of(listed.logical), _keys_of_texts, equal_is_one=True)
    for logical in TABLES:
        yield from _rival_rows(below.all_of(logical), _keys_of_toml)


def _rival_files(layers: Layers, folder: str, suffix: str) -> Iterator[Rival]:
    owners: dict[str, Layer] = {}
    for layer in layers.layers:
        for logical in layer.files(folder, suffix):
            if logical in owners:
                yield Rival(logical, layer, owners[logical])
            owners.setdefault(logical, layer)


def _rival_rows(
    files: list[Found], keys: Callable[[Found], Iterator[tuple[str, str]]], *, equal_is_one: bool = False
) -> Iterator[Rival]:
    owners: dict[str, tuple[Layer, str]] = {}
    for found in files:
        told: set[str] = set()
        try:
            pairs = list(keys(found))
        except (OSError, UnicodeDecodeError, csv.Error, tomllib.TOMLDecodeError, KeyError, AttributeError):
            continue  # told by the check of that file
        for key, value in pairs:
            other, said = owners.setdefault(key, (found.layer, value))
            if other != found.layer and key not in told and not (equal_is_one and said == value):
                told.add(key)
                yield Rival(found.logical, found.layer, other, key)


def _rows(found: Found) -> Iterator[dict[str, str]]:
    text = found.path.read_text(encoding="utf-8-sig")
    for row in csv.DictReader(io.StringIO(text)):
        yield {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}


def _keys_of_table(found: Found) -> Iterator[tuple[str, str]]:
    columns = KEYS[found.logical]
    for row in _rows(found):
        if found.logical == "roles.csv" and row["permissions"].startswith("+"):
            continue  # it adds
        codes = [code.strip() for code in row["code"].split(";")] if found.logical == "intake_texts.csv" else [""]
        for code in codes:
            yield "/".join(code if code and name == "code" else row[name] for name in columns), ""


def _keys_of_texts(found: Found) -> Iterator[tuple[str, str]]:
    for row in _rows(found):
        if row["text"]:
            yield row["key"], row["text"]


def _keys_of_toml(found: Found) -> Iterator[tuple[str, str]]:
    for name, values in tomllib.loads(found.read()).items():
        if TABLES[found.logical] == 1 or not isinstance(values, dict):
            yield name, ""
        else:
            yield from ((f"{name}.{key}", "") for key in values)
