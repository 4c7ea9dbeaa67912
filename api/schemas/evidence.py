"""Evidence on the wire."""

from __future__ import annotations

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields

from api.schemas.base import Strict, text
from api.schemas.cases import EvidenceSchema
from engine.cases.evidence import ROLES
from engine.evidence.store import COPIES


class UploadSchema(Strict):
    """A file and what it shows."""

    role = text(
        "What the file shows: `video` and `voice` ask for such files, all others for photos.",
        required=True,
        validate=ma.validate.OneOf(ROLES),
    )
    file = Upload(
        required=True,
        metadata={
            "description": "As the camera or recorder wrote it: a JPEG, PNG or WebP image of at most 20 MB and 60 "
            "megapixels; an MP4, QuickTime or WebM video of at most 100 MB; an MP3, M4A, AAC, WAV, Ogg or WebM "
            "recording of at most 20 MB."
        },
    )


class EvidenceListSchema(Strict):
    """The evidence of a case."""

    number = text("Case number.")
    evidence = fields.List(fields.Nested(EvidenceSchema))


class CopyQuery(Strict):
    """Which of the files."""

    copy = text(
        "`original`, with what the camera noted; of photos also `public`: upright, at most 1920 pixels long, without "
        "metadata, and `thumbnail`: the same, at most 320 pixels long.",
        load_default="original",
        validate=ma.validate.OneOf(COPIES),
    )
