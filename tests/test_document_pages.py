"""Documents on the case's page, in the API and from the command line: read, printed, delivered, voided by who may."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_people import Api
from click.testing import CliRunner
from page_desk import Site
from test_documents import write_papers

from api.app import create_app
from api.cli import main
from api.config import Settings
from engine.documents.pdf import PdfFailed, make_pdf
from engine.testing.casework import CaseWork
from engine.testing.small_city import SmallTown


def has_letters() -> bool:
    """Whether a PDF can be made here."""
    try:
        template = Path(__file__).parents[1] / "processes/documents/filing_form.docx"
        return bool(make_pdf(template.read_bytes()))
    except PdfFailed:
        return False


LETTERS = has_letters()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host whose diagram makes an order only some may read; every test reports cases of its own."""
    place = tmp_path_factory.mktemp("site")
    folder = write_papers(place / "small")
    declared = folder / "documents/order.toml"
    declared.write_text(
        declared.read_text(encoding="utf-8").replace("seal = true", 'seal = true\nread = "case.supervise"'),
        encoding="utf-8",
    )
    town = SmallTown(folder, f"sqlite:///{place / 'small.sqlite'}")
    town.session.commit()
    settings = Settings(str(folder), town.url, "test", place, check_city=False, testing=True)
    app = create_app(settings, clock=town.clock)
    yield Site(app, town)
    town.close()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def number(site: Site) -> str:
    """A case with an order made."""
    work = CaseWork(site.town)
    work.do("acceptor", "first", {"party": "张三"})
    found: str = work.case.number
    site.town.session.commit()
    return found


def order_of(api: Api, number: str) -> dict[str, object]:
    found: dict[str, object] = api.get("dispatcher", f"/cases/{number}/documents").get_json()["documents"][0]
    return found


@pytest.fixture
def api(site: Site) -> Api:
    return Api(site.app, site.town.clock)


def test_a_document_is_read_as_it_was_made_and_as_pdf(api: Api, number: str) -> None:
    order = order_of(api, number)
    assert order["title"] == "责令改正通知书" and order["awaits"] is True
    got = api.get("dispatcher", f"/documents/{order['id']}/file?form=docx")
    assert got.status_code == 200 and "attachment" in got.headers["Content-Disposition"]
    assert zipfile.ZipFile(io.BytesIO(got.data)).testzip() is None and len(got.data) == order["size"]
    got = api.get("dispatcher", f"/documents/{order['id']}/file")
    if LETTERS:
        assert (
            got.status_code == 200 and got.data.startswith(b"%PDF-") and "inline" in got.headers["Content-Disposition"]
        )
    else:
        assert got.status_code == 503 and "no Chinese font" in got.get_json()["detail"]
    again = api.get(
        "dispatcher", f"/documents/{order['id']}/file", headers={"If-None-Match": got.headers.get("ETag", "")}
    )
    assert again.status_code in (304, 503)


def test_who_may_not_read_a_document_does_not_learn_of_it(api: Api, number: str) -> None:
    order = order_of(api, number)
    assert api.get("acceptor", f"/cases/{number}/documents").get_json()["documents"] == []
    for path in (f"/documents/{order['id']}", f"/documents/{order['id']}/file?form=docx", "/documents/99999"):
        assert api.get("acceptor", path).status_code == 404
    assert api.get("unit_clerk_municipal", f"/documents/{order['id']}").status_code == 404, "a case of another unit"


def test_a_delivery_is_recorded_once_with_its_receipt(api: Api, number: str) -> None:
    order = order_of(api, number)
    path, body = f"/documents/{order['id']}/deliveries", {"manner": "left", "receiver": "张三", "on": "2026-03-02"}
    refused = api.post("dispatcher", path, json=body)
    assert refused.status_code == 422 and "witness" in refused.get_json()["detail"]
    for _ in range(2):
        got = api.post(
            "dispatcher", path, json={**body, "witness": "李居委"}, headers={"Idempotency-Key": f"d{number}"}
        )
        assert got.status_code == 201, got.get_json()
    told = got.get_json()
    assert told["awaits"] is False and [each["manner"] for each in told["deliveries"]] == ["left"]
    receipt = api.get("dispatcher", f"/documents/{told['deliveries'][0]['receipt']}").get_json()
    assert receipt["receipt_of"] == order["id"] and receipt["title"] == "送达回证"
    assert api.post("analyst", path, json=body).status_code in (403, 404)


def test_a_void_document_keeps_its_number_and_takes_no_delivery(api: Api, number: str) -> None:
    order = order_of(api, number)
    assert api.put("dispatcher", f"/documents/{order['id']}/void", json={"reason": "有误"}).status_code == 403
    told = api.put("shift_leader", f"/documents/{order['id']}/void", json={"reason": "当事人有误"}).get_json()
    assert told["void_reason"] == "当事人有误" and told["number"] == order["number"]
    body = {"manner": "direct", "receiver": "张三", "on": "2026-03-02"}
    refused = api.post("shift_leader", f"/documents/{order['id']}/deliveries", json=body)
    assert refused.status_code == 422 and "is void" in refused.get_json()["detail"]


def test_the_page_shows_delivers_and_voids(site: Site, number: str) -> None:
    desk = site.desk("shift_leader")
    page = desk.get(f"/cases/{number}")
    assert "责令改正通知书" in page.text and "待送达" in page.text and "制作文书" in page.text
    hidden = site.desk("acceptor").get(f"/cases/{number}").text
    assert "制作文书" in hidden and "责令改正" not in hidden and "云城管" not in hidden
    page = desk.submit(page, "/delivery", {"manner": "left", "receiver": "张三", "on": "2026-03-02", "note": ""})
    assert page.status == 422 and "张三" in page.text, "what was typed stays"
    assert "留置送达须填写见证人" in page.text
    page = desk.submit(page, "/delivery", {"witness": "李居委"})
    assert "留置送达" in page.text and "见证人：李居委" in page.text and "已送达" in page.text
    page = desk.submit(page, "/void", {"reason": "当事人有误"})
    assert "已作废" in page.text and "作废原因：当事人有误" in page.text
    assert "Order to correct" in site.desk("shift_leader", "en").get(f"/cases/{number}").text
    assert 'id="documents"' not in site.desk("acceptor").get(f"/cases/{number}").text, "who may not read it sees none"


def test_the_filing_form_is_printed_when_the_case_is_filed(site: Site, api: Api, number: str) -> None:
    path = f"/cases/{number}/prints/filing_form?form=docx"
    refused = api.get("dispatcher", path)
    assert refused.status_code == 404 and "nothing to print" in refused.get_json()["detail"]
    town = site.town
    town.session.connection().exec_driver_sql("UPDATE city_case SET status = 'filed' WHERE number = ?", (number,))
    town.session.commit()
    assert api.get("dispatcher", path).status_code == 200
    assert "立案登记表" in site.desk("dispatcher").get(f"/cases/{number}").text
    assert api.get("dispatcher", f"/cases/{number}/documents").get_json()["documents"][1:] == [], "it is not kept"


@pytest.mark.skipif(not LETTERS, reason="no Chinese font here; run make assets")
def test_the_command_line_tries_and_renders(site: Site, number: str, tmp_path: Path) -> None:
    town, run = site.town, CliRunner().invoke
    city = ["--city", str(town.folder)]
    listed = run(main, ["document", "list", *city])
    assert "order " in listed.output and "dispatch_slip" in listed.output
    tried = run(main, ["document", "try", "order", "--to", str(tmp_path), *city])
    assert tried.exit_code == 0, tried.output
    assert (tmp_path / "order.pdf").read_bytes().startswith(b"%PDF-")
    (tmp_path / "values.json").write_text(json.dumps({"facts": "占道经营"}), encoding="utf-8")
    asked = ["--case", number, "--values", str(tmp_path / "values.json"), "--to", str(tmp_path)]
    rendered = run(main, ["document", "render", "order", *asked, *city, "--database", town.url])
    assert rendered.exit_code == 0, rendered.output
    text = zipfile.ZipFile(tmp_path / "order.docx").read("word/document.xml").decode()
    assert "占道经营" in text and "张三" in text and "第＿＿号" in text
    missing = run(main, ["document", "try", "ordre", *city])
    assert missing.exit_code == 1 and "there is no document 'ordre'" in missing.output
