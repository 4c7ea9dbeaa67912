"""Changes of the command manual: proposed by one person, signed by another, kept for good."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class ManualChange(Base):
    """One change of the command manual (指挥手册).

    ``status``: proposed, signed or withdrawn. ``diff`` has every row that differs from the version ``base_id``, whole,
    before and after; ``diff_digest`` is its SHA-256, ``file_digest`` that of the workbook. A signed change has the
    version it became in ``version_id`` and, in ``effect``, what it meant for running cases when it was signed.
    """

    __tablename__ = "manual_change"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str]
    file_digest: Mapped[str]
    diff: Mapped[list[Any]]
    diff_digest: Mapped[str]
    effective_date: Mapped[date]
    base_id: Mapped[int] = mapped_column(ForeignKey("catalogue_version.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("catalogue_version.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    effect: Mapped[dict[str, Any]]
