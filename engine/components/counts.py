"""How many components of which class lie in which cell: the few numbers a map needs when it is far out.

Kept for every class on levels 10 (39 km) to 17 (305 m), and for all classes together (class ``""``) down to level 19.
A change of one component moves its counts in the same transaction; a survey counts anew when it ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from engine.components.cells import LEVEL, Box, frame_of, level_for, place_of, spans_of
from engine.components.spans import rows_in_spans
from engine.models import ComponentCount

COARSEST, CLASS_FINEST, FINEST = 10, 17, LEVEL
ALL = ""
"""Stands for all classes together."""

ADD = text(
    "INSERT INTO component_count (full_code, level, cell, amount) VALUES (:full_code, :level, :cell, :amount) "
    "ON CONFLICT (full_code, level, cell) DO UPDATE SET amount = component_count.amount + excluded.amount"
)
FROM_REGISTER = (
    f"INSERT INTO component_count (full_code, level, cell, amount) SELECT '', {FINEST}, cell, count(*) "
    "FROM component WHERE present GROUP BY cell",
    f"INSERT INTO component_count (full_code, level, cell, amount) SELECT full_code, {CLASS_FINEST}, "
    f"cell >> {2 * (LEVEL - CLASS_FINEST)}, count(*) FROM component WHERE present "
    f"GROUP BY full_code, cell >> {2 * (LEVEL - CLASS_FINEST)}",
)
FROM_FINER = (
    "INSERT INTO component_count (full_code, level, cell, amount) SELECT full_code, {level}, cell >> 2, sum(amount) "
    "FROM component_count WHERE level = {level} + 1 AND {which} GROUP BY full_code, cell >> 2"
)


def recount(session: Session) -> None:
    """Count everything anew from the register; some seconds at 800,000 components. Does not commit."""
    session.execute(delete(ComponentCount))
    for statement in FROM_REGISTER:
        session.execute(text(statement))
    for level in range(FINEST - 1, COARSEST - 1, -1):
        session.execute(text(FROM_FINER.format(level=level, which="full_code = ''")))
    for level in range(CLASS_FINEST - 1, COARSEST - 1, -1):
        session.execute(text(FROM_FINER.format(level=level, which="full_code <> ''")))


def move_counts(session: Session, moves: Iterable[tuple[str, int, int]]) -> None:
    """Add to the counts: (class, cell, how many more). Does not commit."""
    more: Counter[tuple[str, int, int]] = Counter()
    for full_code, cell, amount in moves:
        for level in range(COARSEST, FINEST + 1):
            at = cell >> 2 * (LEVEL - level)
            more[ALL, level, at] += amount
            if level <= CLASS_FINEST:
                more[full_code, level, at] += amount
    rows = [
        {"full_code": full_code, "level": level, "cell": cell, "amount": amount}
        for (full_code, level, cell), amount in sorted(more.items())
        if amount
    ]
    if rows:
        session.execute(ADD, rows)


def counts_in(
    session: Session, box: Box, *, full_code: str | None = None, most: int = 1000
) -> tuple[int, list[tuple[int, int]]]:
    """The finest kept level with at most ``most`` cells on the box, and (cell, how many) of those that hold any."""
    finest = FINEST if full_code is None else CLASS_FINEST
    level = level_for(box, most, finest=finest, coarsest=COARSEST)
    where = "full_code = :full_code AND level = :level AND amount > 0"
    values = {"full_code": full_code or ALL, "level": level}
    rows = rows_in_spans(session, "cell, amount", "component_count", where, spans_of(box, level=level), values)
    west, south, east, north = frame_of(box, level)
    return level, [
        (cell, amount)
        for cell, amount in rows
        if (place := place_of(cell)) and west <= place[0] <= east and south <= place[1] <= north
    ]


def count_classes(session: Session) -> dict[str, int]:
    """How many components of each class stand on the street, by class; all together under ``""``."""
    query = select(ComponentCount.full_code, func.sum(ComponentCount.amount)).where(ComponentCount.level == COARSEST)
    rows = session.execute(query.group_by(ComponentCount.full_code).order_by(ComponentCount.full_code))
    return {full_code: int(amount) for full_code, amount in rows if amount}


def surely_in(box: Box, level: int, counts: Iterable[tuple[int, int]]) -> int:
    """How many of the counted stand in the box whatever the cells on its edge hold."""
    west, south, east, north = frame_of(box, level)
    return sum(
        amount
        for cell, amount in counts
        if (place := place_of(cell)) and west < place[0] < east and south < place[1] < north
    )
