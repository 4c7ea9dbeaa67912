"""The driver's errors in SQLAlchemy's words, as whatever catches them knows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm.exc import StaleDataError


def translated(error: Any, dialect: Dialect) -> BaseException:
    """A driver's error as SQLAlchemy tells it; StaleDataError when another writer came between (``prepared.SEEN``)."""
    first = str(error).partition("\n")[0]
    if isinstance(error, dialect.loaded_dbapi.IntegrityError) and "version" in first:
        return StaleDataError("the case was written by somebody else in between")
    told: BaseException = DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, dialect=dialect)
    return told
