"""Every channel's reports come in by one service: what a channel needs, and a number that is one case."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from api_people import REPORT, Api
from page_desk import Site
from sqlalchemy import func, select

from api.app import create_app
from api.config import Settings
from engine.cases.opening import Report
from engine.cases.reporting import submit_report
from engine.city import load_city
from engine.errors import CityBroken, Invalid
from engine.intake.channels import COLUMNS, channel_of, load_channels
from engine.models import Case, IntakeNumber
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city

HEADER = ",".join(COLUMNS) + "\n"
LETTER = Report("event", "0110", "门口垃圾没人收", "petition", lon=116.0005, lat=28.0005, external_id=" 信访-2026-7 ")


@pytest.fixture(params=("sqlite", "postgresql"))
def either_town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallTown]:
    """A small city on either database."""
    folder = write_small_city(tmp_path / "small")
    if request.param == "sqlite":
        town = SmallTown(folder)
        yield town
        town.close()
        return
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            yield town
            town.close()
    except NoServer as error:
        pytest.skip(str(error))


def test_the_same_letter_twice_is_one_case_and_the_answer_says_so(either_town: SmallTown) -> None:
    town = either_town
    actor = town.actor("acceptor")
    first = submit_report(town.session, town.platform, LETTER, actor, MONDAY)
    again = submit_report(town.session, town.platform, LETTER, actor, MONDAY, key="k")
    assert "known" not in first
    assert (again["case"], again["known"], again["status"]) == (first["case"], True, "reported")
    other = Report("event", "0110", "-", "media", lon=116.0005, lat=28.0005, external_id="信访-2026-7")
    assert "known" not in submit_report(town.session, town.platform, other, actor, MONDAY)
    assert town.session.scalar(select(func.count()).select_from(Case)) == 2
    assert {row.channel for row in town.session.scalars(select(IntakeNumber))} == {"petition", "media"}


def test_two_senders_of_one_letter_at_the_same_moment_get_one_case(tmp_path: Path) -> None:
    folder = write_small_city(tmp_path / "small")
    try:
        with scratch_postgresql() as url:
            town = SmallTown(folder, url)
            actor, gate = town.actor("acceptor"), Barrier(4)

            def send() -> str:
                with town.sessions() as session:
                    gate.wait()
                    return str(submit_report(session, town.platform, LETTER, actor, MONDAY)["case"])

            with ThreadPoolExecutor(4) as pool:
                numbers = {each.result() for each in [pool.submit(send) for _ in range(4)]}
            assert len(numbers) == 1
            assert town.session.scalar(select(func.count()).select_from(Case)) == 1
            town.close()
    except NoServer as error:
        pytest.skip(str(error))


def test_a_number_that_came_with_an_import_is_known_too(town: SmallTown) -> None:
    actor = town.actor("acceptor")
    number = submit_report(town.session, town.platform, LETTER, actor, MONDAY)["case"]
    town.session.delete(town.session.scalars(select(IntakeNumber)).one())
    town.session.commit()
    again = submit_report(town.session, town.platform, LETTER, actor, MONDAY)
    assert (again["case"], again["known"]) == (number, True)


def test_over_http_the_second_letter_answers_200_and_the_first_case(api: Api) -> None:
    letter = {**REPORT, "source": "hotline_12345", "external_id": "12345-1"}
    first, again = api.post("acceptor", "/cases", json=letter), api.post("acceptor", "/cases", json=letter)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json["number"] == again.json["number"]
    answer = api.post("acceptor", "/intake/reports", json=letter)
    assert answer.status_code == 200
    said = {name: answer.json[name] for name in ("number", "known", "status", "missing")}
    assert said == {"number": first.json["number"], "known": True, "status": "reported", "missing": []}
    new = api.post("acceptor", "/intake/reports", json={**letter, "external_id": None, "reporter_phone": ""})
    assert (new.status_code, new.json["known"], new.json["missing"]) == (201, False, ["number", "phone"])
    assert api.post("leader", "/intake/reports", json=letter).status_code == 403


def test_every_channel_of_the_domain_is_declared(api: Api) -> None:
    rows = {row["channel"]: row for row in api.get("collector", "/intake/channels").json["channels"]}
    assert rows.keys() >= {
        "patrol", "hotline_12319", "hotline_12345", "web", "video", "media", "leader", "department", "inspection",
        "petition", "iot",
    }  # fmt: skip
    assert rows["patrol"]["reporter"] == "internal"
    assert rows["iot"]["name_en"] == "Sensor"
    assert api.get("leader", "/intake/channels").status_code == 403


def test_a_city_adds_a_channel_and_what_it_needs(town: SmallTown) -> None:
    (town.folder / "channels.csv").write_text(
        HEADER + "wechat,微信小程序,WeChat,public,phone number,place photo,city\n", encoding="utf-8"
    )
    city = load_city(str(town.folder))
    channel = channel_of(city, "wechat")
    report = Report("event", "0110", "垃圾", "wechat", reporter_phone=" ", component_code="9901010101000001")
    with pytest.raises(Invalid) as refused:
        channel.refuse_incomplete(report)
    assert refused.value.errors.keys() == {"reporter_phone", "external_id"}
    assert channel.missing(report) == ("photo",)
    actor = town.actor("acceptor")
    with pytest.raises(Invalid, match="needs phone"):
        submit_report(town.session, town.platform, report, actor, MONDAY)
    whole = Report("event", "0110", "垃圾", "wechat", reporter_phone="1", external_id="w1")
    assert submit_report(town.session, town.platform, whole, actor, MONDAY)["case"]
    assert load_channels(city).keys() > {"patrol", "wechat"}


def test_an_unknown_channel_is_refused_with_those_there_are(town: SmallTown) -> None:
    report = Report("event", "0110", "垃圾", "wechat")
    with pytest.raises(Invalid, match=r"no channel 'wechat'; use one of patrol, hotline_12319"):
        submit_report(town.session, town.platform, report, town.actor("acceptor"), MONDAY)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("We Chat,微信,WeChat,public,,,city", "code 'We Chat' does not hold"),
        ("wechat,,WeChat,public,,,city", "no name"),
        ("wechat,微信,WeChat,citizen,,,city", "reporter 'citizen' is unknown"),
        ("wechat,微信,WeChat,public,telephone,,city", "needs 'telephone' is unknown"),
        ("wechat,微信,WeChat,public,photo,,city", "photos follow a report"),
        ("wechat,微信,WeChat,public,,,hearsay", "source 'hearsay'"),
    ],
)
def test_a_broken_channel_is_told_with_its_line(town: SmallTown, row: str, words: str) -> None:
    (town.folder / "channels.csv").write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(CityBroken, match=f"line 2: .*{words}"):
        load_channels(load_city(str(town.folder)))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A small city with a channel of its own, and its pages."""
    folder, url = write_small_city(tmp_path / "small"), f"sqlite:///{tmp_path / 'small.db'}"
    row = "wechat,微信小程序,WeChat app,public,phone,place,city\n"
    (folder / "channels.csv").write_text(HEADER + row, encoding="utf-8")
    town = SmallTown(folder, url)
    app = create_app(Settings(str(folder), url, "test", tmp_path, check_city=False, testing=True), clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_the_report_page_offers_the_citys_channels_and_knows_a_number(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.get("/report")
    assert "微信小程序" in page.words(".//select[@name='source']")
    assert site.desk("collector").get("/report").words(".//select[@name='source']") == "采集员巡查"
    answers = {
        "subclass": "event/0110", "description": "垃圾没人收", "lon": "116.0005", "lat": "28.0005", "source": "wechat",
        "external_id": "w-1",
    }  # fmt: skip
    refused = desk.submit(page, "", answers, "act=report")
    assert refused.status == 422
    assert refused.tree.find(".//input[@name='external_id']").get("value") == "w-1"
    assert "此来源须填写" in refused.words()
    answers["reporter_phone"] = "10000000001"
    assert "已上报，案件号 20260302-00001" in desk.submit(desk.get("/report"), "", answers, "act=report").words()
    again = desk.submit(desk.get("/report"), "", answers, "act=report")
    assert "该来源的这个编号此前已上报，未重复立案，案件号 20260302-00001" in again.words()
    assert "WeChat app" in site.desk("acceptor", "en").get("/cases/20260302-00001").words()
