"""The case (案卷) and all that hangs on it: units, clocks, history, supervision, evaluation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.models.base import Base


def _where(name: str, condition: str, *columns: str) -> Index:
    """An index of the rows that meet a condition."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class Case(Base):
    """A problem on the street from its report on. Times are aware UTC; limits and clocks live in CaseClock.

    ``status``: reported, filed, dispatched, suspended, closed, rejected, merged or voided.
    ``stage``: the stage of the task that matters now (see docs/reference/diagrams.md), empty when nothing is open.
    ``cell`` is the place as ``engine.components.cells`` numbers it; ``merged_reports`` counts the cases merged into
    this one; ``no_report`` holds the codes of the no-report rules it was reported under, separated by blanks.

    A case of ``kind`` matter began with a department's procedure (``matter``, see engine.matters): it has no class and
    no cell, so that nothing takes it for a problem on the street. ``origin`` is the number of the case it was opened
    beside.
    """

    __tablename__ = "city_case"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    external_id: Mapped[str | None] = mapped_column(index=True)
    status: Mapped[str]
    stage: Mapped[str]
    title: Mapped[str]
    description: Mapped[str] = mapped_column(Text)
    kind: Mapped[str]
    full_code: Mapped[str] = mapped_column(index=True)
    condition_no: Mapped[int | None]
    catalogue_version_id: Mapped[int | None] = mapped_column(ForeignKey("catalogue_version.id"))
    limit_text: Mapped[str]
    source: Mapped[str]
    urgent: Mapped[bool]
    self_handled: Mapped[bool]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    address: Mapped[str]
    component_code: Mapped[str | None]
    grid_code: Mapped[str | None] = mapped_column(index=True)
    duty_grid_code: Mapped[str | None] = mapped_column(index=True)
    community_code: Mapped[str | None]
    subdistrict_code: Mapped[str | None] = mapped_column(index=True)
    district_code: Mapped[str | None] = mapped_column(index=True)
    area_class: Mapped[str]
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reporter_name: Mapped[str]
    reporter_phone: Mapped[str]
    lead_department: Mapped[str | None] = mapped_column(index=True)
    reported_at: Mapped[datetime] = mapped_column(index=True)
    filed_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    handled_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    close_kind: Mapped[str | None]
    on_time: Mapped[bool | None]
    overdue_excluded: Mapped[bool]
    satisfaction: Mapped[str | None]
    extensions: Mapped[int]
    suspensions: Mapped[int]
    reworks: Mapped[int]
    returns: Mapped[int]
    supervisions: Mapped[int]
    appeals: Mapped[int]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("city_case.id"))
    cell: Mapped[int | None] = mapped_column(BigInteger)
    merged_reports: Mapped[int] = mapped_column(default=0, server_default="0")
    no_report: Mapped[str | None]
    matter: Mapped[str | None]
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    units: Mapped[list[CaseUnit]] = relationship(order_by="CaseUnit.id", cascade="all, delete-orphan")
    clocks: Mapped[list[CaseClock]] = relationship(order_by="CaseClock.id", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this attribute from the class
    __table_args__ = (
        Index("ix_city_case_status_id", "status", "id"),
        Index("ix_city_case_cell", "cell", "reported_at"),
        # Few cases are merged or reported where nothing is to be reported: these indexes stay small.
        _where("ix_city_case_merged_into", "merged_into_id IS NOT NULL", "merged_into_id"),
        _where("ix_city_case_reporter_phone", "reporter_phone <> ''", "reporter_phone", "reported_at"),
        _where("ix_city_case_no_report", "no_report IS NOT NULL", "reported_at"),
        _where("ix_city_case_matter", "matter IS NOT NULL", "matter", "reported_at"),
    )


class CaseUnit(Base):
    """A unit responsible for a case; ``part`` is lead or assist; one that was taken off keeps its row."""

    __tablename__ = "case_unit"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    department_code: Mapped[str] = mapped_column(index=True)
    part: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None]


class CaseClock(Base):
    """A clock of a case. It runs while ``running_since`` is set.

    ``original``, ``total`` and ``used`` are seconds on the limit's own measure; ``fired`` holds the shares whose timers
    have fired, by process and element.
    """

    __tablename__ = "case_clock"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    name: Mapped[str]
    limit_text: Mapped[str]
    original: Mapped[float]
    total: Mapped[float]
    used: Mapped[float]
    running_since: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    fired: Mapped[dict[str, Any]]
    spans: Mapped[list[ClockSpan]] = relationship(order_by="ClockSpan.id", cascade="all, delete-orphan")


class ClockSpan(Base):
    """One stretch in which a clock ran or was paused, and why it began."""

    __tablename__ = "clock_span"
    id: Mapped[int] = mapped_column(primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("case_clock.id"), index=True)
    running: Mapped[bool]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str]


class CaseEvent(Base):
    """One line of a case's history; only ever added."""

    __tablename__ = "case_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    stage: Mapped[str]
    process: Mapped[str]
    element: Mapped[str]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    actor_role: Mapped[str]
    department_code: Mapped[str | None]
    data: Mapped[dict[str, Any]]


class Supervision(Base):
    """A formal urging (督办) with its instruction and, later, the unit's reply."""

    __tablename__ = "supervision"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    level: Mapped[int]
    instruction: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    opened_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reply: Mapped[str | None] = mapped_column(Text)
    replied_at: Mapped[datetime | None]


class CaseLink(Base):
    """Two cases that belong together: ``merged``, ``split``, ``related``, or the process of a case opened beside.

    A link that was undone keeps its row with ``removed_at``.
    """

    __tablename__ = "case_link"
    id: Mapped[int] = mapped_column(primary_key=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    to_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    kind: Mapped[str]
    created_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    removed_at: Mapped[datetime | None]


class Evaluation(Base):
    """The facts of a closed case that evaluation counts; ``facts`` is rewritten when an appeal is granted."""

    __tablename__ = "evaluation"
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), primary_key=True)
    department_code: Mapped[str | None] = mapped_column(index=True)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    facts: Mapped[dict[str, Any]]
    evaluated_at: Mapped[datetime]


class Counter(Base):
    """A named serial, drawn inside the transaction that uses it."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int]
    __table_args__ = (UniqueConstraint("name"),)
