"""Layers of the map: illegal buildings still there by stage, findings nobody has settled."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import MapLayer
from engine.models import RegisterEntry
from plugins.illegal_build.findings import FINDINGS
from plugins.illegal_build.indicators import ENDED
from plugins.illegal_build.operators import BUILDINGS

View = tuple[float, float, float, float]
SETTLED = ("illegal", "legal", "no_building", "filed")


def _shown(
    session: Session, register: str, column: str, left_out: Collection[str], view: View, most: int
) -> Iterator[Mapping[str, Any]]:
    west, south, east, north = view
    state = RegisterEntry.values[column].as_string()
    rows = session.scalars(
        select(RegisterEntry)
        .where(
            RegisterEntry.register == register, RegisterEntry.gone_at.is_(None), state.not_in(left_out),
            RegisterEntry.lon.between(west, east), RegisterEntry.lat.between(south, north),
        )
        .order_by(RegisterEntry.key)
        .limit(most)
    )  # fmt: skip
    for row in rows:
        yield {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": {
                "register": register, "key": row.key, "title": row.title, column: row.values.get(column),
                "area": row.values.get("area"),
            },
        }  # fmt: skip


def buildings(session: Session, view: View, most: int) -> Iterator[Mapping[str, Any]]:
    """Buildings whose file is open, each with its stage."""
    return _shown(session, BUILDINGS, "stage", ENDED, view, most)


def findings(session: Session, view: View, most: int) -> Iterator[Mapping[str, Any]]:
    """Findings that are new or being checked."""
    return _shown(session, FINDINGS, "status", SETTLED, view, most)


LAYERS = (
    MapLayer("buildings", "在办违建（按阶段）", "illegal buildings by stage", "point", "illegal_build.read", buildings),
    MapLayer("findings", "待核查图斑", "findings to be checked", "point", "illegal_build.read", findings),
)
