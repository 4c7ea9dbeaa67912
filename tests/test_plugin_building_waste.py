"""Construction waste: what every plugin promises, alarms of trucks, manifests followed, jobs, the demonstration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from engine.city import find_city, load_city
from engine.contract.promises import try_plugin
from engine.hooks import Demonstration
from engine.hooks.enabling import write_enabled
from engine.hooks.host import load_plugins
from engine.hooks.working import run_job
from engine.models import Case, RegisterEntry, SensorAlarm, SensorFence
from engine.registers.keeping import Hand, add_entry, change_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.reading_messages import HTTP
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from plugins.building_waste.fencing import write_project
from plugins.building_waste.operators import read_points
from plugins.building_waste.places import CARRIERS, MANIFESTS, PROJECTS, SITES, TRUCK, VEHICLES

NIGHT = datetime.fromisoformat("2026-03-02T21:00:00+08:00")
ROUTE = [(116.4206, 28.3671), (116.4206, 28.3771)]
AWAY = (116.4256, 28.3721)


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("building_waste") == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("building_waste") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, ["permit", "penalty", "building_waste"])
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


@pytest.fixture
def place(bench: Bench) -> Iterator[Place]:
    with bench.place(NIGHT) as place:
        yield place


def enter(place: Place, register: str, **values: object) -> RegisterEntry:
    return add_entry(place.session, place.platform.host.registers[register], values, Hand(NIGHT))


def entry(place: Place, key: str) -> dict[str, Any]:
    place.session.expire_all()
    return dict(place.session.scalars(select(RegisterEntry).where(RegisterEntry.key == key)).one().values)


@pytest.fixture
def truck(place: Place) -> Place:
    """A truck with a device, a project with its route, a disposal site that is a fence."""
    session, platform = place.session, place.platform
    enter(place, CARRIERS, code="YS-01", name="云河顺达运输公司", status="normal")
    enter(place, VEHICLES, plate="云A10001", carrier="YS-01", gps="BW-T1", status="normal")
    lon, lat = ROUTE[1]
    enter(place, SITES, code="XN-01", name="北郊消纳场", status="open", lon=lon, lat=lat, radius_m=200)
    project = enter(
        place, PROJECTS, code="GC-01", name="文庙土方", volume=100, status="active", lon=ROUTE[0][0], lat=ROUTE[0][1],
        vehicles="云A10001、云B99999",
    )  # fmt: skip
    session.commit()
    run_job(session, platform, "building_waste", "fences", NIGHT)
    write_project(
        session, sensing_of(session, platform), project, ROUTE, ["20:00-06:00"], ["BW-T1"], NIGHT, width_m=80,
        radius_m=150,
    )  # fmt: skip
    session.commit()
    device = {"code": "BW-T1", "kind": TRUCK, "name": "渣土车", "vehicle": "云A10001"}
    add_device(session, sensing_of(session, platform).kinds, device, NIGHT)
    return place


def drive(
    place: Place, spot: tuple[float, float], at: datetime, minutes: int = 5, **values: object
) -> list[SensorAlarm]:
    """Readings every minute at a spot; the alarms after them."""
    said = {"speed": 30.0, "load": 20.0, "lid": "closed", "tipping": False, **values}
    content = [
        {"at": (at + timedelta(minutes=each)).isoformat(), "values": said, "lon": spot[0], "lat": spot[1]}
        for each in range(minutes + 1)
    ]
    end = at + timedelta(minutes=minutes)
    taken = take_messages(place.session, place.platform, [Message(HTTP, "BW-T1", b"", content=content)], end)
    assert not taken.refused, taken
    settle(place.session, place.platform, taken.alarms, end)
    place.session.expire_all()
    return list(place.session.scalars(select(SensorAlarm).order_by(SensorAlarm.id)))


MIDDLE = (ROUTE[0][0], 28.3721)


@pytest.mark.parametrize(
    ("spot", "hour", "values", "rule", "case"),
    [
        (AWAY, 21, {}, "off_route", "event/0397/1"),
        (MIDDLE, 11, {}, "off_hours", "event/0397/2"),
        (MIDDLE, 21, {"lid": "open"}, "lid_open", "event/0311/1"),
        (MIDDLE, 21, {"tipping": True, "speed": 0.0}, "outside", "event/0397/4"),
        (MIDDLE, 21, {}, None, None),
        (AWAY, 21, {"load": 0.4}, None, None),
        (ROUTE[1], 21, {"tipping": True, "speed": 0.0}, None, None),
        (ROUTE[0], 21, {"lid": "open", "speed": 0.0}, None, None),
    ],
)
def test_readings_of_a_truck_become_the_case_of_their_alarm(
    truck: Place, spot: tuple[float, float], hour: int, values: dict[str, object], rule: str | None, case: str | None
) -> None:
    at = NIGHT.replace(hour=hour) + timedelta(days=1)
    alarms = drive(truck, spot, at, **values)
    assert [each.rule for each in alarms] == ([f"building_waste.{rule}"] if rule else [])
    cases = truck.session.scalars(select(Case)).all()
    assert [f"event/{each.full_code}/{each.condition_no}" for each in cases] == ([case] if case else [])
    assert all("云A10001" in each.title for each in cases)


def test_a_loaded_truck_without_a_route_is_told_and_its_fences_go_when_the_licence_ends(truck: Place) -> None:
    register = truck.platform.host.registers[PROJECTS]
    values = {"valid_to": "2026-03-01", "fence": "route-GC-01"}
    change_entry(truck.session, register, "GC-01", values, Hand(NIGHT))
    truck.session.commit()
    told = run_job(truck.session, truck.platform, "building_waste", "fences", NIGHT).told
    assert told == "1 disposal sites, 2 fences taken away, 0 with other trucks"
    assert [each.code for each in truck.session.scalars(select(SensorFence))] == ["disposal-XN-01"]
    alarms = drive(truck, MIDDLE, NIGHT + timedelta(minutes=1), minutes=11)
    assert [each.rule for each in alarms] == ["building_waste.unregistered"]


def test_trucks_of_a_barred_carrier_lose_their_route_until_it_carries_again(truck: Place) -> None:
    session, register = truck.session, truck.platform.host.registers[CARRIERS]
    for status, devices, changed in (("suspended", [], 2), ("suspended", [], 0), ("normal", ["BW-T1"], 2)):
        change_entry(session, register, "YS-01", {"status": status}, Hand(NIGHT))
        session.commit()
        told = run_job(session, truck.platform, "building_waste", "fences", NIGHT).told
        assert told == f"1 disposal sites, 0 fences taken away, {changed} with other trucks"
        session.expire_all()
        route = session.scalars(select(SensorFence).where(SensorFence.code == "route-GC-01")).one()
        assert route.properties["devices"] == devices
        assert (route.properties["windows"], route.properties["width_m"]) == (["20:00-06:00"], 80)


def test_alarm_and_arrival_are_entered_into_the_manifest_of_the_trip_once(truck: Place) -> None:
    common = {"project": "GC-01", "plate": "云A10001", "disposal_site": "XN-01", "status": "on_way"}
    enter(truck, MANIFESTS, code="L-1", loaded_at=(NIGHT + timedelta(minutes=1)).isoformat(), **common)
    enter(truck, MANIFESTS, code="L-2", loaded_at=(NIGHT + timedelta(hours=9)).isoformat(), **common)
    truck.session.commit()
    drive(truck, AWAY, NIGHT + timedelta(minutes=2))
    first = run_job(truck.session, truck.platform, "building_waste", "follow", NIGHT + timedelta(minutes=8)).told
    assert first == "1 alarms, 0 arrivals"
    slip = entry(truck, "L-1")
    number = truck.session.scalars(select(Case.number)).one()
    assert (slip["alarm"], slip["alarm_case"], slip.get("arrived")) == ("off_route", number, None)
    assert entry(truck, "L-2").get("alarm") is None, "what happened before the trip is not its own"
    drive(truck, ROUTE[1], NIGHT + timedelta(minutes=20))
    again = run_job(truck.session, truck.platform, "building_waste", "follow", NIGHT + timedelta(minutes=30)).told
    assert again == "0 alarms, 2 arrivals" and entry(truck, "L-1")["arrived"] is True


def test_points_of_a_route_are_read_or_refused_by_name() -> None:
    assert read_points("116.42,28.36；116.43, 28.37;") == [[116.42, 28.36], [116.43, 28.37]]
    for wrong, named in (("116.42,28.36;北环路", "北环路"), ("116.42,28.36", "两个点"), ("116,28;216,28", "216,28")):
        with pytest.raises(Exception, match=named):
            read_points(wrong)


def test_suspensions_end_and_deviating_projects_are_reconciled_once(place: Place) -> None:
    day = datetime.fromisoformat("2026-04-01T07:40:00+08:00")
    enter(place, CARRIERS, code="YS-01", name="甲", status="suspended", suspended_to="2026-03-31", points=11)
    enter(place, CARRIERS, code="YS-02", name="乙", status="suspended", suspended_to="2026-04-01")
    enter(place, CARRIERS, code="YS-03", name="丙", status="blacklisted")
    for code, received in (("GC-01", 80.0), ("GC-02", 97.0)):
        enter(place, PROJECTS, code=code, name=code, volume=1000, status="active")
        enter(
            place, MANIFESTS, code=f"L-{code}", project=code, plate="云A10001", loaded_on="2026-03-05", loaded=100.0,
            unloaded=received, status="mismatch",
        )  # fmt: skip
    place.session.commit()
    assert run_job(place.session, place.platform, "building_waste", "suspensions", day).told == "1 suspensions ended"
    assert [entry(place, f"YS-0{each}")["status"] for each in (1, 2, 3)] == ["normal", "suspended", "blacklisted"]
    assert entry(place, "YS-01")["points"] == 11
    told = run_job(place.session, place.platform, "building_waste", "reconcile", day).told
    assert told == "2 projects, 1 reconciliations opened for 2026-03"
    later = day + timedelta(hours=1)
    told = run_job(place.session, place.platform, "building_waste", "reconcile", later).told
    assert told == "2 projects, 0 reconciliations opened for 2026-03"
    assert place.session.scalars(select(Case.title)).all() == ["2026-03 方量核对：GC-01（GC-01）"]


def test_the_demonstration_shows_every_state_and_the_figures_and_layers_measure_it(bench: Bench, place: Place) -> None:
    demo = Demonstration(place.session, place.platform, Random("7 bw"), NIGHT - timedelta(days=14), NIGHT)
    load_plugins(bench.city).tell("demo_data", "building_waste", demo=demo)
    place.session.commit()
    brought = place.platform.host.registry.plugins["building_waste"]
    rows = place.session.scalars(select(RegisterEntry)).all()
    for register in (CARRIERS, PROJECTS):
        choices = place.platform.host.registers[register].columns["status"].choices
        found = {row.values["status"] for row in rows if row.register == register}
        assert found == {each.value for each in choices}
    assert {each.matter for each in demo.planned} == {
        "building_waste_application", "building_waste_enforcement", "building_waste_reconcile", "building_waste_route",
        "building_waste_small", "building_waste_trip",
    }  # fmt: skip
    alarms = place.session.scalars(select(SensorAlarm.rule).order_by(SensorAlarm.rule)).all()
    assert alarms == ["building_waste.lid_open", "building_waste.off_route"]
    figures = {
        each.id: each.measure(place.session, place.platform, NIGHT - timedelta(days=400), NIGHT + timedelta(days=1))
        for each in brought.indicators
    }
    slips = [row for row in rows if row.register == MANIFESTS]
    assert sum(each.denominator for each in figures["matched_trips"]) == len(slips)
    received = {each.object: each.numerator / each.denominator for each in figures["volume_received"]}
    assert received["GC-02"] < 0.9 < received["GC-01"] <= 1
    [calm] = figures["trips_without_alarm"]
    assert calm.numerator == sum(not row.values.get("alarm") for row in slips)
    assert {each.object: each.numerator for each in figures["carrier_points"]}["YS-05"] == 23
    assert figures["cleaned_in_time"] == figures["small_in_time"] == []
    [trucks] = brought.map_layers
    shown = list(trucks.features(place.session, (-180, -90, 180, 90), 500))
    assert len(shown) == 3 and {each["properties"]["group"] for each in shown} == {"empty"}
