"""Intake: models that suggest classes, what they said of each report, and the numbers other systems gave reports."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class IntakeModel(Base):
    """A model trained on the city's closed cases. ``content`` is a file of arrays, ``sha256`` its digest.

    ``words`` is the digest of the lexicon it began with. Hit rates are shares of the ``held_out`` cases, on which it
    was never trained; ``start_top1`` and ``start_top3`` are those of the start on the same cases.
    """

    __tablename__ = "intake_model"
    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(unique=True)
    words: Mapped[str]
    trained_at: Mapped[datetime]
    cases: Mapped[int]
    held_out: Mapped[int]
    top1: Mapped[float]
    top3: Mapped[float]
    start_top1: Mapped[float]
    start_top3: Mapped[float]
    content: Mapped[bytes] = mapped_column(LargeBinary)


class IntakeSuggestion(Base):
    """What the model said of a report before anybody had decided; the case's class says what was decided.

    ``first`` to ``third`` are classes (``event/0110``), null where the model said nothing. ``model`` is the model's
    digest, that of the lexicon for the start.
    """

    __tablename__ = "intake_suggestion"
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), primary_key=True, autoincrement=False)
    model: Mapped[str] = mapped_column(index=True)
    first: Mapped[str | None]
    second: Mapped[str | None]
    third: Mapped[str | None]
    confidence: Mapped[float]
    noted_at: Mapped[datetime]


class IntakeNumber(Base):
    """The number by which another system knows a report: one case for each channel and number."""

    __tablename__ = "intake_number"
    channel: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(Text, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
