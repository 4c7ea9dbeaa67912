"""Layers of the map beside the cases: those of plugins, and registers whose entries have a place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.frame import actor
from api.pages.languages import page_language
from api.pages.register_values import shown_value
from engine.cases.listing import read_bbox
from engine.database import dumps
from engine.errors import NotAllowed, NotFound
from engine.hooks.layers import features_in, find_layer, layers_for
from engine.models import RegisterEntry
from engine.registers.declaring import Register
from engine.registers.finding import Wanted, features_of, list_entries

GEOJSON = "application/geo+json"
REGISTER = "register."
PAGES_OF_ENTRIES = 10
COLOURS = ("#0b5cad", "#8a3ffc", "#1f7a5c", "#b3261e", "#9f5b00", "#00798c", "#a3195b", "#5a6b00")
LINES = 4
"""Values shown of an entry."""


def layers_shown() -> list[dict[str, str]]:
    """The layers one may see, plugins' first, each with its address and colour."""
    english = page_language() == "en"
    host = context.platform().host
    found = [(identity, layer.en if english else layer.zh) for identity, layer in layers_for(host.registry, actor())]
    found += [
        (f"{REGISTER}{each.name}", each.called(page_language()))
        for each in host.registers.values()
        if each.place and actor().may(each.read)
    ]
    return [
        {
            "id": identity, "name": name, "url": url_for("pages.map_layer", identity=identity),
            "colour": COLOURS[at % len(COLOURS)],
        }
        for at, (identity, name) in enumerate(found)
    ]  # fmt: skip


def map_layer(identity: str) -> BaseResponse:
    """What a layer has in the box ``bbox`` (west,south,east,north), as GeoJSON with a title, lines and an address."""
    box = read_bbox(request.args.get("bbox", ""))
    found = entries_in(identity, box) if identity.startswith(REGISTER) else plugin_features(identity, box)
    return Response(dumps(found), content_type=GEOJSON)


def entries_in(identity: str, box: tuple[float, float, float, float]) -> dict[str, Any]:
    """Entries of a register that lie in a view, most of them by key."""
    register = context.platform().host.registers.get(identity.removeprefix(REGISTER))
    if register is None or not register.place:
        raise NotFound(f"there is no layer {identity!r}")
    if not actor().may(register.read):
        raise NotAllowed(f"your posts do not allow {register.read}, which this layer asks for")
    rows: list[RegisterEntry] = []
    after = ""
    for _page in range(PAGES_OF_ENTRIES):
        more, after = list_entries(context.session(), register, Wanted(box=box), after=after, most=200)
        rows += more
        if not after:
            break
    features = [told(each, each["properties"], register) for each in features_of(rows, register)]
    return {"type": "FeatureCollection", "truncated": bool(after), "features": features}


def plugin_features(identity: str, box: tuple[float, float, float, float]) -> dict[str, Any]:
    """Features of a plugin's layer; those that name a register and key lead to its page."""
    layer = find_layer(context.platform().host.registry, identity)
    if layer is None:
        raise NotFound(f"there is no layer {identity!r}")
    if not actor().may(layer.permission):
        raise NotAllowed(f"your posts do not allow {layer.permission}, which this layer asks for")
    found = features_in(context.session(), layer, box)
    registers = context.platform().host.registers
    features = [
        told(
            each, dict(each.get("properties") or {}), registers.get((each.get("properties") or {}).get("register", ""))
        )
        for each in found["features"]
    ]
    return {**found, "features": features}


def told(feature: Mapping[str, Any], values: Mapping[str, Any], register: Register | None) -> dict[str, Any]:
    """A feature with what the map shows of it."""
    key = str(values.get("key") or "")
    number = str(values.get("number") or "")
    address = ""
    if register is not None and key:
        address = url_for("pages.register_entry", name=register.name, key=key)
    elif number:
        address = url_for("pages.one_case", number=number)
    properties = {
        "title": str(values.get("title") or values.get("name") or number or key), "url": address,
        "lines": list(lines_of(values, register)),
    }  # fmt: skip
    return {"type": "Feature", "geometry": feature["geometry"], "properties": properties}


def lines_of(values: Mapping[str, Any], register: Register | None) -> Iterable[str]:
    """The first values of an entry in words."""
    if register is None:
        return
    shown = 0
    for name, column in register.columns.items():
        value = values.get(name)
        if value in (None, "") or name in (register.key, register.title) or column.private:
            continue
        yield f"{column.title(page_language())}：{shown_value(column, value)}"
        shown += 1
        if shown == LINES:
            return


ROUTES = (("/map/layers/<identity>", map_layer, ("GET",)),)
