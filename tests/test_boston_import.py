"""Boston's real requests become cases, and a sample of them lives again and ends as it did.

Reads the published requests beside the project (`../shared/data`); without that file the tests say so and skip.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from api.cli import main
from api.cli.replaying import draw, replay_apart
from engine.cases.import_profile import ImportedCase, RowRejected, load_profile, open_rows
from engine.cases.importing import ImportReport, import_cases
from engine.city import City, load_city
from engine.database import open_database, session_factory
from engine.loading.city import load_city_folder
from engine.migrations import upgrade_database
from engine.models import Case
from engine.platform import build_platform
from engine.testing.small_city import MONDAY

ROOT = Path(__file__).resolve().parent.parent
REQUESTS = ROOT.parent / "shared" / "data" / "boston311-2015-01-07.csv.gz"
ROWS = 68_525
SAMPLE = 40

pytestmark = [
    pytest.mark.skipif(not REQUESTS.exists(), reason=f"the published requests are not at {REQUESTS}"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def city() -> City:
    return load_city("boston")


@pytest.fixture(scope="module")
def rows(city: City) -> list[ImportedCase | RowRejected]:
    return list(load_profile(city.root / "imports/boston311.toml").read_all(open_rows(REQUESTS)))


@pytest.fixture(scope="module")
def imported(
    city: City, rows: list[ImportedCase | RowRejected], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ImportReport, float]]:
    """The URL of a database with all requests in it, the report and how many seconds it took."""
    url = f"sqlite:///{tmp_path_factory.mktemp('boston') / 'boston.db'}"
    engine = open_database(url)
    upgrade_database(engine)
    with session_factory(engine)() as session:
        load_city_folder(session, city, MONDAY)
        began = time.perf_counter()
        report = import_cases(session, build_platform(session, city), rows, MONDAY)
        yield url, report, time.perf_counter() - began
    engine.dispose()


def test_no_request_is_lost(imported: tuple[str, ImportReport, float]) -> None:
    url, report, seconds = imported
    assert (report.read, report.taken, report.rejected) == (ROWS, ROWS, [])
    engine = open_database(url)
    with session_factory(engine)() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == ROWS
    engine.dispose()
    assert seconds < 120


def test_the_verdicts_from_the_dates_are_the_published_ones(imported: tuple[str, ImportReport, float]) -> None:
    verdicts = imported[1].verdicts
    assert verdicts.equal + verdicts.different.total() + verdicts.blank == ROWS
    assert verdicts.blank == 115
    assert verdicts.equal / verdicts.stated >= 0.998
    assert all(reason.startswith("open and due after the file's last moment") for reason in verdicts.different)


def test_the_city_clock_reproduces_most_due_moments(imported: tuple[str, ImportReport, float]) -> None:
    due_moments = imported[1].due_moments
    with_limit = [entry for entry in due_moments if entry.stated > entry.without_limit]
    assert sum(entry.share >= 0.98 for entry in with_limit) * 3 >= len(with_limit) * 2


def test_the_file_comes_twice_without_doubling(imported: tuple[str, ImportReport, float]) -> None:
    answer = CliRunner().invoke(
        main, ["import", "cases", str(REQUESTS), "--city", "boston", "--database", imported[0]], catch_exceptions=False
    )
    assert f"{ROWS} rows read, 0 taken, 0 changed, {ROWS} unchanged, 0 refused" in answer.output


def test_replayed_requests_end_as_they_did(city: City, rows: list[ImportedCase | RowRejected]) -> None:
    report = replay_apart(city, draw(rows, SAMPLE, seed=1), seed=1)
    assert report.replayed == SAMPLE
    assert report.mismatches == []
    assert {"solved", "open"} <= report.ended.keys()


def test_a_request_that_ends_otherwise_is_named(
    city: City, rows: list[ImportedCase | RowRejected], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Somebody fixes what the file says was never there: the replay must not call that the same end.
    monkeypatch.setattr("engine.simulation.replaying.SCRIPTS", {})
    invalid = [row for row in rows if isinstance(row, ImportedCase) and row.outcome and row.status == "rejected"][:2]
    report = replay_apart(city, invalid, seed=1)
    assert [item.external_id for item in report.mismatches] == [row.external_id for row in invalid]
    assert all(item.expected == "rejected" and "closed" in item.found for item in report.mismatches)
