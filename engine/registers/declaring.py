"""A register as ``registers/<name>.toml`` declares it: columns, who may read and write it, what identifies an entry.

docs/reference/registers.md describes the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.layers import Found, Layers

FOLDER = "registers"
SUFFIX = ".toml"
NAME = re.compile(r"[a-z][a-z0-9_]*")
TYPES = ("text", "long_text", "number", "integer", "truth", "date", "choice", "department", "entry")
REGISTER_KEYS = ("zh", "en", "key", "title", "read", "write", "place", "note", "note_en")
COLUMN_KEYS = (
    "type", "zh", "en", "required", "pattern", "choices", "register", "least", "most", "length", "warn_days", "private",
)  # fmt: skip
RESERVED = ("lon", "lat", "state", "version")


@dataclass(frozen=True)
class Choice:
    """One value of a column with a fixed list."""

    value: str
    zh: str
    en: str


@dataclass(frozen=True)
class Column:
    """A column. ``warn_days``: how many days before a date it is due soon. ``private``: shown to writers only."""

    name: str
    type: str
    zh: str
    en: str
    required: bool = False
    pattern: str = ""
    choices: tuple[Choice, ...] = ()
    register: str = ""
    least: float | None = None
    most: float | None = None
    length: int = 0
    warn_days: int | None = None
    private: bool = False

    def title(self, language: str) -> str:
        """Its name in a language."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True)
class Register:
    """A register. ``key`` identifies an entry for good, ``title`` is what people call it; ``place``: it has one."""

    name: str
    zh: str
    en: str
    key: str
    title: str
    read: str
    write: str
    place: bool
    columns: Mapping[str, Column] = field(default_factory=dict)
    layer: str = ""
    note: str = ""
    note_en: str = ""

    def called(self, language: str) -> str:
        """Its name in a language."""
        return self.en if language == "en" else self.zh

    @property
    def headings(self) -> tuple[str, ...]:
        """The columns of its CSV file."""
        return (*self.columns, *(("lon", "lat") if self.place else ()))


@dataclass(frozen=True)
class Fault:
    """What is wrong with a declaration."""

    element: str
    message: str
    remedy: str


class DeclarationBroken(CityBroken):
    """A register's file does not hold; ``faults`` are all of it."""

    def __init__(self, logical: str, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{logical}: {each.element}: {each.message}; {each.remedy}" for each in faults))
        self.faults = faults


def load_registers(layers: Layers) -> Mapping[str, Register]:
    """Every register of core, plugins and city, by name. Raises DeclarationBroken."""
    found = {each.path.stem: read_register(each) for each in layers.listing(FOLDER, SUFFIX)}
    for register in found.values():
        for column in register.columns.values():
            if column.type == "entry" and column.register not in found:
                raise DeclarationBroken(f"{FOLDER}/{register.name}{SUFFIX}", [unknown_register(column, found)])
    return MappingProxyType(found)


def unknown_register(column: Column, known: Mapping[str, Register]) -> Fault:
    """The fault of a column that names a register which is not there."""
    there = ", ".join(sorted(known))
    return Fault(column.name, f"there is no register {column.register!r}", f"name one of {there}, or add its file")


def read_register(found: Found) -> Register:
    """The register of a file. Raises DeclarationBroken with every fault."""
    try:
        toml = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = Fault("file", f"cannot be read: {error}", "correct the line; the file must be TOML in UTF-8")
        raise DeclarationBroken(found.logical, [fault]) from error
    faults = list(_faults(found.path.stem, toml))
    if faults:
        raise DeclarationBroken(found.logical, faults)
    about = toml["register"]
    return Register(
        found.path.stem, about["zh"], about["en"], about["key"], about.get("title", about["key"]), about["read"],
        about["write"], about.get("place", False), _columns(toml["columns"]), found.layer.name, about.get("note", ""),
        about.get("note_en", ""),
    )  # fmt: skip


def _columns(tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Column]:
    columns = {}
    for name, values in tables.items():
        given = {key: value for key, value in values.items() if key != "choices"}
        choices = tuple(Choice(each["value"], each["zh"], each["en"]) for each in values.get("choices", ()))
        columns[name] = Column(name, choices=choices, **given)
    return MappingProxyType(columns)


def _faults(name: str, toml: Mapping[str, Any]) -> Iterator[Fault]:
    about, columns = toml.get("register"), toml.get("columns")
    for table in toml:
        if table not in ("register", "columns"):
            yield Fault(table, f"there is no table [{table}]", "write [register] and [columns.<name>]")
    if not isinstance(about, dict) or not isinstance(columns, dict) or not columns:
        yield Fault("file", "[register] or [columns.<name>] is missing", "docs/reference/registers.md shows an example")
        return
    if not NAME.fullmatch(name):
        yield Fault("file", f"the name {name!r} is no word", "use small letters, digits and _")
    for key in about:
        if key not in REGISTER_KEYS:
            yield Fault(key, f"[register] does not know {key}", f"it has {', '.join(REGISTER_KEYS)}")
    for key in ("zh", "en", "key", "read", "write"):
        if not isinstance(about.get(key), str) or not about[key]:
            yield Fault(key, f"[register] has no {key}", "add it, a text in quotes")
    for key in ("key", "title"):
        if isinstance(about.get(key), str) and about[key] not in columns:
            yield Fault(key, f"there is no column {about[key]!r}", f"name one of {', '.join(columns)}")
    for column, values in columns.items():
        yield from _column_faults(column, values)


def _column_faults(name: str, values: Any) -> Iterator[Fault]:
    if not isinstance(values, dict):
        yield Fault(name, "is no table", f"write [columns.{name}]")
        return
    if not NAME.fullmatch(name) or name in RESERVED:
        yield Fault(name, f"a column cannot be called {name!r}", f"use small letters, digits and _; not {RESERVED}")
    for key in values:
        if key not in COLUMN_KEYS:
            yield Fault(name, f"a column does not know {key}", f"it has {', '.join(COLUMN_KEYS)}")
    for key in ("zh", "en"):
        if not isinstance(values.get(key), str) or not values[key]:
            yield Fault(name, f"has no {key}", "add its name in both languages")
    kind = values.get("type")
    if kind not in TYPES:
        yield Fault(name, f"is of type {kind!r}", f"use one of {', '.join(TYPES)}")
    if (kind == "choice") != ("choices" in values):
        yield Fault(name, "choices belong to columns of type choice, and these need them", "add or remove choices")
    if (kind == "entry") != ("register" in values):
        yield Fault(name, "register belongs to columns of type entry, and these need it", "add or remove register")
    for choice in values.get("choices", ()):
        if not isinstance(choice, dict) or {"value", "zh", "en"} != set(choice):
            yield Fault(name, f"the choice {choice!r} is incomplete", 'write {value = "…", zh = "…", en = "…"}')
    try:
        re.compile(values.get("pattern", ""))
    except (re.error, TypeError) as error:
        yield Fault(name, f"the pattern cannot be read: {error}", r"write a regular expression such as \d{6}")
