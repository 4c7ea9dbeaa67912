"""The store swept by itself: once a day, each round on record with what it took or why it failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.evidence.kinds import kind_of
from engine.evidence.store import Store, StoreFailed
from engine.evidence.sweeping import GRACE, Swept, count_in_database, sweep
from engine.models import Evidence, EvidenceSweep

EVERY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""How soon a round that failed is tried again."""
KEPT = timedelta(days=400)
"""Rounds older than this are forgotten."""


@dataclass(frozen=True)
class Holdings:
    """What rows name: files and their bytes by kind, and photos that still lie in the database."""

    files: dict[str, int]
    sizes: dict[str, int]
    in_database: int


def sweep_when_due(session: Session, store: Store, now: datetime) -> EvidenceSweep | None:
    """Sweep when the last round is a day old, or failed an hour ago; none when it is not yet time.

    A store that cannot be reached is a round with its failure, not an error.
    """
    last = last_rounds(session, 1)
    session.rollback()
    if last and now < last[0].began_at + (AGAIN if last[0].failure else EVERY):
        return None
    return sweep_on_record(session, store, now)


def sweep_on_record(session: Session, store: Store, now: datetime, *, grace: timedelta = GRACE) -> EvidenceSweep:
    """Sweep now, and write down what came of it. ``now`` is the machine's moment, never a city's frozen one."""
    failure = ""
    try:
        done = sweep(session, store, now, grace=grace)
    except StoreFailed as error:
        done, failure = Swept(0, 0, 0, 0), error.message
    session.rollback()
    begin_write(session)
    row = EvidenceSweep(
        began_at=now, seen=done.seen, taken=done.taken, size=done.size, unfinished=done.unfinished, failure=failure
    )
    session.add(row)
    session.execute(delete(EvidenceSweep).where(EvidenceSweep.began_at < now - KEPT))
    session.commit()
    return row


def last_rounds(session: Session, most: int) -> Sequence[EvidenceSweep]:
    """The latest rounds, newest first."""
    query = select(EvidenceSweep).order_by(EvidenceSweep.began_at.desc(), EvidenceSweep.id.desc()).limit(most)
    return session.scalars(query).all()


def holdings(session: Session) -> Holdings:
    """What the rows of the evidence name."""
    query = select(Evidence.role, func.count(), func.coalesce(func.sum(Evidence.size), 0)).group_by(Evidence.role)
    files: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for role, count, size in session.execute(query):
        kind = kind_of(role)
        files[kind] = files.get(kind, 0) + count
        sizes[kind] = sizes.get(kind, 0) + int(size)
    return Holdings(files, sizes, count_in_database(session))
