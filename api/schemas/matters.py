"""Matters on the wire: which there are, what opens one."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, mapping, real, text, truth


class MatterSchema(Strict):
    """A matter as its file declares it."""

    name = text("Its name, in addresses and filters.")
    title = text("What it is called, in your language.")
    note = text("What else there is to say of it, in your language.")
    process = text("The diagram it starts.")
    place = text("`required`, `optional` or `none`.")
    may_open = truth("Whether you may open one.")
    may_read = truth("Whether you see all of them.")


class MattersSchema(Strict):
    """The matters you may open or read."""

    matters = fields.List(fields.Nested(MatterSchema))


class MatterFormSchema(Strict):
    """A matter with the form it is opened with."""

    matter = fields.Nested(MatterSchema)
    form = mapping("The form as a form-js schema in your language; none where nothing is asked.", allow_none=True)
    fields_ = fields.List(
        fields.Dict(),
        data_key="fields",
        attribute="fields_",
        metadata={"description": "Its fields with their choices."},
    )


class ApplicationSchema(Strict):
    """What opens a matter."""

    answers = mapping("The answers of the matter's form.", load_default=dict)
    lon = real("Longitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-180, 180))
    lat = real("Latitude, degrees, WGS-84.", load_default=None, allow_none=True, validate=ma.validate.Range(-90, 90))
    address = text("Where it is, in words.", load_default="", validate=ma.validate.Length(max=500))
    source = text(
        "The channel, one of `GET /intake/channels`.", load_default="department", validate=ma.validate.Length(1, 40)
    )
    external_id = text(
        "The number another system gave it; a channel's number is one case.", load_default=None, allow_none=True,
        validate=ma.validate.Length(max=100),
    )  # fmt: skip
    urgent = truth("Danger in delay.", load_default=False)
    reporter_name = text("Who applies.", load_default="", validate=ma.validate.Length(max=100))
    reporter_phone = text("Telephone of who applies.", load_default="", validate=ma.validate.Length(max=40))
    description = text(
        "In words; what the matter makes of the answers when empty.",
        load_default="",
        validate=ma.validate.Length(max=5000),
    )
