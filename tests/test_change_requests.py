"""Every change request of docs/how-to/change-requests is done with files alone: the check has nothing against it, what
the page promises holds afterwards, and does not hold in the city as it was.

To be quick, a city gets several changes at once (``TOGETHER``); each also holds alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from change_pages import Page, make_changes, read_page

from engine.checks import Finding, check_folder, errors_of
from engine.city import City, cities_root, load_city
from engine.errors import CityBroken
from engine.scenarios import Bench, run_scenarios
from engine.scenarios.values import ScenarioResult
from engine.workflow.layout_lint import lint_layout

FOLDER = Path(__file__).resolve().parents[1] / "docs/how-to/change-requests"
PAGES = [read_page(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]
TOGETHER = 7
CITIES = -(-len(PAGES) // TOGETHER)
EVERY_PAGE = pytest.mark.parametrize(
    "page", [page for first in range(CITIES) for page in PAGES[first::CITIES]], ids=lambda page: page.name
)


@dataclass
class Changed:
    """A copy of Yunhe with the changes of several pages."""

    folder: Path
    city: City | None
    findings: list[Finding]
    bench: Bench | None


@pytest.fixture(scope="module")
def before() -> Iterator[Bench]:
    """Yunhe as it is."""
    bench = Bench(load_city("yunhe"))
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def known() -> set[str]:
    """What the check has to say about Yunhe as it is."""
    return {str(each) for each in check_folder("yunhe")[1]}


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Page], Changed]]:
    """The changed city of a page; one is kept at a time."""
    kept: dict[int, Changed] = {}

    def city_of(page: Page) -> Changed:
        number = PAGES.index(page) % CITIES
        if number not in kept:
            close()
            kept[number] = change_city(tmp_path_factory.mktemp("changed") / "city", PAGES[number::CITIES])
        return kept[number]

    def close() -> None:
        for each in kept.values():
            if each.bench is not None:
                each.bench.close()
        kept.clear()

    yield city_of
    close()


def change_city(folder: Path, pages: Sequence[Page]) -> Changed:
    """A copy of Yunhe with the changes of these pages, checked, and loaded when it can run."""
    shutil.copytree(cities_root() / "yunhe", folder)
    for page in pages:
        make_changes(page.changes, folder)
    city, findings = check_folder(str(folder))
    return Changed(folder, city, findings, Bench(city) if city is not None and not errors_of(findings) else None)


@EVERY_PAGE
def test_a_change_is_made_with_files_alone(
    cities: Callable[[Page], Changed], before: Bench, known: set[str], page: Page, tmp_path: Path
) -> None:
    changed = cities(page)
    assert [str(each) for each in changed.findings if str(each) not in known] == []
    assert changed.city is not None
    yunhe = cities_root() / "yunhe"
    for command in page.commands:
        assert command.missing(changed.folder, yunhe) == [], command.words
    if page.scenarios:
        report = run_scenarios(changed.city, page.scenarios, bench=changed.bench)
        assert [told(each) for each in report.results if each.outcome != "passed"] == []
    for path in {each.path for each in page.changes if each.path.endswith(".bpmn")}:
        assert lint_layout((changed.folder / path).read_text(encoding="utf-8"), path) == []
    assert proves_nothing(page, before, tmp_path / "before") == []


def told(result: ScenarioResult) -> str:
    """Where a scenario broke off, and why."""
    failure = result.failure
    if failure is None:
        return f"{result.scenario.title}: {result.outcome}, {result.reason}"
    why = "; ".join(f"{each.about}: expected {each.expected}, happened {each.happened}" for each in failure.mismatches)
    return f"{result.scenario.title}: step {failure.step}, {failure.label}: {why}"


def proves_nothing(page: Page, before: Bench, folder: Path) -> list[str]:
    """The page's proofs that hold without its change, too; a page without any proof is told of."""
    shutil.copytree(cities_root() / "yunhe", folder)
    make_changes([each for each in page.changes if each.proves], folder)
    idle = [" ".join(each.words) for each in page.commands if not each.missing(folder, cities_root() / "yunhe")]
    if page.scenarios:
        try:
            report = run_scenarios(load_city(str(folder)), page.scenarios, bench=before)
        except CityBroken:
            return idle  # what the scenarios speak of is not there yet
        if not report.failed:
            idle += page.scenarios
    elif not page.commands:
        idle.append("the page has neither scenarios nor commands")
    return idle


def test_the_list_names_every_page() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [page.path.name for page in PAGES if f"({page.path.name})" not in index] == []
