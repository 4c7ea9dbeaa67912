"""Where cases are: the place they were filed in, or their place in another version of the ground. For reports.

A case keeps grid, duty grid, divisions and area class it was filed with; nothing here changes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func
from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.ground.index import Ground, Place
from engine.ground.layer_kinds import AREA_CLASSES
from engine.models import Case

FILED = "filed"
COLUMNS = {
    "grid": Case.grid_code, "duty_grid": Case.duty_grid_code, "community": Case.community_code,
    "subdistrict": Case.subdistrict_code, "district": Case.district_code, "area_class": Case.area_class,
}  # fmt: skip
"""What a case keeps of the place it was filed in."""
CHUNK = 50_000


@dataclass(frozen=True)
class CasePlaces:
    """Cases in a ground: ``ids`` and, for each, a code or None where it is nowhere."""

    ids: NDArray[np.int64]
    codes: list[str | None]


def refuse_unknown(by: str, ground: Ground | None) -> None:
    """Raise Invalid for a kind of area that cases cannot be counted by."""
    layers = sorted({area.layer for area in ground.layers.areas}) if ground else []
    known = [*COLUMNS, *(["road", *layers] if ground else [])]
    if by not in known:
        more = "" if ground else ", or name a version of the ground to count by road or layer"
        raise Invalid(f"cases are not counted by {by!r}; use one of {', '.join(known)}{more}", field="by")


def count_cases(
    session: Session, cases: Select[Any], by: str, ground: Ground | None, zone: ZoneInfo
) -> dict[str | None, int]:
    """How many cases each area has; under None those that have none.

    :param cases: a query of cases, as ``visible_cases`` and the filters of a list make it.
    :param by: a key of ``COLUMNS``; with a ground also ``road`` and the name of a further layer, whose areas may
        share a case. An area that holds on some days only has the cases reported on those.
    :param ground: place the cases again in this ground; none: as they were filed.
    :raises Invalid: cases are not counted by that.
    """
    refuse_unknown(by, ground)
    if ground is None:
        column = COLUMNS[by]
        query = cases.with_only_columns(column, func.count()).group_by(column).order_by(None)
        found: Counter[str | None] = Counter()
        for code, count in session.execute(query):
            found[code or None] += count
        return dict(found)
    total: Counter[str | None] = Counter()
    for points in read_points(session, cases, zone, dated=_dated(ground, by)):
        total.update(codes for each in _codes(ground, by, points) for codes in (each or (None,)))
    return dict(total)


def place_again(session: Session, cases: Select[Any], by: str, ground: Ground, zone: ZoneInfo) -> CasePlaces:
    """The area of every case in a ground, by id; of a layer whose areas overlap, the one of the smallest code.

    For evaluation, which joins it with its own facts. Parameters and errors as in ``count_cases``.
    """
    refuse_unknown(by, ground)
    ids: list[NDArray[np.int64]] = []
    codes: list[str | None] = []
    for points in read_points(session, cases, zone, dated=_dated(ground, by)):
        ids.append(points.ids)
        codes += [each[0] if each else None for each in _codes(ground, by, points)]
    return CasePlaces(np.concatenate(ids) if ids else np.zeros(0, dtype=np.int64), codes)


def filed_place(case: Case) -> Mapping[str, str | None]:
    """The place a case was filed in, as it keeps it."""
    return {
        "grid": case.grid_code, "duty_grid": case.duty_grid_code, "community": case.community_code,
        "subdistrict": case.subdistrict_code, "district": case.district_code, "area_class": case.area_class or None,
    }  # fmt: skip


def place_in(case: Case, ground: Ground, zone: ZoneInfo) -> Place | None:
    """The place of a case in a ground; none when it has no point, or lies in no grid there."""
    if case.lon is None or case.lat is None:
        return None
    return ground.locate(case.lon, case.lat, case.reported_at.astimezone(zone).date())


# Points ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Points:
    """Cases with their points (NaN where there is none) and the days they were reported on, where they matter."""

    ids: NDArray[np.int64]
    east: NDArray[np.float64]
    north: NDArray[np.float64]
    days: NDArray[np.int64] | None


def read_points(session: Session, cases: Select[Any], zone: ZoneInfo, *, dated: bool) -> Iterator[Points]:
    """The cases of a query in chunks."""
    columns: list[Any] = [Case.id, Case.lon, Case.lat, *([Case.reported_at] if dated else [])]
    result = session.execute(cases.with_only_columns(*columns).order_by(None))
    while rows := result.fetchmany(CHUNK):
        table = np.array([row[:3] for row in rows], dtype=np.float64)
        days = np.array([_ordinal(row[3], zone) for row in rows], dtype=np.int64) if dated else None
        yield Points(np.array([row[0] for row in rows], dtype=np.int64), table[:, 1], table[:, 2], days)


def _ordinal(moment: datetime, zone: ZoneInfo) -> int:
    return moment.astimezone(zone).date().toordinal()


def _dated(ground: Ground, by: str) -> bool:
    layer = AREA_CLASSES if by == "area_class" else by
    return any(area.dated for area in ground.layers.areas if area.layer == layer)


def _codes(ground: Ground, by: str, points: Points) -> list[tuple[str, ...]]:
    """The codes of every point's areas; empty outside the grids."""
    found: list[tuple[str, ...]] = [()] * len(points.ids)
    finite = np.flatnonzero(np.isfinite(points.east) & np.isfinite(points.north))
    grids = ground.grids_at(points.east[finite], points.north[finite])
    there = finite[grids >= 0]
    places = [ground.places[at] for at in grids[grids >= 0].tolist()]
    days = None if points.days is None else points.days[there]
    if by == "road":
        roads = ground.roads.nearest_many(points.east[there], points.north[there])
        codes: list[tuple[str, ...]] = [(road,) if road else () for road in roads]
    elif by in COLUMNS:
        codes = [(code,) if (code := getattr(place, by)) else () for place in places]
    else:
        codes = _layer_codes(ground, by, points.east[there], points.north[there], days)
    if by == "area_class":
        own = _layer_codes(ground, AREA_CLASSES, points.east[there], points.north[there], days)
        areas = ground.layers.by_key
        codes = [
            (str(areas[AREA_CLASSES, of[0]].properties["area_class"]),) if of else code
            for of, code in zip(own, codes, strict=True)
        ]
    for at, each in zip(there.tolist(), codes, strict=True):
        found[at] = each
    return found


def _layer_codes(
    ground: Ground, layer: str, east: NDArray[np.float64], north: NDArray[np.float64], days: NDArray[np.int64] | None
) -> list[tuple[str, ...]]:
    """The areas of a layer that hold each point on its day."""
    if days is None:
        hits = ground.layers.at_many(east, north)
        return [tuple(code for of, code in each if of == layer) for each in hits]
    found: list[tuple[str, ...]] = [()] * len(east)
    for day in np.unique(days).tolist():
        ats = np.flatnonzero(days == day)
        for at, each in zip(
            ats.tolist(), ground.layers.at_many(east[ats], north[ats], date.fromordinal(day)), strict=True
        ):
            found[at] = tuple(code for of, code in each if of == layer)
    return found
