"""Put files and rows together so that neither is ever without the other, while a sweep may be under way.

A writer puts its files, then takes part in the hold inside its transaction, looks whether they are still there, and
commits the row that names them. A sweep takes the hold alone, sees every committed row, and deletes only then. On
PostgreSQL the hold is an advisory lock of the transaction; on SQLite it is the write lock, which both have anyway.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from engine.evidence.store import Store

HOLD_KEY = 0x45766964
"""``Evid`` in ASCII."""


def put_files(store: Store, files: Mapping[str, bytes]) -> None:
    """Keep files by name; they outlast a crash once this returns."""
    for name, content in files.items():
        store.put(name, content)


def hold_files(session: Session, *, alone: bool = False) -> None:
    """Keep a sweep out (or, ``alone``, everybody) until the transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        session.execute(text(f"SELECT {function}(:key)"), {"key": HOLD_KEY})


def ensure_there(store: Store, files: Mapping[str, bytes]) -> None:
    """Put again what a sweep took between the writer's put and its hold."""
    for name, content in files.items():
        if store.find(name) is None:
            store.put(name, content)
