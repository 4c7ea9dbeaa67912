"""Derive Boston's catalogue and its limits from published requests.

    python -m tools.boston.derive_catalogue REQUESTS.csv.gz cities/boston

A class is a REASON, a subclass a TYPE. A subclass's limit is the number of working or calendar days after which,
by the pack's own calendar, most of its requests were due to the minute; without such a number it stays empty.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engine.calendar import Limit, Unit, WorkCalendar
from engine.city import load_city
from engine.city_calendars import city_calendar
from tools.boston.rows import BOSTON, Request, read_requests

CHANGED = datetime(2015, 2, 16, tzinfo=BOSTON)
"""The day on which many types changed their limit at once: older requests tell the former limits."""
TO_THE_MINUTE = timedelta(seconds=60)
LONG_DAYS = 60
"""No limit of working days above this is believed: 365 calendar days can look like 251 working days."""

DEPARTMENTS = {
    "PWDx": ("PWD", "Public Works Department"),
    "ISD": ("ISD", "Inspectional Services"),
    "BTDT": ("BTD", "Transportation Department"),
    "INFO": ("HOTLINE", "Mayor's 24 Hour Hotline"),
    "PARK": ("PARKS", "Parks and Recreation"),
    "PROP": ("PROPERTY", "Property Management"),
    "HS_O": ("CIVIL_RIGHTS", "Office of Civil Rights"),
    "BWSC": ("WATER", "Water and Sewer Commission"),
    "DISB": ("DISABILITY", "Disability Department"),
    "ANML": ("ANIMALS", "Animal Control"),
    "GEN_": ("NEEDLES", "Needle Programme"),
    "HS_Y": ("YOUTH", "Youthline"),
    "CHT_": ("CITY_TRUCK", "City Hall Truck"),
    "HS_V": ("VETERANS", "Veterans' Services"),
}
OTHERWISE = "HOTLINE"


@dataclass(frozen=True)
class Finding:
    """The limit that explains most due moments of some requests: ``met`` of ``stated``."""

    limit: Limit | None
    met: int
    stated: int

    def __str__(self) -> str:
        if not self.stated:
            return "found: no request states a due moment"
        if self.limit is None:
            return f"found: {self.stated} stated due moments follow no single limit"
        return f"found: explains {self.met} of {self.stated} stated due moments ({self.met / self.stated:.1%})"


def find_limit(calendar: WorkCalendar, requests: Iterable[Request]) -> Finding:
    """The limit that at least half of the stated due moments agree on."""
    votes: Counter[Limit] = Counter()
    stated = 0
    for request in requests:
        if request.due is not None:
            stated += 1
            votes.update(_candidates(calendar, request.opened, request.due))
    for limit, met in votes.most_common(1):
        if met * 2 > stated and (met >= 3 or met == stated):
            return Finding(limit, met, stated)
    return Finding(None, 0, stated)


def _candidates(calendar: WorkCalendar, opened: datetime, due: datetime) -> Iterator[Limit]:
    for unit, day in ((Unit.WORK_DAY, calendar.day_length), (Unit.CALENDAR_DAY, timedelta(days=1))):
        count = round(calendar.worked(opened, due, unit) / day)
        if count < 1 or (unit is Unit.WORK_DAY and count > LONG_DAYS):
            continue
        limit = Limit(count, unit)  # type: ignore[arg-type]  # a whole number becomes a Decimal
        if abs(calendar.add(opened, limit) - due) <= TO_THE_MINUTE:
            yield limit


OTHER_CODE, OTHER = "9901", "Request of a type not listed"


def write_catalogue(requests: Sequence[Request], calendar: WorkCalendar, root: Path) -> None:
    """Write classes, conditions, departments and former limits below ``root/catalogue``, the mapping below imports."""
    by_type: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_type[request.type].append(request)
    reason_of = {name: Counter(r.reason for r in found).most_common(1)[0][0] for name, found in by_type.items()}
    codes = _codes(reason_of)
    classes, conditions, former, mapping = [], [], [], []
    for name, code in sorted(codes.items(), key=lambda item: item[1]):
        found = by_type[name]
        department = DEPARTMENTS.get(Counter(r.department for r in found).most_common(1)[0][0], (OTHERWISE, ""))[0]
        reason = reason_of[name]
        classes.append(
            [
                "event",
                code[:2],
                reason,
                reason,
                code[2:],
                code,
                name,
                name,
                "point",
                department,
                "",
                "city",
                "provisional",
            ]
        )
        now = find_limit(calendar, (r for r in found if r.opened >= CHANGED))
        before = find_limit(calendar, (r for r in found if r.opened < CHANGED))
        if now.limit is None and not now.stated:
            now = before
        text = f"Reported as: {name}"
        conditions.append(
            ["event", code, 1, "", text, text, now.limit or "", "Done, or the reporter told why not", now]
        )
        if before.limit and before.limit != now.limit and before.met >= 3:
            former.append(["event", code, 1, CHANGED.date(), before.limit, before])
        mapping.append([name, "event", code])
    # A request of a type the city invents later is taken as this, never lost.
    classes.append(
        ["event", "99", "Other", "Other", "01", OTHER_CODE, OTHER, OTHER, "point", OTHERWISE, "", "city", "city"]
    )
    conditions.append(["event", OTHER_CODE, 1, "", OTHER, OTHER, "", "Done, or the reporter told why not", "city"])
    _write(root / "catalogue/classes.csv", CLASSES, classes)
    _write(root / "catalogue/conditions.csv", CONDITIONS, _with_hateful_graffiti(conditions, codes))
    _write(root / "catalogue/former_limits.csv", FORMER, former)
    _write(
        root / "catalogue/departments.csv",
        ["dept_code", "name", "name_en"],
        [[c, n, n] for c, n in DEPARTMENTS.values()],
    )
    _write(root / "imports/boston311_types.csv", ["value", "kind", "full_code"], mapping)


CLASSES = [
    "kind",
    "class_code",
    "class_name",
    "class_name_en",
    "subclass_code",
    "full_code",
    "subclass_name",
    "subclass_name_en",
    "geometry",
    "dept_code",
    "code_2007",
    "scope",
    "code_source",
]
CONDITIONS = [
    "kind",
    "full_code",
    "condition_no",
    "defect_code",
    "filing_condition",
    "filing_condition_en",
    "limit",
    "closing_condition",
    "source",
]
FORMER = ["kind", "full_code", "condition_no", "valid_until", "limit", "source"]


def _with_hateful_graffiti(conditions: list[list[object]], codes: dict[str, str]) -> list[list[object]]:
    """The one limit that the title decides: titles that say profane, racial or anti-semitic were due in four days."""
    code = codes["Graffiti Removal"]
    text = "Graffiti that is profane, racial or anti-semitic"
    source = "found: titles of that kind, reported by phone or app; outside office hours the city kept the time of day"
    extra: list[object] = ["event", code, 2, "", text, text, "4 work_day", "Done, or the reporter told why not", source]
    at = next(i for i, row in enumerate(conditions) if row[1] == code) + 1
    return [*conditions[:at], extra, *conditions[at:]]


def _codes(reason_of: dict[str, str]) -> dict[str, str]:
    """Four digits: class by name of the reason, subclass by name of the type."""
    codes: dict[str, str] = {}
    for number, reason in enumerate(sorted(set(reason_of.values())), start=1):
        for serial, name in enumerate(sorted(t for t, r in reason_of.items() if r == reason), start=1):
            codes[name] = f"{number:02}{serial:02}"
    return codes


def _write(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([str(cell) for cell in row] for row in rows)


if __name__ == "__main__":
    source_file, pack = Path(sys.argv[1]), Path(sys.argv[2])
    write_catalogue(list(read_requests(source_file)), city_calendar(load_city(str(pack))), pack)
