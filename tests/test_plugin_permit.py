"""Administrative licences: what every plugin promises, the daily job, figures, the demonstration, papers of a case."""

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
from engine.models import Case, OfficialDocument, OutboxMessage, RegisterEntry, Task
from engine.registers.keeping import Hand, add_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place

NOW = datetime.fromisoformat("2026-03-02T09:00:00+08:00")


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("permit") == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("permit") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, ["permit"])
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


def enter(place: Place, register: str, **values: object) -> RegisterEntry:
    return add_entry(place.session, place.platform.host.registers[register], values, Hand(NOW))


def entry(place: Place, key: str) -> dict[str, object]:
    place.session.expire_all()
    return dict(place.session.scalars(select(RegisterEntry).where(RegisterEntry.key == key)).one().values)


def test_the_job_marks_what_has_ended_and_reminds_once_of_what_ends_soon(bench: Bench) -> None:
    with bench.place(NOW) as place:
        enter(place, "permit_items", code="AD-01", name="大型户外广告设置")
        common = {"holder": "云河某公司", "item": "AD-01", "department": "outdoor_ad", "status": "valid"}
        for key, ends in (
            ("ended", "2026-03-01"),
            ("today", "2026-03-02"),
            ("soon", "2026-04-30"),
            ("later", "2026-06-01"),
        ):
            enter(place, "permit_licences", licence_no=key, valid_to=ends, **common)
        enter(place, "permit_licences", licence_no="endless", **common)
        place.session.commit()
        row = run_job(place.session, place.platform, "permit", "licences", NOW)
        assert row.told == "1 expired, 2 reminded of"
        assert [entry(place, key)["status"] for key in ("ended", "today", "endless")] == ["expired", "valid", "valid"]
        [message] = place.session.scalars(select(OutboxMessage)).all()
        assert message.payload["recipients"] == ["unit_clerk@outdoor_ad", "unit_handler@outdoor_ad"]
        assert "today" in message.payload["text"] and "soon" in message.payload["text"]
        assert "later" not in message.payload["text"]
        again = run_job(place.session, place.platform, "permit", "licences", NOW + timedelta(hours=1))
        assert again.told == "0 expired, 0 reminded of"


def test_the_demonstration_has_applications_at_every_stage_and_figures_of_them(bench: Bench) -> None:
    with bench.place(NOW) as place:
        load_plugins(bench.city).tell(
            "demo_data",
            "permit",
            demo=Demonstration(place.session, place.platform, Random("7 permit"), NOW - timedelta(days=7), NOW),
        )
        place.session.commit()
        stages = {case.stage for case in place.session.scalars(select(Case))}
        assert {"accept", "verify", "file", "feedback"} <= stages
        elements = set(place.session.scalars(select(Task.element).where(Task.status == "open")))
        assert {"check_formality", "receive_supplement", "examine", "decide", "publish"} <= elements
        made = set(place.session.scalars(select(OfficialDocument.template)))
        assert {"permit_receipt", "permit_supplement", "permit_accepted", "permit_granted", "permit_licence"} <= made
        figures = {
            each.id: each.measure(place.session, place.platform, NOW - timedelta(days=700), NOW + timedelta(days=1))
            for each in place.platform.host.registry.plugins["permit"].indicators
        }
        issued = sum(part.denominator for part in figures["by_commitment"])
        licences = place.session.scalars(select(RegisterEntry).where(RegisterEntry.register == "permit_licences"))
        assert issued == len([row for row in licences if row.values["issued_on"] >= "2024-04-01"])
        assert all(
            part.numerator <= part.denominator == len(part.behind) for parts in figures.values() for part in parts
        )
