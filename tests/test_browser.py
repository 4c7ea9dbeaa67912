"""The pages in a real browser: one walk through inbox, case, form and map, with no complaint in the console."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest
from api_people import PASSWORD
from page_desk import Site
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from werkzeug.serving import make_server

from api.app import create_app
from api.config import Settings
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WIDE, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


def missing() -> str:
    """Why the browser tests cannot run here; empty when they can."""
    if not Path(CHROMIUM).is_file():
        return f"there is no Chromium at {CHROMIUM}; install the package chromium"
    if not (ROOT / "api/static/vendor/.stamp").is_file():
        return "the pages' scripts were not fetched; run 'make assets'"
    return ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium, or a skip that says why there is none; with WANGGE_NO_SKIP set that is a failure."""
    reason = missing()
    if reason and not os.environ.get("WANGGE_NO_SKIP"):
        pytest.skip(reason)
    assert not reason, reason
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture
def served(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[tuple[Site, str]]:
    """A small city served on a free port of this machine, and its address."""
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Site(app, town), f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    town.close()


@pytest.fixture
def visit(browser: Browser, served: tuple[Site, str]) -> Iterator[Page]:
    """A Chinese browser window; the test fails when its console complains."""
    context: BrowserContext = browser.new_context(viewport=WIDE, locale="zh-CN", base_url=served[1])
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    with suppress(Exception):  # a closed window is no complaint
        context.close()
    assert complaints == []


def log_in(page: Page, login: str) -> None:
    """Log in by hand."""
    page.goto("/")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("main button.btn-primary")
    expect(page.locator("#inbox")).to_be_visible()


def test_a_clerk_finds_opens_and_completes_a_task(visit: Page, served: tuple[Site, str]) -> None:
    case = CaseWork(served[0].town)
    case.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})
    log_in(visit, "shift_leader")
    expect(visit.locator("tr[data-open]")).to_have_count(1)
    visit.keyboard.press("j")
    visit.keyboard.press("Enter")
    expect(visit.locator(".stepper [aria-current=step]")).to_contain_text("案卷建立")
    visit.check("#fields [name=decision][value=not_met]")
    expect(visit.locator("#fields textarea[name=reason]")).to_be_visible()
    visit.check("#fields [name=decision][value=approve]")
    expect(visit.locator("#fields textarea[name=reason]")).to_have_count(0)
    visit.locator(".form-actions").get_by_role("button", name="提交", exact=True).click()
    expect(visit.get_by_role("status")).to_contain_text("已提交：立案审核")
    assert case.open() == ["assign"]


def test_text_survives_a_change_of_fields_and_a_new_visit(visit: Page, served: tuple[Site, str]) -> None:
    case = CaseWork(served[0].town)
    case.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})
    log_in(visit, "shift_leader")
    visit.click(".row-link")
    visit.check("#fields [name=decision][value=not_met]")
    visit.fill("#fields textarea[name=reason]", "证据不足，请补拍照片")
    visit.select_option("#fields [name=reason_kind]", "other")
    expect(visit.locator("#fields textarea[name=reason]")).to_have_value("证据不足，请补拍照片")
    visit.reload()
    visit.check("#fields [name=decision][value=not_met]")
    expect(visit.locator("#fields textarea[name=reason]")).to_have_value("证据不足，请补拍照片")


def test_the_map_shows_the_cases(visit: Page, served: tuple[Site, str]) -> None:
    case = CaseWork(served[0].town)
    log_in(visit, "acceptor")
    visit.click("nav a[href='/map']")
    expect(visit.locator("[data-map=cases][data-ready='1']")).to_be_visible()
    expect(visit.locator(".map-count")).to_have_text("共 1 件在办")
    expect(visit.locator(".leaflet-container canvas").first).to_be_visible()
    expect(visit.locator(".map-list")).to_contain_text(case.case.number)


def test_a_place_is_picked_on_the_map_of_a_report(visit: Page, served: tuple[Site, str]) -> None:
    log_in(visit, "collector")
    visit.goto("/report")
    expect(visit.locator("[data-map=pick][data-ready]")).to_be_visible()
    visit.fill("[data-narrow]", "0101")
    visit.select_option("#subclass", "component/0101")
    visit.fill("#description", "井盖缺失")
    visit.locator("[data-map=pick]").click()
    expect(visit.locator("#lon")).to_have_value(re.compile(r"^116\.00[012]\d+$"))
    visit.locator(".form-actions").get_by_role("button", name="上报").click()
    expect(visit.get_by_role("status")).to_contain_text("已上报")


def test_pages_fit_a_phone(visit: Page, served: tuple[Site, str]) -> None:
    case = CaseWork(served[0].town, description="很长的描述" * 60, address="一条名字很长很长的路" * 6)
    log_in(visit, "acceptor")
    visit.set_viewport_size(PHONE)
    for path in ("/inbox", "/cases", f"/cases/{case.case.number}", "/map", "/report", "/notices"):
        visit.goto(path)
        width = visit.locator("body").evaluate("body => document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{path} is {width} px wide"


def test_without_scripts_the_same_walk_works(browser: Browser, served: tuple[Site, str]) -> None:
    case = CaseWork(served[0].town)
    context = browser.new_context(viewport=WIDE, locale="zh-CN", base_url=served[1], java_script_enabled=False)
    page = context.new_page()
    page.goto("/login")
    page.fill("#login", "acceptor")
    page.fill("#password", PASSWORD)
    page.click("main button.btn-primary")
    page.click(".row-link")
    page.check("#fields [name=decision][value=ok]")
    page.select_option("#fields [name=condition]", CONDITION)
    page.locator(".form-actions button").first.click()
    assert "已提交：受理登记" in page.inner_text("main")
    page.goto("/map")
    assert case.case.number in page.inner_text(".map-list")
    context.close()
