"""Official documents of cases on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, moment, text, truth, whole
from engine.documents.delivering import MANNERS

DOCX, PDF = "docx", "pdf"
MANNER = "`direct` 直接, `left` 留置, `mail` 邮寄, `electronic` 电子, `public_notice` 公告 or `entrusted` 委托."


class DeliverySchema(Strict):
    """How a document was delivered (送达)."""

    manner = text(MANNER)
    receiver = text("Who received it.")
    on = fields.Date(metadata={"description": "The day."})
    place = text("Where.")
    witness = text("Who saw it.")
    note = text("Remark, such as the number of a letter.")
    recorded_at = moment("When it was recorded.")
    recorded_by = text("By whom; empty for a process.")
    receipt = whole("The id of the receipt (送达回证), a document itself.", allow_none=True)


class DocumentSchema(Strict):
    """An official document (文书) as it was made; it never changes."""

    id = whole("Its id.")
    case = text("Number of the case.")
    template = text("Name of its template.")
    title = text("Title.")
    title_en = text("English title.")
    number = text("Its number; empty for a record without one.")
    issuer = text("Who issued it.")
    made_at = moment("When it was made.")
    made_by = text("In whose step; empty for a process alone.")
    needs_delivery = truth("Whether it must be delivered.")
    awaits = truth("Whether it must be and was not yet.")
    deliveries = fields.List(fields.Nested(DeliverySchema), metadata={"description": "Its deliveries."})
    voided_at = moment("When it was voided.", allow_none=True)
    void_reason = text("Why it was voided.")
    receipt_of = whole("The id of the document this one is the receipt of.", allow_none=True)
    size = whole("Bytes of the DOCX.")


class DocumentListSchema(Strict):
    """The documents of a case."""

    number = text("Case number.")
    documents = fields.List(fields.Nested(DocumentSchema))


class FormQuery(Strict):
    """As what a document is wanted."""

    form = text(
        "`pdf` to read and print, `docx` as it was made.", load_default=PDF, validate=ma.validate.OneOf((PDF, DOCX))
    )


class DeliverSchema(Strict):
    """A delivery to record."""

    manner = text(MANNER, required=True, validate=ma.validate.OneOf(tuple(MANNERS)))
    receiver = text("Who received it.", required=True, validate=ma.validate.Length(1, 200))
    on = fields.Date(required=True, metadata={"description": "The day, not after today."})
    place = text("Where.", load_default="", validate=ma.validate.Length(max=200))
    witness = text("Who saw it; `left` takes one, or a note.", load_default="", validate=ma.validate.Length(max=200))
    note = text("Remark.", load_default="", validate=ma.validate.Length(max=2000))
    confirmed = truth("The receiver agreed in writing to electronic delivery.", load_default=False)


class VoidSchema(Strict):
    """Why a document is void."""

    reason = text("The reason.", required=True, validate=ma.validate.Length(1, 2000))
