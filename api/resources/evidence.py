"""Evidence: photos, videos and voice of a case."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from flask.views import MethodView

from api.auth import current_actor
from api.context import now, platform, session
from api.errors import FileTooLarge
from api.resources.blueprint import group
from api.schemas.base import KeyHeader
from api.schemas.cases import EvidenceSchema
from api.schemas.evidence import CopyQuery, EvidenceListSchema, UploadSchema
from engine.cases.access import access_case
from engine.cases.evidence import add_evidence, read_evidence
from engine.cases.evidence_views import joined_views, views_of
from engine.cases.view_values import EvidenceView
from engine.evidence.kinds import LIMITS, MB, kind_of

blueprint = group(
    "evidence",
    "Photos, videos and voice of a case: originals for the inside, copies of photos without metadata for the public.",
)


@blueprint.route("/cases/<string:number>/evidence")
class CaseEvidence(MethodView):
    """All evidence of a case."""

    @blueprint.response(200, EvidenceListSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> dict[str, Any]:
        """The evidence of a case, oldest first, with what contradicts the claim: place, time, photos used before.

        That of cases merged with it or split from it follows; `of_case` names theirs.
        """
        case = access_case(session(), current_actor(), platform().host.directory, number)
        db, actor = session(), current_actor()
        own = views_of(db, platform(), actor, case)
        return {"number": number, "evidence": [*own, *joined_views(db, platform(), actor, case)]}

    @blueprint.arguments(UploadSchema, location="upload")
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, EvidenceSchema)
    @blueprint.problems(403, 404, 409, 413, 415, 422, 503)
    def post(
        self, upload: dict[str, Any], headers: dict[str, Any], number: str
    ) -> tuple[EvidenceView, int, dict[str, str]]:
        """Add a photo, video or voice file (multipart/form-data). It is opened and checked; position and time are read
        from it. What it is follows from its bytes, not from its name.

        Needs the permission `evidence.add` and access to the case.
        """
        kind = kind_of(upload["role"])
        content = upload["file"].stream.read(LIMITS[kind] + 1)
        if len(content) > LIMITS[kind]:
            raise FileTooLarge(f"the {kind} has more than {LIMITS[kind] // MB} MB; send a smaller one", field="file")
        name = upload["file"].filename or kind
        view = add_evidence(
            session(), platform(), current_actor(), number, upload["role"], name, content, now=now(), key=headers["key"]
        )
        return view, 201, {"Location": url_for("evidence.EvidenceFile", number=number, evidence_id=view.id)}


@blueprint.route("/cases/<string:number>/evidence/<int:evidence_id>")
class EvidenceFile(MethodView):
    """One file."""

    @blueprint.arguments(CopyQuery, location="query")
    @blueprint.response(200, content_type="image/jpeg")
    @blueprint.problems(404, 416, 422, 503)
    def get(self, query: dict[str, Any], number: str, evidence_id: int) -> Response:
        """The file itself: what was uploaded, byte for byte, or a copy of a photo. Parts of it by `Range`."""
        row, content, media_type = read_evidence(
            session(), platform(), current_actor(), number, evidence_id, query["copy"]
        )
        answer = Response(content, content_type=media_type)
        # Uploaded bytes are shown as the file they were checked to be, and as nothing else.
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Disposition"] = "inline"
        answer.headers["Cache-Control"] = "private, max-age=86400"
        answer.set_etag(f"{row.sha256}-{query['copy']}")
        answer.make_conditional(request.environ, accept_ranges=True, complete_length=len(content))
        return answer
