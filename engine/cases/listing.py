"""Find cases: filters, sort orders and pages over what the actor may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import Session, selectinload

from engine.cases import clocks
from engine.cases.access import visible_cases
from engine.cases.paging import Order, Page, fetch_page, moment_key
from engine.errors import Invalid
from engine.models import Case, CaseClock, CaseUnit
from engine.organisation.actor import Actor
from engine.organisation.directory import Directory

ENDED = ("closed", "rejected", "merged", "voided")
ANY_MATTER, NO_MATTER = "any", "none"
BBox = tuple[float, float, float, float]


@dataclass(frozen=True)
class CaseFilter:
    """What a list of cases is narrowed to; empty parts narrow nothing. ``bbox`` is west, south, east, north.

    ``matter`` is the name of one, ``any`` for all matters, ``none`` for problems on the street alone.
    """

    status: Sequence[str] = ()
    stage: Sequence[str] = ()
    source: Sequence[str] = ()
    department: str | None = None
    district: str | None = None
    subdistrict: str | None = None
    grid: str | None = None
    kind: str | None = None
    full_code: str | None = None
    matter: str | None = None
    urgent: bool | None = None
    overdue: bool | None = None
    no_report: bool | None = None
    reported_from: datetime | None = None
    reported_to: datetime | None = None
    q: str | None = None
    bbox: BBox | None = None

    def conditions(self, now: datetime) -> Iterator[ColumnElement[bool]]:
        """The SQL of every part that is set."""
        for column, wanted in ((Case.status, self.status), (Case.stage, self.stage), (Case.source, self.source)):
            if wanted:
                yield column.in_(tuple(wanted))
        equal: tuple[tuple[Any, object], ...] = (
            (Case.district_code, self.district), (Case.subdistrict_code, self.subdistrict), (Case.grid_code, self.grid),
            (Case.kind, self.kind), (Case.full_code, self.full_code), (Case.urgent, self.urgent),
        )  # fmt: skip
        for place, value in equal:
            if value is not None:
                yield place == value
        if self.matter is not None:
            yield in_matter(self.matter)
        if self.department is not None:
            yield handled_by(self.department)
        if self.overdue is not None:
            yield overdue_at(now) if self.overdue else ~overdue_at(now)
        if self.no_report is not None:
            yield Case.no_report.is_not(None) if self.no_report else Case.no_report.is_(None)
        if self.reported_from is not None:
            yield Case.reported_at >= self.reported_from
        if self.reported_to is not None:
            yield Case.reported_at < self.reported_to
        if self.q:
            columns = (Case.number, Case.address, Case.title, Case.description)
            yield or_(*(column.icontains(self.q, autoescape=True) for column in columns))
        if self.bbox is not None:
            west, south, east, north = self.bbox
            yield and_(Case.lon.between(west, east), Case.lat.between(south, north))


def in_matter(name: str) -> ColumnElement[bool]:
    """Cases of a matter; ``any`` for all matters, ``none`` for problems on the street."""
    if name == NO_MATTER:
        return Case.matter.is_(None)
    return Case.matter.is_not(None) if name == ANY_MATTER else Case.matter == name


def handled_by(department: str) -> ColumnElement[bool]:
    """Cases a department leads or assists in, now."""
    assists = exists().where(
        CaseUnit.case_id == Case.id, CaseUnit.department_code == department, CaseUnit.until.is_(None)
    )
    return or_(Case.lead_department == department, assists)


def overdue_at(now: datetime) -> ColumnElement[bool]:
    """The handling limit is used up: by now, while the clock pauses, or when the case was closed."""
    paused = exists().where(
        CaseClock.case_id == Case.id, CaseClock.name == clocks.HANDLING, CaseClock.stopped_at.is_(None),
        CaseClock.running_since.is_(None), CaseClock.used > CaseClock.total,
    )  # fmt: skip
    late_now = and_(Case.due_at.is_not(None), Case.due_at < now)
    return or_(
        and_(Case.status.not_in(ENDED), or_(late_now, paused)), and_(Case.status == "closed", Case.on_time.is_(False))
    )


ORDERS = {
    order.name: order
    for order in (
        Order("-reported_at", Case.reported_at.expression, Case.id, True, datetime.fromisoformat),
        Order("reported_at", Case.reported_at.expression, Case.id, False, datetime.fromisoformat),
        Order("due_at", moment_key(Case.due_at), Case.id, False, datetime.fromisoformat),
        Order("-due_at", moment_key(Case.due_at), Case.id, True, datetime.fromisoformat),
        Order("number", Case.number.expression, Case.id, False),
        Order("-number", Case.number.expression, Case.id, True),
    )
}


def list_cases(
    session: Session,
    actor: Actor,
    directory: Directory,
    wanted: CaseFilter,
    now: datetime,
    *,
    sort: str = "-reported_at",
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """One page of the cases the actor sees. Raises Invalid for an unknown sort order or cursor."""
    order = ORDERS.get(sort)
    if order is None:
        raise Invalid(f"cases are not sorted by {sort!r}; use one of {', '.join(ORDERS)}", field="sort")
    query = visible_cases(actor, directory).where(*wanted.conditions(now)).options(selectinload(Case.clocks))
    return fetch_page(session, query, order, limit=limit, cursor=cursor)


def read_bbox(text: str) -> BBox:
    """``west,south,east,north`` in degrees. Raises Invalid naming what is wrong."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError as error:
        raise Invalid("bbox is not four numbers; write west,south,east,north in degrees", field="bbox") from error
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise Invalid("bbox is empty or off the earth; west must be below east, south below north", field="bbox")
    return west, south, east, north
