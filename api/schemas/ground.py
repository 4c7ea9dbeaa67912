"""The ground on the wire: places, layers, versions, differences, and cases counted by area."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import NamedSchema, Strict, mapping, moment, real, text, truth, whole
from api.schemas.cases import CaseQuery
from engine.cases.placing import FILED

GROUND = "`today`, or the number of a version of the ground."


class PointQuery(Strict):
    """A point."""

    lon = real("Longitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-90, 90))
    ground = text(GROUND, load_default="today")
    day = fields.Date(
        load_default=None,
        metadata={"description": "The day for areas that hold on some days only, such as campaigns. Default: today."},
    )


class BoxQuery(Strict):
    """A box."""

    bbox = text("west,south,east,north in degrees, WGS-84.", required=True)


class RoadSchema(NamedSchema):
    """A road segment."""

    chief = text("Its chief (路长).", allow_none=True)
    phone = text("The chief's telephone.", allow_none=True)


class GroundAreaSchema(Strict):
    """An area of a further layer."""

    layer = fields.Nested(NamedSchema, metadata={"description": "The layer."})
    code = text("The area's code.")
    name = text("The area's name, its code where it has none.")
    name_en = text("Its English name, or its name.")
    properties = mapping("What the layer says of it.")


class PlaceSchema(Strict):
    """What holds a point."""

    grid = text("Unit grid.")
    duty_grid = fields.Nested(NamedSchema, allow_none=True)
    community = fields.Nested(NamedSchema, allow_none=True)
    subdistrict = fields.Nested(NamedSchema, allow_none=True)
    district = fields.Nested(NamedSchema, allow_none=True)
    area_class = text("Area class A, B or C; it decides limits.")
    road = fields.Nested(RoadSchema, allow_none=True, metadata={"description": "The nearest road within 30 m."})
    layers = fields.List(fields.Nested(GroundAreaSchema), metadata={"description": "Areas of further layers."})


class GroundLayerSchema(Strict):
    """A layer of the ground."""

    name = text("Its name in files and addresses.")
    title = text("Name in the city's language.")
    title_en = text("English name.")
    kind = text("`cover`, `apart`, `free`, `levels` (divisions) or `line` (roads).")
    properties = fields.List(fields.String(), metadata={"description": "What its areas have, `code` first."})
    required = fields.List(fields.String(), metadata={"description": "What every area must have."})


class GroundLayersSchema(Strict):
    """All layers."""

    layers = fields.List(fields.Nested(GroundLayerSchema))


class LayerQuery(BoxQuery):
    """A box of a layer."""

    ground = text(GROUND, load_default="today")


class GroundVersionSchema(Strict):
    """One version of the ground."""

    number = whole("Its number.")
    name = text("Its name.")
    valid_from = fields.Date(metadata={"description": "Its first day."})
    effective_at = moment("When it took or takes effect.")
    made_at = moment("When it was made.")
    author = text("Who made it.")
    reason = text("Why.")
    sources = mapping("File and SHA-256 by layer.", values=fields.List(fields.String()))
    in_force = truth("Whether the present ground has taken it up; a planned one takes effect later.")


class GroundVersionsSchema(Strict):
    """All versions."""

    versions = fields.List(fields.Nested(GroundVersionSchema))


class ChangesQuery(Strict):
    """Which version to compare with."""

    since = whole("The version before. Default: the one that took effect before this one.", load_default=None)
    layer = text("One layer alone.", load_default=None)
    format = text(
        "`geojson` answers a FeatureCollection with the areas.", load_default="json",
        validate=ma.validate.OneOf(("json", "geojson")),
    )  # fmt: skip
    lang = text("Language of the words.", load_default=None, validate=ma.validate.OneOf(("zh", "en")))


class GroundChangeSchema(Strict):
    """One area that differs."""

    layer = text("Its layer.")
    code = text("Its code.")
    kinds = fields.List(fields.String(), metadata={"description": "added, gone, recoded, shape, moved, values."})
    words = text("The difference in words.")
    before = mapping("Properties before, those that differ.")
    after = mapping("Properties afterwards, those that differ.")
    into = mapping("Of an area that is gone: shares of its ground by the areas that hold it now.")


class GroundChangesSchema(Strict):
    """What a version changed."""

    before = whole("The version before; 0 where there is none.")
    after = whole("This version.")
    counts = mapping("How many differences of each kind, by layer.")
    changes = fields.List(fields.Nested(GroundChangeSchema), metadata={"description": "At most 2,000."})


class CountQuery(CaseQuery):
    """Filters of a list of cases, the kind of area to count by, and the ground to place the cases in."""

    by = text("grid, duty_grid, community, subdistrict, district, area_class; in a ground also road or a layer.",
              required=True)  # fmt: skip
    ground = text(
        "`filed`: where the cases were filed. `today` or the number of a version: their places in that ground.",
        load_default=FILED,
    )

    @ma.post_load
    def gather(self, values: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Filters become one value."""
        beside = {name: values.pop(name) for name in ("by", "ground")}
        return {**super().gather(values), **beside}


class AreaCountSchema(Strict):
    """Cases of an area."""

    code = text("The area; none: cases without a point, or outside.", allow_none=True)
    name = text("Its name, or its code.", allow_none=True)
    name_en = text("Its English name, or its name.", allow_none=True)
    cases = whole("How many.")


class CaseCountsSchema(Strict):
    """Cases by area."""

    by = text("The kind of area.")
    ground = text("`filed`, `today` or the version.")
    areas = whole("How many areas have cases.")
    counts = fields.List(
        fields.Nested(AreaCountSchema), metadata={"description": "Most cases first; at most `limit` areas."}
    )


class GroundQuery(Strict):
    """Which ground."""

    ground = text(GROUND, load_default="today")


class FiledPlaceSchema(Strict):
    """Codes of a place."""

    grid = text("Unit grid.", allow_none=True)
    duty_grid = text("Duty grid.", allow_none=True)
    community = text("Community.", allow_none=True)
    subdistrict = text("Subdistrict.", allow_none=True)
    district = text("District.", allow_none=True)
    area_class = text("Area class.", allow_none=True)


class CasePlaceSchema(Strict):
    """Where a case was filed, and where that is in a ground."""

    number = text("Case number.")
    filed = fields.Nested(FiledPlaceSchema)
    ground = text("`today` or the version.")
    place = fields.Nested(
        FiledPlaceSchema, allow_none=True, metadata={"description": "None: the case lies in no grid of that ground."}
    )
    same = truth("Whether both are the same place.")
