"""The register in a real browser: the map draws the view, the city's map has a layer, keys decide proposals."""

from __future__ import annotations

import pytest
from page_desk import Site
from playwright.sync_api import Page, expect
from sqlalchemy import insert
from test_browser import browser as browser
from test_browser import log_in
from test_browser import served as served
from test_browser import visit as visit
from test_components_map import a_component

from engine.components.changes import propose
from engine.components.counts import recount
from engine.components.rules import load_rules
from engine.models import Component

pytestmark = pytest.mark.browser


def test_the_register_is_drawn_and_a_proposal_decided_by_keys(visit: Page, served: tuple[Site, str]) -> None:
    town = served[0].town
    rows = [a_component(n, 116.0005 + n / 2e4, 28.0005) | {"attributes": {}, "grid_code": None} for n in range(1, 1002)]
    town.session.execute(insert(Component), rows)
    recount(town.session)
    town.session.commit()
    rules, moment = load_rules(town.session, town.city), town.clock.now()
    propose(town.session, town.actor("collector"), "9901010101000001", {"state": "破损"}, "巡查", rules, moment)

    log_in(visit, "administrator")
    if not visit.is_visible("nav a[href='/components']"):
        visit.click("nav .more summary")
    visit.click("nav a[href='/components']")
    expect(visit.locator(".map-register[data-drawn]")).to_be_visible()
    expect(visit.locator(".map-count")).to_contain_text("个部件")
    visit.goto("/map")
    expect(visit.locator("[data-map=cases][data-ready]")).to_be_visible()
    expect(visit.locator("[data-drawn]")).to_have_count(0)
    visit.check("input[data-layer=components]")
    expect(visit.locator("[data-map=cases][data-drawn]")).to_be_visible()
    visit.uncheck("input[data-layer=components]")
    expect(visit.locator("[data-drawn]")).to_have_count(0)

    visit.goto("/components/proposals")
    visit.keyboard.press("j")
    visit.keyboard.press("x")
    expect(visit.locator("input[name=decision]")).to_be_focused()
    visit.keyboard.press("Escape")
    visit.keyboard.press("y")
    expect(visit.get_by_role("status")).to_contain_text("部件 9901010101000001 的变更已确认")
