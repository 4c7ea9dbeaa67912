"""The city's ground: divisions, unit grids, duty grids and components."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column

from engine.components.cells import cell_of
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


def cell_of_row(context: DefaultExecutionContext) -> int:
    """The cell of a new row's coordinates."""
    values = context.get_current_parameters()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it bare
    return cell_of(values["lon"], values["lat"])


class Component(Base):
    """Component (部件) with its 16-digit identification code and three departments.

    ``cell`` is the place on the map as one number (``engine.components.cells``), ``present`` whether its state says
    that it stands on the street. ``attributes`` are those of its class; ``photo`` is a file's name or address.
    Nothing but ``engine.components`` and ``engine.loading`` may change a row: they keep cell, counts and history.
    """

    __tablename__ = "component"
    __table_args__ = (
        Index(
            "ix_component_class_cell", "full_code", "cell", postgresql_where=text("present"),
            postgresql_include=("lon", "lat", "code", "name", "state"),
        ),
        Index(
            "ix_component_cell", "cell", postgresql_where=text("present"),
            postgresql_include=("lon", "lat", "code", "full_code", "name", "state"),
        ),
        Index(
            "ix_component_ownerless", "code", sqlite_where=text("dept_owner IS NULL"),
            postgresql_where=text("dept_owner IS NULL"),
        ),
    )  # fmt: skip
    code: Mapped[str] = mapped_column(primary_key=True)
    full_code: Mapped[str]
    name: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    cell: Mapped[int] = mapped_column(BigInteger, default=cell_of_row)
    present: Mapped[bool] = mapped_column(default=True)
    grid_code: Mapped[str | None] = mapped_column(index=True)
    dept_in_charge: Mapped[str | None]
    dept_owner: Mapped[str | None]
    dept_maintenance: Mapped[str | None]
    state: Mapped[str]
    initial_date: Mapped[date | None]
    change_date: Mapped[date | None]
    source: Mapped[str]
    note: Mapped[str]
    photo: Mapped[str] = mapped_column(default="")
    attributes: Mapped[dict[str, Any]] = mapped_column(default=dict)
