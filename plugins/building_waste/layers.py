"""A layer of the map: trucks where their terminals last were, by what they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.hooks import MapLayer
from engine.models import SensorDevice, SensorState
from plugins.building_waste.places import TRUCK

Box = tuple[float, float, float, float]
COLOURS = {"loaded": "#f59f00", "empty": "#2fb344", "silent": "#868e96"}


def trucks(session: Session, view: Box, most: int) -> Iterator[Mapping[str, Any]]:
    """Trucks with a position; ``group`` is loaded, empty or silent."""
    west, south, east, north = view
    query = (
        select(SensorDevice, SensorState)
        .join(SensorState, SensorState.device_id == SensorDevice.id)
        .where(SensorDevice.kind == TRUCK, SensorDevice.state == "active")
        .where(SensorState.lon.between(west, east), SensorState.lat.between(south, north))
        .order_by(SensorDevice.code)
        .limit(most)
    )
    for device, state in session.execute(query):
        load = float(state.values.get("load") or 0)
        group = "silent" if state.silent_since else "loaded" if load > _empty(device) else "empty"
        yield {
            "type": "Feature",
            "id": f"{TRUCK}/{device.code}",
            "geometry": {"type": "Point", "coordinates": [state.lon, state.lat]},
            "properties": {
                "device": device.code, "title": device.vehicle or device.name, "group": group,
                "colour": COLOURS[group], "load_t": load, "speed_km_h": state.values.get("speed"),
            },
        }  # fmt: skip


def _empty(device: SensorDevice) -> float:
    return float((device.parameters or {}).get("empty_t") or 1)


TRUCKS_LAYER = MapLayer("trucks", "渣土车实时位置", "muck trucks", "point", "building_waste.read", trucks)
