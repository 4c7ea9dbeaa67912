"""The city's ground: divisions, unit grids, duty grids, components and addresses."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base


class Division(Base):
    """District, subdistrict or community; ``geometry`` is GeoJSON text in WGS-84."""

    __tablename__ = "division"
    code: Mapped[str] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    name_en: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(index=True)
    geometry: Mapped[str] = mapped_column(Text)


class UnitGrid(Base):
    """Unit grid (单元网格), the basic cell of about 10 000 m²."""

    __tablename__ = "unit_grid"
    code: Mapped[str] = mapped_column(primary_key=True)
    community_code: Mapped[str] = mapped_column(index=True)
    duty_grid_code: Mapped[str | None] = mapped_column(index=True)
    area_class: Mapped[str]
    geometry: Mapped[str] = mapped_column(Text)


class DutyGrid(Base):
    """Duty grid (责任网格), the patrol area of collectors."""

    __tablename__ = "duty_grid"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    subdistrict_code: Mapped[str | None]
    geometry: Mapped[str] = mapped_column(Text)


class Component(Base):
    """Component (部件) with its 16-digit identification code and three departments."""

    __tablename__ = "component"
    code: Mapped[str] = mapped_column(primary_key=True)
    full_code: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    grid_code: Mapped[str | None] = mapped_column(index=True)
    dept_in_charge: Mapped[str | None]
    dept_owner: Mapped[str | None]
    dept_maintenance: Mapped[str | None]
    state: Mapped[str]
    initial_date: Mapped[date | None]
    change_date: Mapped[date | None]
    source: Mapped[str]
    note: Mapped[str]


class Address(Base):
    """A standard address, place name or point of interest."""

    __tablename__ = "address"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    grid_code: Mapped[str | None]
