"""What files declare of devices: paths, ranges, times, windows, fences; every fault is told with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sensor_town import FENCES, KINDS, RULES, KeptTown, SensorTown, write_sensors
from sqlalchemy import select

from engine.checks import check_folder, errors_of
from engine.checks.material import Material, read_material
from engine.checks.sensors import check_sensors
from engine.city import load_city
from engine.core_operators import CORE_OPERATORS
from engine.models import SensorCrossing, SensorHour, SensorTrack
from engine.registry import build_registry
from engine.sensors.devices import export_devices, import_devices
from engine.sensors.keeping import keep_house, simplified
from engine.sensors.paths import ABSENT, read_many_path, read_path
from engine.sensors.sensing import sensing_of
from engine.sensors.telling import series, track
from engine.sensors.topics import TopicReader, topic_fault
from engine.sensors.windows import read_window
from engine.testing.small_city import MONDAY, write_small_city


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptTown]:
    town = KeptTown(tmp_path_factory.mktemp("city") / "small")
    yield town
    town.close()


@pytest.fixture
def devices(kept: KeptTown) -> SensorTown:
    return kept.fresh()


def test_paths_lead_to_one_value_and_say_when_they_do_not() -> None:
    payload = {"a": {"b c": [{"d": None}, {"d": 2}]}}
    assert read_path("$.a['b c'][-1].d").find(payload) == 2
    assert read_path("$.a['b c'][0].d").find(payload) is None
    assert read_path("$.a['b c'][2].d").find(payload) is ABSENT
    assert read_path("$.a.b.c").find(payload) is ABSENT and read_path("$.a").find([1]) is ABSENT
    assert read_many_path("$.a['b c'][*]").find(payload) == [{"d": None}, {"d": 2}]
    for wrong in ("a.b", "$.a[*]", "$..a", "$.a[", "$.a[?@.b > 1]", ""):
        with pytest.raises(ValueError, match=r"; "):
            read_path(wrong)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("06:00-22:00", "2026-03-02T06:00", "2026-03-02T22:00"),
        ("22:00-06:00", "2026-03-02T05:59", "2026-03-02T06:00"),
        ("Mon-Fri 07:00-09:00", "2026-03-06T08:00", "2026-03-07T08:00"),
        ("Sat-Mon 07:00-09:00", "2026-03-02T08:00", "2026-03-03T08:00"),
        ("Fri 22:00-06:00", "2026-03-07T05:00", "2026-03-06T05:00"),
        ("workday 00:00-24:00", "2026-03-02T12:00", "2026-03-07T12:00"),
    ],
)
def test_windows_open_and_close_in_local_time(window: str, inside: str, outside: str) -> None:
    def is_open(text: str) -> bool:
        local = datetime.fromisoformat(text)
        return read_window(window).is_open(local, local.weekday() < 5)

    assert is_open(inside) and not is_open(outside)


@pytest.mark.parametrize("window", ["6-22", "25:00-26:00", "Mun 06:00-07:00", "06:00-06:00", "06:61-07:00"])
def test_a_window_that_cannot_be_read_says_how_to_write_it(window: str) -> None:
    with pytest.raises(ValueError, match=r"; (write|use)"):
        read_window(window)


def test_topics_have_the_device_as_one_level() -> None:
    reader = TopicReader.of(["city/dust/{device}/up", "city/+/gps/{device}"])
    assert [reader.device(topic) for topic in ("city/dust/D1/up", "city/x/gps/T1", "city/dust/D1", "city/a/b/c")] == [
        "D1", "T1", "", "",
    ]  # fmt: skip
    assert topic_fault("a/{device}/b") == "" and topic_fault("a/b") and topic_fault("a/x{device}/b")
    assert topic_fault("a/#/{device}") and topic_fault("a//{device}")


def test_times_are_read_in_every_declared_form(devices: SensorTown) -> None:
    kinds = KINDS.replace('time_format = "unix"\n', 'time_format = "%Y%m%d%H%M%S"\n')
    write_sensors(devices.town.folder, kinds=kinds)
    devices.platform.sensing = None
    payload = {"data": [{"ts": "20260302085900", "n": 1, "v": {"pm10": 1}}]}
    assert devices.hear(("small/dust/D1/up", json.dumps(payload).encode())).taken == 1
    assert devices.readings()[0].at == datetime(2026, 3, 2, 0, 59, tzinfo=UTC)


def test_positions_in_another_system_are_converted(devices: SensorTown) -> None:
    kinds = KINDS.replace('lat = "$.y" }', 'lat = "$.y", system = "GCJ-02" }')
    write_sensors(devices.town.folder, kinds=kinds)
    devices.platform.sensing = None
    message = json.dumps({"time": "2026-03-02T08:59:00", "x": 116.0, "y": 28.0}).encode()
    devices.hear(("small/truck/T1", message))
    [reading] = devices.readings("T1")
    assert reading.lon is not None and 0.002 < 116.0 - reading.lon < 0.01


def test_zero_zero_is_no_position(devices: SensorTown) -> None:
    devices.hear(("small/truck/T1", b'{"time": "2026-03-02T08:59:00", "x": 0, "y": 0, "lid": 0}'))
    assert devices.readings("T1")[0].lon is None


def drive(devices: SensorTown, lon: float, lat: float = 28.0005, **values: Any) -> None:
    devices.wait(0.5)
    devices.say("T1", {"at": devices.now.isoformat(), "lon": lon, "lat": lat, "values": {"lid": "closed", **values}})


def crossings(devices: SensorTown) -> list[tuple[str, str]]:
    rows = devices.session.scalars(select(SensorCrossing).order_by(SensorCrossing.id))
    return [(row.fence, row.kind) for row in rows]


def test_a_fence_is_left_only_beyond_its_margin(devices: SensorTown) -> None:
    drive(devices, 116.0005)
    assert crossings(devices) == []  # where it is first is no crossing
    for lon in (116.00105, 116.00099, 116.00115):  # 5 m out, in, 15 m out: the margin is 20 m
        drive(devices, lon)
    assert crossings(devices) == []
    drive(devices, 116.0013)
    drive(devices, 116.00105)  # not in again before it is inside
    assert crossings(devices) == [("S1", "leave")]
    drive(devices, 116.0009)
    assert crossings(devices) == [("S1", "leave"), ("S1", "enter")]
    left = devices.session.scalars(select(SensorCrossing)).first()
    assert left is not None and left.stayed_s == 120


def test_off_the_route_and_open_lids_become_alarms(devices: SensorTown) -> None:
    drive(devices, 116.0005, lid="open")
    assert devices.alarms() == []  # inside the site the lid may be open
    drive(devices, 116.0020, lid="open")
    assert [alarm.rule for alarm in devices.alarms()] == ["lid_open"]
    drive(devices, 116.0020, 28.0015)
    drive(devices, 116.0020, 28.0015)
    assert len(devices.alarms()) == 1
    drive(devices, 116.0020, 28.0015)
    off = devices.alarms("off_route")
    assert [alarm.outcome for alarm in off] == ["merged"]  # the same vehicle has an open case
    assert off[0].lon == 116.002 and len(devices.cases()) == 1


def test_confirmed_fences_need_several_readings(devices: SensorTown) -> None:
    fences = json.loads(json.dumps(FENCES))
    fences["features"][0]["properties"]["confirm"] = 3
    write_sensors(devices.town.folder, fences=fences)
    devices.platform.sensing = None
    drive(devices, 116.0005)
    for lon in (116.002, 116.002, 116.0005, 116.002, 116.002):
        drive(devices, lon)
    assert crossings(devices) == []
    drive(devices, 116.002)
    assert crossings(devices) == [("S1", "leave")]


def test_hours_are_summed_up_and_readings_go_when_they_are_old(devices: SensorTown) -> None:
    for minute in range(0, 180, 20):
        at = MONDAY - timedelta(hours=3) + timedelta(minutes=minute)
        devices.say("D1", {"at": at.isoformat(), "values": {"pm10": minute, "noise": 50}})
    keep_house(devices.session, devices.platform, devices.now)
    hours = devices.session.scalars(
        select(SensorHour).where(SensorHour.field == "pm10").order_by(SensorHour.hour)
    ).all()
    assert [(row.count, row.least, row.mean, row.most) for row in hours] == [(3, 0, 20, 40), (3, 60, 80, 100)]
    late = (MONDAY - timedelta(hours=3, minutes=-30)).isoformat()
    devices.say("D1", {"at": late, "values": {"pm10": 500}})  # an hour summed up before
    devices.wait(60)
    keep_house(devices.session, devices.platform, devices.now)
    devices.session.expire_all()
    assert devices.session.scalars(select(SensorHour.most).order_by(SensorHour.most.desc())).first() == 500
    devices.wait(8 * 24 * 60)
    keep_house(devices.session, devices.platform, devices.now)
    assert devices.readings() == []
    points = series(devices.session, 1, "pm10", MONDAY - timedelta(days=1), MONDAY + timedelta(days=1))
    assert [point.most for point in points] == [500, 100, 160]
    devices.wait(740 * 24 * 60)
    keep_house(devices.session, devices.platform, devices.now)
    assert devices.session.scalars(select(SensorHour)).all() == []


def test_ways_are_kept_simplified_when_positions_are_gone(devices: SensorTown) -> None:
    for minute in range(30):
        at = MONDAY - timedelta(hours=2) + timedelta(minutes=minute)
        point = {"at": at.isoformat(), "lon": round(116 + minute * 1e-4, 6), "lat": 28.0005 if minute < 20 else 28.0010}
        devices.say("T1", point)
    keep_house(devices.session, devices.platform, devices.now)
    [hour] = devices.session.scalars(select(SensorTrack)).all()
    assert hour.points == 30 and 4 <= len(hour.line) <= 6 and 300 < hour.length_m < 350
    devices.wait(31 * 24 * 60)
    keep_house(devices.session, devices.platform, devices.now)
    assert devices.readings("T1") == []
    way = track(devices.session, 2, MONDAY - timedelta(days=1), MONDAY)
    assert len(way) == len(hour.line) and way[0][2] == MONDAY - timedelta(hours=2)
    assert simplified([(116.0, 28.0, 0.0)], 5) == [[116.0, 28.0, 0.0]]


def test_a_register_imported_twice_changes_nothing_and_comes_out_as_it_went_in(
    devices: SensorTown, tmp_path: Path
) -> None:
    kinds = sensing_of(devices.session, devices.platform).kinds
    (tmp_path / "more.csv").write_text(
        'code,kind,name,lon,lat,parameters\nD7,dust,"北门, 二号",116.001,28.001,"{""pm10_limit"": 90}"\n'
        "D8,plane,x,,,\nD9,dust,y,400,1,\nD1,dust,东门扬尘,116.0005,28.0005,\n", encoding="utf-8",
    )  # fmt: skip
    done = import_devices(devices.session, kinds, tmp_path / "more.csv", devices.now)
    assert (done.added, done.changed, done.same) == (1, 1, 0)  # D1 loses its address: the file says so
    assert [(each.line, each.reason.split(" ")[0]) for each in done.rejected] == [(3, "there"), (4, "400,")]
    exported = tmp_path / "all.csv"
    exported.write_text("".join(export_devices(devices.session)), encoding="utf-8")
    again = import_devices(devices.session, kinds, exported, devices.now)
    assert (again.added, again.changed, again.same, again.rejected) == (0, 0, 4, [])


FAULTS = [
    ("kinds", 'path = "$.v.pm10"', 'path = "v.pm10"', "kind.dust.fields.pm10.path"),
    ("kinds", 'topic = "small/truck/{device}"', 'topic = "small/truck"', "kind.truck.topic"),
    ("kinds", "interval_s = 60", "intervall_s = 60", "kind.dust.intervall_s"),
    ("kinds", 'type = "truth"', 'type = "bool"', "kind.truck.fields.lifting.type"),
    ("kinds", "max = 5000", "max = -1", "kind.dust.fields.pm10.min"),
    ("kinds", 'topic = "small/truck/{device}"', 'topic = "small/dust/{device}/up"', "kind.truck.topic"),
    ("kinds", 'lon = "$.x"', 'lon = "$.x[*]"', "kind.truck.position.lon"),
    ("rules", "reading.pm10 > (device", "reading.pm11 > (device", "rule.dust_over.when"),
    ("rules", 'clear = "reading.pm10 < 120"', 'clear = "reading.pm10 <"', "rule.dust_over.clear"),
    ("rules", 'kinds = ["dust"]', 'kinds = ["dost"]', "rule.dust_over.kinds"),
    ("rules", 'full_code = "0304"', 'full_code = "9999"', "rule.dust_over.case.full_code"),
    ("rules", "condition_no = 1\nurgent", "condition_no = 77\nurgent", "rule.tilted.case.condition_no"),
    ("rules", 'severity = "major"', 'severity = "mayor"', "rule.dust_over.severity"),
    ("rules", "${reading.tilt}°", "${value.tilt}°", "rule.tilted.case.text"),
    ("rules", 'back = "cancel"', 'back = "close"', "rule.tilted.back"),
    ("rules", 'kind = "component"', 'kind = "component"\ndecide = "nothing"', "rule.tilted.case.decide"),
    ("rules", "for_min = 5", "for_min = -5", "rule.dust_over.for_min"),
]


@pytest.mark.parametrize(("file", "right", "wrong", "element"), FAULTS, ids=[fault[3] for fault in FAULTS])
def test_check_names_file_key_and_remedy(file: str, right: str, wrong: str, element: str, faulty: Path) -> None:
    text = {"kinds": KINDS, "rules": RULES}[file]
    assert text.count(right) >= 1
    write_sensors(faulty, **{file: text.replace(right, wrong, 1)})
    findings = list(check_sensors(material_of(str(faulty))))
    assert (f"sensors/{file}.toml", element) in {(each.file, each.element) for each in findings}
    assert all(each.remedy and each.layer for each in findings if each.element == element and "topic" not in element)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_city(tmp_path_factory.mktemp("faulty") / "small")


@cache
def material_of(root: str) -> Material:
    """The city's other files, read once: they stay as they are."""
    return read_material(load_city(root), build_registry(CORE_OPERATORS))[0]


def test_check_looks_at_fences_and_the_register(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    fences = json.loads(json.dumps(FENCES))
    ring = fences["features"][0]["geometry"]["coordinates"][0]
    ring[1], ring[2] = ring[2], ring[1]  # a bow tie
    fences["features"][1]["properties"].pop("width_m")
    fences["features"][2]["properties"]["windows"] = ["sometimes"]
    write_sensors(folder, fences=fences)
    (folder / "sensors/devices.csv").write_text("code,kind,name\nA 1,dust,x\nB1,plane,y\nB1,dust,z\n", encoding="utf-8")
    _city, findings = check_folder(str(folder))
    told = {(each.file, each.element) for each in errors_of(findings)}
    assert {("sensors/fences.geojson", "S1.geometry"), ("sensors/fences.geojson", "R-17.width_m"),
            ("sensors/fences.geojson", "C1.windows"), ("sensors/devices.csv", "A 1"),
            ("sensors/devices.csv", "B1")} <= told  # fmt: skip
