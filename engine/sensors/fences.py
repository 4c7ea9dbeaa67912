"""Geofences: areas and corridors, with hysteresis. A device enters by being inside and leaves only beyond a margin."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from shapely import Point, STRtree
from shapely.errors import ShapelyError
from shapely.geometry import shape

from engine.sensors.windows import Window

DEGREE_M = 111_320.0
AREAS, LINES = ("Polygon", "MultiPolygon"), ("LineString", "MultiLineString")
MOST_WIDTH_M, MOST_MARGIN_M = 2_000.0, 1_000.0
ENTER, LEAVE = "enter", "leave"


@dataclass(frozen=True)
class Fence:
    """An area, or a corridor ``width_m`` wide around a line. ``geometry`` is GeoJSON, WGS-84.

    A device has entered after ``confirm`` readings in a row inside, and left after as many farther than ``margin_m``
    outside. It concerns the devices of ``kinds`` and ``devices``, and those that name it in their parameters.
    """

    code: str
    name: str
    name_en: str
    geometry: Mapping[str, Any]
    group: str = ""
    kinds: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    width_m: float = 0.0
    margin_m: float = 10.0
    confirm: int = 1
    windows: tuple[Window, ...] = ()

    def is_active(self, local: datetime, workday: bool) -> bool:
        """Whether one of its time windows is open; always when it has none."""
        return not self.windows or any(window.is_open(local, workday) for window in self.windows)


@dataclass(frozen=True)
class Crossing:
    """A device entered or left a fence."""

    fence: str
    kind: str
    stayed_s: float | None = None


@dataclass(frozen=True)
class Nearness:
    """How a point lies to the fences: metres outside of those that are near, 0 inside. Others are far away."""

    metres: Mapping[str, float] = field(default_factory=dict)


class Fences:
    """All fences of a city on a plane of metres. Built once; built again when one changes."""

    def __init__(self, fences: Iterable[Fence]) -> None:
        self.by_code = {each.code: each for each in fences}
        self._codes = list(self.by_code)
        shapes = [shape(dict(each.geometry)) for each in self.by_code.values()]
        middle = np.mean([area.bounds[1] for area in shapes]) if shapes else 0.0
        self._scale = (DEGREE_M * cos(radians(float(middle))), DEGREE_M)
        self._shapes = np.empty(len(shapes), dtype=object)
        self._shapes[:] = [self._widened(area, each) for area, each in zip(shapes, self.by_code.values(), strict=True)]
        shapely.prepare(self._shapes)
        self._tree = STRtree(self._shapes)
        self._reach_m = max((each.margin_m for each in self.by_code.values()), default=0.0)
        self._of_device: dict[tuple[str, str, str], dict[str, tuple[str, ...]]] = {}

    def _widened(self, area: Any, fence: Fence) -> Any:
        flat = shapely.transform(area, lambda at: at * np.array(self._scale))
        return flat.buffer(fence.width_m / 2) if area.geom_type in LINES else flat

    @cached_property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Codes by group."""
        found: dict[str, list[str]] = {}
        for each in self.by_code.values():
            if each.group:
                found.setdefault(each.group, []).append(each.code)
        return {group: tuple(codes) for group, codes in found.items()}

    def concerning(self, kind: str, device: str, named: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
        """The fences of a device by the word under which rules ask for them: code, group, or the device's own name.

        :param named: ``fences`` of the device's parameters: a word, and the code or codes it stands for.
        """
        key = kind, device, repr(named)
        if key not in self._of_device:
            if len(self._of_device) > 100_000:
                self._of_device.clear()
            self._of_device[key] = self._concerning(kind, device, named)
        return self._of_device[key]

    def _concerning(self, kind: str, device: str, named: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for each in self.by_code.values():
            if kind in each.kinds or device in each.devices:
                found.setdefault(each.code, []).append(each.code)
                if each.group:
                    found.setdefault(each.group, []).append(each.code)
        for word, codes in named.items():
            listed = [codes] if isinstance(codes, str) else list(codes)
            found[word] = [code for code in listed if code in self.by_code]
        return {word: tuple(dict.fromkeys(codes)) for word, codes in found.items()}

    def look(self, lon: float, lat: float) -> Nearness:
        """How a point lies to the fences."""
        if not self._codes:
            return Nearness()
        point = Point(lon * self._scale[0], lat * self._scale[1])
        near = self._tree.query(point, predicate="dwithin", distance=self._reach_m)
        apart = shapely.distance(self._shapes[near], point)
        return Nearness({self._codes[at]: float(far) for at, far in zip(near.tolist(), apart.tolist(), strict=True)})


def move(
    fences: Fences, codes: Container[str], near: Nearness, before: Mapping[str, Any], at: datetime, *, first: bool
) -> tuple[dict[str, Any], list[Crossing]]:
    """Where a device is after a position: its new state by fence, and what it crossed.

    ``before`` and the result hold the fences it is or was inside of: ``inside``, ``since`` (ISO), and ``again``, how
    many readings in a row said other. Of the others it is outside. The ``first`` position crosses nothing.
    """
    after: dict[str, Any] = {}
    crossed: list[Crossing] = []
    for code in sorted(before.keys() | near.metres.keys()):
        if code not in codes:
            continue
        fence, far = fences.by_code[code], near.metres.get(code)
        was = before.get(code) or {"inside": False, "since": None, "again": 0}
        inside = far == 0.0 if not was["inside"] else far is not None and far <= fence.margin_m
        if inside == was["inside"]:
            if was["since"] is not None:
                after[code] = {**was, "again": 0}
        elif first:
            after[code] = {"inside": inside, "since": at.isoformat(), "again": 0}
        elif was["again"] + 1 < fence.confirm:
            after[code] = {**was, "again": was["again"] + 1}
        else:
            stayed = None if inside else (at - datetime.fromisoformat(was["since"])) / timedelta(seconds=1)
            crossed.append(Crossing(code, ENTER if inside else LEAVE, stayed))
            after[code] = {"inside": inside, "since": at.isoformat(), "again": 0}
    return after, crossed


def geometry_fault(geometry: Any) -> str:
    """What is wrong with the geometry of a fence, empty when nothing is."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in (*AREAS, *LINES):
        return f"the geometry is {kind or 'missing'}, neither an area nor a line"
    try:
        area = shape(dict(geometry))
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError) as error:
        return f"the geometry cannot be read: {error}"
    if area.is_empty:
        return "the geometry is empty"
    if not area.is_valid:
        return f"the geometry is not valid: {shapely.is_valid_reason(area)}"
    west, south, east, north = area.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return f"the coordinates ({west:.1f}, {south:.1f}) are no longitude and latitude in degrees"
    return ""
