"""The report page in a real browser: filed by the keyboard alone, on a phone, and with answers that never come."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page_desk import Site
from playwright.sync_api import Browser, Page, Route, expect
from test_browser import PHONE, browser, log_in, served, visit  # noqa: F401  (fixtures)

from engine.loading.addresses import import_addresses

pytestmark = pytest.mark.browser
ADDRESSES = "code,name,kind,lon,lat,grid\nA1,甲路1号,door,116.0006,28.0006,\nA2,甲路2号,door,116.0008,28.0006,\n"


@pytest.fixture
def desk(visit: Page, served: tuple[Site, str], tmp_path: Path) -> Page:  # noqa: F811
    file = tmp_path / "addresses.csv"
    file.write_text(ADDRESSES, encoding="utf-8")
    with served[0].town.session as session:
        import_addresses(session, file)
    return visit


def test_a_call_is_filed_by_the_keyboard_alone(desk: Page) -> None:
    log_in(desk, "acceptor")
    desk.goto("/report")
    expect(desk.locator("[data-map=pick][data-ready]")).to_be_visible()
    expect(desk.locator("#reporter_phone")).to_be_focused()
    keys = desk.keyboard
    keys.type("138 0013 8000")
    keys.press("Enter")
    expect(desk.locator("#caller")).to_contain_text("138****8000")
    keys.press("Enter")
    keys.type("上水井盖不见了")
    expect(desk.locator("#classes button").first).to_contain_text("0101")
    keys.press("Alt+1")
    expect(desk.locator("#subclass")).to_have_value("component/0101")
    expect(desk.locator("#address")).to_be_focused()
    keys.type("jl")
    expect(desk.locator("#address-list li")).to_have_count(2)
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    expect(desk.locator("#address-list li[aria-selected=true]")).to_contain_text("甲路2号")
    keys.press("Enter")
    expect(desk.locator("#lon")).to_have_value("116.0008")
    expect(desk.locator("#address")).to_have_value("甲路2号")
    expect(desk.locator("#place")).to_contain_text("990101001001001")
    keys.press("Control+Enter")
    expect(desk.locator("p.alert-success")).to_contain_text("已上报，案件号 20260302-00001")


def test_a_click_on_the_map_gives_the_words_and_never_takes_away_ones_own(desk: Page) -> None:
    log_in(desk, "acceptor")
    desk.goto("/report?lon=116.0006&lat=28.0006")
    expect(desk.locator("#address")).to_have_value("甲路1号门前")
    desk.locator("[data-map=pick][data-ready]").click(position={"x": 60, "y": 60})
    expect(desk.locator("#address")).not_to_have_value("甲路1号门前")
    expect(desk.locator("#address")).to_have_value(re.compile("甲路"))
    desk.fill("#address", "院子里面")
    at = desk.locator("#lon").input_value()
    desk.locator("[data-map=pick]").click(position={"x": 90, "y": 90})
    expect(desk.locator("#lon")).not_to_have_value(at)
    with desk.expect_response(re.compile("/report/place")):
        desk.locator("[data-map=pick]").click(position={"x": 120, "y": 90})
    expect(desk.locator("#address")).to_have_value("院子里面")


def test_a_late_answer_holds_nobody_up(desk: Page) -> None:
    def never(route: Route) -> None:
        waiting.append(route)

    waiting: list[Route] = []
    log_in(desk, "acceptor")
    desk.goto("/report")
    expect(desk.locator("[data-map=pick][data-ready]")).to_be_visible()
    desk.route(re.compile("/report/"), never)
    desk.fill("#description", "井盖不见了")
    desk.fill("[data-narrow]", "0101")
    desk.keyboard.press("Enter")
    expect(desk.locator("#subclass")).to_have_value("component/0101")
    desk.fill("#lon", "116.0006")
    desk.fill("#lat", "28.0006")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("p.alert-success")).to_contain_text("已上报")
    assert waiting  # it had asked, and nobody answered


def test_a_collector_files_where_the_phone_is(browser: Browser, served: tuple[Site, str], desk: Page) -> None:  # noqa: F811
    place = {"longitude": 116.0006, "latitude": 28.0006}
    context = browser.new_context(
        viewport=PHONE, locale="zh-CN", base_url=served[1], geolocation=place, permissions=["geolocation"],
        has_touch=True, is_mobile=True,
    )  # fmt: skip
    page = context.new_page()
    log_in(page, "collector")
    page.goto("/report")
    page.fill("#description", "上水井盖不见了")
    page.tap("#classes button:first-of-type")
    page.tap("[data-locate]")
    expect(page.locator("#lon")).to_have_value("116.000600")
    expect(page.locator("#address")).to_have_value("甲路1号门前")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.tap(".form-actions button[value=report]")
    expect(page.locator("p.alert-success")).to_contain_text("已上报")
    context.close()
