"""The catalogue as acts read it: every version's subclasses and filing conditions, read once a process.

A version never changes once it is there (a changed catalogue is a new version), so what is read stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from sqlalchemy import bindparam, select

from engine.casefile.asking import Question
from engine.casefile.unit import Unit
from engine.catalogue.condition_rules import ConditionRules
from engine.catalogue.lookup import valid_on
from engine.errors import CityBroken, Invalid
from engine.models import CatalogueVersion, FilingCondition, Subclass

_day: Any = bindparam("day", type_=CatalogueVersion.__table__.c.valid_from.type)
IN_FORCE = Question(valid_on(_day).with_only_columns(CatalogueVersion.id), "day")
"""The id of the version valid on a ``day``."""


@dataclass(frozen=True)
class Entry:
    """A subclass: its names, the catalogue department that answers for it, and where its code comes from."""

    name: str
    name_en: str
    department: str
    provenance: str = ""


@dataclass(frozen=True)
class Edition:
    """One version. Subclasses by (kind, code), limits and rules of filing conditions by (kind, code, number);
    ``rules`` has only conditions that have some."""

    id: int
    subclasses: Mapping[tuple[str, str], Entry]
    limits: Mapping[tuple[str, str, int], str]
    rules: Mapping[tuple[str, str, int], ConditionRules]

    def subclass(self, kind: str, full_code: str) -> Entry:
        """A subclass. Raises Invalid naming the code."""
        found = self.subclasses.get((kind, full_code))
        if found is None:
            raise Invalid(
                f"the catalogue has no {kind} subclass {full_code}; take a code of GET /api/v1/catalogue/subclasses",
                field="full_code",
            )
        return found

    def limit(self, kind: str, full_code: str, number: int) -> str:
        """The limit of a filing condition as written. Raises Invalid naming the condition."""
        found = self.limits.get((kind, full_code, number))
        if found is None:
            raise Invalid(
                f"{kind} {full_code} has no filing condition {number}; choose one of its own", field="condition_no"
            )
        return found

    def numbers(self, kind: str, full_code: str) -> list[int]:
        """The numbers of a subclass's filing conditions."""
        return [number for one, code, number in self.limits if (one, code) == (kind, full_code)]


class CatalogueBook:
    """The editions met so far. One a process; safe with many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._editions: dict[int, Edition] = {}

    def in_force(self, unit: Unit, day: date) -> Edition:
        """The edition valid on a day. Raises CityBroken when there is none."""
        (found,) = unit.ask((IN_FORCE, {"day": day}))
        return self.settled(unit, found, day)

    def settled(self, unit: Unit, found: Any, day: date) -> Edition:
        """The edition of an answer to ``IN_FORCE``."""
        if found is None:
            raise CityBroken(f"no catalogue is valid on {day.isoformat()}; give version.toml an earlier valid_from")
        return self.edition(unit, found[0])

    def edition(self, unit: Unit, version_id: int) -> Edition:
        """An edition by its id."""
        found = self._editions.get(version_id)
        if found is None:
            read = _read(unit, version_id)
            with self._lock:
                found = self._editions.setdefault(version_id, read)
        return found


def _read(unit: Unit, version_id: int) -> Edition:
    session = unit.session
    subclasses = select(
        Subclass.kind, Subclass.full_code, Subclass.name, Subclass.name_en, Subclass.dept_code, Subclass.code_source
    ).where(Subclass.version_id == version_id)
    conditions = (
        select(
            FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no, FilingCondition.limit,
            FilingCondition.evidence, FilingCondition.extension,
        )
        .where(FilingCondition.version_id == version_id)
        .order_by(FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no)
    )  # fmt: skip
    found = session.execute(conditions).all()
    return Edition(
        version_id,
        {(kind, code): Entry(*said) for kind, code, *said in session.execute(subclasses)},
        {(kind, code, number): limit for kind, code, number, limit, _, _ in found},
        {
            (kind, code, number): ConditionRules(evidence, extension)
            for kind, code, number, _, evidence, extension in found
            if evidence or extension
        },
    )
