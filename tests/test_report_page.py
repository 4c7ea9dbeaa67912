"""The report page tells what it knows while somebody types, waits for nothing, and works without scripts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_people import REPORT, Api
from lxml import html
from page_desk import Desk, Page, Site
from sqlalchemy import event, select

from api.app import create_app
from api.config import Settings
from engine.cases.callers import caller_of, masked, plain_phone
from engine.catalogue.intake_texts import texts_for
from engine.checks.running import check_city
from engine.city import load_city
from engine.components.cells import cell_of
from engine.errors import CityBroken, Invalid, NotAllowed
from engine.loading.addresses import import_addresses
from engine.models import Case, Component
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

COVER = {"subclass": "component/0101", "description": "井盖缺失", "lon": "116.0005", "lat": "28.0005"}
ADDRESSES = "code,name,kind,lon,lat,grid\nA1,甲路1号,door,116.0006,28.0006,\nA2,乙公园,place,116.0009,28.0006,\n"


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    file = tmp_path / "addresses.csv"
    file.write_text(ADDRESSES, encoding="utf-8")
    with town.session as session:
        import_addresses(session, file)
        for number, lat in ((1, 28.0006), (2, 28.0007)):
            session.add(component(f"990101010100000{number}", 116.0005, lat))
        session.commit()
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    yield Site(create_app(settings, clock=town.clock), town)
    town.close()


def component(code: str, lon: float, lat: float) -> Component:
    return Component(
        code=code, full_code="0101", name="上水井盖", lon=lon, lat=lat, cell=cell_of(lon, lat), grid_code=None,
        dept_in_charge="", dept_owner="", dept_maintenance="", state="完好", source="", initial_date=None,
        change_date=None, note="", photo="", attributes={}, present=True,
    )  # fmt: skip


def piece(desk: Desk, path: str, **asked: str) -> Page:
    return Page(desk.client.get(path, query_string=asked))


def test_addresses_come_with_their_place_while_one_types(site: Site) -> None:
    desk = site.desk("acceptor")
    found = desk.client.get("/report/addresses?q=yigy").get_json()
    assert [(each["name"], each["lon"], each["why"]) for each in found] == [("乙公园", 116.0009, "与输入相近")]
    assert desk.client.get("/report/addresses?q=ygy").get_json()[0]["why"] == "拼音首字母相符"
    for nothing in ("", "，。", " "):
        assert desk.client.get("/report/addresses", query_string={"q": nothing}).get_json() == []
    assert desk.client.get("/report/addresses", query_string={"q": "路" * 500}).status_code == 200


def test_a_point_is_told_in_words_and_on_the_ground(site: Site) -> None:
    page = piece(site.desk("acceptor"), "/report/place", lon="116.0006", lat="28.0006")
    assert "甲路1号门前" in page.text and "990101001001001" in page.text
    assert page.tree.xpath("//*[@data-address]")[0].get("data-address") == "甲路1号门前"
    english = piece(site.desk("acceptor", "en"), "/report/place", lon="116.0006", lat="28.0006")
    assert "at No. 1 Jia Road" in english.text
    assert english.tree.xpath("//*[@data-address]")[0].get("data-address") == "甲路1号门前"  # the city's own language
    assert "不在本市网格范围内" in piece(site.desk("acceptor"), "/report/place", lon="10", lat="10").text
    for lon in ("", "here", "nan", "999"):
        assert not piece(site.desk("acceptor"), "/report/place", lon=lon, lat="28").text.strip()


def test_classes_components_and_duplicates_are_suggested(site: Site) -> None:
    case = CaseWork(site.town).case.number
    desk = site.desk("acceptor")
    told = piece(desk, "/report/hints", description="上水井盖不见了")
    assert [each.get("value") for each in told.tree.xpath("//button[@name='_pick']")][:1] == ["component/0101"]
    told = piece(desk, "/report/hints", **COVER)
    codes = [each.get("value") for each in told.tree.xpath("//input[@name='component_code']")]
    assert codes == ["9901010101000001", "9901010101000002", ""]
    assert "11 米" in told.text and "22 米" in told.text
    duplicates = told.tree.xpath("//*[@data-hint='duplicates']")[0].text_content()
    assert case in duplicates and "同类" in duplicates


def test_a_place_where_nothing_is_to_be_reported_is_pointed_out_before(
    town_folder: Path, town_database: Path, tmp_path: Path
) -> None:
    folder, path = tmp_path / "city", tmp_path / "small.db"
    shutil.copytree(town_folder, folder)
    shutil.copy(town_database, path)
    header = "code,name,name_en,areas,classes,from,to,when,reason,reason_en\n"
    rule = "works,道路改造,Works,,component/0101,2026-03-01,2026-03-31,report.urgent == false,正在施工,rebuilt\n"
    (folder / "no_report.csv").write_text(header + rule, encoding="utf-8")
    town = SmallTown(folder, f"sqlite:///{path}")
    settings = Settings(str(folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    desk = Site(create_app(settings, clock=town.clock), town).desk("acceptor")
    assert "正在施工" in piece(desk, "/report/hints", **COVER).text
    assert "正在施工" not in piece(desk, "/report/hints", **COVER, urgent="yes").text
    assert "正在施工" not in piece(desk, "/report/hints", **{**COVER, "subclass": "component/0102"}).text
    assert "已上报" in desk.submit(desk.get("/report"), "", COVER, "act=report").words()
    town.close()


def test_the_chosen_component_comes_into_the_case(site: Site) -> None:
    code = "9901010101000001"
    desk = site.desk("acceptor")
    page = desk.submit(desk.get("/report"), "", {**COVER, "component_code": code}, "act=report")
    number = page.path.rsplit("/", 1)[-1]
    with site.town.session as session:
        assert session.scalars(select(Case).where(Case.number == number)).one().component_code == code
    page = desk.submit(desk.get("/report"), "", {**COVER, "component_code": "9" * 16}, "act=report")
    assert page.status == 422


def test_everything_is_there_without_scripts(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.submit(desk.get("/report"), "", {"description": "上水井盖不见了", "address": "jialu"}, "act=look")
    assert page.tree.xpath("//button[@name='_pick' and @value='component/0101']")
    page = desk.submit(page, "", {}, "_pick=component/0101")
    assert page.tree.xpath("//select[@name='subclass']/optgroup/option[@selected]/@value") == ["component/0101"]
    take = page.tree.xpath("//button[@name='_take']")[0].get("value")
    page = desk.submit(page, "", {}, f"_take={take}")
    assert page.tree.xpath("//input[@name='lon']")[0].value == "116.0006"
    assert page.tree.xpath("//input[@name='address']")[0].value == "甲路1号"
    insert = page.tree.xpath("//button[@name='_insert']")[0].get("value")
    page = desk.submit(page, "", {}, f"_insert={insert}")
    assert page.tree.xpath("//textarea[@name='description']")[0].text.splitlines()[1] == insert.partition("|")[2]
    assert "已上报" in desk.submit(page, "", {}, "act=report").words()


def test_a_caller_is_known_by_the_whole_number_and_shown_masked(site: Site) -> None:
    desk = site.desk("acceptor")
    first = {**COVER, "reporter_phone": "138-0013 ８０００", "reporter_name": "王"}
    assert "已上报" in desk.submit(desk.get("/report"), "", first, "act=report").words()
    post = {"csrf_token": "known", "reporter_phone": "13800138000"}
    told = Page(desk.client.post("/report/caller", data=post))
    assert "138****8000" in told.text and "王" in told.text and "13800138000" not in told.text
    assert "20260302-00001" in told.text
    assert desk.client.post("/report/caller", data={**post, "reporter_phone": "13800"}).status_code == 422
    assert desk.client.post("/report/caller", data={"reporter_phone": "13800138000"}).status_code == 403
    assert site.desk("collector").client.post("/report/caller", data=post).status_code == 403
    page = desk.submit(desk.get("/report"), "", {"reporter_phone": "13800138000"}, "act=look")
    assert "20260302-00001" in html.tostring(page.tree.get_element_by_id("caller"), encoding="unicode")


def test_who_takes_calls_begins_with_the_hotline_and_a_collector_with_the_patrol(site: Site) -> None:
    for login, channel in (("acceptor", "hotline_12319"), ("collector", "patrol")):
        tree = site.desk(login).get("/report").tree
        chosen = [*tree.xpath("//*[@name='source']//option[@selected]"), *tree.xpath("//input[@name='source']")][0]
        assert chosen.get("value") == channel


def test_a_caller_is_found_by_an_index(site: Site) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    with site.town.session as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        caller_of(session, site.town.platform, site.town.actor("acceptor"), "10000000001", site.town.clock.now())
        event.remove(engine, "before_cursor_execute", note)
        [query] = [each for each in asked if "reporter_phone =" in each]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", ("1",) * query.count("?")).all()
    assert any("ix_city_case_reporter_phone" in row[-1] for row in plan), plan


def test_a_caller_of_more_than_a_year_ago_is_not_told(site: Site) -> None:
    CaseWork(site.town)
    with site.town.session as session:
        actor, now = site.town.actor("acceptor"), site.town.clock.now()
        platform = site.town.platform
        assert len(caller_of(session, platform, actor, "10000000001", now).cases) == 1
        later = caller_of(session, platform, actor, "10000000001", now + timedelta(days=400))
        assert later.cases == () and later.names == ()
        with pytest.raises(NotAllowed, match=r"caller\.read"):
            caller_of(session, platform, site.town.actor("dispatcher"), "10000000001", now)
        with pytest.raises(Invalid, match="whole number"):
            caller_of(session, platform, actor, "000", now)


def test_the_api_knows_callers_and_texts(api: Api) -> None:
    api.post("acceptor", "/cases", json={**REPORT, "reporter_phone": "13800138000", "reporter_name": "王"})
    told = api.post("acceptor", "/callers", json={"phone": "138-0013-8000"})
    assert told.status_code == 200, told.json
    assert (told.json["phone"], told.json["names"], told.json["more"]) == ("138****8000", ["王"], False)
    assert [each["number"] for each in told.json["cases"]] == ["20260302-00001"]
    assert api.post("collector", "/callers", json={"phone": "13800138000"}).status_code == 403
    assert api.post("acceptor", "/callers", json={"phone": "138"}).json["errors"][0]["field"] == "phone"
    assert api.post("acceptor", "/callers", json={}).status_code == 422
    texts = api.get("collector", "/intake/texts?kind=component&full_code=0101").json["texts"]
    assert {each["use"] for each in texts} == {"ask", "write", "answer"} and all(each["text"] for each in texts)
    assert api.get("dispatcher", "/intake/texts").status_code == 403
    assert api.get("acceptor", "/intake/texts?kind=thing").status_code == 422


@pytest.mark.parametrize(
    ("typed", "plain", "mask"),
    [
        ("138 0013-8000", "13800138000", "138****8000"),
        ("(0571) 8888", "05718888", "******88"),
        ("＋86１", "+861", "**61"),
    ],
)
def test_numbers_are_kept_plain_and_shown_masked(typed: str, plain: str, mask: str) -> None:
    assert plain_phone(typed) == plain and masked(plain) == mask


@pytest.mark.parametrize("path", ["/report/addresses?q=a", "/report/place?lon=116&lat=28", "/report/hints"])
def test_only_posts_that_may_report_are_told(site: Site, path: str) -> None:
    assert site.desk("dispatcher").client.get(path).status_code == 403
    assert site.desk("acceptor").client.get(path).status_code == 200


# Standard texts ---------------------------------------------------------------------------------------------


def texts(folder: Path, full_code: str = "0101", kind: str = "component") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in texts_for(load_city(str(folder)), kind, full_code):
        found.setdefault(each.use, []).append(each.text)
    return found


def test_a_city_puts_its_own_words_in_the_place_of_the_cores(town_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    shutil.copytree(town_folder, folder)
    before = texts(folder)
    rows = "component,0101,write,井盖没了。,The cover is gone.\n*,*,answer,,\n"
    (folder / "intake_texts.csv").write_text(f"kind,code,use,text,text_en\n{rows}", encoding="utf-8")
    after = texts(folder)
    assert after["write"] == ["井盖没了。"] != before["write"]
    assert len(before["answer"]) == len(after["answer"]) + 1
    assert after["ask"] == before["ask"]
    assert check_city(load_city(str(folder))) == check_city(load_city(str(town_folder)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("component,9988,write,文字,text", "the catalogue has no component 9988"),
        ("thing,0101,write,文字,text", "kind 'thing' is none of"),
        ("component,0101,sing,文字,text", "use 'sing' is none of"),
        ("component,1,write,文字,text", "code '1' is no subclass"),
        ("component,0101,write,,text", "text is empty beside text_en"),
    ],
)
def test_a_broken_row_is_found_by_the_check_with_its_line(
    town_folder: Path, tmp_path: Path, row: str, message: str
) -> None:
    folder = tmp_path / "own"
    shutil.copytree(town_folder, folder)
    (folder / "intake_texts.csv").write_text(f"kind,code,use,text,text_en\n{row}\n", encoding="utf-8")
    found = [each for each in check_city(load_city(str(folder))) if each.file == "intake_texts.csv"]
    assert [each.line for each in found] == [2] and message in found[0].message and found[0].remedy
    if "catalogue" not in message:
        with pytest.raises(CityBroken, match="line 2"):
            texts_for(load_city(str(folder)), "component", "0101")
