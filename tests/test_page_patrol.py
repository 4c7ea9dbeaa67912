"""The pages 在岗 and 我的班次."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from page_desk import Site
from patrol_city import ON, points, shift_for, walk

from api.app import create_app
from api.config import Settings
from engine.patrol.taking import take_points
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown

ASK = {"decision": "needs_field_proof", "condition": CONDITION, "urgent": False, "verify_note": "核对位置"}


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    """D1 and D2 are patrolled; the collector of D1 has walked for half an hour."""
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    shift_for(town, "collector", "D1", ON, hours=8)
    shift_for(town, "collector2", "D2", ON, hours=8)
    now = ON + timedelta(minutes=30)
    take_points(
        town.session, town.platform, town.actor("collector"), points(walk(27, step=0.0001), ON, every_s=60), now
    )
    take_points(town.session, town.platform, town.actor("collector2"), points([(116.0021, 28.0005)], now), now)
    town.clock.set(now)
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
    town.close()


@pytest.mark.parametrize(
    ("language", "words"),
    [("zh", ("在网格内 2", "今日巡查覆盖", "50% 3/6")), ("en", ("On the grid 2", "Covered today"))],
)
def test_the_shift_leader_sees_who_is_where_and_what_is_covered(
    site: Site, language: str, words: tuple[str, ...]
) -> None:
    page = site.desk("shift_leader", language).get("/duty")
    assert page.status == 200
    for each in words:
        assert each in page.words(), page.words()
    found = site.desk("shift_leader").get("/duty/people.geojson").response.json
    assert [each["properties"]["login"] for each in found["features"]] == ["collector", "collector2"]
    assert site.desk("acceptor").get("/duty").status == 403
    assert 'href="/duty"' not in site.desk("acceptor").get("/").text


def test_a_collector_sees_shift_track_and_tasks_by_distance_and_sends_positions(site: Site) -> None:
    work = CaseWork(site.town)
    work.do("acceptor", "accept", ASK)
    desk = site.desk("collector2")
    page = desk.get("/duty/mine")
    assert "责任网格一" not in page.words() and "责任网格二" in page.words()
    assert "157 米" in page.words(), page.words()
    case = desk.get(f"/cases/{work.case.number}")
    assert "选派 collector2：在岗、距现场 157 米" in case.words(), case.words()
    english = site.desk("shift_leader", "en").get(f"/cases/{work.case.number}")
    assert "Given to collector2: on duty, 157 m away" in english.words()
    kinds = [
        each["properties"]["kind"]
        for each in site.desk("collector").get("/duty/mine/track.geojson").response.json["features"]
    ]
    assert kinds == ["grid", "track", "here"]
    moment = round((ON + timedelta(minutes=29)).timestamp() * 1000)
    sent = desk.client.post(
        "/duty/mine/positions",
        data={
            "csrf_token": "known",
            "points": f"[[{moment},116.0021,28.0006,5,null]]",
            "sent_at": str(moment + 60_000),
        },
    )
    assert (sent.status_code, sent.json["taken"]) == (200, 1), sent.text
    for wrong in ("x", "{}"):
        data = {"csrf_token": "known", "points": wrong, "sent_at": "1"}
        assert desk.client.post("/duty/mine/positions", data=data).status_code == 422
    assert desk.client.post("/duty/mine/positions", data={"points": "[]"}).status_code == 403
    assert site.desk("acceptor").get("/duty/mine").status == 403
