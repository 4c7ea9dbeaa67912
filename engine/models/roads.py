"""Road segments and their chiefs (路长)."""

from __future__ import annotations

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class RoadSegment(Base):
    """A stretch of road (路段) and who answers for it; ``geometry`` is its middle line, GeoJSON text in WGS-84."""

    __tablename__ = "road_segment"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    chief: Mapped[str | None]
    chief_phone: Mapped[str | None]
    geometry: Mapped[str] = mapped_column(Text)
