"""Photos on the wire."""

from __future__ import annotations

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields

from api.schemas.base import Strict, text
from api.schemas.cases import EvidenceSchema
from engine.cases.evidence import ROLES


class UploadSchema(Strict):
    """A photo and what it shows."""

    role = text("What the photo shows.", required=True, validate=ma.validate.OneOf(ROLES))
    file = Upload(
        required=True,
        metadata={
            "description": "A JPEG, PNG or WebP image of at most 20 MB and 60 megapixels, as the camera wrote it."
        },
    )


class EvidenceListSchema(Strict):
    """The photos of a case."""

    number = text("Case number.")
    evidence = fields.List(fields.Nested(EvidenceSchema))


class CopyQuery(Strict):
    """Which of the two files."""

    copy = text(
        "`original`, with what the camera noted, or `public`: upright, at most 1920 pixels long, without metadata.",
        load_default="original",
        validate=ma.validate.OneOf(("original", "public")),
    )
