"""What is kept around the register: counts for the map, surveys and their refused rows, changes and their photos."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class ComponentCount(Base):
    """How many components of a class (all of them for ``""``) stand in a cell of a level."""

    __tablename__ = "component_count"
    full_code: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cell: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    amount: Mapped[int]


class Survey(Base):
    """One import of a file of components. ``rows_done`` rows are in the register; the rest comes when it goes on.

    ``origin``: ``folder`` for the ``components.csv`` of the city's folder, ``import`` for a file somebody named.
    """

    __tablename__ = "component_survey"
    id: Mapped[int] = mapped_column(primary_key=True)
    file: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    origin: Mapped[str] = mapped_column(default="import")
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    rows_done: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    unchanged: Mapped[int]
    refused: Mapped[int]
    claims: Mapped[int]


class SurveyRefusal(Base):
    """A row of a survey that was not taken."""

    __tablename__ = "component_survey_refusal"
    survey_id: Mapped[int] = mapped_column(ForeignKey("component_survey.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)


class ComponentChange(Base):
    """A change of one component: proposed, confirmed or refused; a survey's are confirmed from the start.

    ``before`` and ``after`` hold the fields that differ; ``before`` is null for a new component. ``component_code`` is
    no foreign key: history outlives a register that is loaded anew.
    """

    __tablename__ = "component_change"
    __table_args__ = (
        Index("ix_component_change_code", "component_code", "id"),
        Index(
            "ix_component_change_open", "kind", "id", sqlite_where=text("status = 'proposed'"),
            postgresql_where=text("status = 'proposed'"),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    component_code: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    decision: Mapped[str] = mapped_column(Text)
    survey_id: Mapped[int | None] = mapped_column(ForeignKey("component_survey.id"))


class ComponentPhoto(Base):
    """The photo a proposal came with. Its bytes are in the store under ``sha256`` (see ``engine.evidence``).

    ``lon`` and ``lat``: what the camera noted, WGS-84. The component shows the photo of its latest confirmed change.
    """

    __tablename__ = "component_photo"
    id: Mapped[int] = mapped_column(primary_key=True)
    component_code: Mapped[str] = mapped_column(index=True)
    change_id: Mapped[int] = mapped_column(ForeignKey("component_change.id"), index=True, unique=True)
    sha256: Mapped[str] = mapped_column(index=True)
    file_name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    width_px: Mapped[int]
    height_px: Mapped[int]
    taken_at: Mapped[datetime | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    uploaded_at: Mapped[datetime]
    uploader_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
