"""The city's ground: what holds a point, grids and layers, versions, and cases by area."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response
from flask.views import MethodView
from geojson import Feature, FeatureCollection
from shapely import box
from shapely.geometry import mapping

from api.auth import current_actor, require_permission
from api.context import language, now, platform, session
from api.resources.blueprint import group
from api.resources.cases import accessible
from api.schemas.ground import (
    BoxQuery,
    CaseCountsSchema,
    CasePlaceSchema,
    ChangesQuery,
    CountQuery,
    GroundChangesSchema,
    GroundLayersSchema,
    GroundQuery,
    GroundVersionSchema,
    GroundVersionsSchema,
    LayerQuery,
    PlaceSchema,
    PointQuery,
)
from engine.cases.access import visible_cases
from engine.cases.listing import NO_MATTER, read_bbox
from engine.cases.placing import FILED, count_cases, filed_place, place_in
from engine.cases.view_values import Named
from engine.database import dumps
from engine.errors import Invalid, NotFound
from engine.ground.features import grid_geometry, grids_in, one_grid, refuse_too_many
from engine.ground.index import Ground, Place
from engine.ground.layer_files import city_layers
from engine.ground.layer_kinds import layer_named
from engine.ground.version_diff import Difference, count_kinds, diff_states, diff_versions
from engine.ground.versions import find_version, lineage, list_versions, state_of
from engine.models import GroundVersion, RoadSegment, UnitGrid

blueprint = group("ground", "Grids, divisions, roads and further layers, in versions. Coordinates are WGS-84 lon, lat.")
GEOJSON = "application/geo+json"
MOST_GRIDS = 2_000
MOST_CHANGES = 2_000
READ = "ground.read"


def may_read() -> None:
    """Refuse those who may not read the ground."""
    require_permission(READ, "read the ground")


def geojson(content: Any) -> Response:
    """A GeoJSON answer."""
    return Response(dumps(content), content_type=GEOJSON)


def ground_named(name: str) -> Ground:
    """Today's ground, or that of a version."""
    host = platform().host
    return host.grounds.named(session(), name, host.ground)


@blueprint.route("/grids/at")
class GridAt(MethodView):
    """The grid at a point."""

    @blueprint.arguments(PointQuery, location="query")
    @blueprint.response(200, PlaceSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Which unit grid, duty grid, divisions, area class, road with its chief, and further areas hold a point.

        In the ground as it is, or as a version says. Needs `ground.read`.
        """
        may_read()
        city, ground = platform(), ground_named(query["ground"])
        day = query["day"] or city.host.today(now())
        place = ground.locate(query["lon"], query["lat"], day)
        if place is None:
            raise NotFound(
                f"{query['lon']}, {query['lat']} is in no grid of {city.city.name}; check lon and lat (WGS-84)"
            )
        return place_view(ground, place)


def place_view(ground: Ground, place: Place) -> dict[str, Any]:
    """A place with the names of everything."""

    def named(code: str) -> Named | None:
        return Named(code, ground.name(code), ground.name(code, "en")) if code else None

    return {
        "grid": place.grid, "duty_grid": duty_grid_view(ground, place.duty_grid), "community": named(place.community),
        "subdistrict": named(place.subdistrict), "district": named(place.district), "area_class": place.area_class,
        "road": road_view(place.road), "layers": [area_view(ground, layer, code) for layer, code in place.layers],
    }  # fmt: skip


def duty_grid_view(ground: Ground, code: str) -> Named | None:
    """A duty grid with its names."""
    return Named(code, *ground.duty_names.get(code, (code, code))) if code else None


def road_view(code: str) -> dict[str, Any] | None:
    """A road segment with its chief as it is now; one that is gone by its code."""
    if not code:
        return None
    road = session().get(RoadSegment, code)
    if road is None:
        return {"code": code, "name": code, "name_en": code, "chief": None, "phone": None}
    return {
        "code": code, "name": road.name, "name_en": road.name_en, "chief": road.chief, "phone": road.chief_phone,
    }  # fmt: skip


def area_view(ground: Ground, layer: str, code: str) -> dict[str, Any]:
    """An area of a further layer with the layer's names."""
    kind, values = platform().host.grounds.layers[layer], ground.layers.by_key[layer, code].properties
    name = values.get("name") or code
    return {
        "layer": Named(layer, kind.title, kind.title_en), "code": code, "name": name,
        "name_en": values.get("name_en") or name, "properties": dict(values),
    }  # fmt: skip


@blueprint.route("/grids")
class Grids(MethodView):
    """Grids of a box."""

    @blueprint.arguments(BoxQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, str]) -> Response:
        """Unit grids that touch a box, as GeoJSON; at most 2,000, otherwise 422. Needs `ground.read`."""
        may_read()
        found = grids_in(session(), platform().host.ground, read_bbox(query["bbox"]), most=MOST_GRIDS)
        return geojson(FeatureCollection([grid_feature(grid) for grid in found]))


@blueprint.route("/grids/<string:code>")
class OneGrid(MethodView):
    """One grid."""

    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 404)
    def get(self, code: str) -> Response:
        """A unit grid as a GeoJSON feature. Needs `ground.read`."""
        may_read()
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


@blueprint.route("/ground/layers")
class Layers(MethodView):
    """The layers of the city."""

    @blueprint.response(200, GroundLayersSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """Which layers the ground has, and what their areas say. Needs `ground.read`."""
        may_read()
        return {"layers": [
            {
                "name": layer.name, "title": layer.title, "title_en": layer.title_en, "kind": layer.kind,
                "properties": list(layer.properties), "required": list(layer.required),
            }
            for layer in city_layers(platform().city).values()
        ]}  # fmt: skip


@blueprint.route("/ground/layers/<string:name>")
class OneLayer(MethodView):
    """The areas of a layer."""

    @blueprint.arguments(LayerQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, str], name: str) -> Response:
        """Areas of a layer that touch a box, as GeoJSON, now or in a version; at most 2,000, otherwise 422.

        Needs `ground.read`.
        """
        may_read()
        layers = city_layers(platform().city)
        if name not in layers:
            raise NotFound(f"the city has no layer {name!r}; ask /api/v1/ground/layers for those there are")
        layer, window = layer_named(layers, name), box(*read_bbox(query["bbox"]))
        numbers = ground_named(query["ground"]).versions
        areas = state_of(session(), layer, numbers)
        found = {code: each for code, each in areas.items() if each.geometry.intersects(window)}
        refuse_too_many(len(found), MOST_GRIDS, name)
        features = [
            Feature(id=code, geometry=mapping(each.geometry), properties=dict(each.properties))
            for code, each in found.items()
        ]
        return geojson(FeatureCollection(features))


@blueprint.route("/ground/versions")
class Versions(MethodView):
    """All versions of the ground."""

    @blueprint.response(200, GroundVersionsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All versions, in the order in which they take effect. Needs `ground.read`."""
        may_read()
        return {"versions": [version_view(each) for each in list_versions(session())]}


@blueprint.route("/ground/versions/<int:number>")
class OneVersion(MethodView):
    """One version."""

    @blueprint.response(200, GroundVersionSchema)
    @blueprint.problems(403, 404)
    def get(self, number: int) -> dict[str, Any]:
        """A version: who made it, why, from which files, and since when. Needs `ground.read`."""
        may_read()
        return version_view(find_version(session(), number))


@blueprint.route("/ground/versions/<int:number>/changes")
class VersionChanges(MethodView):
    """What a version changed."""

    @blueprint.arguments(ChangesQuery, location="query")
    @blueprint.response(200, GroundChangesSchema)
    @blueprint.alt_response(200, content_type=GEOJSON, success=True)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any], number: int) -> dict[str, Any] | Response:
        """Areas that are new, gone, of another shape, moved to another community or have other values, in words.

        Against the version that took effect before it, or against `since`. Needs `ground.read`.
        """
        may_read()
        layers, spoken = city_layers(platform().city), query["lang"] or language()
        if query["layer"] is not None:
            layer_named(layers, query["layer"])
        before, found = changes_of(number, query["since"], query["layer"])
        if len(found) > MOST_CHANGES:
            message = (
                f"{len(found)} areas differ, more than {MOST_CHANGES}; name one layer, or use 'wangge ground diff'"
            )
            raise Invalid(message, field="layer")
        if query["format"] == "geojson":
            return geojson({"type": "FeatureCollection", "features": [each.to_feature(spoken) for each in found]})
        return {"before": before, "after": number, "counts": count_kinds(found), "changes": [
            {
                "layer": each.layer, "code": each.code, "kinds": list(each.kinds), "words": each.words(spoken),
                "before": dict(each.before), "after": dict(each.after), "into": dict(each.into),
            }
            for each in found
        ]}  # fmt: skip


def changes_of(number: int, since: int | None, only: str | None) -> tuple[int, list[Difference]]:
    """The version before, 0 where there is none, and the differences."""
    layers, db = city_layers(platform().city), session()
    before = since if since is not None else next(iter(lineage(db, number)[-2:-1]), 0)
    if before:
        return before, diff_versions(db, layers, before, number, only)
    numbers = lineage(db, number)
    found = [
        each
        for layer in layers.values()
        if only is None or layer.name == only
        for each in diff_states(layer, {}, state_of(db, layer, numbers))
    ]
    return 0, found


def version_view(version: GroundVersion) -> dict[str, Any]:
    """A version for the wire."""
    return {
        "number": version.number, "name": version.name, "valid_from": version.valid_from,
        "effective_at": version.effective_at, "made_at": version.made_at, "author": version.author,
        "reason": version.reason, "sources": version.sources, "in_force": version.applied_at is not None,
    }  # fmt: skip


@blueprint.route("/ground/case-counts")
class CaseCounts(MethodView):
    """Cases by area."""

    @blueprint.arguments(CountQuery, location="query")
    @blueprint.response(200, CaseCountsSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """How many of the cases you see each area has: where they were filed, or placed again in a version.

        Takes the filters of the list of cases; `limit` is the number of areas. Matters are counted only with `matter`.
        Needs `ground.read`.
        """
        may_read()
        city, moment, by = platform(), now(), query["by"]
        ground = None if query["ground"] == FILED else ground_named(query["ground"])
        wanted = query["wanted"] if query["wanted"].matter else replace(query["wanted"], matter=NO_MATTER)
        cases = visible_cases(current_actor(), city.host.directory).where(*wanted.conditions(moment))
        found = count_cases(session(), cases, by, ground, city.city.time_zone)
        rows = sorted(found.items(), key=lambda pair: (-pair[1], pair[0] or ""))
        names = area_names(by, ground or city.host.ground)
        counts = [
            {"code": code, "cases": count, **dict(zip(("name", "name_en"), names(code), strict=True))}
            for code, count in rows[: query["limit"]]
        ]
        return {"by": by, "ground": query["ground"], "areas": len(rows), "counts": counts}


def area_names(by: str, ground: Ground) -> Any:
    """What gives the names of an area's code."""

    def name(code: str | None) -> tuple[str | None, str | None]:
        if code is None:
            return None, None
        view: Mapping[str, Any] | Named | None = None
        if by == "road":
            view = road_view(code)
        elif by == "duty_grid":
            view = duty_grid_view(ground, code)
        elif (by, code) in ground.layers.by_key:
            view = area_view(ground, by, code)
        if isinstance(view, Named):
            return view.name, view.name_en
        return (view["name"], view["name_en"]) if view else (ground.name(code), ground.name(code, "en"))

    return name


@blueprint.route("/cases/<string:number>/place")
class CasePlace(MethodView):
    """Where a case is."""

    @blueprint.arguments(GroundQuery, location="query")
    @blueprint.response(200, CasePlaceSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, str], number: str) -> dict[str, Any]:
        """The place a case was filed in, which it keeps, and its place in the ground of today or of a version.

        Needs `ground.read`.
        """
        may_read()
        case, ground = accessible(number), ground_named(query["ground"])
        filed, found = filed_place(case), place_in(case, ground, platform().city.time_zone)
        place = found and {name: getattr(found, name) or None for name in filed}
        return {
            "number": case.number, "filed": filed, "ground": query["ground"], "place": place, "same": place == filed,
        }  # fmt: skip
