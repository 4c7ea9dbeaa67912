"""What cases wait for from each other."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class WaitingEvent(Base):
    """A waiting event that other cases can reach: a signal by its name, a message by its name and correlation key.

    ``kind`` is ``signal`` or ``message``; ``key`` is empty for signals. ``position`` tells the events behind one
    event-based gateway apart. Messages to a case by its number need no row: its instance says what it takes.
    """

    __tablename__ = "waiting_event"
    task_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    key: Mapped[str]
    __table_args__ = (Index("ix_waiting_event_kind_name_key", "kind", "name", "key"),)
