"""Addresses, place names and points of interest: searched as people type, and told of a point in words."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.context import session
from api.resources.blueprint import group
from api.schemas.base import Strict, real, text, whole
from engine.ground.address_classes import KINDS, address_classes
from engine.ground.address_near import DIRECTIONS, Near, describe_point
from engine.ground.address_reasons import reason
from engine.ground.address_search import LONGEST_QUERY, AddressFound, find_addresses
from engine.models import Address

blueprint = group("addresses", "Addresses, place names and points of interest. Coordinates are WGS-84 lon, lat.")


class SearchQuery(Strict):
    """What is looked for."""

    q = text(
        "Name, pinyin or initials, with or without a house number.",
        required=True, validate=ma.validate.Length(1, LONGEST_QUERY),
    )  # fmt: skip
    kind = text("Only `door`, `place` or `poi`.", load_default=None, validate=ma.validate.OneOf(KINDS))
    class_code = text(
        "Only this class.", data_key="class", load_default=None, validate=ma.validate.OneOf(tuple(address_classes()))
    )
    limit = whole("Rows.", load_default=10, validate=ma.validate.Range(1, 50))


class NearQuery(Strict):
    """A point."""

    lon = real("Longitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", required=True, validate=ma.validate.Range(-90, 90))
    limit = whole("Addresses around the point.", load_default=10, validate=ma.validate.Range(1, 50))


class AddressSchema(Strict):
    """An address."""

    code = text("Code.")
    name = text("The address as it is registered.")
    kind = text("`door`, `place` or `poi`.")
    class_code = text("Its class.", data_key="class")
    class_name = text("The class in Chinese.")
    class_name_en = text("The class in English.")
    lon = real("Longitude, degrees, WGS-84.")
    lat = real("Latitude, degrees, WGS-84.")
    grid = text("Unit grid.", allow_none=True)


class AddressFoundSchema(AddressSchema):
    """An address that fits a query, and why."""

    score = real("How well it fits, 0 to 100.")
    by = text("`text`, `pinyin`, `initials` or `typo`.")
    number = text("How the house number fits: `same`, `begins`, `nearest` or `none`.")
    why = text("The reason in Chinese.")
    why_en = text("The reason in English.")


class AddressNearSchema(AddressSchema):
    """An address near a point."""

    distance_m = real("Metres from the point.")
    direction = text("Direction in which the point lies from the address, in Chinese.")
    direction_en = text("The same in English.")


class AddressList(Strict):
    """Addresses, best first."""

    items = fields.List(fields.Nested(AddressFoundSchema), metadata={"description": "Best first."})


class PointSchema(Strict):
    """A point in words."""

    description = text("Where it is, in Chinese; empty when nothing known is near.")
    description_en = text("The same in English.")
    anchor = fields.Nested(AddressNearSchema, allow_none=True, metadata={"description": "What the words lean on."})
    near = fields.List(fields.Nested(AddressNearSchema), metadata={"description": "Nearest first."})


@blueprint.route("/addresses")
class Addresses(MethodView):
    """Addresses by what somebody typed."""

    @blueprint.arguments(SearchQuery, location="query")
    @blueprint.response(200, AddressList)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Addresses by text, pinyin or initials, best first; a mistake or two in typing is allowed for."""
        found = find_addresses(
            session(), query["q"], limit=query["limit"], kind=query["kind"], class_code=query["class_code"]
        )
        return {"items": [found_view(each) for each in found]}


@blueprint.route("/addresses/near")
class AddressesNear(MethodView):
    """What is at a point."""

    @blueprint.arguments(NearQuery, location="query")
    @blueprint.response(200, PointSchema)
    @blueprint.problems(422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """A point in words ("人民路与解放路交叉口东北角 30 米"), and the addresses around it."""
        told = describe_point(session(), query["lon"], query["lat"], limit=query["limit"])
        return {
            "description": told.text, "description_en": told.text_en,
            "anchor": near_view(told.anchor) if told.anchor else None, "near": [near_view(each) for each in told.near],
        }  # fmt: skip


def address_view(row: Address) -> dict[str, Any]:
    """An address with its class in both languages."""
    known = address_classes()[row.class_code]
    return {
        "code": row.code, "name": row.name, "kind": row.kind, "class_code": row.class_code, "class_name": known.name,
        "class_name_en": known.name_en, "lon": row.lon, "lat": row.lat, "grid": row.grid_code,
    }  # fmt: skip


def found_view(found: AddressFound) -> dict[str, Any]:
    """An address and why it was found."""
    why, why_en = reason(found)
    return {
        **address_view(found.address), "score": round(found.score, 1), "by": found.by, "number": found.number,
        "why": why, "why_en": why_en,
    }  # fmt: skip


def near_view(near: Near) -> dict[str, Any]:
    """An address and how far it is."""
    zh, en = DIRECTIONS[near.direction]
    return {
        **address_view(near.address), "distance_m": round(near.distance_m, 1), "direction": zh, "direction_en": en,
    }  # fmt: skip
