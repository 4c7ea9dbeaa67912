"""Which store a city's evidence lies in: what the operator named, else a folder beside the database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from engine.errors import CityBroken
from engine.evidence.folder import FolderStore
from engine.evidence.s3 import S3Store
from engine.evidence.store import MemoryStore, Store

PLACE = "WANGGE_EVIDENCE"
IN_MEMORY = "wangge_evidence"
ASKED = frozenset({"endpoint", "region"})


def find_store(session: Session, environ: Mapping[str, str] = os.environ) -> Store:
    """The store ``WANGGE_EVIDENCE`` names; without it a folder beside an SQLite file, ``<database>.evidence`` under
    ``WANGGE_VAR`` (default ``./var``) for a server, memory for a database in memory.

    Raises CityBroken when the name cannot be read.
    """
    connection = session.connection()
    durable = _waits_for_disk(connection)
    if environ.get(PLACE):
        return open_store(environ[PLACE], durable=durable)
    engine, database = connection.engine, connection.engine.url.database or ""
    if connection.dialect.name != "sqlite":
        var = Path(environ.get("WANGGE_VAR") or "var").resolve()
        return FolderStore(var / f"{database}.evidence", durable=durable)
    if database in ("", ":memory:"):
        # An engine in memory carries its files with it: whoever opens it again finds both.
        options = engine.get_execution_options()
        if IN_MEMORY not in options:
            engine.update_execution_options(**{IN_MEMORY: MemoryStore()})
        store: MemoryStore = engine.get_execution_options()[IN_MEMORY]
        return store
    return FolderStore(folder_beside(Path(database)), durable=durable)


def folder_beside(database: Path) -> Path:
    """The folder of the evidence of an SQLite file."""
    return database.absolute().with_name(f"{database.stem}.evidence")


def open_store(place: str, *, durable: bool = True) -> Store:
    """A store by its name: a folder's path, or ``s3://bucket/prefix?endpoint=https://…&region=…``.

    Raises CityBroken when the name cannot be read.
    """
    if "://" not in place:
        return FolderStore(Path(place).absolute(), durable=durable)
    parts = urlsplit(place)
    if parts.scheme != "s3" or not parts.hostname:
        raise CityBroken(f"{PLACE} {place!r} is no place; write a folder's path or s3://bucket/prefix?endpoint=…")
    if parts.username or parts.password:
        raise CityBroken(f"{PLACE} has credentials in it; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    asked = parse_qs(parts.query)
    if unknown := sorted(asked.keys() - ASKED):
        raise CityBroken(f"{PLACE} asks for {', '.join(unknown)}; known are endpoint and region")
    options = {name: values[-1] for name, values in asked.items()}
    return S3Store(parts.netloc, parts.path, **options)


def _waits_for_disk(connection: Connection) -> bool:
    """Whether the database itself survives a power loss: files need no more care than the rows that name them."""
    if connection.dialect.name != "sqlite":
        return True
    return bool(connection.exec_driver_sql("PRAGMA synchronous").scalar())
