"""Evidence: photos, videos and voice of a case, kept as they came; photos also as clean copies for the public.

Files are put into the store first and named by a row afterwards. Whoever dies in between leaves a file nobody names,
which a sweep takes after a day; a row that names a file which is not there cannot come about.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from sqlalchemy.orm import Session

from engine.cases.access import access_case, require
from engine.cases.evidence_views import views_of
from engine.cases.merging import cases_seen_with
from engine.cases.transaction import act_once
from engine.cases.view_values import EvidenceView
from engine.catalogue.condition_rules import ROLES as ROLES  # pages, schemas and checks take them from here
from engine.city import City
from engine.errors import Conflict, Invalid, NotFound
from engine.evidence.keeping import ensure_there, hold_files, put_files
from engine.evidence.kinds import PHOTO, kind_of, read_recording
from engine.evidence.likeness import index_photo, signed
from engine.evidence.photos import Photo, read_photo
from engine.evidence.store import COPIES, ORIGINAL, PUBLIC, THUMBNAIL, name_file
from engine.models import Case, CaseEvent, Evidence
from engine.organisation.actor import Actor
from engine.platform import Platform

NO_MORE = ("rejected", "merged", "voided")
SUFFIXES = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"), "image/png": (".png",), "image/webp": (".webp",),
    "video/mp4": (".mp4", ".m4v"), "video/quicktime": (".mov", ".qt"), "video/webm": (".webm",),
    "video/3gpp": (".3gp", ".3gpp"), "audio/mpeg": (".mp3",), "audio/mp4": (".m4a", ".mp4"), "audio/aac": (".aac",),
    "audio/wav": (".wav",), "audio/ogg": (".ogg", ".oga", ".opus"), "audio/webm": (".webm", ".weba"),
}  # fmt: skip
RENAMED = "suffix_corrected"


@dataclass(frozen=True)
class Taken:
    """An upload that was looked at: the columns of its row, and the files to keep for it by copy."""

    columns: dict[str, Any]
    copies: dict[str, bytes]
    likeness: int | None = None
    notes: tuple[str, ...] = field(default=())


def add_evidence(
    session: Session,
    platform: Platform,
    actor: Actor,
    number: str,
    role: str,
    file_name: str,
    content: bytes,
    *,
    now: datetime,
    key: str | None = None,
) -> EvidenceView:
    """Add a photo, video or voice file to a case. The same ``key`` with the same file adds it once.

    Raises Invalid when the file is not what its role asks for, NotAllowed without the permission ``evidence.add``,
    Conflict for a case that has ended without being handled, StoreFailed when the store does not take it.
    """
    require(actor, "evidence.add", "add evidence to a case")
    if role not in ROLES:
        raise Invalid(f"evidence has no role {role!r}; use one of {', '.join(ROLES)}", field="role")
    refuse_ended(access_case(session, actor, platform.host.directory, number))
    # Reading and keeping a file take a while: do it before the transaction holds the database.
    session.rollback()
    taken, digest = take(content, role, platform.city), hashlib.sha256(content).hexdigest()
    name, renamed = name_rightly(file_name, taken.columns["media_type"])
    files = {name_file(digest, copy): kept for copy, kept in taken.copies.items()}
    put_files(platform.store, files)

    def act() -> dict[str, Any]:
        case = access_case(session, actor, platform.host.directory, number)
        refuse_ended(case)
        hold_files(session)
        ensure_there(platform.store, files)
        department = department_for(actor, case)
        row = Evidence(
            case_id=case.id, role=role, file_name=name, sha256=digest, size=len(content), uploaded_at=now,
            uploader_id=actor.person_id, department_code=department, original=None, public_copy=None,
            likeness=None if taken.likeness is None else signed(taken.likeness),
            notes=[*taken.notes, *([RENAMED] if renamed else [])], **taken.columns,
        )  # fmt: skip
        session.add(row)
        session.flush()
        if taken.likeness is not None:
            index_photo(session, row.id, taken.likeness)
        session.add(
            CaseEvent(
                case_id=case.id,
                at=now,
                kind="evidence_added",
                stage=case.stage,
                process="",
                element="",
                actor_id=actor.person_id,
                actor_role=actor.acting_role,
                department_code=department,
                data={"evidence": row.id, "role": role, "sha256": digest},
            )
        )
        return {"id": row.id}

    request = {"case": number, "role": role, "sha256": digest, "file_name": file_name}
    answer = act_once(session, actor.person_id, key, request, now, act)
    case = access_case(session, actor, platform.host.directory, number)
    found = views_of(session, platform, actor, case, only=answer["id"])
    if not found:
        raise Conflict(f"file {file_name} was taken with this key, but is not there any more; send it with another key")
    return found[0]


def refuse_ended(case: Case) -> None:
    """Raise Conflict for a case that has ended without being handled."""
    if case.status in NO_MORE:
        raise Conflict(f"case {case.number} is {case.status}; it takes no more evidence")


def take(content: bytes, role: str, city: City) -> Taken:
    """Look at an upload. Raises Invalid when it is not what its role asks for."""
    kind = kind_of(role)
    if kind == PHOTO:
        return take_photo(read_photo(content, city.time_zone), content)
    found = read_recording(content, kind)
    columns = {
        "media_type": found.media_type, "width_px": 0, "height_px": 0, "taken_at": found.taken_at, "lon": None,
        "lat": None,
    }  # fmt: skip
    return Taken(columns, {ORIGINAL: content})


def take_photo(photo: Photo, content: bytes) -> Taken:
    """The columns and files of a photo."""
    names = ("media_type", "width_px", "height_px", "taken_at", "lon", "lat")
    copies = {ORIGINAL: content, PUBLIC: photo.public_copy, THUMBNAIL: photo.thumbnail}
    return Taken({name: getattr(photo, name) for name in names}, copies, photo.likeness, photo.notes)


def name_rightly(file_name: str, media_type: str) -> tuple[str, bool]:
    """The last 200 letters of a file's name with a suffix that says what it is, and whether that had to be changed."""
    path, suffixes = PurePath(file_name[-200:].replace("\0", "")), SUFFIXES[media_type]
    if path.suffix.lower() in suffixes:
        return str(path), False
    stem = path.stem if path.suffix and len(path.suffix) <= 5 else path.name
    return f"{stem or 'file'}{suffixes[0]}", bool(path.suffix)


def department_for(actor: Actor, case: Case) -> str | None:
    """The unit of the case for which the actor takes the photo; none for the supervision side."""
    units = [unit.department_code for unit in case.units if unit.until is None]
    return next((code for code in units if code in actor.departments), None)


def read_evidence(
    session: Session, platform: Platform, actor: Actor, number: str, evidence_id: int, copy: str
) -> tuple[Evidence, bytes, str]:
    """A file of a case the actor may see: its row, its bytes and their media type.

    :param copy: ``original``, ``public`` or ``thumbnail``; videos and voice have only the original.
    :raises NotFound: no such file or copy.
    :raises StoreFailed: the store cannot be reached or has lost it.
    """
    case = access_case(session, actor, platform.host.directory, number)
    row = session.get(Evidence, evidence_id)
    if row is not None and row.case_id != case.id and row.case_id not in cases_seen_with(session, case):
        row = None
    if row is None or copy not in COPIES:
        raise NotFound(f"case {number} has no evidence {evidence_id}; GET its evidence for what it has")
    if copy != ORIGINAL and not row.media_type.startswith("image/"):
        raise NotFound(f"evidence {evidence_id} is no photo and has no {copy} copy; ask for the original")
    media_type = row.media_type if copy == ORIGINAL else "image/jpeg"
    # Photos from before there was a store lie in the row until they are moved; then the public copy is the smallest.
    kept = row.original if copy == ORIGINAL else row.public_copy
    return row, platform.store.get(name_file(row.sha256, copy)) if kept is None else kept, media_type
