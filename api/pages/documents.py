"""Official documents on the page of their case: what was made, its files, its deliveries, what somebody may do."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.case import Attempt, find_case, show_case
from api.pages.frame import actor, back_to
from api.pages.languages import _
from api.pages.refusals import refusal_of
from api.resources.documents import file_answer, print_answer
from api.schemas.documents import DOCX, PDF
from engine.documents.acts import find_document, print_for, record_delivery, void_by_hand
from engine.documents.delivering import Delivered
from engine.errors import DomainError

ACT = "document"
"""What refused acts on documents are called on the page of the case."""


def document_file(document_id: int) -> BaseResponse:
    """The document to read or print (``?form=pdf``, the default) or as it was made (``?form=docx``)."""
    form = DOCX if request.args.get("form") == DOCX else PDF
    _case, row = find_document(context.session(), context.platform(), actor(), document_id, content=True)
    return file_answer(row, form)


def document_print(number: str, template: str) -> BaseResponse:
    """A document printed of the case as it stands, not kept."""
    found, content = print_for(context.session(), context.platform(), actor(), number, template, context.now())
    form = DOCX if request.args.get("form") == DOCX else PDF
    return print_answer(f"{found.zh} {number}", content, form)


def deliver(number: str, document_id: int) -> BaseResponse:
    """Record a delivery. What was typed stays on the page when it is refused."""
    names = ("manner", "receiver", "on", "place", "witness", "note")
    given = {name: request.form.get(name, "").strip() for name in names}
    told = Delivered(**given, confirmed=bool(request.form.get("confirmed")))
    try:
        record_delivery(
            context.session(), context.platform(), actor(), document_id, told, now=context.now(),
            key=request.form.get("key") or None,
        )  # fmt: skip
    except DomainError as error:
        return _refused(number, document_id, error, given)
    return back_to("pages.one_case", number=number, _anchor="documents", said=_("已登记送达，并生成送达回证。"))


def void(number: str, document_id: int) -> BaseResponse:
    """Void a document."""
    reason = request.form.get("reason", "").strip()
    try:
        void_by_hand(context.session(), context.platform(), actor(), document_id, reason, now=context.now())
    except DomainError as error:
        return _refused(number, document_id, error, {"reason": reason})
    return back_to("pages.one_case", number=number, _anchor="documents", said=_("文书已作废，文号不再使用。"))


def _refused(number: str, document_id: int, error: DomainError, given: dict[str, str]) -> BaseResponse:
    context.session().rollback()
    refusal, errors = refusal_of(error)
    tried = Attempt(action=f"{ACT} {document_id}", answers=given, errors=errors, refusal=refusal)
    return show_case(find_case(number), tried)


ROUTES = (
    ("/documents/<int:document_id>/file", document_file, ("GET",)),
    ("/cases/<string:number>/prints/<string:template>", document_print, ("GET",)),
    ("/cases/<string:number>/documents/<int:document_id>/delivery", deliver, ("POST",)),
    ("/cases/<string:number>/documents/<int:document_id>/void", void, ("POST",)),
)
