"""Delivery (送达) of documents: how, to whom, when, before whom; a receipt (送达回证) is made of each.

The manners are those of civil procedure, by which administrative papers are delivered too:
行政处罚法（2021）第六十一条、民事诉讼法关于送达的各条（memory: a city's legal office settles what each one takes）.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.documents.making import Occasion, find_made, make_document, told_of
from engine.errors import Invalid, NotFound
from engine.models import DocumentDelivery, OfficialDocument

MANNERS = {
    "direct": ("直接送达", "Handed over"),
    "left": ("留置送达", "Left on refusal"),
    "mail": ("邮寄送达", "By post"),
    "electronic": ("电子送达", "Electronic"),
    "public_notice": ("公告送达", "Public notice"),
    "entrusted": ("委托送达", "Through another office"),
}
"""Manners of delivery, each in Chinese and English."""
RECEIPT = "delivery_receipt"


@dataclass(frozen=True)
class Delivered:
    """What is to be recorded. ``on`` is an ISO date; ``confirmed``: the receiver agreed to electronic delivery."""

    manner: str
    receiver: str
    on: str
    note: str = ""
    witness: str = ""
    place: str = ""
    confirmed: bool = False


def deliver_document(occasion: Occasion, document: OfficialDocument, delivered: Delivered) -> DocumentDelivery:
    """Record a delivery and make its receipt, flushed. The same again is the one there is.

    :raises Invalid: the document is void, the manner is unknown, the date is none or lies in the future or before the
        document, nobody received it, it was left without witness or note, or nobody agreed to electronic delivery.
    """
    if document.voided_at is not None:
        raise Invalid(f"{document.title} {document.number} is void; make a new one and deliver that")
    day = _settled(occasion, document, delivered)
    known = occasion.session.scalars(
        select(DocumentDelivery).where(
            DocumentDelivery.document_id == document.id,
            DocumentDelivery.manner == delivered.manner,
            DocumentDelivery.receiver == delivered.receiver.strip(),
            DocumentDelivery.delivered_on == day,
        )
    ).first()
    if known is not None:
        return known
    row = DocumentDelivery(
        document_id=document.id, manner=delivered.manner, receiver=delivered.receiver.strip(), delivered_on=day,
        place=delivered.place.strip(), witness=delivered.witness.strip(), note=delivered.note.strip(),
        recorded_at=occasion.now, recorded_by=occasion.actor.person_id if occasion.actor else None, receipt_id=None,
    )  # fmt: skip
    occasion.session.add(row)
    template = occasion.host.documents.get(RECEIPT)
    if template is not None:
        values = {
            "document": document.title, "document_number": document.number, "manner": MANNERS[row.manner][0],
            "receiver": row.receiver, "on": day.isoformat(), "place": row.place, "witness": row.witness,
            "note": row.note, "issuer": document.issuer,
        }  # fmt: skip
        receipt = make_document(occasion, template, values, receipt_of=document.id)
        receipt.read = document.read
        row.receipt_id = receipt.id
    occasion.session.flush()
    return row


def _settled(occasion: Occasion, document: OfficialDocument, delivered: Delivered) -> date:
    """The day of delivery. Raises Invalid."""
    if delivered.manner not in MANNERS:
        known = ", ".join(f"{name} ({zh})" for name, (zh, _) in MANNERS.items())
        raise Invalid(f"documents are not delivered by {delivered.manner!r}; use one of {known}", field="manner")
    if not delivered.receiver.strip():
        raise Invalid("say who received it (receiver)", field="receiver")
    zone = occasion.host.city.time_zone
    try:
        day = date.fromisoformat(str(delivered.on)[:10])
    except ValueError:
        raise Invalid(f"{delivered.on!r} is no date; write it as 2026-10-01", field="on") from None
    today, made = occasion.now.astimezone(zone).date(), document.made_at.astimezone(zone).date()
    if not made <= day <= today:
        between = f"it was made on {made} and today is {today}"
        raise Invalid(f"{document.title} cannot have been delivered on {day}: {between}", field="on")
    if delivered.manner == "left" and not (delivered.witness.strip() or delivered.note.strip()):
        raise Invalid("a document left on refusal takes a witness, or a note of how it was recorded", field="witness")
    if delivered.manner == "electronic" and not delivered.confirmed:
        why = "electronic delivery takes the receiver's written consent"
        raise Invalid(f"{why}; set confirmed when there is one, or deliver otherwise", field="confirmed")
    return day


def find_to_deliver(occasion: Occasion, document: Any = None, template: str = "") -> OfficialDocument:
    """The case's document by id, or the newest of a template that is not void. Raises Invalid or NotFound."""
    number = occasion.case.number
    if document in (None, "") and not template:
        raise Invalid("say which document is delivered, by id or template", field="id")
    if document not in (None, ""):
        try:
            found = occasion.session.get(OfficialDocument, int(document))
        except (TypeError, ValueError):
            raise Invalid(f"{document!r} is no document's id; document/make gives it as id", field="id") from None
        if found is None or found.case_id != occasion.case.id:
            raise NotFound(f"case {number} has no document {document}")
        return found
    made = find_made(occasion.session, occasion.case.id, template)
    if made is None:
        raise NotFound(f"case {number} has no document {template} that could be delivered; make it first")
    return made


def delivery_told(document: OfficialDocument, row: DocumentDelivery) -> dict[str, Any]:
    """What the case's history says of a delivery; to whom only where everybody may read the document."""
    whom = {} if document.read else {"receiver": row.receiver}
    return {**told_of(document), "manner": row.manner, "on": row.delivered_on.isoformat(), **whom}


def deliveries_of(session: Session, documents: Sequence[int]) -> dict[int, list[DocumentDelivery]]:
    """The deliveries of documents, by document, first to last."""
    found: dict[int, list[DocumentDelivery]] = {}
    query = select(DocumentDelivery).where(DocumentDelivery.document_id.in_(documents)).order_by(DocumentDelivery.id)
    for row in session.scalars(query):
        found.setdefault(row.document_id, []).append(row)
    return found


def void_document(
    session: Session, document: OfficialDocument, reason: str, person_id: int | None, now: datetime
) -> None:
    """Void a document: it stays with file and number, which is never used again. Raises Invalid without reason."""
    if not reason.strip():
        raise Invalid("say why the document is void", field="reason")
    if document.voided_at is None:
        document.voided_at, document.voided_by, document.void_reason = now, person_id, reason.strip()
        session.flush()
