"""The figures of departments on a page: a table an indicator, every value with its fraction and what is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, render
from api.pages.languages import _, noop, page_language
from api.pages.refusals import Refusal, refusal_of
from api.resources.indicators import bounds, whole_days
from engine.errors import Invalid
from engine.hooks.contributions import Indicator
from engine.hooks.measuring import SHARE, Figure, Reading, measure
from engine.hooks.scorecards import Scorecard, load_scorecards, score

UNITS = {
    each: each for each in (noop("件"), noop("元"), noop("平方米"), noop("立方米"), noop("吨"), noop("天"), noop("辆"))
}
"""Units that are words; others are written as they are."""
SHOWN = 60
"""Numbers shown behind a figure; the rest is counted."""


def indicators() -> BaseResponse:
    """Every indicator one may see, for a period of whole days."""
    refusal: Refusal | None = None
    asked = {name: request.args.get(name, "").strip() for name in ("from", "to", "plugin")}
    try:
        first, last = whole_days(read_day(asked["from"]), read_day(asked["to"]), context.now())
    except Invalid as error:
        context.session().rollback()
        refusal, _errors = refusal_of(error)
        first, last = whole_days(None, None, context.now())
    readings = measure(context.session(), context.platform(), actor(), *bounds(first, last))
    english = page_language() == "en"
    titles = {name: each.title_en if english else each.title for name, each in context.plugins().manifests.items()}
    groups: dict[str, list[dict[str, Any]]] = {}
    for reading in readings:
        if asked["plugin"] in ("", reading.plugin):
            groups.setdefault(reading.plugin, []).append(view(reading))
    cards = load_scorecards(context.platform().city.layers)
    known = {each.identity: each for each in readings}
    scorecards = [
        {"name": card.called(page_language()), "weights": weights(card, known), "rows": rows}
        for card in cards.values()
        if asked["plugin"] == "" and (rows := score_rows(card, readings))
    ]
    return render(
        "indicators.html", scorecards=scorecards, groups=groups, titles=titles, first=first, last=last, asked=asked,
        refusal=refusal,
        plugins=list(dict.fromkeys(each.plugin for each in readings)),
    )  # fmt: skip


def read_day(text: str) -> date | None:
    """A day of the address; none when it is left out."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is no day; write it as 2026-10-31", field="from") from error


def weights(card: Scorecard, known: Mapping[str, Reading]) -> list[str]:
    """What counts how much, in words."""
    found = []
    for part in card.parts:
        reading = known.get(part.indicator)
        name = indicator_name(reading.indicator) if reading is not None else part.indicator
        less = _("（越低越好）") if part.lower_is_better else ""
        found.append(f"{name}{less} {card.share(part):.0f} %")
    return found


def score_rows(card: Scorecard, readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """The scores of a card, best first; equal scores share a rank."""
    scores = score(card, readings)
    values = [round(each.value, 1) for each in scores]
    return [
        {
            "rank": values.index(value) + 1,
            "object": object_name(each.object),
            "value": f"{value:.1f}",
            "width": round(value),
        }
        for each, value in zip(scores, values, strict=True)
    ]


def indicator_name(indicator: Indicator) -> str:
    """An indicator's name in the page's language."""
    return indicator.en[:1].upper() + indicator.en[1:] if page_language() == "en" else indicator.zh


def view(reading: Reading) -> dict[str, Any]:
    """An indicator as the page shows it."""
    indicator = reading.indicator
    return {
        "name": indicator_name(indicator),
        "failure": reading.failure, "figures": [row(each, indicator.unit) for each in reading.figures],
    }  # fmt: skip


def row(figure: Figure, unit: str) -> dict[str, Any]:
    """A value with its fraction and the first of what is behind it."""
    shown = [
        {"key": key, "url": url_for("pages.one_case", number=key) if key in figure.cases else ""}
        for key in figure.behind[:SHOWN]
    ]
    return {
        "object": object_name(figure.object), "value": written(figure.value, unit), "share": unit == SHARE,
        "numerator": plain(figure.numerator), "denominator": plain(figure.denominator), "behind": shown,
        "more": max(0, len(figure.behind) - SHOWN), "parts": len(figure.behind),
        "width": min(100, max(0, round(figure.value or 0))) if unit == SHARE else None,
    }  # fmt: skip


def object_name(code: str) -> str:
    """A department's or the city's name, else what the plugin calls it."""
    city, directory = context.platform().city, context.platform().host.directory
    english = page_language() == "en"
    if code == city.id:
        return city.name_en if english else city.name
    unit = directory.units.get(code)
    if unit is not None:
        return unit.name_en if english else unit.name
    return code or _("全市")


def written(value: float | None, unit: str) -> str:
    """A value with its unit; a dash of nothing."""
    if value is None:
        return "—"
    if unit == SHARE:
        return f"{value:.1f} %"
    return f"{plain(value)} {_(UNITS[unit]) if unit in UNITS else unit}".strip()


def plain(value: float) -> str:
    """A number without needless decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


ROUTES = (("/indicators", indicators, ("GET",)),)
