"""Logging in on the wire."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import NamedSchema, Strict, moment, text, whole


class LoginSchema(Strict):
    """A login and its password."""

    login = text("Login.", required=True, validate=ma.validate.Length(1, 100))
    password = text("Password.", required=True, validate=ma.validate.Length(1, 1000))


class HoldingSchema(Strict):
    """A post of a person."""

    role = fields.Nested(NamedSchema)
    department = fields.Nested(NamedSchema)
    side = text("supervision, command or handling.")
    duty_grid = text("Duty grid a collector patrols.", allow_none=True)


class PersonSchema(Strict):
    """Who is logged in and what the posts allow."""

    login = text("Login.")
    name = text("Name.")
    posts = fields.List(fields.Nested(HoldingSchema))
    roles = fields.List(fields.String(), metadata={"description": "Role ids."})
    permissions = fields.List(fields.String(), metadata={"description": "What the posts allow."})


class TokenSchema(Strict):
    """A token for the header `Authorization: Bearer <token>`."""

    token = text("Keep it secret.")
    expires_at = moment("When it stops working.")
    person = fields.Nested(PersonSchema)
    roles = fields.List(fields.String(), metadata={"description": "Role ids."})


class NoticeSchema(Strict):
    """Something you were told."""

    id = whole("Id.")
    case = text("Case number.", allow_none=True)
    topic = text("notify or reply.")
    text_ = text("What.", data_key="text")
    created_at = moment("When.")
    read_at = moment("When you marked it as read.", allow_none=True)
