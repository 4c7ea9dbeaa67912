"""Roles and what they may do, merged by key from the layers' ``roles.csv``.

A later layer's row replaces the role, unless its permissions begin with ``+``: then it only adds these, so that a
plugin gives the roles there are the rights it brings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from engine.layers import Layers


@dataclass(frozen=True)
class Role:
    """A role with its side and permissions."""

    role: str
    name: str
    name_en: str
    side: str
    permissions: frozenset[str]


def merge_role(known: Role | None, row: Mapping[str, str]) -> Role:
    """A role after one more row about it. Names left empty stay."""
    permissions, added = row["permissions"].strip(), row["permissions"].lstrip().startswith("+")
    given = frozenset(permissions.removeprefix("+").split())
    if added and known is not None:
        return Role(
            known.role, row["name"] or known.name, row["name_en"] or known.name_en, row["side"] or known.side,
            known.permissions | given,
        )  # fmt: skip
    return Role(row["role"], row["name"], row["name_en"], row["side"], given)


def load_roles(layers: Layers) -> Mapping[str, Role]:
    """All roles of a city, by id."""
    roles: dict[str, Role] = {}
    for found in layers.all_of("roles.csv"):
        for row in csv.DictReader(io.StringIO(found.read())):
            roles[row["role"]] = merge_role(roles.get(row["role"]), row)
    return MappingProxyType(roles)
