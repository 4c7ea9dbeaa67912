"""Overdue tasks: what was told of each, and when it is looked at again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base

WAITS = text("next_at IS NOT NULL")


class TaskOverdue(Base):
    """One row a task that was overdue once.

    ``due_at`` is the due moment it was last reckoned from: a task due at another one is looked at anew. ``rung`` is the
    highest share of the limit told of, in percent, 0 when none was; ``next_at`` is when the next one is reached.
    """

    __tablename__ = "task_overdue"
    task_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    due_at: Mapped[datetime | None]
    rung: Mapped[int]
    told_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_task_overdue_next_at", "next_at", sqlite_where=WAITS, postgresql_where=WAITS),
        {"sqlite_with_rowid": False},
    )
