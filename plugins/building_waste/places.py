"""Where sites lie: their fences, and the registers they are kept in."""

from __future__ import annotations

import re
from math import cos, pi, radians, sin
from typing import Any

PROJECTS, VEHICLES, CARRIERS = "building_waste_projects", "building_waste_vehicles", "building_waste_carriers"
SITES, MANIFESTS = "building_waste_disposal_sites", "building_waste_manifests"
TRUCK = "building_waste.truck"
DISPOSAL = "disposal"
"""The word by which rules ask for the fences of disposal sites."""
ROUTE = "route"
"""The word of a truck's licensed routes."""
DEGREE_M = 111_320.0
CORNERS = 24


def route_code(key: str) -> str:
    """The code of a project's route."""
    return f"{ROUTE}-{key}"


def site_code(key: str) -> str:
    """The code of a building site's fence."""
    return f"site-{key}"


def disposal_code(key: str) -> str:
    """The code of a disposal site's fence."""
    return f"{DISPOSAL}-{key}"


def circle(lon: float, lat: float, radius_m: float) -> dict[str, Any]:
    """A circle around a place (WGS-84) as a GeoJSON polygon."""
    east, north = radius_m / (DEGREE_M * cos(radians(lat))), radius_m / DEGREE_M
    turns = [2 * pi * number / CORNERS for number in range(CORNERS)]
    ring = [[round(lon + east * cos(turn), 7), round(lat + north * sin(turn), 7)] for turn in turns]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def read_plates(text: str) -> list[str]:
    """Plates of a text, separated by ``、``, commas, semicolons or blanks; each once, in order."""
    return list(dict.fromkeys(each for each in re.split(r"[、，,;；\s]+", text) if each))
