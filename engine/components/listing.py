"""The register as a list: by class, grid, department, state and words, in order of the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from engine.models import Component

LIKE_SIGNS = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


@dataclass(frozen=True)
class ComponentFilter:
    """What is asked for; none and empty ask for everything. ``department`` is any of the three."""

    full_code: str | None = None
    grid: str | None = None
    department: str | None = None
    state: str | None = None
    words: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter as SQL."""
        found: list[ColumnElement[bool]] = []
        for column, value in (
            (Component.full_code, self.full_code), (Component.grid_code, self.grid), (Component.state, self.state),
        ):  # fmt: skip
            if value:
                found.append(column == value)
        if self.department:
            departments = (Component.dept_in_charge, Component.dept_owner, Component.dept_maintenance)
            found.append(or_(*(column == self.department for column in departments)))
        if self.words:
            found.append(matches(self.words))
        return found


def matches(words: str) -> ColumnElement[bool]:
    """Digits begin a code; other words stand in name, note or source."""
    if words.isascii() and words.isdigit():
        # A range instead of LIKE: every database searches its primary key.
        return Component.code.between(words, words + "9" * max(0, 16 - len(words)))
    pattern = f"%{words.translate(LIKE_SIGNS)}%"
    return or_(*(column.like(pattern, escape="\\") for column in (Component.name, Component.note, Component.source)))


def list_components(session: Session, wanted: ComponentFilter, *, after: str = "", most: int) -> Sequence[Component]:
    """Components with a code above ``after``, by code, whatever their state."""
    query = select(Component).where(Component.code > after, *wanted.conditions())
    return session.scalars(query.order_by(Component.code).limit(most)).all()
