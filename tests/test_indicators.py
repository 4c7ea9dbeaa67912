"""Figures of departments and their layers on the map: who sees them, what they say, what a failing one does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest
from page_desk import Site
from sqlalchemy.orm import Session
from test_registers import OUTLETS, TESTS

from api.app import create_app
from api.config import Settings
from api.context import session
from engine.hooks import Indicator, MapLayer, Measured, Permission
from engine.models import Case, Person
from engine.organisation.people import issue_token
from engine.platform import Platform
from engine.registers.keeping import Hand, add_entry
from engine.registry import Contributions
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city

BOX = "115.9,27.9,116.1,28.1"


def lit(db: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    number = db.query(Case.number).order_by(Case.id).first()
    return [Measured("MUNI", 3, 4, (number[0] if number else "-", "L-7")), Measured("MUNI", 0, 0)]


def broken(db: Session, platform: Platform, start: datetime, end: datetime) -> list[Measured]:
    db.query(Case).update({"title": "gone"})
    raise RuntimeError("no current")


def poles(db: Session, view: tuple[float, float, float, float], most: int) -> list[Mapping[str, Any]]:
    place = {"type": "Point", "coordinates": [116.0, 28.0]}
    return [{"type": "Feature", "geometry": place, "properties": {"title": "灯杆", "register": "outlets", "key": "C1"}}]


LAMPS = Contributions(
    permissions=(Permission("lamps.read", "看路灯", "see lamps"),),
    indicators=(Indicator("lit", "亮灯率", "Lamps lit", "%", lit), Indicator("dark", "黑灯", "Dark", "", broken)),
    map_layers=(MapLayer("poles", "灯杆图层", "Poles", "point", "lamps.read", poles),),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("indicators")
    folder = write_small_city(home / "small")
    roles = folder / "roles.csv"
    head = "" if roles.is_file() else "role,name,name_en,side,permissions\n"
    with roles.open("a", encoding="utf-8") as file:
        file.write(f"{head}dispatcher,,,,+lamps.read\n")
    (folder / "registers").mkdir()
    (folder / "registers/outlets.toml").write_text(OUTLETS.replace('"admin"', '"case.extend"'), encoding="utf-8")
    (folder / "registers/tests.toml").write_text(TESTS.replace('"case.read_all"', '"admin"'), encoding="utf-8")
    town = SmallTown(folder, f"sqlite:///{home / 'small.sqlite'}")
    CaseWork(town)
    register = town.platform.host.registers["outlets"]
    outlet = {"code": "C0007", "name": "茶馆", "stoves": 2, "condition": "open", "lon": 116.0005, "lat": 28.0005}
    add_entry(town.session, register, outlet, Hand(town.clock.now()))
    town.session.commit()
    app = create_app(Settings(str(folder), town.url, "test", home, check_city=False, testing=True), clock=town.clock)
    host = app.extensions["wangge"].host
    host.registry = replace(host.registry, plugins=MappingProxyType({**host.registry.plugins, "lamps": LAMPS}))
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def token(site: Site, login: str) -> dict[str, str]:
    with site.app.app_context():
        person = session().query(Person).filter_by(login=login).one()
        given, _ = issue_token(session(), person, site.town.clock.now())
        session().commit()
    return {"Authorization": f"Bearer {given}"}


def test_a_figure_is_shown_with_its_fraction_and_what_is_behind_it(site: Site) -> None:
    page = site.desk("dispatcher").get("/indicators").text
    number = site.town.session.query(Case.number).scalar()
    assert "亮灯率" in page and "75.0 %" in page and "3 / 4" in page
    assert f'/cases/{number}"' in page and "<span>L-7</span>" in page, "cases are links, other keys are not"
    assert "—" in page, "a share of nothing is no figure"


def test_one_that_fails_is_told_and_leaves_nothing_behind(site: Site) -> None:
    page = site.desk("dispatcher").get("/indicators").text
    assert "没有算出：RuntimeError: no current" in page
    assert site.town.session.query(Case).filter_by(title="gone").count() == 0


def test_who_may_not_read_the_department_sees_nothing_of_it(site: Site) -> None:
    desk = site.desk("collector")
    page = desk.get("/indicators").text
    assert "没有可查看的指标" in page and "亮灯率" not in page
    assert "部门指标" not in desk.get("/").text, "not in the navigation either"


def test_the_api_says_the_same_for_a_period_of_whole_days(site: Site) -> None:
    client, headers = site.app.test_client(), token(site, "dispatcher")
    found = client.get("/api/v1/indicators?from=2026-03-01&to=2026-03-31&lang=en", headers=headers).get_json()
    assert [each["id"] for each in found] == ["lamps.lit", "lamps.dark"]
    assert found[0]["name"] == "Lamps lit" and found[0]["figures"][0]["value"] == 75
    assert found[0]["figures"][0]["parts"] == 2 and found[0]["figures"][1]["value"] is None
    assert found[1]["failure"] == "RuntimeError: no current"
    wrong = client.get("/api/v1/indicators?from=2026-03-31&to=2026-03-01", headers=headers)
    assert wrong.status_code == 422 and "earlier first day" in wrong.get_data(as_text=True)
    nobody = client.get("/api/v1/indicators?plugin=bins", headers=headers)
    assert nobody.status_code == 404 and "bins" in nobody.get_data(as_text=True)


def test_layers_of_plugins_and_registers_are_offered_on_the_map(site: Site) -> None:
    desk = site.desk("dispatcher")
    page = desk.get("/map").text
    assert "灯杆图层" in page and 'data-shown="lamps.poles"' in page and 'data-shown="register.outlets"' in page
    shown = desk.client.get(f"/map/layers/register.outlets?bbox={BOX}").get_json()
    assert [each["properties"]["title"] for each in shown["features"]] == ["茶馆"]
    assert shown["features"][0]["properties"]["url"].endswith("/registers/outlets/entries/C0007")
    assert not shown["truncated"] and any("营业" in line for line in shown["features"][0]["properties"]["lines"])
    pole = desk.client.get(f"/map/layers/lamps.poles?bbox={BOX}").get_json()["features"][0]
    assert pole["properties"]["title"] == "灯杆" and pole["properties"]["url"].endswith("/entries/C1")


def test_a_layer_one_may_not_see_is_refused(site: Site) -> None:
    desk = site.desk("collector")
    assert "灯杆图层" not in desk.get("/map").text
    assert desk.client.get(f"/map/layers/lamps.poles?bbox={BOX}").status_code == 403
    assert desk.client.get(f"/map/layers/lamps.bulbs?bbox={BOX}").status_code == 404
    assert site.desk("dispatcher").client.get("/map/layers/lamps.poles?bbox=1,2").status_code == 422
