"""Official documents: templates filled and numbered by acts, kept unchanged, delivered, voided; what checks say."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from docx import Document
from docx.oxml import OxmlElement
from small_diagrams import chain, node, service, user, write_process
from sqlalchemy import select

from engine.checks import check_folder
from engine.database import begin_write
from engine.documents.declaring import series_of
from engine.documents.delivering import Delivered, deliver_document, void_document
from engine.documents.filling import FillFailed, fill
from engine.documents.making import Occasion, by_hand, find_made, make_document
from engine.documents.numbering import written
from engine.documents.pdf import PdfFailed, make_pdf
from engine.documents.reading import Reading
from engine.documents.sampling import sample_values
from engine.documents.wording import capital, han_date, money
from engine.errors import Invalid, OperatorRefused
from engine.models import Case, CaseEvent, Counter, DocumentDelivery, OfficialDocument
from engine.testing.casework import CaseWork
from engine.testing.scratch import NoServer, scratch_postgresql
from engine.testing.small_city import MONDAY, SmallTown, write_small_city
from engine.workflow.step import StepFailed

sys.path.insert(0, str(Path(__file__).parents[1]))  # tools are not shipped, so not installed either

from tools.documents.make import TextBroken, read_texts, template_of, write

ZONE = ZoneInfo("Asia/Shanghai")
TEXT = """
=== order
zh: 责令改正通知书
en: Order to correct
number: {office}责改字〔{year}〕第{serial:03}号
office: 云城管
delivery: yes
seal: yes
required: party
field party: ${party}
field where: ${case.class_name}
---
< {{ party }}：
你（单位）的{{ where }}违反规定。{{ facts }}
{%p if fine %}
罚款{{ fine|capital }}（¥{{ fine|money }}）。
{%p endif %}
|# 序号 | 物品 | 数量
|* goods | {{ loop.index }} | {{ item.name }} | {{ item.count }}
@sign

=== record
zh: 现场检查笔录
en: Record of inspection
---
{{ text }}
"""
GOODS = [{"name": "遮阳伞<大>", "count": 2.0}, {"name": "餐桌 & 椅", "count": 4}]
VALUES = {"facts": "一、占道经营。\n二、拒不改正。", "fine": 1200.5, "goods": GOODS}
SCRIPT = "party = none\nmanner = 'direct'\nwitness = ''\non = none\nreceipt = none"


def write_papers(folder: Path) -> Path:
    """A small city whose diagram makes an order and delivers it."""
    write_small_city(folder)
    for text in read_texts(TEXT):
        write(text, folder / "documents")
    made = service("make", "document/make", template="order", key="one", values="${{'facts': '占道', 'goods': []}}")
    out = '<camunda:outputParameter name="number">${result.number}</camunda:outputParameter></camunda:inputOutput>'
    delivered = service(
        "deliver", "document/deliver", template="order", manner="${manner}", receiver="${party}", witness="${witness}",
        on="${on}",
    )  # fmt: skip
    nodes = [
        node("scriptTask", "prepare", f"<bpmn:script>{SCRIPT}</bpmn:script>"), user("first", form="first"),
        made.replace("</camunda:inputOutput>", out), made.replace('"make"', '"again"'), user("middle", form="middle"),
        delivered, user("last"),
    ]  # fmt: skip
    flows = chain("start", "prepare", "first", "make", "again", "middle", "deliver", "last", "end")
    write_process(folder, nodes, flows)
    (folder / "forms").mkdir()
    for name, keys in (("first", ["party"]), ("middle", ["manner", "witness", "on"])):
        fields = ",".join(f'{{"type": "textfield", "key": "{key}", "label": "{key}"}}' for key in keys)
        (folder / f"forms/{name}.json").write_text(
            f'{{"id": "{name}", "type": "default", "components": [{fields}]}}', encoding="utf-8"
        )
    return folder


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallTown]:
    """One town for all tests; each reports cases of its own."""
    town = SmallTown(write_papers(tmp_path_factory.mktemp("papers") / "small"))
    yield town
    town.close()


@pytest.fixture
def on(papers: SmallTown) -> Iterator[Occasion]:
    """Somebody at a case, in a transaction that is given up afterwards."""
    case = CaseWork(papers).case
    host = papers.platform.host
    yield replace(by_hand(papers.session, host, case, papers.actor("acceptor"), MONDAY), variables={"party": "张三"})
    papers.session.rollback()


def make(on: Occasion, name: str = "order", **values: Any) -> OfficialDocument:
    return make_document(on, on.host.documents[name], {**VALUES, **values})


def lines(content: bytes) -> list[str]:
    return [paragraph.text for paragraph in Document(io.BytesIO(content)).paragraphs]


def made_for(town: SmallTown, work: CaseWork) -> list[OfficialDocument]:
    town.session.rollback()
    query = select(OfficialDocument).where(OfficialDocument.case_id == work.id).order_by(OfficialDocument.id)
    return list(town.session.scalars(query))


# --- filling ---------------------------------------------------------------------------------------------------------


def test_a_document_says_what_it_was_given(on: Occasion) -> None:
    row = make(on)
    assert lines(row.content) == [
        "责令改正通知书", row.number, "张三：", "你（单位）的上水井盖违反规定。一、占道经营。", "二、拒不改正。",
        "罚款壹仟贰佰元伍角整（¥1,200.50）。", "", "小城（印章）", "2026年3月2日",
    ]  # fmt: skip
    table = Document(io.BytesIO(row.content)).tables[0]
    cells = [[cell.text for cell in line.cells] for line in table.rows]
    assert cells == [["序号", "物品", "数量"], ["1", "遮阳伞<大>", "2"], ["2", "餐桌 & 椅", "4"]]


def test_an_item_of_a_list_says_only_what_it_was_given(on: Occasion) -> None:
    row = make(on, goods=[{"name": "遮阳伞"}, {"count": 4}])
    cells = [[cell.text for cell in line.cells] for line in Document(io.BytesIO(row.content)).tables[0].rows]
    assert cells[1:] == [["1", "遮阳伞", ""], ["2", "", "4"]]
    sample = sample_values(on.host.city, on.host.documents["order"], MONDAY.date())
    tried = fill("order", on.host.documents["order"].docx.read_bytes(), sample, ZONE)
    assert [cell.text for cell in Document(io.BytesIO(tried)).tables[0].rows[2].cells][1:] == [
        "〔goods.name〕", "〔goods.count〕",
    ]  # fmt: skip


def test_what_is_not_given_is_left_blank_unless_it_is_required(on: Occasion) -> None:
    assert "你（单位）的上水井盖违反规定。" in lines(make(on, facts=None, fine=None).content)
    with pytest.raises(Invalid, match=r"order .*needs party"):
        make(replace(on, variables={"party": ""}))


def test_a_broken_field_is_named(on: Occasion) -> None:
    with pytest.raises(FillFailed, match=r"document order, field party: .*no variable `party`"):
        make(replace(on, variables={}))


def test_the_same_values_give_the_same_bytes(on: Occasion) -> None:
    template = on.host.documents["record"].docx.read_bytes()
    first = fill("record", template, {"title": "笔录", "text": "甲"}, ZONE)
    assert fill("record", template, {"title": "笔录", "text": "甲"}, ZONE) == first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{{ party }}", "'party' is undefined; declare it"),
        ("{{ title.__class__.__mro__ }}", "access to attribute '__class__'"),
        ("{% include '/etc/passwd' %}", "no loader"),
        ("{% import 'os' as os %}", "no loader"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{{ title|attr('mro') }}", "no attribute 'mro'"),
    ],
)
def test_templates_stay_in_their_box(body: str, message: str) -> None:
    (text,) = read_texts("=== t\nzh: 测试\nen: Test\n---\n正文")
    content = io.BytesIO(template_of(text))
    opened = Document(content)
    opened.paragraphs[1].runs[0].text = body
    changed = io.BytesIO()
    opened.save(changed)
    with pytest.raises(FillFailed, match=message):
        fill("t", changed.getvalue(), {"title": "测试"}, ZONE)


def test_values_are_never_taken_for_marks_of_the_template(on: Occasion) -> None:
    row = make(on, "record", text="{{ 7*7 }} <w:p/> &amp; \x00\x0b{% raw %}")
    assert "{{ 7*7 }} <w:p/> &amp; {% raw %}" in lines(row.content)


def test_a_file_that_is_no_word_file_is_told() -> None:
    with pytest.raises(FillFailed, match="wangge document try order"):
        fill("order", b"no zip", {}, ZONE)


def test_amounts_and_dates_as_officials_write_them() -> None:
    amounts = {
        0: "零元整", 10: "壹拾元整", 1001: "壹仟零壹元整", 100500: "壹拾万零伍佰元整", 10000001: "壹仟万零壹元整",
        100010000: "壹亿零壹万元整", 0.5: "伍角整", 1.01: "壹元零壹分",
        "1,020,304.05": "壹佰零贰万零叁佰零肆元零伍分",
    }  # fmt: skip
    assert {value: capital(value) for value in amounts} == amounts
    assert money(1234.5) == "1,234.50" and money(None) == capital("") == ""
    with pytest.raises(ValueError, match="no amount"):
        capital("很多")
    assert han_date(MONDAY.date()) == "二〇二六年三月二日"
    assert han_date(MONDAY.date().replace(month=10, day=20)) == "二〇二六年十月二十日"


# --- numbers ---------------------------------------------------------------------------------------------------------


def serials(town: SmallTown, series: str) -> list[int]:
    query = select(OfficialDocument.serial).where(OfficialDocument.series == series).order_by(OfficialDocument.serial)
    return [int(serial or 0) for serial in town.session.scalars(query)]


def test_an_act_that_is_undone_leaves_no_gap(papers: SmallTown) -> None:
    series = series_of("{office}责改字〔{year}〕第{serial:03}号", "云城管", 2026)
    kept = CaseWork(papers)
    kept.do("acceptor", "first", {"party": "张三"})
    before = serials(papers, series)
    with pytest.raises(OperatorRefused, match="needs party"):
        CaseWork(papers).do("acceptor", "first", {"party": ""})
    papers.session.rollback()
    assert serials(papers, series) == before
    third = CaseWork(papers)
    third.do("acceptor", "first", {"party": "李四"})
    (row,) = made_for(papers, third)
    assert row.serial == before[-1] + 1 and row.number == f"云城管责改字〔2026〕第{row.serial:03}号"
    counter = papers.session.get_one(Counter, f"document {series}")
    assert serials(papers, series) == list(range(1, counter.value + 1))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def busy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallTown]:
    """A town on a database that several write to at once."""
    folder = write_papers(tmp_path / "small")
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'small.sqlite'}"
        if request.param == "postgresql":
            try:
                url = stack.enter_context(scratch_postgresql())
            except NoServer as error:
                pytest.skip(str(error))
        town = SmallTown(folder, url)
        town.session.commit()
        yield town
        town.close()


def test_writers_at_once_get_numbers_without_gap_or_double(busy: SmallTown) -> None:
    case_id, host, actor = CaseWork(busy).id, busy.platform.host, busy.actor("acceptor")
    busy.session.commit()

    def write_some(kept: int) -> None:
        for attempt in range(4):
            with busy.sessions() as session:
                begin_write(session)
                case = session.get_one(Case, case_id)
                on = replace(by_hand(session, host, case, actor, MONDAY), variables={"party": "张三"})
                make_document(on, host.documents["order"], VALUES)
                if attempt % 2 == kept:
                    session.rollback()
                else:
                    session.commit()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write_some, (0, 1, 0)))
    found = busy.session.execute(select(OfficialDocument.serial, OfficialDocument.number)).all()
    assert sorted(serial for serial, _ in found) == [1, 2, 3, 4, 5, 6]
    assert len({number for _, number in found}) == 6


def test_the_serial_begins_anew_every_year_and_in_every_office(on: Occasion) -> None:
    make(on)
    assert make(replace(on, now=MONDAY + timedelta(days=365))).number == "云城管责改字〔2027〕第001号"
    other = replace(on.host.documents["order"], office="云环")
    assert make_document(on, other, VALUES).number == "云环责改字〔2026〕第001号"


def test_templates_of_one_wording_share_a_series(on: Occasion) -> None:
    first = make(on)
    twin = replace(on.host.documents["record"], number="云城管责改字〔{year}〕第{serial:03}号")
    assert make_document(on, twin, {}).serial == (first.serial or 0) + 1


def test_a_key_makes_a_document_once(on: Occasion) -> None:
    template = on.host.documents["order"]
    first = make_document(on, template, VALUES, key="a")
    other = make_document(on, template, VALUES, key="b")
    assert find_made(on.session, on.case.id, "order", "a") is first
    assert find_made(on.session, on.case.id, "order") is other
    void_document(on.session, first, "当事人有误", None, MONDAY)
    assert find_made(on.session, on.case.id, "order", "a") is None
    assert make_document(on, template, VALUES, key="a").serial == (first.serial or 0) + 2


# --- in a diagram ----------------------------------------------------------------------------------------------------


def test_a_diagram_makes_and_delivers(papers: SmallTown) -> None:
    work = CaseWork(papers)
    work.do("acceptor", "first", {"party": "张三"})
    with pytest.raises(OperatorRefused, match="takes a witness"):
        work.do("acceptor", "middle", {"manner": "left"})
    work.do("acceptor", "middle", {"manner": "left", "witness": "李居委", "on": "2026-03-02"})
    order, receipt = made_for(papers, work)
    assert receipt.receipt_of == order.id and receipt.template == "delivery_receipt" and receipt.number == ""
    cells = [cell.text for row in Document(io.BytesIO(receipt.content)).tables[0].rows for cell in row.cells]
    assert {"留置送达", "李居委", order.number, "2026年3月2日", "责令改正通知书"} <= set(cells)
    assert work.history().count("document_made") == 1, "the key was there already"
    told = {line.kind: line.data for line in papers.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == work.id, CaseEvent.kind.startswith("document")))}  # fmt: skip
    assert told["document_made"]["document_number"] == order.number
    assert told["document_delivered"]["manner"] == "left"


def test_a_document_stays_as_it_was_when_its_template_changes(tmp_path: Path) -> None:
    town = SmallTown(write_papers(tmp_path / "small"))
    work = CaseWork(town)
    work.do("acceptor", "first", {"party": "张三"})
    (before,) = [row.content for row in made_for(town, work)]
    (changed,) = [each for each in read_texts(TEXT.replace("违反规定", "触犯规定")) if each.name == "order"]
    write(changed, town.folder / "documents", again=True)
    town.load()
    assert [row.content for row in made_for(town, work)] == [before]
    other = CaseWork(town)
    other.do("acceptor", "first", {"party": "张三"})
    assert any("触犯规定" in line for line in lines(made_for(town, other)[0].content))
    (town.folder / "documents/order.docx").write_bytes(b"broken")
    with pytest.raises(StepFailed, match="document order"):
        CaseWork(town).do("acceptor", "first", {"party": "张三"})
    town.close()


# --- delivery --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (Delivered("pigeon", "张三", "2026-03-02"), "not delivered by 'pigeon'"),
        (Delivered("direct", " ", "2026-03-02"), "who received it"),
        (Delivered("direct", "张三", "昨天"), "is no date"),
        (Delivered("direct", "张三", "2026-03-03"), "cannot have been delivered on 2026-03-03"),
        (Delivered("direct", "张三", "2026-03-01"), "cannot have been delivered on 2026-03-01"),
        (Delivered("electronic", "张三", "2026-03-02"), "written consent"),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(on: Occasion, told: Delivered, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        deliver_document(on, make(on), told)


def test_the_same_delivery_is_recorded_once_and_none_of_a_void_document(on: Occasion) -> None:
    row, told = make(on), Delivered("mail", "张三", "2026-03-02", note="EMS 1")
    first = deliver_document(on, row, told)
    assert deliver_document(on, row, told).id == first.id
    assert deliver_document(on, row, replace(told, receiver="李四")).id != first.id
    assert on.session.query(DocumentDelivery).filter_by(document_id=row.id).count() == 2
    with pytest.raises(Invalid, match="say why"):
        void_document(on.session, row, " ", None, MONDAY)
    void_document(on.session, row, "当事人有误", None, MONDAY)
    with pytest.raises(Invalid, match="is void"):
        deliver_document(on, row, told)


# --- PDF -------------------------------------------------------------------------------------------------------------


def pages_of(pdf: bytes) -> int:
    return max(int(count) for count in re.findall(rb"/Count (\d+)", pdf))


def test_a_pdf_has_its_letters_with_it_and_long_texts_go_over_pages(on: Occasion) -> None:
    row = make(on, facts="\n".join(["现场检查发现当事人占用人行道摆放桌椅经营。" * 4] * 20))
    try:
        pdf = make_pdf(row.content)
    except PdfFailed as error:
        pytest.skip(f"no Chinese font here: {error}")
    assert pdf.startswith(b"%PDF-") and b"/FontFile" in pdf and pages_of(pdf) > 1
    assert make_pdf(row.content) == pdf
    assert len(pdf) < 300_000, "only the letters used are embedded"


def test_without_a_chinese_font_the_pdf_is_refused_in_words(on: Occasion) -> None:
    with pytest.raises(PdfFailed, match=r"no Chinese font is on this machine.*make assets"):
        make_pdf(make(on).content, system=False)


def test_an_office_program_that_is_not_there_is_named(on: Occasion) -> None:
    with pytest.raises(PdfFailed, match="there is no program soffice-of-nobody"):
        make_pdf(make(on).content, office="soffice-of-nobody")


def test_what_word_counts_is_counted_and_content_controls_are_read() -> None:
    document = Document()
    for text, style in (("甲", "List Number"), ("乙", "List Number"), ("丙", "List Bullet"), ("丁", "Normal")):
        document.add_paragraph(text, style=style)
    last = document.paragraphs[-1]._p
    control, inside = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    last.addprevious(control)
    control.append(inside)
    inside.append(last)
    kept = io.BytesIO()
    document.save(kept)
    blocks = Reading(kept.getvalue()).describe()["body"]
    assert ["".join(run["text"] for run in block["runs"]) for block in blocks] == ["1. 甲", "2. 乙", "• 丙", "丁"]
    forms = {
        ("chineseCounting", 21): "二十一",
        ("upperRoman", 14): "XIV",
        ("lowerLetter", 28): "bb",
        ("decimal", 3): "3",
    }
    assert {key: written(key[1], key[0]) for key in forms} == forms


# --- declarations ----------------------------------------------------------------------------------------------------

FAULTS = {
    "no en": ("order.toml", 'en = "Order to correct"\n', "", "has no en"),
    "number": ("order.toml", "{serial:03}", "{serial:03x", "cannot be filled"),
    "no serial": ("order.toml", "第{serial:03}号", "", "needs {serial} once"),
    "touching": ("order.toml", "第{serial:03}", "{year}{serial:03}", "touches other digits"),
    "what number": ("order.toml", "{office}责", "{court}责", "cannot be filled"),
    "unknown key": ("order.toml", "delivery = true", "deliver = true", "does not know deliver"),
    "expression": ("order.toml", "${party}", "${party", "party"),
    "fact": ("order.toml", "case.class_name", "case.klass_name", "a case has no 'klass_name'"),
    "required": ("order.toml", '["party"]', '["parti"]', "there is no field 'parti'"),
    "undeclared": ("order.toml", 'fine = "${values.fine}"\n', "", "the template uses fine, which nothing declares"),
    "permission": (
        "order.toml",
        'office = "云城管"',
        'read = "nobody.reads"',
        "no role has the permission nobody.reads",
    ),
    "no toml": ("order.toml", "[document]", "[document", "cannot be read"),
    "task": ("../processes/case.bpmn", ">order<", ">ordre<", "there is no document 'ordre'; did you mean order?"),
    "value": ("../processes/case.bpmn", "'facts'", "'fakts'", "no field of order takes the value 'fakts'"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of documents without fault, which tests spoil and mend again."""
    return write_papers(tmp_path_factory.mktemp("sound") / "small")


def findings(folder: Path) -> list[str]:
    told = check_folder(str(folder))[1]
    return [f"{each.severity} {each}" for each in told if "document" in each.file or "document" in str(each)
            or "order" in str(each) or "ordre" in str(each)]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_check_names_what_is_wrong(sound: Path, fault: str) -> None:
    name, old, new, message = FAULTS[fault]
    file = sound / "documents" / name
    before = file.read_text(encoding="utf-8")
    assert old in before
    file.write_text(before.replace(old, new), encoding="utf-8")
    told = findings(sound)
    file.write_text(before, encoding="utf-8")
    assert any(message in each for each in told), told


def test_check_opens_the_template(sound: Path) -> None:
    file = sound / "documents/record.docx"
    before = file.read_bytes()
    assert not [each for each in findings(sound) if each.startswith("error")]
    file.write_bytes(b"no zip")
    broken = findings(sound)
    outside = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(before)) as source, zipfile.ZipFile(outside, "w") as target:
        for entry in source.namelist():
            link = b'<Relationship Id="x" Type="a/image" Target="file:///etc/passwd" TargetMode="External"/>'
            end = b"</Relationships>"
            target.writestr(entry, source.read(entry).replace(end, link + end))
    file.write_bytes(outside.getvalue())
    linked = findings(sound)
    file.unlink()
    missing = findings(sound)
    file.write_bytes(before)
    assert any("is no Word file" in each for each in broken), broken
    assert any("file:///etc/passwd outside the file" in each for each in linked), linked
    assert any("there is no documents/record.docx beside it" in each for each in missing), missing


# --- the authoring tool ----------------------------------------------------------------------------------------------


def test_a_declaration_that_is_there_is_left_alone(tmp_path: Path) -> None:
    text = next(iter(read_texts(TEXT)))
    write(text, tmp_path)
    declared = tmp_path / "order.toml"
    declared.write_text("# mine", encoding="utf-8")
    write(text, tmp_path)
    assert declared.read_text(encoding="utf-8") == "# mine"
    write(text, tmp_path, again=True)
    assert 'facts = "${values.facts}"' in declared.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zh: 甲", "begin a document"), ("=== a\ncolour: red", "'colour' is unknown"),
        ("=== a\nzh: 甲\n---\n", "there is no en"),
        ("=== a\nzh: 甲\nen: a\n---\n@stamp", "line 5: '@stamp' is unknown"),
        ("=== a\nzh: 甲\nen: a\n---\n{{ x", "document a"), ("=== a\nzh: 甲\nen: a\n---\n|* goods", "line 5"),
    ],
)  # fmt: skip
def test_the_tool_names_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(TextBroken, match=message):
        for each in read_texts(text):
            template_of(each)
