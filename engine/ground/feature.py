"""One thing on the ground with its values, as files and the history give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Feature:
    """One thing of a file, counted from 1, or of the database (number 0), in WGS-84. Empty values are None."""

    number: int
    properties: Mapping[str, Any]
    geometry: Any
