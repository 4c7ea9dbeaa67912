"""How a file of another system becomes cases: a profile names its columns and maps its words to the city's own.

A profile is ``imports/<name>.toml`` in a city pack; docs/how-to/import-cases.md shows one. Reading is pure: a row
becomes an `ImportedCase` or is refused with its line, its column and what to do about it. Nothing is guessed.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from engine.cases.import_words import Condition, ImportProfileBroken, Words, read_words
from engine.errors import Invalid

CLOCKS_APART = timedelta(minutes=5)
"""Two machines stamp opening and closing; a case may be closed this much before it was opened."""
HALF_A_MINUTE = timedelta(seconds=30)


class Outcome(StrEnum):
    """How a case of another system ended, in our words."""

    SOLVED = "solved"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    UNFOUNDED = "unfounded"
    """Looked at, and nothing was wrong."""
    NOTED = "noted"
    """A notification or comment: taken note of, nothing to handle."""
    REFERRED = "referred"
    """Handed to somebody outside the city."""
    UNRESOLVED = "unresolved"
    """Closed without result: no access, nobody at home, closed by administration."""

    @property
    def case_status(self) -> str:
        """The status such a case has here."""
        return _STATUS.get(self, "closed")


_STATUS = {Outcome.DUPLICATE: "merged", Outcome.INVALID: "rejected", Outcome.UNFOUNDED: "rejected"}


class RowRejected(Invalid):
    """A row cannot become a case. ``column`` is the file's own name for it."""

    def __init__(self, line: int, column: str, reason: str, remedy: str) -> None:
        super().__init__(f"line {line}, {column}: {reason}; {remedy}", field=column)
        self.line, self.column, self.reason, self.remedy = line, column, reason, remedy


@dataclass(frozen=True)
class ImportedCase:
    """One row in our words. Times are UTC; coordinates WGS-84; ``line`` is the row's line in its file."""

    line: int
    external_id: str
    kind: str
    full_code: str
    condition_no: int
    title: str
    address: str
    lon: float | None
    lat: float | None
    source: str
    department: str
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    closing_note: str
    duplicate_of: str
    stated_on_time: bool | None
    clock_started_at: datetime
    """When the limit began to run. Not ``opened_at`` where the file cut that to the minute: then its middle, as the
    file's own due moments keep the seconds it lost."""

    @property
    def status(self) -> str:
        """``dispatched`` while the other system had it open, else what its outcome says."""
        return self.outcome.case_status if self.outcome else "dispatched"

    @property
    def last_moment(self) -> datetime:
        """The latest thing the row knows of; the largest of a file is when the file was drawn, at the earliest."""
        return max(self.opened_at, self.closed_at or self.opened_at)

    def on_time(self, as_of: datetime) -> bool:
        """Whether it was closed by its due moment, or is not yet due at ``as_of``; true where nothing is ever due."""
        return self.due_at is None or (self.closed_at or as_of) <= self.due_at


@dataclass(frozen=True)
class ImportProfile:
    """A profile, ready to read rows."""

    words: Words
    zone: ZoneInfo

    def read(self, row: Mapping[str, str], line: int = 0) -> ImportedCase:
        """One row as a case.

        :raises RowRejected: a column is missing, unreadable, or says a word the profile does not know.
        """
        words = self.words
        opened = self._moment(row, line, "opened_at")
        if opened is None:
            raise RowRejected(line, words.columns["opened_at"], "the case has no opening time", "correct the row")
        kind, full_code = self._subclass(row, line)
        closed = self._is_closed(row, line)
        note = self._note(row) if closed else ""
        lon, lat = self._place(row, line)
        return ImportedCase(
            line=line,
            external_id=self._required(row, line, "external_id"),
            kind=kind,
            full_code=full_code,
            condition_no=self._condition(row, full_code),
            title=self._text(row, "title"),
            address=" ".join(self._text(row, "address").split()),
            lon=lon,
            lat=lat,
            source=self._source(row, line),
            department=self._department(row, line),
            opened_at=opened,
            due_at=self._moment(row, line, "due_at"),
            closed_at=self._closing_moment(row, line, opened) if closed else None,
            outcome=self._outcome(note) if closed else None,
            closing_note=note,
            duplicate_of=self._original(note) if closed else "",
            stated_on_time=self._verdict(row, line),
            clock_started_at=opened + HALF_A_MINUTE if self.words.cut_to_minute and not opened.second else opened,
        )

    def read_all(self, rows: Iterable[Mapping[str, str]]) -> Iterator[ImportedCase | RowRejected]:
        """Every row of a file with a header, in order; a refused row is given as its refusal, the rest goes on."""
        for line, row in enumerate(rows, start=2):
            try:
                yield self.read(row, line)
            except RowRejected as rejected:
                yield rejected

    # Plain columns -----------------------------------------------------------------------------------------

    def _text(self, row: Mapping[str, str], field: str) -> str:
        column = self.words.columns.get(field)
        return (row.get(column) or "").strip() if column else ""

    def _required(self, row: Mapping[str, str], line: int, field: str) -> str:
        text = self._text(row, field)
        if not text:
            raise RowRejected(line, self.words.columns[field], f"{field} is empty", "correct the row")
        return text

    def _moment(self, row: Mapping[str, str], line: int, field: str) -> datetime | None:
        text = self._text(row, field)
        if not text:
            return None
        try:
            return datetime.strptime(text, self.words.time_format).replace(tzinfo=self.zone).astimezone(UTC)
        except ValueError:
            remedy = f"write times as {self.words.time_format!r} or change [times] format"
            raise RowRejected(line, self.words.columns[field], f"{text!r} is not a time", remedy) from None

    def _place(self, row: Mapping[str, str], line: int) -> tuple[float | None, float | None]:
        lon_text, lat_text = self._text(row, "lon"), self._text(row, "lat")
        if not lon_text or not lat_text:
            return None, None
        try:
            lon, lat = float(lon_text), float(lat_text)
        except ValueError:
            column = self.words.columns["lon"]
            raise RowRejected(
                line, column, f"{lon_text!r}, {lat_text!r} are no coordinates", "correct the row"
            ) from None
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            remedy = "swap lon and lat in [columns], or correct the row"
            raise RowRejected(line, self.words.columns["lon"], f"{lon}, {lat} lie outside the earth", remedy)
        return lon, lat

    # Words -------------------------------------------------------------------------------------------------

    def _subclass(self, row: Mapping[str, str], line: int) -> tuple[str, str]:
        text = self._text(row, "type")
        found = self.words.types.get(text, self.words.other_type)
        if found is None:
            remedy = f"add it to {self.words.types_file}"
            raise RowRejected(line, self.words.columns["type"], f"type {text!r} has no subclass", remedy)
        return found

    def _condition(self, row: Mapping[str, str], full_code: str) -> int:
        for condition in self.words.conditions:
            if condition.full_code == full_code and _holds(condition, row):
                return condition.number
        return 1

    def _department(self, row: Mapping[str, str], line: int) -> str:
        for column in self.words.department_columns:
            found = self.words.departments.get((column, (row.get(column) or "").strip()))
            if found:
                return found
        if self.words.other_department:
            return self.words.other_department
        column = self.words.department_columns[-1]
        remedy = f"add it to {self.words.departments_file}"
        raise RowRejected(line, column, f"{row.get(column)!r} stands for no department", remedy)

    def _source(self, row: Mapping[str, str], line: int) -> str:
        text = self._text(row, "source")
        found = self.words.sources.get(text, self.words.other_source)
        if found is None:
            raise RowRejected(line, self.words.columns["source"], f"source {text!r} is unknown", "add it to [sources]")
        return found

    def _verdict(self, row: Mapping[str, str], line: int) -> bool | None:
        text = self._text(row, "verdict")
        if not text:
            return None
        if text not in self.words.verdicts:
            raise RowRejected(
                line, self.words.columns["verdict"], f"verdict {text!r} is unknown", "add it to [verdict]"
            )
        return self.words.verdicts[text]

    # Closing -----------------------------------------------------------------------------------------------

    def _is_closed(self, row: Mapping[str, str], line: int) -> bool:
        text = self._text(row, "state")
        if text not in self.words.states:
            raise RowRejected(line, self.words.columns["state"], f"state {text!r} is unknown", "add it to [state]")
        return self.words.states[text]

    def _closing_moment(self, row: Mapping[str, str], line: int, opened: datetime) -> datetime:
        moment, column = self._moment(row, line, "closed_at"), self.words.columns["closed_at"]
        if moment is None:
            raise RowRejected(line, column, "the case is closed but has no closing time", "correct the row")
        if moment < opened - CLOCKS_APART:
            raise RowRejected(line, column, f"{row[column]} is before the opening time", "correct one of the two")
        return moment

    def _note(self, row: Mapping[str, str]) -> str:
        return self.words.boilerplate.sub("", self._text(row, "closing"), count=1).strip()

    def _outcome(self, note: str) -> Outcome:
        return Outcome(
            next((word for pattern, word in self.words.outcomes if pattern.search(note)), self.words.otherwise)
        )

    def _original(self, note: str) -> str:
        match = self.words.original.search(note) if self._outcome(note) is Outcome.DUPLICATE else None
        return match[0] if match else ""


def _holds(condition: Condition, row: Mapping[str, str]) -> bool:
    return bool(condition.pattern.search(row.get(condition.column) or "")) and not any(
        (row.get(column) or "") in values for column, values in condition.unless.items()
    )


def load_profile(path: Path) -> ImportProfile:
    """Read ``imports/<name>.toml`` and the tables it names.

    :raises ImportProfileBroken: naming the file, the key and what to write.
    """
    words = read_words(path, outcomes=frozenset(Outcome))
    try:
        zone = ZoneInfo(words.time_zone)
    except (KeyError, ValueError) as error:
        raise ImportProfileBroken(f"{path}: [times] zone {words.time_zone!r} is unknown; use an IANA name") from error
    return ImportProfile(words, zone)


def open_rows(path: Path, encoding: str = "utf-8") -> Iterator[Mapping[str, str]]:
    """The rows of a CSV file with a header, gzipped (``.gz``) or not."""
    with (
        gzip.open(path, "rt", encoding=encoding, newline="")
        if path.suffix == ".gz"
        else path.open(encoding=encoding, newline="") as file
    ):
        yield from csv.DictReader(file)
