"""The command manual (指挥手册) as people edit it: rows of text, by key, in two tables.

A manual is one version of the catalogue: its subclasses with their responsible departments, and its filing conditions
with limits by area class, closing conditions, rules of evidence and rules of extension.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.catalogue.manual_limits import AREA_COLUMNS, join_limit, split_limit
from engine.models import FilingCondition, Subclass

Row = Mapping[str, str]
Key = tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column: its key, its names, its width in characters. ``code`` columns never take numbers."""

    key: str
    name: str
    name_en: str
    width: int = 14
    code: bool = False


@dataclass(frozen=True)
class Table:
    """A sheet of the manual. ``derived`` columns are written for the reader's sake and never read."""

    id: str
    name: str
    name_en: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    derived: tuple[str, ...] = ("mark",)

    @property
    def names(self) -> tuple[str, ...]:
        """Keys of the columns that are read."""
        return tuple(column.key for column in self.columns if column.key not in self.derived)

    def key_of(self, row: Row) -> Key:
        """What tells a row from the others."""
        return tuple(row[name] for name in self.key)


MARK = Column("mark", "标记", "Mark", 16)

CLASSES = Table(
    "classes", "小类", "Subclasses", ("kind", "full_code"),
    (
        Column("kind", "类型", "Kind", 11), Column("class_code", "大类码", "Class code", 9, code=True),
        Column("class_name", "大类", "Class", 16), Column("class_name_en", "大类英文名", "Class in English", 20),
        Column("full_code", "编码", "Code", 9, code=True), Column("name", "小类名称", "Name", 24),
        Column("name_en", "小类英文名", "Name in English", 28), Column("geometry", "几何类型", "Geometry", 10),
        Column("dept_code", "责任部门", "Responsible department", 20, code=True),
        Column("code_2007", "2007 版编码", "Code of 2007", 12, code=True), Column("scope", "范围", "Scope", 11),
        Column("code_source", "编码依据", "Provenance", 13), MARK,
    ),
)  # fmt: skip

CONDITIONS = Table(
    "conditions", "立案条件", "Filing conditions", ("kind", "full_code", "condition_no"),
    (
        Column("kind", "类型", "Kind", 11), Column("full_code", "编码", "Code", 9, code=True),
        Column("condition_no", "序号", "Number", 7), Column("defect_code", "问题代码", "Defect", 14),
        Column("text", "立案条件", "Filing condition", 44), Column("text_en", "立案条件英文", "In English", 44),
        Column("limit", "处置时限", "Limit", 16), Column("limit_a", "A 类区域时限", "Limit in area class A", 16),
        Column("limit_b", "B 类区域时限", "Limit in area class B", 16),
        Column("limit_c", "C 类区域时限", "Limit in area class C", 16),
        Column("closing_condition", "结案条件", "Closing condition", 32),
        Column("evidence", "证据要求", "Evidence", 28), Column("extension", "延期规则", "Extension", 18),
        Column("source", "依据", "Provenance", 16), MARK,
    ),
)  # fmt: skip

TABLES = (CLASSES, CONDITIONS)
BY_ID = {table.id: table for table in TABLES}


@dataclass(frozen=True)
class Manual:
    """The rows of a manual by key, table by table. Texts are tidy: no spaces around them, ``\\n`` between lines."""

    classes: Mapping[Key, Row]
    conditions: Mapping[Key, Row]

    def rows(self, table: Table) -> Mapping[Key, Row]:
        """The rows of a table."""
        return self.classes if table is CLASSES else self.conditions


def tidy(text: str) -> str:
    """A text as the manual keeps it: spreadsheet programs change line ends, and spaces nobody sees say nothing."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def read_manual(session: Session, version_id: int) -> Manual:
    """The manual of a version."""
    classes = session.scalars(
        select(Subclass).where(Subclass.version_id == version_id).order_by(Subclass.kind, Subclass.full_code)
    )
    conditions = session.scalars(
        select(FilingCondition)
        .where(FilingCondition.version_id == version_id)
        .order_by(FilingCondition.kind, FilingCondition.full_code, FilingCondition.condition_no)
    )
    return Manual(
        by_key(CLASSES, (class_row(row) for row in classes)),
        by_key(CONDITIONS, (condition_row(row) for row in conditions)),
    )


def by_key(table: Table, rows: Iterable[Row]) -> dict[Key, Row]:
    """Rows by their key."""
    return {table.key_of(row): row for row in rows}


def class_row(row: Subclass) -> Row:
    """A subclass as a row of text."""
    return {name: tidy(str(getattr(row, name))) for name in CLASSES.names}


def condition_row(row: FilingCondition) -> Row:
    """A filing condition as a row of text, its limit in a column an area class."""
    plain = (name for name in CONDITIONS.names if name not in AREA_COLUMNS)
    return {**{name: tidy(str(getattr(row, name))) for name in plain}, **split_limit(tidy(row.limit))}


def stored_values(table: Table, row: Row) -> dict[str, Any]:
    """A row of text as the columns of the database."""
    if table is CLASSES:
        return dict(row)
    plain = {name: text for name, text in row.items() if name not in AREA_COLUMNS}
    return {**plain, "condition_no": int(row["condition_no"]), "limit": join_limit(row)}
