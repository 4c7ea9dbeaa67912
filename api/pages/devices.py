"""Devices: which there are, what they say, which are silent, what became of alarms; and alarms on a case's page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from api import context
from api.pages.charts import Chart, draw
from api.pages.frame import actor, back_to, render
from api.pages.languages import _, noop
from api.pages.words import named
from engine.cases.access import require
from engine.errors import Invalid
from engine.models import Case, SensorAlarm, SensorDevice, SensorState
from engine.sensors.devices import MANAGE, READ, change_device, find_device, list_devices
from engine.sensors.kinds import Field, Kind
from engine.sensors.reading_messages import STATES
from engine.sensors.rules import Rule
from engine.sensors.sensing import Sensing, sensing_of
from engine.sensors.telling import Point, list_alarms, list_crossings, sensor_health, series

ROWS = 50
SPANS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=31)}
SPAN_NAMES = {"day": noop("一天"), "week": noop("一周"), "month": noop("一个月")}
STATE_NAMES = {"active": noop("在用"), "paused": noop("暂停报警"), "retired": noop("停用")}
SEVERITIES = {"notice": noop("提示"), "minor": noop("一般"), "major": noop("重要"), "critical": noop("紧急")}
OUTCOMES = {
    "waiting": noop("待立案"), "case": noop("已成案"), "merged": noop("并入在办案件"), "held": noop("抑制期内"),
    "noted": noop("仅记录"), "unfiled": noop("未能成案"),
}  # fmt: skip
CROSSINGS = {"enter": noop("进入"), "leave": noop("离开")}


@dataclass(frozen=True)
class Row:
    """A device in the list."""

    device: SensorDevice
    state: SensorState | None
    kind: Kind | None
    values: tuple[tuple[str, str], ...]
    open_alarms: int


@dataclass(frozen=True)
class AlarmTold:
    """An alarm in the reader's language, with its chart."""

    alarm: SensorAlarm
    device: SensorDevice
    case: str | None
    rule: Rule | None
    values: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]


def sensing() -> Sensing:
    """The city's kinds, rules and fences."""
    return sensing_of(context.session(), context.platform())


def devices() -> BaseResponse:
    """The list of devices, with what is not well on top."""
    require(actor(), READ, "read devices")
    db, known = context.session(), sensing()
    asked = {name: request.args.get(name, "").strip() for name in ("kind", "state", "q", "silent", "after")}
    state = asked["state"] if asked["state"] in STATES else None
    found = list_devices(
        db, kind=asked["kind"] or None, state=state, text=asked["q"], silent=True if asked["silent"] else None,
        after=asked["after"], most=ROWS + 1,
    )  # fmt: skip
    shown = found[:ROWS]
    open_ones = open_alarms(device.id for device, _state in shown)
    rows = [
        Row(
            device, said, known.kinds.get(device.kind),
            values_told(known.kinds.get(device.kind), said.values if said is not None else {}),
            open_ones.get(device.id, 0),
        )
        for device, said in shown
    ]  # fmt: skip
    unfiled = list_alarms(db, outcome="unfiled", most=10)
    return render(
        "devices.html", rows=rows, asked=asked, kinds=known.kinds, states=STATE_NAMES,
        health=sensor_health(db, context.now(), known.lost), rules=known.rules, unfiled=unfiled,
        more=shown[-1][0].code if len(found) > ROWS else "",
    )  # fmt: skip


def open_alarms(device_ids: Iterable[int]) -> dict[int, int]:
    """Open alarms by device."""
    found: dict[int, int] = {}
    for device_id in device_ids:
        count = len(list_alarms(context.session(), device_id=device_id, open_only=True, most=20))
        if count:
            found[device_id] = count
    return found


def one_device(code: str) -> BaseResponse:
    """One device: its values over time, its place, its alarms and their cases."""
    require(actor(), READ, "read devices")
    db, known = context.session(), sensing()
    device = find_device(db, code)
    said, kind = db.get(SensorState, device.id), known.kinds.get(device.kind)
    span = request.args.get("span", "day")
    span = span if span in SPANS else "day"
    field = chosen_field(kind, request.args.get("field", ""))
    alarms = [told(each, known) for each in list_alarms(db, device_id=device.id, most=20)]
    return render(
        "device.html", device=device, heard=said, kind=kind, span=span, spans=SPAN_NAMES, field=field,
        fields=charted(kind),
        values=values_told(kind, said.values if said is not None else {}), chart=chart_of(device, field, span),
        alarms=alarms, severities=SEVERITIES, outcomes=OUTCOMES, states=STATE_NAMES, may_change=actor().may(MANAGE),
        crossings=list_crossings(db, device.id, most=20), crossing_names=CROSSINGS, fences=known.fences.by_code,
        inside=[code for code, where in said.fences.items() if where.get("inside")] if said is not None else [],
        rules=[rule for rule in known.rules.values() if device.kind in rule.kinds],
        faults={rule: at["fault"] for rule, at in said.rules.items() if at.get("fault")} if said is not None else {},
    )  # fmt: skip


def change_state(code: str) -> BaseResponse:
    """Let a device be paused, retired or active again."""
    require(actor(), MANAGE, "change devices")
    state = request.form.get("state", "")
    if state not in STATES:
        raise Invalid(f"state {state!r} is unknown; use one of {', '.join(STATES)}", field="state")
    change_device(context.session(), sensing().kinds, code, {"state": state}, context.now())
    return back_to("pages.one_device", code=code, said=_("设备状态已改为：%(state)s", state=_(STATE_NAMES[state])))


def chosen_field(kind: Kind | None, asked: str) -> Field | None:
    """The field asked for, else the first number."""
    numbers = charted(kind)
    return next((each for each in numbers if each.key == asked), numbers[0] if numbers else None)


def charted(kind: Kind | None) -> list[Field]:
    """The fields a chart can show."""
    return [each for each in kind.fields.values() if each.type in ("number", "whole")] if kind is not None else []


def chart_of(device: SensorDevice, field: Field | None, span: str) -> Chart | None:
    """A field over a span."""
    if field is None:
        return None
    until = context.now() + timedelta(seconds=1)
    points = series(context.session(), device.id, field.key, until - SPANS[span], until)
    zone = context.platform().city.time_zone
    return draw(named(field), field.unit, [sample for each in points if (sample := sample_of(each))], zone)


def sample_of(point: Point) -> tuple[datetime, float, float, float] | None:
    """A point as the chart takes it."""
    if isinstance(point.value, str):
        return None
    return point.at, float(point.value), float(point.least), float(point.most)


def values_told(kind: Kind | None, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Values with name and unit, in the order of the kind."""
    found = []
    for key, field in kind.fields.items() if kind is not None else ():
        if key in values:
            value = values[key]
            said = (_("是") if value else _("否")) if isinstance(value, bool) else f"{value} {field.unit}".strip()
            found.append((named(field) or key, said))
    return tuple(found)


def told(row: tuple[SensorAlarm, SensorDevice, str | None], known: Sensing) -> AlarmTold:
    """An alarm with its chart."""
    alarm, device, case = row
    rule, kind = known.rules.get(alarm.rule), known.kinds.get(device.kind)
    values = values_told(kind, alarm.facts.get("reading", {}))
    return AlarmTold(alarm, device, case, rule, values, tuple(charts_of(alarm, rule, kind)))


def charts_of(alarm: SensorAlarm, rule: Rule | None, kind: Kind | None) -> Iterable[Chart]:
    """What led to an alarm: the fields its rule asks for, two at most."""
    paths = rule.when.paths if rule is not None and rule.when is not None else ()
    asked = {path.split(".")[1] for path in paths if path.startswith("reading.")}
    zone = context.platform().city.time_zone
    for key in [key for key in (kind.fields if kind is not None else ()) if key in asked][:2]:
        field = kind.fields[key] if kind is not None else None
        samples = [
            (alarm.raised_at + timedelta(seconds=seconds), float(values[key]), float(values[key]), float(values[key]))
            for seconds, values in alarm.readings
            if isinstance(values.get(key), bool | int | float)
        ]
        chart = draw(named(field) or key, field.unit if field else "", samples, zone, mark=alarm.began_at)
        if chart is not None:
            yield chart


def alarms_of_case(case: Case) -> Sequence[AlarmTold]:
    """The alarms behind a case, for its page; the names of rules as they are now."""
    if case.source != "iot" and not list_alarms(context.session(), case_id=case.id, most=1):
        return []
    known = sensing()
    return [told(row, known) for row in list_alarms(context.session(), case_id=case.id, most=10)]


ROUTES = (
    ("/devices", devices, ("GET",)),
    ("/devices/<string:code>", one_device, ("GET",)),
    ("/devices/<string:code>/state", change_state, ("POST",)),
)
