"""What the city's files say of components: states and attributes by class, merged by key from all layers.

``component_states.csv``: ``state,name_en,present`` (``present`` = no: it is no longer on the street).
``component_attributes.csv``: ``full_code,field,name,name_en,type,length``; ``*`` stands for every class; ``type`` is
text, number, truth or day.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.city import City
from engine.errors import CityBroken
from engine.ground.index import Ground
from engine.models import Department, Subclass

EVERY = "*"
YES, NO = frozenset({"1", "true", "yes", "是"}), frozenset({"0", "false", "no", "否"})
Value = str | float | bool


@dataclass(frozen=True)
class Attribute:
    """One attribute of a class of components. ``length`` counts letters, 0 for any."""

    field: str
    name: str
    name_en: str
    type: str
    length: int

    def read(self, text: str) -> Value:
        """The value of a text. Raises ValueError naming the attribute."""
        if self.type == "number":
            return self._number(text)
        if self.type == "truth":
            if text.lower() in YES | NO:
                return text.lower() in YES
            raise ValueError(f"{self.field} {text!r} is neither yes nor no")
        if self.type == "day":
            return date.fromisoformat(text).isoformat()
        if self.length and len(text) > self.length:
            raise ValueError(f"{self.field} is longer than {self.length} letters")
        return text

    def _number(self, text: str) -> float:
        try:
            found = float(text)
        except ValueError as error:
            raise ValueError(f"{self.field} {text!r} is no number") from error
        if not math.isfinite(found):
            raise ValueError(f"{self.field} {text!r} is no finite number")
        return found


@dataclass(frozen=True)
class Rules:
    """What a component's row is held against. ``present`` maps a state to whether it stands on the street."""

    present: Mapping[str, bool]
    attributes: Mapping[tuple[str, str], Attribute]
    subclasses: Mapping[str, str]
    departments: frozenset[str]
    ground: Ground

    @property
    def fields(self) -> frozenset[str]:
        """Names of all attributes."""
        return frozenset(field for _, field in self.attributes)

    def attribute(self, full_code: str, field: str) -> Attribute | None:
        """What a class says of an attribute, or what all classes do."""
        return self.attributes.get((full_code, field)) or self.attributes.get((EVERY, field))


def load_rules(session: Session, city: City, ground: Ground | None = None) -> Rules:
    """The rules of a city. Raises CityBroken naming a file that says nothing."""
    present, attributes = read_states(city), read_attributes(city)
    query = select(Subclass.full_code, Subclass.name).where(Subclass.kind == "component")
    subclasses = {row.full_code: row.name for row in session.execute(query)}
    return Rules(
        present, attributes, subclasses,
        frozenset(session.scalars(select(Department.code))), ground or Ground.load(session),
    )  # fmt: skip


def read_states(city: City) -> dict[str, bool]:
    """States of components and whether they stand on the street."""
    states = {
        row["state"]: row["present"] != "no"
        for found in city.layers.all_of("component_states.csv")
        for row in csv.DictReader(io.StringIO(found.read()))
    }
    if not states:
        raise CityBroken("no layer of the city has component_states.csv with a state; restore the core's file")
    return states


def read_state_names(city: City) -> dict[str, str]:
    """English names of states, in the order of the files."""
    return {
        row["state"]: row.get("name_en") or ""
        for found in city.layers.all_of("component_states.csv")
        for row in csv.DictReader(io.StringIO(found.read()))
    }


def read_attributes(city: City) -> dict[tuple[str, str], Attribute]:
    """Attributes by class and field."""
    found: dict[tuple[str, str], Attribute] = {}
    for file in city.layers.all_of("component_attributes.csv"):
        for line, row in enumerate(csv.DictReader(io.StringIO(file.read())), 2):
            if row["type"] not in ("text", "number", "truth", "day"):
                raise CityBroken(
                    f"{file.path}, line {line}: type {row['type']!r} is none of text, number, truth, day; correct it"
                )
            found[row["full_code"], row["field"]] = Attribute(
                row["field"], row["name"], row["name_en"], row["type"], int(row["length"] or 0)
            )
    return found
