"""Files of the register of components: photos that come with proposals, and the register itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import marshmallow as ma
import orjson
from flask import Response, send_file
from flask.views import MethodView
from flask_smorest.fields import Upload

from api.auth import current_actor, require_permission
from api.context import now, platform, session
from api.errors import FileTooLarge
from api.resources.blueprint import group
from api.resources.component_changes import ComponentChangeSchema, change_view, city_rules
from api.schemas.base import Strict, text
from engine.components.changes import PROPOSE, propose
from engine.components.listing import ComponentFilter
from engine.components.photos import keep_photo, read_component_photo
from engine.components.rules import read_attributes
from engine.errors import Invalid
from engine.evidence.kinds import LIMITS, MB, PHOTO
from engine.evidence.store import COPIES
from engine.loading.component_files import FORMATS, export_components, number_fields

blueprint = group("component files", "Photos of components, and the register as a file.")
EXPORT = "component.export"


class PhotoProposalSchema(Strict):
    """A photo and what is to be."""

    component = text("The component's 16-digit code.", required=True)
    values = text("A JSON object of fields and their new values; empty when the photo is all.", load_default="{}")
    reason = text("Why.", required=True, validate=ma.validate.Length(1, 1000))
    file = Upload(
        required=True,
        metadata={
            "description": "A JPEG, PNG or WebP image of at most 20 MB and 60 megapixels, as the camera wrote it."
        },
    )


class PhotoQuery(Strict):
    """Which of the files."""

    copy = text(
        "`original`, `public` (upright, at most 1920 pixels long, without metadata) or `thumbnail` (320 pixels).",
        load_default="public", validate=ma.validate.OneOf(COPIES),
    )  # fmt: skip


class ExportQuery(Strict):
    """Which components, and how."""

    format = text(
        "`csv` or `gpkg`.", load_default="csv", validate=ma.validate.OneOf([name.removeprefix(".") for name in FORMATS])
    )
    full_code = text("Only this subclass.", load_default=None)
    grid = text("Only this unit grid.", load_default=None)
    state = text("Only this state.", load_default=None)


@blueprint.route("/components/photos")
class Photos(MethodView):
    """Proposals with a photo."""

    @blueprint.arguments(PhotoProposalSchema, location="upload")
    @blueprint.response(201, ComponentChangeSchema)
    @blueprint.problems(403, 404, 413, 415, 422, 503)
    def post(self, upload: dict[str, Any]) -> dict[str, Any]:
        """Propose a change, a new component or nothing but a photo (multipart/form-data).

        The component shows the photo once somebody else has confirmed the proposal. Needs `component.propose`.
        """
        actor = require_permission(PROPOSE, "propose changes of components")
        content = upload["file"].stream.read(LIMITS[PHOTO] + 1)
        if len(content) > LIMITS[PHOTO]:
            raise FileTooLarge(f"the photo has more than {LIMITS[PHOTO] // MB} MB; send a smaller one", field="file")
        city, values = platform(), read_values(upload["values"])
        photo = keep_photo(city.store, upload["file"].filename or PHOTO, content, city.city.time_zone)
        rules = city_rules()
        change = propose(session(), actor, upload["component"], values, upload["reason"], rules, now(), photo=photo)
        return change_view(change)


@blueprint.route("/components/photos/<int:photo_id>")
class OnePhoto(MethodView):
    """One photo."""

    @blueprint.arguments(PhotoQuery, location="query")
    @blueprint.response(200, content_type="image/jpeg")
    @blueprint.problems(403, 404, 422, 503)
    def get(self, query: dict[str, Any], photo_id: int) -> Response:
        """The photo, or a copy of it. One that is not confirmed needs `component.propose`."""
        row, content, media_type = read_component_photo(
            session(), platform().store, current_actor(), photo_id, query["copy"]
        )
        answer = Response(content, content_type=media_type)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Disposition"] = "inline"
        answer.headers["Cache-Control"] = "private, max-age=86400"
        answer.set_etag(f"{row.sha256}-{query['copy']}")
        return answer


@blueprint.route("/components/export")
class Export(MethodView):
    """The register as a file."""

    @blueprint.arguments(ExportQuery, location="query")
    @blueprint.response(200, content_type="text/csv")
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> Response:
        """The register as CSV or GeoPackage, as a survey's import reads it. Needs `component.export`."""
        require_permission(EXPORT, "export the register of components")
        wanted = ComponentFilter(full_code=query["full_code"], grid=query["grid"], state=query["state"])
        return register_file(wanted, query["format"])


def register_file(wanted: ComponentFilter, kind: str) -> Response:
    """The components that fit as an attachment; the file is gone when it is sent."""
    numbers = number_fields(read_attributes(platform().city))
    with tempfile.TemporaryDirectory(prefix="wangge-export-") as folder:
        path = Path(folder) / f"components.{kind}"
        export_components(session(), path, wanted, numbers)
        # The open file outlives its name.
        file = path.open("rb")
    answer = send_file(file, mimetype=FORMATS[f".{kind}"], as_attachment=True, download_name=path.name)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    answer.call_on_close(file.close)
    return answer


def read_values(given: str) -> dict[str, Any]:
    """The values of a form's text. Raises Invalid."""
    try:
        found = orjson.loads(given or "{}")
    except orjson.JSONDecodeError as error:
        raise Invalid(f"values are no JSON ({error}); send an object", field="values") from error
    if not isinstance(found, dict):
        raise Invalid("values are no JSON object; send one", field="values")
    return found
