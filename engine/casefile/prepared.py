"""Statements for the driver's own cursor, each compiled once.

Running a statement through SQLAlchemy costs 45-170 µs, on the cursor 8-90. What is written in every act goes past it,
with the types' own conversions, so that rows look the same whichever way they were written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from sqlalchemy import Float, Table, bindparam, case, delete, insert, update
from sqlalchemy.engine import Dialect

from engine.models.base import Moment

Convert = Callable[[Any], Any]


class Prepared:
    """A statement as text for one dialect's driver, values by position, with the conversions of its values."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Iterable[str], keys: Iterable[str] = ()) -> None:
        columns = tuple(columns)
        made: Any = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.constants = {name: value for name, value in made.params.items() if value is not None}
        text = str(made)
        if made.positional:
            order = list(made.positiontup)
        else:
            order, text = NAMED.findall(text), NAMED.sub("%s", text)
        self.text = text
        self.order = tuple(order)
        converts = ((at, _bind_processor(made, name)) for at, name in enumerate(order))
        self.converts: tuple[tuple[int, Convert], ...] = tuple((at, each) for at, each in converts if each is not None)

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """What the driver takes for these values."""
        if self.constants:
            given = {**self.constants, **given}
        values = [given[name] for name in self.order]
        for at, convert in self.converts:
            values[at] = convert(values[at])
        return values


MARK = re.compile("%s")
NAMED = re.compile(r"%\((\w+)\)s")


def _bind_processor(made: Any, name: str) -> Convert | None:
    """The conversion of a parameter. An act writes the same few moments many times over, so they are kept."""
    convert: Convert | None = made._bind_processors.get(name)
    if convert is not None and isinstance(made.binds[name].type, Moment):
        return lru_cache(maxsize=512)(convert)
    return convert


class Rows:
    """Conversions of the rows of some columns."""

    def __init__(self, columns: Sequence[Any], dialect: Dialect) -> None:
        self.names = tuple(column.key for column in columns)
        found = ((at, column.type.dialect_impl(dialect)) for at, column in enumerate(columns))
        self.converts: tuple[tuple[int, Convert], ...] = tuple(
            (at, convert) for at, kind in found if (convert := _result_processor(kind, dialect)) is not None
        )

    def read(self, row: Sequence[Any], at: int = 0) -> dict[str, Any]:
        """The row's values by name, from position ``at`` on."""
        values = list(row[at : at + len(self.names)])
        for index, convert in self.converts:
            values[index] = convert(values[index])
        return dict(zip(self.names, values, strict=True))


DOUBLE = 701
"""PostgreSQL's type of a column of floats, which its dialect asks for."""


def _result_processor(kind: Any, dialect: Dialect) -> Convert | None:
    convert: Convert | None = kind.result_processor(dialect, DOUBLE if isinstance(kind, Float) else None)
    return convert


KEY = "key_"
"""Prefix of the parameters that find a row, apart from the new values of the same columns."""
SEEN, NEXT = "version_seen", "version_next"


@lru_cache(maxsize=4096)
def insert_into(table: Table, dialect: Dialect, names: tuple[str, ...], returning: str | None = None) -> Prepared:
    """A new row with these columns."""
    statement = insert(table).inline() if returning is None else insert(table).returning(table.c[returning])
    return Prepared(statement, dialect, names)


@lru_cache(maxsize=4096)
def update_of(
    table: Table, dialect: Dialect, names: tuple[str, ...], keys: tuple[str, ...], *, guarded: bool = False
) -> Prepared:
    """New values of these columns in the row whose key columns have the values given as ``key_…``.

    ``guarded``: where the row has not the version given as ``version_seen`` any more, its version would become none,
    which the table refuses. So the statement fails by itself, and everything sent with it, without anybody looking.
    """
    statement = update(table).where(*(table.c[key] == bindparam(KEY + key) for key in keys))
    parameters = [KEY + key for key in keys]
    if guarded:
        column = table.c.version
        kept = case((column == bindparam(SEEN), bindparam(NEXT, type_=column.type)))
        names = tuple(name for name in names if name != "version")
        statement = statement.values({**{name: bindparam(name) for name in names}, "version": kept})
        return Prepared(statement, dialect, (), (*names, NEXT, *parameters, SEEN))
    return Prepared(statement, dialect, names, parameters)


@lru_cache(maxsize=256)
def delete_from(table: Table, dialect: Dialect, keys: tuple[str, ...]) -> Prepared:
    """The row whose key columns have the values given as ``key_…`` goes."""
    statement = delete(table).where(*(table.c[key] == bindparam(KEY + key) for key in keys))
    return Prepared(statement, dialect, (), (KEY + key for key in keys))


def select_rows(statement: Any, dialect: Dialect, keys: Iterable[str]) -> Prepared:
    """Rows found by the parameters ``keys``."""
    return Prepared(statement, dialect, (), keys)


@lru_cache(maxsize=256)
def several(statement: Prepared, rows: int) -> str:
    """The text of an insert for that many rows at once."""
    head, row = statement.text.split("VALUES ", 1)
    return f"{head}VALUES {', '.join([row] * rows)}"


@lru_cache(maxsize=2048)
def at_once(texts: tuple[str, ...]) -> str:
    """One statement that runs all of these, for a database that can (PostgreSQL): one round trip, all or nothing.

    The first of them stands last, because that is what the server runs (and locks) first; so do its values. They are
    numbered as the server does it, so that the driver need not look for them.
    """
    first, *others = texts
    named = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(others))
    numbers = count(1)
    return MARK.sub(lambda _: f"${next(numbers)}", f"WITH {named} {first}" if others else first)
