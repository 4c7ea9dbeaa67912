"""Pages for cases that belong together: two cases side by side, split, link, undo; and problems that come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

from flask import Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.auth import require_permission
from api.pages.case import Attempt, find_case, show_case
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, page_language
from api.pages.near import GOING_ON
from api.pages.refusals import Refusal, refusal_of
from api.pages.words import case_title, local_moment, word
from engine.cases.actions import act_on_case
from engine.cases.evidence_views import views_of
from engine.cases.relating import Part, relate_cases, split_case, undo_merge
from engine.cases.views import class_view, summarise
from engine.database import dumps
from engine.duplicates.finding import duplicates_of
from engine.duplicates.reasons import explain
from engine.duplicates.recurring import RecurringPlace, recurring_places
from engine.errors import DomainError, Invalid
from engine.evidence.kinds import PHOTO
from engine.models import Case

PARTS = 3
"""Further problems the page takes at once."""
LISTED = 200
GEOJSON = "application/geo+json"


def compare(number: str, other: str) -> BaseResponse:
    """Two cases side by side: what merging or linking them would do, to be confirmed."""
    return show_pair(find_case(number), find_case(other))


def show_pair(case: Case, beside: Case, refusal: Refusal | None = None) -> BaseResponse:
    """The page of two cases."""
    db, platform = context.session(), context.platform()
    near = duplicates_of(db, platform, actor(), case, context.now(), limit=20)
    found = next((each for each in near if each.number == beside.number), None)
    values: dict[str, Any] = {
        "pair": [side_of(each) for each in (case, beside)],
        "why": explain(found, page_language()) if found is not None else "",
        "may_merge": actor().may("case.merge") and case.status in GOING_ON and beside.status in GOING_ON,
        "may_link": actor().may("case.link"), "refusal": refusal, "key": uuid4().hex,
        "reason": request.form.get("reason", ""),
    }  # fmt: skip
    return render("case_pair.html", refusal.status if refusal else 200, **values)


def side_of(case: Case) -> dict[str, Any]:
    """One of the two."""
    db, platform = context.session(), context.platform()
    photos = [each for each in views_of(db, platform, actor(), case) if each.kind == PHOTO]
    return {
        "case": summarise(platform, case, context.now()), "description": case.description,
        "catalogue": class_view(db, case), "photos": photos[:3], "reports": case.merged_reports,
    }  # fmt: skip


def join(number: str, other: str) -> BaseResponse:
    """Merge or link, as the button says."""
    case, beside = find_case(number), find_case(other)
    reason, key = request.form.get("reason", "").strip(), request.form.get("key") or None
    db, platform, moment = context.session(), context.platform(), context.now()
    try:
        if request.form.get("act") == "merge":
            payload = {"into": beside.number, **({"reason": reason} if reason else {})}
            act_on_case(db, platform, actor(), case.number, "merge", payload, now=moment, key=key)
            said = _("已并入案件 %(number)s。", number=beside.number)
        else:
            relate_cases(db, platform, actor(), case.number, beside.number, reason, linked=True, now=moment, key=key)
            said = _("已关联案件 %(number)s。", number=beside.number)
    except DomainError as error:
        refusal, _errors = refusal_of(error)
        db.rollback()
        return show_pair(find_case(number), find_case(other), refusal)
    return back_to("pages.one_case", number=number, said=said)


def unmerge(number: str) -> BaseResponse:
    """Undo a merge."""
    return done_on_case(number, undo_merge, _("已撤销并案，本案重新受理。"))


def unlink(number: str, other: str) -> BaseResponse:
    """Undo a link as related."""
    return done_on_case(number, partial(relate_cases, linked=False), _("已取消关联。"), other)


def done_on_case(number: str, act: Callable[..., Any], said: str, *more: str) -> BaseResponse:
    """An act with a reason on the case's page; what was refused is told there."""
    find_case(number)
    reason = request.form.get("reason", "").strip()
    try:
        act(context.session(), context.platform(), actor(), number, *more, reason, now=context.now())
    except DomainError as error:
        refusal, _errors = refusal_of(error)
        context.session().rollback()
        return show_case(find_case(number), Attempt(refusal=refusal))
    return back_to("pages.one_case", number=number, said=said)


def link_typed(number: str) -> BaseResponse:
    """From a typed number to the page of the two cases."""
    other = request.args.get("other", "").strip()
    if not other:
        return back_to("pages.one_case", number=number, said=_("请填写另一案件的案件号。"))
    return show_pair(find_case(number), find_case(other))


def split(number: str) -> BaseResponse:
    """Split a report: the further problems it tells of, each with its filing condition and words."""
    case = find_case(number)
    require_permission("case.split", "split a case")
    if request.method == "GET":
        return show_split(case)
    try:
        parts = read_parts()
        answer = split_case(
            context.session(), context.platform(), actor(), number, parts, request.form.get("reason", ""),
            now=context.now(), key=request.form.get("key") or None,
        )  # fmt: skip
    except DomainError as error:
        refusal, errors = refusal_of(error)
        context.session().rollback()
        return show_split(find_case(number), refusal, errors)
    said = _("已拆分出案件 %(numbers)s。", numbers="、".join(answer["parts"]))
    return back_to("pages.one_case", number=number, said=said)


def read_parts() -> list[Part]:
    """The parts that were filled in. Raises Invalid naming one that lacks class or words."""
    parts = []
    for at in range(PARTS):
        condition, words = (request.form.get(f"{name}-{at}", "").strip() for name in ("condition", "description"))
        if not condition and not words:
            continue
        if not condition or not words:
            raise Invalid(
                f"part {at + 1} needs a filing condition and a description; fill in both or none",
                field=f"{'description' if condition else 'condition'}-{at}",
            )
        kind, full_code, condition_no = condition.split("/")
        parts.append(Part(kind, full_code, words, int(condition_no)))
    return parts


def show_split(
    case: Case, refusal: Refusal | None = None, errors: Mapping[str, Sequence[str]] | None = None
) -> BaseResponse:
    """The form with what was typed."""
    db, platform = context.session(), context.platform()
    version = case.catalogue_version_id
    conditions = platform.host.conditions(db, version) if version is not None else []
    label = "label" if page_language() == "zh" else "label_en"
    groups: dict[str, list[tuple[str, str]]] = {}
    for each in conditions:
        kind, code, _number = each["value"].split("/")
        groups.setdefault(f"{word('kind', kind)} {code[:2]}", []).append((each["value"], each[label]))
    values = {
        "case": summarise(platform, case, context.now()), "description": case.description, "parts": range(PARTS),
        "groups": groups.items(), "sent": request.form, "refusal": refusal,
        "errors": errors or {}, "key": request.form.get("key") or uuid4().hex,
    }  # fmt: skip
    return render("case_split.html", refusal.status if refusal else 200, **values)


def recurring() -> BaseResponse:
    """Problems that keep coming back: a list and a map."""
    require_permission("recurring.read", "see recurring problems")
    return render("recurring.html", places=found_places(), kind=request.args.get("kind", ""))


def found_places() -> list[RecurringPlace]:
    """The places, narrowed as the query says."""
    kind = request.args.get("kind", "")
    return recurring_places(
        context.session(), context.platform(), actor(), context.now(),
        kind=kind if kind in ("component", "event") else None, limit=LISTED,
    )  # fmt: skip


def recurring_map() -> BaseResponse:
    """The places as GeoJSON, as the map draws cases."""
    require_permission("recurring.read", "see recurring problems")
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [place.lon, place.lat]},
            "properties": {
                "number": place.cases[0].number, "title": case_title(place),
                "light": "red" if place.open_now else "none", "urgent": place.amount >= 5,
                "state": _("%(days)s 天内 %(amount)s 次", days=place.days, amount=place.amount),
                "stage": word("status", place.cases[0].status), "left": local_moment(place.last_at),
                "address": place.address, "url": url_for("pages.one_case", number=place.cases[0].number),
            },
        }
        for place in found_places()
    ]  # fmt: skip
    return Response(dumps({"type": "FeatureCollection", "features": features}), content_type=GEOJSON)


ROUTES = (
    ("/cases/<string:number>/beside/<string:other>", compare, ("GET",)),
    ("/cases/<string:number>/beside", link_typed, ("GET",)),
    ("/cases/<string:number>/beside/<string:other>", join, ("POST",)),
    ("/cases/<string:number>/unmerge", unmerge, ("POST",)),
    ("/cases/<string:number>/unlink/<string:other>", unlink, ("POST",)),
    ("/cases/<string:number>/split", split, ("GET", "POST")),
    ("/recurring", recurring, ("GET",)),
    ("/recurring.geojson", recurring_map, ("GET",)),
)
