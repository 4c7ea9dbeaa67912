"""The command manual at the API, on the pages and on the command line."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_people import Api
from click.testing import CliRunner, Result
from manual_books import Book
from page_desk import Desk, Page, Site
from test_docs import ROOT, run_page
from werkzeug.datastructures import FileStorage

from api.app import create_app
from api.cli import main
from api.config import Settings
from engine.catalogue.manual import CLASSES, CONDITIONS
from engine.testing.small_city import SmallTown

TODAY = "2026-03-02"


def workbook(api: Api) -> Book:
    answer = api.get("analyst", "/catalogue/manual")
    assert answer.status_code == 200 and "spreadsheetml" in answer.content_type
    return Book(answer.data)


def send(api: Api, login: str, path: str, book: Book, **values: str) -> Any:
    sent = {"file": (io.BytesIO(book.saved()), "手册.xlsx"), "effective_date": TODAY, **values}
    return api.post(login, path, data=sent, content_type="multipart/form-data")


def changed(api: Api) -> Book:
    return workbook(api).change(CONDITIONS, "component", "0101", "1", limit_a="1 urgent_hour").extend_class("0198")


def test_a_change_goes_from_workbook_to_version_over_the_api(api: Api) -> None:
    book = changed(api)
    compared = send(api, "analyst", "/catalogue/manual/comparison", book).json
    assert compared["counts"]["conditions"] == {"added": 1, "removed": 0, "changed": 1}
    assert compared["effect"]["filed"] == 0
    row = next(each for each in compared["changes"] if each["sort"] == "changed")
    assert row["values"] == {"limit_a": ["", "1 urgent_hour"]}
    proposed = send(api, "analyst", "/catalogue/manual/changes", book, name="修订一", note="试行")
    assert proposed.status_code == 201, proposed.text
    assert proposed.json["diff_digest"] == compared["diff_digest"]
    assert send(api, "analyst", "/catalogue/manual/changes", book, name="修订一").json["id"] == proposed.json["id"]
    path = f"/catalogue/manual/changes/{proposed.json['id']}"
    assert api.get("collector", path).json["changes"] == compared["changes"]
    body = {"diff_digest": compared["diff_digest"]}
    assert api.put("analyst", f"{path}/signature", json=body).status_code == 403
    before = api.get("analyst", "/catalogue/versions").json["in_force"]
    signed = api.put("command_head", f"{path}/signature", json=body)
    assert (signed.status_code, signed.json["status"], signed.json["decided_by"]) == (200, "signed", "command_head")
    assert api.get("analyst", "/catalogue/versions").json["in_force"] == signed.json["version_id"] != before
    conditions = api.get("analyst", "/catalogue/subclasses/component/0101").json["conditions"]
    assert conditions[0]["limit"] == "A: 1 urgent_hour; *: 2 urgent_hour"
    assert api.put("command_head", f"{path}/withdrawal").status_code == 409


def test_a_faulty_workbook_is_answered_with_every_cell(api: Api) -> None:
    book = workbook(api).change(CLASSES, "component", "0101", dept_code="NOBODY")
    book.change(CONDITIONS, "component", "0102", "1", limit="soon")
    answer = send(api, "analyst", "/catalogue/manual/comparison", book)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json["errors"]] == ["classes!row 3 dept_code", "conditions!row 7 limit"]


def test_only_who_may_edit_may_compare_and_propose(api: Api) -> None:
    for path in ("/catalogue/manual/comparison", "/catalogue/manual/changes"):
        assert (
            send(api, "collector", path, changed(api), **({"name": "x"} if "changes" in path else {})).status_code
            == 403
        )


# Pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(town_folder: Path, town_database: Path, tmp_path: Path) -> Iterator[Site]:
    path = tmp_path / "small.db"
    shutil.copy(town_database, path)
    town = SmallTown(town_folder, f"sqlite:///{path}")
    settings = Settings(str(town_folder), f"sqlite:///{path}", "test", tmp_path, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def upload(desk: Desk, book: Book, **values: str) -> Page:
    page = desk.get("/manual")
    file = FileStorage(io.BytesIO(book.saved()), filename="手册.xlsx")
    return desk.submit(page, "", {"file": file, "name": "修订一", "effective_date": TODAY, **values})


def downloaded(desk: Desk) -> Book:
    return Book(desk.client.get("/manual/workbook").data)


def test_a_change_is_read_row_by_row_and_signed_on_the_page(site: Site) -> None:
    analyst, head = site.desk("analyst"), site.desk("command_head")
    book = downloaded(analyst).change(CONDITIONS, "component", "0113", "1", limit="9 work_day")
    page = upload(analyst, book)
    words = page.words()
    assert "修订已提交" in words and "9 work_day" in words and "在办案件均不改变" in words
    assert "须由他人签署" in words and "核对无误，签署" not in words
    path = page.path
    english = site.desk("command_head", "en").get(path)
    assert "No running case changes." in english.words() and "Checked: sign" in english.words()
    done = head.submit(head.get(path), "", button="act=sign")
    assert "修订已签署" in done.words()
    assert "已签署" in analyst.get("/manual").words()
    assert "核对无误，签署" not in head.get(path).words()


def test_a_faulty_workbook_is_told_in_chinese_with_its_cells(site: Site) -> None:
    analyst = site.desk("analyst")
    book = downloaded(analyst).change(CONDITIONS, "component", "0101", "1", text="=1+1")
    page = upload(analyst, book)
    assert page.status == 422
    assert "单元格是公式" in page.words() and "conditions!E3" in page.words()
    assert "没有差异" in upload(analyst, downloaded(analyst)).words()


def test_what_changes_and_is_provisional_is_marked_on_the_page(site: Site) -> None:
    analyst = site.desk("analyst")
    book = downloaded(analyst)
    sheet = book.book["小类 Subclasses"]
    row = next(n for n in range(3, 300) if sheet.cell(n, book.place(CLASSES, "code_source")).value == "provisional")
    page = upload(analyst, book.write(CLASSES, row, name="新名称"))
    assert "暂编代码，待核定" in page.words()


def test_people_who_only_read_the_catalogue_get_no_form(site: Site) -> None:
    for login, shown in (("analyst", True), ("command_head", True), ("collector", False)):
        assert ("手册" in site.desk(login).get("/cases").words(".//nav")) is shown
    page = site.desk("collector").get("/manual")
    assert page.status == 200 and "导入修订" not in page.words() and "导出工作簿" in page.words()


# Command line ----------------------------------------------------------------------------------------------------


def run(database: Path, folder: Path, *words: object, fails: bool = False) -> Result:
    arguments = ["manual", *map(str, words), "--city", str(folder), "--database", f"sqlite:///{database}"]
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code != 0) == fails, done.output
    return done


def test_the_commands_take_a_change_from_export_to_signature(
    town_folder: Path, town_database: Path, tmp_path: Path
) -> None:
    database, file = tmp_path / "small.db", tmp_path / "manual.xlsx"
    shutil.copy(town_database, database)

    def wangge(*words: object, fails: bool = False) -> str:
        return run(database, town_folder, *words, fails=fails).output

    assert "242 subclasses, 650 filing conditions" in wangge("export", file)
    assert "0 added, 0 removed, 0 changed" in wangge("diff", file)
    file.write_bytes(
        Book(file.read_bytes()).change(CONDITIONS, "component", "0101", "1", limit="3 urgent_hour").saved()
    )
    assert "limit: 2 urgent_hour → 3 urgent_hour" in wangge("diff", file)
    assert "change 1 is proposed" in wangge("propose", file, "--name", "修订一", "--as", "analyst")
    assert "change 1 was proposed before" in wangge("propose", file, "--name", "修订一", "--as", "analyst")
    shown = json.loads(wangge("show", 1, "--json"))
    assert "takes the permission catalogue.sign" in wangge(
        "sign", 1, "--digest", shown["diff_digest"][:12], "--as", "analyst", fails=True
    )
    assert "not the one you read" in wangge("sign", 1, "--digest", "0" * 12, "--as", "command_head", fails=True)
    signed = wangge("sign", 1, "--digest", shown["diff_digest"][:12], "--as", "command_head")
    assert "running cases: none changes" in signed
    assert "signed by command_head" in wangge("list")
    file.write_bytes(file.read_bytes()[:9_000])
    assert "truncated" in wangge("diff", file, fails=True)
    assert "nobody has the login" in wangge("withdraw", 1, "--as", "ghost", fails=True)


def test_the_reference_page_runs_as_written(tmp_path: Path) -> None:
    run_page(ROOT / "docs/reference/command-manual.md", tmp_path)


def test_what_is_provisional_is_marked_where_a_problem_is_reported(site: Site) -> None:
    options = site.desk("acceptor").get("/report").tree.xpath("//select[@id='subclass']//option")
    marked = [option.text_content() for option in options if "待核定" in option.text_content()]
    assert (len(options), len(marked)) == (242, 69)
