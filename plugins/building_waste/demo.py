"""What a demonstration shows."""

from __future__ import annotations

from engine.hooks import Demonstration


def fill(demo: Demonstration) -> None:
    """Registers and matters."""
