"""Volumes of a project: permitted, loaded, unloaded, as its manifests say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import RegisterEntry
from plugins.building_waste.places import MANIFESTS


@dataclass(frozen=True)
class Volumes:
    """What a project's manifests add up to, in cubic metres; ``all_…`` are of all time, the others of the month."""

    project: str
    name: str
    holder: str
    permitted: float
    loaded: float
    unloaded: float
    trips: int
    unmatched: int
    all_loaded: float
    all_unloaded: float

    @property
    def deviation(self) -> float:
        """Percent: the larger of what is lost on the way and what goes beyond the licence; 0 without trips."""
        lost = abs(self.loaded - self.unloaded) / self.loaded if self.loaded else 0.0
        over = (self.all_loaded - self.permitted) / self.permitted if self.permitted else 0.0
        return round(100 * max(lost, over, 0.0), 1)

    def told(self) -> dict[str, Any]:
        """As variables of a diagram."""
        return {
            "project": self.project, "name": self.name, "holder": self.holder, "permitted": self.permitted,
            "loaded": self.loaded, "unloaded": self.unloaded, "deviation": self.deviation, "trips": self.trips,
            "unmatched": self.unmatched, "all_loaded": self.all_loaded, "all_unloaded": self.all_unloaded,
        }  # fmt: skip


def entries(session: Session, register: str) -> list[RegisterEntry]:
    """The entries of a register that are not struck off, by key."""
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.gone_at.is_(None))
    return list(session.scalars(query.order_by(RegisterEntry.key)))


def volumes_of(session: Session, project: RegisterEntry, month: str = "") -> Volumes:
    """Add up a project's manifests; those on their way count for neither side yet."""
    ended = list(_ended(session, project.key))
    of_month = [each for each in ended if str(each.get("loaded_on") or "").startswith(month)]
    return Volumes(
        project.key, project.title, str(project.values.get("holder") or ""),
        float(project.values.get("volume") or 0), _sum(of_month, "loaded"), _sum(of_month, "unloaded"),
        len(of_month), sum(each.get("status") != "matched" for each in of_month),
        _sum(ended, "loaded"), _sum(ended, "unloaded"),
    )  # fmt: skip


def _ended(session: Session, project: str) -> Iterator[dict[str, Any]]:
    query = select(RegisterEntry.values).where(
        RegisterEntry.register == MANIFESTS, RegisterEntry.gone_at.is_(None),
        RegisterEntry.values["project"].as_string() == project,
        RegisterEntry.values["status"].as_string() != "on_way",
    )  # fmt: skip
    yield from session.scalars(query)


def _sum(rows: list[dict[str, Any]], column: str) -> float:
    return round(sum(float(each.get(column) or 0) for each in rows), 1)
