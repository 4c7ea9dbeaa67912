"""Rows of a table by ranges of cells, put to each database so that its planner has nothing to guess.

SQLite gets one search of the index a range, in queries of four lengths, so that few have to be planned. PostgreSQL gets
the ranges as two arrays and is held to one search of the index each (``OFFSET 0``): a plan it keeps would otherwise
read a whole class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from engine.components.cells import padded

Spans = Sequence[tuple[int, int]]


def rows_in_spans(
    session: Session, columns: str, table: str, where: str, spans: Spans, values: Mapping[str, Any],
    most: int | None = None,
) -> Sequence[Any]:  # fmt: skip
    """``columns`` of the rows whose ``cell`` lies in one of the spans and for which ``where`` holds, in no order.

    :param values: what ``where`` names.
    """
    asked = dict(values)
    if most is not None:
        asked["most"] = most
    if session.get_bind().dialect.name == "postgresql":
        asked |= {"lows": [low for low, _ in spans], "highs": [high for _, high in spans]}
        return session.execute(_query_arrays(columns, table, where, most is not None), asked).all()
    filled = padded(list(spans))
    for at, (low, high) in enumerate(filled):
        asked |= {f"low{at}": low, f"high{at}": high}
    return session.execute(_query_union(columns, table, where, len(filled), most is not None), asked).all()


@lru_cache(maxsize=64)
def _query_arrays(columns: str, table: str, where: str, limited: bool) -> TextClause:
    return text(
        "SELECT found.* FROM unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) AS span (low, high) "
        f"CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE {where} AND cell BETWEEN span.low AND span.high "
        f"OFFSET 0) AS found{' LIMIT :most' if limited else ''}"
    )


@lru_cache(maxsize=256)
def _query_union(columns: str, table: str, where: str, spans: int, limited: bool) -> TextClause:
    part = f"SELECT {columns} FROM {table} WHERE {where} AND cell BETWEEN :low{{at}} AND :high{{at}}"
    parts = " UNION ALL ".join(part.format(at=at) for at in range(spans))
    return text(f"SELECT * FROM ({parts}) AS found LIMIT :most" if limited else parts)
