"""Notices: what people were told, one row a person, written by the outbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Notice(Base):
    """Something a person was told. ``topic`` is that of the outbox message it came from."""

    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(primary_key=True)
    outbox_id: Mapped[int] = mapped_column()
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("city_case.id"))
    topic: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    # A message delivered twice tells nobody twice.
    __table_args__ = (UniqueConstraint("outbox_id", "person_id"),)
