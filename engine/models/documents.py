"""Official documents (文书) of cases as they were made, and how each was delivered."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class OfficialDocument(Base):
    """A document as it was made; ``content`` is the filled DOCX and never changes, whatever becomes of its template.

    ``number`` is empty and ``serial`` none for an unnumbered one. ``series`` is the number without its serial.
    ``read`` is a permission; empty: who sees the case sees it. ``delivery``: it needs a receipt. A voided document
    keeps its row, its file and its number. ``receipt_of`` is the document whose delivery this one is the receipt of.
    """

    __tablename__ = "document"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    template: Mapped[str]
    key: Mapped[str]
    title: Mapped[str]
    title_en: Mapped[str]
    number: Mapped[str] = mapped_column(index=True)
    series: Mapped[str]
    serial: Mapped[int | None]
    issuer: Mapped[str]
    department_code: Mapped[str | None]
    read: Mapped[str]
    delivery: Mapped[bool]
    sha256: Mapped[str]
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    process: Mapped[str]
    element: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    voided_at: Mapped[datetime | None]
    voided_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    void_reason: Mapped[str] = mapped_column(Text)
    receipt_of: Mapped[int | None] = mapped_column(ForeignKey("document.id"), index=True)
    __table_args__ = (UniqueConstraint("series", "serial"),)


class DocumentDelivery(Base):
    """One delivery (送达) of a document: how, to whom, on which day, before which witness; ``receipt_id`` proves it."""

    __tablename__ = "document_delivery"
    id: Mapped[int] = mapped_column(primary_key=True)
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"), index=True)
    manner: Mapped[str]
    receiver: Mapped[str]
    delivered_on: Mapped[date]
    place: Mapped[str]
    witness: Mapped[str]
    note: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
