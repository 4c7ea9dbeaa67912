"""Shapes of devices, readings, alarms, fences and refusals."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields

from api.schemas.base import Strict, mapping, moment, real, text, truth, whole
from engine.sensors.reading_messages import STATES

MOST_READINGS = 1_000
OUTCOMES = ("waiting", "case", "merged", "held", "noted", "unfiled")


class DeviceChangeSchema(Strict):
    """What may be said of a device."""

    name = text("Name.")
    name_en = text("English name.")
    kind = text("A declared kind.")
    state = text("`active`; `paused`: heard, but no alarms; `retired`: not heard.", validate=ma.validate.OneOf(STATES))
    lon = real("Longitude where it is mounted, degrees, WGS-84; null for what moves.", allow_none=True)
    lat = real("Latitude.", allow_none=True)
    address = text("Where that is.")
    vehicle = text("Plate of the vehicle it is on.")
    component_code = text("The component it watches.", allow_none=True)
    department_code = text("Who owns it.", allow_none=True)
    parameters = mapping("Its own limits and fences; rules read them as `device.parameters`.")


class NewDeviceSchema(DeviceChangeSchema):
    """A device to be registered."""

    code = text("Code: up to 64 letters, digits and . _ : -", required=True)
    kind = text("A declared kind.", required=True)
    name = text("Name.", required=True)


class DeviceSchema(DeviceChangeSchema):
    """A device and what it said last."""

    code = text("Code.")
    demo = truth("Whether its readings are simulated.")
    has_key = truth("Whether it has a key.")
    last_at = moment("Time of its latest reading, by its own clock.", allow_none=True)
    received_at = moment("When it was last heard.", allow_none=True)
    values = mapping("Values of its latest reading, by field.")
    position = fields.List(fields.Float(), allow_none=True, metadata={"description": "Latest [lon, lat], WGS-84."})
    positioned_at = moment("Time of that position.", allow_none=True)
    silent_since = moment("Since when it is silent against its kind's interval.", allow_none=True)
    readings = whole("Readings taken.")
    refused = whole("Readings refused.")
    inside = fields.List(fields.String(), metadata={"description": "Fences it is inside of."})
    faults = mapping("Rules whose condition fails on its readings, and why.")


class DeviceListSchema(Strict):
    """A page of devices."""

    devices = fields.List(fields.Nested(DeviceSchema))
    next = text("`after` of the next page; null on the last.", allow_none=True)


class KeySchema(Strict):
    """A device's key."""

    code = text("Device.")
    token = text("Its token, told this once.")


class NewKeySchema(DeviceSchema):
    """A device as registered."""

    token = text("Its token, told this once.")


class DeviceQuery(Strict):
    """Filter."""

    kind = text("Only this kind.", load_default=None)
    state = text("Only this state.", load_default=None, validate=ma.validate.OneOf(STATES))
    department = text("Only those of this owner.", load_default=None)
    silent = truth("Only silent ones, or only others.", load_default=None)
    q = text("Part of code, name, vehicle or address.", load_default="")
    after = text("Codes above this one.", load_default="")
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class ReadingSchema(Strict):
    """A reading in Wangge's own form."""

    at = text("The device's time, ISO 8601 with offset; the present when left out.", load_default=None)
    sequence = whole("Tells readings of one moment apart.", load_default=0, validate=ma.validate.Range(0, 2**63 - 1))
    values = mapping("Values by field, in the unit of the kind.", load_default=dict)
    lon = real("Longitude, degrees, WGS-84.", load_default=None, allow_none=True)
    lat = real("Latitude.", load_default=None, allow_none=True)


class ReadingsSchema(Strict):
    """A batch of readings."""

    readings = fields.List(
        fields.Nested(ReadingSchema), required=True, validate=ma.validate.Length(1, MOST_READINGS),
        metadata={"description": f"1 to {MOST_READINGS} readings."},
    )  # fmt: skip


class RefusedReadingSchema(Strict):
    """A reading that was not taken."""

    index = whole("Which of the batch, from 0; null for the whole payload.", allow_none=True)
    reason = text("What is wrong.")
    remedy = text("What to do.")


class SensorTakenSchema(Strict):
    """What came of a batch."""

    taken = whole("Readings stored.")
    known = whole("Readings that were stored before: sending again is safe.")
    refused = fields.List(fields.Nested(RefusedReadingSchema))


class SpanQuery(Strict):
    """A span of time."""

    begin = moment("From.", data_key="from", load_default=None)
    until = moment("Until; the present when left out.", load_default=None)


class SeriesQuery(SpanQuery):
    """A field over time."""

    field = text("Field of the kind.", required=True)
    hours = truth("Hours instead of readings. Default: for spans above 48 hours.", load_default=None)


class SensorPointSchema(Strict):
    """A moment of a field."""

    at = moment("When; the beginning of an hour.")
    value = fields.Raw(metadata={"description": "The value; of an hour its mean."})
    least = fields.Raw(metadata={"description": "The least of the hour."})
    most = fields.Raw(metadata={"description": "The most of the hour."})


class SeriesSchema(Strict):
    """A field over time."""

    device = text("Device.")
    field = text("Field.")
    unit = text("Unit.")
    points = fields.List(fields.Nested(SensorPointSchema))


class AlarmQuery(Strict):
    """Filter."""

    device = text("Only this device.", load_default=None)
    rule = text("Only this rule.", load_default=None)
    outcome = text("Only this outcome.", load_default=None, validate=ma.validate.OneOf(OUTCOMES))
    open = truth("Only those that are not over.", load_default=False)
    before = whole("Ids below this one.", load_default=None)
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class AlarmSchema(Strict):
    """An alarm."""

    id = whole("Id.")
    device = text("Device.")
    rule = text("Rule.")
    rule_name = text("Its name.")
    severity = text("`notice`, `minor`, `major` or `critical`.")
    began_at = moment("Since when the condition held.")
    raised_at = moment("When it had held for long enough.")
    over_at = moment("When it was over.", allow_none=True)
    values = mapping("The values of the reading that raised it.")
    lon = real("Longitude.", allow_none=True)
    lat = real("Latitude.", allow_none=True)
    outcome = text("`case`, `merged`, `held`, `noted`, `unfiled` or `waiting`.")
    held_until = moment("Until when it is held off.", allow_none=True)
    reason = text("Why it is held or unfiled.")
    remedy = text("What to do about an unfiled one.")
    case = text("Number of its case.", allow_none=True)


class AlarmListSchema(Strict):
    """A page of alarms."""

    alarms = fields.List(fields.Nested(AlarmSchema))
    next = whole("`before` of the next page; null on the last.", allow_none=True)


class RefusedQuery(Strict):
    """Filter."""

    device = text("Only of this device.", load_default=None)
    all = truth("Those taken after all, too.", load_default=False)
    before = whole("Ids below this one.", load_default=None)
    limit = whole("Rows.", load_default=50, validate=ma.validate.Range(1, 200))


class RefusedSchema(Strict):
    """A payload that was not taken."""

    id = whole("Id.")
    device = text("The device it came under.")
    via = text("`http`, `payload` or `mqtt`.")
    topic = text("MQTT topic.")
    payload = text("What came; bytes that are no UTF-8 are shown as �.")
    reason = text("What is wrong.")
    remedy = text("What to do.")
    times = whole("How often it came.")
    first_at = moment("First.")
    last_at = moment("Last.")
    replayed_at = moment("When it was taken after all.", allow_none=True)


class RefusedListSchema(Strict):
    """A page of refusals."""

    refused = fields.List(fields.Nested(RefusedSchema))
    waiting = whole("All that wait for somebody.")
    next = whole("`before` of the next page; null on the last.", allow_none=True)


class ReplaySchema(Strict):
    """What to take again."""

    ids = fields.List(fields.Integer(), required=True, validate=ma.validate.Length(1, 200))


class FenceSchema(Strict):
    """A fence to be added or replaced; docs/reference/sensors.md tells of its properties."""

    properties = mapping("`name`, `group`, `kinds`, `devices`, `width_m`, `margin_m`, `confirm`, `windows`, `layer`.")
    geometry = mapping("GeoJSON area or line, WGS-84; null with `layer`.", allow_none=True, load_default=None)


class SensorFieldSchema(Strict):
    """A field of a kind."""

    field = text("Word.")
    name = text("Name.")
    name_en = text("English name.")
    unit = text("Unit.")
    type = text("`number`, `whole`, `truth` or `text`.")
    min = real("Least valid value.", allow_none=True)
    max = real("Greatest valid value.", allow_none=True)
    required = truth("Whether every reading has it.")


class SensorKindSchema(Strict):
    """A kind of device."""

    code = text("Code.")
    name = text("Name.")
    name_en = text("English name.")
    topic = text("MQTT topic.")
    mobile = truth("Whether it moves.")
    interval_s = real("Expected interval, seconds.")
    silent_after_s = real("Silence that counts as a fault, seconds.")
    fields_ = fields.List(fields.Nested(SensorFieldSchema), data_key="fields")
    rules = fields.List(fields.String(), metadata={"description": "Rules that look at it."})


class SensorKindListSchema(Strict):
    """All kinds."""

    kinds = fields.List(fields.Nested(SensorKindSchema))


class SensorHealthSchema(Strict):
    """How the devices are."""

    devices = whole("Devices registered.")
    active = whole("Active ones.")
    silent = whole("Silent ones.")
    never_heard = whole("Those never heard.")
    readings = whole("Readings taken, ever.")
    readings_a_minute = real("Readings a minute over the last five.")
    refused = whole("Refused payloads that wait for somebody.")
    unfiled = whole("Alarms that could not become cases.")
    alarms_open = whole("Alarms that are not over.")
    listeners = whole("MQTT listeners.")
    listeners_away = whole("Those without connection, or not heard of for a minute.")
    faults = fields.List(fields.String(), metadata={"description": "What is wrong, with the remedy."})
