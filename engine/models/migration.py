"""Migrations of running instances to another deployment: who, why, how far, and what undoes each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Migration(Base):
    """One order to move running instances to ``target_id``. ``status``: running, paused, done or undone.

    ``mapping`` is what was mapped by hand (old element id -> new); ``selection`` the filter they were chosen by.
    """

    __tablename__ = "migration"
    id: Mapped[int] = mapped_column(primary_key=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("deployment.id"))
    mapping: Mapped[dict[str, Any]]
    selection: Mapped[dict[str, Any]]
    status: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class MigrationItem(Base):
    """One instance of a migration. ``status``: waiting, migrated, refused, ended, undone or moved_on.

    ``state``, ``tasks`` and ``timers`` are what the instance had before. ``version`` is the instance's version after
    the move: while it is still that, nothing has happened since and the move can be undone.
    """

    __tablename__ = "migration_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    migration_id: Mapped[int] = mapped_column(ForeignKey("migration.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"))
    from_id: Mapped[int] = mapped_column(ForeignKey("deployment.id"))
    status: Mapped[str]
    notes: Mapped[list[Any]]
    state: Mapped[bytes | None] = mapped_column(LargeBinary)
    tasks: Mapped[list[Any]]
    timers: Mapped[list[Any]]
    version: Mapped[int | None]
    at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("migration_id", "instance_id"),)
