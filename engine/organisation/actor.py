"""Who acts: a person with the roles, scopes and permissions of the posts held, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

SUPERVISION_ONLY = frozenset({"check", "close", "callback", "evaluate"})
"""Stages that a handling department may never complete for its own case."""


@dataclass(frozen=True)
class Holding:
    """One post of a person: the role it gives, the department it is in, the duty grid it covers."""

    role: str
    department: str
    side: str
    duty_grid: str | None = None


@dataclass(frozen=True)
class Actor:
    """A person at work. ``acting_role`` is the role in which the present act is done."""

    person_id: int
    login: str
    name: str
    holdings: tuple[Holding, ...]
    permissions: frozenset[str]
    acting_role: str = ""

    @cached_property
    def roles(self) -> frozenset[str]:
        """All roles."""
        return frozenset(holding.role for holding in self.holdings)

    @cached_property
    def departments(self) -> frozenset[str]:
        """All departments the person holds a post in."""
        return frozenset(holding.department for holding in self.holdings)

    @cached_property
    def handling_departments(self) -> frozenset[str]:
        """Departments of posts on the handling side."""
        return frozenset(holding.department for holding in self.holdings if holding.side == "handling")

    @cached_property
    def duty_grids(self) -> frozenset[str]:
        """Duty grids patrolled."""
        return frozenset(holding.duty_grid for holding in self.holdings if holding.duty_grid)

    def serves(self, role: str, scope: str | None) -> bool:
        """Whether a task for ``role`` within ``scope`` (a department or a duty grid) is this person's."""
        return any(
            holding.role == role and (not scope or scope in (holding.department, holding.duty_grid))
            for holding in self.holdings
        )

    def may(self, permission: str) -> bool:
        """Whether a post of this person gives the permission."""
        return permission in self.permissions
