"""What a device says: a reading with its time, its values and, where it knows it, its position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Value = float | int | bool | str


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading. ``at`` is the device's time, aware; ``lon``/``lat`` are WGS-84 degrees."""

    at: datetime
    sequence: int
    values: Mapping[str, Value]
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A payload as it came. ``via``: http (readings in Wangge's own form), payload (HTTP, the device's form) or mqtt.

    ``device`` is the code it came under; ``content`` is the decoded payload where there is one, else ``raw`` is read.
    """

    via: str
    device: str
    raw: bytes
    topic: str = ""
    content: Any = None


class Unreadable(ValueError):
    """A payload or reading that cannot be taken: what is wrong, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.message, self.remedy = message, remedy
