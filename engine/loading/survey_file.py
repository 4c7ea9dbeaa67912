"""A survey's CSV file: read once for faults of the file itself before anything is written, then row by row."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.components.register import COMPONENT
from engine.errors import CityBroken
from engine.loading.encodings import UTF_8, encoding_of
from engine.loading.plain_cells import unmark
from engine.loading.tables import Rejection

CHUNK = 1 << 20
DERIVED = ("code_source",)
"""Columns an export has for its readers; what they say is the catalogue's and not read again."""


@dataclass(frozen=True)
class SurveyFile:
    """A file that can be read to its end: ``header`` in the file's order, ``rows`` below it, its SHA-256.

    ``note`` is a remark on how its text was read, empty for UTF-8.
    """

    path: Path
    header: tuple[str, ...]
    rows: int
    sha256: str
    encoding: str = UTF_8
    note: str = ""

    def read(self) -> Iterator[tuple[int, dict[str, str] | Rejection]]:
        """(last line, row); a row with another number of fields than the header is a Rejection."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file)
            next(reader)
            for fields in reader:
                if not fields:
                    continue
                if len(fields) != len(self.header):
                    reason = f"the row has {len(fields)} fields, the header {len(self.header)}"
                    yield reader.line_num, self.refuse(reader.line_num, reason)
                    continue
                if any("\0" in value for value in fields):
                    yield reader.line_num, self.refuse(reader.line_num, "the row has a NUL character in it")
                    continue
                yield (
                    reader.line_num,
                    {name: unmark(value.strip()) for name, value in zip(self.header, fields, strict=True)},
                )

    def refuse(self, line: int, reason: str) -> Rejection:
        """A complaint about a line of this file."""
        return Rejection(self.path.name, line, reason, "correct the row and import the file again")


def open_survey(path: Path, fields: frozenset[str]) -> SurveyFile:
    """Look through a whole file. ``fields`` are the attributes it may have beside the columns of a component.

    :raises CityBroken: the file is missing, neither UTF-8 nor GB18030, no CSV, or a column is missing, unknown or there
        twice.
    """
    try:
        sha256, encoding = fingerprint(path), encoding_of(path)
        with path.open(encoding=encoding.name, newline="") as file:
            reader = csv.reader(file, strict=True)
            header = tuple(name.strip() for name in next(reader, []))
            refuse_header(path, header, fields)
            rows = sum(1 for row in reader if row)
    except FileNotFoundError as error:
        raise CityBroken(f"{path} is missing; name the survey's CSV file") from error
    except csv.Error as error:
        raise CityBroken(f"{path}, line {reader.line_num}: {error}; export the file again as CSV") from error
    return SurveyFile(path, header, rows, sha256, encoding.name, encoding.note)


def refuse_header(path: Path, header: tuple[str, ...], fields: frozenset[str]) -> None:
    """Raise CityBroken naming what does not belong."""
    missing = [name for name in COMPONENT if name not in header]
    if missing:
        raise CityBroken(f"{path}: no column {', '.join(missing)}; the header must name {', '.join(COMPONENT)}")
    unknown = [name for name in header if name not in {*COMPONENT, "photo", *DERIVED, *fields}]
    if unknown:
        raise CityBroken(
            f"{path}: no component has {', '.join(unknown)}; remove the column or add it to component_attributes.csv"
        )
    if len(set(header)) != len(header):
        raise CityBroken(f"{path}: a column stands twice in the header; name each once")


def fingerprint(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
