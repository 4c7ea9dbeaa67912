"""Print how well a city pack's calendar and limits reproduce the due moments another system stated, type by type.

    python -m tools.boston.report_clock REQUESTS.csv.gz cities/boston

A deviation is told by its kind: `cut` – the opening was published without its seconds, which explain it; `form` – due
a little early, the clock ran while the form was filled in; `moved` – the department set another date; `former` – the
limit in force before it was changed explains it.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

from engine.calendar import Limit, WorkCalendar, parse_limit
from engine.cases.import_profile import ImportedCase, RowRejected, load_profile, open_rows
from engine.city import load_city
from engine.city_calendars import city_calendar

TO_THE_MINUTE = timedelta(seconds=60)
FORM = timedelta(minutes=30)
Key = tuple[str, int]


def kind_of(deviation: timedelta, opened: datetime, former: timedelta | None) -> str:
    """Why a due moment is not the computed one; ``met`` when it is."""
    if abs(deviation) <= TO_THE_MINUTE:
        return "met"
    if former is not None and abs(former) <= TO_THE_MINUTE:
        return "former"
    if opened.second == 0 and timedelta(0) < deviation < 2 * TO_THE_MINUTE:
        return "cut"
    return "form" if -FORM < deviation < timedelta(0) else "moved"


def _limits(path: Path, column: str) -> dict[Key, tuple[Limit, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["full_code"], int(row["condition_no"])): (parse_limit(row["limit"]), row[column])
            for row in csv.DictReader(file)
            if row["limit"]
        }


def report(cases: list[ImportedCase], calendar: WorkCalendar, root: Path) -> None:
    """Print the verdict's agreement and one line a type."""
    drawn_at = max(case.last_moment for case in cases)
    stated = [case for case in cases if case.stated_on_time is not None]
    agreed = sum(case.on_time(drawn_at) == case.stated_on_time for case in stated)
    print(f"verdict: {agreed} of {len(stated)} agree ({agreed / len(stated):.3%}); {len(cases) - len(stated)} blank")
    limits = _limits(root / "catalogue/conditions.csv", "full_code")
    former = _limits(root / "catalogue/former_limits.csv", "valid_until")
    with (root / "catalogue/classes.csv").open(encoding="utf-8", newline="") as file:
        names = {row["full_code"]: row["subclass_name"] for row in csv.DictReader(file)}
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        key = (case.full_code, case.condition_no)
        if case.due_at is None:
            continue
        if key not in limits:
            kinds[case.full_code]["no limit"] += 1
            continue
        before = None
        if key in former and calendar.local(case.opened_at).date() <= date.fromisoformat(former[key][1]):
            before = case.due_at - calendar.add(case.clock_started_at, former[key][0])
        deviation = case.due_at - calendar.add(case.clock_started_at, limits[key][0])
        kinds[case.full_code][kind_of(deviation, case.opened_at, before)] += 1
    for code, counted in sorted(kinds.items(), key=lambda item: -item[1].total()):
        limit = limits.get((code, 1), ("-", ""))[0]
        rest = ", ".join(f"{kind} {n}" for kind, n in counted.most_common() if kind != "met")
        print(f"{counted['met'] / counted.total():7.2%} of {counted.total():5} {names[code]} [{limit}]  {rest}")
    total = sum((counted for counted in kinds.values()), Counter())
    print(f"{total['met'] / total.total():7.2%} of all {total.total()}; {dict(total)}")


if __name__ == "__main__":
    file, pack = Path(sys.argv[1]), Path(sys.argv[2])
    rows = list(load_profile(pack / "imports/boston311.toml").read_all(open_rows(file)))
    for row in rows:
        if isinstance(row, RowRejected):
            print(row)
    report([row for row in rows if isinstance(row, ImportedCase)], city_calendar(load_city(str(pack))), pack)
