"""A matter as ``matters/<name>.toml`` declares it: its process, what it asks, who may open and read it.

docs/reference/matters.md describes the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Formatter
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.layers import Found, Layers

FOLDER = "matters"
SUFFIX = ".toml"
KIND = "matter"
"""The kind of a case that is a matter; those of the street are component and event."""
NAME = re.compile(r"[a-z][a-z0-9_]*")
REQUIRED, OPTIONAL, NONE = PLACES = ("required", "optional", "none")
RESERVED = ("any", "none", "new")
NEEDED = ("zh", "en", "process", "department", "open", "read")
KEYS = (*NEEDED, "form", "title", "description", "place", "number", "note", "note_en")
NUMBER_PARTS = ("year", "month", "day", "serial")
NUMBER_LENGTH = 60
UNSAFE = re.compile(r"[\s/?#%\\&<>\"'+]")
"""What a number cannot have: it stands in addresses of pages."""


@dataclass(frozen=True)
class Matter:
    """A matter. ``title``, ``description`` and ``department`` may hold expressions over ``answer``.

    ``form`` is empty where nothing is asked, ``number`` where the city's numbers are used. ``place`` is required,
    optional or none. ``open`` and ``read`` are permissions.
    """

    name: str
    zh: str
    en: str
    process: str
    department: str
    open: str
    read: str
    form: str = ""
    title: str = ""
    description: str = ""
    place: str = OPTIONAL
    number: str = ""
    note: str = ""
    note_en: str = ""
    layer: str = ""

    def called(self, language: str) -> str:
        """Its name in a language."""
        return self.en if language == "en" else self.zh

    @property
    def texts(self) -> Mapping[str, str]:
        """Its values that may hold expressions, by key."""
        return {"title": self.title, "description": self.description, "department": self.department}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a declaration."""

    element: str
    message: str
    remedy: str


class MatterBroken(CityBroken):
    """A matter's file does not hold; ``faults`` are all of it."""

    def __init__(self, logical: str, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{logical}: {each.element}: {each.message}; {each.remedy}" for each in faults))
        self.faults = faults


def load_matters(layers: Layers) -> Mapping[str, Matter]:
    """Every matter of core, plugins and city, by name. Raises MatterBroken."""
    return MappingProxyType({each.path.stem: read_matter(each) for each in layers.listing(FOLDER, SUFFIX)})


def matter_of(matters: Mapping[str, Matter], process: str) -> Matter | None:
    """The matter that declares a process: the one of its name, else the first by name; none for other processes."""
    own = matters.get(process)
    if own is not None and own.process == process:
        return own
    return next((matters[name] for name in sorted(matters) if matters[name].process == process), None)


def read_matter(found: Found) -> Matter:
    """The matter of a file. Raises MatterBroken with every fault."""
    try:
        toml = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = Fault("file", f"cannot be read: {error}", "correct the line; the file must be TOML in UTF-8")
        raise MatterBroken(found.logical, [fault]) from error
    faults = list(_faults(found.path.stem, toml))
    if faults:
        raise MatterBroken(found.logical, faults)
    return Matter(found.path.stem, layer=found.layer.name, **toml["matter"])


def _faults(name: str, toml: Mapping[str, Any]) -> Iterator[Fault]:
    about = toml.get("matter")
    for table in toml:
        if table != "matter":
            yield Fault(table, f"there is no table [{table}]", "write everything below [matter]")
    if not isinstance(about, dict):
        yield Fault("file", "[matter] is missing", "docs/reference/matters.md shows an example")
        return
    if not NAME.fullmatch(name) or name in RESERVED:
        yield Fault("file", f"a matter cannot be called {name!r}", f"use small letters, digits and _; not {RESERVED}")
    for key, value in about.items():
        if key not in KEYS:
            yield Fault(key, f"[matter] does not know {key}", f"it has {', '.join(KEYS)}")
        elif not isinstance(value, str):
            yield Fault(key, f"{key} is no text", f'write {key} = "…"')
    for key in NEEDED:
        if not about.get(key):
            yield Fault(key, f"[matter] has no {key}", "add it, a text in quotes")
    if about.get("place", OPTIONAL) not in PLACES:
        yield Fault("place", f"a place is not {about['place']!r}", f"use one of {', '.join(PLACES)}")
    number = about.get("number", "")
    if isinstance(number, str) and number:
        yield from _number_faults(number)


def _number_faults(pattern: str) -> Iterator[Fault]:
    remedy = 'write for example "{year}-许-{serial:04}"'
    try:
        parts = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
        filled = fill_number(pattern, 2026, 12, 31, 12345)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        known = ", ".join(f"{{{part}}}" for part in NUMBER_PARTS)
        yield Fault("number", f"{pattern!r} cannot be filled in: {error!r}", f"it may use {known}; {remedy}")
        return
    for part in ("year", "serial"):
        if part not in parts:
            message = f"{pattern!r} has no {{{part}}}, so two cases would get one number"
            yield Fault("number", message, f"the serial restarts each year; {remedy}")
    if UNSAFE.search(filled):
        message = f"{pattern!r} has a blank or a sign that addresses of pages cannot hold"
        yield Fault("number", message, f"use letters, digits, - and brackets; {remedy}")
    if len(filled) > NUMBER_LENGTH:
        yield Fault("number", f"{pattern!r} makes numbers of {len(filled)} characters", f"use {NUMBER_LENGTH} at most")


def fill_number(pattern: str, year: int, month: int, day: int, serial: int) -> str:
    """A case number of a pattern."""
    return pattern.format(year=year, month=month, day=day, serial=serial)
