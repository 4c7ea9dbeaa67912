"""The map: every sign by what is the matter with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import MapLayer
from engine.models import RegisterEntry
from plugins.outdoor_ad.signs import SIGNS

SHOWN = ("title", "kind", "form", "status", "holder", "licence_no", "valid_to", "next_test", "address")


def features(session: Session, view: tuple[float, float, float, float], most: int) -> Iterator[dict[str, Any]]:
    """Signs in a view as GeoJSON points, by number."""
    west, south, east, north = view
    query = select(RegisterEntry).where(
        RegisterEntry.register == SIGNS, RegisterEntry.gone_at.is_(None), RegisterEntry.lon.between(west, east),
        RegisterEntry.lat.between(south, north),
    )  # fmt: skip
    for row in session.scalars(query.order_by(RegisterEntry.key).limit(most)):
        yield {
            "type": "Feature",
            "id": row.key,
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": {"code": row.key, **{name: row.values.get(name) for name in SHOWN}},
        }


SIGNS_LAYER = MapLayer("signs", "户外广告和店招", "advertisements and shop signs", "point", "outdoor_ad.read", features)
