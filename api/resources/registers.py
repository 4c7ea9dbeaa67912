"""Registers of departments: what a city's files declare, entry by entry."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from flask import Response, request
from flask.views import MethodView
from werkzeug.datastructures import FileStorage

from api.auth import current_actor
from api.context import language, now, platform, session
from api.resources.blueprint import group
from api.resources.ground import GEOJSON, geojson
from api.schemas.registers import (
    RegisterChangeSchema,
    RegisterDueSchema,
    RegisterEntriesSchema,
    RegisterEntrySchema,
    RegisterFileSchema,
    RegisterImportedSchema,
    RegisterLineSchema,
    RegisterNewEntrySchema,
    RegisterReasonSchema,
    RegisterSchema,
)
from engine.cases.access import require
from engine.cases.listing import read_bbox
from engine.database import begin_write
from engine.errors import CityBroken, Invalid, NotFound
from engine.loading.encodings import decoded
from engine.models import Person, RegisterChange, RegisterEntry
from engine.organisation.actor import Actor
from engine.registers.declaring import Column, Register
from engine.registers.files import export_register, import_register
from engine.registers.finding import (
    MOST,
    Wanted,
    due_soon,
    features_of,
    history_of,
    list_entries,
    public_values,
)
from engine.registers.keeping import (
    Hand,
    add_entry,
    change_entry,
    find_entry,
    restore_entry,
    strike_entry,
)

blueprint = group("registers", "Registers of departments, as the city's files declare them.")
WORDS = ("q", "bbox", "after", "limit", "gone", "lang")


@blueprint.route("/registers")
class Registers(MethodView):
    """All registers."""

    @blueprint.response(200, RegisterSchema(many=True))
    @blueprint.problems()
    def get(self) -> list[dict[str, Any]]:
        """The registers one may read."""
        actor = current_actor()
        known = platform().host.registers.values()
        return [register_view(each, actor, language()) for each in known if actor.may(each.read)]


@blueprint.route("/registers/<name>")
class Entries(MethodView):
    """Entries of a register."""

    @blueprint.response(200, RegisterEntriesSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, name: str) -> dict[str, Any]:
        """Entries by key: ``q`` words, ``bbox``, ``gone=yes``, ``after``, ``limit``, any column as a filter."""
        register, writer = readable(name)
        rows, after = list_entries(
            session(),
            register,
            wanted(),
            after=request.args.get("after", ""),
            most=read_limit(request.args.get("limit")),
        )
        return {"entries": [entry_view(row, register, writer) for row in rows], "after": after}

    @blueprint.arguments(RegisterNewEntrySchema)
    @blueprint.response(201, RegisterEntrySchema)
    @blueprint.problems(403, 404, 409, 422)
    def post(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        """Add an entry."""
        register = writable(name)
        begin_write(session())
        row = add_entry(session(), register, body["values"], hand(body["reason"]))
        session().commit()
        return entry_view(row, register, True)


@blueprint.route("/registers/<name>/map")
class EntriesMap(MethodView):
    """Entries on the map."""

    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 404, 422)
    def get(self, name: str) -> Response:
        """Entries of a box as GeoJSON, at most 200."""
        register, _ = readable(name)
        rows, after = list_entries(session(), register, wanted(), most=MOST)
        content = {"type": "FeatureCollection", "truncated": bool(after), "features": features_of(rows, register)}
        return geojson(content)


@blueprint.route("/registers/<name>/due")
class EntriesDue(MethodView):
    """Dates that are near."""

    @blueprint.response(200, RegisterDueSchema(many=True))
    @blueprint.problems(403, 404)
    def get(self, name: str) -> list[dict[str, Any]]:
        """Entries with a date that has passed or is near, the nearest first."""
        register, writer = readable(name)
        return [
            {"key": row.key, "title": row.title, "column": column.name, "day": day}
            for row, column, day in due_soon(session(), register, today())
            if writer or not column.private
        ]


@blueprint.route("/registers/<name>/file")
class EntriesFile(MethodView):
    """The register as a CSV file."""

    @blueprint.response(200, content_type="text/csv")
    @blueprint.problems(403, 404)
    def get(self, name: str) -> Response:
        """The whole register; needs the right to change it, since private columns are in it."""
        register = writable(name)
        return Response("".join(export_register(session(), register)), content_type="text/csv; charset=utf-8")

    @blueprint.arguments(RegisterFileSchema, location="upload")
    @blueprint.response(200, RegisterImportedSchema)
    @blueprint.problems(403, 404, 422)
    def post(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        """Take the rows that hold; the same file twice changes nothing."""
        register = writable(name)
        return take_file(register, body["file"])


@blueprint.route("/registers/<name>/entries/<path:key>")
class Entry(MethodView):
    """One entry."""

    @blueprint.response(200, RegisterEntrySchema)
    @blueprint.problems(403, 404)
    def get(self, name: str, key: str) -> dict[str, Any]:
        """An entry, struck off ones included."""
        register, writer = readable(name)
        return entry_view(find_entry(session(), register, key), register, writer)

    @blueprint.arguments(RegisterChangeSchema)
    @blueprint.response(200, RegisterEntrySchema)
    @blueprint.problems(403, 404, 409, 422)
    def patch(self, body: dict[str, Any], name: str, key: str) -> dict[str, Any]:
        """Change columns of an entry."""
        register = writable(name)
        begin_write(session())
        row = change_entry(
            session(), register, key, body["values"], hand(body["reason"]), seen_version=body["seen_version"]
        )
        session().commit()
        return entry_view(row, register, True)


@blueprint.route("/registers/<name>/history/<path:key>")
class EntryHistory(MethodView):
    """What happened to an entry."""

    @blueprint.response(200, RegisterLineSchema(many=True))
    @blueprint.problems(403, 404)
    def get(self, name: str, key: str) -> list[dict[str, Any]]:
        """Its changes, the newest first."""
        register, writer = readable(name)
        lines = history_of(session(), find_entry(session(), register, key))
        return [line_view(line, register, writer) for line in lines]


@blueprint.route("/registers/<name>/struck/<path:key>")
class EntryStruck(MethodView):
    """Strike off, take up again."""

    @blueprint.arguments(RegisterReasonSchema)
    @blueprint.response(200, RegisterEntrySchema)
    @blueprint.problems(403, 404, 422)
    def put(self, body: dict[str, Any], name: str, key: str) -> dict[str, Any]:
        """Strike an entry off, with a reason; its history stays."""
        return self._done(strike_entry, name, key, body["reason"])

    @blueprint.response(200, RegisterEntrySchema)
    @blueprint.problems(403, 404)
    def delete(self, name: str, key: str) -> dict[str, Any]:
        """Take an entry up again."""
        return self._done(restore_entry, name, key, "")

    def _done(self, act: Any, name: str, key: str, reason: str) -> dict[str, Any]:
        register = writable(name)
        begin_write(session())
        row = act(session(), register, key, hand(reason))
        session().commit()
        return entry_view(row, register, True)


def find_register(name: str) -> Register:
    """A register by name. Raises NotFound naming those there are."""
    known = platform().host.registers
    if name not in known:
        raise NotFound(f"there is no register {name!r}; there are {', '.join(sorted(known)) or 'none'}")
    return known[name]


def readable(name: str) -> tuple[Register, bool]:
    """A register one may read, and whether one may change it. Raises NotAllowed."""
    register, actor = find_register(name), current_actor()
    require(actor, register.read, f"read the register {register.en}")
    return register, actor.may(register.write)


def writable(name: str) -> Register:
    """A register one may change. Raises NotAllowed."""
    register = find_register(name)
    require(current_actor(), register.write, f"change the register {register.en}")
    return register


def hand(reason: str) -> Hand:
    """Who changes it, now."""
    return Hand(now(), current_actor().person_id, reason=reason)


def today() -> date:
    """The city's day."""
    return now().astimezone(platform().city.time_zone).date()


def wanted() -> Wanted:
    """What the query string asks for: every name that is not a word of ours is a column."""
    args = request.args
    box = read_bbox(args["bbox"]) if args.get("bbox") else None
    filters = {name: value for name, value in args.items() if name not in WORDS and value}
    return Wanted(args.get("q", ""), filters, box, args.get("gone") == "yes")


def read_limit(given: str | None) -> int:
    """How many. Raises Invalid."""
    if given is None:
        return 50
    if not given.isdigit() or not 1 <= int(given) <= MOST:
        raise Invalid(f"limit is {given!r}; write a number from 1 to {MOST}", field="limit")
    return int(given)


def take_file(register: Register, file: FileStorage) -> dict[str, Any]:
    """Import a CSV file and commit."""
    try:
        content, note = decoded(file.stream.read(), file.filename or "the file")
    except CityBroken as error:
        raise Invalid(error.message, field="file") from error
    begin_write(session())
    found = import_register(session(), register, io.StringIO(content, newline=""), now(), current_actor().person_id)
    session().commit()
    return {
        "added": found.added, "changed": found.changed, "same": found.same,
        "refused": [vars(each) for each in found.refused], "note": note,
    }  # fmt: skip


def register_view(register: Register, actor: Actor, spoken: str) -> dict[str, Any]:
    """A register as the API says it."""
    writer = actor.may(register.write)
    return {
        "name": register.name, "title": register.called(spoken), "key": register.key, "place": register.place,
        "may_write": writer,
        "columns": [_column(each, spoken) for each in register.columns.values() if writer or not each.private],
    }  # fmt: skip


def _column(column: Column, spoken: str) -> dict[str, Any]:
    choices = [{"value": each.value, "name": each.en if spoken == "en" else each.zh} for each in column.choices]
    return {
        "name": column.name, "title": column.title(spoken), "type": column.type, "required": column.required,
        "private": column.private, "choices": choices, "register": column.register, "pattern": column.pattern,
    }  # fmt: skip


def entry_view(row: RegisterEntry, register: Register, writer: bool) -> dict[str, Any]:
    """An entry as the API says it."""
    return {
        "key": row.key, "title": row.title, "values": public_values(row, register, writer=writer), "lon": row.lon,
        "lat": row.lat, "version": row.version, "changed_at": row.changed_at, "gone_at": row.gone_at,
    }  # fmt: skip


def line_view(line: RegisterChange, register: Register, writer: bool) -> dict[str, Any]:
    """A line of history; private columns for writers only."""
    hidden = {name for name, column in register.columns.items() if column.private and not writer}
    person = session().get(Person, line.person_id) if line.person_id is not None else None

    def shown(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if name not in hidden}

    return {
        "at": line.at, "kind": line.kind, "who": person.name if person else "", "case_id": line.case_id,
        "before": shown(line.before), "after": shown(line.after), "reason": line.reason,
    }  # fmt: skip
