"""The directory of departments: who answers for what, and where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import Department


@dataclass(frozen=True)
class Unit:
    """A department as dispatch needs it."""

    code: str
    name: str
    name_en: str
    kind: str
    side: str
    parent: str | None
    duties: frozenset[str]
    territory: str | None
    fallback: bool


class Directory:
    """All departments of a city, frozen when read."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.units = {unit.code: unit for unit in units}
        self._handling = [unit for unit in self.units.values() if unit.side == "handling"]
        self.choices = [{"value": unit.code, "label": unit.name, "label_en": unit.name_en} for unit in self._handling]
        """The units a case can be dispatched to as choices of forms."""
        self.matter_readers: Mapping[str, str] = {}
        """The permission that lets somebody see every case of a matter, by the matter's name; set by the host."""
        self._answering: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self._territorial: dict[tuple[str, ...], str | None] = {}

    @classmethod
    def load(cls, session: Session) -> Directory:
        """Read the departments of the database."""
        return cls(
            Unit(
                row.code,
                row.name,
                row.name_en,
                row.kind,
                row.side,
                row.parent_code,
                frozenset(part.strip() for part in row.duties.split(";") if part.strip()),
                row.territory,
                row.fallback,
            )
            for row in session.scalars(select(Department).order_by(Department.code))
        )

    def answering(self, duty: str, places: Iterable[str]) -> str | None:
        """The department that answers for a catalogue department: one whose territory holds the place first
        (``places`` from small to large), then one without territory."""
        asked = duty, tuple(places)
        if asked not in self._answering:
            self._answering[asked] = self._find_answering(*asked)
        return self._answering[asked]

    def _find_answering(self, duty: str, places: tuple[str, ...]) -> str | None:
        able = [unit for unit in self.units.values() if duty and duty in unit.duties]
        for place in places:
            for unit in able:
                if place and unit.territory == place:
                    return unit.code
        return next((unit.code for unit in able if not unit.territory), None)

    def territorial(self, places: Iterable[str]) -> str | None:
        """The territorial office of the smallest of the places that has one."""
        asked = tuple(places)
        if asked not in self._territorial:
            self._territorial[asked] = self._find_territorial(asked)
        return self._territorial[asked]

    def _find_territorial(self, places: tuple[str, ...]) -> str | None:
        for place in places:
            for unit in self.units.values():
                if (
                    place
                    and unit.territory == place
                    and unit.kind in ("subdistrict", "district")
                    and unit.side == "handling"
                ):
                    return unit.code
        return None

    def fallback(self) -> str | None:
        """The unit that takes what nobody owns."""
        return next((unit.code for unit in self.units.values() if unit.fallback), None)

    def handling(self) -> list[Unit]:
        """Units a case can be dispatched to, by code."""
        return self._handling

    def name(self, code: str | None, language: str = "zh") -> str:
        """The name of a department, or its code."""
        unit = self.units.get(code or "")
        return (code or "") if unit is None else (unit.name if language == "zh" else unit.name_en)
