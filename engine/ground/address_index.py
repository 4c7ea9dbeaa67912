"""Keep the full-text index of addresses: every distinct name once, under the same prepared tokens on every database."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from itertools import islice
from math import floor
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from engine.ground.address_classes import class_of
from engine.ground.address_words import TOKENS_VERSION, fold, split_number, syllables, tokens_of
from engine.models import Address, AddressName, AddressToken, Counter
from engine.models.addresses import SEARCH

STATE = "address index"
"""The counter that remembers by which version of the tokens a database is indexed."""

CELL = 0.002
"""Side of a map cell in degrees: some 200 m."""

CELLS_A_ROW = 200_000
BATCH = 5_000


def cell_of(lon: float, lat: float) -> int:
    """The map cell of a point, WGS-84."""
    return floor((lat + 90) / CELL) * CELLS_A_ROW + floor((lon + 180) / CELL)


def derived(name: str, lon: float, lat: float) -> dict[str, Any]:
    """The columns of an address that follow from the others."""
    stem, house, _open = split_number(fold(name))
    return {"stem": stem, "house": house, "cell": cell_of(lon, lat)}


def index_if_stale(session: Session) -> bool:
    """Index addresses that an earlier release has stored or indexed otherwise. Cheap when all is well; no commit."""
    state = session.get(Counter, STATE)
    if state is not None and state.value == TOKENS_VERSION:
        return False
    columns = (Address.code, Address.name, Address.kind, Address.class_code, Address.lon, Address.lat)
    rows = session.execute(select(*columns).order_by(Address.code)).all()
    for batch in _batches(rows):
        session.execute(
            update(Address),
            [
                {"code": row.code, "class_code": row.class_code or class_of(row.name, row.kind)}
                | derived(row.name, row.lon, row.lat)
                for row in batch
            ],
        )
    index_addresses(session)
    return True


def index_addresses(session: Session) -> int:
    """Build the index anew from the addresses stored; no commit. Returns how many distinct names it holds."""
    sqlite = session.get_bind().dialect.name == "sqlite"
    connection = session.connection()
    connection.exec_driver_sql(
        f"INSERT INTO {SEARCH} ({SEARCH}) VALUES ('delete-all')" if sqlite else f"DELETE FROM {SEARCH}"
    )
    session.execute(delete(AddressName))
    session.execute(delete(AddressToken))
    stems = sorted(session.scalars(select(Address.stem).distinct()), key=lambda stem: (len(stem), stem))
    common: Tally[str] = Tally()
    add = (
        f"INSERT INTO {SEARCH} (rowid, tokens) VALUES (?, ?)"
        if sqlite
        else f"INSERT INTO {SEARCH} (no, tokens) VALUES (%s, array_to_tsvector(%s))"
    )
    for batch in _batches(list(enumerate(stems, 1))):
        names, entries = [], []
        for no, stem in batch:
            parts = syllables(stem)
            tokens = sorted(set(tokens_of(stem, parts)))
            common.update(tokens)
            names.append({"no": no, "stem": stem, "pinyin": " ".join(parts)})
            entries.append((no, " ".join(tokens) if sqlite else tokens))
        session.execute(insert(AddressName), names)
        connection.exec_driver_sql(add, entries)
    for tallies in _batches([{"token": token, "names": names} for token, names in sorted(common.items())]):
        session.execute(insert(AddressToken), tallies)
    if not sqlite:  # entries that wait for their place in the index would be gone through at every question
        connection.exec_driver_sql(f"SELECT gin_clean_pending_list('ix_{SEARCH}_tokens')")
    session.merge(Counter(name=STATE, value=TOKENS_VERSION))
    session.flush()
    return len(stems)


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
