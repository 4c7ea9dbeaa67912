"""The register of components: in a box, near a point, and what a map draws of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from geojson import Feature, FeatureCollection, Point

from api.context import session
from api.resources.blueprint import group
from api.resources.ground import GEOJSON, geojson
from api.schemas.base import Strict, real, text, whole
from engine.cases.listing import read_bbox
from engine.catalogue.provenance import class_sources, doubt_of
from engine.components.finding import Dot, Heap, components_in, components_near, view_of
from engine.components.photos import shown_photo
from engine.errors import Invalid, NotFound
from engine.models import Component

blueprint = group("components", "The register of components. Coordinates are WGS-84 lon, lat.")
MOST_COMPONENTS = 2_000
MOST_DOTS = 900
"""Components a map gets one by one; with them an answer stays below 200 KB."""
MOST_NAME_BYTES = 30
"""Of a name on the map, in UTF-8; the component itself says the rest."""
REGISTER = (
    "code", "full_code", "name", "grid_code", "dept_in_charge", "dept_owner", "dept_maintenance", "state", "source",
    "initial_date", "change_date", "note", "photo", "attributes",
)  # fmt: skip


class ComponentQuery(Strict):
    """A box, or a point with a reach."""

    bbox = text("west,south,east,north in degrees, WGS-84.", load_default=None)
    lon = real("Longitude of a point, degrees, WGS-84.", load_default=None, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude of a point, degrees, WGS-84.", load_default=None, validate=ma.validate.Range(-90, 90))
    within_m = real("Reach around the point, metres.", load_default=100.0, validate=ma.validate.Range(1, 2000))
    full_code = text("Only this subclass.", load_default=None)
    limit = whole("Rows around a point.", load_default=20, validate=ma.validate.Range(1, 200))


class ViewQuery(Strict):
    """What a map shows."""

    bbox = text("west,south,east,north in degrees, WGS-84.", required=True)
    full_code = text("Only this subclass.", load_default=None)


@blueprint.route("/components")
class Components(MethodView):
    """Components of a box or near a point."""

    @blueprint.arguments(ComponentQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> Response:
        """Components as GeoJSON: in `bbox` (at most 2,000), or around `lon`, `lat`, nearest first with `distance_m`.

        Those whose state says that they no longer stand on the street are left out.
        """
        sources = class_sources(session(), "component")
        if query["bbox"]:
            area = read_bbox(query["bbox"])
            rows = components_in(session(), area, full_code=query["full_code"], most=MOST_COMPONENTS)
            return geojson(FeatureCollection([component_feature(row, sources) for row in rows]))
        if query["lon"] is None or query["lat"] is None:
            raise Invalid("components are asked for by place; give bbox, or lon and lat", field="bbox")
        near = components_near(
            session(), query["lon"], query["lat"],
            within_m=query["within_m"], full_code=query["full_code"], most=query["limit"],
        )  # fmt: skip
        return geojson(FeatureCollection([component_feature(row, sources, distance) for row, distance in near]))


@blueprint.route("/components/map")
class ComponentMap(MethodView):
    """Components as a map draws them."""

    @blueprint.arguments(ViewQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> Response:
        """Every component of a box while there are at most 900 (`kind` is `component`: code, class, name, state, and
        `provenance` of a class whose code is provisional or from memory).

        Otherwise counts by cell (`kind` is `count`: `amount` around the cell's middle, `width_deg` its side; cells on
        the edge count what lies outside of the box, too). An answer has at most 1,000 features and 200 KB.
        """
        view = view_of(session(), read_bbox(query["bbox"]), full_code=query["full_code"], most=MOST_DOTS)
        sources = class_sources(session(), "component") if view.dots else {}
        features = [dot_feature(dot, sources) for dot in view.dots] or [heap_feature(heap) for heap in view.heaps]
        return geojson({"type": "FeatureCollection", "features": features})


@blueprint.route("/components/<string:code>")
class OneComponent(MethodView):
    """One component."""

    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(404)
    def get(self, code: str) -> Response:
        """A component with its register entry, also one that no longer stands on the street.

        `shown_photo` is the id of its latest confirmed photo (`/components/photos/{id}`), or null.
        """
        found = session().get(Component, code)
        if found is None:
            raise NotFound(f"there is no component {code}; ask /api/v1/components for those near a point")
        sources = class_sources(session(), "component")
        feature, photo = component_feature(found, sources), shown_photo(session(), code)
        feature["properties"]["shown_photo"] = photo.id if photo is not None else None
        return geojson(feature)


def component_feature(row: Component, sources: Mapping[str, str], distance: float | None = None) -> Feature:
    """A component with its register entry and where its class's code comes from."""
    properties = {name: getattr(row, name) for name in REGISTER}
    properties["provenance"] = sources.get(row.full_code, "")
    if distance is not None:
        properties["distance_m"] = round(distance, 1)
    return Feature(id=row.code, geometry=Point((row.lon, row.lat)), properties=properties)


def dot_feature(dot: Dot, sources: Mapping[str, str]) -> dict[str, Any]:
    """A component, as little of it as a map needs; the provenance of its class only when nobody has confirmed it."""
    properties = {"kind": "component", "full_code": dot.full_code, "name": shortened(dot.name), "state": dot.state}
    if doubt := doubt_of(sources.get(dot.full_code, "")):
        properties["provenance"] = doubt
    return {"type": "Feature", "id": dot.code, "geometry": at(dot.lon, dot.lat), "properties": properties}


def shortened(name: str) -> str:
    """A name as a map has room for."""
    content = name.encode()
    if len(content) <= MOST_NAME_BYTES:
        return name
    return content[: MOST_NAME_BYTES - 3].decode(errors="ignore") + "…"


def heap_feature(heap: Heap) -> dict[str, Any]:
    """A count."""
    properties = {"kind": "count", "amount": heap.amount, "width_deg": round(heap.width, 7)}
    return {"type": "Feature", "geometry": at(heap.lon, heap.lat), "properties": properties}


def at(lon: float, lat: float) -> dict[str, Any]:
    """A GeoJSON point with six decimals, a tenth of a metre."""
    return {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}
