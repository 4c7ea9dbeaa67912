"""Drafts on the wire."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, text


class SetAsideSchema(Strict):
    """A value the task's form has no place for any more."""

    field = text("Where it stood: `reason`, or `vehicles[0].plate` in a list.")
    label = text("What the form it was written in called it.")
    value = fields.Raw(metadata={"description": "As it was saved."}, allow_none=True)
    text_ = text("The same in words.", data_key="text")


class DraftSchema(Strict):
    """What you have filled in so far."""

    task = fields.UUID(metadata={"description": "Task id."})
    answers = mapping("One entry a field, valid or not.")
    set_aside = fields.List(
        fields.Nested(SetAsideSchema),
        metadata={"description": "What a migration of the case left without a field. It is back when that is undone."},
    )
    saved_at = moment("When it was saved; send it back as `seen_at`.")


class SaveDraftSchema(Strict):
    """What you have filled in so far. It need be neither complete nor valid."""

    answers = mapping(
        "One entry a field; at most 200 kB of JSON. Read-only fields are left out; unknown ones are refused.",
        required=True,
    )
    seen_at = moment(
        "The `saved_at` of the draft you started from, null when there was none: 409 when another window saved since. "
        "Left out, the last one wins.",
        allow_none=True,
    )
