"""Devices, their readings and positions, their alarms; fences; what was refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, url_for
from flask.views import MethodView
from geojson import Feature, FeatureCollection, LineString

from api.auth import require_permission
from api.context import now, platform, session
from api.resources.blueprint import group
from api.resources.ground import GEOJSON, geojson
from api.schemas.sensors import (
    AlarmListSchema,
    AlarmQuery,
    AlarmSchema,
    DeviceChangeSchema,
    DeviceListSchema,
    DeviceQuery,
    DeviceSchema,
    FenceSchema,
    KeySchema,
    NewDeviceSchema,
    NewKeySchema,
    RefusedListSchema,
    RefusedQuery,
    ReplaySchema,
    SensorHealthSchema,
    SensorKindListSchema,
    SensorTakenSchema,
    SeriesQuery,
    SeriesSchema,
    SpanQuery,
)
from engine.errors import Invalid
from engine.models import Case, SensorAlarm, SensorDevice, SensorFence, SensorState
from engine.sensors.devices import MANAGE, READ, add_device, change_device, find_device, issue_key, list_devices
from engine.sensors.fence_changes import put_fence, remove_fence
from engine.sensors.filing import file_again
from engine.sensors.refusals import count_refused, list_refused
from engine.sensors.replaying import replay_refused
from engine.sensors.sensing import Sensing, sensing_of
from engine.sensors.telling import list_alarms, sensor_health, series, track

blueprint = group("sensors", "Devices that report by themselves. Coordinates are WGS-84 lon, lat.")
DAY = timedelta(days=1)


def sensing() -> Sensing:
    """The city's kinds, rules and fences."""
    return sensing_of(session(), platform())


@blueprint.route("/sensors")
class Devices(MethodView):
    """The register."""

    @blueprint.arguments(DeviceQuery, location="query")
    @blueprint.response(200, DeviceListSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Devices by code, each with what it said last. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        rows = list_devices(
            session(), kind=query["kind"], state=query["state"], department=query["department"], text=query["q"],
            silent=query["silent"], after=query["after"], most=query["limit"],
        )  # fmt: skip
        following = rows[-1][0].code if len(rows) == query["limit"] else None
        return {"devices": [device_view(device, state) for device, state in rows], "next": following}

    @blueprint.arguments(NewDeviceSchema)
    @blueprint.response(201, NewKeySchema)
    @blueprint.problems(403, 409, 422)
    def post(self, body: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Register a device. Its token is told this once. Needs `sensor.manage`."""
        require_permission(MANAGE, "register devices")
        device, token = add_device(session(), sensing().kinds, body, now())
        view = {**device_view(device, session().get(SensorState, device.id)), "token": token}
        return view, 201, {"Location": url_for("sensors.Device", code=device.code)}


@blueprint.route("/sensors/<string:code>")
class Device(MethodView):
    """One device."""

    @blueprint.response(200, DeviceSchema)
    @blueprint.problems(403, 404)
    def get(self, code: str) -> dict[str, Any]:
        """A device with what it said last. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        device = find_device(session(), code)
        return device_view(device, session().get(SensorState, device.id))

    @blueprint.arguments(DeviceChangeSchema)
    @blueprint.response(200, DeviceSchema)
    @blueprint.problems(403, 404, 422)
    def patch(self, body: dict[str, Any], code: str) -> dict[str, Any]:
        """Change what is named; `parameters` are replaced as a whole. Needs `sensor.manage`."""
        require_permission(MANAGE, "change devices")
        device = change_device(session(), sensing().kinds, code, body, now())
        return device_view(device, session().get(SensorState, device.id))


@blueprint.route("/sensors/<string:code>/key")
class Key(MethodView):
    """A device's key."""

    @blueprint.response(200, KeySchema)
    @blueprint.problems(403, 404)
    def put(self, code: str) -> dict[str, Any]:
        """Give a device a new token; the old one ends at once. Needs `sensor.manage`."""
        require_permission(MANAGE, "give devices keys")
        return {"code": code, "token": issue_key(session(), code, now())}


@blueprint.route("/sensors/<string:code>/series")
class Series(MethodView):
    """A field over time."""

    @blueprint.arguments(SeriesQuery, location="query")
    @blueprint.response(200, SeriesSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any], code: str) -> dict[str, Any]:
        """A field from `from` (default: a day before) `until`, at most 2,000 points. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        device = find_device(session(), code)
        kind = sensing().kinds.get(device.kind)
        field = kind.fields.get(query["field"]) if kind is not None else None
        if field is None:
            known = ", ".join(kind.fields) if kind is not None else "none"
            raise Invalid(f"device {code} has no field {query['field']}; it has {known}", field="field")
        until = query["until"] or now()
        points = series(session(), device.id, field.key, query["begin"] or until - DAY, until, hours=query["hours"])
        return {"device": code, "field": field.key, "unit": field.unit, "points": points}


@blueprint.route("/sensors/<string:code>/track")
class Track(MethodView):
    """Where a device was."""

    @blueprint.arguments(SpanQuery, location="query")
    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any], code: str) -> Response:
        """The way of a device as a line with `times`; older parts are simplified. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        device = find_device(session(), code)
        until = query["until"] or now()
        points = track(session(), device.id, query["begin"] or until - DAY, until)
        line = LineString([(lon, lat) for lon, lat, _ in points]) if len(points) > 1 else None
        times = [at.isoformat() for _, _, at in points]
        return geojson(FeatureCollection([Feature(id=code, geometry=line, properties={"times": times})]))


@blueprint.route("/sensors/alarms")
class Alarms(MethodView):
    """Alarms."""

    @blueprint.arguments(AlarmQuery, location="query")
    @blueprint.response(200, AlarmListSchema)
    @blueprint.problems(403, 404, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Alarms, the newest first; those that could not become cases with the remedy. Needs `sensor.read`."""
        require_permission(READ, "read alarms")
        device_id = find_device(session(), query["device"]).id if query["device"] else None
        rows = list_alarms(
            session(), device_id=device_id, rule=query["rule"], outcome=query["outcome"], open_only=query["open"],
            before=query["before"], most=query["limit"],
        )  # fmt: skip
        following = rows[-1][0].id if len(rows) == query["limit"] else None
        return {"alarms": [alarm_view(*row) for row in rows], "next": following}


@blueprint.route("/sensors/alarms/<int:alarm_id>/filing")
class Filing(MethodView):
    """An alarm that could not become a case."""

    @blueprint.response(200, AlarmSchema)
    @blueprint.problems(403, 404, 409)
    def post(self, alarm_id: int) -> dict[str, Any]:
        """Try again, what was wrong being mended. 409 when it is filed already. Needs `sensor.manage`."""
        require_permission(MANAGE, "file alarms")
        alarm = file_again(session(), platform(), alarm_id, now())
        case = session().get(Case, alarm.case_id) if alarm.case_id is not None else None
        device = session().get_one(SensorDevice, alarm.device_id)
        return alarm_view(alarm, device, case.number if case is not None else None)


@blueprint.route("/sensors/refused")
class RefusedPayloads(MethodView):
    """What was not taken."""

    @blueprint.arguments(RefusedQuery, location="query")
    @blueprint.response(200, RefusedListSchema)
    @blueprint.problems(403, 422)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """Refused payloads with reason and remedy, the newest first. Needs `sensor.manage`."""
        require_permission(MANAGE, "read refused payloads")
        rows = list_refused(
            session(), device=query["device"], before=query["before"], most=query["limit"], all_=query["all"]
        )
        views = [
            {
                "id": row.id, "device": row.device_code, "via": row.via, "topic": row.topic, "reason": row.reason,
                "payload": row.payload.decode("utf-8", "replace"), "remedy": row.remedy, "times": row.times,
                "first_at": row.first_at, "last_at": row.last_at, "replayed_at": row.replayed_at,
            }
            for row in rows
        ]  # fmt: skip
        following = rows[-1].id if len(rows) == query["limit"] else None
        return {"refused": views, "waiting": count_refused(session()), "next": following}


@blueprint.route("/sensors/refused/replay")
class Replay(MethodView):
    """Take refused payloads after all."""

    @blueprint.arguments(ReplaySchema)
    @blueprint.response(200, SensorTakenSchema)
    @blueprint.problems(403, 422)
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Take these again; what is still wrong stays, with what is wrong now. Needs `sensor.manage`."""
        require_permission(MANAGE, "take refused payloads")
        found = replay_refused(session(), platform(), body["ids"], now())
        refused = [{"index": each.index, "reason": each.reason, "remedy": each.remedy} for each in found.refused]
        return {"taken": found.taken, "known": found.known, "refused": refused}


@blueprint.route("/sensors/fences")
class FenceList(MethodView):
    """Fences."""

    @blueprint.response(200, content_type=GEOJSON)
    @blueprint.problems(403)
    def get(self) -> Response:
        """All fences as GeoJSON; `added` tells those of the database from those of files. Needs `sensor.read`."""
        require_permission(READ, "read fences")
        added = {row.code for row in session().query(SensorFence)}
        features = [
            Feature(
                id=each.code, geometry=dict(each.geometry),
                properties={
                    "code": each.code, "name": each.name, "name_en": each.name_en, "group": each.group,
                    "kinds": sorted(each.kinds), "devices": sorted(each.devices), "width_m": each.width_m,
                    "margin_m": each.margin_m, "confirm": each.confirm, "added": each.code in added,
                },
            )
            for each in sensing().fences.by_code.values()
        ]  # fmt: skip
        return geojson(FeatureCollection(features))


@blueprint.route("/sensors/fences/<string:code>")
class OneFence(MethodView):
    """A fence added while the city runs."""

    @blueprint.arguments(FenceSchema)
    @blueprint.response(204)
    @blueprint.problems(403, 422)
    def put(self, body: dict[str, Any], code: str) -> None:
        """Add a fence or replace it; it wins over one of a file. Needs `sensor.manage`."""
        require_permission(MANAGE, "change fences")
        put_fence(session(), sensing(), code, body.get("properties") or {}, body["geometry"], now())

    @blueprint.response(204)
    @blueprint.problems(403, 404)
    def delete(self, code: str) -> None:
        """Remove a fence added here. Needs `sensor.manage`."""
        require_permission(MANAGE, "change fences")
        remove_fence(session(), code)


@blueprint.route("/sensors/kinds")
class Kinds(MethodView):
    """Kinds."""

    @blueprint.response(200, SensorKindListSchema)
    @blueprint.problems(403)
    def get(self) -> dict[str, Any]:
        """Declared kinds with their fields and rules. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        known = sensing()
        return {
            "kinds": [
                {
                    "code": kind.code, "name": kind.name, "name_en": kind.name_en, "topic": kind.topic,
                    "mobile": kind.mobile, "interval_s": kind.interval_s, "silent_after_s": kind.silent_after_s,
                    "fields_": [
                        {
                            "field": each.key, "name": each.name, "name_en": each.name_en, "unit": each.unit,
                            "type": each.type, "min": each.least, "max": each.most, "required": each.required,
                        }
                        for each in kind.fields.values()
                    ],
                    "rules": [rule.code for rule in known.rules.values() if kind.code in rule.kinds],
                }
                for kind in known.kinds.values()
            ]
        }  # fmt: skip


@blueprint.route("/sensors/health")
class SensorHealthView(MethodView):
    """How the devices are."""

    @blueprint.response(200, SensorHealthSchema)
    @blueprint.problems(403)
    def get(self) -> object:
        """Silent devices, refused payloads, the rate of readings, listeners. Needs `sensor.read`."""
        require_permission(READ, "read devices")
        return sensor_health(session(), now(), sensing().lost)


def device_view(device: SensorDevice, state: SensorState | None) -> dict[str, Any]:
    """A device with what it said last."""
    names = (
        "code", "kind", "name", "name_en", "state", "lon", "lat", "address", "vehicle", "component_code",
        "department_code", "parameters", "demo",
    )  # fmt: skip
    view = {name: getattr(device, name) for name in names} | {"has_key": device.token_digest is not None}
    if state is None:
        return view | {"values": {}, "readings": 0, "refused": 0, "inside": [], "faults": {}}
    return view | {
        "last_at": state.last_at, "received_at": state.received_at, "values": state.values,
        "position": None if state.lon is None else [state.lon, state.lat], "positioned_at": state.positioned_at,
        "silent_since": state.silent_since, "readings": state.readings, "refused": state.refused,
        "inside": sorted(code for code, where in state.fences.items() if where.get("inside")),
        "faults": {rule: standing["fault"] for rule, standing in state.rules.items() if standing.get("fault")},
    }  # fmt: skip


def alarm_view(alarm: SensorAlarm, device: SensorDevice, case: str | None) -> dict[str, Any]:
    """An alarm."""
    rule = sensing().rules.get(alarm.rule)
    return {
        "id": alarm.id, "device": device.code, "rule": alarm.rule, "rule_name": rule.name if rule else "",
        "severity": alarm.severity, "began_at": alarm.began_at, "raised_at": alarm.raised_at, "over_at": alarm.over_at,
        "values": alarm.facts.get("reading", {}), "lon": alarm.lon, "lat": alarm.lat, "outcome": alarm.outcome,
        "held_until": alarm.held_until, "reason": alarm.reason, "remedy": alarm.remedy, "case": case,
    }  # fmt: skip
