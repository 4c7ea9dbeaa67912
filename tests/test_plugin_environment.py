"""The environment: what every plugin promises, its night, its jobs and figures, its alarms, its demonstration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from random import Random

import pytest
from sqlalchemy import select

from engine.cases.matters import Application, open_matter
from engine.cases.tasks import complete_task
from engine.city import find_city, load_city
from engine.contract.promises import try_plugin
from engine.hooks import Demonstration, Measured
from engine.hooks.enabling import with_required, write_enabled
from engine.hooks.host import load_plugins
from engine.hooks.layers import features_in, find_layer
from engine.hooks.working import run_job
from engine.installed_plugins import find_plugins
from engine.models import Case, OutboxMessage, RegisterEntry, SensorAlarm, Task
from engine.organisation.duty import people_for
from engine.organisation.people import load_actor
from engine.registers.keeping import Hand, add_entry, change_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place
from engine.sensors.devices import add_device
from engine.sensors.filing import settle
from engine.sensors.reading_messages import HTTP
from engine.sensors.readings import Message
from engine.sensors.sensing import sensing_of
from engine.sensors.taking import take_messages
from engine.sensors.tending import notice_silence
from plugins.environment.operators import in_night

NOW = datetime.fromisoformat("2026-03-02T09:00:00+08:00")
OUTLETS, SITES = "environment_outlets", "environment_sites"


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("environment") == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("environment") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, with_required("environment", [], find_plugins()))
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


def enter(place: Place, register: str, **values: object) -> RegisterEntry:
    return add_entry(place.session, place.platform.host.registers[register], values, Hand(NOW))


def entry(place: Place, key: str) -> dict[str, object]:
    place.session.expire_all()
    return dict(place.session.scalars(select(RegisterEntry).where(RegisterEntry.key == key)).one().values)


def figure(place: Place, name: str, end: datetime) -> list[Measured]:
    [indicator] = [each for each in place.platform.host.registry.plugins["environment"].indicators if each.id == name]
    return list(indicator.measure(place.session, place.platform, NOW - timedelta(days=1), end))


@pytest.mark.parametrize(
    ("at", "begin", "end", "expected"),
    [
        ("22:00", "22:00", "06:00", True),
        ("21:59", "22:00", "06:00", False),
        ("00:00", "22:00", "06:00", True),
        ("05:59", "22:00", "06:00", True),
        ("06:00", "22:00", "06:00", False),
        ("00:30", "00:00", "08:00", True),
        ("08:00", "00:00", "08:00", False),
        ("23:59", "00:00", "08:00", False),
    ],
)
def test_the_night_may_go_over_midnight_and_ends_before_its_end(at: str, begin: str, end: str, expected: bool) -> None:
    assert in_night(*(time.fromisoformat(each) for each in (at, begin, end))) is expected


def test_an_overdue_cleaning_is_marked_told_once_and_forgotten_when_cleaned(bench: Bench) -> None:
    with bench.place(NOW) as place:
        enter(place, OUTLETS, code="late", name="川味小炒", cleaned_on="2025-12-31")
        enter(place, OUTLETS, code="today", name="聚福酒楼", cleaned_on="2026-01-01")
        enter(place, OUTLETS, code="penal", name="老街火锅", cleaned_on="2025-11-01", attention="penalty")
        enter(place, OUTLETS, code="shut", name="南桥面馆", cleaned_on="2025-01-01", status="closed")
        enter(place, OUTLETS, code="never", name="百味快餐")
        place.session.commit()
        row = run_job(place.session, place.platform, "environment", "cleanings", NOW)
        assert row.told == "2 purifiers are overdue for cleaning, 1 since the last run"
        states = {key: entry(place, key).get("attention") for key in ("late", "today", "penal", "shut", "never")}
        assert states == {"late": "cleaning", "today": "none", "penal": "penalty", "shut": None, "never": None}
        assert entry(place, "late")["cleaning_due"] == "2026-03-01"
        again = run_job(place.session, place.platform, "environment", "cleanings", NOW + timedelta(hours=1))
        assert again.told == "2 purifiers are overdue for cleaning, 0 since the last run"
        [message] = place.session.scalars(select(OutboxMessage)).all()
        assert "川味小炒" in message.payload["text"] and "老街火锅" not in message.payload["text"]
        assert message.payload["recipients"] == ["unit_clerk@enforcement", "unit_handler@enforcement"]
        register = place.platform.host.registers[OUTLETS]
        change_entry(place.session, register, "late", {"cleaned_on": "2026-03-02"}, Hand(NOW))
        place.session.commit()
        run_job(place.session, place.platform, "environment", "cleanings", NOW + timedelta(hours=2))
        assert entry(place, "late")["attention"] == "none"


def test_a_certificate_expires_on_the_day_after_its_last(bench: Bench) -> None:
    with bench.place(NOW) as place:
        for key, ends in (("over", "2026-03-01"), ("last", "2026-03-02")):
            enter(
                place, "environment_night_certificates", code=key, holder="云河建筑", valid_from="2026-02-01",
                valid_to=ends, status="valid",
            )  # fmt: skip
        place.session.commit()
        row = run_job(place.session, place.platform, "environment", "certificates", NOW)
        assert row.told == "1 certificates expired"
        assert [entry(place, key)["status"] for key in ("over", "last")] == ["expired", "valid"]


def test_last_months_grades_are_listed_once_red_first_and_counted(bench: Bench) -> None:
    with bench.place(NOW) as place:
        grades = {"一": "green", "二": "red", "三": "yellow", "四": "green"}
        for number, (name, grade) in enumerate(grades.items()):
            enter(place, SITES, code=f"S{number}", name=name, grade=grade, status="active", passed=6)
        enter(place, SITES, code="S8", name="完工", grade="red", status="finished")
        enter(place, SITES, code="S9", name="未评", status="active")
        place.session.commit()
        told = run_job(place.session, place.platform, "environment", "grades", NOW).told
        case = place.session.scalars(select(Case).where(Case.matter == "environment_dust_month")).one()
        assert told == f"{case.number}: 4 sites" and case.title == "2026-02 工地扬尘分级名单"
        again = run_job(place.session, place.platform, "environment", "grades", NOW + timedelta(days=1)).told
        assert again == "the grades of 2026-02 are listed already"
        [part] = figure(place, "green_sites", NOW)
        assert (part.numerator, part.denominator, part.behind) == (2, 4, ("S0", "S1", "S2", "S3"))
        layer = find_layer(place.platform.host.registry, "environment.sites")
        assert layer is not None and features_in(place.session, layer, (116.0, 28.0, 117.0, 29.0))["features"] == []


def test_fumes_above_the_limit_become_a_case_and_a_silent_monitor_goes_offline(bench: Bench) -> None:
    with bench.place(NOW) as place:
        session, platform = place.session, place.platform
        place_of_it = platform.host.ground.shapes[0].representative_point()
        for code in ("F1", "F2"):
            enter(place, "environment_monitors", code=code, name=f"监测仪 {code}", kind="fume", status="online")
        session.commit()
        kinds = sensing_of(session, platform).kinds
        for code in ("F1", "F2"):
            values = {
                "code": code, "kind": "environment.fume_monitor", "name": f"监测仪 {code}", "lon": place_of_it.x,
                "lat": place_of_it.y,
            }  # fmt: skip
            add_device(session, kinds, values, NOW)
        for minutes in range(0, 30, 5):
            at = NOW + timedelta(minutes=minutes)
            said = {"concentration": 2.4 if minutes else 1.9, "fan": True, "purifier": True}
            content = [{"at": at.isoformat(), "values": said}]
            taken = take_messages(session, platform, [Message(HTTP, "F1", b"", content=content)], at)
            settle(session, platform, taken.alarms, at)
        [alarm] = session.scalars(select(SensorAlarm)).all()
        assert (alarm.rule, alarm.outcome) == ("environment.fume_over", "case")
        assert alarm.raised_at == NOW + timedelta(minutes=20)  # a quarter of an hour after 09:05
        case = session.get_one(Case, alarm.case_id)
        assert (case.kind, case.full_code, case.title) == ("event", "0139", "油烟超标：监测仪 F1")
        assert figure(place, "alarms_on_time", NOW + timedelta(hours=2)) == []  # its day is not over yet
        [part] = figure(place, "alarms_on_time", NOW + timedelta(days=2))
        assert (part.object, part.numerator, part.denominator, part.behind) == ("fume_over", 0, 1, (case.number,))
        [part] = figure(place, "purifiers_online", NOW)
        assert (part.numerator, part.denominator) == (2, 2)
        later = NOW + timedelta(minutes=61)  # F2 has said nothing for an hour, F1 has
        notice_silence(session, platform, later)
        told = run_job(session, platform, "environment", "monitors", later).told
        assert told == "1 monitors changed their state" and entry(place, "F2")["status"] == "offline"
        [part] = figure(place, "purifiers_online", later)
        assert (part.numerator, part.denominator, part.behind) == (1, 2, ("F1", "F2"))


def test_the_demonstration_fills_registers_and_has_matters_at_several_stages(bench: Bench) -> None:
    with bench.place(NOW) as place:
        load_plugins(bench.city).tell(
            "demo_data", "environment",
            demo=Demonstration(
                place.session, place.platform, Random("1 environment"), NOW - timedelta(days=7), NOW
            ),
        )  # fmt: skip
        place.session.commit()
        rows = place.session.scalars(select(RegisterEntry)).all()
        counted = {name: sum(row.register == name for row in rows) for name in (OUTLETS, SITES, "environment_rivers")}
        assert counted == {OUTLETS: 80, SITES: 20, "environment_rivers": 6}
        cases = place.session.scalars(select(Case).where(Case.matter.like("environment%"))).all()
        assert len(cases) >= 8 and {"handle", "enforce", "verify", "accept"} <= {case.stage for case in cases}
        rules = set(place.session.scalars(select(SensorAlarm.rule)))
        assert {"environment.fume_over", "environment.dust_over"} <= rules
        layer = find_layer(place.platform.host.registry, "environment.outlets")
        assert layer is not None
        found = features_in(place.session, layer, (100.0, 20.0, 125.0, 40.0))["features"]
        assert len(found) == 80 and {each["properties"]["light"] for each in found} <= {"green", "yellow", "red"}


def test_a_petition_signed_after_its_sixty_days_counts_as_late(bench: Bench) -> None:
    said = {"subject": "油烟扰民", "petitioner": "信访人甲", "clue": "多次投诉"}
    served = ("deliver", {"manner": "direct", "receiver": "信访人甲"})
    steps = [
        ("accept", {"acceptance": "accept", "topic": "other"}), served,
        ("investigate", {"decision": "reply", "findings": "属实"}),
        ("sign_reply", {"signed": "sign", "reply": "已改正"}), served,
    ]  # fmt: skip
    for days, on_time in ((59, 1), (61, 0)):
        with bench.place(NOW) as place:
            at, application = NOW, Application("environment_petition", said)
            number = open_matter(place.session, place.platform, application, None, NOW).number
            place.session.commit()
            for element, answers in steps:
                at = NOW + timedelta(days=days) if element == "sign_reply" else at
                query = select(Task).where(Task.status == "open", Task.element == element)
                task = place.session.scalars(query).one()
                [person] = people_for(place.session, task.role, task.scope, most=1)
                actor = load_actor(place.session, person.id, bench.roles, task.role)
                assert actor is not None
                complete_task(place.session, place.platform, actor, task.id, answers, now=at)
            [part] = figure(place, "petitions_on_time", NOW + timedelta(days=90))
            assert (part.object, part.numerator, part.denominator, part.behind) == ("ecology", on_time, 1, (number,))
