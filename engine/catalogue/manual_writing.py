"""The command manual as an XLSX workbook: what people change and send back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from engine.catalogue.manual import CLASSES, TABLES, Manual, Row, Table
from engine.catalogue.manual_codes import free_extension_codes, of_2007
from engine.errors import CityBroken
from engine.models import CatalogueVersion

GUIDE = "说明 Guide"
DEPARTMENTS = "部门 Departments"
CODES_2007 = "2007 版对照 Codes of 2007"
PROVENANCE = {"code_source", "source"}
MARKS = {"provisional": "暂编，待核定 Provisional", "memory": "凭经验，待核定 From memory"}
"""What is not sourced is marked in words and by colour wherever it appears."""
HEAD, MARKED = PatternFill("solid", fgColor="DCE6F0"), PatternFill("solid", fgColor="FFF2CC")
ACTIVE = ("=", "+", "-", "@", "\t", "\r")
TEXT = "@"

TOLD = (
    "本工作簿由系统导出。修改“小类”“立案条件”两个工作表后，回到系统导入：系统先列出差异，"
    "签署后自生效日期起生效；在办案件沿用立案时的版本。",
    "This workbook was exported. Change the sheets of subclasses and filing conditions and send it back: the"
    " differences are shown first, and hold from their day on once somebody signs. Running cases keep their version.",
    "第 2 行的列名不要修改。单元格均为文本：编码前面的 0 不能丢；公式、宏、外部链接不予接收。删除一行即从手册中删除。",
    "Leave the names in row 2. Every cell is text, so codes keep their zeros; formulas, macros and links are refused."
    " A row that is gone is removed from the manual.",
    "时限：数字加单位，如 2 urgent_hour、4 work_hour、1 work_day；A/B/C 类区域可各填一列，“处置时限”用于其余区域。",
    "Limits: a number and a unit, such as 2 urgent_hour, 4 work_hour, 1 work_day; area classes A, B and C have columns"
    " of their own, and what is in the column limit holds in the others.",
    "证据要求：如 before_photo 1; after_photo 2。延期规则：次数 x 每次时长，如 2 x 5 work_day；"
    "不得延期写 none；空白即按流程规定。",
    "Evidence: for example before_photo 1; after_photo 2. Extension: times x limit, such as 2 x 5 work_day; none for"
    " never; empty for what the process says.",
)


@dataclass(frozen=True)
class Sheet:
    """A table as cells, with what is written beside it."""

    title: str
    heads: Sequence[Sequence[str]]
    widths: Sequence[int]
    rows: Iterable[tuple[Sequence[str], bool]]
    """Texts of a row, and whether the row is marked."""


def sheet_title(table: Table) -> str:
    """The name of a table's sheet."""
    return f"{table.name} {table.name_en}"


def write_workbook(version: CatalogueVersion, manual: Manual, departments: Mapping[str, tuple[str, str]]) -> bytes:
    """The workbook of a version. ``departments``: code -> Chinese and English name.

    :raises CityBroken: a text has a control character that no workbook can hold.
    """
    book = Workbook(write_only=True)
    _write(book, _guide(version, manual))
    for table in TABLES:
        names = [column.key for column in table.columns]
        heads = ([f"{column.name}\n{column.name_en}" for column in table.columns], names)
        widths = [column.width for column in table.columns]
        rows = (_cells(table, row, names) for row in manual.rows(table).values())
        _write(book, Sheet(sheet_title(table), heads, widths, rows), frozen=True)
    _write(
        book,
        Sheet(
            DEPARTMENTS,
            (("代码", "名称", "英文名"), ("dept_code", "name", "name_en")),
            (22, 32, 40),
            (((code, *names), False) for code, names in sorted(departments.items())),
        ),
        frozen=True,
    )
    _write(book, _codes(manual), frozen=True)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cells(table: Table, row: Row, names: Sequence[str]) -> tuple[Sequence[str], bool]:
    source = row["code_source" if table is CLASSES else "source"]
    mark = next((words for word, words in MARKS.items() if source.startswith(word)), "")
    return [mark if name == "mark" else row[name] for name in names], bool(mark)


def _guide(version: CatalogueVersion, manual: Manual) -> Sheet:
    lines: list[tuple[str, str]] = [
        ("version", str(version.id)),
        ("digest", version.digest),
        ("name", version.name),
        ("valid_from", version.valid_from.isoformat()),
        ("valid_to", version.valid_to.isoformat() if isinstance(version.valid_to, date) else ""),
        *(("", text) for text in TOLD),
        *(
            ("extension", f"{kind} {class_code}: 下一个本地扩展码 next local extension code {code}")
            for (kind, class_code), code in free_extension_codes(manual).items()
        ),
    ]
    rows = ((line, False) for line in lines)
    return Sheet(GUIDE, (("指挥手册", "Command manual"),), (14, 120), rows)


def _codes(manual: Manual) -> Sheet:
    heads = (
        ("类型", "2007 版编码", "2013 版编码", "小类名称", "2013 版大类", "标记"),
        ("kind", "code_2007", "full_code", "name", "class_name", "mark"),
    )
    rows = (
        (
            (row["kind"], row["code_2007"], row["full_code"], row["name"], row["class_name"], mark),
            bool(mark),
        )
        for row in of_2007(manual)
        for mark in (MARKS.get(row["code_source"], ""),)
    )
    return Sheet(CODES_2007, heads, (11, 13, 13, 28, 20, 24), rows)


def _write(book: Workbook, sheet: Sheet, *, frozen: bool = False) -> None:
    page: WriteOnlyWorksheet = book.create_sheet(sheet.title)
    for number, width in enumerate(sheet.widths):
        page.column_dimensions[get_column_letter(number + 1)].width = width  # type: ignore[attr-defined] # it is there
    if frozen:
        page.freeze_panes = f"A{len(sheet.heads) + 1}"
    for head in sheet.heads:
        page.append([_cell(page, text, head=True) for text in head])
    for texts, marked in sheet.rows:
        page.append([_cell(page, text, marked=marked) for text in texts])


def _cell(page: WriteOnlyWorksheet, text: str, *, head: bool = False, marked: bool = False) -> Cell:
    if ILLEGAL_CHARACTERS_RE.search(text):
        raise CityBroken(f"the catalogue's text {text!r} has control characters; correct the row and load it again")
    cell = WriteOnlyCell(page, text)
    cell.data_type = "s"  # a text that begins with = must not become a formula
    cell.number_format = TEXT
    cell.alignment = WRAPPED
    if text.startswith(ACTIVE):
        cell.quotePrefix = True  # nor when somebody opens the cell and closes it again
    if head:
        cell.font, cell.fill = BOLD, HEAD
    elif marked:
        cell.fill = MARKED
    return cell


WRAPPED, BOLD = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
