"""Matters on pages: which one may open or see, the cases of one, the form that opens one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from flask import request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.answers import finds_of, insert_standard_text, read_answers
from api.pages.cases import PAGE, read_filter, status_counts
from api.pages.controls import Control, Sheet
from api.pages.frame import actor, back_to, is_fragment, render
from api.pages.languages import _, page_language
from api.pages.refusals import Refusal, refusal_of
from api.pages.words import STATUSES
from engine.casefile.unit import Unit
from engine.cases.access import require, visible
from engine.cases.listing import ENDED, ORDERS, list_cases
from engine.cases.matters import Application, form_of, matter_named, matter_names, matters_read, submit_matter
from engine.cases.views import summarise
from engine.errors import DomainError, Invalid
from engine.matters.declaring import NONE, REQUIRED, Matter
from engine.models import Case
from engine.workflow.forms import Form, FormInvalid
from engine.workflow.step import StepFailed

FILTERS = ("q", "status", "department", "overdue", "urgent", "sort")
PLACE = ("lon", "lat", "address")


def matters() -> BaseResponse:
    """The matters one may open or see, with how many of each go on."""
    shown = matters_read(context.platform().host, actor())
    query = select(Case.matter, func.count()).where(
        Case.matter.is_not(None), Case.status.not_in(ENDED), visible(actor(), context.platform().host.directory)
    )
    running: dict[str | None, int] = dict(context.session().execute(query.group_by(Case.matter)).all())
    spoken = page_language()
    groups: dict[str, list[dict[str, Any]]] = {}
    for each in shown:
        row = {
            "name": each.name, "title": each.called(spoken), "running": running.get(each.name, 0),
            "note": each.note_en if spoken == "en" else each.note, "may_open": actor().may(each.open),
        }  # fmt: skip
        groups.setdefault(owner_of(each), []).append(row)
    return render("matters.html", groups=groups)


def owner_of(matter: Matter) -> str:
    """The department a matter comes from, as its plugin is called; the city's own are the city's."""
    english, plugin = page_language() == "en", matter.layer.removeprefix("plugin ")
    manifest = context.plugins().manifests.get(plugin)
    if manifest is not None:
        return manifest.title_en if english else manifest.title
    city = context.platform().city
    return city.name_en if english else city.name


def matter_cases(name: str) -> BaseResponse:
    """The cases of a matter one sees, running and ended, searched and filtered."""
    matter = matter_named(context.platform().host, name)
    asked: dict[str, Any] = {key: request.args[key].strip() for key in FILTERS if request.args.get(key, "").strip()}
    sort, moment, directory = asked.get("sort", ""), context.now(), context.platform().host.directory
    found = list_cases(
        context.session(), actor(), directory, read_filter({**asked, "matter": name}), moment,
        sort=sort if sort in ORDERS else "-reported_at", limit=PAGE, cursor=request.args.get("cursor") or None,
    )  # fmt: skip
    home = url_for("pages.matter_cases", name=name, **asked)
    following = url_for("pages.matter_cases", name=name, **asked, cursor=found.next_cursor) if found.next_cursor else ""
    return render(
        "matter_cases.html", matter=matter, title=matter.called(page_language()), asked=asked,
        rows=[summarise(context.platform(), case, moment) for case in found.rows], following=following,
        first=not request.args.get("cursor"), first_page=home, counts=status_counts(name), statuses=STATUSES,
        departments=directory.handling(), may_open=actor().may(matter.open),
    )  # fmt: skip


def new_matter(name: str) -> BaseResponse:
    """The form that opens a matter, and what becomes of it; anything but ``act=open`` only shows it anew."""
    matter = openable(name)
    if request.method == "GET":
        return show(matter, {}, {key: request.args.get(key, "") for key in PLACE})
    form = form_of(matter, context.platform().definitions.current(context.session(), context.now()))
    answers = read_answers(form, request.form) if form is not None else {}
    sent = {key: request.form.get(key, "").strip() for key in PLACE}
    if request.form.get("act") != "open":
        insert_standard_text(answers, request.form)
        return show(matter, answers, sent)
    try:
        number = open_now(matter, answers, sent)
    except StepFailed:
        raise
    except (FormInvalid, DomainError) as error:
        context.session().rollback()
        refusal, errors = refusal_of(error)
        return show(matter, answers, sent, refusal, errors)
    return back_to("pages.one_case", number=number, said=_("已受理，编号 %(number)s。", number=number))


def openable(name: str) -> Matter:
    """A matter the person may open."""
    matter = matter_named(context.platform().host, name)
    require(actor(), matter.open, f"open {matter.en}")
    return matter


def open_now(matter: Matter, answers: Mapping[str, Any], sent: Mapping[str, str]) -> str:
    """Open the matter in one transaction; the form's key makes a second press of the button harmless. Its number."""
    place: dict[str, float] = {}
    errors: dict[str, str] = {}
    for name, most in (("lon", 180), ("lat", 90)):
        if not sent[name]:
            continue
        try:
            place[name] = float(sent[name])
            if not abs(place[name]) <= most:
                raise ValueError(sent[name])
        except ValueError:
            errors[name] = f"{name} is not a coordinate; click the map or type degrees such as 116.4052"
    if errors:
        raise Invalid("; ".join(errors.values()), errors=errors, field=next(iter(errors)))
    application = Application(
        matter.name, answers, place.get("lon"), place.get("lat"), sent["address"],
        urgent=bool(request.form.get("urgent")),
    )  # fmt: skip
    answer = submit_matter(
        context.session(), context.platform(), application, actor(), context.now(),
        key=request.form.get("key") or None,
    )  # fmt: skip
    return str(answer["case"])


def show(
    matter: Matter,
    answers: Mapping[str, Any],
    sent: Mapping[str, str],
    refusal: Refusal | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> BaseResponse:
    """The page with what was filled in, or only its fields when a script asks for them."""
    form = form_of(matter, context.platform().definitions.current(context.session(), context.now()))
    controls = controls_of(form, answers, errors or {}) if form is not None else ()
    again = url_for("pages.new_matter", name=matter.name)
    values: dict[str, Any] = {"controls": controls, "again": again}
    if is_fragment():
        return render("parts/matter_fields.html", **values)
    return render(
        "matter_form.html", refusal.status if refusal else 200, matter=matter,
        title=matter.called(page_language()), note=matter.note_en if page_language() == "en" else matter.note,
        conditional=form is not None and form.is_live, sent=sent, refusal=refusal, errors=errors or {},
        needs_place=matter.place == REQUIRED, has_place=matter.place != NONE, urgent=bool(request.form.get("urgent")),
        key=request.form.get("key") or uuid4().hex, **values,
    )  # fmt: skip


def controls_of(form: Form, answers: Mapping[str, Any], errors: Mapping[str, Sequence[str]]) -> tuple[Control, ...]:
    """The form's controls for what is answered so far."""
    platform, moment = context.platform(), context.now()
    names = matter_names(Unit(context.session()), platform.host, form, actor(), moment)
    return Sheet(form, errors, finds_of(request.form)).controls(form.fields(names, answers))


ROUTES = (
    ("/matters", matters, ("GET",)),
    ("/matters/<string:name>", matter_cases, ("GET",)),
    ("/matters/<string:name>/new", new_matter, ("GET", "POST")),
)
