"""Evidence: files of a case, and the index by which photos that look alike are found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Evidence(Base):
    """A file of a case: photo, video or voice. Its bytes are in the store under ``sha256`` (see ``engine.evidence``).

    ``original`` and ``public_copy`` have the bytes of photos from before there was a store, until they are moved; none
    afterwards. ``width_px`` and ``height_px`` are 0 for what is no photo. ``likeness``: the photo's hash, signed; none
    for other files and for pictures without contrast. ``notes``: codes of what was wrong with the file and left out.
    """

    __tablename__ = "evidence"
    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("city_case.id"), index=True)
    role: Mapped[str]
    file_name: Mapped[str]
    media_type: Mapped[str]
    sha256: Mapped[str] = mapped_column(index=True)
    size: Mapped[int]
    width_px: Mapped[int]
    height_px: Mapped[int]
    taken_at: Mapped[datetime | None]
    lon: Mapped[float | None]
    lat: Mapped[float | None]
    uploaded_at: Mapped[datetime]
    uploader_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    department_code: Mapped[str | None]
    likeness: Mapped[int | None] = mapped_column(BigInteger)
    notes: Mapped[list[Any]] = mapped_column(default=list)
    original: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    public_copy: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class PhotoBand(Base):
    """One third of a photo's hash; three rows a photo, laid out by third. ``bits`` is the whole hash, signed."""

    __tablename__ = "photo_band"
    key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    evidence_id: Mapped[int] = mapped_column(ForeignKey("evidence.id"), primary_key=True)
    bits: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = ({"sqlite_with_rowid": False},)


class EvidenceSweep(Base):
    """A round of the sweep: files seen and taken, their bytes, pieces never finished; or why it failed."""

    __tablename__ = "evidence_sweep"
    id: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime] = mapped_column(index=True)
    seen: Mapped[int]
    taken: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    unfinished: Mapped[int]
    failure: Mapped[str] = mapped_column(Text)
