"""Official documents (文书) of cases: made by their diagrams, read and printed by people, delivered on record."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response, request
from flask.views import MethodView

from api.auth import current_actor
from api.context import now, platform, session
from api.fonts import pdf_of
from api.resources.blueprint import group
from api.schemas.base import KeyHeader
from api.schemas.documents import (
    PDF,
    DeliverSchema,
    DocumentListSchema,
    DocumentSchema,
    FormQuery,
    VoidSchema,
)
from engine.documents.acts import (
    DocumentView,
    case_of,
    document_view,
    documents_of,
    find_document,
    print_for,
    record_delivery,
    void_by_hand,
)
from engine.documents.delivering import Delivered
from engine.models import OfficialDocument

blueprint = group("documents", "Official documents of cases: made by diagrams from templates, numbered, delivered.")
PRINT = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@blueprint.route("/cases/<string:number>/documents")
class CaseDocuments(MethodView):
    """The documents of a case."""

    @blueprint.response(200, DocumentListSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> dict[str, Any]:
        """The documents of a case that one may see, in the order they were made."""
        case = case_of(session(), platform(), current_actor(), number)
        return {"number": number, "documents": documents_of(session(), current_actor(), case)}


@blueprint.route("/cases/<string:number>/prints/<string:template>")
class CasePrint(MethodView):
    """What may be printed of a case without its being kept."""

    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, content_type="application/pdf")
    @blueprint.problems(404, 422, 500, 503)
    def get(self, query: dict[str, Any], number: str, template: str) -> Response:
        """A document of the case as it stands, such as `filing_form` 立案登记表. It is not kept and has no number."""
        found, content = print_for(session(), platform(), current_actor(), number, template, now())
        return print_answer(f"{found.zh} {number}", content, query["form"])


@blueprint.route("/documents/<int:document_id>")
class OneDocument(MethodView):
    """One document."""

    @blueprint.response(200, DocumentSchema)
    @blueprint.problems(404)
    def get(self, document_id: int) -> DocumentView:
        """What is known of a document."""
        return document_view(session(), platform(), current_actor(), document_id)


@blueprint.route("/documents/<int:document_id>/file")
class DocumentFile(MethodView):
    """The document itself."""

    @blueprint.arguments(FormQuery, location="query")
    @blueprint.response(200, content_type="application/pdf")
    @blueprint.problems(404, 422, 503)
    def get(self, query: dict[str, Any], document_id: int) -> Response:
        """The document as it was made, byte for byte, or its PDF with the letters embedded (PDF/A-2b).

        503 when no PDF can be made on this server; the DOCX is there all the same.
        """
        _, row = find_document(session(), platform(), current_actor(), document_id, content=True)
        return file_answer(row, query["form"])


@blueprint.route("/documents/<int:document_id>/deliveries")
class DocumentDeliveries(MethodView):
    """Deliveries of a document."""

    @blueprint.arguments(DeliverSchema)
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, DocumentSchema)
    @blueprint.problems(403, 404, 409, 422)
    def post(self, body: dict[str, Any], headers: dict[str, Any], document_id: int) -> DocumentView:
        """Record a delivery (送达); a receipt (送达回证) is made of it.

        Needs the permission `document.deliver`. A document left on refusal takes a witness or a note, electronic
        delivery the receiver's consent. The same delivery again changes nothing.
        """
        told = Delivered(**{**body, "on": body["on"].isoformat()})
        return record_delivery(session(), platform(), current_actor(), document_id, told, now=now(), key=headers["key"])


@blueprint.route("/documents/<int:document_id>/void")
class DocumentVoid(MethodView):
    """A document that holds no more."""

    @blueprint.arguments(VoidSchema)
    @blueprint.response(200, DocumentSchema)
    @blueprint.problems(403, 404, 409, 422)
    def put(self, body: dict[str, Any], document_id: int) -> DocumentView:
        """Void a document with a reason. It stays on file; its number is never used again.

        Needs the permission `document.void`.
        """
        return void_by_hand(session(), platform(), current_actor(), document_id, body["reason"], now=now())


def file_answer(row: OfficialDocument, form: str) -> Response:
    """The file of a document for a browser: PDFs are shown, DOCX saved. Raises PdfFailed."""
    answer = print_answer(f"{row.title} {row.number}".strip(), row.content, form)
    answer.headers["Cache-Control"] = "private, max-age=86400"
    answer.set_etag(f"{row.sha256}-{form}")
    answer.make_conditional(request.environ)
    return answer


def print_answer(name: str, content: bytes, form: str) -> Response:
    """A DOCX, or its PDF, under a name of its own. Raises PdfFailed."""
    answer = Response(pdf_of(content) if form == PDF else content, content_type=PRINT if form == PDF else WORD)
    shown = "inline" if form == PDF else "attachment"
    named = f"filename=document.{form}; filename*=UTF-8''{quote(f'{name}.{form}', safe='')}"
    answer.headers["Content-Disposition"] = f"{shown}; {named}"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer
