"""All cases one may see: search, filters, pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor, is_fragment, render
from api.pages.words import SOURCES, STAGES, STATUSES
from engine.cases.access import visible
from engine.cases.listing import ORDERS, CaseFilter, in_matter, list_cases
from engine.cases.views import summarise
from engine.models import Case

PAGE = 30
NAMES = ("q", "status", "stage", "matter", "source", "department", "overdue", "urgent", "sort")


def all_cases() -> BaseResponse:
    """One page of cases."""
    asked: dict[str, Any] = {name: request.args[name].strip() for name in NAMES if request.args.get(name, "").strip()}
    sort = asked.get("sort", "-reported_at")
    moment, directory = context.now(), context.platform().host.directory
    found = list_cases(
        context.session(), actor(), directory, read_filter(asked), moment,
        sort=sort if sort in ORDERS else "-reported_at", limit=PAGE, cursor=request.args.get("cursor") or None,
    )  # fmt: skip
    values: dict[str, Any] = {
        "rows": [summarise(context.platform(), case, moment) for case in found.rows],
        "following": url_for("pages.all_cases", **asked, cursor=found.next_cursor) if found.next_cursor else "",
        "first": not request.args.get("cursor"),
        "asked": asked,
        "counts": status_counts(asked.get("matter")),
        "statuses": STATUSES,
        "stage_names": STAGES,
        "sources": SOURCES,
        "departments": directory.handling(),
        "matters": list(context.platform().host.matters.values()),
    }
    return render("parts/case_list.html" if is_fragment() else "cases.html", **values)


def read_filter(asked: Mapping[str, str]) -> CaseFilter:
    """The filter a query string describes; words it does not know narrow to nothing rather than to everything."""
    return CaseFilter(
        status=(asked["status"],) if "status" in asked else (),
        stage=(asked["stage"],) if "stage" in asked else (),
        source=(asked["source"],) if "source" in asked else (),
        department=asked.get("department"),
        matter=asked.get("matter"),
        overdue=True if "overdue" in asked else None,
        urgent=True if "urgent" in asked else None,
        q=asked.get("q"),
    )


def status_counts(matter: str | None = None) -> dict[str, int]:
    """How many cases one sees in every status, of a matter or of all."""
    query = select(Case.status, func.count()).where(visible(actor(), context.platform().host.directory))
    if matter is not None:
        query = query.where(in_matter(matter))
    found = dict(context.session().execute(query.group_by(Case.status)).all())
    return {status: found[status] for status in STATUSES if status in found}


ROUTES = (("/cases", all_cases, ("GET",)),)
