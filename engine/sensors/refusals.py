"""Payloads that were not taken: kept as they came, counted, and taken after all when what was wrong is mended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from engine.models import SensorRefusal
from engine.sensors.readings import Message

PAYLOAD_LIMIT = 64 * 1024
"""Bytes kept of a payload. A longer one is kept cut off and cannot be taken after all."""
MOST_KEPT = 500
"""Refusals kept of one device; the oldest make room. What was refused is counted with the device all the same."""


@dataclass(frozen=True)
class Refused:
    """A message, or one reading of it, that cannot be taken. ``index``: which reading of the payload."""

    message: Message
    raw: bytes
    reason: str
    remedy: str
    index: int | None = None


def keep_refused(session: Session, refused: Sequence[Refused], now: datetime) -> None:
    """Keep what was refused; the same again counts up. The caller commits."""
    found: dict[str, Refused] = {}
    times: dict[str, int] = {}
    for each in refused:
        digest = _digest(each)
        found.setdefault(digest, each)
        times[digest] = times.get(digest, 0) + 1
    known = set(session.scalars(select(SensorRefusal.digest).where(SensorRefusal.digest.in_(found))))
    for digest, each in found.items():
        if digest in known:
            session.execute(
                update(SensorRefusal).where(SensorRefusal.digest == digest).values(
                    times=SensorRefusal.times + times[digest], last_at=now, reason=each.reason, remedy=each.remedy,
                    replayed_at=None,
                )
            )  # fmt: skip
            continue
        session.add(
            SensorRefusal(
                digest=digest, device_code=each.message.device[:200], via=each.message.via,
                topic=each.message.topic[:500], payload=each.raw[:PAYLOAD_LIMIT], reason=each.reason,
                remedy=each.remedy, times=times[digest], first_at=now, last_at=now, replayed_at=None,
            )
        )  # fmt: skip
    session.flush()
    _make_room(session, {each.message.device[:200] for each in refused})


def _make_room(session: Session, devices: Iterable[str]) -> None:
    for device in devices:
        kept = session.scalar(
            select(SensorRefusal.id).where(SensorRefusal.device_code == device)
            .order_by(SensorRefusal.id.desc()).offset(MOST_KEPT).limit(1)
        )  # fmt: skip
        if kept is not None:
            session.execute(delete(SensorRefusal).where(SensorRefusal.device_code == device, SensorRefusal.id <= kept))


def _digest(refused: Refused) -> str:
    message = refused.message
    parts = (message.via, message.device, message.topic)
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + refused.raw).hexdigest()


def list_refused(
    session: Session, *, device: str | None = None, before: int | None = None, most: int, all_: bool = False
) -> Sequence[SensorRefusal]:
    """Refusals, the newest first, with an id below ``before``; those taken after all only with ``all_``."""
    query = select(SensorRefusal).order_by(SensorRefusal.id.desc()).limit(most)
    if device is not None:
        query = query.where(SensorRefusal.device_code == device)
    if before is not None:
        query = query.where(SensorRefusal.id < before)
    if not all_:
        query = query.where(SensorRefusal.replayed_at.is_(None))
    return session.scalars(query).all()


def count_refused(session: Session) -> int:
    """Refusals that wait for somebody."""
    return session.scalar(select(func.count(SensorRefusal.id)).where(SensorRefusal.replayed_at.is_(None))) or 0


def drop_refused(session: Session, before: datetime) -> int:
    """Forget refusals last seen before a moment. The caller commits."""
    return session.execute(delete(SensorRefusal).where(SensorRefusal.last_at < before)).rowcount  # type: ignore[attr-defined,no-any-return]
