"""Workbooks of the command manual as people change them: what tests of the manual share."""

from __future__ import annotations

import io
from datetime import date

from openpyxl import Workbook, load_workbook
from sqlalchemy.orm import Session

from engine.catalogue.lookup import version_in_force
from engine.catalogue.manual import CLASSES, CONDITIONS, Table, read_manual
from engine.catalogue.manual_writing import sheet_title, write_workbook

TODAY = date(2026, 3, 2)
_EXPORTED: dict[str, bytes] = {}
"""Workbooks by the digest of their version: every small town of a test begins with the same one."""
DEPARTMENTS = {"MUNICIPAL": ("市政设施管理处", "Municipal Facilities Office")}


def exported(session: Session, day: date = TODAY) -> bytes:
    """The manual in force on a day, as a workbook."""
    version = version_in_force(session, day)
    if version.digest not in _EXPORTED:
        _EXPORTED[version.digest] = write_workbook(version, read_manual(session, version.id), DEPARTMENTS)
    return _EXPORTED[version.digest]


class Book:
    """A workbook open in somebody's spreadsheet program."""

    def __init__(self, content: bytes) -> None:
        self.book: Workbook = load_workbook(io.BytesIO(content))

    def row(self, table: Table, *key: str) -> int:
        """The number of a row by its key."""
        sheet = self.book[sheet_title(table)]
        places = [self.place(table, name) for name in table.key]
        for number in range(3, sheet.max_row + 1):
            if tuple(sheet.cell(number, place).value for place in places) == key:
                return number
        raise AssertionError(f"no row {key}")

    def place(self, table: Table, name: str) -> int:
        """The number of a column, from 1."""
        return [column.key for column in table.columns].index(name) + 1

    def write(self, table: Table, row: int, **values: object) -> Book:
        """Write cells of a row."""
        sheet = self.book[sheet_title(table)]
        for name, value in values.items():
            sheet.cell(row, self.place(table, name)).value = value
        return self

    def change(self, table: Table, *key: str, **values: object) -> Book:
        """Write cells of the row of that key."""
        return self.write(table, self.row(table, *key), **values)

    def copy(self, table: Table, *key: str, **values: object) -> Book:
        """A new row at the end, like another but for some values."""
        sheet, row = self.book[sheet_title(table)], self.row(table, *key)
        sheet.append([cell.value for cell in sheet[row]])
        return self.write(table, sheet.max_row, **values)

    def delete(self, table: Table, *key: str) -> Book:
        """Delete the row of that key."""
        self.book[sheet_title(table)].delete_rows(self.row(table, *key))
        return self

    def extend_class(self, code: str, name: str = "新小类") -> Book:
        """A local extension subclass with one condition."""
        self.copy(CLASSES, "component", "0101", full_code=code, name=name, scope="extension", code_2007="")
        return self.copy(CONDITIONS, "component", "0101", "1", full_code=code)

    def saved(self) -> bytes:
        """The file."""
        out = io.BytesIO()
        self.book.save(out)
        return out.getvalue()
