"""Registers on pages and in the API: who may see and change them, forms with their faults, files, history."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from page_desk import Site
from test_registers import OUTLETS, TESTS
from werkzeug.test import TestResponse

from api.app import create_app
from api.config import Settings
from api.context import session
from engine.models import Person
from engine.organisation.people import issue_token
from engine.testing.small_city import SmallTown, write_small_city

TEA = {"code": "C0007", "name": "茶馆", "stoves": "2", "condition": "open", "lon": "116.0005", "lat": "28.0005"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    folder = write_small_city(tmp_path / "small")
    (folder / "registers").mkdir()
    (folder / "registers/outlets.toml").write_text(OUTLETS.replace('"admin"', '"case.extend"'), encoding="utf-8")
    (folder / "registers/tests.toml").write_text(TESTS.replace('"case.read_all"', '"admin"'), encoding="utf-8")
    town = SmallTown(folder, f"sqlite:///{tmp_path / 'small.sqlite'}")
    town.session.commit()
    settings = Settings(str(folder), town.url, "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_an_entry_is_added_changed_struck_off_and_taken_up_again(site: Site) -> None:
    desk = site.desk("dispatcher")
    page = desk.get("/registers/outlets/new")
    page = desk.submit(page, "", {**TEA, "stoves": "99", "name": ""})
    assert page.status == 422
    assert "stoves is 99" in page.text and "C0007" in page.text, "what was typed stays"
    page = desk.submit(page, "", TEA)
    assert "茶馆" in page.text and page.path == "/registers/outlets/entries/C0007"
    form = desk.get("/registers/outlets/change/C0007")
    page = desk.submit(form, "", {"stoves": "3", "reason": "扩建"})
    assert "2 → 3" in page.text and "扩建" in page.text
    page = desk.submit(form, "", {"stoves": "4"})
    assert page.status == 409, "the form was made on an older version"
    page = desk.submit(desk.get("/registers/outlets/entries/C0007"), "strike/C0007", {"reason": "歇业"})
    assert "已注销" in page.text
    assert "茶馆" not in desk.get("/registers/outlets").text
    assert "茶馆" in desk.get("/registers/outlets?gone=yes").text
    page = desk.submit(desk.get("/registers/outlets/entries/C0007"), "strike/C0007")
    assert "已恢复" in page.text


def test_a_file_is_taken_row_by_row_and_comes_out_again(site: Site) -> None:
    desk = site.desk("dispatcher")
    rows = "code,name,stoves\nC0001,荷花,4\nC0002,,1\n"
    page = desk.submit(desk.get("/registers/outlets"), "/file", {"file": (io.BytesIO(rows.encode()), "outlets.csv")})
    assert "新增 1 条" in page.text and "C0002" in page.text
    assert "荷花" in desk.get("/registers/outlets?q=荷花").text
    assert "C0001,荷花,4" in desk.client.get("/registers/outlets/file").get_data(as_text=True)
    page = desk.submit(
        desk.get("/registers/outlets"), "/file", {"file": (io.BytesIO("编号\n".encode("utf-16")), "outlets.csv")}
    )
    assert page.status == 422
    rows = "code,name,stoves\nC0009,龙门,2\n"
    page = desk.submit(
        desk.get("/registers/outlets"), "/file", {"file": (io.BytesIO(rows.encode("gb18030")), "outlets.csv")}
    )
    assert "新增 1 条" in page.text and "已按 GB18030 读取" in page.text
    assert "龙门" in desk.get("/registers/outlets?q=龙门").text


def test_who_may_not_change_or_see_a_register_is_told(site: Site) -> None:
    desk = site.desk("acceptor")
    listed = desk.get("/registers").text
    assert "餐饮油烟单位" in listed and "检测" not in listed
    assert "新增登记" not in desk.get("/registers/outlets").text
    assert desk.get("/registers/outlets/new").status == 403
    assert desk.get("/registers/tests").status == 403
    assert desk.get("/registers/none").status == 404


@pytest.mark.parametrize("path", ["/registers", "/registers/outlets", "/registers/outlets/new"])
def test_pages_are_whole_in_english(site: Site, path: str) -> None:
    text = site.desk("dispatcher", "en").get(path).tree.find(".//main").text_content()
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in text), text


@pytest.fixture
def ask(site: Site) -> Callable[..., TestResponse]:
    """Ask the API as somebody."""

    def call(login: str, method: str, path: str, **rest: object) -> TestResponse:
        with site.app.app_context():
            person = session().query(Person).filter_by(login=login).one()
            token, _ = issue_token(session(), person, site.town.clock.now())
            session().commit()
        headers = {"Authorization": f"Bearer {token}"}
        return site.app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **rest)  # type: ignore[arg-type]

    return call


def test_the_api_says_the_same(ask: Callable[..., TestResponse]) -> None:
    listed = ask("dispatcher", "GET", "/registers?lang=en").json
    assert [(each["name"], each["title"], each["may_write"]) for each in listed] == [
        ("outlets", "Catering outlets", True)
    ]
    added = ask("dispatcher", "POST", "/registers/outlets", json={"values": TEA})
    assert (added.status_code, added.json["version"]) == (201, 1)
    again = ask("dispatcher", "POST", "/registers/outlets", json={"values": TEA})
    assert again.status_code == 409
    wrong = ask("dispatcher", "POST", "/registers/outlets", json={"values": {"code": "C1", "colour": 1}})
    assert wrong.status_code == 422 and {"code", "name", "colour"} <= {each["field"] for each in wrong.json["errors"]}
    entry = "/registers/outlets/entries/C0007"
    changed = ask("dispatcher", "PATCH", entry, json={"values": {"stoves": 5}, "seen_version": 1, "reason": "扩建"})
    assert changed.json["values"]["stoves"] == 5
    stale = ask("dispatcher", "PATCH", entry, json={"values": {"stoves": 6}, "seen_version": 1})
    assert stale.status_code == 409
    history = ask("acceptor", "GET", "/registers/outlets/history/C0007").json
    assert [(line["kind"], line["who"]) for line in history] == [("changed", "dispatcher"), ("added", "dispatcher")]
    assert ask("acceptor", "PATCH", entry, json={"values": {}, "seen_version": 2}).status_code == 403
    assert ask("dispatcher", "PUT", "/registers/outlets/struck/C0007", json={"reason": "歇业"}).json["gone_at"]
    assert ask("dispatcher", "GET", "/registers/outlets").json["entries"] == []
    assert ask("dispatcher", "DELETE", "/registers/outlets/struck/C0007").json["gone_at"] is None
    assert len(ask("acceptor", "GET", "/registers/outlets/map?bbox=116,28,117,29").json["features"]) == 1
    assert [row["key"] for row in ask("acceptor", "GET", "/registers/outlets?condition=open").json["entries"]] == [
        "C0007"
    ]
    assert ask("acceptor", "GET", "/registers/outlets?colour=red").status_code == 422
    assert ask("acceptor", "GET", "/registers/outlets?limit=0").status_code == 422
    file = ask("dispatcher", "GET", "/registers/outlets/file").get_data()
    taken = ask("dispatcher", "POST", "/registers/outlets/file", data={"file": (io.BytesIO(file), "a.csv")}).json
    assert taken == {"added": 0, "changed": 0, "same": 1, "refused": [], "note": ""}
    assert ask("acceptor", "GET", "/registers/outlets/file").status_code == 403
    assert ask("acceptor", "GET", "/registers/none").status_code == 404
