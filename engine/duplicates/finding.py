"""Likely duplicates of a report or a case: what lies near, scored by distance, class, text and time.

The score is the weighted geometric mean of four parts from 0 to 1, so that a part that speaks against the pair cannot
be made up for by another. Parts, weights and reach come from the city's files (``engine.duplicates.rules``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import exp, log
from typing import Any

from sqlalchemy import TextClause, bindparam, select, text
from sqlalchemy.orm import Session

from engine.cases.access import visible
from engine.components.cells import padded, spans_of
from engine.components.finding import box_around
from engine.duplicates.rules import CLASS_DIGITS, Confusion, Weighing, load_rules
from engine.duplicates.words import likeness
from engine.ground.features import distance_m
from engine.models import Case
from engine.models.base import Moment
from engine.organisation.actor import Actor
from engine.platform import Platform

OPEN = ("reported", "filed", "dispatched", "suspended")
MOST_NEAR = 400
"""Cases within reach that are looked at; in the thickest heap the latest count."""
SAME_SUBCLASS, CONFUSABLE, SAME_CLASS, OTHER_CLASS = "same_subclass", "confusable", "same_class", "other"
CLASS_PART = {SAME_SUBCLASS: 1.0, SAME_CLASS: 0.5, OTHER_CLASS: 0.15}
EDGE = 0.1
"""What the distance counts at the edge of the radius."""
SILENT = 0.5
"""What a text counts that says nothing; two texts that share nothing count ``UNLIKE``."""
UNLIKE, OLD = 0.25, 0.1


@dataclass(frozen=True)
class Likely:
    """A case that may tell of the same problem. ``text_likeness`` is none when one of the texts says nothing.

    ``class_part`` is same_subclass, confusable, same_class or other; ``hours_before`` is how long before this report
    the other one came, below 0 when it came later.
    """

    case_id: int
    number: str
    title: str
    status: str
    kind: str
    full_code: str
    description: str
    address: str
    lon: float
    lat: float
    reported_at: datetime
    closed_at: datetime | None
    distance_m: float
    class_part: str
    class_likeness: float
    text_likeness: float | None
    hours_before: float
    same_component: bool
    score: float


def likely_duplicates(
    session: Session,
    platform: Platform,
    *,
    text: str,
    full_code: str,
    lon: float | None,
    lat: float | None,
    now: datetime,
    limit: int = 5,
    exclude: int | None = None,
    kind: str | None = None,
    component_code: str | None = None,
    actor: Actor | None = None,
) -> list[Likely]:
    """The cases most likely to tell of the same problem, best first; only those the ``actor`` sees, when one is given.

    Open cases and those closed lately are looked at, within the radius of the class. ``now`` is when the problem was
    reported; ``kind`` tells the component and the event of one code apart; ``exclude`` is the id of the case itself.
    A report without a place has none. Raises CityBroken when the city's files are broken.
    """
    if lon is None or lat is None:
        return []
    rules = load_rules(platform.city)
    weighing = rules.weighing.of(kind, full_code)
    mine = Mine(text, kind, full_code, lon, lat, now, component_code)
    found = [
        judged
        for row in cases_near(session, lon, lat, weighing.radius_m, now - timedelta(hours=weighing.closed_h))
        if row.id != exclude and (judged := judge(mine, row, weighing, rules.confusion)) is not None
    ]
    found.sort(key=lambda each: (-each.score, each.distance_m, each.case_id))
    if actor is not None and found and not actor.may("case.read_all"):
        ids = [each.case_id for each in found]
        seen = visible(actor, platform.host.directory)
        may = set(session.scalars(select(Case.id).where(Case.id.in_(ids), seen)))
        found = [each for each in found if each.case_id in may]
    return found[:limit]


def duplicates_of(
    session: Session, platform: Platform, actor: Actor, case: Case, now: datetime, limit: int = 5
) -> list[Likely]:
    """The likely duplicates of a case that the actor sees."""
    return likely_duplicates(
        session, platform, text=case.description, full_code=case.full_code, kind=case.kind, lon=case.lon, lat=case.lat,
        now=case.reported_at, limit=limit, exclude=case.id, component_code=case.component_code, actor=actor,
    )  # fmt: skip


@dataclass(frozen=True)
class Mine:
    """The report others are held against."""

    text: str
    kind: str | None
    full_code: str
    lon: float
    lat: float
    at: datetime
    component_code: str | None


def judge(mine: Mine, row: Any, weighing: Weighing, confusion: Confusion) -> Likely | None:
    """One case held against the report; none when it is out of reach or too unlike."""
    distance = distance_m(mine.lon, mine.lat, row.lon, row.lat)
    same_component = bool(mine.component_code) and mine.component_code == row.component_code
    if distance > weighing.radius_m and not same_component:
        return None
    part, class_likeness = class_part(mine, row, confusion)
    if same_component:
        part, class_likeness, near = SAME_SUBCLASS, 1.0, 1.0
    else:
        near = 1 - (1 - EDGE) * distance / weighing.radius_m
    hours = (mine.at - row.reported_at).total_seconds() / 3600
    fresh = max(0.5 ** (abs(hours) / weighing.half_life_h), OLD)
    parts = (
        (near, weighing.w_distance), (class_likeness, weighing.w_class), (fresh, weighing.w_time),
    )  # fmt: skip
    if weighted(*parts, (1.0, weighing.w_text)) < weighing.least:
        return None  # whatever it says
    alike = likeness(mine.text, row.description)
    told = SILENT if alike is None else UNLIKE + (1 - UNLIKE) * min(1.0, alike)
    score = weighted(*parts, (told, weighing.w_text))
    if score < weighing.least:
        return None
    return Likely(
        row.id, row.number, row.title, row.status, row.kind, row.full_code, row.description, row.address, row.lon,
        row.lat, row.reported_at, row.closed_at, round(distance, 1), part, class_likeness,
        None if alike is None else round(alike, 2), round(hours, 2), same_component, round(score, 3),
    )  # fmt: skip


def class_part(mine: Mine, row: Any, confusion: Confusion) -> tuple[str, float]:
    """How the two classes are related and how much that counts."""
    same_kind = mine.kind in (None, row.kind)
    if same_kind and mine.full_code == row.full_code:
        return SAME_SUBCLASS, CLASS_PART[SAME_SUBCLASS]
    kinds = (mine.kind,) if mine.kind else ("component", "event")
    confused = max(confusion.likeness((kind, mine.full_code), (row.kind, row.full_code)) for kind in kinds)
    if confused:
        return CONFUSABLE, confused
    same_class = same_kind and mine.full_code[:CLASS_DIGITS] == row.full_code[:CLASS_DIGITS]
    part = SAME_CLASS if same_class else OTHER_CLASS
    return part, CLASS_PART[part]


def weighted(*parts: tuple[float, float]) -> float:
    """The geometric mean of (value, weight)."""
    return exp(sum(weight * log(value) for value, weight in parts) / sum(weight for _, weight in parts))


def cases_near(session: Session, lon: float, lat: float, radius_m: float, closed_since: datetime) -> Sequence[Any]:
    """Open cases and those closed since then in the box around a point, by the index of cells."""
    area = box_around(lon, lat, radius_m)
    spans = padded(spans_of(area))
    values: dict[str, Any] = dict(zip(("west", "south", "east", "north"), area, strict=True))
    for at, (low, high) in enumerate(spans):
        values |= {f"low{at}": low, f"high{at}": high}
    return session.execute(_query(len(spans)), {**values, "since": closed_since, "most": MOST_NEAR}).all()


@lru_cache(maxsize=8)
def _query(spans: int) -> TextClause:
    """One search of the index a range of cells. ``coalesce`` keeps planners from taking the index of states instead."""
    columns = (
        "id, number, title, status, kind, full_code, description, address, lon, lat, component_code, reported_at, "
        "closed_at"
    )
    part = (
        f"SELECT {columns} FROM city_case WHERE cell BETWEEN :low{{at}} AND :high{{at}} "
        "AND lon BETWEEN :west AND :east AND lat BETWEEN :south AND :north "
        f"AND (coalesce(status, '') IN ({_listed(OPEN)}) OR (coalesce(status, '') = 'closed' AND closed_at >= :since))"
    )
    parts = " UNION ALL ".join(part.format(at=at) for at in range(spans))
    query = text(f"SELECT * FROM ({parts}) AS near ORDER BY reported_at DESC LIMIT :most")
    moments = {"reported_at": Moment(), "closed_at": Moment()}
    return query.bindparams(bindparam("since", type_=Moment())).columns(**moments)  # type: ignore[return-value]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
