"""Outdoor advertising: what every plugin promises, its jobs, map, figures and demonstration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from engine.city import find_city, load_city
from engine.contract.promises import try_plugin
from engine.hooks import Demonstration
from engine.hooks.enabling import write_enabled
from engine.hooks.host import load_plugins
from engine.hooks.working import run_job
from engine.models import Case, RegisterEntry, SensorDevice, SensorState, Task
from engine.registers.keeping import Hand, add_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place

NOW = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
LON, LAT = 116.4225, 28.3745
"""A place in the first district of Yunhe."""


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("outdoor_ad") == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("outdoor_ad") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, ["permit", "penalty", "outdoor_ad"])
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


def sign(place: Place, code: str, **values: object) -> None:
    given = {
        "code": code,
        "title": f"广告{code}",
        "kind": "large",
        "status": "in_use",
        "lon": LON,
        "lat": LAT,
        **values,
    }
    add_entry(place.session, place.platform.host.registers["outdoor_ad_signs"], given, Hand(NOW))


def opened(place: Place, matter: str) -> list[Case]:
    return list(place.session.scalars(select(Case).where(Case.matter == matter).order_by(Case.id)))


def test_the_daily_job_opens_each_due_date_once_and_again_when_the_date_is_another(bench: Bench) -> None:
    with bench.place(NOW) as place:
        sign(place, "test", next_test="2026-03-20")
        sign(place, "far", next_test="2026-06-01", valid_to="2027-01-01")
        sign(place, "soon", valid_to="2026-04-20")
        sign(place, "ended", valid_to="2026-03-01", next_test="2026-03-10")
        sign(place, "handled", status="illegal", valid_to="2026-03-01", next_test="2026-03-10")
        place.session.commit()
        assert run_job(place.session, place.platform, "outdoor_ad", "due", NOW).told == "4 opened"
        elements = {(task.element, task.scope) for task in place.session.scalars(select(Task))}
        assert elements == {(each, "outdoor_ad") for each in ("test_report", "ask_renewal", "self_removal")}
        assert run_job(place.session, place.platform, "outdoor_ad", "due", NOW + timedelta(hours=1)).told == "0 opened"
        later = NOW + timedelta(days=75)
        assert run_job(place.session, place.platform, "outdoor_ad", "due", later).told.startswith("2 opened")
        assert {case.title for case in opened(place, "outdoor_ad_yearly")[4:]} == {
            "安全检测：广告far",
            "许可届满：广告soon",
        }


def test_a_strong_wind_at_a_sensor_opens_one_campaign_for_its_district(bench: Bench) -> None:
    with bench.place(NOW) as place:
        sign(place, "near")
        sign(place, "elsewhere", district="990003")
        blows(place, "W1", 21.5, NOW)
        blows(place, "W2", 12.0, NOW)
        blows(place, "W3", 40.0, NOW - timedelta(hours=2))
        place.session.commit()
        assert run_job(place.session, place.platform, "outdoor_ad", "wind", NOW).told == "1 opened"
        assert (
            run_job(place.session, place.platform, "outdoor_ad", "wind", NOW + timedelta(minutes=10)).told == "0 opened"
        )
        [campaign] = opened(place, "outdoor_ad_wind")
        assert (campaign.title, campaign.lead_department) == ("大风9级户外广告排查", "outdoor_ad")
        checks = place.session.scalars(select(Task).where(Task.element == "check_sign")).all()
        assert [task.defaults["title"] for task in checks] == ["广告near"]
        assert checks[0].due_at == NOW + timedelta(hours=2)


def blows(place: Place, code: str, speed: float, at: datetime) -> None:
    device = SensorDevice(
        code=code, kind="wind", name=f"测风{code}", name_en=code, state="active", lon=LON, lat=LAT, address="",
        vehicle="", component_code=None, department_code=None, parameters={}, token_digest=None, signing_key=None,
        demo=True, created_at=at, changed_at=at,
    )  # fmt: skip
    place.session.add(device)
    place.session.flush()
    state = SensorState(
        device_id=device.id, last_at=at, last_sequence=0, received_at=at, values={"wind_speed": speed}, lon=None,
        lat=None, positioned_at=None, fences={}, rules={}, due_at=None,
        silent_since=None, readings=1, refused=0, summarised_until=None,
    )  # fmt: skip
    place.session.add(state)


def test_the_demonstration_has_sixty_signs_on_the_map_and_matters_of_every_kind(bench: Bench) -> None:
    with bench.place(NOW) as place:
        for plugin in ("permit", "outdoor_ad"):
            demo = Demonstration(place.session, place.platform, Random(plugin), NOW - timedelta(days=7), NOW)
            load_plugins(bench.city).tell("demo_data", plugin, demo=demo)
            place.session.commit()
        signs = place.session.scalars(select(RegisterEntry).where(RegisterEntry.register == "outdoor_ad_signs")).all()
        assert len([row for row in signs if row.key.startswith("YH-")]) == 60
        assert {"in_use", "test_overdue", "illegal", "secured"} <= {row.values["status"] for row in signs}
        matters = ("application", "yearly", "filing", "illegal", "wind")
        assert all(opened(place, f"outdoor_ad_{each}") for each in matters)
        contributed = place.platform.host.registry.plugins["outdoor_ad"]
        [layer] = contributed.map_layers
        view = (0.0, 0.0, LON, LAT)
        shown = list(layer.features(place.session, view, 1000))
        inside = {row.key for row in signs if (row.lon or 0) <= LON and (row.lat or 0) <= LAT}
        assert {each["id"] for each in shown} == inside
        assert all("phone" not in each["properties"] for each in shown)
        figures = {
            each.id: each.measure(place.session, place.platform, NOW - timedelta(days=7), NOW + timedelta(hours=1))
            for each in contributed.indicators
        }
        large = [row for row in signs if row.values.get("next_test")]
        assert sum(part.denominator for part in figures["tested"]) == len(large)
        late = [
            row for row in large if row.values["next_test"] < "2026-03-02" or row.values["status"] == "test_overdue"
        ]
        assert sum(part.denominator - part.numerator for part in figures["tested"]) == len(late)
        assert [(part.numerator, part.denominator) for part in figures["wind_in_time"]] == [(2, 2)]
