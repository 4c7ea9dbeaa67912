"""What the report page tells while somebody types: addresses, what is at a point, components, duplicates, the caller.

Every answer is a piece of the page. With scripts it is fetched by itself and may come late or not at all; without, the
button "look" brings the page with all pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from flask import jsonify, request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.auth import require_permission
from api.pages.frame import actor, render
from api.pages.languages import page_language
from api.resources.intake import shelf
from engine.cases.callers import READ_CALLERS, Caller, caller_of
from engine.catalogue.intake_texts import IntakeText, texts_for
from engine.duplicates.reasons import explain
from engine.errors import Invalid
from engine.ground.address_near import describe_point
from engine.ground.address_reasons import reason
from engine.ground.address_search import LONGEST_QUERY, AddressFound, find_addresses
from engine.ground.address_words import fold
from engine.ground.index import Place
from engine.intake.suggesting import Asked, Suggestions, suggest
from engine.models import DutyGrid, RoadSegment, Subclass
from engine.no_report import NoReportRule, Situation

TOLD = ("subclass", "description", "lon", "lat", "component_code", "source", "urgent")
CLASSES, ADDRESSES = 5, 8
MOST_TEXT = 5_000
ENOUGH = 30
"""Cases that a hit rate in use needs."""


@dataclass(frozen=True)
class PointTold:
    """What is at a point: in the reader's words, in the city's, and on its ground; ``place`` is none outside of it."""

    lon: float
    lat: float
    words: str
    address: str
    place: Place | None
    within: str = ""
    duty_grid: str = ""
    road: str = ""


@dataclass(frozen=True)
class Rates:
    """Shares of ``cases`` whose class was the model's first or among its first three, in use or on held-out cases."""

    cases: int
    top1: float
    top3: float
    in_use: bool


@dataclass(frozen=True)
class Hints:
    """What the page offers beside the form. ``classes`` are (class, confidence, words), ``components`` (component,
    metres), ``duplicates`` (case, why); ``rates`` say how often the model's first and first three were right;
    ``no_report`` are the rules by which this was not to be reported there and now: it is flagged, not refused."""

    point: PointTold | None = None
    classes: tuple[tuple[Subclass, float, Sequence[str]], ...] = ()
    asked_classes: bool = False
    rates: Rates | None = None
    components: tuple[tuple[Any, float], ...] = ()
    duplicates: tuple[tuple[Any, str], ...] = ()
    no_report: tuple[NoReportRule, ...] = ()
    texts: Mapping[str, tuple[IntakeText, ...]] = field(default_factory=dict)
    caller: Caller | None = None
    addresses: tuple[AddressFound, ...] = ()


def may_report() -> None:
    """Refuse whoever may not report: the pieces are for reporters alone."""
    require_permission("case.create", "report a problem")


def report_addresses() -> BaseResponse:
    """Addresses that fit what is being typed, as JSON for the list below the field."""
    may_report()
    found = addresses_for(request.args.get("q", ""))
    told = 0 if page_language() == "zh" else 1
    return jsonify(
        [
            {
                "name": each.address.name, "lon": each.address.lon, "lat": each.address.lat,
                "grid": each.address.grid_code or "", "why": reason(each)[told],
            }
            for each in found
        ]
    )  # fmt: skip


def report_place() -> BaseResponse:
    """What is at a point, in words and on the ground."""
    may_report()
    return render("parts/report_place.html", hints=Hints(point=point_of(request.args)))


def report_hints() -> BaseResponse:
    """Components to choose from, likely duplicates and standard texts for what is typed so far."""
    may_report()
    sent = {name: request.args.get(name, "").strip() for name in TOLD}
    return render(
        "parts/report_pieces.html", hints=hints_for(sent), sent=sent, may_see_callers=actor().may(READ_CALLERS)
    )


def report_caller() -> BaseResponse:
    """What the caller's number has reported before. The number comes in the body: addresses are logged."""
    may_report()
    asked = caller_of(
        context.session(), context.platform(), actor(), request.form.get("reporter_phone", ""), context.now()
    )
    return render("parts/report_caller.html", hints=Hints(caller=asked))


def addresses_for(typed: str) -> list[AddressFound]:
    """Addresses that fit; none while nothing but punctuation is typed."""
    asked = typed.strip()[:LONGEST_QUERY]
    return find_addresses(context.session(), asked, limit=ADDRESSES) if fold(asked) else []


def hints_for(sent: Mapping[str, str]) -> Hints:
    """All that can be told of a report as far as it is written."""
    db, platform, moment = context.session(), context.platform(), context.now()
    kind, _bar, full_code = sent.get("subclass", "").partition("/")
    texts: dict[str, list[IntakeText]] = {}
    for text in texts_for(platform.city, kind, full_code):
        texts.setdefault(text.use, []).append(text)
    told = Hints(texts={use: tuple(some) for use, some in texts.items()})
    lon, lat = read_point(sent) or (None, None)
    if lon is None and not sent.get("description"):
        return told
    asked = Asked(
        sent.get("description", "")[:MOST_TEXT], lon, lat, kind or None, full_code or None,
        sent.get("component_code") or None,
    )  # fmt: skip
    found = suggest(db, platform, shelf(), asked, actor(), moment, limit=CLASSES)
    situation = Situation(kind, full_code, lon, lat, found.place, sent.get("source", ""), bool(sent.get("urgent")))
    return replace(
        told, classes=tuple(classes_of(found)), asked_classes=bool(asked.text), rates=rates_of(found),
        components=tuple(found.components),
        no_report=tuple(platform.host.no_report.find(situation, moment)) if full_code else (),
        duplicates=tuple((each, explain(each, page_language())) for each in found.duplicates),
    )  # fmt: skip


def classes_of(found: Suggestions) -> Iterator[tuple[Subclass, float, Sequence[str]]]:
    """The likely classes that the catalogue has, with the words that spoke for them."""
    for each in found.classes:
        kind, _bar, full_code = each.of.partition("/")
        row = context.session().get(Subclass, (found.used.catalogue_id, kind, full_code))
        if row is not None:
            yield row, each.confidence, each.words


def rates_of(found: Suggestions) -> Rates | None:
    """How good the model is: in use once enough cases tell, before on the cases it was not trained on; none untried."""
    used, facts = found.in_use, found.used.model.facts
    if used.cases >= ENOUGH and used.top1 is not None and used.top3 is not None:
        return Rates(used.cases, used.top1, used.top3, in_use=True)
    if facts.held_out and facts.top1 is not None and facts.top3 is not None:
        return Rates(facts.held_out, facts.top1, facts.top3, in_use=False)
    return None


def everything_for(sent: Mapping[str, str]) -> Hints:
    """All pieces at once, for a page without scripts."""
    hints, caller = hints_for(sent), None
    if sent.get("reporter_phone") and actor().may(READ_CALLERS):
        try:
            caller = caller_of(context.session(), context.platform(), actor(), sent["reporter_phone"], context.now())
        except Invalid:  # half a number is no reason not to tell the rest
            caller = None
    addresses = tuple(addresses_for(sent.get("address", ""))) if read_point(sent) is None else ()
    return replace(hints, point=point_of(sent), caller=caller, addresses=addresses)


def read_point(sent: Mapping[str, str]) -> tuple[float, float] | None:
    """Longitude and latitude of a form, none while they are no point."""
    try:
        lon, lat = float(sent.get("lon", "")), float(sent.get("lat", ""))
    except ValueError:
        return None
    return (lon, lat) if isfinite(lon) and isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90 else None


def point_of(sent: Mapping[str, str]) -> PointTold | None:
    """A form's point, described; none while there is none."""
    at = read_point(sent)
    if at is None:
        return None
    db, platform = context.session(), context.platform()
    told = describe_point(db, *at, limit=1)
    place = platform.host.ground.locate(*at)
    zh = page_language() == "zh"
    divisions = (place.district, place.subdistrict, place.community) if place is not None else ()
    duty = db.get(DutyGrid, place.duty_grid) if place is not None and place.duty_grid else None
    road = db.get(RoadSegment, place.road) if place is not None and place.road else None
    return PointTold(
        *at, words=told.text if zh else told.text_en,
        address=told.text if platform.city.language == "zh" else told.text_en, place=place,
        within=" ".join(platform.host.ground.name(code, page_language()) for code in divisions if code),
        duty_grid=duty.name if duty is not None else "",
        road=(road.name if zh else road.name_en or road.name) if road is not None else "",
    )  # fmt: skip


ROUTES = (
    ("/report/addresses", report_addresses, ("GET",)),
    ("/report/place", report_place, ("GET",)),
    ("/report/hints", report_hints, ("GET",)),
    ("/report/caller", report_caller, ("POST",)),
)
