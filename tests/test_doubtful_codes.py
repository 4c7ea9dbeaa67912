"""Codes nobody has confirmed are marked wherever a page shows them: every page of several people is read."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_desk import Desk, Page, Site
from sqlalchemy import select

from api.app import create_app
from api.config import Settings
from api.pages.words import PROVENANCES
from engine.models import Subclass
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown

MOST_PAGES = 30
PEOPLE = ("acceptor", "shift_leader", "administrator")
DOUBTFUL = ("component", "0105", "电力井盖")
MARKS = tuple(PROVENANCES.values())
ROWS = ("tr", "li", "dd", "option", "label", "h1", "header", "dl", "p")
"""What a mark must share with the name it belongs to, the narrowest that is there."""
CODED = re.compile(r"\d{4} ")
TOLD = ("title", "script", "style", "textarea", "blockquote")
"""Where no mark can stand, or where people's own words do."""


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    """A small city with its pages and the core's catalogue."""
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def doubtful(site: Site) -> Iterator[dict[str, str]]:
    """Names of the subclasses in doubt -> their provenance; three cases of one of them are about, at other stages."""
    town = site.town
    for stage in range(3):
        work = CaseWork(town, kind=DOUBTFUL[0], full_code=DOUBTFUL[1], condition_no=1, description="盖子没了")
        if stage > 0:
            key = f"{DOUBTFUL[0]}/{DOUBTFUL[1]}/1"
            work.do("acceptor", "accept", {"decision": "ok", "condition": key, "urgent": False})
        if stage > 1:
            work.do("shift_leader", "file_case", {"decision": "approve", "condition": key, "urgent": False})
            answers = {"decision": "assign", "lead": "MUNICIPAL", "assisting": []}
            work.do("dispatcher", "assign", answers)
    rows = town.session.scalars(select(Subclass).where(Subclass.code_source.in_(tuple(PROVENANCES))))
    names = {row.name: row.code_source for row in rows}
    sure = set(town.session.scalars(select(Subclass.name).where(Subclass.code_source.not_in(tuple(PROVENANCES)))))
    town.session.rollback()
    yield {name: source for name, source in names.items() if not any(name in other for other in sure)}


def reachable(desk: Desk) -> Iterator[Page]:
    """Every page that links lead to, from the first on."""
    waiting, seen = ["/", "/report", "/manual"], set()
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        response = desk.client.get(path, follow_redirects=True, headers={"Accept": "text/html"})
        if response.status_code != 200 or response.mimetype != "text/html":
            continue
        page = Page(response)
        yield page
        for link in page.tree.iter("a"):
            to = (link.get("href") or "").partition("#")[0]
            if to.startswith("/") and not to.startswith(("/static", "/logout", "/language", "/api")):
                waiting.append(to)


def unmarked(page: Page, names: dict[str, str]) -> list[str]:
    """Texts of a page that name a class in doubt without a mark beside it."""
    found = []
    names = {name: source for name, source in names.items() if name in page.text}
    for element in page.tree.iter() if names else ():
        if not isinstance(element.tag, str) or any(each.tag in TOLD for each in (element, *element.iterancestors())):
            continue
        text = (element.text or "") + "".join(child.tail or "" for child in element)
        if CODED.match(text.strip()):
            text = text.partition(":")[0]  # a filing condition's own words may name another class
        for name in names:
            if name in text and not any(mark in home(element).text_content() for mark in MARKS):
                found.append(f"{page.path}: <{element.tag}> {text.strip()[:80]}")
    return found


def home(element: Any) -> Any:
    """The row, entry or paragraph an element is in."""
    return next((each for each in (element, *element.iterancestors()) if each.tag in ROWS), element)


def test_no_page_shows_a_code_in_doubt_without_its_mark(site: Site, doubtful: dict[str, str]) -> None:
    shown = 0
    for login in PEOPLE:
        for page in reachable(site.desk(login)):
            assert unmarked(page, doubtful) == []
            shown += sum(page.text.count(name) for name in doubtful)
    assert shown > 100, "the crawl has seen such codes"


def test_the_crawl_finds_a_code_without_a_mark(
    site: Site, doubtful: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.pages.words.doubt_of", lambda source: "")
    found = [line for page in reachable(site.desk("acceptor")) for line in unmarked(page, doubtful)]
    places = {line.partition(":")[0].partition("?")[0].split("/")[1] for line in found}
    assert {"inbox", "cases", "map", "report"} <= places, found


def test_data_of_map_and_api_say_so_too(site: Site, doubtful: dict[str, str]) -> None:
    desk = site.desk("acceptor")
    features = json.loads(desk.client.get("/map/cases.geojson").text)["features"]
    assert features and all(each["properties"]["doubt"] == MARKS[0] for each in features)
