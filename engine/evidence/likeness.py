"""Which photos look alike: a 64-bit difference hash, and an index that finds the near ones among millions.

The hash (dHash, Neal Krawetz 2013) says for 8 × 8 places of a small grey copy whether the picture becomes brighter to
the right. Smaller copies, other compression and mild changes of colour leave most bits as they are.

The index has every hash by its thirds of 22, 21 and 21 bits (multi-index hashing, Norouzi, Punjani and Fleet 2012). Of
two hashes that differ in at most d bits, the differences in the thirds are not all greater than r1, r2 and r3 where
r1 + r2 + r3 = d - 2: they would be d + 1 together. So it is enough to look for thirds within these radii: 3 keys for up
to two bits, 67 for five, 508 for seven, each with a handful of rows among a million photos.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations

from PIL import Image
from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from engine.models import PhotoBand

WIDTHS = (22, 21, 21)
"""Bits of each third; the first has the lowest."""
KEY_BITS = max(WIDTHS)
HASH_COLUMNS = 4
"""The hash is written in four turns of two columns each."""
MOST_BITS = 7
"""Up to so many differing bits the index misses no photo."""
LEAST_CONTRAST = 12
"""Grey levels; a wall in fog says nothing, and would look like every other."""
CANDIDATES = 20_000
"""Rows looked at for one photo; more have a third in common only where a city uploads one picture again and again."""


def hash_photo(upright: Image.Image) -> int | None:
    """The hash of a picture that stands upright, without sign; none when there is nothing to see on it."""
    small = upright.convert("L").resize((9, 8), Image.Resampling.BOX)
    grey = small.tobytes()
    if max(grey) - min(grey) < LEAST_CONTRAST:
        return None
    bits = 0
    # Column by column in turn: each part then has bits of the sky, the houses and the ground alike.
    for turn in range(HASH_COLUMNS):
        for row in range(8):
            for column in (turn, turn + HASH_COLUMNS):
                at = row * 9 + column
                bits = bits << 1 | (grey[at] < grey[at + 1])
    return bits


def differing_bits(one: int, other: int) -> int:
    """The Hamming distance of two hashes."""
    return (one ^ other).bit_count()


def signed(bits: int) -> int:
    """A hash as a database's 64-bit integer."""
    return bits - (1 << 64) if bits >> 63 else bits


def unsigned(number: int) -> int:
    """A database's 64-bit integer as a hash."""
    return number & (1 << 64) - 1


def bands_of(bits: int) -> tuple[int, ...]:
    """The three thirds of a hash, each marked with which it is."""
    keys = []
    for band, width in enumerate(WIDTHS):
        keys.append(band << KEY_BITS | bits & (1 << width) - 1)
        bits >>= width
    return tuple(keys)


def keys_near(bits: int, most: int) -> Iterator[int]:
    """Thirds one of which every hash within ``most`` bits has. ``most`` is 0 to 7."""
    for key, changes in zip(bands_of(bits), changes_within(most), strict=True):
        yield from (key ^ change for change in changes)


@lru_cache
def changes_within(most: int) -> tuple[tuple[int, ...], ...]:
    """For each third, the patterns of changed bits that are looked for; radii add up to ``most`` - 2."""
    spare = max(most + 1 - len(WIDTHS), 0)
    radii = [spare // len(WIDTHS) + (band < spare % len(WIDTHS)) for band in range(len(WIDTHS))]
    return tuple(
        tuple(
            sum(1 << at for at in places) for size in range(radius + 1) for places in combinations(range(width), size)
        )
        for width, radius in zip(WIDTHS, radii, strict=True)
    )


def index_photo(session: Session, evidence_id: int, bits: int) -> None:
    """Put a photo into the index, in the transaction of the caller."""
    rows = [{"key": key, "evidence_id": evidence_id, "bits": signed(bits)} for key in bands_of(bits)]
    session.execute(insert(PhotoBand), rows)


def find_alike(session: Session, bits: int, most: int) -> list[tuple[int, int]]:
    """Photos within ``most`` differing bits (0 to 7) as (differing bits, evidence id), the nearest and oldest first."""
    if not 0 <= most <= MOST_BITS:
        raise ValueError(f"{most} bits are too many; the index finds up to {MOST_BITS}")
    seen = chain(
        # Equal ones first, so that no crowd of strangers in one third can hide them.
        _candidates(session, (bands_of(bits)[0],), signed(bits)),
        _candidates(session, tuple(keys_near(bits, most))) if most else (),
    )
    near = {row.evidence_id: differing_bits(bits, unsigned(row.bits)) for row in seen}
    return sorted((distance, evidence) for evidence, distance in near.items() if distance <= most)


def _candidates(session: Session, keys: Sequence[int], equal: int | None = None) -> Sequence[Row[int, int]]:
    query = select(PhotoBand.evidence_id, PhotoBand.bits).where(PhotoBand.key.in_(keys)).limit(CANDIDATES)
    return session.execute(query if equal is None else query.where(PhotoBand.bits == equal)).all()
