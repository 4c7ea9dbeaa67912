"""Ownership (确权): components nobody owns, and those of which two owners are told; a list to be worked off.

A gap is worked off by proposing an owner, a claim by confirming or refusing it (``engine.components.changes``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.models import Component, ComponentChange

CLAIM = "ownership"


@dataclass(frozen=True)
class Claim:
    """An open proposal of another owner."""

    change: ComponentChange
    component: Component


def gaps(
    session: Session, *, full_code: str | None = None, grid: str | None = None, after: str = "", most: int
) -> Sequence[Component]:
    """Components on the street without an owner, with a code above ``after``, by code."""
    query = select(Component).where(Component.dept_owner.is_(None), Component.present, Component.code > after)
    if full_code:
        query = query.where(Component.full_code == full_code)
    if grid:
        query = query.where(Component.grid_code == grid)
    return session.scalars(query.order_by(Component.code).limit(most)).all()


def claims(session: Session, *, after: int = 0, most: int) -> list[Claim]:
    """Open claims of an owner for a component that has another one or none, with an id above ``after``, by id."""
    query = (
        select(ComponentChange, Component)
        .join(Component, Component.code == ComponentChange.component_code)
        .where(ComponentChange.kind == CLAIM, ComponentChange.status == "proposed", ComponentChange.id > after)
    )
    return [Claim(change, row) for change, row in session.execute(query.order_by(ComponentChange.id).limit(most))]


def how_many(session: Session) -> tuple[int, int]:
    """How many gaps and how many claims are open."""
    gap = select(func.count()).select_from(Component).where(Component.dept_owner.is_(None), Component.present)
    claim = (
        select(func.count())
        .select_from(ComponentChange)
        .where(ComponentChange.kind == CLAIM, ComponentChange.status == "proposed")
    )
    return session.scalar(gap) or 0, session.scalar(claim) or 0
