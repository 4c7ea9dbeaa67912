"""The ground as it is, and as some version says: built when it is asked for, kept while it is used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock

from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.ground.index import Ground
from engine.ground.layer_kinds import GroundLayer
from engine.ground.versions import lineage

KEPT = 2
"""Grounds of versions in memory; one of 100,000 grids has some 100 MiB."""


class GroundShelf:
    """Grounds of versions, the latest few. ``layers`` are the further layers of the city."""

    def __init__(self, layers: Mapping[str, GroundLayer]) -> None:
        self.layers = layers
        self._kept: OrderedDict[tuple[int, ...], Ground] = OrderedDict()
        self._lock = Lock()

    def of_version(self, session: Session, number: int) -> Ground:
        """The ground of a version. Raises NotFound.

        A version that is planned is built anew when another one came before it.
        """
        numbers = lineage(session, number)
        with self._lock:
            if numbers not in self._kept:
                self._kept[numbers] = Ground.load(session, self.layers, numbers)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(numbers)
            return self._kept[numbers]

    def named(self, session: Session, name: str, today: Ground) -> Ground:
        """The ground of a version's number, or ``today``. Raises Invalid and NotFound."""
        if name == "today":
            return today
        if not name.isdigit():
            raise Invalid(f"{name!r} is no ground; write today, or the number of a version", field="ground")
        return self.of_version(session, int(name))
