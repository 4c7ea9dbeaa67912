"""Roles and what they may do, merged by key from the layers' ``roles.csv``."""

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


def load_roles(layers: Layers) -> Mapping[str, Role]:
    """All roles of a city, by id."""
    roles: dict[str, Role] = {}
    for found in layers.all_of("roles.csv"):
        for row in csv.DictReader(io.StringIO(found.read())):
            roles[row["role"]] = Role(
                row["role"], row["name"], row["name_en"], row["side"], frozenset(row["permissions"].split())
            )
    return MappingProxyType(roles)
