"""Questions an act asks of the database past the mapper: small ones with one row as the answer, several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy.engine import Dialect

from engine.casefile.prepared import Prepared


class Question:
    """A statement with the names of its parameters; compiled once a dialect. Answers are the driver's plain values."""

    def __init__(self, statement: Any, *names: str) -> None:
        self.statement, self.names = statement, names
        self._prepared: WeakKeyDictionary[Dialect, Prepared] = WeakKeyDictionary()

    def on(self, dialect: Dialect) -> Prepared:
        """The statement for a dialect."""
        found = self._prepared.get(dialect)
        if found is None:
            found = self._prepared[dialect] = Prepared(self.statement, dialect, (), self.names)
        return found


class PerDialect(Question):
    """A question that is put differently to SQLite and to the others."""

    def __init__(self, sqlite: Question, other: Question) -> None:
        self.sqlite, self.other = sqlite, other

    def on(self, dialect: Dialect) -> Prepared:
        return (self.sqlite if dialect.name == "sqlite" else self.other).on(dialect)


Asked = tuple[Question, Mapping[str, Any]]


def ask(raw: Any, dialect: Dialect, asked: Sequence[Asked]) -> list[Any]:
    """The first row of every answer, none where there is none; one round trip where the driver can."""
    cursors = []
    with raw.pipeline() if dialect.driver == "psycopg" and len(asked) > 1 else nullcontext():
        for question, values in asked:
            prepared, cursor = question.on(dialect), raw.cursor()
            cursor.execute(prepared.text, prepared.values(values))
            cursors.append(cursor)
    return [cursor.fetchone() for cursor in cursors]
