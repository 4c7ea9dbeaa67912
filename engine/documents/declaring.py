"""A document as ``documents/<name>.toml`` declares it: title, number, who may read it, what its template may use.

The template is the file of the same name with ``.docx`` beside it; a city's own one wins. docs/reference/documents.md
describes both.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.layers import Found, Layers

FOLDER, SUFFIX, TEMPLATE = "documents", ".toml", ".docx"
NAME = re.compile(r"[a-z][a-z0-9_]*")
TEXTS = ("zh", "en", "number", "office", "read")
TRUTHS = ("seal", "delivery")
KEYS = (*TEXTS, *TRUTHS, "required", "print")
STATUSES = ("reported", "filed", "dispatched", "suspended", "closed", "rejected", "merged", "voided")
IN_NUMBER = ("office", "year", "serial")
"""What a number may be made of."""
GIVEN = (
    "title", "number", "office", "issuer", "city", "case_number", "today", "today_han", "year", "maker", "seal",
)  # fmt: skip
"""What every template may use without declaring it."""


@dataclass(frozen=True)
class DocumentTemplate:
    """A kind of document. ``number`` is a pattern, empty for an unnumbered one; ``fields`` are expressions by name.

    ``prints``: statuses of a case in which people may print it from the case's page, without its being kept.
    """

    name: str
    zh: str
    en: str
    number: str
    office: str
    read: str
    seal: bool
    delivery: bool
    required: tuple[str, ...]
    fields: Mapping[str, str]
    docx: Path
    layer: str
    prints: tuple[str, ...] = ()

    def called(self, language: str) -> str:
        """Its title in a language."""
        return self.en if language == "en" else self.zh


@dataclass(frozen=True)
class Fault:
    """What is wrong with a declaration."""

    element: str
    message: str
    remedy: str


class DeclarationBroken(CityBroken):
    """A document's file does not hold; ``faults`` are all of it."""

    def __init__(self, logical: str, faults: list[Fault]) -> None:
        super().__init__("\n".join(f"{logical}: {each.element}: {each.message}; {each.remedy}" for each in faults))
        self.faults = faults


def load_documents(layers: Layers) -> Mapping[str, DocumentTemplate]:
    """Every document of core, plugins and city, by name. Raises DeclarationBroken."""
    return MappingProxyType({each.path.stem: read_document(layers, each) for each in layers.listing(FOLDER, SUFFIX)})


def read_document(layers: Layers, found: Found) -> DocumentTemplate:
    """The document of a file. Raises DeclarationBroken with every fault."""
    name = found.path.stem
    try:
        toml = tomllib.loads(found.read())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fault = Fault("file", f"cannot be read: {error}", "correct the line; the file must be TOML in UTF-8")
        raise DeclarationBroken(found.logical, [fault]) from error
    faults = list(_faults(name, toml))
    docx = layers.find(f"{FOLDER}/{name}{TEMPLATE}")
    if docx is None:
        missing = f"there is no {FOLDER}/{name}{TEMPLATE} beside it"
        faults.append(Fault("file", missing, "save the template there; docs/how-to/change-a-document.md makes one"))
    if faults or docx is None:
        raise DeclarationBroken(found.logical, faults)
    about = toml["document"]
    texts = {key: about.get(key, "") for key in TEXTS}
    return DocumentTemplate(
        name=name, seal=about.get("seal", False), delivery=about.get("delivery", False),
        required=tuple(about.get("required", ())), fields=MappingProxyType(dict(toml.get("fields", {}))),
        docx=docx.path, layer=found.layer.name, prints=tuple(about.get("print", ())), **texts,
    )  # fmt: skip


def _faults(name: str, toml: Mapping[str, Any]) -> Iterator[Fault]:
    about, fields = toml.get("document"), toml.get("fields", {})
    for table in toml:
        if table not in ("document", "fields"):
            yield Fault(table, f"there is no table [{table}]", "write [document] and [fields]")
    if not isinstance(about, dict) or not isinstance(fields, dict):
        yield Fault("file", "[document] is missing, or [fields] is no table", "docs/reference/documents.md shows one")
        return
    if not NAME.fullmatch(name):
        yield Fault("file", f"the name {name!r} is no word", "use small letters, digits and _")
    yield from _about_faults(about)
    for field, text in fields.items():
        if not field.isidentifier() or field == "number":
            yield Fault(field, f"a field cannot be called {field!r}", "use letters, digits and _; number is given")
        if not isinstance(text, str):
            yield Fault(field, "its value is no text", 'write an expression in quotes, such as "${values.party}"')
    required = about.get("required", [])
    if not isinstance(required, list):
        yield Fault("required", "is no list", 'write ["party", "facts"]')
        return
    for field in required:
        if field not in fields:
            yield Fault("required", f"there is no field {field!r}", f"name one of {', '.join(fields) or 'none'}")


def _about_faults(about: Mapping[str, Any]) -> Iterator[Fault]:
    for key, value in about.items():
        if key not in KEYS:
            yield Fault(key, f"[document] does not know {key}", f"it has {', '.join(KEYS)}")
        elif key in TEXTS and not isinstance(value, str):
            yield Fault(key, "is no text", "write it in quotes")
        elif key in TRUTHS and not isinstance(value, bool):
            yield Fault(key, "is neither true nor false", "write true or false")
    for key in ("zh", "en"):
        if not about.get(key):
            yield Fault(key, f"[document] has no {key}", "add its title in both languages")
    printed = about.get("print", [])
    if not isinstance(printed, list) or not set(map(str, printed)) <= set(STATUSES):
        yield Fault("print", f"{printed!r} are no statuses of a case", f"list some of {', '.join(STATUSES)}")
    elif printed and (about.get("number") or about.get("delivery")):
        remedy = "take out print, or number and delivery: those need a document that is kept"
        yield Fault("print", "what is printed and not kept has no number and is not delivered", remedy)
    if isinstance(about.get("number"), str) and about["number"]:
        yield from _number_faults(about["number"])


def _number_faults(pattern: str) -> Iterator[Fault]:
    remedy = "write such as {office}责改字〔{year}〕第{serial:03}号"
    try:
        names = [part[1] for part in Formatter().parse(pattern) if part[1] is not None]
        pattern.format(office="", year=2026, serial=1)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        yield Fault("number", f"the pattern {pattern!r} cannot be filled: {error}", remedy)
        return
    for name in names:
        if name not in IN_NUMBER:
            yield Fault("number", f"the pattern names {name!r}", f"it may name {', '.join(IN_NUMBER)}; {remedy}")
    if names.count("serial") != 1:
        yield Fault("number", f"the pattern {pattern!r} needs {{serial}} once", remedy)
    elif pattern.startswith("{serial") or re.search(r"\d\{serial|\}\{serial|\{serial[^}]*\}[\d{]", pattern):
        yield Fault("number", f"{{serial}} touches other digits in {pattern!r}", f"set signs around it; {remedy}")


def series_of(pattern: str, office: str, year: int) -> str:
    """The series a number of this pattern is drawn from: the number with ``*`` for its serial.

    Templates of which the numbers would look the same share it, so that no number is ever given twice.
    """
    return re.sub(r"\{serial[^}]*\}", "*", pattern).format(office=office, year=year)


def number_of(pattern: str, office: str, year: int, serial: int) -> str:
    """The number itself."""
    return pattern.format(office=office, year=year, serial=serial)
