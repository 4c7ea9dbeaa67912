"""Report a problem: what it is, where it is, who told it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from uuid import uuid4

from flask import request
from sqlalchemy import or_, select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.auth import require_permission
from api.pages.frame import actor, back_to, render
from api.pages.languages import _
from api.pages.refusals import Refusal, refusal_of
from api.pages.report_help import ROUTES as HELP
from api.pages.report_help import Hints, everything_for, hints_for
from api.pages.words import KINDS
from engine.cases.callers import READ_CALLERS, plain_phone
from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.catalogue.lookup import version_in_force
from engine.errors import DomainError, Invalid
from engine.intake.channels import PHONE, PUBLIC, load_channels
from engine.models import Subclass

TEXTS = (
    "subclass", "description", "source", "lon", "lat", "address", "reporter_name", "reporter_phone", "component_code",
    "external_id",
)  # fmt: skip
INTO = ("description", "address")
"""Fields a standard text may be put into."""
COLLECTOR_SOURCES = ("patrol",)


def report_problem() -> BaseResponse:
    """The form, and what becomes of it. ``act=find`` only narrows the list of classes, ``act=look`` tells what is near.

    ``_pick``, ``_take`` and ``_insert`` are the buttons of suggestions: a class, an address, a standard text.
    """
    require_permission("case.create", "report a problem")
    if request.method == "GET":
        return show({"source": usual_source(), **{n: request.args[n] for n in ("lon", "lat") if n in request.args}})
    sent = {name: request.form.get(name, "").strip() for name in TEXTS}
    sent |= {name: "yes" for name in ("urgent", "self_handled") if request.form.get(name)}
    if request.form.get("act") != "report" or any(request.form.get(name) for name in ("_pick", "_take", "_insert")):
        take_suggestions(sent)
        return show(sent, hints=everything_for(sent))
    try:
        number, known = open_case(read_report(sent))
    except DomainError as error:
        context.session().rollback()
        refusal, errors = refusal_of(error)
        return show(sent, refusal, errors)
    if known:
        said = _("该来源的这个编号此前已上报，未重复立案，案件号 %(number)s。", number=number)
    else:
        said = _("已上报，案件号 %(number)s。", number=number)
    return back_to("pages.one_case", number=number, said=said)


def take_suggestions(sent: dict[str, str]) -> None:
    """Put what a suggestion's button says into the form, for browsers without scripts."""
    if picked := request.form.get("_pick"):
        sent["subclass"], sent["component_code"] = picked, ""
    lon, _bar, rest = request.form.get("_take", "").partition("|")
    lat, _bar, address = rest.partition("|")
    if address:
        sent.update(lon=lon, lat=lat, address=address)
    name, _bar, text = request.form.get("_insert", "").partition("|")
    if name in INTO and text:
        sent[name] = "\n".join(part for part in (sent[name], text) if part)


def show(
    sent: Mapping[str, str],
    refusal: Refusal | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
    hints: Hints | None = None,
) -> BaseResponse:
    """The form with what was typed."""
    find = request.form.get("find", "").strip()
    return render(
        "report.html", refusal.status if refusal else 200,
        sent=sent, refusal=refusal, errors=errors or {}, find=find,
        groups=subclass_groups(find, sent.get("subclass", "")),
        sources=sources(), key=request.form.get("key") or uuid4().hex, hints=hints or hints_for(sent),
        may_see_callers=actor().may(READ_CALLERS),
    )  # fmt: skip


def sources() -> tuple[str, ...]:
    """The channels the person may name: collectors patrol, seats take what is told to the centre."""
    sides = {held.side for held in actor().holdings}
    if sides <= {"collection"} or actor().roles == {"collector"}:
        return COLLECTOR_SOURCES
    return tuple(load_channels(context.platform().city))


def usual_source() -> str:
    """The channel that is chosen beforehand: for who takes calls the first one of the public that brings a phone."""
    named, channels = sources(), load_channels(context.platform().city)
    calls = (code for code in named if channels[code].reporter == PUBLIC and PHONE in channels[code].asked)
    return next(calls, named[0]) if actor().may(READ_CALLERS) else named[0]


def subclass_groups(find: str, chosen: str) -> list[tuple[tuple[str, Subclass], list[Subclass]]]:
    """The catalogue by kind and class, narrowed to what was searched; the chosen one always stays."""
    db = context.session()
    version = version_in_force(db, context.platform().host.today(context.now()))
    query = select(Subclass).where(Subclass.version_id == version.id)
    for part in find.split():
        columns = (Subclass.name, Subclass.name_en, Subclass.full_code, Subclass.class_name, Subclass.scope)
        query = query.where(or_(*(column.icontains(part, autoescape=True) for column in columns)))
    rows = list(db.scalars(query.order_by(Subclass.kind, Subclass.full_code)))
    kind, _bar, code = chosen.partition("/")
    if chosen and (kind, code) not in {(row.kind, row.full_code) for row in rows}:
        known = db.get(Subclass, (version.id, kind, code))
        rows += [known] if known is not None else []
    grouped = [list(group) for _key, group in groupby(rows, key=lambda row: (row.kind, row.class_code))]
    return [((KINDS.get(group[0].kind, group[0].kind), group[0]), group) for group in grouped]


def read_report(sent: Mapping[str, str]) -> Report:
    """The report a form describes. Raises Invalid with a message a field."""
    errors: dict[str, str] = {}
    kind, bar, full_code = sent["subclass"].partition("/")
    if not bar:
        errors["subclass"] = "report needs subclass"
    if not sent["description"]:
        errors["description"] = "report needs description"
    place: dict[str, float | None] = {}
    for name, most in (("lon", 180), ("lat", 90)):
        try:
            place[name] = float(sent[name])
            if not abs(place[name] or 0) <= most:
                raise ValueError(sent[name])
        except ValueError:
            errors[name] = f"{name} is not a coordinate; click the map or type degrees such as 116.4052"
    if errors:
        raise Invalid("; ".join(errors.values()), errors=errors, field=next(iter(errors)))
    return Report(
        kind=kind, full_code=full_code, description=sent["description"], source=sent["source"],
        lon=place["lon"], lat=place["lat"], address=sent["address"], urgent="urgent" in sent,
        self_handled="self_handled" in sent, reporter_name=sent["reporter_name"],
        reporter_phone=plain_phone(sent["reporter_phone"]), component_code=sent["component_code"] or None,
        external_id=sent["external_id"] or None,
    )  # fmt: skip


def open_case(report: Report) -> tuple[str, bool]:
    """Open the case in one transaction; the form's key makes a second press of the button harmless.

    Returns its number, and whether the channel's number was known: then it is the first case's.
    """
    db, moment = context.session(), context.now()

    key = request.form.get("key") or None
    answer = submit_report(db, context.platform(), report, actor(), moment, key=key)
    return str(answer["case"]), bool(answer.get("known"))


ROUTES = (("/report", report_problem, ("GET", "POST")), *HELP)
