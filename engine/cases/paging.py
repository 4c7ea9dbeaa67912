"""Keyset paging: opaque cursors that neither skip nor repeat a row when others are added meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, and_, func, literal, or_
from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.models.base import Moment

FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)
"""Stands in for a missing moment, so that rows without one sort last."""


@dataclass(frozen=True)
class Order:
    """A sort key that can be paged: its expression, how its values travel in a cursor, and its direction."""

    name: str
    key: ColumnElement[Any]
    tie: Any
    descending: bool = False
    read: Callable[[Any], Any] = str

    def sorted(self, query: Select[Any]) -> Select[Any]:
        """The query in this order."""
        columns = (self.key, self.tie)
        return query.order_by(*(column.desc() if self.descending else column.asc() for column in columns))

    def after(self, value: Any, tie: Any) -> ColumnElement[bool]:
        """What follows a row with this value and tie."""
        if self.descending:
            return or_(self.key < value, and_(self.key == value, self.tie < tie))
        return or_(self.key > value, and_(self.key == value, self.tie > tie))


@dataclass(frozen=True)
class Page:
    """Rows and the cursor of the next page, none on the last."""

    rows: Sequence[Any]
    next_cursor: str | None


def moment_key(column: Any) -> ColumnElement[Any]:
    """A moment column as a sort key: missing moments last."""
    return func.coalesce(column, literal(FAR_FUTURE, Moment()), type_=Moment())


def fetch_page(
    session: Session,
    query: Select[Any],
    order: Order,
    *,
    limit: int,
    cursor: str | None,
    read_tie: Callable[[Any], Any] = int,
) -> Page:
    """One page of at most ``limit`` rows of a query for one entity.

    :raises Invalid: the cursor is none of ours or of another sort order.
    """
    if cursor:
        value, tie = read_cursor(cursor, order, read_tie)
        query = query.where(order.after(value, tie))
    found = session.execute(order.sorted(query.add_columns(order.key, order.tie)).limit(limit + 1)).all()
    more = len(found) > limit
    found = found[:limit]
    next_cursor = write_cursor(order, found[-1][1], found[-1][2]) if more else None
    return Page([row[0] for row in found], next_cursor)


def write_cursor(order: Order, value: Any, tie: Any) -> str:
    """A cursor that points behind a row."""
    text = orjson.dumps([order.name, value, str(tie)], default=str)
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def read_cursor(cursor: str, order: Order, read_tie: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Value and tie of a cursor of this order."""
    try:
        name, value, tie = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != order.name:
            raise Invalid(f"the cursor belongs to the sort order {name}; start from the first page", field="cursor")
        return order.read(value), read_tie(tie)
    except (ValueError, TypeError, binascii.Error) as error:
        raise Invalid("the cursor cannot be read; take it from 'next' as it is", field="cursor") from error
