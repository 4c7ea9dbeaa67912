"""Registers of departments as the API says them."""

from __future__ import annotations

from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, text, truth, whole


class RegisterChoiceSchema(Strict):
    """A value of a column with a fixed list."""

    value = text("What is kept.")
    name = text("What it is called, in the language asked for.")


class RegisterColumnSchema(Strict):
    """A column of a register."""

    name = text("Its name.")
    title = text("What it is called, in the language asked for.")
    type = text("text, long_text, number, integer, truth, date, choice, department or entry.")
    required = truth("Whether every entry has it.")
    private = truth("Whether only those who may change the register see it.")
    choices = fields.List(fields.Nested(RegisterChoiceSchema))
    register = text("The register its values are keys of; empty for other types.")
    pattern = text("The regular expression a text must match; may be empty.")


class RegisterSchema(Strict):
    """A register."""

    name = text("Its name.")
    title = text("What it is called, in the language asked for.")
    key = text("The column that identifies an entry for good.")
    place = truth("Whether its entries lie somewhere.")
    may_write = truth("Whether you may change it.")
    columns = fields.List(fields.Nested(RegisterColumnSchema))


class RegisterEntrySchema(Strict):
    """An entry."""

    key = text("What identifies it.")
    title = text("What people call it.")
    values = mapping("Its values by column.")
    lon = fields.Float(allow_none=True, metadata={"description": "Longitude, degrees, WGS-84."})
    lat = fields.Float(allow_none=True, metadata={"description": "Latitude, degrees, WGS-84."})
    version = whole("What was seen; send it back with a change.")
    changed_at = moment("When it was last changed.")
    gone_at = moment("When it was struck off.", allow_none=True)


class RegisterEntriesSchema(Strict):
    """A page of entries."""

    entries = fields.List(fields.Nested(RegisterEntrySchema))
    after = text("Ask with this to go on; empty at the end.")


class RegisterNewEntrySchema(Strict):
    """A new entry."""

    values = mapping("Values by column; lon and lat among them.", required=True)
    reason = text("Why.", load_default="")


class RegisterChangeSchema(Strict):
    """A change of an entry."""

    values = mapping("The columns to change.", required=True)
    seen_version = whole("The version the change was made on.", required=True)
    reason = text("Why.", load_default="")


class RegisterReasonSchema(Strict):
    """Why."""

    reason = text("Why.", load_default="")


class RegisterLineSchema(Strict):
    """A line of an entry's history."""

    at = moment("When.")
    kind = text("added, changed, struck or restored.")
    who = text("Who did it; empty for a process without a person.", allow_none=True)
    case_id = whole("The case in which a process did it.", allow_none=True)
    before = mapping("The columns before.")
    after = mapping("The columns after.")
    reason = text("Why.")


class RegisterDueSchema(Strict):
    """A date that has passed or is near."""

    key = text("The entry's key.")
    title = text("What it is called.")
    column = text("The column of the date.")
    day = fields.Date(metadata={"description": "The date."})


class RegisterRefusedSchema(Strict):
    """A row that was not taken."""

    line = whole("Its line in the file.")
    key = text("Its key.")
    reason = text("Why, and what to do.")


class RegisterImportedSchema(Strict):
    """What an import did."""

    added = whole("New entries.")
    changed = whole("Entries brought in line.")
    same = whole("Entries that were so already.")
    refused = fields.List(fields.Nested(RegisterRefusedSchema))
    note = text("What is to be known of how the file's text was read; empty for UTF-8.")


class RegisterFileSchema(Strict):
    """A CSV file."""

    file = fields.Raw(
        required=True, metadata={"description": "CSV, UTF-8 or GB18030.", "type": "string", "format": "binary"}
    )
