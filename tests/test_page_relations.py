"""Pages of cases that belong together, without scripts: compare, merge, link, split, undo, and what comes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from page_desk import Site

from api.app import create_app
from api.config import Settings
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    """A small city with its pages."""
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_a_likely_duplicate_is_compared_and_merged_with_a_confirmation(site: Site) -> None:
    first = CaseWork(site.town, reporter_phone="10000000009")
    site.town.clock.set(site.town.clock.now() + timedelta(minutes=20))
    second = CaseWork(site.town, description="井盖丢失", full_code="0102", condition_no=1)
    one, other = second.case.number, first.case.number
    desk = site.desk("shift_leader")
    page = desk.get(f"/cases/{one}")
    assert "早 20 分钟上报" in page.text
    pair = desk.get(f"/cases/{one}/beside/{other}")
    assert f"确认并入 {other}" in pair.text
    done = desk.submit(pair, f"/cases/{one}/beside/{other}", {"reason": "同一井盖"}, "act=merge")
    assert f"已并入案件 {other}" in done.text
    site.town.session.rollback()
    assert second.case.merged_into_id == first.id
    leading = desk.get(f"/cases/{other}")
    assert "并入的上报（1）" in leading.text
    assert "10000000001" in leading.text
    undone = desk.submit(desk.get(f"/cases/{one}"), f"/cases/{one}/unmerge", {"reason": "不是同一处"})
    assert "已撤销并案" in undone.text
    assert second.open() == ["accept"]


def test_a_refused_merge_says_why_and_keeps_the_reason(site: Site) -> None:
    first, second = CaseWork(site.town), CaseWork(site.town)
    second.dispatch()
    one, other = second.case.number, first.case.number
    desk = site.desk("shift_leader")
    pair = desk.get(f"/cases/{one}/beside/{other}")
    refused = desk.submit(pair, f"/cases/{one}/beside/{other}", {"reason": "同一井盖"}, "act=merge")
    assert refused.status == 422
    assert f"请改将 {other} 并入 {one}" in refused.text
    assert "同一井盖" in refused.text
    english = site.desk("shift_leader", "en").get(f"/cases/{one}/beside/{other}")
    assert "Compare two cases" in english.text


def test_cases_are_linked_and_unlinked_from_the_page(site: Site) -> None:
    first, second = CaseWork(site.town), CaseWork(site.town)
    one, other = first.case.number, second.case.number
    desk = site.desk("acceptor")
    pair = desk.get(f"/cases/{one}/beside?other={other}")
    assert "确认并入" not in pair.text  # an acceptor merges at intake, not later
    linked = desk.submit(pair, f"/cases/{one}/beside/{other}", {"reason": "同一工地"}, "act=link")
    assert "同一工地" in linked.text
    unlinked = desk.submit(desk.get(f"/cases/{one}"), f"/cases/{one}/unlink/{other}", {"reason": "看错了"})
    assert "已取消关联" in unlinked.text
    assert "没有您可以查看的案件" in desk.get(f"/cases/{one}/beside?other=0-0").text


def test_a_report_is_split_from_the_page_and_nothing_typed_is_lost(site: Site) -> None:
    work = CaseWork(site.town, description="井盖缺失，旁边还有垃圾")
    number = work.case.number
    desk = site.desk("acceptor")
    form = desk.get(f"/cases/{number}/split")
    assert "井盖缺失，旁边还有垃圾" in form.text
    half = desk.submit(form, f"/cases/{number}/split", {"description-0": "门口垃圾成堆", "reason": "一报两事"})
    assert "第 1 个问题不完整" in half.text
    assert "门口垃圾成堆" in half.text
    answers = {"condition-0": "event/0110/1", "description-0": "门口垃圾成堆", "reason": "一报两事"}
    done = desk.submit(half, f"/cases/{number}/split", answers)
    assert "已拆分出案件" in done.text
    assert site.desk("unit_clerk_municipal").get(f"/cases/{number}/split").status == 404


def test_recurring_problems_have_a_page_and_a_map(site: Site) -> None:
    works = [CaseWork(site.town, address="人民路 1 号") for _ in range(3)]
    page = site.desk("leader").get("/recurring")
    assert "人民路 1 号" in page.text
    found = site.desk("leader").client.get("/recurring.geojson").get_json()
    assert [each["properties"]["state"] for each in found["features"]] == ["180 天内 3 次"]
    assert "第 3 次" in site.desk("acceptor").get(f"/cases/{works[2].case.number}").text
    assert site.desk("collector").get("/recurring").status == 403
