"""Illegal buildings: what every plugin promises, findings by file, figures, layers, jobs, the demonstration."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from page_desk import Site
from sqlalchemy import select, update

from api.app import create_app
from api.config import Settings
from api.context import session
from engine.cases.matters import Application, open_matter
from engine.city import find_city, load_city
from engine.contract.promises import try_plugin
from engine.errors import Invalid
from engine.hooks import Demonstration
from engine.hooks.enabling import write_enabled
from engine.hooks.host import load_plugins
from engine.hooks.working import run_job
from engine.models import Case, OfficialDocument, OutboxMessage, Person, RegisterChange, RegisterEntry, Task
from engine.organisation.people import issue_token
from engine.registers.keeping import Hand, add_entry
from engine.scenarios import Bench
from engine.scenarios.bench import Place
from engine.testing.small_city import SmallTown, write_small_city
from plugins.illegal_build.findings import FINDINGS, import_findings
from plugins.illegal_build.operators import BUILDINGS

NOW = datetime.fromisoformat("2026-03-02T09:00:00+08:00")


def test_it_keeps_what_every_plugin_promises() -> None:
    assert try_plugin("illegal_build") == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("illegal_build") / "yunhe"
    shutil.copytree(find_city("yunhe"), folder)
    write_enabled(folder, ["penalty", "illegal_build"])
    bench = Bench(load_city(str(folder)))
    yield bench
    bench.close()


@pytest.fixture
def place(bench: Bench) -> Iterator[Place]:
    with bench.place(NOW) as place:
        yield place


def enter(place: Place, register: str, **values: object) -> None:
    add_entry(place.session, place.platform.host.registers[register], values, Hand(NOW))
    place.session.commit()


def entry(place: Place, register: str, key: str) -> RegisterEntry:
    query = select(RegisterEntry).where(RegisterEntry.register == register, RegisterEntry.key == key)
    return place.session.scalars(query.execution_options(populate_existing=True)).one()


def geojson(path: Path, **spots: tuple[float, float]) -> Path:
    """A file of squares of about 10 m by 10 m around places."""
    features = []
    for code, (lon, lat) in spots.items():
        east, north = 5 / 96_000, 5 / 111_320
        ring = [(-east, -north), (east, -north), (east, north), (-east, north), (-east, -north)]
        features.append(
            {
                "type": "Feature",
                "properties": {"code": code, "found_on": "2026-02-20", "confidence": 88},
                "geometry": {"type": "Polygon", "coordinates": [[[lon + x, lat + y] for x, y in ring]]},
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_findings_of_a_vector_file_are_measured_linked_and_taken_once(place: Place, tmp_path: Path) -> None:
    enter(place, BUILDINGS, code="WJ0001", address="鼓楼巷 3 号", stage="waiting", lon=120.0, lat=30.0)
    enter(place, BUILDINGS, code="WJ0002", address="鼓楼巷 4 号", stage="found", lon=120.0003, lat=30.0)
    file = geojson(tmp_path / "spots.geojson", **{"TB-1": (120.00005, 30.0), "TB-2": (120.01, 30.0)})
    took = import_findings(place.session, place.platform, file, NOW, source="drone")
    place.session.commit()
    assert (took.added, took.linked, took.refused) == (2, 1, [])
    near, far = entry(place, FINDINGS, "TB-1"), entry(place, FINDINGS, "TB-2")
    assert near.values["building"] == "WJ0001" and far.values.get("building") is None
    assert near.values["area"] == pytest.approx(100, rel=0.02)
    assert (near.values["source"], near.values["status"], near.values["found_on"]) == ("drone", "new", "2026-02-20")
    lines = len(place.session.scalars(select(RegisterChange)).all())
    again = import_findings(place.session, place.platform, file, NOW + timedelta(days=1), source="drone")
    place.session.commit()
    assert (again.added, again.changed, again.same) == (0, 0, 2)
    assert len(place.session.scalars(select(RegisterChange)).all()) == lines


def test_findings_of_a_table_that_do_not_hold_are_told_and_the_others_taken(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "spots.csv"
    file.write_text(
        "code,lon,lat,found_on,area,source\nTB-1,120,30,2026-02-20,55.5,satellite\nTB-1,120,30,,,\n,120,30,,,\n"
        "TB-2,520,30,,,\nTB-3,120,30,last week,,\n",
        encoding="gb18030",
    )
    took = import_findings(place.session, place.platform, file, NOW)
    place.session.commit()
    assert took.added == 1 and [each.line for each in took.refused] == [3, 4, 5, 6]
    assert entry(place, FINDINGS, "TB-1").values["area"] == 55.5
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("code,x,y\n")
    with pytest.raises(Invalid, match="unknown columns x, y; its header may have code,source"):
        import_findings(place.session, place.platform, wrong, NOW)
    with pytest.raises(Invalid, match="of no known kind"):
        import_findings(place.session, place.platform, tmp_path / "spots.dwg", NOW)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = write_small_city(tmp_path / "small")
    write_enabled(folder, ["penalty", "illegal_build"])
    town = SmallTown(folder, f"sqlite:///{tmp_path / 'small.sqlite'}")
    town.session.commit()
    settings = Settings(str(folder), town.url, "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_findings_are_sent_by_page_and_api_by_those_who_may(site: Site, tmp_path: Path) -> None:
    file = geojson(tmp_path / "spots.geojson", **{"TB-1": (116.0, 28.0)})
    desk = site.desk("unit_handler_municipal")
    page = desk.get("/illegal_build/findings")
    assert "导入图斑" in page.text
    page = desk.submit(page, "findings", {"source": "drone", "file": (io.BytesIO(file.read_bytes()), "spots.geojson")})
    assert page.status == 200 and "新增 1 个" in page.text
    page = desk.submit(desk.get("/illegal_build/findings"), "findings", {"source": "drone"})
    assert page.status == 422 and "文件" in page.words(), page.words()
    assert site.desk("dispatcher").get("/illegal_build/findings").status == 403
    client = site.app.test_client()
    assert client.post("/api/v1/illegal_build/findings/file").status_code == 401
    with site.app.app_context():
        person = session().query(Person).filter_by(login="unit_handler_municipal").one()
        token, _ = issue_token(session(), person, site.town.clock.now())
        session().commit()
    head = {"Authorization": f"Bearer {token}"}
    sent = {"file": (io.BytesIO(file.read_bytes()), "spots.geojson"), "source": "drone"}
    answer = client.post("/api/v1/illegal_build/findings/file", data=sent, headers=head)
    assert answer.status_code == 200 and answer.json is not None
    assert (answer.json["added"], answer.json["same"], answer.json["linked"]) == (0, 1, 0)


def test_the_page_of_a_file_and_of_the_case_beside_it_shows_the_building(site: Site) -> None:
    town, at = site.town, {"lon": 116.0005, "lat": 28.0005}
    registers = town.platform.host.registers
    asked = {"subject": "甲处", "clue": "加盖"}
    beside = open_matter(
        town.session, town.platform,
        Application("illegal_build_report", {"place": "甲处", "finder": "网格员", "state": "built", "what": "加盖"},
                    department="MUNICIPAL", **at), None, NOW,
    ).number  # fmt: skip
    file = open_matter(
        town.session, town.platform, Application("illegal_build_file", asked, department="MUNICIPAL", **at), None, NOW
    ).number
    town.session.commit()
    town.session.execute(update(Case).where(Case.number == file).values(origin=beside))
    hand = Hand(NOW)
    about = {
        "code": "WJ0001",
        "address": "鼓楼巷 <3> 号",
        "stage": "waiting",
        "remedy_until": "2026-09-02",
        "case": file,
    }
    add_entry(town.session, registers[BUILDINGS], about, hand)
    frozen = {"code": "WJ0001-MUNICIPAL", "building": "WJ0001", "department": "MUNICIPAL", "status": "frozen"}
    add_entry(town.session, registers["illegal_build_freezes"], frozen, hand)
    town.session.commit()
    desk = site.desk("unit_handler_municipal")
    own = desk.get(f"/cases/{file}").words()
    assert "WJ0001" in own and "鼓楼巷 <3> 号" in own and "复议诉讼期" in own and "2026-09-02" in own
    assert town.platform.host.directory.name("MUNICIPAL") in own
    assert file in desk.get(f"/cases/{beside}").words()


def test_a_finding_that_was_settled_stays_settled_when_its_file_comes_again(place: Place, tmp_path: Path) -> None:
    enter(place, FINDINGS, code="TB-1", status="legal", building="WJ0009", lon=120.0, lat=30.0)
    took = import_findings(
        place.session, place.platform, geojson(tmp_path / "spots.geojson", **{"TB-1": (120.0, 30.0)}), NOW
    )
    place.session.commit()
    assert took.changed == 1
    assert entry(place, FINDINGS, "TB-1").values["status"] == "legal"
    assert entry(place, FINDINGS, "TB-1").values["building"] == "WJ0009"


def test_jobs_send_findings_out_once_and_tell_of_what_ends_and_lies(place: Place) -> None:
    point = next(iter(place.platform.host.ground.shapes)).representative_point()
    enter(place, FINDINGS, code="TB-1", status="new", imported_on="2026-02-02", lon=point.x, lat=point.y)
    enter(place, FINDINGS, code="TB-3", status="new", imported_on="2026-03-01", lon=120.0, lat=30.0)
    enter(place, FINDINGS, code="TB-2", status="legal", imported_on="2026-01-02")
    due = {"stage": "waiting", "department": "enforcement"}
    enter(place, BUILDINGS, code="WJ1", address="甲处", remedy_until="2026-03-06", **due)
    enter(place, BUILDINGS, code="WJ2", address="乙处", remedy_until="2026-05-06", **due)
    enter(place, BUILDINGS, code="WJ3", address="丙处", remedy_until="2026-03-06", stage="removed")
    told = run_job(place.session, place.platform, "illegal_build", "remind", NOW).told
    assert told == "1 remedies end, 1 findings unanswered"
    texts = [row.payload["text"] for row in place.session.scalars(select(OutboxMessage))]
    assert any("甲处" in text and "乙处" not in text for text in texts)
    assert any("TB-1" in text and "TB-2" not in text for text in texts)
    assert run_job(place.session, place.platform, "illegal_build", "findings", NOW).told == "2 findings sent out"
    assert entry(place, FINDINGS, "TB-1").values["status"] == "checking"
    later = NOW + timedelta(days=1)
    assert run_job(place.session, place.platform, "illegal_build", "findings", later).told == "0 findings sent out"
    cases = place.session.scalars(select(Case).order_by(Case.id)).all()
    assert [(case.matter, case.lon) for case in cases] == [
        ("illegal_build_finding", pytest.approx(point.x)), ("illegal_build_finding", None),
    ]  # fmt: skip


def test_the_demonstration_has_every_stage_and_the_figures_and_layers_show_it(bench: Bench, place: Place) -> None:
    demo = Demonstration(place.session, place.platform, Random("7 illegal_build"), NOW - timedelta(days=14), NOW)
    load_plugins(bench.city).tell("demo_data", "illegal_build", demo=demo)
    place.session.commit()
    brought = place.platform.host.registry.plugins["illegal_build"]
    rows = place.session.scalars(select(RegisterEntry).where(RegisterEntry.register == BUILDINGS)).all()
    choices = place.platform.host.registers[BUILDINGS].columns["stage"].choices
    assert {row.values["stage"] for row in rows} == {each.value for each in choices}
    assert {each.matter for each in demo.planned} == {
        "illegal_build_file", "illegal_build_report", "illegal_build_finding", "illegal_build_freeze",
    }  # fmt: skip
    elements = set(place.session.scalars(select(Task.element).where(Task.status == "open")))
    assert {"ask_planning", "investigate", "answer", "await_correction", "self_removal"} <= elements
    made = set(place.session.scalars(select(OfficialDocument.template)))
    assert {"illegal_build_stop_order", "illegal_build_charge", "illegal_build_goods", "illegal_build_correct_order",
            "illegal_build_removal_order", "illegal_build_freeze_letter", "delivery_receipt"} <= made  # fmt: skip
    figures = {
        each.id: each.measure(place.session, place.platform, NOW - timedelta(days=400), NOW + timedelta(days=1))
        for each in brought.indicators
    }
    removed = [row for row in rows if row.values["stage"] == "removed"]
    [area] = figures["area_removed"]
    assert area.numerator == pytest.approx(sum(row.values["removed_area"] for row in removed))
    assert sorted(area.behind) == sorted(row.key for row in removed)
    stages = {part.object: part.numerator for part in figures["open_by_stage"]}
    assert stages["waiting"] == 4 and "removed" not in stages
    [stopped] = figures["stopped_in_time"]
    assert 0 < stopped.numerator < stopped.denominator == len(stopped.behind)
    [new] = figures["new_share"]
    assert 0 < new.numerator <= new.denominator
    layers = {each.id: list(each.features(place.session, (-180, -90, 180, 90), 500)) for each in brought.map_layers}
    assert len(layers["buildings"]) == sum(stages.values())
    assert {each["properties"]["status"] for each in layers["findings"]} == {"new", "checking"}
    assert list(brought.map_layers[0].features(place.session, (0, 0, 1, 1), 500)) == []
