"""Versions of the ground: what every area was, became and will be. Nothing here is ever changed or deleted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class GroundVersion(Base):
    """One change of the ground: who made it, why, from which files, and when it takes effect.

    Versions follow each other by (``effective_at``, ``number``). ``effective_at`` is the first moment of ``valid_from``
    in the city, or the moment the version was made when that is later; ``applied_at`` is when the present ground took
    it up, none while it is planned. ``sources`` maps a layer to its file's name and SHA-256.
    """

    __tablename__ = "ground_version"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    valid_from: Mapped[date]
    effective_at: Mapped[datetime]
    made_at: Mapped[datetime]
    author: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    sources: Mapped[dict[str, Any]]
    applied_at: Mapped[datetime | None]


class GroundArea(Base):
    """What a version does to one area of a layer.

    ``change``: ``whole`` (it is new: all properties and the geometry), ``part`` (those that differ; no geometry when it
    stays) or ``gone``. Geometries are WKB in WGS-84, properties those of the layer's files.
    """

    __tablename__ = "ground_area"
    layer: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("ground_version.number"), primary_key=True, index=True)
    change: Mapped[str]
    properties: Mapped[dict[str, Any]]
    geometry: Mapped[bytes | None] = mapped_column(LargeBinary)
