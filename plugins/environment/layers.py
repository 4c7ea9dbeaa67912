"""Layers of the map: catering outlets by the state of their purifier, construction sites by grade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.models import RegisterEntry

Box = tuple[float, float, float, float]
LIGHTS = {
    "running": "green", "off": "yellow", "faulty": "yellow", "none": "red",
    "green": "green", "yellow": "yellow", "red": "red",
}  # fmt: skip
"""The light of a state, as the map draws it; what has no state is grey."""


def outlets(session: Session, view: Box, most: int) -> Iterator[Mapping[str, Any]]:
    """Outlets that are not closed; ``group`` is the state of the purifier."""
    for entry in _within(session, "environment_outlets", view, most):
        if entry.values.get("status") != "closed":
            yield _feature(entry, "purifier")


def sites(session: Session, view: Box, most: int) -> Iterator[Mapping[str, Any]]:
    """Sites that are not finished; ``group`` is the grade."""
    for entry in _within(session, "environment_sites", view, most):
        if entry.values.get("status") != "finished":
            yield _feature(entry, "grade")


def _within(session: Session, register: str, view: Box, most: int) -> Iterator[RegisterEntry]:
    west, south, east, north = view
    query = select(RegisterEntry).where(
        RegisterEntry.register == register, RegisterEntry.gone_at.is_(None),
        RegisterEntry.lon.between(west, east), RegisterEntry.lat.between(south, north),
    )  # fmt: skip
    yield from session.scalars(query.order_by(RegisterEntry.key).limit(most))


def _feature(entry: RegisterEntry, column: str) -> Mapping[str, Any]:
    group = str(entry.values.get(column) or "unknown")
    return {
        "type": "Feature",
        "id": f"{entry.register}/{entry.key}",
        "geometry": {"type": "Point", "coordinates": [entry.lon, entry.lat]},
        "properties": {
            "register": entry.register, "key": entry.key, "name": entry.title, "group": group,
            "light": LIGHTS.get(group, "grey"),
        },
    }  # fmt: skip
