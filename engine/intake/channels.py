"""The channels reports come by, and what a report by each of them has to bring.

``channels.csv``: ``channel,name,name_en,reporter,needs,wants,source``, merged by key from core, plugins and city.
``reporter`` is public, internal or machine. ``needs`` is what a report is refused without, ``wants`` what is told to be
missing; both are words of ``PARTS``. A photo follows a report, so it can only be wanted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from engine.city import City
from engine.errors import CityBroken, Invalid
from engine.loading.tables import read_csv

FILE = "channels.csv"
COLUMNS = ("channel", "name", "name_en", "reporter", "needs", "wants", "source")
REPORTERS = ("public", "internal", "machine")
FIELDS = {"name": "reporter_name", "phone": "reporter_phone", "number": "external_id", "place": "lon"}
PHOTO, PHONE, PUBLIC = "photo", "phone", "public"
PARTS = (*FIELDS, PHOTO)
PROVENANCE = ("found", "memory", "city")
CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
LONGEST_NUMBER = 200


class Told(Protocol):
    """What a report says of itself."""

    @property
    def source(self) -> str: ...
    @property
    def external_id(self) -> str | None: ...


@dataclass(frozen=True)
class Channel:
    """One way in."""

    code: str
    name: str
    name_en: str
    reporter: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    source: str

    @property
    def asked(self) -> tuple[str, ...]:
        """What it needs and wants."""
        return (*self.needs, *self.wants)

    def refuse_incomplete(self, report: Told) -> None:
        """Raise Invalid naming every field the channel needs and the report does not have."""
        errors = {
            FIELDS[part]: f"a report by {self.code} needs {part}; give {FIELDS[part]}"
            for part in self.needs
            if not _has(report, part)
        }
        if errors:
            raise Invalid("; ".join(errors.values()), errors=errors, field=next(iter(errors)))

    def missing(self, report: Told) -> tuple[str, ...]:
        """What the channel wants and the report did not bring; a photo is always still to come."""
        return tuple(part for part in self.wants if part == PHOTO or not _has(report, part))


def _has(report: Told, part: str) -> bool:
    if part == "place" and getattr(report, "component_code", None):
        return True
    value = getattr(report, FIELDS[part])
    return bool(value.strip()) if isinstance(value, str) else value is not None


def load_channels(city: City) -> Mapping[str, Channel]:
    """The channels of a city by code. Raises CityBroken naming file, line and remedy."""
    files = city.layers.all_of(FILE)
    return _load(tuple((str(found.path), found.path.stat().st_mtime_ns) for found in files))


def channel_of(city: City, code: str) -> Channel:
    """A channel. Raises Invalid when the city has none of this code."""
    channels = load_channels(city)
    if code not in channels:
        raise Invalid(f"there is no channel {code!r}; use one of {', '.join(channels)}", field="source")
    return channels[code]


def clean_number(number: str | None) -> str | None:
    """The number of another system without blanks around it; none when nothing is left. Raises Invalid."""
    clean = (number or "").strip()
    if len(clean) > LONGEST_NUMBER:
        raise Invalid(
            f"external_id is longer than {LONGEST_NUMBER} characters; give the number alone", field="external_id"
        )
    return clean or None


@lru_cache(maxsize=32)
def _load(files: tuple[tuple[str, int], ...]) -> Mapping[str, Channel]:
    channels: dict[str, Channel] = {}
    faults: list[str] = []
    for path, _ in files:
        for line, row in read_csv(Path(path), COLUMNS):
            told = faults_of(row)
            faults += [f"{path}, line {line}: {message}; {remedy}" for message, remedy in told]
            if not told:
                channels[row["channel"]] = Channel(
                    row["channel"], row["name"], row["name_en"], row["reporter"], tuple(row["needs"].split()),
                    tuple(row["wants"].split()), row["source"],
                )  # fmt: skip
    if faults:
        raise CityBroken("; ".join(faults))
    return MappingProxyType(channels)


def faults_of(row: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with a row and what to do about it."""
    faults: list[tuple[str, str]] = []
    if not CODE.fullmatch(row["channel"]):
        faults.append((f"the code {row['channel']!r} does not hold", "write small letters, digits and _"))
    if not row["name"] or not row["name_en"]:
        faults.append(("the channel has no name", "fill in name and name_en"))
    if row["reporter"] not in REPORTERS:
        faults.append((f"reporter {row['reporter']!r} is unknown", f"use one of {', '.join(REPORTERS)}"))
    for column in ("needs", "wants"):
        unknown = [part for part in row[column].split() if part not in PARTS]
        if unknown:
            faults.append((f"{column} {' '.join(unknown)!r} is unknown", f"use {', '.join(PARTS)}"))
    if PHOTO in row["needs"].split():
        faults.append(("needs photo, but photos follow a report", "write photo into wants"))
    if re.split(r"[:\s]", row["source"], maxsplit=1)[0] not in PROVENANCE:
        said = f"source {row['source']!r} does not say where the row comes from"
        faults.append((said, f"begin with one of {', '.join(PROVENANCE)}"))
    return faults
