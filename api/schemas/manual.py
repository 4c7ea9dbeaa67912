"""The command manual's changes on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, text, whole
from engine.catalogue.manual_diff import ManualDiff

FILE = "The workbook as `GET /api/v1/catalogue/manual` gave it, changed; at most 10 MB."


class ManualWorkbookSchema(Strict):
    """A changed workbook and the day from which it is to hold."""

    file = Upload(required=True, metadata={"description": FILE})
    effective_date = fields.Date(required=True, metadata={"description": "First day; today or later."})


class ManualProposalSchema(ManualWorkbookSchema):
    """A change to stage."""

    name = text("Name of the new version.", required=True, validate=ma.validate.Length(1, 200))
    note = text("Why, for the record.", load_default="", validate=ma.validate.Length(max=2000))


class ManualSignatureSchema(Strict):
    """A signature."""

    diff_digest = text("The digest of the differences as they were read.", required=True)


class ManualEffectSchema(Strict):
    """Running cases, counted. None changes: a filed case keeps the version it was filed under."""

    filed = whole("Filed and running; they keep their version and limit.")
    filed_touched = whole("Of these, under a subclass or condition that changes; they keep theirs too.")
    waiting = whole("Reported, not yet filed; they are filed under the version in force on that day.")
    waiting_touched = whole("Of these, under a subclass or condition that changes.")
    waiting_removed = whole("Of these, under one that goes; they are filed under the version of their report.")


class ManualRowSchema(Strict):
    """A row that differs."""

    table = text("`classes` or `conditions`.")
    sort = text("`added`, `removed` or `changed`.")
    key = fields.List(fields.String(), metadata={"description": "Kind, code, and number of a condition."})
    values = mapping("Column -> old and new text.")


class ManualComparisonSchema(Strict):
    """What a workbook would change."""

    base = whole("The version it follows.")
    counts = mapping("Table -> rows added, removed, changed.")
    effect = fields.Nested(ManualEffectSchema)
    diff_digest = text("SHA-256 of the differences.")
    changes = fields.List(fields.Nested(ManualRowSchema))


class ManualChangeSchema(Strict):
    """A change of the manual on record."""

    id = whole("Id.")
    status = text("`proposed`, `signed` or `withdrawn`.")
    name = text("Name of the version.")
    note = text("Why.")
    file_name = text("The workbook's name.")
    file_digest = text("SHA-256 of the workbook.")
    diff_digest = text("SHA-256 of the differences; a signature names it.")
    effective_date = fields.Date(metadata={"description": "First day."})
    base_id = whole("The version it follows.")
    version_id = whole("The version it became; none before it is signed.", allow_none=True)
    author = text("Who proposed it.")
    proposed_at = moment("When.")
    decided_by = text("Who signed or withdrew it; empty while it is proposed.")
    decided_at = moment("When.", allow_none=True)
    counts = mapping("Table -> rows added, removed, changed.")


class ManualChangesSchema(Strict):
    """All changes, newest first."""

    changes = fields.List(fields.Nested(ManualChangeSchema))


class ManualChangeDetailSchema(ManualChangeSchema):
    """A change with its differences and what it means for running cases."""

    effect = fields.Nested(ManualEffectSchema)
    changes = fields.List(fields.Nested(ManualRowSchema))


def rows_of(diff: ManualDiff) -> list[dict[str, Any]]:
    """The rows of a diff."""
    return [
        {"table": each.table.id, "sort": each.sort, "key": list(each.key), "values": each.values}
        for each in diff.changes
    ]
