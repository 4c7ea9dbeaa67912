"""A register as a CSV file: out and in again without loss. The same file twice changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import DomainError, Invalid
from engine.models import RegisterEntry
from engine.registers.declaring import Register
from engine.registers.keeping import Hand, put_entry

MARK = "\ufeff"
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet program takes for the beginning of a formula."""
GUARD = "'"


@dataclass(frozen=True)
class RefusedRow:
    """A row that was not taken, by its line in the file."""

    line: int
    key: str
    reason: str


@dataclass
class ImportOutcome:
    """What an import did."""

    added: int = 0
    changed: int = 0
    same: int = 0
    refused: list[RefusedRow] = field(default_factory=list)


def export_register(session: Session, register: Register) -> Iterator[str]:
    """The lines of a CSV file with a header, UTF-8 with a mark for spreadsheet programs; struck off ones are left out.

    A text that a spreadsheet program would run as a formula gets an apostrophe before it, which the import takes off.
    """
    yield MARK + _line(register.headings)
    rows = session.scalars(
        select(RegisterEntry)
        .where(RegisterEntry.register == register.name, RegisterEntry.gone_at.is_(None))
        .order_by(RegisterEntry.key)
        .execution_options(yield_per=1000)
    )
    for row in rows:
        held = {**row.values, "lon": row.lon, "lat": row.lat}
        yield _line([_written(held.get(name)) for name in register.headings])


def import_register(
    session: Session, register: Register, file: IO[str], now: datetime, person_id: int | None = None
) -> ImportOutcome:
    """Take the rows of a CSV file that hold, by key; refused ones are told with their line. The caller commits.

    :raises Invalid: the file as a whole is of no use: no header, an unknown or a missing column.
    """
    reader = csv.DictReader(_rows(file), strict=True)
    header = [name.strip() for name in reader.fieldnames or ()]
    unknown = [name for name in header if name not in register.headings]
    if unknown or register.key not in header:
        wrong = f"unknown columns {', '.join(unknown)}" if unknown else f"no column {register.key}"
        raise Invalid(f"{wrong}; the header of {register.name} is {','.join(register.headings)}", field="file")
    reader.fieldnames = header
    outcome, seen = ImportOutcome(), set[str]()
    hand = Hand(now, person_id, reason="import")
    try:
        for row in reader:
            _take(session, register, row, reader.line_num, hand, seen, outcome)
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num}: {error}; export the file again as CSV", field="file") from error
    return outcome


def _take(
    session: Session,
    register: Register,
    row: dict[Any, Any],
    line: int,
    hand: Hand,
    seen: set[str],
    outcome: ImportOutcome,
) -> None:
    values = {name: _read(value) for name, value in row.items() if name is not None}
    key = str(values.get(register.key) or "").strip()
    try:
        if None in row:
            raise Invalid("the row has more cells than the header; put texts with commas in quotes")
        if key in seen:
            raise Invalid(f"{key} stands twice in the file; keep one of the rows")
        with session.begin_nested():
            _, what = put_entry(session, register, values, hand)
    except DomainError as error:
        errors = getattr(error, "errors", None) or {"": error.message}
        outcome.refused.append(RefusedRow(line, key, "; ".join(errors.values())))
        return
    seen.add(key)
    setattr(outcome, what, getattr(outcome, what) + 1)


def _rows(file: IO[str]) -> Iterator[str]:
    for number, line in enumerate(file):
        yield line.removeprefix(MARK) if number == 0 else line


def _read(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(GUARD) and value[1:2] in (*FORMULAS, GUARD):
        return value[1:]
    return value


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    guarded = text[:1] in FORMULAS or (text.startswith(GUARD) and text[1:2] in (*FORMULAS, GUARD))
    return GUARD + text if guarded else text


def _line(cells: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
