"""Look after the store: take files nobody names, move photos out of the database, and check that nothing is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, undefer

from engine.database import begin_write
from engine.errors import Invalid
from engine.evidence.keeping import ensure_there, hold_files, put_files
from engine.evidence.likeness import index_photo, signed
from engine.evidence.photos import read_photo
from engine.evidence.store import ORIGINAL, PUBLIC, THUMBNAIL, Store, Stored, StoreFailed, name_file
from engine.models import ComponentPhoto, Evidence

GRACE = timedelta(days=1)
"""A file younger than this is left alone: its writer may not have come to the row yet."""
AT_ONCE = 200
"""Files deleted under one hold: writers wait no longer than that takes."""
NAMED = (Evidence.sha256, ComponentPhoto.sha256)
"""Rows that name files."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Swept:
    """What a sweep did: files seen and taken, their bytes, and pieces that were never finished."""

    seen: int
    taken: int
    size: int
    unfinished: int


@dataclass(frozen=True)
class Fault:
    """A file that is not as its row says."""

    evidence_id: int
    message: str


def sweep(session: Session, store: Store, now: datetime, *, grace: timedelta = GRACE, dry: bool = False) -> Swept:
    """Delete files that no row names and that are older than ``grace``. Safe while others write.

    :param now: the present moment by the clock of the store, which is the machine's and never a city's frozen one.
    :param dry: count only.
    """
    before = now - grace
    seen = taken = size = 0
    walk = store.walk()
    while files := list(islice(walk, AT_ONCE)):
        seen += len(files)
        old = [each for each in files if each.stored_at < before]
        for each in _sweep_some(session, store, old, before, dry=dry) if old else ():
            taken, size = taken + 1, size + each.size
    return Swept(seen, taken, size, 0 if dry else store.clear_unfinished(before))


def _sweep_some(
    session: Session, store: Store, files: Sequence[Stored], before: datetime, *, dry: bool
) -> list[Stored]:
    """Delete those of some files that nobody names, alone in the store."""
    begin_write(session)
    hold_files(session, alone=True)
    digests = {each.name.partition(".")[0] for each in files}
    named = {sha256 for column in NAMED for sha256 in session.scalars(select(column).where(column.in_(digests)))}
    taken = []
    for each in files:
        if each.name.partition(".")[0] in named:
            continue
        # Somebody may have put it again since the walk: then it is young, and they come for it soon.
        present = store.find(each.name)
        if present is not None and present.stored_at < before:
            if not dry:
                store.delete(each.name)
            taken.append(present)
    session.rollback()
    return taken


def count_in_database(session: Session) -> int:
    """Photos whose bytes still lie in the database."""
    return session.scalar(select(func.count()).select_from(Evidence).where(Evidence.original.is_not(None))) or 0


def move_to_store(session: Session, store: Store, zone: ZoneInfo, progress: Progress = lambda done: None) -> int:
    """Move the bytes of photos from the database to the store, one transaction a photo. Returns how many.

    Stopped half way, it goes on from there the next time. A photo that today's checks refuse is moved as it is, with
    the public copy it had and without a likeness.
    """
    moved, last = 0, 0
    while True:
        query = select(Evidence).where(Evidence.id > last, Evidence.original.is_not(None)).order_by(Evidence.id)
        row = session.scalar(query.options(undefer(Evidence.original), undefer(Evidence.public_copy)).limit(1))
        if row is None or row.original is None:
            return moved
        last, original, public = row.id, row.original, row.public_copy or b""
        sha256 = row.sha256
        likeness, thumbnail = _derive(original, public, zone)
        files = {
            name_file(sha256, copy): content
            for copy, content in ((ORIGINAL, original), (PUBLIC, public), (THUMBNAIL, thumbnail))
        }
        session.rollback()
        put_files(store, files)
        begin_write(session)
        hold_files(session)
        ensure_there(store, files)
        values = {"original": None, "public_copy": None, "likeness": None if likeness is None else signed(likeness)}
        waiting = update(Evidence).where(Evidence.id == last, Evidence.original.is_not(None)).values(values)
        if session.connection().execute(waiting).rowcount:
            if likeness is not None:
                index_photo(session, last, likeness)
            moved += 1
        session.commit()
        session.expunge_all()
        progress(1)


def _derive(original: bytes, public: bytes, zone: ZoneInfo) -> tuple[int | None, bytes]:
    """Likeness and thumbnail of an old photo; what cannot be read again shows its public copy instead."""
    try:
        photo = read_photo(original, zone)
    except Invalid:
        return None, public
    return photo.likeness, photo.thumbnail


def check_store(session: Session, store: Store, progress: Progress = lambda done: None) -> Iterator[Fault]:
    """Read every original that rows name, and say which are missing, damaged, or without their copies."""
    last = 0
    columns = (Evidence.id, Evidence.sha256, Evidence.media_type)
    while True:
        query = select(*columns).where(Evidence.id > last, Evidence.original.is_(None)).order_by(Evidence.id)
        rows = session.execute(query.limit(AT_ONCE)).all()
        session.rollback()
        if not rows:
            return
        for row in rows:
            last = row.id
            try:
                store.get(name_file(row.sha256))
                for copy in (PUBLIC, THUMBNAIL) if row.media_type.startswith("image/") else ():
                    if store.find(name_file(row.sha256, copy)) is None:
                        yield Fault(row.id, f"the {copy} copy of {row.sha256} is missing")
            except StoreFailed as error:
                yield Fault(row.id, error.message)
            progress(1)
