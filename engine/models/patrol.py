"""People on the ground: their shifts, tracks, present state, what was found about them, and who looked at it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class DutyShift(Base):
    """A person answers for a duty grid from ``starts_at`` to ``ends_at``.

    ``status``: planned, leave (nobody stands in), replaced (another row ``stands_for_id`` this one) or cancelled.
    ``origin``: pattern (rolled out from the city's files), import, hand.
    """

    __tablename__ = "duty_shift"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    duty_grid_code: Mapped[str]
    shift: Mapped[str]
    team: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[str]
    origin: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    stands_for_id: Mapped[int | None] = mapped_column(ForeignKey("duty_shift.id"))
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    changed_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("person_id", "starts_at", "duty_grid_code"),
        Index("ix_duty_shift_grid", "duty_grid_code", "ends_at"),
    )


class TrackPoint(Base):
    """One position as a device sent it; WGS-84.

    ``device_ms`` is the device's own clock (epoch, milliseconds), ``skew_ms`` what it was wrong by: the moment is their
    sum. A point sent twice has the same key.
    """

    __tablename__ = "track_point"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    device_ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    skew_ms: Mapped[int] = mapped_column(BigInteger)
    lon: Mapped[float]
    lat: Mapped[float]
    accuracy_m: Mapped[float]
    battery: Mapped[float | None]
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy reads this attribute from the class


class TrackDay(Base):
    """A person's track of one day, simplified. ``line`` is a list of [epoch ms, longitude, latitude]."""

    __tablename__ = "track_day"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(primary_key=True)
    line: Mapped[list[Any]]
    points: Mapped[int]
    tolerance_m: Mapped[float]
    length_m: Mapped[float]


class PatrolState(Base):
    """Where a person is as far as the last point says.

    ``inside`` is the settled answer (hysteresis), ``since`` when it began; ``streak`` counts the points in a row that
    contradict it.
    """

    __tablename__ = "patrol_state"
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    lon: Mapped[float]
    lat: Mapped[float]
    accuracy_m: Mapped[float]
    battery: Mapped[float | None]
    duty_grid_code: Mapped[str]
    inside: Mapped[bool]
    since: Mapped[datetime]
    streak: Mapped[int]
    streak_since: Mapped[datetime | None]


class PatrolCoverage(Base):
    """What a shift's track covered of its duty grid; counts by the method named in ``method``."""

    __tablename__ = "patrol_coverage"
    shift_id: Mapped[int] = mapped_column(ForeignKey("duty_shift.id"), primary_key=True, autoincrement=False)
    method: Mapped[str]
    cells: Mapped[int]
    cells_visited: Mapped[int]
    missed_cells: Mapped[list[Any]]
    roads_m: Mapped[float]
    roads_visited_m: Mapped[float]
    track_m: Mapped[float]
    points: Mapped[int]
    reports: Mapped[int]
    quota: Mapped[int]
    computed_at: Mapped[datetime]


class PatrolFact(Base):
    """Something about a person on the ground that counts: ``left_grid``, ``no_position``, ``missed``, ``false_report``.

    ``key`` makes it unique. ``status``: open and ended for alarms; candidate, confirmed and rejected for missed
    reports; confirmed for false ones.
    """

    __tablename__ = "patrol_fact"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    duty_grid_code: Mapped[str]
    shift_id: Mapped[int | None] = mapped_column(ForeignKey("duty_shift.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("city_case.id"), index=True)
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    status: Mapped[str]
    facts: Mapped[dict[str, Any]]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        Index("ix_patrol_fact_person", "person_id", "at"),
        Index("ix_patrol_fact_kind", "kind", "at"),
        Index(
            "ix_patrol_fact_open", "status", "person_id", sqlite_where=text("status IN ('open', 'candidate')"),
            postgresql_where=text("status IN ('open', 'candidate')"),
        ),
    )  # fmt: skip


class PatrolAccess(Base):
    """Somebody looked at where somebody is or was; only ever added. ``person_id`` is none for everybody on duty."""

    __tablename__ = "patrol_access"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    what: Mapped[str]
    day: Mapped[date | None]
    reason: Mapped[str] = mapped_column(Text)
    __table_args__ = (Index("ix_patrol_access_person", "person_id", "at"),)
