"""Drafts: what somebody has half filled in for a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Draft(Base):
    """One draft a task and person. ``deployment_id`` and ``form`` name the form it was written in.

    ``set_aside`` has what earlier forms asked for and this one did not: path -> value with its words, so that a
    migration loses nothing and its undo finds it again.
    """

    __tablename__ = "draft"
    task_id: Mapped[UUID] = mapped_column(Uuid, ForeignKey("task.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id"))
    form: Mapped[str]
    answers: Mapped[dict[str, Any]]
    set_aside: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
