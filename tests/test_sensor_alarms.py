"""Readings become alarms, alarms become cases: once, with hold-off, merged, ended, or listed with the remedy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sensor_town import RULES, KeptTown, SensorTown, write_sensors
from sqlalchemy import select

from engine.models import CaseEvent
from engine.sensors.devices import change_device
from engine.sensors.filing import file_again, settle_alarms
from engine.sensors.sensing import sensing_of
from engine.sensors.tending import notice_silence, tend_devices


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptTown]:
    town = KeptTown(tmp_path_factory.mktemp("city") / "small")
    yield town
    town.close()


@pytest.fixture
def devices(kept: KeptTown) -> SensorTown:
    return kept.fresh()


def test_a_limit_exceeded_for_long_enough_opens_one_case(devices: SensorTown) -> None:
    for pm10 in (200, 210, 220):
        devices.dust(pm10)
        devices.wait(2)
    assert devices.cases() == [] and devices.alarms() == []
    devices.dust(230)
    [case], [alarm] = devices.cases(), devices.alarms()
    assert alarm.outcome == "case" and alarm.case_id == case.id and alarm.severity == "major"
    assert (case.source, case.full_code, case.grid_code) == ("iot", "0304", "990101001001001")
    assert case.title == "扬尘超标 东门扬尘" and case.address == "东门工地"
    assert case.description == "东门扬尘 PM10 230 µg/m³，自 2026-03-02 09:00 起已 6 分钟超标。"
    assert [values["pm10"] for _seconds, values in alarm.readings] == [200, 210, 220, 230]


def test_the_case_tells_rule_values_and_device_in_its_history(devices: SensorTown) -> None:
    devices.say("K1", {"values": {"tilt": 45}})
    [case] = devices.cases()
    query = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.kind == "sensor_alarm")
    event = devices.session.scalars(query).one()
    assert event.data["rule_name"] == "井盖倾斜" and event.data["device"] == "K1"
    assert event.data["values"] == {"tilt": 45}


def test_a_short_peak_opens_nothing(devices: SensorTown) -> None:
    devices.dust(200)
    devices.wait(4)
    devices.dust(100)
    devices.wait(4)
    devices.dust(200)
    assert devices.alarms() == []


def test_between_limit_and_clear_the_alarm_stays(devices: SensorTown) -> None:
    for pm10 in (200, 200):
        devices.dust(pm10)
        devices.wait(6)
    devices.dust(130)
    assert devices.alarms()[0].over_at is None
    devices.wait(1)
    devices.dust(119)
    assert devices.alarms()[0].over_at == devices.now
    [case] = devices.cases()
    kinds = devices.session.scalars(select(CaseEvent.kind).where(CaseEvent.case_id == case.id)).all()
    assert "sensor_over" in kinds and case.status == "reported"


def raise_dust(devices: SensorTown) -> None:
    devices.dust(200)
    devices.wait(6)
    devices.dust(200)


def test_a_second_alarm_joins_the_open_case(devices: SensorTown) -> None:
    raise_dust(devices)
    devices.dust(100)
    devices.wait(200)
    raise_dust(devices)
    assert len(devices.cases()) == 1
    assert [alarm.outcome for alarm in devices.alarms()] == ["case", "merged"]
    assert devices.alarms()[1].case_id == devices.cases()[0].id


def end_case(devices: SensorTown) -> None:
    devices.cases()[-1].status = "closed"
    devices.session.commit()


def test_hold_off_keeps_a_second_case_back_until_it_has_passed(devices: SensorTown) -> None:
    raise_dust(devices)
    end_case(devices)
    devices.wait(1)
    devices.dust(100)
    raise_dust(devices)
    second = devices.alarms()[1]
    assert second.outcome == "held" and len(devices.cases()) == 1
    assert settle_alarms(devices.session, devices.platform, devices.now) == 0
    devices.wait(120)
    assert settle_alarms(devices.session, devices.platform, devices.now) == 1
    assert len(devices.cases()) == 2 and devices.alarms()[1].outcome == "case"


def test_an_alarm_that_ends_while_held_off_opens_nothing(devices: SensorTown) -> None:
    raise_dust(devices)
    end_case(devices)
    devices.wait(1)
    devices.dust(100)
    raise_dust(devices)
    devices.wait(1)
    devices.dust(100)
    devices.wait(500)
    settle_alarms(devices.session, devices.platform, devices.now)
    assert len(devices.cases()) == 1 and devices.alarms()[1].outcome == "held"


def test_back_to_normal_cancels_a_case_that_is_not_filed_yet_where_declared(devices: SensorTown) -> None:
    devices.say("K1", {"values": {"tilt": 45}})
    devices.wait(1)
    devices.say("K1", {"values": {"tilt": 0}})
    [case] = devices.cases()
    assert case.status == "voided"


def test_an_alarm_outside_all_grids_is_kept_with_its_remedy_and_filed_when_mended(devices: SensorTown) -> None:
    devices.add(code="K9", kind="cover", name="远处井盖", lon=117.0, lat=29.0)
    devices.say("K9", {"values": {"tilt": 45}})
    [alarm] = devices.alarms()
    assert alarm.outcome == "unfiled" and "in no grid" in alarm.reason and "longitude" in alarm.remedy
    assert devices.cases() == []
    alarm.lon, alarm.lat = 116.0005, 28.0005
    devices.session.commit()
    again = file_again(devices.session, devices.platform, alarm.id, devices.now)
    assert again.outcome == "case" and len(devices.cases()) == 1


def test_an_alarm_of_an_unknown_class_is_kept(devices: SensorTown) -> None:
    write_sensors(devices.town.folder, rules=RULES.replace('"0304"', '"0399X"'))
    devices.platform.sensing = None
    raise_dust(devices)
    [alarm] = devices.alarms()
    assert alarm.outcome == "unfiled" and "0399X" in alarm.reason and alarm.remedy


def test_a_crash_between_alarm_and_case_loses_neither(devices: SensorTown) -> None:
    devices.say("K1", {"values": {"tilt": 45}}, settled=False)
    assert devices.alarms()[0].outcome == "waiting"
    assert tend_devices(devices.session, devices.platform, devices.now)[1] == 1
    assert tend_devices(devices.session, devices.platform, devices.now)[1] == 0
    assert len(devices.cases()) == 1


def test_silence_is_noticed_once_and_ends_with_the_next_word(devices: SensorTown) -> None:
    devices.say("K1", {"values": {"tilt": 0}})
    devices.wait(179)
    assert notice_silence(devices.session, devices.platform, devices.now) == 2  # those that never spoke
    devices.wait(2)
    assert notice_silence(devices.session, devices.platform, devices.now) == 1
    assert devices.alarms() == []  # the rule waits for four hours
    devices.wait(61)
    assert notice_silence(devices.session, devices.platform, devices.now) == 0
    [alarm] = devices.alarms()
    assert alarm.rule == "lost" and alarm.outcome == "noted" and alarm.over_at is None
    devices.wait(60)
    notice_silence(devices.session, devices.platform, devices.now)
    assert len(devices.alarms()) == 1
    devices.say("K1", {"values": {"tilt": 0}})
    assert devices.alarms()[0].over_at == devices.now


def test_a_paused_device_is_heard_but_raises_nothing(devices: SensorTown) -> None:
    change_device(
        devices.session, sensing_of(devices.session, devices.platform).kinds, "K1", {"state": "paused"}, devices.now
    )
    assert devices.say("K1", {"values": {"tilt": 90}}).taken == 1
    devices.wait(10_000)
    notice_silence(devices.session, devices.platform, devices.now)
    assert devices.alarms() == []
