"""Evidence: photos of a case."""

from __future__ import annotations

from typing import Any

from flask import Response, url_for
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
from engine.cases.photos import SIZE_LIMIT
from engine.cases.views import EvidenceView, evidence_of

blueprint = group("evidence", "Photos of a case: the original for the inside, a copy without metadata for the public.")


@blueprint.route("/cases/<string:number>/evidence")
class CaseEvidence(MethodView):
    """All photos of a case."""

    @blueprint.response(200, EvidenceListSchema)
    @blueprint.problems(404)
    def get(self, number: str) -> dict[str, Any]:
        """The photos of a case, oldest first."""
        case = access_case(session(), current_actor(), platform().host.directory, number)
        return {"number": number, "evidence": evidence_of(session(), case)}

    @blueprint.arguments(UploadSchema, location="upload")
    @blueprint.arguments(KeyHeader, location="headers")
    @blueprint.response(201, EvidenceSchema)
    @blueprint.problems(403, 404, 409, 413, 415, 422)
    def post(
        self, upload: dict[str, Any], headers: dict[str, Any], number: str
    ) -> tuple[EvidenceView, int, dict[str, str]]:
        """Add a photo (multipart/form-data). It is opened and checked; position and time are read from it.

        Needs the permission `evidence.add` and access to the case.
        """
        content = upload["file"].stream.read(SIZE_LIMIT + 1)
        if len(content) > SIZE_LIMIT:
            raise FileTooLarge("the photo has more than 20 MB; send a smaller one", field="file")
        name = upload["file"].filename or "photo"
        view = add_evidence(
            session(), platform(), current_actor(), number, upload["role"], name, content, now=now(), key=headers["key"]
        )
        return view, 201, {"Location": url_for("evidence.EvidenceFile", number=number, evidence_id=view.id)}


@blueprint.route("/cases/<string:number>/evidence/<int:evidence_id>")
class EvidenceFile(MethodView):
    """One photo."""

    @blueprint.arguments(CopyQuery, location="query")
    @blueprint.response(200, content_type="image/jpeg")
    @blueprint.problems(404, 422)
    def get(self, query: dict[str, Any], number: str, evidence_id: int) -> Response:
        """The file itself: what was uploaded, byte for byte, or the public copy."""
        public = query["copy"] == "public"
        view, content, media_type = read_evidence(
            session(), platform(), current_actor(), number, evidence_id, public=public
        )
        answer = Response(content, content_type=media_type)
        # Uploaded bytes are shown as the picture they were checked to be, and as nothing else.
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Disposition"] = "inline"
        answer.headers["Cache-Control"] = "private, max-age=86400"
        answer.set_etag(f"{view.sha256}-{query['copy']}")
        return answer
