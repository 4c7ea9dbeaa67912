"""Photos, videos and voice of a case: shown to those who see the case, added by those who may."""

from __future__ import annotations

from json import dumps

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.case import Attempt, find_case, read_id, show_case
from api.pages.frame import actor, back_to
from api.pages.languages import _
from api.pages.refusals import Refusal, tell
from api.pages.words import word
from engine.cases.evidence import add_evidence, read_evidence
from engine.errors import Conflict, DomainError, Invalid
from engine.evidence.kinds import LIMITS, kind_of
from engine.evidence.store import ORIGINAL, PUBLIC, THUMBNAIL, StoreFailed

DAY_S = 24 * 3600
SIZES = {"original": ORIGINAL, "small": THUMBNAIL}


def photo(number: str, evidence_id: int) -> BaseResponse:
    """The file itself: of photos a size for the screen, the original with ``?original=1``, small with ``?small=1``.

    Browsers ask for parts of videos; videos and voice have only the original.
    """
    copy = next((copy for name, copy in SIZES.items() if name in request.args), PUBLIC)
    row, content, media_type = read_evidence(context.session(), context.platform(), actor(), number, evidence_id, copy)
    # A photo never changes; the address is checked against the person's rights again when the day is over.
    response = BaseResponse(content, mimetype=media_type)
    response.headers["Cache-Control"] = f"private, max-age={DAY_S}"
    response.headers["Content-Disposition"] = "inline"
    response.set_etag(f"{row.sha256}-{copy}")
    return response.make_conditional(request.environ, accept_ranges=True, complete_length=len(content))


def add_photos(number: str) -> BaseResponse:
    """Add one or more files to a case. Scripts that ask for JSON get 201, or ``refused`` with the words of the refusal:
    what has neither may be sent again with the same key.
    """
    scripted = request.accept_mimetypes.best == "application/json"
    role = request.form.get("role", "")
    files = [each for each in request.files.getlist("photos") if each.filename]
    task = read_id(request.form.get("task"))
    key = request.form.get("key", "")
    try:
        if not files:
            raise Invalid("no file was chosen; choose at least one file", field="photos")
        for at, each in enumerate(files):
            content = each.read(LIMITS[kind_of(role)] + 1)  # one byte too many is refused with the right words
            add_evidence(
                context.session(), context.platform(), actor(), number, role, each.filename or "photo", content,
                now=context.now(), key=f"{key}-{at}" if key else None,
            )  # fmt: skip
    except DomainError as error:
        if not scripted and not isinstance(error, (Invalid, Conflict, StoreFailed)):
            raise
        context.session().rollback()
        refusal = tell(error)
        if scripted and not isinstance(error, StoreFailed):
            return json_answer(refusal.status, refused=f"{refusal.what} {refusal.remedy}".strip())
        if scripted:
            return json_answer(503)
        shown = Refusal(refusal.status, _("证据没有上传"), refusal.what, refusal.remedy, refusal.original)
        return show_case(find_case(number), Attempt(task=task, refusal=shown))
    if scripted:
        return json_answer(201)
    said = _("已上传%(role)s %(count)s 件。", role=word("photo", role), count=len(files))
    return back_to("pages.one_case", number=number, task=task, said=said)


def json_answer(status: int, **said: str) -> BaseResponse:
    """What the script that sends files reads."""
    return BaseResponse(dumps(said), status, mimetype="application/json")


ROUTES = (
    ("/cases/<string:number>/photos", add_photos, ("POST",)),
    ("/cases/<string:number>/photos/<int:evidence_id>", photo, ("GET",)),
)
