"""What the host remembers of plugins: which history they were told, and when their jobs ran."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class PluginMark(Base):
    """The last line of history (``case_event.id``) a plugin was told; ``failure`` says why it does not go on."""

    __tablename__ = "plugin_mark"
    plugin: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[int]
    failure: Mapped[str] = mapped_column(Text)
    failed_at: Mapped[datetime | None]


class PluginJob(Base):
    """A job of a plugin: when it is due next and how it ended last. ``failure`` is empty when it went well."""

    __tablename__ = "plugin_job"
    plugin: Mapped[str] = mapped_column(primary_key=True)
    job: Mapped[str] = mapped_column(primary_key=True)
    cron: Mapped[str]
    due_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    told: Mapped[str] = mapped_column(Text)
    failure: Mapped[str] = mapped_column(Text)
