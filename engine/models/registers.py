"""Registers of departments: entries of any register declared in files, and what changed when by whom."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class RegisterEntry(Base):
    """One entry. ``values`` by column; nothing is deleted: what is gone has a moment. ``version`` is what was seen."""

    __tablename__ = "register_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    register: Mapped[str]
    key: Mapped[str]
    title: Mapped[str]
    values: Mapped[dict[str, Any]]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    gone_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this attribute from the class
    __table_args__ = (
        UniqueConstraint("register", "key"),
        Index("ix_register_entry_register_title", "register", "title"),
        Index("ix_register_entry_register_lon_lat", "register", "lon", "lat"),
    )


class RegisterChange(Base):
    """A change of an entry: the columns before and after, by whom, why, and in which case when a process did it."""

    __tablename__ = "register_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("register_entry.id"), index=True)
    at: Mapped[datetime]
    kind: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("city_case.id"), index=True)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
