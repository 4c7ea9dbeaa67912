"""Evidence sent from a phone in a real browser: nothing is lost when the network breaks, nothing is there twice."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from page_desk import Site
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import select
from test_browser import PHONE, browser, log_in, served
from waiting import until

from engine.models import Evidence
from engine.simulation.photos import draw
from engine.testing.casework import CaseWork

__all__ = ["browser", "served"]  # fixtures

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(browser: Browser, served: tuple[Site, str]) -> Iterator[BrowserContext]:
    """A Chinese phone; the test fails when a page of it throws an error."""
    context = browser.new_context(viewport=PHONE, locale="zh-CN", base_url=served[1])
    context.set_default_timeout(20_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context
    with suppress(Exception):
        context.close()
    assert errors == []


@pytest.fixture
def case(served: tuple[Site, str]) -> CaseWork:
    return CaseWork(served[0].town)


LOSES_FIRST_ANSWER = """(() => {
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    if (!window.lost) { window.lost = true; this.onload = () => this.onerror(); }
    return send.call(this, body);
  };
})()"""
"""The server has taken the file, but its answer never arrives."""
WAIT_MS = 20_000


def large_photo() -> bytes:
    """As a phone takes them: some megabytes."""
    out = io.BytesIO()
    Image.effect_noise((2000, 1500), 90).convert("RGB").save(out, "JPEG", quality=80)
    return out.getvalue()


def choose(page: Page, role: str, *files: tuple[str, str, bytes]) -> None:
    page.select_option("#photo-role", role)
    payload: Any = [{"name": name, "mimeType": kind, "buffer": content} for name, kind, content in files]
    page.set_input_files("#photo-files", payload)
    page.click("form.upload .btn:has-text('上传')")


def rows(case: CaseWork) -> list[Evidence]:
    case.town.session.rollback()
    return list(case.town.session.scalars(select(Evidence).where(Evidence.case_id == case.id).order_by(Evidence.id)))


def open_case(phone: BrowserContext, case: CaseWork) -> Page:
    page = phone.new_page()
    log_in(page, "collector")
    page.goto(f"/cases/{case.case.number}")
    return page


def test_a_broken_network_loses_nothing_and_sends_nothing_twice(phone: BrowserContext, case: CaseWork) -> None:
    """The first answer is cut off after the server has taken the file, the second request never leaves."""
    phone.add_init_script(LOSES_FIRST_ANSWER)
    page = open_case(phone, case)
    seen: list[str] = []

    def cut(route: Route) -> None:
        seen.append(route.request.url)
        if len(seen) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/photos", cut)
    photo = large_photo()
    assert len(photo) > 1_000_000
    choose(
        page, "before_photo", ("IMG_1.jpg", "image/jpeg", photo), ("IMG_2.jpg", "image/jpeg", draw("before_photo", 2))
    )
    expect(page.locator(".upload-list [data-state=done]")).to_have_count(2, timeout=WAIT_MS)
    assert [row.size for row in rows(case)] == [len(photo), len(draw("before_photo", 2))]
    assert len(seen) == 4
    expect(page.locator("#gallery img")).to_have_count(2)


def test_what_was_chosen_is_sent_when_the_case_is_opened_again(phone: BrowserContext, case: CaseWork) -> None:
    page = open_case(phone, case)
    page.route("**/photos", lambda route: route.abort("internetdisconnected"))
    choose(page, "near_photo", ("IMG_3.jpg", "image/jpeg", draw("near_photo", 3)))
    expect(page.locator(".upload-list [data-state=waiting]")).to_contain_text("文件保存在本机")
    assert rows(case) == []
    page.close()
    page = phone.new_page()
    page.goto(f"/cases/{case.case.number}")
    expect(page.locator(".upload-list [data-state=done]")).to_have_count(1, timeout=WAIT_MS)
    assert [(row.role, row.file_name) for row in rows(case)] == [("near_photo", "IMG_3.jpg")]
    page.reload()
    expect(page.locator("#gallery img")).to_have_count(1)
    assert len(rows(case)) == 1


def test_a_file_that_is_refused_says_why_and_the_others_arrive(phone: BrowserContext, case: CaseWork) -> None:
    page = open_case(phone, case)
    choose(page, "far_photo", ("a.jpg", "image/jpeg", b"no photo"), ("b.jpg", "image/jpeg", draw("far_photo", 4)))
    expect(page.locator(".upload-list [data-state=refused]")).to_contain_text("不是 JPEG、PNG 或 WebP 照片")
    expect(page.locator(".upload-list [data-state=done]")).to_have_count(1, timeout=WAIT_MS)
    assert [row.file_name for row in rows(case)] == ["b.jpg"]


def test_video_and_voice_can_be_played_where_the_case_is_shown(phone: BrowserContext, case: CaseWork) -> None:
    page = open_case(phone, case)
    choose(page, "video", ("a.webm", "video/webm", draw("video", 1)))
    expect(page.locator("#gallery video")).to_have_count(1, timeout=WAIT_MS)
    choose(page, "voice", ("a.wav", "audio/wav", draw("voice", 1)))
    expect(page.locator("#gallery audio")).to_have_count(1, timeout=WAIT_MS)
    for tag in ("video", "audio"):
        until(page, f"document.querySelector('#gallery {tag}').readyState >= 1")
        assert page.evaluate(f"document.querySelector('#gallery {tag}').duration") > 0
