"""What people do with a case's documents outside its process: look at them, record a delivery, void one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from engine.cases.access import access_case, require, visible_cases
from engine.cases.host import CaseHost
from engine.cases.transaction import act_once
from engine.documents.declaring import DocumentTemplate
from engine.documents.delivering import (
    Delivered,
    deliver_document,
    deliveries_of,
    delivery_told,
    void_document,
)
from engine.documents.making import by_hand, print_document, told_of
from engine.errors import NotFound
from engine.models import Case, CaseEvent, DocumentDelivery, OfficialDocument, Person
from engine.organisation.actor import Actor
from engine.platform import Platform

DELIVER, VOID = "document.deliver", "document.void"
"""Permissions to record a delivery and to void a document by hand."""


@dataclass(frozen=True)
class DeliveryView:
    """A delivery as it is told; ``receipt`` is the id of the document that proves it."""

    manner: str
    receiver: str
    on: date
    place: str
    witness: str
    note: str
    recorded_at: datetime
    recorded_by: str
    receipt: int | None


@dataclass(frozen=True)
class DocumentView:
    """A document as it is told. ``case`` is the case's number; ``awaits``: it needs a delivery and has none."""

    id: int
    case: str
    template: str
    title: str
    title_en: str
    number: str
    issuer: str
    made_at: datetime
    made_by: str
    needs_delivery: bool
    awaits: bool
    deliveries: tuple[DeliveryView, ...]
    voided_at: datetime | None
    void_reason: str
    receipt_of: int | None
    size: int


def may_read(actor: Actor, row: OfficialDocument) -> bool:
    """Whether somebody who sees the case sees this document of it."""
    return not row.read or actor.may(row.read)


def documents_of(session: Session, actor: Actor, case: Case) -> list[DocumentView]:
    """The documents of a case the actor may see, as they were made."""
    query = select(OfficialDocument).where(OfficialDocument.case_id == case.id).order_by(OfficialDocument.id)
    return _told(session, case, [row for row in session.scalars(query) if may_read(actor, row)])


def prints_of(host: CaseHost, actor: Actor, case: Case) -> list[DocumentTemplate]:
    """What somebody may print of a street's case as it stands; the Chinese forms of the core only in Chinese cities."""
    return [
        each for each in host.documents.values()
        if case.matter is None and case.status in each.prints and (not each.read or actor.may(each.read))
        and (each.layer != "core" or host.city.language == "zh")
    ]  # fmt: skip


def print_for(
    session: Session, platform: Platform, actor: Actor, number: str, template: str, now: datetime
) -> tuple[DocumentTemplate, bytes]:
    """A document printed for a case, not kept: its template and the DOCX. Raises NotFound."""
    case = case_of(session, platform, actor, number)
    found = next((each for each in prints_of(platform.host, actor, case) if each.name == template), None)
    if found is None:
        raise NotFound(f"case {number} has nothing to print called {template}; its documents are made by its diagram")
    return found, print_document(by_hand(session, platform.host, case, actor, now), found)


def find_document(
    session: Session, platform: Platform, actor: Actor, document_id: int, *, content: bool = False
) -> tuple[Case, OfficialDocument]:
    """A document with its case. Raises NotFound alike when it is not there and when the actor may not see it."""
    row = session.get(OfficialDocument, document_id, options=[undefer(OfficialDocument.content)] if content else [])
    case = None
    if row is not None and may_read(actor, row):
        case = session.scalar(visible_cases(actor, platform.host.directory).where(Case.id == row.case_id))
    if row is None or case is None:
        raise NotFound(f"there is no document {document_id} that you may see; check the number")
    return case, row


def document_view(session: Session, platform: Platform, actor: Actor, document_id: int) -> DocumentView:
    """One document as it is told. Raises NotFound."""
    case, row = find_document(session, platform, actor, document_id)
    return _told(session, case, [row])[0]


def record_delivery(
    session: Session,
    platform: Platform,
    actor: Actor,
    document_id: int,
    delivered: Delivered,
    *,
    now: datetime,
    key: str | None = None,
) -> DocumentView:
    """Record that a document was delivered, with its receipt; commits. The same ``key`` does it once.

    Raises NotAllowed without the permission ``document.deliver``, Invalid for a delivery that cannot be.
    """
    require(actor, DELIVER, "record the delivery of a document")

    def act() -> dict[str, Any]:
        case, row = find_document(session, platform, actor, document_id)
        made = deliver_document(by_hand(session, platform.host, case, actor, now), row, delivered)
        _note(session, case, actor, now, "document_delivered", delivery_told(row, made))
        return {"id": made.id}

    request = {"act": "deliver document", "document": document_id, **vars(delivered)}
    act_once(session, actor.person_id, key, request, now, act)
    return document_view(session, platform, actor, document_id)


def void_by_hand(
    session: Session, platform: Platform, actor: Actor, document_id: int, reason: str, *, now: datetime
) -> DocumentView:
    """Void a document; commits. It keeps its file and number, which is never used again.

    Raises NotAllowed without the permission ``document.void``, Invalid without a reason.
    """
    require(actor, VOID, "void a document")

    def act() -> dict[str, Any]:
        case, row = find_document(session, platform, actor, document_id)
        known = row.voided_at is not None
        void_document(session, row, reason, actor.person_id, now)
        if not known:
            _note(session, case, actor, now, "document_voided", {**told_of(row), "reason": reason.strip()})
        return {"id": row.id}

    act_once(session, actor.person_id, None, {}, now, act)
    return document_view(session, platform, actor, document_id)


def case_of(session: Session, platform: Platform, actor: Actor, number: str) -> Case:
    """The case of that number. Raises NotFound."""
    return access_case(session, actor, platform.host.directory, number)


def _note(session: Session, case: Case, actor: Actor, now: datetime, kind: str, told: dict[str, Any]) -> None:
    session.add(
        CaseEvent(
            case_id=case.id, at=now, kind=kind, stage=case.stage, process="", element="", actor_id=actor.person_id,
            actor_role=actor.acting_role, department_code=None,
            data=told,
        )
    )  # fmt: skip


def _told(session: Session, case: Case, rows: list[OfficialDocument]) -> list[DocumentView]:
    deliveries = deliveries_of(session, [row.id for row in rows])
    people = {row.made_by for row in rows} | {each.recorded_by for list_ in deliveries.values() for each in list_}
    names = _names(session, people)
    return [
        DocumentView(
            id=row.id, case=case.number, template=row.template, title=row.title, title_en=row.title_en,
            number=row.number, issuer=row.issuer, made_at=row.made_at, made_by=names.get(row.made_by or 0, ""),
            needs_delivery=row.delivery, awaits=row.delivery and row.voided_at is None and row.id not in deliveries,
            deliveries=tuple(_delivery(each, names) for each in deliveries.get(row.id, ())),
            voided_at=row.voided_at, void_reason=row.void_reason, receipt_of=row.receipt_of, size=row.size,
        )
        for row in rows
    ]  # fmt: skip


def _delivery(row: DocumentDelivery, names: dict[int, str]) -> DeliveryView:
    return DeliveryView(
        manner=row.manner, receiver=row.receiver, on=row.delivered_on, place=row.place, witness=row.witness,
        note=row.note, recorded_at=row.recorded_at, recorded_by=names.get(row.recorded_by or 0, ""),
        receipt=row.receipt_id,
    )  # fmt: skip


def _names(session: Session, people: Iterable[int | None]) -> dict[int, str]:
    wanted = {person for person in people if person is not None}
    if not wanted:
        return {}
    return {row.id: row.name for row in session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))}
