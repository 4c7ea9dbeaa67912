"""Open the city's database: SQLite as the embedded default, PostgreSQL beyond one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import QueuePool

WRITE = "wangge_write"
PRAGMAS = ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "wal_autocheckpoint=4000")
"""How SQLite is used. The journal is folded into the database every 16 MB: pages that many acts write go there once."""


def dumps(value: Any) -> str:
    """JSON text for JSON columns."""
    return orjson.dumps(value).decode()


def engine_options(url: str | URL, *, synchronous: str = "FULL") -> dict[str, Any]:
    """Options for ``create_engine`` that suit the database of ``url``; see ``prepare_sqlite`` for the rest."""
    options: dict[str, Any] = {"json_serializer": dumps, "json_deserializer": orjson.loads}
    if make_url(url).get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": 30, "check_same_thread": False}
        if make_url(url).database not in (None, "", ":memory:"):
            options["poolclass"] = QueuePool
    else:
        options["pool_pre_ping"] = True
    return options


def open_database(url: str, *, synchronous: str = "FULL") -> Engine:
    """An engine for ``url``. ``synchronous`` (SQLite only): FULL keeps every answered act through a power loss."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine, synchronous=synchronous)
    return engine


def prepare_engine(engine: Engine, *, synchronous: str = "FULL") -> None:
    """SQLite: WAL, foreign keys, and transactions that begin when SQLAlchemy says so; writers take the lock at once.

    A deferred transaction that has read and then writes fails when another writer came between; one that announces
    itself (``begin_write``) waits for its turn instead.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, f"synchronous={synchronous}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def begin_write(session: Session) -> None:
    """End whatever the session was reading and begin a transaction that will write."""
    session.rollback()
    session.connection(execution_options={WRITE: True})


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep their objects after a commit: services read what they have just written."""
    return sessionmaker(engine, expire_on_commit=False)
