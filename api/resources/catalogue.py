"""The catalogue of components and events."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields

from api.auth import require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.schemas.base import Strict, moment, text, whole
from engine.catalogue.listing import conditions_of, list_versions, one_subclass, search_subclasses
from engine.catalogue.lookup import version_in_force
from engine.errors import NotFound
from engine.models import CatalogueVersion

blueprint = group("catalogue", "Classes, filing conditions and limits; every row says where it comes from.")


class VersionSchema(Strict):
    """An edition of the catalogue."""

    id = whole("Id.")
    name = text("Name.")
    valid_from = fields.Date(metadata={"description": "First day."})
    valid_to = fields.Date(allow_none=True, metadata={"description": "First day no more; none for the present one."})
    note = text("Note.")
    loaded_at = moment("When it was loaded.")


class VersionsSchema(Strict):
    """All editions, newest first."""

    versions = fields.List(fields.Nested(VersionSchema))
    in_force = whole("The id of the one in force today.")


class SubclassSchema(Strict):
    """A subclass of component or event."""

    kind = text("`component` or `event`.")
    full_code = text("Class and subclass: `0110`.")
    class_code = text("Class.")
    class_name = text("Name of the class.")
    class_name_en = text("Its English name.")
    name = text("Name.")
    name_en = text("English name.")
    geometry = text("point, line or area.")
    dept_code = text("Who the catalogue names.")
    code_2007 = text("Code of the 2007 edition.")
    scope = text("national or city.")
    provenance = text("found, memory, provisional or city.", attribute="code_source")


class ConditionSchema(Strict):
    """A filing condition."""

    condition_no = whole("Number within the subclass.")
    defect_code = text("Kind of defect.")
    text_ = text("When a case is filed.", data_key="text", attribute="text")
    text_en = text("The same in English, where there is a translation.")
    limit = text("Handling limit: `2 urgent_hour`, or by area class.")
    closing_condition = text("When the case may be closed.")
    provenance = text("found, memory, provisional or city.", attribute="source")


class SubclassQuery(Strict):
    """Search."""

    version = whole("Edition; the one in force when absent.", load_default=None)
    kind = text("`component` or `event`.", load_default=None, validate=ma.validate.OneOf(("component", "event")))
    class_code = text("Class.", load_default=None)
    q = text("Text in code or names.", load_default=None, validate=ma.validate.Length(max=100))


class VersionQuery(Strict):
    """Edition."""

    version = whole("Edition; the one in force when absent.", load_default=None)


class SubclassesSchema(Strict):
    """Subclasses found."""

    version = whole("Edition.")
    subclasses = fields.List(fields.Nested(SubclassSchema))


class SubclassDetailSchema(Strict):
    """A subclass with its filing conditions."""

    version = whole("Edition.")
    subclass = fields.Nested(SubclassSchema)
    conditions = fields.List(fields.Nested(ConditionSchema))


def edition(version_id: int | None) -> int:
    """The edition asked for, or the one in force."""
    if version_id is None:
        return version_in_force(session(), platform().host.today(now())).id
    if session().get(CatalogueVersion, version_id) is None:
        raise NotFound(f"there is no catalogue version {version_id}; GET /api/v1/catalogue/versions")
    return version_id


@blueprint.route("/catalogue/versions")
class Versions(MethodView):
    """Editions."""

    @blueprint.response(200, VersionsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All editions. A case keeps the one under which it was filed."""
        require_permission("catalogue.read", "read the catalogue")
        return {"versions": list_versions(session()), "in_force": edition(None)}


@blueprint.route("/catalogue/subclasses")
class Subclasses(MethodView):
    """Subclasses."""

    @blueprint.arguments(SubclassQuery, location="query")
    @blueprint.response(200, SubclassesSchema)
    @blueprint.problems(403, 404)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Search subclasses by kind, class and text."""
        require_permission("catalogue.read", "read the catalogue")
        version = edition(query.pop("version"))
        return {"version": version, "subclasses": search_subclasses(session(), version, **query)}


@blueprint.route("/catalogue/subclasses/<string:kind>/<string:full_code>")
class OneSubclass(MethodView):
    """One subclass."""

    @blueprint.arguments(VersionQuery, location="query")
    @blueprint.response(200, SubclassDetailSchema)
    @blueprint.problems(403, 404)
    def get(self, query: dict[str, Any], kind: str, full_code: str) -> dict[str, Any]:
        """A subclass with its filing conditions and limits."""
        require_permission("catalogue.read", "read the catalogue")
        version = edition(query["version"])
        subclass = one_subclass(session(), version, kind, full_code)
        found = conditions_of(session(), version, kind, full_code)
        return {"version": version, "subclass": subclass, "conditions": found}
