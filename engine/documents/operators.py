"""Operators on documents: a diagram makes and delivers them without code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.documents.delivering import Delivered, deliver_document, delivery_told, find_to_deliver, void_document
from engine.documents.filling import FillFailed
from engine.documents.making import find_made, find_template, make_document, occasion_of, told_of
from engine.errors import DomainError, NotFound, OperatorRefused
from engine.registry import Operator, OperatorFunction
from engine.workflow.step import Step

TRUE = (True, "true", "yes")


def make(step: Step, template: str, values: Mapping[str, Any] | None = None, key: str = "") -> dict[str, Any]:
    """Make an official document (文书) of a template and keep it with the case. Result ``{number, id}``.

    ``values`` are what its fields take from the diagram. With a ``key`` the document of this key is made once: the
    same again gives the one there is. Refused when a required field is empty.
    """
    occasion = occasion_of(step)
    try:
        found = find_template(occasion.host, str(template))
        known = find_made(step.session, step.case.id, found.name, str(key)) if key else None
        row = known or make_document(occasion, found, values or {}, key=str(key or ""))
    except (FillFailed, NotFound) as error:
        raise step.failure(error.message) from error
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
    if known is None:
        step.record("document_made", **told_of(row))
    return {"number": row.number, "id": row.id}


def deliver(
    step: Step,
    manner: str,
    receiver: str,
    on: Any = None,
    id: Any = None,
    template: str = "",
    note: str = "",
    witness: str = "",
    place: str = "",
    confirmed: Any = False,
) -> dict[str, Any]:
    """Record the delivery (送达) of a document, by ``id`` or the newest of ``template``, and make its receipt.

    ``manner`` is direct, left, mail, electronic, public_notice or entrusted; ``on`` a date, today when left out.
    Result ``{receipt}``, the receipt's id. Refused when it is left without witness or note, or sent electronically
    without ``confirmed``.
    """
    occasion = occasion_of(step)
    day = str(on) if on else occasion.now.astimezone(occasion.host.city.time_zone).date().isoformat()
    told = Delivered(
        str(manner), str(receiver or ""), day, note or "", witness or "", place or "", confirmed=confirmed in TRUE
    )
    try:
        document = find_to_deliver(occasion, id, str(template or ""))
        row = deliver_document(occasion, document, told)
    except FillFailed as error:
        raise step.failure(error.message) from error
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
    step.record("document_delivered", **delivery_told(document, row))
    return {"receipt": row.receipt_id}


def void(step: Step, reason: str, id: Any = None, template: str = "") -> None:
    """Void a document, by ``id`` or the newest of ``template``: it stays on file, its number is never used again."""
    occasion = occasion_of(step)
    try:
        document = find_to_deliver(occasion, id, str(template or ""))
        void_document(step.session, document, str(reason or ""), step.actor.person_id if step.actor else None, step.now)
    except DomainError as error:
        raise OperatorRefused(error.message, field=error.field) from error
    step.record("document_voided", reason=reason, **told_of(document))


_FUNCTIONS: dict[str, OperatorFunction] = {"make": make, "deliver": deliver, "void": void}
DOCUMENT_OPERATORS = tuple(Operator(f"document/{topic}", function) for topic, function in _FUNCTIONS.items())
