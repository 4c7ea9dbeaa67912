"""Evidence: photos of a case, kept as they came for the inside and as a clean copy for the public."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import access_case, require
from engine.cases.photos import read_photo
from engine.cases.transaction import act_once
from engine.cases.views import EvidenceView, evidence_view
from engine.errors import Conflict, Invalid, NotFound
from engine.models import Case, CaseEvent, Evidence, Person
from engine.organisation.actor import Actor
from engine.platform import Platform

ROLES = ("before_photo", "after_photo", "verify_photo", "check_photo", "document_photo")
NO_MORE = ("rejected", "merged", "voided")


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
    """Add a photo to a case. The same ``key`` with the same photo adds it once.

    Raises Invalid when it is no photo, NotAllowed without the permission ``evidence.add``, Conflict for a case that has
    ended without being handled.
    """
    require(actor, "evidence.add", "add photos to a case")
    if role not in ROLES:
        raise Invalid(f"photos have no role {role!r}; use one of {', '.join(ROLES)}", field="role")
    access_case(session, actor, platform.host.directory, number)
    # Reading a photo takes a while: do it before the transaction holds the database.
    photo, digest = read_photo(content, platform.city.time_zone), hashlib.sha256(content).hexdigest()

    def act() -> dict[str, Any]:
        case = access_case(session, actor, platform.host.directory, number)
        if case.status in NO_MORE:
            raise Conflict(f"case {number} is {case.status}; it takes no more photos")
        department = department_for(actor, case)
        row = Evidence(
            case_id=case.id, role=role, file_name=file_name[-200:], media_type=photo.media_type, sha256=digest,
            size=len(content), width_px=photo.width_px, height_px=photo.height_px, taken_at=photo.taken_at,
            lon=photo.lon, lat=photo.lat, uploaded_at=now, uploader_id=actor.person_id, department_code=department,
            original=content, public_copy=photo.public_copy,
        )  # fmt: skip
        session.add(row)
        session.flush()
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
    return evidence_view(session.get_one(Evidence, answer["id"]), actor.name)


def department_for(actor: Actor, case: Case) -> str | None:
    """The unit of the case for which the actor takes the photo; none for the supervision side."""
    units = [unit.department_code for unit in case.units if unit.until is None]
    return next((code for code in units if code in actor.departments), None)


def read_evidence(
    session: Session, platform: Platform, actor: Actor, number: str, evidence_id: int, *, public: bool
) -> tuple[EvidenceView, bytes, str]:
    """A photo of a case the actor may see: its description, its bytes and their media type."""
    case = access_case(session, actor, platform.host.directory, number)
    row = session.scalar(select(Evidence).where(Evidence.id == evidence_id, Evidence.case_id == case.id))
    if row is None:
        raise NotFound(f"case {number} has no photo {evidence_id}; GET its evidence for those it has")
    uploader = session.get(Person, row.uploader_id) if row.uploader_id else None
    view = evidence_view(row, uploader.name if uploader else None)
    return (view, row.public_copy, "image/jpeg") if public else (view, row.original, row.media_type)
