"""Drafts in a real browser: saved as one types, kept in the browser while the server is out of reach, brought back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from page_desk import Site
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from test_browser import PHONE, WIDE, browser, log_in, served
from test_drafts import migrate, write_form
from waiting import until

from engine.cases.drafts import find_draft
from engine.testing.casework import CONDITION, CaseWork

__all__ = ["browser", "served"]  # fixtures

pytestmark = pytest.mark.browser

SAVED = re.compile("草稿，保存于 03-02 09:00:00。")
REASON = "#fields textarea[name=reason]"
TYPED = "证据不足，请补拍照片"


@pytest.fixture
def window(browser: Browser, served: tuple[Site, str]) -> Iterator[BrowserContext]:
    """A Chinese browser; the test fails when a page of it throws an error."""
    context = browser.new_context(viewport=WIDE, locale="zh-CN", base_url=served[1])
    context.set_default_timeout(20_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    with suppress(Exception):  # a closed window is no complaint
        context.close()
    assert errors == []


@pytest.fixture
def case(served: tuple[Site, str]) -> CaseWork:
    """A case that waits for the shift leader to file it."""
    work = CaseWork(served[0].town)
    work.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})
    return work


def open_form(window: BrowserContext, case: CaseWork) -> Page:
    page = window.new_page()
    log_in(page, "shift_leader")
    page.goto(f"/cases/{case.case.number}")
    return page


def choose_not_met(page: Page) -> None:
    page.check("#fields [name=decision][value=not_met]")
    expect(page.locator(REASON)).to_be_visible()


def kept(case: CaseWork) -> dict[str, object]:
    town, task = case.town, case.task("file_case").id
    found = find_draft(town.session, town.platform, town.actor("shift_leader"), task)
    return found.answers if found is not None else {}


def test_what_one_types_is_saved_and_there_in_another_browser(
    browser: Browser, window: BrowserContext, served: tuple[Site, str], case: CaseWork
) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    page.fill(REASON, TYPED)
    expect(page.locator("#draft")).to_contain_text(SAVED)
    expect(page.locator("#draft-state")).to_have_text("草稿已自动保存。")
    assert kept(case)["reason"] == TYPED
    until(page, "Object.keys(localStorage).length === 0")
    other = browser.new_context(viewport=PHONE, locale="zh-CN", base_url=served[1])
    phone = other.new_page()
    log_in(phone, "shift_leader")
    expect(phone.locator(".cell-task")).to_contain_text("有草稿")
    phone.goto(f"/cases/{case.case.number}")
    expect(phone.locator(REASON)).to_have_value(TYPED)
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    other.close()
    page.get_by_role("button", name="放弃草稿").click()
    expect(page.get_by_role("status").first).to_contain_text("草稿已放弃。")
    expect(page.locator("#draft")).not_to_contain_text("草稿，保存于")
    assert kept(case) == {}


def test_completing_leaves_no_draft_behind(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    expect(page.locator("#draft")).to_contain_text(SAVED)
    page.check("#fields [name=decision][value=approve]")
    expect(page.locator(REASON)).to_have_count(0)
    page.locator(".form-actions").get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("已提交：立案审核")
    expect(page.locator("#kept-here")).to_be_hidden()
    until(page, "Object.keys(localStorage).length === 0")  # the page's script runs after it is shown
    assert case.open() == ["assign"]


def test_out_of_reach_the_browser_keeps_it_says_so_and_saves_it_later(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    expect(page.locator("#draft")).to_contain_text(SAVED)
    window.set_offline(True)
    page.fill(REASON, TYPED)
    expect(page.locator("#draft-state")).to_contain_text("连不上服务器")
    assert "reason" not in kept(case) or kept(case)["reason"] != TYPED
    window.set_offline(False)
    expect(page.locator("#draft-state")).to_have_text("草稿已自动保存。")
    assert kept(case)["reason"] == TYPED
    until(page, "Object.keys(localStorage).length === 0")


def test_what_the_browser_kept_is_back_after_a_new_start(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    window.set_offline(True)
    page.fill(REASON, TYPED)
    expect(page.locator("#draft-state")).to_contain_text("连不上服务器")
    page.close()
    window.set_offline(False)
    again = window.new_page()
    again.goto(f"/cases/{case.case.number}")
    expect(again.locator("#draft-state")).to_contain_text("已恢复这台电脑上暂存的内容")
    expect(again.locator(REASON)).to_have_value(TYPED)
    expect(again.locator("#draft")).to_contain_text(SAVED)
    assert kept(case)["reason"] == TYPED


def test_a_newer_draft_on_the_server_is_not_overwritten_by_what_the_browser_kept(
    window: BrowserContext, served: tuple[Site, str], case: CaseWork
) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    window.set_offline(True)
    page.fill(REASON, TYPED)
    expect(page.locator("#draft-state")).to_contain_text("连不上服务器")
    page.close()
    window.set_offline(False)
    desk = served[0].desk("shift_leader")
    elsewhere = desk.get(f"/cases/{case.case.number}")
    task = case.task("file_case").id
    desk.submit(elsewhere, f"/tasks/{task}", {"decision": "not_met", "reason": "在另一台电脑上写的"}, "act=draft")
    again = window.new_page()
    again.goto(f"/cases/{case.case.number}")
    expect(again.locator("#draft-state")).to_contain_text("但服务器上的草稿更新")
    expect(again.locator(REASON)).to_have_value("在另一台电脑上写的")
    again.get_by_role("button", name="恢复暂存的内容").click()
    expect(again.locator(REASON)).to_have_value(TYPED)
    expect(again.locator("#draft-state")).to_contain_text("草稿已自动保存。")
    assert kept(case)["reason"] == TYPED


def test_a_second_window_is_stopped_and_told(window: BrowserContext, case: CaseWork) -> None:
    first, second = open_form(window, case), window.new_page()
    second.goto(f"/cases/{case.case.number}")
    choose_not_met(first)
    first.fill(REASON, "第一窗口")
    expect(first.locator("#draft-state")).to_have_text("草稿已自动保存。")
    choose_not_met(second)
    second.fill(REASON, "第二窗口")
    expect(second.locator("#draft")).to_contain_text("您在另一窗口保存了较新的草稿")
    expect(second.locator(REASON)).to_have_value("第二窗口")
    assert kept(case)["reason"] == "第一窗口"
    second.locator(".form-actions").get_by_role("button", name="保存草稿").click()
    expect(second.get_by_role("status").first).to_contain_text("草稿已保存。")
    assert kept(case)["reason"] == "第二窗口"


def test_what_is_chosen_before_the_scripts_are_ready_counts(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)

    def late(route: Route) -> None:
        page.check("#fields [name=decision][value=not_met]")
        route.continue_()

    page.route("**/app/draft.js*", late)
    page.reload()
    expect(page.locator(REASON)).to_be_visible()
    expect(page.locator("#draft")).to_contain_text(SAVED)
    assert kept(case)["decision"] == "not_met"


def test_leaving_the_page_at_once_loses_nothing(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    page.fill(REASON, TYPED)
    page.goto("/inbox")
    page.goto(f"/cases/{case.case.number}")
    expect(page.locator(REASON)).to_have_value(TYPED)


def test_text_typed_while_fields_come_anew_stays(window: BrowserContext, case: CaseWork) -> None:
    page = open_form(window, case)
    choose_not_met(page)

    def slow(route: Route) -> None:
        page.wait_for_timeout(500)
        route.continue_()

    page.route("**/fields", slow)
    page.fill(REASON, "先写")
    page.select_option("#fields [name=reason_kind]", "other")
    page.fill(REASON, TYPED)
    page.wait_for_timeout(1_500)
    expect(page.locator(REASON)).to_have_value(TYPED)


def test_a_form_renewed_while_one_types_keeps_all_and_says_what_is_set_aside(
    window: BrowserContext, served: tuple[Site, str], case: CaseWork, tmp_path: Path
) -> None:
    page = open_form(window, case)
    choose_not_met(page)
    page.fill(REASON, TYPED)
    town = served[0].town
    town.folder = Path(shutil.copytree(town.folder, tmp_path / "own"))  # the city's folder is everybody's
    plain = {
        "type": "radio",
        "key": "decision",
        "label": "立案意见",
        "values": [{"value": "not_met", "label": "不符合"}],
    }
    migrate(town, write_form(town, plain, name="file_case"))
    page.check("#fields [name=decision][value=approve]")
    expect(page.locator("#draft")).to_contain_text("没有对应的位置")
    expect(page.locator("#draft")).to_contain_text(TYPED)
    expect(page.locator(REASON)).to_have_count(0)
