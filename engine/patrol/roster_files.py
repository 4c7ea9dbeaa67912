"""The roster as a CSV file, out and in. What was exported comes back unchanged; the same file twice changes nothing."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.cases.access import require
from engine.database import begin_write
from engine.errors import Invalid
from engine.loading.tables import Rejection
from engine.models import DutyGrid, DutyShift, Person
from engine.organisation.actor import Actor
from engine.patrol.changing import PLAN, collectors
from engine.patrol.roster import IMPORT, PLANNED, STATUSES, new_shift

COLUMNS = ("login", "duty_grid", "starts", "ends", "shift", "team", "status", "origin", "stands_for", "reason")
LARGEST = 20 * 1024 * 1024
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would compute; such a text is exported behind an apostrophe and comes back without it."""


@dataclass(frozen=True)
class Imported:
    """What an import did; with a refused row nothing is taken."""

    added: int
    changed: int
    unchanged: int
    refused: tuple[Rejection, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    person_id: int
    grid: str
    starts: datetime
    ends: datetime
    row: dict[str, str]

    @property
    def key(self) -> tuple[int, datetime, str]:
        return self.person_id, self.starts, self.grid


def export_roster(session: Session, rows: Iterable[DutyShift], zone: ZoneInfo) -> str:
    """CSV text; moments by the city's clock with their offset. ``stands_for`` is the login of who is stood in for."""
    listed = list(rows)
    logins = dict(session.execute(select(Person.id, Person.login)).all())
    wanted = {row.stands_for_id for row in listed if row.stands_for_id}
    owner = dict(session.execute(select(DutyShift.id, DutyShift.person_id).where(DutyShift.id.in_(wanted))).all())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in listed:
        stands_for = logins.get(owner.get(row.stands_for_id or 0, 0), "")
        values = (
            logins[row.person_id], row.duty_grid_code, row.starts_at.astimezone(zone).isoformat(),
            row.ends_at.astimezone(zone).isoformat(), row.shift, row.team, row.status, row.origin, stands_for,
            row.reason,
        )  # fmt: skip
        writer.writerow([f"'{value}" if value.startswith(FORMULA) else value for value in values])
    return out.getvalue()


def import_roster(session: Session, actor: Actor, content: bytes, now: datetime) -> Imported:
    """Take a roster: rows are added, or changed by person, grid and begin. All of it or, with a refused row, nothing.

    Shifts that are over are left as they are. Rows of an export that came from a pattern become imported ones when they
    differ, so that no later roll-out undoes them. Commits. Raises Invalid for a file that cannot be read.
    """
    require(actor, PLAN, "import a roster")
    begin_write(session)
    people = {person.login: person.id for person in collectors(session)}
    everybody = dict(session.execute(select(Person.login, Person.id)).all())
    grids = set(session.scalars(select(DutyGrid.code)))
    refused: list[Rejection] = []
    lines: list[_Line] = []
    for number, row in read_rows(content):
        try:
            lines.append(_read(number, row, people, everybody, grids))
        except ValueError as error:
            refused.append(Rejection("roster", number, *_halves(str(error))))
    refused += _clashes(lines)
    if refused:
        session.rollback()
        return Imported(0, 0, 0, tuple(sorted(refused, key=lambda each: each.line)))
    since = min((line.starts for line in lines), default=now)
    known = {
        (row.person_id, row.starts_at, row.duty_grid_code): row
        for row in session.scalars(select(DutyShift).where(DutyShift.starts_at >= since))
    }
    added = changed = 0
    for line in lines:
        found = known.get(line.key)
        values = line.row
        if found is None:
            shift, team = values["shift"], values["team"]
            found = new_shift(line.person_id, line.grid, shift, team, line.starts, line.ends, IMPORT, now)
            session.add(found)
            known[line.key] = found
            added += 1
        elif found.ends_at <= now or _same(found, line):
            continue
        else:
            changed += 1
        found.ends_at, found.shift, found.team, found.origin = line.ends, values["shift"], values["team"], IMPORT
        found.status, found.reason = values["status"] or PLANNED, values["reason"]
        found.changed_by_id, found.changed_at = actor.person_id, now
    session.flush()
    _stand_in(lines, known, everybody)
    session.commit()
    return Imported(added, changed, len(lines) - added - changed, ())


def read_rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a file. Raises Invalid."""
    if len(content) > LARGEST:
        raise Invalid(f"the file has more than {LARGEST // 2**20} MB; split it by month", field="file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"the file is not UTF-8 (byte {error.start}); save it as CSV UTF-8", field="file") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in COLUMNS[:4] if name not in (reader.fieldnames or ())]
    if missing:
        raise Invalid(f"the file has no column {', '.join(missing)}; it needs {', '.join(COLUMNS[:4])}", field="file")
    try:
        for row in reader:
            values = {name: (row.get(name) or "").strip() for name in COLUMNS}
            yield reader.line_num, {name: _plain(value) for name, value in values.items()}
    except csv.Error as error:
        raise Invalid(f"the file is no readable CSV ({error}); export it again", field="file") from error


def _plain(value: str) -> str:
    return value[1:] if value[:1] == "'" and value[1:].startswith(FORMULA) else value


def _read(
    number: int, row: dict[str, str], people: dict[str, int], everybody: dict[str, int], grids: set[str]
) -> _Line:
    login = row["login"]
    person = people.get(login)
    if person is None:
        raise ValueError(f"{login!r} is no collector at work; name the login of one")
    if row["duty_grid"] not in grids:
        raise ValueError(f"there is no duty grid {row['duty_grid']!r}; correct the code")
    if row["status"] and row["status"] not in STATUSES:
        raise ValueError(f"status {row['status']!r} is unknown; use one of {', '.join(STATUSES)}")
    if row["stands_for"] and row["stands_for"] not in everybody:
        raise ValueError(f"nobody has the login {row['stands_for']!r}; correct stands_for")
    try:
        starts, ends = (datetime.fromisoformat(row[name]) for name in ("starts", "ends"))
    except ValueError as error:
        raise ValueError(f"{error}; write moments as 2026-01-31T07:00+08:00") from error
    if starts.tzinfo is None or ends.tzinfo is None:
        raise ValueError("a moment has no offset; write it as 2026-01-31T07:00+08:00")
    if not starts < ends:
        raise ValueError("the shift ends before it begins; correct the moments")
    return _Line(number, person, row["duty_grid"], starts, ends, row)


def _halves(text: str) -> tuple[str, str]:
    reason, _, remedy = text.rpartition("; ")
    return reason, remedy


def _clashes(lines: list[_Line]) -> Iterator[Rejection]:
    """Rows that stand twice, and people whom the file puts in two places."""
    seen: dict[tuple[int, datetime, str], int] = {}
    planned: dict[int, list[_Line]] = {}
    for line in lines:
        if line.key in seen:
            yield Rejection("roster", line.number, f"the same shift stands in line {seen[line.key]}", "delete one row")
        seen[line.key] = line.number
        if (line.row["status"] or PLANNED) == PLANNED:
            planned.setdefault(line.person_id, []).append(line)
    for own in planned.values():
        own.sort(key=lambda each: each.starts)
        for first, second in pairwise(own):
            if second.starts < first.ends and second.key != first.key:
                reason = f"{second.row['login']} is in grid {first.grid} then, see line {first.number}"
                yield Rejection("roster", second.number, reason, "nobody is in two places; correct one of the rows")


def _same(found: DutyShift, line: _Line) -> bool:
    row = line.row
    here = (found.ends_at, found.shift, found.team, found.status, found.reason)
    return here == (line.ends, row["shift"], row["team"], row["status"] or PLANNED, row["reason"])


def _stand_in(lines: list[_Line], known: dict[tuple[int, datetime, str], DutyShift], everybody: dict[str, int]) -> None:
    for line in lines:
        if line.row["stands_for"]:
            other = known.get((everybody[line.row["stands_for"]], line.starts, line.grid))
            row = known[line.key]
            if other is not None and other.id != row.id:
                row.stands_for_id = other.id
