"""What every workload is given: a folder, how long it may take, and which databases are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.town import DATABASES, BenchTown, town_on
from engine.testing.scratch import NoServer


@dataclass
class Setting:
    """``folder`` holds the city and the databases of this run; ``short`` asks for a proof rather than a measurement.

    Without ``npm`` the engine from npm is left out, so that nothing is fetched.
    """

    folder: Path
    short: bool = False
    rounds: int = 11
    npm: bool = True
    say: Callable[[str], None] = print
    databases: tuple[str, ...] = tuple(DATABASES)
    missing: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def town(self, database: str, *, cache_size: int = 2048) -> Iterator[BenchTown]:
        """A fresh city on a database. Raises NoServer, and remembers it."""
        try:
            with town_on(database, self.folder, cache_size=cache_size) as town:
                yield town
        except NoServer as error:
            self.missing[database] = str(error)
            raise

    def pick(self, long: int, short: int) -> int:
        """A size for a measurement, or for a proof."""
        return short if self.short else long
