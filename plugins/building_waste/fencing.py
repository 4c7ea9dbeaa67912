"""The fences of a project: the corridor of its route with its hours, and its site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from engine.models import RegisterEntry
from engine.sensors.fence_changes import write_fence
from engine.sensors.sensing import Sensing
from plugins.building_waste.places import ROUTE, circle, route_code, site_code


def write_project(
    session: Session, sensing: Sensing, project: RegisterEntry, points: Sequence[Sequence[float]],
    windows: Sequence[str], devices: Sequence[str], now: datetime, *, width_m: float, radius_m: float,
) -> str:  # fmt: skip
    """Write both fences for these devices; returns the code of the route's. The caller commits. Raises Invalid."""
    code = route_code(project.key)
    route = {
        "code": code, "name": f"{project.title}核准路线", "name_en": f"Route of {project.title}", "group": ROUTE,
        "devices": list(devices), "width_m": width_m, "margin_m": 30.0, "confirm": 2, "windows": list(windows),
    }  # fmt: skip
    line = {"type": "LineString", "coordinates": [list(point) for point in points]}
    write_fence(session, sensing, code, route, line, now)
    if project.lon is not None and project.lat is not None:
        site = {
            "code": site_code(project.key), "name": f"{project.title}工地", "name_en": f"Site of {project.title}",
            "group": "site", "devices": list(devices), "margin_m": 30.0,
        }  # fmt: skip
        write_fence(session, sensing, site_code(project.key), site, circle(project.lon, project.lat, radius_m), now)
    return code
