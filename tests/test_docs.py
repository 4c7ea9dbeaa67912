"""Every command of the tutorial and the how-to pages runs as written; links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import free_port, served

from engine.hooks.enabling import write_enabled

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#)([^)#\s]+)")


def commands(page: Path) -> str:
    """All ``sh`` blocks of a page as one script."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return "\n".join(re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found)


def run_page(page: Path, home: Path, **environment: str) -> None:
    """Run a page's commands from a folder that looks like the checkout; fails with what was printed.

    Yunhe has no plugins there: what the pages show is the city's, and every command starts sooner.
    """
    (home / "processes").symlink_to(ROOT / "processes")
    shutil.copytree(ROOT / "cities", home / "cities")
    write_enabled(home / "cities" / "yunhe", [])
    variables = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **environment}
    script = f"set -euo pipefail\n{commands(page)}"
    done = subprocess.run(["bash", "-c", script], cwd=home, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, f"{page.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def city_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    with served(folder, port, folder / "log.txt"):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.slow
def test_the_tutorial_runs_as_written(tmp_path: Path, city_url: str) -> None:
    run_page(ROOT / "docs/tutorial/first-case.md", tmp_path, WANGGE_URL=city_url)


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted((ROOT / "docs/how-to").glob("*.md")), ids=lambda page: page.stem)
def test_a_how_to_runs_as_written(page: Path, tmp_path: Path) -> None:
    if not commands(page):
        assert "```sh" not in page.read_text(encoding="utf-8")
        return
    run_page(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.reference", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
