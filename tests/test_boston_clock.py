"""Boston's real requests against Boston's pack: the verdict from the dates, the due moments from the calendar.

Reads the published requests beside the project (`../shared/data`); without that file the tests say so and skip.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from engine.calendar import parse_limit
from engine.cases.import_profile import ImportedCase, RowRejected, load_profile, open_rows
from engine.city import load_city
from engine.city_calendars import city_calendar

ROOT = Path(__file__).resolve().parent.parent
PACK = ROOT / "cities" / "boston"
REQUESTS = ROOT.parent / "shared" / "data" / "boston311-2015-01-07.csv.gz"
TO_THE_MINUTE = timedelta(seconds=60)
REPRODUCED = [
    "General Comments For a Program or Policy",
    "Building Inspection Request",
    "Sign Repair",
    "Graffiti Removal",
    "Empty Litter Basket",
    "CE Collection",
    "Pick up Dead Animal",
    "Electrical",
    "Utility Call-In",
    "Plumbing",
    "Tree Emergencies",
    "Unsanitary Conditions - Establishment",
]

pytestmark = pytest.mark.skipif(not REQUESTS.exists(), reason=f"the published requests are not at {REQUESTS}")


@pytest.fixture(scope="module")
def rows() -> list[ImportedCase | RowRejected]:
    """Every row of the file, read by the pack's own import profile."""
    return list(load_profile(PACK / "imports" / "boston311.toml").read_all(open_rows(REQUESTS)))


@pytest.fixture(scope="module")
def cases(rows: list[ImportedCase | RowRejected]) -> list[ImportedCase]:
    return [row for row in rows if isinstance(row, ImportedCase)]


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    """Subclass names by code."""
    with (PACK / "catalogue" / "classes.csv").open(encoding="utf-8", newline="") as file:
        return {row["full_code"]: row["subclass_name"] for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def deviations(cases: list[ImportedCase], names: dict[str, str]) -> dict[str, list[timedelta]]:
    """By subclass name: stated due moment minus the one the pack computes, of every request that states one.

    The limits are those in force now; requests older than a change of a limit are compared with the same number.
    """
    with (PACK / "catalogue" / "conditions.csv").open(encoding="utf-8", newline="") as file:
        limits = {(r["full_code"], int(r["condition_no"])): r["limit"] for r in csv.DictReader(file) if r["limit"]}
    calendar = city_calendar(load_city(str(PACK)))
    found: dict[str, list[timedelta]] = defaultdict(list)
    for case in cases:
        limit = limits.get((case.full_code, case.condition_no))
        if case.due_at and limit:
            found[names[case.full_code]].append(case.due_at - calendar.add(case.clock_started_at, parse_limit(limit)))
    return found


def test_every_row_becomes_a_case(rows: list[ImportedCase | RowRejected]) -> None:
    assert [str(row) for row in rows if isinstance(row, RowRejected)] == []
    assert len(rows) == 68_525


def test_the_verdict_from_the_dates_is_the_published_one(cases: list[ImportedCase]) -> None:
    drawn_at = max(case.last_moment for case in cases)
    stated = [case for case in cases if case.stated_on_time is not None]
    different = [case for case in stated if case.on_time(drawn_at) != case.stated_on_time]
    assert len(cases) - len(stated) == 115  # the file leaves these blank: stated nowhere, compared nowhere
    assert 1 - len(different) / len(stated) >= 0.998
    # Open cases that fell due between the file's last stamp and its publication, unknown to the minute.
    assert all(
        case.closed_at is None and case.due_at and case.due_at - drawn_at < timedelta(days=1) for case in different
    )


@pytest.mark.parametrize("name", REPRODUCED)
def test_the_pack_reproduces_the_due_moment_to_the_minute(name: str, deviations: dict[str, list[timedelta]]) -> None:
    stated = deviations[name]
    met = sum(abs(deviation) <= TO_THE_MINUTE for deviation in stated)
    worst = Counter(round(d / timedelta(hours=1)) for d in stated if abs(d) > TO_THE_MINUTE).most_common(3)
    assert stated
    assert met / len(stated) >= 0.98, f"{met} of {len(stated)}; off by hours: {worst}"


def test_two_thirds_of_the_types_with_a_limit_are_reproduced_like_that(deviations: dict[str, list[timedelta]]) -> None:
    rates = {name: sum(abs(d) <= TO_THE_MINUTE for d in stated) / len(stated) for name, stated in deviations.items()}
    assert len(rates) >= 90
    assert sum(rate >= 0.98 for rate in rates.values()) * 3 >= len(rates) * 2


def test_nothing_about_boston_is_in_the_code() -> None:
    named = [
        path.relative_to(ROOT)
        for folder in ("engine", "api", "plugins")
        for path in (ROOT / folder).rglob("*.py")
        if "boston" in path.read_text(encoding="utf-8").lower()
    ]
    assert named == []
