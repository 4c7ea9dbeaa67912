"""Files that are no honest workbook of the command manual: each is refused with its reason, and quickly."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping

import pytest
from manual_books import Book, exported

from engine.catalogue import manual_package
from engine.catalogue.manual import CLASSES
from engine.catalogue.manual_faults import WORDS, Fault, ManualInvalid
from engine.catalogue.manual_package import FILE_LIMIT, UNPACKED_LIMIT
from engine.catalogue.manual_reading import read_workbook
from engine.catalogue.manual_writing import GUIDE, sheet_title
from engine.testing.small_city import SmallTown

SHEET = "xl/worksheets/sheet2.xml"
RELATIONS = "xl/worksheets/_rels/sheet2.xml.rels"
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
OUTWARD = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="x"'
    ' Target="http://example.invalid/" TargetMode="External"/></Relationships>'
)


def code_of(content: bytes) -> str:
    """What a file is refused for."""
    with pytest.raises(ManualInvalid) as refused:
        read_workbook(content)
    return refused.value.faults[0].code


def with_parts(content: bytes, parts: Mapping[str, bytes | str]) -> bytes:
    """A package with parts put in or replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, text in parts.items():
            new.writestr(name, text)
    return out.getvalue()


@pytest.fixture
def content(town: SmallTown) -> bytes:
    return exported(town.session)


def test_a_file_cut_anywhere_is_refused(content: bytes) -> None:
    for share in (0.01, 0.3, 0.6, 0.9, 0.99):
        assert code_of(content[: int(len(content) * share)]) == "truncated"


def test_a_file_with_a_flipped_byte_is_refused(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        start = package.getinfo(SHEET).header_offset + 200
    damaged = content[:start] + bytes([content[start] ^ 0xFF]) + content[start + 1 :]
    assert code_of(damaged) in ("truncated", "bad_xml")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "no_workbook"),
        (b"kind,full_code\n", "no_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "old_format"),
        (b"PK" + bytes(FILE_LIMIT), "too_large"),
    ],
    ids=["empty", "csv", "xls", "large"],
)
def test_what_is_no_workbook_is_refused(sent: bytes, code: str) -> None:
    assert code_of(sent) == code


PARTS: list[tuple[str, Callable[[], Mapping[str, bytes | str]]]] = [
    ("macros", lambda: {"xl/vbaProject.bin": b"x"}),
    ("macros", lambda: {"xl/macrosheets/sheet1.xml": "<a/>"}),
    ("external", lambda: {"xl/externalLinks/externalLink1.xml": "<a/>"}),
    ("external", lambda: {"xl/connections.xml": "<a/>"}),
    ("external", lambda: {RELATIONS: OUTWARD}),
    ("external", lambda: {"xl/embeddings/book.xlsx": b"x"}),
    ("doctype", lambda: {SHEET: '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
    ("doctype", lambda: {SHEET: '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a><a/>'.encode("utf-16")}),
    ("bad_xml", lambda: {SHEET: "<worksheet><row>"}),
    ("bad_xml", lambda: {SHEET: f'{HEAD}<row r="3"/><row r="3"/></sheetData></worksheet>'}),
    ("bomb", lambda: {"xl/media/image1.png": bytes(UNPACKED_LIMIT + 1)}),
    ("bomb", lambda: {SHEET: HEAD.encode() + b" " * UNPACKED_LIMIT}),
    ("overgrown", lambda: {SHEET: f'{HEAD}<row r="1">{"<c/>" * 100_000}</row></sheetData></worksheet>'}),
    ("overgrown", lambda: {SHEET: "<worksheet " + " ".join(f"a{n}=''" for n in range(400_000)) + "/>"}),
    ("too_many_parts", lambda: {f"xl/media/{number}.png": b"" for number in range(600)}),
]


@pytest.mark.parametrize(("code", "parts"), PARTS, ids=[f"{code}-{n}" for n, (code, _) in enumerate(PARTS)])
def test_what_must_not_be_in_a_workbook_is_refused(
    content: bytes, code: str, parts: Callable[[], Mapping[str, bytes | str]]
) -> None:
    sent = with_parts(content, parts())
    began = time.process_time()
    assert code_of(sent) == code
    assert time.process_time() - began < 20


def test_a_zip_that_lies_about_its_sizes_is_not_believed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual_package, "UNPACKED_LIMIT", 100_000)
    assert code_of(content) == "bomb"


def test_a_part_that_claims_ten_gibibytes_takes_no_more_than_it_has(content: bytes) -> None:
    """The claim stands in the zip's directory; nothing is reserved for it, and what is there is read or refused."""
    out = io.BytesIO(content)
    with zipfile.ZipFile(out, "a") as package:
        package.getinfo(SHEET).file_size = 10 * 1024**3
        package._didModify = True  # type: ignore[attr-defined] # so that the directory is written anew
    assert zipfile.ZipFile(out).getinfo(SHEET).file_size == 10 * 1024**3
    tracemalloc.start()
    try:
        manual_package.check_package(out.getvalue())
    except ManualInvalid as refused:
        assert refused.faults[0].code in ("truncated", "bomb")
    assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    tracemalloc.stop()


def test_parts_in_other_encodings_are_refused_and_named(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        text = package.read(SHEET).decode()
    body = text.partition("?>")[2] if text.startswith("<?xml") else text
    declared = f'<?xml version="1.0" encoding="GB18030"?>{body}<!-- 部件 -->'.encode("gb18030")
    silent = f"{body}<!-- 部件 -->".encode("gb18030")
    unknown = declared.replace(b"GB18030", b"KLINGON")
    for sent in (declared, silent, unknown):
        with pytest.raises(ManualInvalid) as refused:
            read_workbook(with_parts(content, {SHEET: sent}))
        (fault,) = refused.value.faults
        assert fault.code == "bad_xml" and fault.values["part"] == SHEET


def test_a_sheet_that_claims_to_be_endless_is_read_as_far_as_it_goes(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        sheet = package.read(SHEET).decode()
    claimed = sheet.replace("<sheetData>", '<dimension ref="A1:XFD1048576"/><sheetData>', 1)
    assert claimed != sheet
    assert len(read_workbook(with_parts(content, {SHEET: claimed})).manual.classes) == 242


def test_a_workbook_without_its_sheets_columns_or_origin_says_so(content: bytes) -> None:
    book = Book(content)
    del book.book[sheet_title(CLASSES)]
    assert code_of(book.saved()) == "no_sheet"
    book = Book(content)
    book.book[GUIDE].delete_rows(1, 10)
    assert code_of(book.saved()) == "no_mark"
    for value, code in ((None, "no_column"), ("colour", "unknown_column"), ("kind", "column_twice")):
        book = Book(content)
        book.book[sheet_title(CLASSES)].cell(2, 3).value = value
        assert code_of(book.saved()) == code


def test_columns_may_change_places(content: bytes) -> None:
    book = Book(content)
    sheet = book.book[sheet_title(CLASSES)]
    for row in range(1, sheet.max_row + 1):
        first, last = sheet.cell(row, 1), sheet.cell(row, 6)
        first.value, last.value = last.value, first.value
    assert read_workbook(book.saved()).manual == read_workbook(content).manual


def test_every_refusal_speaks_both_languages() -> None:
    for code, (chinese, english) in WORDS.items():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese), code
        assert english.isascii(), code
        names = {part.split("}")[0].split("!")[0] for part in chinese.split("{")[1:]}
        assert names <= {part.split("}")[0].split("!")[0] for part in english.split("{")[1:]}, code
    assert Fault("empty", "classes!B3", {"column": "name"}).said("zh") == "name 为空；请填写"
