"""Forms and drafts on the pages, without scripts: every kind is shown and read back, nothing filled in is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from page_desk import Desk, Page, Site
from small_diagrams import chain, user, write_process
from test_drafts import migrate, redeploy, write_form

from api.app import create_app
from api.config import Settings
from engine.cases.drafts import find_draft
from engine.cases.migrating import undo_migration
from engine.models import CaseEvent, Evidence
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown, write_small_city

REASON = {"type": "textarea", "key": "reason", "label": "理由", "validate": {"required": True, "minLength": 4}}
PEOPLE = {"type": "number", "key": "people", "label": "人数"}
WHY = {"type": "radio", "key": "why", "label": "原因", "values": [{"value": "rain", "label": "天气"}]}
TYPED = "井盖缺失三天"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A small city where a case is one task with the form ``sheet``."""
    folder = write_small_city(tmp_path / "small")
    write_process(folder, [user("first", label="受理", form="sheet")], chain("start", "first", "end"))
    (folder / "forms").mkdir()
    schema = {"type": "default", "id": "sheet", "components": [REASON, PEOPLE, WHY]}
    (folder / "forms/sheet.json").write_text(json.dumps(schema), encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'small.db'}"
    town = SmallTown(folder, url)
    settings = Settings(str(folder), url, "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def show(site: Site, *components: dict[str, Any]) -> None:
    """Give new cases another form."""
    write_form(site.town, *components)


def open_page(desk: Desk, work: CaseWork) -> Page:
    return desk.get(f"/cases/{work.case.number}")


def kept(work: CaseWork, login: str = "acceptor") -> dict[str, Any] | None:
    town, task = work.town, work.task("first").id
    found = find_draft(town.session, town.platform, town.actor(login), task)
    return found.answers if found is not None else None


def task_form(page: Page) -> str:
    return next(f.get("action") for f in page.tree.forms if f.get("data-autosave"))


def press(desk: Desk, page: Page, button: str, **answers: Any) -> Page:
    return desk.submit(page, task_form(page), answers, button)


def answers_of(work: CaseWork) -> dict[str, Any]:
    work.open()
    query = work.town.session.query(CaseEvent).filter_by(case_id=work.id, kind="task_completed")
    found: dict[str, Any] = query.one().data["answers"]
    return found


# Drafts


def test_a_draft_is_saved_by_the_button_shown_with_its_time_and_discarded(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    assert "草稿，保存于" not in page.words()
    saved = press(desk, page, "act=draft", reason="未", people="many", why="rain")
    assert "草稿已保存。" in saved.words()
    again = open_page(site.desk("acceptor"), work)
    assert "草稿，保存于 03-02 09:00:00。" in again.words()
    assert (again.field("reason").text, again.field("people").get("value")) == ("未", "many")
    assert again.tree.xpath('//*[@name="why"]/@checked')
    assert "有草稿" in desk.get("/inbox").words()
    gone = press(desk, again, "act=discard", reason="未")
    assert "草稿已放弃。" in gone.words()
    assert (open_page(desk, work).field("reason").text or "") == ""
    assert kept(work) is None


def test_a_draft_is_shown_to_its_author_alone(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    press(desk, open_page(desk, work), "act=draft", reason=TYPED)
    assert TYPED not in site.desk("shift_leader").get(f"/cases/{work.case.number}").text


def test_what_the_script_saves_is_kept_and_answered_with_the_note(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    address = page.tree.xpath("//form/@data-autosave")[0]
    sent = {**dict(page.form(task_form(page)).form_values()), "reason": TYPED}
    first = Page(desk.client.post(address, data=sent))
    assert (first.status, kept(work)) == (200, {"reason": TYPED, "people": "", "why": ""})
    assert "草稿，保存于" in first.text
    other = Page(desk.client.post(address, data={**sent, "reason": "另一窗口"}))
    assert other.status == 409
    assert "您在另一窗口保存了较新的草稿" in other.text
    assert kept(work) == {"reason": TYPED, "people": "", "why": ""}
    seen = first.tree.xpath('//*[@name="draft_seen"]/@value')[0]
    assert desk.client.post(address, data={**sent, "draft_seen": seen, "reason": "新"}).status_code == 200
    large = Page(desk.client.post(address, data={**sent, "draft_seen": "", "reason": "字" * 70_000}))
    assert large.status == 422 and "过大" in large.text


def test_a_second_window_is_told_and_may_replace_the_draft_by_hand(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    first, second = open_page(desk, work), open_page(desk, work)
    press(desk, first, "act=draft", reason="第一窗口")
    refused = press(desk, second, "act=draft", reason="第二窗口")
    assert refused.status == 409
    assert "您在另一窗口保存了较新的草稿" in refused.words()
    assert (refused.field("reason").text, kept(work)["reason"]) == ("第二窗口", "第一窗口")  # type: ignore[index]
    press(desk, refused, "act=draft", reason="第二窗口")
    assert kept(work)["reason"] == "第二窗口"  # type: ignore[index]


def test_a_refused_form_shows_what_was_sent_and_not_the_draft(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = press(desk, open_page(desk, work), "act=draft", reason="旧的草稿内容")
    refused = press(desk, page, "act=complete", reason="短")
    assert (refused.status, refused.field("reason").text) == (422, "短")
    assert refused.tree.xpath("//form/@data-tried")
    done = press(desk, refused, "act=complete", reason=TYPED)
    assert "已提交" in done.words()
    assert answers_of(work)["reason"] == TYPED
    assert "草稿" not in done.words()


def test_a_migration_sets_aside_what_the_new_form_lacks_and_undo_brings_it_back(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    press(desk, open_page(desk, work), "act=draft", reason="未", people="12", why="rain")
    migration = migrate(site.town, write_form(site.town, REASON, {**WHY, "values": [{"value": "sun", "label": "晴"}]}))
    page = open_page(desk, work)
    assert page.field("reason").text == "未"
    note = page.words('.//div[@id="draft"]')
    assert "没有对应的位置" in note and "人数12" in note and "原因rain" in note
    undo_migration(site.town.session, site.town.platform, migration.id, site.town.clock.now())
    page = open_page(desk, work)
    assert page.field("people").get("value") == "12"
    assert "没有对应的位置" not in page.words()


@pytest.mark.parametrize("act", ["complete", "refresh", "draft"])
def test_a_page_made_before_a_migration_loses_nothing(site: Site, act: str) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    migrate(site.town, write_form(site.town, REASON))
    answer = press(desk, page, f"act={act}", reason=TYPED, people="12")
    assert answer.status == 409
    assert "流程已更新，此任务的表单有变化" in answer.words()
    assert answer.field("reason").text == TYPED
    assert "人数12" in answer.words('.//div[@id="draft"]')
    assert work.open() == ["first"]
    done = press(desk, answer, "act=complete", reason=TYPED)
    assert "已提交" in done.words()


def test_a_script_that_asks_for_fields_of_an_old_form_is_told_to_reload(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    migrate(site.town, write_form(site.town, REASON))
    sent = {**dict(page.form(task_form(page)).form_values()), "reason": TYPED, "people": "12"}
    answer = desk.client.post(page.tree.xpath("//form/@data-fields")[0], data=sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"
    assert kept(work) == {"reason": TYPED}
    assert "人数12" in open_page(desk, work).words('.//div[@id="draft"]')


def test_a_sheet_the_case_never_had_is_not_believed(site: Site) -> None:
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    never = write_form(site.town, PEOPLE)
    for sheet in (f"{never}:sheet", "9999:sheet", "x", ":"):
        saved = press(desk, page, "act=draft", sheet=sheet, reason=TYPED, draft_seen="no moment")
        assert saved.status == 200
        assert kept(work) == {"reason": TYPED, "people": "", "why": ""}


def test_a_withdrawn_task_shows_its_draft_to_the_author(site: Site) -> None:
    (site.town.folder / "processes/case.bpmn").unlink()
    redeploy(site.town)
    work, desk = CaseWork(site.town), site.desk("acceptor")
    press(desk, open_page(desk, work), "act=draft", decision="not_in_scope", reason=TYPED)
    work.act("shift_leader", "cancel", reason="重复")
    page = open_page(desk, work)
    assert "您的草稿：受理登记" in page.words()
    assert f"答复理由{TYPED}" in page.words() and "受理意见不在受理范围" in page.words()
    english = site.desk("acceptor", "en").get(f"/cases/{work.case.number}").words()
    assert "Your draft: " in english and "不在受理范围" not in english
    assert TYPED not in site.desk("shift_leader").get(f"/cases/{work.case.number}").text
    gone = desk.submit(page, "/draft/discard")
    assert TYPED not in gone.text and "草稿已放弃。" in gone.words()


# Every kind of component


def test_texts_tables_and_pictures_are_shown_and_ask_nothing(site: Site) -> None:
    show(
        site,
        {"type": "text", "id": "t", "text": "## 要点\n案卷 **{{ case.number }}** <b>x</b>"},
        {"type": "html", "id": "h", "content": "<p>依据 <i>条例</i></p>"},
        {"type": "image", "id": "i", "alt": "示意图", "source": "data:image/png;base64,iVBORw0KGgo="},
        {"type": "table", "id": "u", "label": "单位", "dataSource": "=departments",
         "columns": [{"label": "代码", "key": "value"}, {"label": "名称", "key": "label"}]},
        {"type": "documentPreview", "id": "d", "title": "照片", "dataSource": "=case_photos"},
        {"type": "spacer", "id": "s"}, {"type": "separator", "id": "r"},
        {"type": "expression", "key": "e", "expression": "=1"},
    )  # fmt: skip
    work, desk = CaseWork(site.town), site.desk("acceptor")
    work.photo()
    photo = site.town.session.query(Evidence).filter_by(case_id=work.id).one().id
    page = open_page(desk, work)
    fields = page.tree.xpath('//*[@id="fields"]')[0]
    assert fields.xpath(".//h3")[0].text == "要点"
    assert fields.xpath(".//strong")[0].text == work.case.number
    assert "<b>x</b>" in fields.text_content() and fields.xpath(".//i")[0].text == "条例"
    assert fields.xpath(".//img/@alt")[0] == "示意图"
    assert [cell.text for cell in fields.xpath(".//th")] == ["代码", "名称"]
    assert "市政设施管理处" in [cell.text for cell in fields.xpath(".//td")]
    assert fields.xpath(".//figure/a/@href") == [f"/cases/{work.case.number}/photos/{photo}"]
    assert not fields.xpath(".//input | .//textarea | .//select")
    assert not page.tree.xpath("//style | //*[@style] | //script[not(@src)] | //@*[starts-with(name(), 'on')]")
    press(desk, page, "act=complete")
    assert answers_of(work) == {"e": 1}


VEHICLES = {
    "type": "dynamiclist", "path": "cars", "label": "车辆", "validate": {"max": 3},
    "components": [
        {"type": "textfield", "key": "plate", "label": "车牌",
         "validate": {"required": True, "pattern": "^[A-Z]", "patternErrorMessage": "以字母开头。"}},
        {"type": "radio", "key": "size", "label": "车型", "defaultValue": "s",
         "values": [{"value": "s", "label": "小"}, {"value": "l", "label": "大"}]},
        {"type": "checkbox", "key": "towed", "label": "已拖离"},
    ],
}  # fmt: skip


def test_rows_are_added_kept_and_taken_away_without_scripts(site: Site) -> None:
    show(site, VEHICLES)
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    page = press(desk, page, "act=refresh", **{"cars[0].plate": "A1"})
    page = press(desk, page, "act=refresh", **{"cars[1].plate": "B2", "cars[1].size": "l"})
    page = press(desk, page, "act=refresh", **{"cars[2].plate": "9"})
    assert page.field("cars[3].plate") is None  # three are the most
    refused = press(desk, page, "act=complete")
    assert refused.error_of("cars[2].plate") == "以字母开头。"
    page = press(desk, refused, "_remove=cars[0]")
    assert [page.field(f"cars[{at}].plate").get("value") for at in (0, 1)] == ["B2", "9"]
    done = press(desk, page, "act=complete", **{"cars[1].plate": "C3", "cars[1].towed": "true"})
    told = done.words('.//*[@id="timeline"]')
    assert "车牌：B2；车型：大 车牌：C3；车型：小；已拖离：是" in told
    assert answers_of(work)["cars"] == [
        {"plate": "B2", "size": "l", "towed": False}, {"plate": "C3", "size": "s", "towed": True},
    ]  # fmt: skip


def test_a_row_that_is_only_offered_counts_for_nothing(site: Site) -> None:
    show(site, VEHICLES)
    work, desk = CaseWork(site.town), site.desk("acceptor")
    press(desk, open_page(desk, work), "act=complete")
    assert answers_of(work) == {"cars": []}


def test_rows_that_come_with_the_task_stay_as_many(site: Site) -> None:
    fixed = {
        **VEHICLES, "validate": {}, "allowAddRemove": False, "defaultRepetitions": 2,
        "components": [{"type": "checkbox", "key": "towed", "label": "已拖离"}],
    }  # fmt: skip
    show(site, fixed)
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    assert not page.tree.xpath('//*[@name="_remove"]')
    press(desk, page, "act=complete", **{"cars[1].towed": "true"})
    assert answers_of(work) == {"cars": [{"towed": False}, {"towed": True}]}


def test_photos_of_the_case_are_chosen_in_the_form(site: Site) -> None:
    show(
        site, {"type": "filepicker", "key": "proof", "label": "证据", "multiple": True, "validate": {"required": True}}
    )
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    assert "本案还没有照片。" in page.words('.//*[@id="fields"]')
    work.photo()
    work.photo("before_photo")
    page = open_page(desk, work)
    ids = page.tree.xpath('//*[@name="proof"]/@value')
    assert len(ids) == 2
    refused = press(desk, page, "act=complete", proof=["77"])
    assert refused.error_of("proof") == "照片 77 不属于本案。"
    done = press(desk, refused, "act=complete", proof=[ids[1]])
    assert "证据1 张照片" in done.words('.//*[@id="timeline"]')
    assert answers_of(work) == {"proof": [int(ids[1])]}


def test_a_field_of_another_role_is_only_read(site: Site) -> None:
    show(site, REASON, {**PEOPLE, "properties": {"editable_by": "shift_leader"}, "appearance": {"suffixAdorner": "人"}})
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    assert page.field("people") is None
    assert "人数 — 人" in page.words('.//*[@id="fields"]')
    press(desk, page, "act=complete", reason=TYPED, people="5")
    assert answers_of(work) == {"reason": TYPED}


def test_a_form_at_fault_is_told_without_its_inside(site: Site) -> None:
    show(site, REASON, {"type": "select", "key": "why", "label": "原因", "valuesExpression": "=nowhere"})
    work, desk = CaseWork(site.town), site.desk("acceptor")
    page = open_page(desk, work)
    assert (page.status, "表单配置有误" in page.words()) == (500, True)
