"""Workflow control state: deployments, instances, the task list, timers, outbox, idempotency keys, incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, Uuid, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Deployment(Base):
    """How the city works from a moment on: all diagrams, decisions and forms together, by content.

    New cases start on the one that took effect last (``effective_at``); running instances stay pinned to theirs.
    """

    __tablename__ = "deployment"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(index=True)
    files: Mapped[dict[str, Any]]
    versions: Mapped[dict[str, Any]]
    deployed_at: Mapped[datetime]
    effective_at: Mapped[datetime] = mapped_column(index=True)
    author: Mapped[str]
    reason: Mapped[str]


class Instance(Base):
    """One running diagram of one case. ``state`` is the codec's bytes; ``version`` guards every write."""

    __tablename__ = "instance"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id"), index=True)
    process: Mapped[str]
    status: Mapped[str]
    state: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column()
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads this attribute from the class


OPEN: Any = literal_column("'open'")
"""The status of an open task, written out in a query: with a parameter no database would use the indexes of these."""


def _of_open(name: str, *columns: str, more: str = "") -> Index:
    """An index of open tasks alone."""
    condition = text(f"status = 'open'{more}")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class Task(Base):
    """A user task on somebody's list. ``status``: open, done or withdrawn.

    ``scope`` narrows the role to a department or a duty grid; ``version`` is what a clerk has seen.
    """

    __tablename__ = "task"
    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    process: Mapped[str]
    element: Mapped[str]
    name: Mapped[str]
    stage: Mapped[str]
    role: Mapped[str]
    scope: Mapped[str | None]
    form: Mapped[str | None]
    clock: Mapped[str | None]
    limit_text: Mapped[str]
    evidence: Mapped[str]
    defaults: Mapped[dict[str, Any]]
    status: Mapped[str]
    created_at: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    version: Mapped[int]
    __table_args__ = (
        # Only open tasks are looked for among all cases; done ones leave these indexes, which stay small for ever.
        _of_open("ix_task_open_role", "role", "scope", "due_at"),
        _of_open("ix_task_open_due", "due_at"),
        _of_open("ix_task_open_assignee", "assignee_id", more=" AND assignee_id IS NOT NULL"),
    )


class Timer(Base):
    """The due index: one row a waiting timer. ``due_at`` is none while the clock it measures is paused.

    ``position`` tells the timers of one event-based gateway apart; it is 0 elsewhere. The timers of an instance lie
    side by side: the table is its own index, there is no other copy of the key.
    """

    __tablename__ = "timer"
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), primary_key=True, autoincrement=False)
    task_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    element: Mapped[str]
    text: Mapped[str]
    clock: Mapped[str | None]
    share: Mapped[float | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy reads this attribute from the class


class OutboxMessage(Base):
    """Something the outside must hear, written in the same transaction as its cause and sent afterwards."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(index=True)
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int]
    done_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)


class IdempotencyKey(Base):
    """An answered request: the same key by the same person answers the same."""

    __tablename__ = "idempotency_key"
    person_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Incident(Base):
    """A step that failed: cause and remedy, until it succeeds or somebody resolves it.

    ``act`` is what was tried, to be tried again: its ``kind`` is complete, action, timers or stuck.
    """

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(index=True)
    instance_id: Mapped[int]
    process: Mapped[str] = mapped_column(default="")
    element: Mapped[str]
    message: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)
    act: Mapped[dict[str, Any]] = mapped_column(default=dict)
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None] = mapped_column(index=True)
    resolution: Mapped[str] = mapped_column(Text, default="")
