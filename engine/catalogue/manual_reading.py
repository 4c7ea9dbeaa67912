"""A command manual from an XLSX workbook: texts by key, every fault of a cell told with its address."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from engine.catalogue.manual import TABLES, Column, Key, Manual, Row, Table, tidy
from engine.catalogue.manual_faults import Fault, ManualInvalid, refuse
from engine.catalogue.manual_package import check_package
from engine.catalogue.manual_writing import GUIDE, sheet_title

ROWS_LIMIT = 50_000
COLUMNS_LIMIT = 64
LENGTH_LIMIT = 4_000
FIRST_ROW = 3
"""Names and keys of the columns stand above."""


@dataclass(frozen=True)
class Sent:
    """What somebody sent: the manual, the version it was exported from, and where each row stands."""

    manual: Manual
    version_digest: str
    places: dict[tuple[str, Key], int]


@dataclass
class _Found:
    rows: dict[Key, Row] = field(default_factory=dict)
    places: dict[Key, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_workbook(content: bytes) -> Sent:
    """Read a workbook. Raises ManualInvalid with every fault of package, sheets and cells; nothing is repaired."""
    check_package(content)
    book = _open(content)
    try:
        mark = _version_mark(book)
        found = {table.id: _read_table(book, table) for table in TABLES}
    finally:
        book.close()
    faults = [fault for each in found.values() for fault in each.faults]
    if faults:
        raise ManualInvalid(faults)
    places = {(name, key): row for name, each in found.items() for key, row in each.places.items()}
    return Sent(Manual(found["classes"].rows, found["conditions"].rows), mark, places)


def _open(content: bytes) -> Workbook:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not read here
            return load_workbook(io.BytesIO(content), read_only=True, keep_vba=False, keep_links=False)
    except Exception as error:  # the library lets whatever it trips over in a broken file pass
        raise refuse("truncated", reason=str(error) or type(error).__name__) from error


def _rows(book: Workbook, title: str, most: int) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet; what the sheet says of its own size is not believed."""
    if title not in book.sheetnames:
        raise refuse("no_sheet", sheet=title)
    sheet = book[title]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from islice(sheet.iter_rows(max_row=most, max_col=COLUMNS_LIMIT), most)
    except ManualInvalid:
        raise
    except Exception as error:  # as above
        raise refuse("bad_xml", title, part=title, reason=str(error) or type(error).__name__) from error


def _version_mark(book: Workbook) -> str:
    for first, second, *_ in _rows(book, GUIDE, 20):
        if first.value == "digest" and isinstance(second.value, str):
            return second.value
    raise refuse("no_mark", GUIDE)


def _read_table(book: Workbook, table: Table) -> _Found:
    title, found = sheet_title(table), _Found()
    rows = _rows(book, title, ROWS_LIMIT + FIRST_ROW)
    heads = list(islice(rows, 2))
    columns = _columns(table, heads[1] if len(heads) == 2 else (), title, found)
    if found.faults:
        return found
    for number, cells in enumerate(rows, FIRST_ROW):
        if all(cell.value is None for cell in cells):
            continue
        if number >= ROWS_LIMIT + FIRST_ROW:
            found.faults.append(Fault("too_many_rows", title, {"most": ROWS_LIMIT}))
            break
        texts = _texts(columns, cells, number, table, found)
        if not any(texts.values()):
            continue
        missing = [name for name in table.key if not texts[name]]
        for name in missing:
            found.faults.append(Fault("empty", f"{table.id}!row {number}", {"column": name}))
        if missing:
            continue
        key = table.key_of(texts)
        if key in found.rows:
            values = {"key": "/".join(key), "row": found.places[key]}
            found.faults.append(Fault("twice", f"{table.id}!row {number}", values))
            continue
        found.rows[key], found.places[key] = texts, number
    return found


def _columns(table: Table, head: Sequence[Any], title: str, found: _Found) -> dict[int, Column]:
    """The columns that are read, by their place."""
    known = {column.key: column for column in table.columns}
    columns: dict[int, Column] = {}
    seen: set[str] = set()
    for place, cell in enumerate(head):
        name = str(cell.value).strip() if cell.value is not None else ""
        if not name:
            continue
        if name not in known:
            found.faults.append(Fault("unknown_column", title, {"column": name[:80]}))
        elif name in seen:
            found.faults.append(Fault("column_twice", title, {"column": name}))
        elif name not in table.derived:
            columns[place] = known[name]
        seen.add(name)
    for name in table.names:
        if name not in seen:
            found.faults.append(Fault("no_column", title, {"column": name}))
    return columns


def _texts(columns: dict[int, Column], cells: Sequence[Any], number: int, table: Table, found: _Found) -> Row:
    texts = dict.fromkeys(table.names, "")
    for place, column in columns.items():
        cell = cells[place] if place < len(cells) else None
        if cell is None or cell.value is None:
            continue
        text = _text(cell, column)
        if isinstance(text, Fault):
            where = f"{table.id}!{get_column_letter(place + 1)}{number}"
            found.faults.append(Fault(text.code, where, text.values))
        else:
            texts[column.key] = text
    return texts


def _text(cell: Any, column: Column) -> str | Fault:
    """A cell's text, or what is wrong with it."""
    value, sort = cell.value, cell.data_type
    if sort == "f":
        return Fault("formula")
    if sort == "e":
        return Fault("cell_error", values={"value": str(value)})
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Fault("cell_type", values={"value": type(value).__name__})
    if not isinstance(value, str):
        if column.code:
            return Fault("code_number", values={"value": value})
        return str(int(value)) if float(value).is_integer() else str(value)
    text = tidy(value)
    if len(text) > LENGTH_LIMIT:
        return Fault("too_long", values={"size": len(text), "most": LENGTH_LIMIT})
    if ILLEGAL_CHARACTERS_RE.search(text):
        return Fault("control")
    return text
