"""Photos of components: each comes with a proposal, waits with it, and is shown once the proposal is confirmed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotAllowed, NotFound
from engine.evidence.keeping import ensure_there, hold_files, put_files
from engine.evidence.photos import read_photo
from engine.evidence.store import COPIES, ORIGINAL, PUBLIC, THUMBNAIL, Store, name_file
from engine.models import ComponentChange, ComponentPhoto
from engine.organisation.actor import Actor

PROPOSE = "component.propose"
NAME_LETTERS = 200


@dataclass(frozen=True)
class KeptPhoto:
    """A photo that was looked at and lies in the store; ``columns`` are those of its row."""

    store: Store
    files: Mapping[str, bytes]
    columns: Mapping[str, Any]


def keep_photo(store: Store, file_name: str, content: bytes, zone: ZoneInfo) -> KeptPhoto:
    """Check a photo and put it into the store; a proposal names it afterwards. A sweep takes one that none names.

    :raises Invalid: it is no photo (``engine.evidence.photos.read_photo``).
    :raises StoreFailed: the store does not take it.
    """
    photo, digest = read_photo(content, zone), hashlib.sha256(content).hexdigest()
    copies = {ORIGINAL: content, PUBLIC: photo.public_copy, THUMBNAIL: photo.thumbnail}
    files = {name_file(digest, copy): kept for copy, kept in copies.items()}
    put_files(store, files)
    columns = {name: getattr(photo, name) for name in ("media_type", "width_px", "height_px", "taken_at", "lon", "lat")}
    name = PurePath(file_name.replace("\0", "")).name[-NAME_LETTERS:] or "photo"
    return KeptPhoto(store, files, {**columns, "sha256": digest, "size": len(content), "file_name": name})


def attach_photo(session: Session, change: ComponentChange, photo: KeptPhoto, uploader_id: int, now: datetime) -> None:
    """Name a photo in the transaction of its proposal; the caller commits."""
    hold_files(session)
    ensure_there(photo.store, photo.files)
    session.add(
        ComponentPhoto(
            component_code=change.component_code, change_id=change.id, uploaded_at=now, uploader_id=uploader_id,
            **photo.columns,
        )
    )  # fmt: skip


def photos_of(session: Session, change_ids: list[int]) -> dict[int, ComponentPhoto]:
    """Photos by the change they came with."""
    rows = session.scalars(select(ComponentPhoto).where(ComponentPhoto.change_id.in_(change_ids)))
    return {row.change_id: row for row in rows}


def shown_photo(session: Session, code: str) -> ComponentPhoto | None:
    """The photo of a component's latest confirmed change that has one."""
    query = (
        select(ComponentPhoto)
        .join(ComponentChange, ComponentChange.id == ComponentPhoto.change_id)
        .where(ComponentPhoto.component_code == code, ComponentChange.status == "confirmed")
        .order_by(ComponentChange.decided_at.desc(), ComponentPhoto.id.desc())
    )
    return session.scalars(query.limit(1)).first()


def read_component_photo(
    session: Session, store: Store, actor: Actor, photo_id: int, copy: str
) -> tuple[ComponentPhoto, bytes, str]:
    """A photo's row, bytes and media type. ``copy``: ``original``, ``public`` or ``thumbnail``.

    :raises NotFound: no such photo.
    :raises NotAllowed: it is not confirmed, and the actor may not propose.
    :raises StoreFailed: the store cannot be reached or has lost it.
    """
    row = session.get(ComponentPhoto, photo_id)
    if row is None or copy not in COPIES:
        raise NotFound(f"there is no photo {photo_id} of a component; GET a component for the one it shows")
    if session.get_one(ComponentChange, row.change_id).status != "confirmed" and not actor.may(PROPOSE):
        raise NotAllowed(f"photo {photo_id} is not confirmed yet; seeing it takes the permission {PROPOSE}")
    return row, store.get(name_file(row.sha256, copy)), row.media_type if copy == ORIGINAL else "image/jpeg"
