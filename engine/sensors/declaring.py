"""What core, plugins and city declare of devices: ``sensors/kinds.toml``, ``rules.toml`` and ``fences.geojson``.

Kinds and rules merge by key: plugins add, the city replaces by the same key. Fences merge by code. Every fault is
gathered with its file, key and remedy, for ``wangge check``; loading refuses a city that has one.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from engine.city import City
from engine.errors import Invalid
from engine.ground.datums import WGS84, system_named
from engine.layers import Found
from engine.sensors.fences import LINES, MOST_MARGIN_M, MOST_WIDTH_M, Fence, geometry_fault
from engine.sensors.kinds import TEXT, TRUTH, TYPES, Field, Kind, Position
from engine.sensors.paths import read_many_path, read_path
from engine.sensors.rules import (
    BACK_CANCEL,
    BACK_NONE,
    BACK_NOTE,
    MERGE_CLASS,
    MERGE_DEVICE,
    MERGE_NONE,
    NAMES,
    ON_READING,
    ON_SILENCE,
    PER_DEVICE,
    PER_PLACE,
    SEVERITIES,
    TEXT_NAMES,
    CaseOrder,
    Rule,
)  # fmt: skip
from engine.sensors.toml_tables import Fault, Table
from engine.sensors.topics import topic_fault
from engine.sensors.windows import Window, read_window
from engine.workflow.expressions import (
    Expression,
    ExpressionError,
    Functions,
    Template,
    compile_expression,
    parse_template,
)

KINDS, RULES, FENCES = "sensors/kinds.toml", "sensors/rules.toml", "sensors/fences.geojson"
DAY_S, YEAR_MIN = 86_400.0, 525_600.0
LAYERS = ("division", "duty_grid", "unit_grid")
FENCE_KEYS = frozenset(
    {"code", "name", "name_en", "group", "kinds", "devices", "width_m", "margin_m", "confirm", "windows", "layer"}
)


@dataclass
class Declared:
    """What the files say. Fences whose area is one of the ground's layers have their geometry still to come."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    fences: dict[str, tuple[Fence, str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    rule_files: dict[str, tuple[str, str]] = field(default_factory=dict)
    """File and layer of each rule, for later faults."""
    fence_layers: dict[str, str] = field(default_factory=dict)
    """The lowest layer that has each fence."""


def read_declared(city: City, functions: Functions) -> Declared:
    """Read every layer's files. Never raises: what is wrong is in ``faults``."""
    declared = Declared()
    for table in _merged(city, KINDS, "kind", declared.faults):
        kind = _read_kind(table, city)
        declared.kinds[kind.code] = kind
    _refuse_shared_topics(declared)
    for table in _merged(city, RULES, "rule", declared.faults):
        if table.truth("enabled", True):
            rule = _read_rule(table, declared, functions)
            declared.rules[rule.code] = rule
            declared.rule_files[rule.code] = table.file, table.layer
    for found in city.layers.all_of(FENCES):
        _read_fences(found, declared)
    return declared


def _merged(city: City, logical: str, word: str, faults: list[Fault]) -> Iterator[Table]:
    """The tables ``[word.code]`` of all layers, the highest of each code."""
    winners: dict[str, Table] = {}
    for found in city.layers.all_of(logical):
        layer = found.layer.name
        try:
            content = tomllib.loads(found.read())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(Fault(logical, layer, "file", f"cannot be read: {error}", "correct it; it is TOML in UTF-8"))
            continue
        for key in content.keys() - {word}:
            faults.append(Fault(logical, layer, key, "there is no such table", f"write [{word}.<code>]"))
        tables = content.get(word, {})
        if not isinstance(tables, dict):
            faults.append(Fault(logical, layer, word, "is no table", f"write [{word}.<code>]"))
            continue
        for code, values in tables.items():
            element = f"{word}.{code}"
            if not isinstance(values, dict) or not code.replace(".", "_").replace("-", "_").isidentifier():
                faults.append(Fault(logical, layer, element, "is no table of a code", f"write [{word}.<code>]"))
                continue
            other = winners.get(code)
            if other is not None and other.layer.startswith("plugin") and layer.startswith("plugin"):
                message = f"{other.layer} declares it, too"
                faults.append(Fault(logical, layer, element, message, "rename one: plugins only add"))
                continue
            winners[code] = Table(values, element, logical, layer, faults)
    yield from winners.values()


def _code_of(table: Table) -> str:
    return table.element.split(".", 1)[1]


# Kinds ----------------------------------------------------------------------------------------------------------


def _read_kind(table: Table, city: City) -> Kind:
    interval = table.number("interval_s", 60.0, least=0.1, most=30 * DAY_S)
    topic = table.text("topic")
    if topic and (fault := topic_fault(topic)):
        table.fault("topic", fault, "write it as in wangge/dust/{device}/up")
    kind = Kind(
        code=_code_of(table), name=table.text("name", None), name_en=table.text("name_en"),
        fields={each.key: each for each in _read_fields(table)}, interval_s=interval,
        silent_after_s=table.number("silent_after_s", max(3 * interval, 60.0), least=1, most=365 * DAY_S),
        zone=city.time_zone, mobile=table.truth("mobile"), topic=topic, batch=table.read("batch", read_many_path),
        time=table.read("time", read_path), time_format=table.text("time_format", "iso"),
        sequence=table.read("sequence", read_path), position=_read_position(table),
        token=table.read("token", read_path),
        keep_days=int(table.number("keep_days", 30, least=1, most=3_660)),
        keep_hours_days=int(table.number("keep_hours_days", 730, least=1, most=36_600)),
        track_tolerance_m=table.number("track_tolerance_m", 10.0, least=0, most=1_000),
    )  # fmt: skip
    if kind.time_format not in ("iso", "unix", "unix_ms") and "%" not in kind.time_format:
        table.fault("time_format", f"{kind.time_format!r} is unknown", "write iso, unix, unix_ms or as in %Y%m%d%H%M%S")
    if not kind.fields and kind.position is None:
        table.fault("", "it has neither fields nor a position", "add [kind.<code>.fields.<field>] or position")
    table.end()
    return kind


def _read_fields(table: Table) -> Iterator[Field]:
    fields = table.table("fields")
    for key in fields.values if fields is not None else ():
        each = fields.table(key) if fields is not None else None
        if each is None or not key.isidentifier():
            table.fault(f"fields.{key}", "is no table of a word", "write [kind.<code>.fields.<field>]")
            continue
        type_ = each.text("type", "number", among=TYPES)
        low, high = each.real("min"), each.real("max")
        if type_ in (TEXT, TRUTH) and (low is not None or high is not None):
            each.fault("min", f"a {type_} has no range", "take min and max out")
        if low is not None and high is not None and low > high:
            each.fault("min", f"{low:g} is above max {high:g}", "exchange them")
        scale = each.real("scale")
        words = each.table("words")
        yield Field(
            key, each.text("name", None), each.text("name_en"), each.text("unit"), type_,
            each.read("path", read_path) or read_path(f"$['{key}']"), low, high, 1.0 if scale is None else scale,
            each.real("offset") or 0.0, each.truth("required"), dict(words.values) if words is not None else None,
        )  # fmt: skip
        each.end()


def _read_position(table: Table) -> Position | None:
    position = table.table("position")
    if position is None:
        return None
    lon, lat = position.read("lon", read_path, needed=True), position.read("lat", read_path, needed=True)
    system = WGS84
    name = position.text("system", "WGS-84")
    try:
        system = system_named(name)
        if not system.degrees:
            raise Invalid(f"{name} is measured in metres; name a system in degrees")
    except Invalid as error:
        message, _, remedy = error.message.rpartition("; ")
        position.fault("system", message or error.message, remedy or "name a system in degrees")
    position.end()
    return Position(lon, lat, system) if lon is not None and lat is not None else None


def _refuse_shared_topics(declared: Declared) -> None:
    seen: dict[str, str] = {}
    for kind in declared.kinds.values():
        if kind.topic and (other := seen.setdefault(kind.topic, kind.code)) != kind.code:
            declared.faults.append(
                Fault(KINDS, "", f"kind.{kind.code}.topic", f"{other} has the same topic", "give each kind its own")
            )


# Rules ----------------------------------------------------------------------------------------------------------


def _read_rule(table: Table, declared: Declared, functions: Functions) -> Rule:
    kinds = table.texts("kinds")
    for kind in kinds:
        if kind not in declared.kinds:
            table.fault("kinds", f"there is no kind {kind}", f"use one of {', '.join(declared.kinds) or 'none'}")
    if not kinds:
        table.fault("kinds", "it is for no kind", "name the kinds of devices it looks at")
    on = table.text("on", ON_READING, among=(ON_READING, ON_SILENCE))
    when = _expression(table, "when", functions, NAMES)
    clear = _expression(table, "clear", functions, NAMES)
    if on == ON_READING and "when" not in table.values:
        table.fault("when", "it is missing", 'write the condition, as in when = "reading.pm10 > 150"')
    for key, each in (("when", when), ("clear", clear)):
        _refuse_unknown_fields(table, key, each.paths if each is not None else (), kinds, declared)

    def minutes(key: str) -> timedelta:
        return timedelta(minutes=table.number(key, 0, least=0, most=YEAR_MIN))

    rule = Rule(
        code=_code_of(table), name=table.text("name", None), name_en=table.text("name_en"), kinds=frozenset(kinds),
        on=on, when=when, clear=clear, lasting=minutes("for_min"), clear_lasting=minutes("clear_for_min"),
        severity=table.text("severity", "minor", among=SEVERITIES),
        per=table.text("per", PER_DEVICE, among=(PER_DEVICE, PER_PLACE)),
        place_m=table.number("place_m", 100.0, least=1, most=10_000), hold_off=minutes("hold_off_min"),
        merge=table.text("merge", MERGE_CLASS, among=(MERGE_CLASS, MERGE_DEVICE, MERGE_NONE)),
        back=table.text("back", BACK_NOTE, among=(BACK_NOTE, BACK_CANCEL, BACK_NONE)),
        case=_read_case(table, kinds, declared, functions),
    )  # fmt: skip
    table.end()
    return rule


def _read_case(table: Table, kinds: tuple[str, ...], declared: Declared, functions: Functions) -> CaseOrder | None:
    case = table.table("case")
    if case is None:
        return None
    title = _template(case, "title", functions) or parse_template("")
    text = _template(case, "text", functions)
    if text is None and "text" not in case.values:
        case.fault("text", "it is missing", 'say what is wrong, as in text = "PM10 ${reading.pm10} µg/m³"')
    for key, each in (("title", title), ("text", text)):
        _refuse_unknown_fields(case, key, each.paths if each is not None else (), kinds, declared)
    decide = case.text("decide")
    number = case.number("condition_no", 0, least=0, most=99)
    order = CaseOrder(
        kind=case.text("kind", "event" if decide else None, among=("event", "component")),
        full_code=case.text("full_code", "" if decide else None), condition_no=int(number) or None,
        urgent=case.truth("urgent"), title=title, text=text or parse_template(""), decide=decide,
    )  # fmt: skip
    case.end()
    return order


def _expression(table: Table, key: str, functions: Functions, known: frozenset[str]) -> Expression | None:
    text = table.text(key)
    if not text:
        return None
    try:
        found = compile_expression(text, functions)
    except ExpressionError as error:
        table.fault(key, error.message, error.remedy, str(error))
        return None
    _refuse_names(table, key, found.names, known)
    return found


def _template(table: Table, key: str, functions: Functions) -> Template | None:
    text = table.text(key)
    if not text:
        return None
    try:
        found = parse_template(text, functions)
    except ExpressionError as error:
        table.fault(key, error.message, error.remedy, str(error))
        return None
    _refuse_names(table, key, found.names, TEXT_NAMES)
    return found


def _refuse_names(table: Table, key: str, names: frozenset[str], known: frozenset[str]) -> None:
    for name in sorted(names - known):
        table.fault(key, f"there is no variable {name}", f"use one of {', '.join(sorted(known))}")


def _refuse_unknown_fields(table: Table, key: str, paths: Any, kinds: tuple[str, ...], declared: Declared) -> None:
    """``reading.x`` must be a field of every kind the rule looks at."""
    for path in sorted(paths):
        name, _, rest = path.partition(".")
        field_ = rest.split(".")[0].split("[")[0]
        for kind in kinds if name == "reading" and field_ else ():
            known = declared.kinds.get(kind)
            if known is not None and field_ not in known.fields:
                table.fault(key, f"kind {kind} has no field {field_}", f"it has {', '.join(known.fields) or 'none'}")


# Fences ---------------------------------------------------------------------------------------------------------


def _read_fences(found: Found, declared: Declared) -> None:
    layer = found.layer.name
    try:
        collection = json.loads(found.read())
        features = collection["features"]
        if not isinstance(features, list):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        declared.faults.append(
            Fault(FENCES, layer, "file", "is no GeoJSON FeatureCollection", "export it again as one")
        )
        return
    seen: set[str] = set()
    for number, feature in enumerate(features, 1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(properties, dict):
            message = "is no GeoJSON feature with properties"
            declared.faults.append(Fault(FENCES, layer, f"feature {number}", message, "export the file again"))
            continue
        code = str(properties.get("code") or "")
        fence, area = read_fence(properties, feature.get("geometry"), declared, layer, f"feature {number}")
        if code and code in seen:
            declared.faults.append(Fault(FENCES, layer, code, "the code stands twice", "give one another code"))
        seen.add(code)
        other = declared.fence_layers.setdefault(code, layer)
        if other != layer and layer.startswith("plugin"):
            message = f"{other} declares it, too"
            declared.faults.append(Fault(FENCES, layer, code, message, "rename one: plugins only add"))
            continue
        if fence is not None:
            declared.fences[code] = fence, area


def read_fence(
    properties: Mapping[str, Any], geometry: Any, declared: Declared, layer: str = "", element: str = "fence"
) -> tuple[Fence | None, str]:
    """A fence of its properties and geometry, and the area of the ground it takes its shape from, as ``division/99…``.

    What is wrong goes to ``declared.faults``.
    """
    values = {key: value for key, value in properties.items() if value is not None}
    table = Table(values, str(values.get("code") or element), FENCES, layer, declared.faults)
    before = len(declared.faults)
    code, area = table.text("code", None), table.text("layer")
    line = isinstance(geometry, Mapping) and geometry.get("type") in LINES
    if area:
        if area.partition("/")[0] not in LAYERS or not area.partition("/")[2]:
            table.fault("layer", f"{area!r} is no area of the ground", "write it as in division/990101001")
        elif geometry is not None:
            table.fault("layer", "it has a geometry, too", "take one of both out")
    elif fault := geometry_fault(geometry):
        table.fault("geometry", fault, "draw it again")
    kinds = table.texts("kinds")
    for kind in kinds:
        if kind not in declared.kinds:
            table.fault("kinds", f"there is no kind {kind}", f"use one of {', '.join(declared.kinds) or 'none'}")
    fence = Fence(
        code=code, name=table.text("name", None), name_en=table.text("name_en"), geometry=geometry or {},
        group=table.text("group"), kinds=frozenset(kinds), devices=frozenset(table.texts("devices")),
        width_m=table.number("width_m", None if line else 0.0, least=1.0 if line else 0.0, most=MOST_WIDTH_M),
        margin_m=table.number("margin_m", 10.0, least=0, most=MOST_MARGIN_M),
        confirm=int(table.number("confirm", 1, least=1, most=100)), windows=tuple(_read_windows(table)),
    )  # fmt: skip
    table.end()
    return (None if len(declared.faults) > before else fence), area


def _read_windows(table: Table) -> Iterator[Window]:
    for text in table.texts("windows"):
        try:
            yield read_window(text)
        except ValueError as error:
            message, _, remedy = str(error).rpartition("; ")
            table.fault("windows", message, remedy)
