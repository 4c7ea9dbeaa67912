"""Look things up in the catalogue: the version in force, a subclass, a filing condition, its limit by area class."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine.calendar import Limit, LimitError, parse_limit
from engine.errors import CityBroken
from engine.models import CatalogueVersion


def valid_on(day: Any) -> Select[CatalogueVersion]:
    """The version valid on a day, a value or a parameter: of several the one that came last."""
    return (
        select(CatalogueVersion)
        .where(CatalogueVersion.valid_from <= day)
        .where((CatalogueVersion.valid_to.is_(None)) | (CatalogueVersion.valid_to > day))
        .order_by(CatalogueVersion.valid_from.desc(), CatalogueVersion.id.desc())
        .limit(1)
    )


def version_in_force(session: Session, day: date) -> CatalogueVersion:
    """The version valid on a day. Raises CityBroken when there is none."""
    version = session.scalar(valid_on(day))
    if version is None:
        raise CityBroken(f"no catalogue is valid on {day.isoformat()}; give version.toml an earlier valid_from")
    return version


@lru_cache(maxsize=4096)
def limit_for(text: str, area_class: str) -> Limit | None:
    """The limit of a condition in an area class: ``2 urgent_hour`` or ``A: 2 urgent_hour; B: 4 urgent_hour``.

    None for an empty text. Raises LimitError naming the text.
    """
    if not text.strip():
        return None
    if ":" not in text:
        return parse_limit(text)
    by_class = dict(_pair(part) for part in text.split(";") if part.strip())
    chosen = by_class.get(area_class) or by_class.get("*")
    if chosen is None:
        raise LimitError(f"limit {text!r} says nothing for area class {area_class!r}; add it or a '*' entry")
    return parse_limit(chosen)


def _pair(part: str) -> tuple[str, str]:
    area, _, limit = part.partition(":")
    return area.strip(), limit.strip()
