"""The floor below the floor: the same reads and writes as text on the driver's own cursor.

Every statement is compiled once. On PostgreSQL all writes and the commit travel in one round trip (pipeline mode),
after the one SELECT that finds and locks the rows. What SQLAlchemy's execution costs is the difference to ``floor``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from benchmarks.peer import Open
from benchmarks.peers.floor import NEXT, Floor
from benchmarks.town import BenchTown


class Found(NamedTuple):
    """What ``Floor.find`` selects, in its order."""

    status: str
    case_id: int
    instance_id: int
    version: int
    instance: int
    case: int


class Text:
    """Core statements as text for the driver, each compiled once for the columns it is given."""

    def __init__(self, dialect: Any) -> None:
        self.dialect = dialect
        self.compiled: dict[tuple[int, tuple[str, ...]], tuple[str, tuple[str, ...] | None, dict[str, Any]]] = {}

    def of(self, statement: Any, values: Mapping[str, Any]) -> tuple[str, Any]:
        """The text and the driver's own values."""
        key = (id(statement), tuple(values))
        if key not in self.compiled:
            made = statement.compile(dialect=self.dialect, column_keys=list(values))
            order = tuple(made.positiontup) if made.positional else None
            self.compiled[key] = str(made), order, dict(made._bind_processors)
        text, order, processors = self.compiled[key]
        ready = {name: processors[name](value) if name in processors else value for name, value in values.items()}
        return text, tuple(ready[name] for name in order) if order is not None else ready


class Cursor:
    """A driver's cursor that takes Core statements."""

    def __init__(self, cursor: Any, text: Text) -> None:
        self.cursor, self.text = cursor, text

    def execute(self, statement: Any, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Cursor:
        """One statement, or one for each mapping of a list."""
        for each in [values] if isinstance(values, Mapping) else values:
            self.cursor.execute(*self.text.of(statement, each))
        return self

    def one(self) -> Found:
        """The row of ``Floor.find``."""
        return Found(*self.cursor.fetchone())


class DriverFloor(Floor):
    """The floor without SQLAlchemy's execution."""

    name = "floor, driver's cursor"

    def __init__(self, town: BenchTown) -> None:
        super().__init__(town)
        self.text = Text(town.engine.dialect)
        self.sqlite = town.engine.dialect.name == "sqlite"

    def complete(self, task: Open, answers: dict[str, Any]) -> Open | None:
        following = NEXT.get(task.element)
        if task.element == "check":
            following = "handle" if answers["decision"] == "rework" else "close"
        pooled = self.engine.raw_connection()
        raw: Any = pooled.driver_connection
        cursor = raw.cursor()
        try:
            if self.sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            with nullcontext() if self.sqlite else raw.pipeline():
                opened = self._move(Cursor(cursor, self.text), task, following)
                raw.commit()
        except BaseException:
            raw.rollback()
            raise
        finally:
            cursor.close()
            pooled.close()
        return Open(opened, following) if following is not None else None
