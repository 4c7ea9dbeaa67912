"""The city's ground: grids and what holds a point."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from geojson import Feature, FeatureCollection
from marshmallow import fields

from api.context import platform, session
from api.resources.blueprint import group
from api.schemas.base import NamedSchema, Strict, real, text
from engine.cases.listing import read_bbox
from engine.cases.views import division
from engine.database import dumps
from engine.errors import NotFound
from engine.ground.features import grid_geometry, grids_in, one_grid
from engine.models import DutyGrid, UnitGrid

blueprint = group("ground", "Unit grids, duty grids and divisions. Coordinates are WGS-84 lon, lat.")
GEOJSON = "application/geo+json"
MOST_GRIDS = 2_000


class PointQuery(Strict):
    """A point."""

    lon = real("Longitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-90, 90))


class BoxQuery(Strict):
    """A box."""

    bbox = text("west,south,east,north in degrees, WGS-84.", required=True)


class PlaceSchema(Strict):
    """What holds a point."""

    grid = text("Unit grid.")
    duty_grid = fields.Nested(NamedSchema, allow_none=True)
    community = fields.Nested(NamedSchema, allow_none=True)
    subdistrict = fields.Nested(NamedSchema, allow_none=True)
    district = fields.Nested(NamedSchema, allow_none=True)
    area_class = text("Area class A, B or C; it decides limits.")


def geojson(content: Any) -> Response:
    """A GeoJSON answer."""
    return Response(dumps(content), content_type=GEOJSON)


@blueprint.route("/grids/at")
class GridAt(MethodView):
    """The grid at a point."""

    @blueprint.arguments(PointQuery, location="query")
    @blueprint.response(200, PlaceSchema)
    @blueprint.problems(404, 422)
    def get(self, query: dict[str, float]) -> dict[str, Any]:
        """Which unit grid, duty grid, community, subdistrict and district hold a point."""
        city = platform()
        place = city.host.ground.locate(query["lon"], query["lat"])
        if place is None:
            raise NotFound(
                f"{query['lon']}, {query['lat']} is in no grid of {city.city.name}; check lon and lat (WGS-84)"
            )
        duty = session().get(DutyGrid, place.duty_grid) if place.duty_grid else None
        return {
            "grid": place.grid,
            "duty_grid": {"code": duty.code, "name": duty.name, "name_en": duty.name} if duty else None,
            "community": division(city, place.community),
            "subdistrict": division(city, place.subdistrict),
            "district": division(city, place.district),
            "area_class": place.area_class,
        }


@blueprint.route("/grids")
class Grids(MethodView):
    """Grids of a box."""

    @blueprint.arguments(BoxQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(422)
    def get(self, query: dict[str, str]) -> Response:
        """Unit grids that touch a box, as GeoJSON; at most 2,000, otherwise 422."""
        found = grids_in(session(), platform().host.ground, read_bbox(query["bbox"]), most=MOST_GRIDS)
        return geojson(FeatureCollection([grid_feature(grid) for grid in found]))


@blueprint.route("/grids/<string:code>")
class OneGrid(MethodView):
    """One grid."""

    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(404)
    def get(self, code: str) -> Response:
        """A unit grid as a GeoJSON feature."""
        return geojson(grid_feature(one_grid(session(), code)))


def grid_feature(grid: UnitGrid) -> Feature:
    """A unit grid with the codes of what holds it."""
    place = platform().host.ground.by_grid.get(grid.code)
    properties = {
        "code": grid.code, "community": grid.community_code, "duty_grid": grid.duty_grid_code,
        "area_class": grid.area_class, "subdistrict": place.subdistrict if place else None,
        "district": place.district if place else None,
    }  # fmt: skip
    return Feature(id=grid.code, geometry=grid_geometry(grid), properties=properties)
