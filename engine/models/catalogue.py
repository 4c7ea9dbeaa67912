"""The catalogue as versioned data: a case keeps the version under which it was filed."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class CatalogueVersion(Base):
    """One edition of classes, filing conditions and limits, valid for cases filed from ``valid_from`` on.

    ``plugins``: those whose rows are in it, names with blanks between.
    """

    __tablename__ = "catalogue_version"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    note: Mapped[str]
    loaded_at: Mapped[datetime]
    plugins: Mapped[str] = mapped_column(Text, default="", server_default="")


class Subclass(Base):
    """A subclass (小类) of component or event. ``code_source`` is found, memory or provisional."""

    __tablename__ = "subclass"
    version_id: Mapped[int] = mapped_column(ForeignKey("catalogue_version.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    full_code: Mapped[str] = mapped_column(primary_key=True)
    class_code: Mapped[str]
    class_name: Mapped[str]
    class_name_en: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str]
    geometry: Mapped[str]
    dept_code: Mapped[str]
    code_2007: Mapped[str]
    scope: Mapped[str]
    code_source: Mapped[str]


class FilingCondition(Base):
    """A filing condition (立案条件) with its handling limit, closing condition and rules.

    ``evidence`` (证据要求): ``before_photo 1; after_photo 2``; ``extension`` (延期规则): ``2 x 5 work_day`` or
    ``none``; empty where the process alone decides.
    """

    __tablename__ = "filing_condition"
    version_id: Mapped[int] = mapped_column(ForeignKey("catalogue_version.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    full_code: Mapped[str] = mapped_column(primary_key=True)
    condition_no: Mapped[int] = mapped_column(primary_key=True)
    defect_code: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    limit: Mapped[str]
    closing_condition: Mapped[str] = mapped_column(Text)
    source: Mapped[str]
    evidence: Mapped[str] = mapped_column(Text, default="")
    extension: Mapped[str] = mapped_column(Text, default="")
