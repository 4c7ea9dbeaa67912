"""Addresses and what makes them findable: distinct names, how common each token is, and the full-text index itself.

The index, ``address_search``, is no table of the metadata, because each database has its own kind: on SQLite an FTS5
table without contents whose rowid is ``AddressName.no``, on PostgreSQL a tsvector under a GIN index. Both hold the same
prepared tokens, so both answer alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Index, MetaData, Table, Text, event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column

from engine.models.base import Base

SEARCH = "address_search"
MAKE_SEARCH = {
    "sqlite": (
        f"CREATE VIRTUAL TABLE {SEARCH} USING fts5(tokens, content='', detail='none', columnsize=0, tokenize='ascii')",
    ),
    "postgresql": (
        f"CREATE TABLE {SEARCH} (no integer PRIMARY KEY, tokens tsvector NOT NULL)",
        f"CREATE INDEX ix_{SEARCH}_tokens ON {SEARCH} USING gin (tokens)",
    ),
}


class Address(Base):
    """A standard address (door), place name (place) or point of interest (poi).

    ``class_code`` is a row of ``engine/ground/address_classes.csv``. ``stem`` is the name without its house number, in
    the form in which it is searched; ``house`` the number, 0 for none; ``cell`` the map cell of ``engine.ground``.
    """

    __tablename__ = "address"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    class_code: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    grid_code: Mapped[str | None]
    stem: Mapped[str] = mapped_column(Text)
    house: Mapped[int]
    cell: Mapped[int] = mapped_column(BigInteger, index=True)
    __table_args__ = (Index("ix_address_stem_house", "stem", "house"),)


class AddressName(Base):
    """A distinct name without its house number ("云中区人民路"), in the form in which it is searched.

    ``no`` counts from the shortest name to the longest, so that the index gives short names first. ``pinyin`` holds
    the syllables, separated by spaces.
    """

    __tablename__ = "address_name"
    no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stem: Mapped[str] = mapped_column(Text, unique=True)
    pinyin: Mapped[str] = mapped_column(Text)


class AddressToken(Base):
    """How many names hold a token; a search begins with the rarest."""

    __tablename__ = "address_token"
    token: Mapped[str] = mapped_column(primary_key=True)
    names: Mapped[int]


def _make_search(target: Table | MetaData, connection: Connection, **options: Any) -> None:
    for statement in MAKE_SEARCH[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def _drop_search(target: Table | MetaData, connection: Connection, **options: Any) -> None:
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {SEARCH}")


event.listen(AddressName.__table__, "after_create", _make_search)
event.listen(AddressName.__table__, "before_drop", _drop_search)
