"""Registers of departments on pages: which there are, entries on a list, one entry with its history, forms, files."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, noop, page_language
from api.pages.refusals import Refusal, refusal_of
from api.pages.register_values import field_of, shown_value, values_of_form
from api.resources.registers import find_register, line_view, take_file, today
from engine.cases.access import require
from engine.database import begin_write
from engine.errors import DomainError, Invalid
from engine.models import Case, RegisterEntry
from engine.registers.declaring import Register
from engine.registers.files import export_register
from engine.registers.finding import Wanted, count_entries, due_soon, history_of, list_entries
from engine.registers.keeping import (
    Hand,
    add_entry,
    change_entry,
    find_entry,
    restore_entry,
    strike_entry,
)

ROWS = 50
COLUMNS_SHOWN = 6
"""Columns of the list, besides the title."""
KINDS = {"added": noop("登记"), "changed": noop("变更"), "struck": noop("注销"), "restored": noop("恢复")}


def registers() -> BaseResponse:
    """The registers one may read, with how much is in them and what falls due."""
    db, spoken = context.session(), page_language()
    shown = []
    for register in context.platform().host.registers.values():
        if actor().may(register.read):
            shown.append(
                {
                    "name": register.name, "title": register.called(spoken),
                    "count": count_entries(db, register, Wanted()),
                    "due": len(due_soon(db, register, today())),
                    "note": register.note_en if spoken == "en" else register.note,
                }
            )  # fmt: skip
    return render("registers.html", registers=shown)


def register_entries(name: str) -> BaseResponse:
    """A register's entries, searched and filtered."""
    return show_entries(readable(name))


def show_entries(register: Register, refusal: Refusal | None = None, outcome: Any = None) -> BaseResponse:
    """The list, with what was wrong with a file or what came of it."""
    db, spoken = context.session(), page_language()
    writer = actor().may(register.write)
    choices = [column for column in register.columns.values() if column.type == "choice"]
    filters = {each.name: request.args[each.name] for each in choices if request.args.get(each.name)}
    wanted = Wanted(request.args.get("q", "").strip(), filters, gone=request.args.get("gone") == "yes")
    rows, after = list_entries(db, register, wanted, after=request.args.get("after", ""), most=ROWS)
    listed = [
        each for each in register.columns.values()
        if each.name != register.title and each.type != "long_text" and (writer or not each.private)
    ][:COLUMNS_SHOWN]  # fmt: skip
    near = due_soon(db, register, today())
    asked: dict[str, Any] = {
        **filters,
        **({"q": wanted.q} if wanted.q else {}),
        **({"gone": "yes"} if wanted.gone else {}),
    }
    more = url_for("pages.register_entries", name=register.name, after=after, **asked) if after else ""
    return render(
        "register.html", refusal.status if refusal else 200, register=register, title=register.called(spoken),
        rows=[(row, [shown_value(each, row.values.get(each.name)) for each in listed]) for row in rows],
        headings=[each.title(spoken) for each in listed], total=count_entries(db, register, wanted), more=more,
        filters=[(each, [(c.value, c.en if spoken == "en" else c.zh) for c in each.choices]) for each in choices],
        asked=asked, may_write=writer, refusal=refusal, outcome=outcome,
        due=[(row, column.title(spoken), day) for row, column, day in near[:10]], due_total=len(near), today=today(),
    )  # fmt: skip


def readable(name: str) -> Register:
    """A register the person may read."""
    register = find_register(name)
    require(actor(), register.read, f"read the register {register.en}")
    return register


def writable(name: str) -> Register:
    """A register the person may change."""
    register = find_register(name)
    require(actor(), register.write, f"change the register {register.en}")
    return register


def new_register_entry(name: str) -> BaseResponse:
    """The empty form of an entry."""
    return show_form(writable(name), None, {})


def add_register_entry(name: str) -> BaseResponse:
    """Add an entry, or show the form again with what was wrong."""
    register = writable(name)
    given = values_of_form(register, request.form)
    try:
        begin_write(context.session())
        row = add_entry(context.session(), register, given, hand())
        context.session().commit()
    except DomainError as error:
        return refused_form(register, None, given, error)
    return back_to("pages.register_entry", name=name, key=row.key, said=_("已登记。"))


def register_entry(name: str, key: str) -> BaseResponse:
    """An entry with all it holds, its history and the cases that touched it."""
    return show_entry(readable(name), key)


def show_entry(register: Register, key: str, refusal: Refusal | None = None) -> BaseResponse:
    """The page of an entry."""
    db, spoken = context.session(), page_language()
    row, writer = find_entry(db, register, key), actor().may(register.write)
    columns = [each for each in register.columns.values() if writer or not each.private]
    lines = []
    for line in history_of(db, row):
        told = line_view(line, register, writer)
        changed = [
            (register.columns[name].title(spoken) if name in register.columns else name,
             shown_in(register, name, told["before"].get(name)), shown_in(register, name, value))
            for name, value in told["after"].items()
        ] if line.kind == "changed" else []  # fmt: skip
        case = db.get(Case, line.case_id) if line.case_id is not None else None
        lines.append({**told, "kind": _(KINDS[line.kind]), "changed": changed, "case": case.number if case else ""})
    return render(
        "register_entry.html", refusal.status if refusal else 200, register=register, title=register.called(spoken),
        row=row, facts=[(each, shown_value(each, row.values.get(each.name))) for each in columns], lines=lines,
        may_write=writer, refusal=refusal, today=today(),
    )  # fmt: skip


def shown_in(register: Register, name: str, value: Any) -> str:
    """A value as the history shows it."""
    column = register.columns.get(name)
    return shown_value(column, value) if column is not None else ("" if value is None else str(value))


def edit_register_entry(name: str, key: str) -> BaseResponse:
    """The form of an entry that is there."""
    register = writable(name)
    row = find_entry(context.session(), register, key)
    return show_form(register, row, {**row.values, "lon": row.lon, "lat": row.lat})


def change_register_entry(name: str, key: str) -> BaseResponse:
    """Change an entry, or show the form again with what was wrong."""
    register = writable(name)
    given = values_of_form(register, request.form)
    seen = request.form.get("seen_version", type=int)
    try:
        begin_write(context.session())
        change_entry(context.session(), register, key, given, hand(), seen_version=seen)
        context.session().commit()
    except DomainError as error:
        context.session().rollback()
        return refused_form(register, find_entry(context.session(), register, key), given, error)
    return back_to("pages.register_entry", name=name, key=key, said=_("已变更。"))


def strike_register_entry(name: str, key: str) -> BaseResponse:
    """Strike an entry off, or take it up again."""
    register = writable(name)
    try:
        begin_write(context.session())
        act = restore_entry if request.form.get("act") == "restore" else strike_entry
        act(context.session(), register, key, hand())
        context.session().commit()
    except DomainError as error:
        context.session().rollback()
        return show_entry(register, key, refusal_of(error)[0])
    said = _("已恢复。") if act is restore_entry else _("已注销；资料和记录仍然保留。")
    return back_to("pages.register_entry", name=name, key=key, said=said)


def register_file(name: str) -> BaseResponse:
    """The register as a CSV file."""
    register = writable(name)
    response = Response("".join(export_register(context.session(), register)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def send_register_file(name: str) -> BaseResponse:
    """Take a CSV file, and show what came of it."""
    register = writable(name)
    try:
        file = request.files.get("file")
        if file is None or not file.filename:
            raise Invalid("no file was chosen; choose one", field="file")
        return show_entries(register, outcome=take_file(register, file))
    except DomainError as error:
        context.session().rollback()
        return show_entries(register, refusal_of(error)[0])


def show_form(
    register: Register, row: RegisterEntry | None, given: dict[str, Any], refusal: Refusal | None = None,
    errors: dict[str, str] | None = None,
) -> BaseResponse:  # fmt: skip
    """The form of an entry."""
    spoken = page_language()
    fields = [
        field_of(each, given.get(each.name), (errors or {}).get(each.name, "")) for each in register.columns.values()
    ]
    return render(
        "register_form.html", refusal.status if refusal else 200, register=register, title=register.called(spoken),
        row=row, fields=fields, given=given, refusal=refusal, errors=errors or {},
        reason=request.form.get("reason", ""),
    )  # fmt: skip


def refused_form(
    register: Register, row: RegisterEntry | None, given: dict[str, Any], error: DomainError
) -> BaseResponse:
    """The form again, with what was wrong at its field."""
    context.session().rollback()
    refusal, errors = refusal_of(error)
    told = {
        name: str(messages[0] if isinstance(messages, list | tuple) else messages) for name, messages in errors.items()
    }
    return show_form(register, row, given, refusal, told)


def hand() -> Hand:
    """Who changes it, now and why."""
    return Hand(context.now(), actor().person_id, reason=request.form.get("reason", "").strip()[:500])


ROUTES = (
    ("/registers", registers, ("GET",)),
    ("/registers/<name>", register_entries, ("GET",)),
    ("/registers/<name>/new", new_register_entry, ("GET",)),
    ("/registers/<name>/new", add_register_entry, ("POST",)),
    ("/registers/<name>/file", register_file, ("GET",)),
    ("/registers/<name>/file", send_register_file, ("POST",)),
    ("/registers/<name>/entries/<path:key>", register_entry, ("GET",)),
    ("/registers/<name>/change/<path:key>", edit_register_entry, ("GET",)),
    ("/registers/<name>/change/<path:key>", change_register_entry, ("POST",)),
    ("/registers/<name>/strike/<path:key>", strike_register_entry, ("POST",)),
)
