"""Departments and people."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from marshmallow import fields
from sqlalchemy import or_, select

from api.auth import require_permission
from api.context import platform, session
from api.resources.blueprint import group
from api.resources.cases import next_link
from api.schemas.base import LimitQuery, Strict, text, truth
from engine.cases.paging import Order, fetch_page
from engine.models import Person, PersonPost, Post

blueprint = group("organisation", "Departments, posts and people. Needs the permission `organisation.read`.")
BY_LOGIN = Order("login", Person.login.expression, Person.id)


class DepartmentSchema(Strict):
    """A department."""

    code = text("Code.")
    name = text("Name.")
    name_en = text("English name.")
    kind = text("centre, command, department, district, subdistrict or company.")
    side = text("supervision, command or handling.")
    parent = text("The department above.", allow_none=True)
    duties = fields.Function(
        lambda unit: sorted(unit.duties),
        metadata={"description": "Catalogue departments it answers for.", "type": "array"},
    )
    territory = text("The division it is confined to.", allow_none=True)
    fallback = truth("Takes what nobody owns.")


class DepartmentsSchema(Strict):
    """All departments."""

    departments = fields.List(fields.Nested(DepartmentSchema))


class PeopleQuery(LimitQuery):
    """Filters."""

    department = text("Of this department.", load_default=None)
    role = text("With this role.", load_default=None)
    q = text("Text in login or name.", load_default=None, validate=ma.validate.Length(max=100))


class HeldSchema(Strict):
    """A post held."""

    role = text("Role.")
    department = text("Department.")
    duty_grid = text("Duty grid.", allow_none=True)


class PersonRowSchema(Strict):
    """A person."""

    login = text("Login.")
    name = text("Name.")
    name_en = text("Name in Latin letters.")
    phone = text("Telephone at work.")
    posts = fields.List(fields.Nested(HeldSchema))


class PeopleSchema(Strict):
    """People by login."""

    people = fields.List(fields.Nested(PersonRowSchema))
    next_cursor = text("Cursor of the next page; none on the last.", allow_none=True)
    next = text("Link to the next page; none on the last.", allow_none=True)


@blueprint.route("/organisation/departments")
class Departments(MethodView):
    """Departments."""

    @blueprint.response(200, DepartmentsSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """All departments, by code."""
        require_permission("organisation.read", "read the organisation")
        return {"departments": list(platform().host.directory.units.values())}


@blueprint.route("/people")
class People(MethodView):
    """People."""

    @blueprint.arguments(PeopleQuery, location="query")
    @blueprint.response(200, PeopleSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Active people with their posts, by login."""
        require_permission("organisation.read", "read the organisation")
        held = select(PersonPost.person_id).join(Post, Post.code == PersonPost.post_code)
        if query["department"]:
            held = held.where(PersonPost.department_code == query["department"])
        if query["role"]:
            held = held.where(Post.role == query["role"])
        wanted = select(Person).where(Person.active, Person.id.in_(held))
        if query["q"]:
            columns = (Person.login, Person.name, Person.name_en)
            wanted = wanted.where(or_(*(column.icontains(query["q"], autoescape=True) for column in columns)))
        page = fetch_page(session(), wanted, BY_LOGIN, limit=query["limit"], cursor=query["cursor"])
        people = [person_row(person) for person in page.rows]
        return {"people": people, "next_cursor": page.next_cursor, "next": next_link(page.next_cursor)}


def person_row(person: Person) -> dict[str, Any]:
    """A person with posts."""
    posts = [
        {"role": held.post.role, "department": held.department_code, "duty_grid": held.duty_grid_code}
        for held in person.posts
    ]
    return {
        "login": person.login, "name": person.name, "name_en": person.name_en, "phone": person.phone, "posts": posts,
    }  # fmt: skip
