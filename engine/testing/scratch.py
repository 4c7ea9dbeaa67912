"""A scratch PostgreSQL database for one test; says plainly why there is none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

SERVER = os.environ.get("WANGGE_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


class NoServer(Exception):
    """No PostgreSQL answers; the message says where it was looked for."""


@contextmanager
def scratch_postgresql() -> Iterator[str]:
    """The URL of a new, empty database, dropped afterwards. Raises NoServer."""
    server = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    name = f"wangge_test_{uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as error:
        raise NoServer(f"no PostgreSQL at {SERVER}; start one or set WANGGE_TEST_POSTGRESQL") from error
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
