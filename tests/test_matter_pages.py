"""Matters on pages and in the API: who sees which, the form with its faults, lists, filters and the case's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from page_desk import Site
from test_matters import write_matters

from api.app import create_app
from api.config import Settings
from api.context import session
from engine.cases.opening import Report
from engine.cases.reporting import report_case
from engine.models import Person
from engine.organisation.people import issue_token
from engine.testing.small_city import SmallTown

NEW = "/matters/permit_application/new"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("matters")
    town = SmallTown(write_matters(home / "city"), f"sqlite:///{home / 'small.sqlite'}")
    report = Report("component", "0101", "井盖", "patrol", lon=116.0005, lat=28.0005)
    report_case(town.session, town.platform, report, None, town.clock.now())
    town.session.commit()
    settings = Settings(str(home / "city"), town.url, "test", home, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_a_matter_is_opened_on_its_page_and_faults_keep_what_was_typed(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.get("/matters")
    assert "行政许可申请" in page.text and f'href="{NEW}"' in page.text
    page = desk.submit(desk.get(NEW), "new", {"days": "3"}, "act=open")
    assert page.status == 422 and 'value="3"' in page.text and "f-subject" in page.text
    page = desk.submit(page, "new", {"subject": "临时占道", "lon": "116.0005"}, "act=open")
    assert page.status == 422 and "经度和纬度须同时填写" in page.text
    page = desk.submit(page, "new", {"subject": "临时占道", "lat": "28.0005"}, "act=open")
    assert page.status == 200 and page.path.startswith("/cases/2026-")
    assert "已受理" in page.text and "行政许可申请" in page.text and "990101001001001" in page.text
    assert "申请事项" in page.text, "the history tells what was asked and answered"
    assert "stepper" not in page.text, "the seven steps are those of a problem on the street"
    assert "拆分案件" not in page.text
    listed = desk.get("/matters/permit_application")
    assert "临时占道" in listed.text and "井盖" not in listed.text
    assert "临时占道" not in desk.get("/matters/permit_application?status=closed").text
    assert "临时占道" not in desk.get("/matters/penalty_simple").text


def test_a_script_gets_only_the_fields_for_what_is_answered_so_far(site: Site) -> None:
    desk = site.desk("acceptor")
    sent = {"csrf_token": "known", "subject": "夜间施工", "days": "7"}
    answer = desk.client.post(NEW, data=sent, headers={"HX-Request": "true", "Accept": "text/html"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "夜间施工" in text and "<html" not in text
    listed = desk.get("/matters/permit_application?q=夜间施工").text
    assert "没有符合条件的案件" in listed, "nothing is opened by looking"


def test_who_may_neither_open_nor_read_sees_no_entry_and_is_refused(site: Site) -> None:
    clerk = site.desk("unit_clerk_sanitation")
    assert 'href="/matters"' not in clerk.get("/inbox").text
    assert clerk.get(NEW).status == 403
    assert "没有可受理或查看的事项" in clerk.get("/matters").text
    assert clerk.get("/matters/unknown").status == 404
    head = site.desk("unit_head_sanitation")
    assert 'href="/matters"' in head.get("/inbox").text
    assert "新受理" not in head.get("/matters/permit_application").text


def test_pages_are_in_english_too(site: Site) -> None:
    desk = site.desk("acceptor", "en")
    for path in ("/matters", "/matters/permit_application", NEW, "/cases?matter=any"):
        page = desk.get(path)
        assert page.status == 200 and "Licence application" in page.text
        words = "".join(page.tree.xpath("//main//text()[not(ancestor::table or ancestor::option)]"))
        assert not [each for each in words if "一" <= each <= "鿿"], words


def test_lists_tell_matters_and_problems_on_the_street_apart(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.submit(desk.get(NEW), "new", {"subject": "夜间施工"}, "act=open")
    number = unquote(page.path.rpartition("/")[2])
    for matter, there in (("none", False), ("any", True), ("permit_application", True), ("penalty_simple", False)):
        assert (number in desk.get(f"/cases?matter={matter}").text) is there
        answer = call(site, "acceptor", "get", f"/api/v1/cases?matter={matter}")
        assert (number in {each["number"] for each in answer["cases"]}) is there
    assert number in desk.get("/cases").text
    assert number not in desk.get("/map").text
    assert number in site.desk("unit_clerk_municipal").get("/inbox").text


def call(site: Site, login: str, method: str, path: str, status: int = 200, **rest: Any) -> dict[str, Any]:
    with site.app.app_context():
        person = session().query(Person).filter_by(login=login).one()
        token, _ = issue_token(session(), person, site.town.clock.now())
        session().commit()
    headers = {"Authorization": f"Bearer {token}", **rest.pop("headers", {})}
    answer = getattr(site.app.test_client(), method)(path, headers=headers, **rest)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def test_the_api_lists_shows_and_opens_matters_once_a_key(site: Site) -> None:
    told = call(site, "acceptor", "get", "/api/v1/matters?lang=en")["matters"]
    assert [(each["name"], each["title"], each["may_open"]) for each in told] == [
        ("penalty_simple", "Penalty", True), ("permit_application", "Licence application", True),
    ]  # fmt: skip
    shown = call(site, "acceptor", "get", "/api/v1/matters/permit_application")
    assert [each["key"] for each in shown["fields"]] == ["subject", "days", "lead"]
    assert "MUNICIPAL" in {each["value"] for each in shown["fields"][2]["options"]}
    body = {"answers": {"subject": "占道"}, "lon": 116.0005, "lat": 28.0005}
    where, keyed = "/api/v1/matters/permit_application", {"Idempotency-Key": "k1"}
    first = call(site, "acceptor", "post", where, 201, json=body, headers=keyed)
    again = call(site, "acceptor", "post", where, 201, json=body, headers=keyed)
    assert first["number"] == again["number"]
    assert (first["kind"], first["full_code"], first["matter"]["code"]) == ("matter", "", "permit_application")
    refused = call(site, "acceptor", "post", where, 422, json={"answers": {}})
    assert "subject" in str(refused["errors"])
    call(site, "unit_clerk_sanitation", "post", where, 403, json=body)
    call(site, "acceptor", "get", "/api/v1/matters/unknown", 404)
    one = call(site, "acceptor", "get", f"/api/v1/cases/{first['number']}")
    assert one["catalogue"] is None and one["summary"]["matter"]["code"] == "permit_application"
    for rest in ("history", "deadline", "diagram", "explanation", "duplicates"):
        call(site, "acceptor", "get", f"/api/v1/cases/{first['number']}/{rest}")
    counted = call(site, "acceptor", "get", "/api/v1/ground/case-counts?by=grid")
    every = call(site, "acceptor", "get", "/api/v1/ground/case-counts?by=grid&matter=any")
    assert sum(each["cases"] for each in counted["counts"]) == 1 < sum(each["cases"] for each in every["counts"])


def test_a_linked_case_is_named_by_its_process_and_leads_back(site: Site) -> None:
    desk = site.desk("acceptor")
    street = call(site, "acceptor", "get", "/api/v1/cases?matter=none")["cases"][0]["number"]
    page = desk.get(f"/cases/{street}")
    assert ">处罚<" in page.text
    child = call(site, "acceptor", "get", "/api/v1/cases?matter=penalty_simple")["cases"][0]
    assert child["origin"] == street
    assert f"/cases/{street}" in desk.get(f"/cases/{child['number']}").text
