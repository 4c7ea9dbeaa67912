"""A photo among a million: how long it takes to find those that look like it, beside a look at every one."""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Iterator

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict, times
from benchmarks.setting import Setting
from engine.evidence.likeness import bands_of, differing_bits, find_alike, signed
from engine.models import PhotoBand
from engine.testing.scratch import NoServer

BITS = 5
"""How many bits may differ: what a city has unless it says otherwise."""
USUAL = 0x5A3C_96F0_0FF1_C3A5
"""Bits that are as often set as not; the others are set in every fourth photo, as photos of streets have much alike."""


def run(setting: Setting) -> Section:
    """Plant hashes, then look for altered copies of some of them."""
    count, looks = setting.pick(1_000_000, 5_000), setting.pick(1_000, 50)
    dice = random.Random(20261121)
    hashes = array("Q", (likely(dice) for _ in range(count)))
    copies = [alter(hashes[at], dice) for at in (dice.randrange(count) for _ in range(looks))]
    rows: list[dict[str, Cell]] = []
    notes, verdicts = [], []
    spent, found = look_at_all(hashes, copies[: setting.pick(5, 2)])
    naive = min(spent)
    rows.append({"look-up": "every photo in turn", "looks": len(spent), **times(spent), "found": sum(map(len, found))})
    for database in ("sqlite-full", "postgresql"):
        if database not in setting.databases:
            continue
        try:
            with setting.town(database) as town:
                began = time.perf_counter()
                plant(town.engine, hashes)
                notes.append(f"{database}: {count:,} photos planted in {time.perf_counter() - began:.0f} s")
                spent, indexed = look_up(town.engine, copies)
        except NoServer as error:
            notes.append(str(error))
            continue
        assert indexed[: len(found)] == found
        assert all(indexed)
        rows.append({"look-up": database, "looks": looks, **times(spent), "found": sum(map(len, indexed))})
        ordered = sorted(spent)
        verdicts.append(Verdict(f"median ms a look-up, {database}", ordered[looks // 2] * 1000, 10, at_least=False))
        verdicts.append(Verdict(f"times faster than every photo, {database}", naive / ordered[looks // 2], 20))
    notes.append(f"altered by 0 to {BITS} of 64 bits; what the index finds is what a look at every photo finds")
    return Section("likeness", f"Photos used before, among {count:,}", rows, notes, verdicts)


def likely(dice: random.Random) -> int:
    """A hash with some bits set as often as not, others seldom."""
    return dice.getrandbits(64) & (dice.getrandbits(64) | USUAL)


def alter(bits: int, dice: random.Random) -> int:
    """The hash of the same photo sent again, smaller and compressed anew."""
    for at in dice.sample(range(64), dice.randint(0, BITS)):
        bits ^= 1 << at
    return bits


def look_at_all(hashes: array[int], copies: list[int]) -> tuple[list[float], list[list[tuple[int, int]]]]:
    """The plain way: seconds and what was found."""
    spent, found = [], []
    for copy in copies:
        began = time.perf_counter()
        near = ((differing_bits(copy, each), at) for at, each in enumerate(hashes))
        found.append(sorted(pair for pair in near if pair[0] <= BITS))
        spent.append(time.perf_counter() - began)
    return spent, found


def look_up(engine: Engine, copies: list[int]) -> tuple[list[float], list[list[tuple[int, int]]]]:
    """The index: seconds and what was found."""
    spent, found = [], []
    with Session(engine) as session:
        find_alike(session, copies[0], BITS)
        for copy in copies:
            began = time.perf_counter()
            found.append(find_alike(session, copy, BITS))
            spent.append(time.perf_counter() - began)
    return spent, found


def plant(engine: Engine, hashes: array[int]) -> None:
    """Write the index in its own order, without the photos it belongs to."""
    table = PhotoBand.__tablename__
    raw = engine.raw_connection()
    cursor = raw.cursor()
    if engine.dialect.name == "postgresql":
        cursor.execute("SET session_replication_role = replica")
        with cursor.copy(f"COPY {table} (key, evidence_id, bits) FROM STDIN") as copy:
            for row in thirds(hashes):
                copy.write_row(row)
        raw.commit()
        cursor.execute(f"ANALYZE {table}")
        raw.commit()
    else:
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.execute("BEGIN")
        cursor.executemany(f"INSERT INTO {table} (key, evidence_id, bits) VALUES (?, ?, ?)", thirds(hashes))
        cursor.execute("COMMIT")
        cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
    raw.detach()
    raw.close()


def thirds(hashes: array[int]) -> Iterator[tuple[int, int, int]]:
    """Rows of the index, in the order of their keys."""
    packed = array("Q", (key << 32 | at for at, bits in enumerate(hashes) for key in bands_of(bits)))
    for each in sorted(packed):
        at = each & 0xFFFFFFFF
        yield each >> 32, at, signed(hashes[at])
