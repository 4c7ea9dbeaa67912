"""The pages without scripts: who sees what, what is refused and how, and that nothing typed is lost."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_people import PASSWORD
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from page_desk import Desk, Page, Site
from PIL import Image

from api.app import create_app
from api.config import Settings
from api.pages import refusals
from api.pages.entry import safe_address
from engine.models import CaseEvent
from engine.simulation.photos import draw
from engine.testing.casework import CONDITION, CaseWork
from engine.testing.small_city import SmallTown

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("/inbox", "/cases", "/map", "/report", "/notices", "/cases/missing", "/nowhere")
TYPED = "井盖已经缺失三天，旁边是小学，请尽快处理"


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    """A small city with its pages, Monday 2 March 2026, 09:00; everybody's password is ``PASSWORD``."""
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
def case(site: Site) -> CaseWork:
    """A case somebody has just reported."""
    return CaseWork(site.town)


def bring_to_filing(case: CaseWork) -> None:
    case.do("acceptor", "accept", {"decision": "ok", "condition": CONDITION, "urgent": False})


def bring_to_feedback(case: CaseWork) -> None:
    bring_to_filing(case)
    case.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})
    case.do("dispatcher", "assign", {"decision": "assign", "lead": "MUNICIPAL"})
    case.do("unit_clerk_municipal", "receive", {"decision": "accept"})
    case.do("unit_handler_municipal", "handle", {"decision": "done", "handling_note": "已换新井盖"})


def status_of(case: CaseWork) -> str:
    case.open()  # ends what the town's session was reading, so that the pages' writes are seen
    return case.case.status


def open_case(desk: Desk, case: CaseWork) -> Page:
    return desk.get(f"/cases/{case.case.number}")


# Logging in ----------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_without_saying_which_part_was_wrong(site: Site) -> None:
    desk = site.visitor()
    answers = [
        desk.submit(desk.get("/login"), "", {"login": login, "password": "wrong"}) for login in ("acceptor", "nobody")
    ]
    assert [page.status for page in answers] == [401, 401]
    assert answers[0].words(".//main//div[@role='alert']") == answers[1].words(".//main//div[@role='alert']")
    assert "账号或密码不正确" in answers[0].words()
    assert answers[0].tree.find(".//input[@name='login']").get("value") == "acceptor"


def test_the_right_password_opens_the_page_that_was_asked_for(site: Site) -> None:
    desk = site.visitor()
    asked = desk.get("/cases?status=filed")
    assert asked.path == "/login"
    page = desk.submit(asked, "", {"login": "acceptor", "password": PASSWORD})
    assert (page.status, page.path) == (200, "/cases")
    assert page.response.request.query_string == b"status=filed"


def test_a_login_never_leads_to_another_site() -> None:
    assert safe_address("/cases?x=1") == "/cases?x=1"
    assert [safe_address(bad) for bad in ("//evil.example", "https://evil.example", "/\\evil.example", "evil")] == [
        ""
    ] * 4


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    cookie = site.visitor().client.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_logging_out_ends_the_token_on_the_server(site: Site) -> None:
    desk = site.desk("acceptor")
    with desk.client.session_transaction() as cookie:
        kept = dict(cookie)
    assert desk.submit(desk.get("/inbox"), "/logout").path == "/login"
    with desk.client.session_transaction() as cookie:
        cookie.update(kept)
    assert desk.get("/inbox").path == "/login"


def test_a_session_ends_after_twelve_hours(site: Site) -> None:
    desk = site.desk("acceptor")
    site.town.clock.set(site.town.clock.now().replace(hour=23))
    assert desk.get("/inbox").path == "/login"


# What all pages have -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", *PAGES])
def test_every_page_has_the_security_headers_and_no_inline_code(site: Site, case: CaseWork, path: str) -> None:
    desk = site.visitor() if path == "/login" else site.desk("acceptor")
    page = desk.get(path)
    policy = page.response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.response.headers["X-Content-Type-Options"] == "nosniff"
    assert page.response.headers["Cache-Control"] == "no-store"
    assert not page.tree.xpath("//style | //*[@style] | //script[not(@src)] | //@*[starts-with(name(), 'on')]")
    addresses = page.tree.xpath("//@src | //link/@href")
    assert addresses and not [each for each in addresses if not each.startswith("/")]


def test_a_case_page_has_no_inline_code_either(site: Site, case: CaseWork) -> None:
    page = open_case(site.desk("acceptor"), case)
    assert not page.tree.xpath("//style | //*[@style] | //script[not(@src)] | //@*[starts-with(name(), 'on')]")


def test_a_form_without_the_sessions_token_is_refused(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    task = case.task("accept")
    refused = Page(desk.client.post(f"/tasks/{task.id}/claim", data={"csrf_token": "guessed"}))
    assert refused.status == 403
    assert "页面已过期" in refused.words()
    assert case.task("accept").assignee_id is None


def test_every_form_that_posts_carries_the_token(site: Site, case: CaseWork) -> None:
    desk = site.desk("shift_leader")
    bring_to_filing(case)
    for page in (desk.get("/inbox"), open_case(desk, case), desk.get("/report")):
        posting = [form for form in page.tree.forms if form.method == "POST"]
        assert posting
        assert all(form.fields["csrf_token"] == "known" for form in posting)


def test_the_language_switch_lasts_and_keeps_the_page(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.submit(desk.get("/cases?status=filed"), "/language", button="language=en")
    assert (page.path, page.tree.get("lang")) == ("/cases", "en")
    assert "Your tasks" in desk.get("/inbox").words()
    assert desk.submit(desk.get("/inbox"), "/language", button="language=zh").tree.get("lang") == "zh-CN"


@pytest.mark.parametrize(
    ("accept", "kind"), [("text/html", "text/html"), ("application/json", "application/problem+json")]
)
def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(site: Site, accept: str, kind: str) -> None:
    answer = site.desk("acceptor").client.get("/nowhere", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, kind)


def test_an_unknown_address_of_the_api_stays_a_problem(site: Site) -> None:
    answer = site.visitor().client.get("/api/v1/nowhere", headers={"Accept": "text/html"})
    assert answer.mimetype == "application/problem+json"


# The inbox -----------------------------------------------------------------------------------------------


def test_the_inbox_shows_only_what_ones_posts_may_do(site: Site, case: CaseWork) -> None:
    number = case.case.number
    assert number in site.desk("acceptor").get("/inbox").words()
    for other in ("dispatcher", "unit_clerk_municipal", "leader"):
        page = site.desk(other).get("/inbox")
        assert number not in page.words()
        assert "没有待办任务" in page.words()


def test_lights_say_in_words_what_their_colour_says(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    assert "剩 15 分钟" in desk.get("/inbox").words(".//table")
    site.town.clock.set(site.town.clock.now().replace(hour=2))
    assert "超时 45 分钟" in desk.get("/inbox").words(".//table")


def test_claiming_puts_a_task_out_of_reach_of_colleagues(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    task = case.task("accept")
    page = desk.submit(desk.get("/inbox"), "/claim")
    assert page.path == f"/cases/{case.case.number}"
    assert "您已签收" in page.words()
    assert "待签收" not in desk.get("/inbox?whose=mine").words(".//table")
    assert desk.submit(page, f"/tasks/{task.id}/release").path == "/inbox"
    assert case.task("accept").assignee_id is None


def test_claim_next_takes_the_most_urgent_task(site: Site, case: CaseWork) -> None:
    case.wait(minutes=1)
    CaseWork(site.town, description="后来的")
    desk = site.desk("acceptor")
    assert desk.submit(desk.get("/inbox"), "/inbox/next").path == f"/cases/{case.case.number}"


def test_claim_next_says_when_nothing_is_left(site: Site) -> None:
    desk = site.desk("dispatcher")
    assert "没有可签收的任务" in desk.submit(desk.get("/inbox"), "/inbox/next").words()


# A case and its form -------------------------------------------------------------------------------------


def test_a_task_is_completed_without_scripts(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    page = open_case(desk, case)
    assert page.words(".//li[@aria-current='step']").startswith("1信息收集")
    page = desk.submit(
        page, f"/tasks/{case.task('accept').id}", {"decision": "ok", "condition": CONDITION}, "act=complete"
    )
    assert page.status == 200
    assert "已提交：受理登记" in page.words()
    assert case.open() == ["file_case"]
    assert page.words(".//li[@aria-current='step']").startswith("2案卷建立")


def test_a_form_error_stands_beside_its_field_and_keeps_the_text(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    desk, task = site.desk("shift_leader"), case.task("file_case")
    answers = {"decision": "not_met", "reason": TYPED, "reason_kind": ""}
    page = desk.submit(open_case(desk, case), f"/tasks/{task.id}", answers, "act=complete")
    assert page.status == 422
    assert page.error_of("reason_kind") == "请填写此项。"
    assert page.field("reason").text == TYPED
    assert page.tree.find(".//input[@name='decision'][@checked]").get("value") == "not_met"
    assert case.open() == ["file_case"]


def test_conditional_fields_follow_the_answers_without_scripts(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    desk, task = site.desk("shift_leader"), case.task("file_case")
    page = open_case(desk, case)
    assert page.field("reason") is None
    page = desk.submit(page, f"/tasks/{task.id}", {"decision": "not_met"}, "act=refresh")
    assert page.field("reason") is not None
    assert page.field("condition") is None
    assert case.open() == ["file_case"]


def test_a_change_of_mind_loses_no_text(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    desk, address = site.desk("shift_leader"), f"/tasks/{case.task('file_case').id}"
    page = desk.submit(open_case(desk, case), address, {"decision": "not_met"}, "act=refresh")
    page = desk.submit(page, address, {"decision": "approve", "reason": TYPED}, "act=refresh")
    assert page.field("reason") is None
    page = desk.submit(page, address, {"decision": "not_met"}, "act=refresh")
    assert page.field("reason").text == TYPED


def test_a_standard_text_is_put_in_by_its_button(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    desk, address = site.desk("shift_leader"), f"/tasks/{case.task('file_case').id}"
    page = desk.submit(open_case(desk, case), address, {"decision": "not_met"}, "act=refresh")
    button = page.tree.find(".//button[@name='_insert']")
    page = desk.submit(page, address, {}, f"_insert={button.get('value')}")
    assert page.field("reason").text == button.get("value").partition("|")[2]


def test_long_lists_are_searched_on_the_server(site: Site, case: CaseWork) -> None:
    desk, address = site.desk("acceptor"), f"/tasks/{case.task('accept').id}"
    page = open_case(desk, case)
    shown = page.tree.xpath("//select[@name='condition']/option/@value")
    assert CONDITION in shown and len(shown) < 60
    page = desk.submit(page, address, {"_find:condition": "暴露垃圾"}, "act=refresh")
    options = page.tree.xpath("//select[@name='condition']/option")
    assert any("暴露垃圾" in option.text for option in options)
    assert "event/" in "".join(option.get("value") for option in options)


def test_an_answer_to_an_old_page_is_refused_and_what_was_typed_stays(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    desk, task = site.desk("shift_leader"), case.task("file_case")
    page = desk.submit(open_case(desk, case), f"/tasks/{task.id}", {"decision": "not_met"}, "act=refresh")
    case.do("shift_leader", "file_case", {"decision": "approve", "condition": CONDITION, "urgent": False})
    answers = {"decision": "not_met", "reason": TYPED, "reason_kind": "other"}
    page = desk.submit(page, f"/tasks/{task.id}", answers, "act=complete")
    assert page.status == 409
    assert "已由 shift_leader 办理完毕" in page.words()
    assert TYPED in page.words()


def test_pressing_submit_twice_completes_once(site: Site, case: CaseWork) -> None:
    desk, address = site.desk("acceptor"), f"/tasks/{case.task('accept').id}"
    page = open_case(desk, case)
    answers = {"decision": "ok", "condition": CONDITION}
    pages = [desk.submit(page, address, answers, "act=complete") for _ in range(2)]
    assert [each.status for each in pages] == [200, 200]
    assert case.open() == ["file_case"]
    assert case.history().count("task_completed") == 1


def test_a_department_cannot_close_its_own_case(site: Site, case: CaseWork) -> None:
    bring_to_feedback(case)
    case.photo()
    case.do("unit_clerk_municipal", "feedback", {"decision": "complete"})
    case.do("collector", "check", {"decision": "pass"})
    task = case.task("close")
    desk = site.desk("unit_clerk_municipal")
    page = open_case(desk, case)
    assert not [form for form in page.tree.forms if "/tasks/" in (form.get("action") or "")]
    sent = {"csrf_token": "known", "act": "complete", "decision": "close", "kind": "solved"}
    refused = Page(desk.client.post(f"/tasks/{task.id}", data=sent))
    assert refused.status in (403, 404)
    assert status_of(case) == "dispatched"


def test_a_case_of_others_is_not_found(site: Site, case: CaseWork) -> None:
    page = open_case(site.desk("unit_clerk_sanitation"), case)
    assert page.status == 404
    assert "没有您可以查看的案件" in page.words()


def test_a_photo_is_asked_for_uploaded_and_shown_beside_the_one_before(site: Site, case: CaseWork) -> None:
    bring_to_feedback(case)
    desk, task = site.desk("unit_clerk_municipal"), case.task("feedback")
    page = desk.submit(open_case(desk, case), f"/tasks/{task.id}", {"decision": "complete"}, "act=complete")
    assert page.status == 422
    assert "请先上传处置后照片" in page.words()
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(picture, "JPEG")
    upload = {"role": "after_photo", "photos": (io.BytesIO(picture.getvalue()), "after.jpg")}
    page = desk.submit(page, "/photos", upload)
    assert "已上传处置后照片 1 件" in page.words()
    image = page.tree.xpath("//*[@id='photos']//img/@src")[0]
    answer = desk.client.get(image)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert site.desk("unit_clerk_sanitation").client.get(image).status_code == 404
    page = desk.submit(page, f"/tasks/{task.id}", {"decision": "complete"}, "act=complete")
    assert case.open() == ["check"]


def test_videos_and_voice_are_played_and_what_speaks_against_a_photo_is_said(site: Site, case: CaseWork) -> None:
    desk, other = site.desk("acceptor"), CaseWork(site.town)
    for role, name in (("video", "a.webm"), ("voice", "a.wav"), ("before_photo", "a.jpg")):
        upload = {"role": role, "photos": (io.BytesIO(draw(role, 1)), name)}
        page = desk.submit(open_case(desk, case), "/photos", upload)
        assert page.status == 200, page.words()
    for path, media_type in (("//video", "video/webm"), ("//audio", "audio/wav")):
        source = page.tree.xpath(f"//*[@id='photos']{path}/@src")[0]
        answer = desk.client.get(source, headers={"Range": "bytes=0-3"})
        assert (answer.status_code, answer.mimetype, len(answer.data)) == (206, media_type, 4)
        assert "media-src 'self'" in page.response.headers["Content-Security-Policy"]
    upload = {"role": "near_photo", "photos": (io.BytesIO(draw("before_photo", 1)), "again.jpg")}
    page = desk.submit(open_case(desk, other), "/photos", upload)
    assert f"与案件 {case.case.number} 的照片是同一文件" in page.words(".//*[@id='photos']")
    assert f"/cases/{case.case.number}" in page.tree.xpath("//*[@class='finding']/a/@href")
    assert page.tree.xpath("//*[@id='photos']//img[contains(@src, 'small=1')]")
    upload = {"role": "video", "photos": (io.BytesIO(draw("before_photo", 1)), "photo.mp4")}
    page = desk.submit(open_case(desk, other), "/photos", upload)
    assert (page.status, "不是可播放的视频" in page.words()) == (422, True)


def test_a_file_that_is_no_photo_is_refused_in_words(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    upload = {"role": "before_photo", "photos": (io.BytesIO(b"not a photo"), "virus.exe")}
    page = desk.submit(open_case(desk, case), "/photos", upload)
    assert page.status == 422
    assert "不是 JPEG、PNG 或 WebP 照片" in page.words()


def test_the_case_page_says_why_it_is_due_then(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    words = open_case(site.desk("shift_leader"), case).words(".//*[@id='why']")
    assert "限时 60 分钟" in words and "3月2日（周一） 10:00 到期" in words


def test_the_timeline_tells_who_did_what_and_how_long_it_took(site: Site, case: CaseWork) -> None:
    case.wait(minutes=7)
    bring_to_filing(case)
    words = open_case(site.desk("shift_leader"), case).words(".//*[@id='timeline']")
    assert "受理登记 acceptor" in words and "用时 7 分钟" in words and "予以受理" in words


def test_the_timeline_says_why_a_step_took_another_way(site: Site, case: CaseWork) -> None:
    line = {"code": "no_truck", "message": "车辆都在外面"}
    event = CaseEvent(
        case_id=case.id, at=case.town.clock.now(), kind="error_caught", stage="handle", process="case",
        element="limit_80", actor_id=None, actor_role="system", department_code=None, data=line,
    )  # fmt: skip
    case.town.session.add(event)
    case.town.session.commit()
    for language, told in (("zh", "出错，转入其他环节"), ("en", "Failed, another way was taken")):
        words = open_case(site.desk("shift_leader", language), case).words(".//*[@id='timeline']")
        assert told in words and "车辆都在外面" in words and "no_truck" not in words


def test_english_pages_show_forms_and_names_in_english(site: Site, case: CaseWork) -> None:
    bring_to_filing(case)
    page = open_case(site.desk("shift_leader", "en"), case)
    assert "Review for filing" in page.words()
    assert "上水井盖" not in page.words(".//h1")
    labels = " ".join(
        each.text_content() for each in page.tree.xpath("//*[@id='fields']//label | //*[@id='fields']//legend")
    )
    assert not re.search(r"[\u4e00-\u9fff]", labels)


def test_an_act_that_is_refused_keeps_its_text(site: Site, case: CaseWork) -> None:
    desk = site.desk("shift_leader")
    page = desk.submit(open_case(desk, case), "/actions/merge", {"into": "20990101-00001", "reason": TYPED})
    assert page.status == 422
    assert "没有可并入的案件 20990101-00001" in page.words()
    assert page.tree.find(".//textarea[@id='act-merge-reason']").text == TYPED
    page = desk.submit(page, "/actions/cancel", {"reason": "误报"})
    assert status_of(case) == "voided"


def test_acts_are_offered_only_to_posts_that_may(site: Site, case: CaseWork) -> None:
    assert "其他操作" in open_case(site.desk("shift_leader"), case).words()
    assert "其他操作" not in open_case(site.desk("acceptor"), case).words()
    refused = Page(
        site.desk("acceptor").client.post(
            f"/cases/{case.case.number}/actions/cancel", data={"csrf_token": "known", "reason": "x"}
        )
    )
    assert refused.status == 403
    assert status_of(case) == "reported"


def test_the_diagram_shows_where_the_case_stands(site: Site, case: CaseWork) -> None:
    page = site.desk("acceptor").get(f"/cases/{case.case.number}/diagram")
    current = page.tree.xpath("//*[contains(concat(' ', @class, ' '), ' current ')]/@data-element")
    assert "accept" in current and "file_case" not in current


def test_a_likely_duplicate_is_pointed_out(site: Site, case: CaseWork) -> None:
    other = CaseWork(site.town, lon=116.0007)
    words = open_case(site.desk("acceptor"), case).words(".//aside")
    assert "可能重复" in words and other.case.number in words


# Lists, map, report, notices -----------------------------------------------------------------------------


def test_the_list_of_cases_searches_and_filters(site: Site, case: CaseWork) -> None:
    other = CaseWork(site.town, description="桥下积水")
    desk = site.desk("acceptor")
    found = desk.get("/cases?q=桥下").words()
    assert other.case.number in found and case.case.number not in found
    assert "没有符合条件的案件" in desk.get("/cases?status=closed").words()


def test_the_map_gives_a_list_without_scripts_and_points_with_them(site: Site, case: CaseWork) -> None:
    desk = site.desk("acceptor")
    assert case.case.number in desk.get("/map").words(".//ol[@class='map-list']")
    points = desk.client.get("/map/cases.geojson").get_json(force=True)["features"]
    assert [each["properties"]["number"] for each in points] == [case.case.number]
    assert points[0]["geometry"]["coordinates"] == [116.0005, 28.0005]
    assert site.desk("unit_clerk_sanitation").client.get("/map/cases.geojson").get_json(force=True)["features"] == []


def test_a_city_without_a_base_map_shows_its_divisions(site: Site) -> None:
    answer = site.desk("acceptor").client.get("/map/base.geojson", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = site.desk("acceptor").client.get("/map/base.geojson").get_json(force=True)
    assert {each["properties"]["kind"] for each in plain["features"]} == {"boundary"}


def test_a_report_opens_a_case(site: Site) -> None:
    desk = site.desk("acceptor")
    page = desk.submit(desk.get("/report"), "", {"find": "井盖"}, "act=find")
    assert "0101" in page.words(".//select[@name='subclass']")
    assert "暴露垃圾" not in page.words(".//select[@name='subclass']")
    answers = {"subclass": "component/0101", "description": TYPED, "lon": "116.0005", "lat": "28.0005"}
    page = desk.submit(page, "", answers, "act=report")
    assert page.status == 200
    assert "已上报，案件号 20260302-00001" in page.words()


def test_a_report_with_errors_keeps_everything_typed(site: Site) -> None:
    desk = site.desk("acceptor")
    answers = {"subclass": "", "description": TYPED, "lon": "here", "lat": "28.0005", "address": "人民路"}
    page = desk.submit(desk.get("/report"), "", answers, "act=report")
    assert page.status == 422
    assert "请选择问题小类" in page.error_of("subclass")
    assert "不是有效的经纬度" in page.error_of("lon")
    assert page.tree.find(".//textarea[@name='description']").text == TYPED
    assert page.tree.find(".//input[@name='address']").get("value") == "人民路"


def test_a_place_outside_the_city_is_refused(site: Site) -> None:
    desk = site.desk("acceptor")
    answers = {"subclass": "component/0101", "description": TYPED, "lon": "10", "lat": "50"}
    page = desk.submit(desk.get("/report"), "", answers, "act=report")
    assert page.status == 422
    assert "不在本市网格范围内" in page.error_of("lon")


def test_only_posts_that_may_report_see_the_form(site: Site) -> None:
    desk = site.desk("dispatcher")
    assert desk.get("/report").status == 403
    assert not desk.get("/inbox").tree.xpath("//nav//a[@href='/report']")


def test_notices_reach_the_post_they_were_sent_to(site: Site, case: CaseWork) -> None:
    case.wait(minutes=30)
    sent = site.desk("shift_leader").get("/notices")
    assert case.case.number in sent.words()
    assert case.case.number not in site.desk("dispatcher").get("/notices").words()


# Texts ---------------------------------------------------------------------------------------------------


def page_texts() -> set[str]:
    """Every Chinese text of the pages' code and templates."""
    methods = [("pages/**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract_from_dir(ROOT / "api", method_map=methods, keywords={"_": None, "noop": None})
    return {str(message) for _file, _line, message, _comments, _context in found}


def test_english_is_complete_and_has_nothing_left_over() -> None:
    with (ROOT / "api/i18n/en.po").open("rb") as file:
        english = {str(each.id): str(each.string) for each in read_po(file) if each.id}
    texts = page_texts()
    assert len(texts) > 200
    assert {text for text in texts if not english.get(text, "").strip()} == set()
    assert set(english) - texts == set()
    names = {text: (re.findall(r"%\(\w+\)s", text), re.findall(r"%\(\w+\)s", english[text])) for text in texts}
    assert {text for text, (zh, en) in names.items() if sorted(zh) != sorted(en)} == set()
    assert {text for text, said in english.items() if re.search(r"[\u4e00-\u9fff]", said)} == set()


def test_templates_have_no_chinese_text_outside_the_translations() -> None:
    stray = []
    for path in sorted((ROOT / "api/templates").rglob("*.html")):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        text = re.sub(r"_\((\"[^\"]*\"|'[^']*')", "", text)
        stray += [f"{path.name}: {found}" for found in re.findall(r"[\u4e00-\u9fff]{2,}", text)]
    assert stray == []


def test_messages_retold_in_chinese_fill_every_place() -> None:
    for pattern, text in refusals.CHINESE:
        assert set(re.findall(r"\{(\w+)\}", text)) <= set(pattern.groupindex), pattern.pattern


def test_the_demonstration_accounts_are_shown_only_by_a_demonstration(site: Site) -> None:
    assert "演示账号" not in site.visitor().get("/login").words()
    site.app.config["DEMO"] = PASSWORD
    assert "演示账号" in site.visitor().get("/login").words()


def test_passwords_are_never_sent_back(site: Site) -> None:
    desk = site.visitor()
    page = desk.submit(desk.get("/login"), "", {"login": "acceptor", "password": "wrong-secret"})
    assert "wrong-secret" not in page.text
