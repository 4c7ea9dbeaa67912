"""The classes of addresses: named in the file, or told from how a name ends. Our own list, not a standard's."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

KINDS = ("door", "place", "poi")


@dataclass(frozen=True)
class AddressClass:
    """A class of doors, place names or points of interest; ``endings`` are how such names end."""

    code: str
    kind: str
    name: str
    name_en: str
    endings: tuple[str, ...]


@cache
def address_classes() -> dict[str, AddressClass]:
    """Every class by its code, as ``address_classes.csv`` lists them."""
    text = files("engine.ground").joinpath("address_classes.csv").read_text(encoding="utf-8")
    return {
        row["class"]: AddressClass(
            row["class"], row["kind"], row["name"], row["name_en"], tuple(filter(None, row["endings"].split(";")))
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def _endings(kind: str) -> dict[str, str]:
    return {ending: each.code for each in address_classes().values() if each.kind == kind for ending in each.endings}


def class_of(name: str, kind: str) -> str:
    """The class whose ending fits best, otherwise the kind's general one, which bears the kind's name."""
    endings = _endings(kind)
    for length in range(min(len(name), 8), 0, -1):
        if name[-length:] in endings:
            return endings[name[-length:]]
    return kind
