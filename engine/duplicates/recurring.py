"""Problems that come back: the same subclass, so many times within so many metres and days (``recurring.csv``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from engine.cases.access import visible
from engine.components.cells import spans_of
from engine.components.finding import box_around
from engine.duplicates.finding import OPEN
from engine.duplicates.rules import ByClass, Recurrence, load_rules
from engine.ground.features import METRES_A_DEGREE, distance_m
from engine.models import Case
from engine.organisation.actor import Actor
from engine.platform import Platform

NOT_COUNTED = ("rejected", "voided", "merged")
"""What was no problem, or was the same report again, makes nothing recurring."""
SHOWN = 20
"""Cases named for one place, the latest first."""
COLUMNS = (
    Case.id, Case.number, Case.title, Case.status, Case.kind, Case.full_code, Case.lon, Case.lat, Case.address,
    Case.district_code, Case.subdistrict_code, Case.reported_at,
)  # fmt: skip


@dataclass(frozen=True)
class RecurringCase:
    """One time a problem was reported."""

    number: str
    status: str
    reported_at: datetime


@dataclass(frozen=True)
class RecurringPlace:
    """A problem that came back to a place. ``lon``, ``lat``: the middle of its cases; ``open_now`` of them are open.

    ``amount`` cases within ``radius_m`` and ``days``; ``cases`` names the latest of them, the latest first.
    """

    kind: str
    full_code: str
    title: str
    lon: float
    lat: float
    address: str
    district_code: str | None
    subdistrict_code: str | None
    amount: int
    open_now: int
    radius_m: float
    days: int
    first_at: datetime
    last_at: datetime
    cases: tuple[RecurringCase, ...]


def recurrence_of(session: Session, platform: Platform, actor: Actor, case: Case) -> RecurringPlace | None:
    """What a case is the latest time of, as the actor may see it; none where it is not that often."""
    if case.lon is None or case.lat is None or case.status in NOT_COUNTED:
        return None
    rule = load_rules(platform.city).recurrence.of(case.kind, case.full_code)
    since = case.reported_at - timedelta(days=rule.days)
    spans = spans_of(box_around(case.lon, case.lat, rule.radius_m))
    # Only the cells lead into an index: of one class there may be a million cases, of one place there are few.
    query = select(*COLUMNS).where(
        or_(*(Case.cell.between(low, high) for low, high in spans)),
        func.coalesce(Case.full_code, "") == case.full_code,
        func.coalesce(Case.status, "").not_in(NOT_COUNTED), visible(actor, platform.host.directory),
    )  # fmt: skip
    near = [
        row
        for row in session.execute(query)
        if row.kind == case.kind
        and since < row.reported_at <= case.reported_at
        and distance_m(case.lon, case.lat, row.lon, row.lat) <= rule.radius_m
    ]
    return describe_place(near, rule) if len(near) >= rule.times else None


def recurring_places(
    session: Session,
    platform: Platform,
    actor: Actor,
    now: datetime,
    *,
    kind: str | None = None,
    full_code: str | None = None,
    district: str | None = None,
    limit: int = 100,
) -> list[RecurringPlace]:
    """The places a problem keeps coming back to, up to now, most often first.

    A case belongs to one place at most: the thickest heap is taken first, then the thickest of what is left.
    """
    rules = load_rules(platform.city).recurrence
    longest = max(rule.days for rule in rules.rows.values())
    query = select(*COLUMNS).where(
        Case.cell.is_not(None), Case.status.not_in(NOT_COUNTED), Case.reported_at <= now,
        Case.reported_at > now - timedelta(days=longest), visible(actor, platform.host.directory),
    )  # fmt: skip
    for column, wanted in ((Case.kind, kind), (Case.full_code, full_code), (Case.district_code, district)):
        if wanted is not None:
            query = query.where(column == wanted)
    by_class: dict[tuple[str, str], list[Any]] = {}
    for row in session.execute(query.order_by(Case.id)):
        by_class.setdefault((row.kind, row.full_code), []).append(row)
    found = [place for key in sorted(by_class) for place in places_of(by_class[key], rules, key, now)]
    found.sort(key=lambda place: (-place.amount, -place.last_at.timestamp(), place.cases[0].number))
    return found[:limit]


def places_of(
    rows: list[Any], rules: ByClass[Recurrence], key: tuple[str, str], now: datetime
) -> Iterator[RecurringPlace]:
    """The recurring places of one subclass."""
    rule = rules.of(*key)
    since = now - timedelta(days=rule.days)
    late = [row for row in rows if row.reported_at > since]
    if len(late) >= rule.times:
        for members in heaps_of([(row.lon, row.lat) for row in late], rule):
            yield describe_place([late[at] for at in members], rule)


def heaps_of(points: Sequence[tuple[float, float]], rule: Recurrence) -> Iterator[list[int]]:
    """Indices of points within the radius of one of them, at least ``times`` of them, no point twice."""
    degrees = np.asarray(points, dtype=np.float64)
    across = METRES_A_DEGREE * cos(radians(float(degrees[:, 1].mean())))
    flat: Any = shapely.points(degrees * np.array([across, METRES_A_DEGREE]))
    ones, others = shapely.STRtree(flat).query(flat, predicate="dwithin", distance=rule.radius_m)
    order = np.lexsort((others, ones))
    ends = np.searchsorted(ones[order], np.arange(len(points) + 1))
    near = others[order]
    free = np.ones(len(points), dtype=bool)
    amounts = np.diff(ends)
    heap = [(-int(amounts[at]), int(at)) for at in np.flatnonzero(amounts >= rule.times)]
    heapify(heap)
    while heap:
        amount, at = heap[0]
        members = near[ends[at] : ends[at + 1]]
        members = members[free[members]]
        if len(members) < rule.times or not free[at]:
            heappop(heap)
        elif len(members) < -amount:
            heapreplace(heap, (-len(members), at))
        else:
            heappop(heap)
            free[members] = False
            yield members.tolist()


def describe_place(rows: Sequence[Any], rule: Recurrence) -> RecurringPlace:
    """A place from its cases."""
    latest = sorted(rows, key=lambda row: (row.reported_at, row.id), reverse=True)
    first = latest[0]
    return RecurringPlace(
        first.kind, first.full_code, first.title, round(sum(row.lon for row in rows) / len(rows), 6),
        round(sum(row.lat for row in rows) / len(rows), 6),
        next((row.address for row in latest if row.address), ""), first.district_code, first.subdistrict_code,
        len(rows), sum(row.status in OPEN for row in rows), rule.radius_m, rule.days, latest[-1].reported_at,
        first.reported_at, tuple(RecurringCase(row.number, row.status, row.reported_at) for row in latest[:SHOWN]),
    )  # fmt: skip
