"""The map: the city's own base map under the cases one may see. Without scripts the same cases are a list."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Response, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.cases import read_filter
from api.pages.frame import actor, render
from api.pages.languages import page_language
from api.pages.map_layers import GEOJSON, layers_shown
from api.pages.words import STAGES, case_title, doubt, local_moment, time_left, word
from engine.cases.listing import NO_MATTER, list_cases
from engine.cases.views import CaseSummary, summarise
from engine.database import dumps
from engine.models import Division

MOST = 3000
LISTED = 40
NAMES = ("stage", "matter", "overdue", "urgent", "q")


def city_map() -> BaseResponse:
    """The map with the most urgent open cases beside it."""
    asked = asked_for()
    rows = open_cases(LISTED)
    return render("map.html", rows=rows, asked=asked, stage_names=STAGES, most=MOST, layers=layers_shown())


def asked_for() -> dict[str, str]:
    """The filters of the query string that are set."""
    return {name: request.args[name].strip() for name in NAMES if request.args.get(name, "").strip()}


def open_cases(most: int) -> list[CaseSummary]:
    """Cases of the street that go on, the most urgent first, as the filters ask; matters where one is asked for."""
    asked = asked_for()
    wanted = read_filter(asked)
    wanted = replace(wanted, status=("reported", "filed", "dispatched", "suspended"), matter=wanted.matter or NO_MATTER)
    moment, platform = context.now(), context.platform()
    page = list_cases(context.session(), actor(), platform.host.directory, wanted, moment, sort="due_at", limit=most)
    return [summarise(platform, case, moment) for case in page.rows]


def map_cases() -> BaseResponse:
    """The cases as GeoJSON, with what the map shows of each in the reader's language."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [row.lon, row.lat]},
            "properties": {
                "number": row.number, "title": case_title(row), "doubt": doubt(row),
                "light": row.light or "none", "urgent": row.urgent,
                "state": word("light", row.light) if row.light else word("status", row.status),
                "stage": word("stage", row.stage) or word("status", row.status), "left": time_left(row.due_at),
                "reported": local_moment(row.reported_at), "address": row.address,
                "url": url_for("pages.one_case", number=row.number),
            },
        }
        for row in open_cases(MOST)
        if row.lon is not None and row.lat is not None
    ]  # fmt: skip
    return Response(dumps({"type": "FeatureCollection", "features": features}), content_type=GEOJSON)


def base_map() -> BaseResponse:
    """The city's base map; a city without one gets its divisions."""
    path = context.platform().city.root / "ground" / "base_map.geojson"
    if path.is_file():
        packed, mark = packed_file(path, path.stat().st_mtime_ns)
    else:
        packed, mark = pack(dumps(divisions_map()).encode())
    response = Response(content_type=GEOJSON)
    if request.accept_encodings["gzip"]:
        response.set_data(packed)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_data(gzip.decompress(packed))
    response.vary.add("Accept-Encoding")
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(mark)
    return response.make_conditional(request.environ)


@lru_cache(maxsize=4)
def packed_file(path: Path, stamp_ns: int) -> tuple[bytes, str]:
    """A file compressed once for as long as it does not change (``stamp_ns``)."""
    return pack(path.read_bytes())


def pack(content: bytes) -> tuple[bytes, str]:
    """Compressed content and a mark of it."""
    return gzip.compress(content, 6), hashlib.sha256(content).hexdigest()[:16]


def divisions_map() -> dict[str, Any]:
    """The borders of the city's divisions as a base map."""
    rows = context.session().execute(select(Division.name, Division.name_en, Division.geometry))
    features = [
        {
            "type": "Feature",
            "properties": {"kind": "boundary", "name": name if page_language() == "zh" else name_en},
            "geometry": json.loads(geometry),
        }
        for name, name_en, geometry in rows
    ]
    return {"type": "FeatureCollection", "features": features}


ROUTES = (
    ("/map", city_map, ("GET",)),
    ("/map/cases.geojson", map_cases, ("GET",)),
    ("/map/base.geojson", base_map, ("GET",)),
)
