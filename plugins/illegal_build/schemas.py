"""What the addresses of illegal buildings take and answer."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas.base import Strict
from api.schemas.registers import RegisterImportedSchema


class FindingsFileSchema(Strict):
    """A file of findings."""

    file = fields.Raw(
        required=True,
        metadata={
            "description": "GeoJSON, Shapefile (zip), GeoPackage or CSV.", "type": "string", "format": "binary",
        },
    )  # fmt: skip
    source = fields.String(
        load_default="satellite",
        validate=validate.OneOf(("satellite", "drone", "video")),
        metadata={"description": "Of findings that do not say."},
    )
    system = fields.String(
        load_default="", metadata={"description": "Coordinate system where the file declares none, such as GCJ-02."}
    )


class FindingsImportedSchema(RegisterImportedSchema):
    """What an import of findings did."""

    linked = fields.Integer(required=True, metadata={"description": "New findings at a building of the register."})
