"""A wheel built from the checkout runs elsewhere: diagrams, catalogue, cities and pages are inside."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of what git tracks (and what ``make`` puts beside it), built away from the checkout."""
    source = tmp_path_factory.mktemp("source") / "wangge"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "var", "build", "node_modules", "*.egg-info", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, source, ignore=ignored)
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_the_wheel_holds_what_a_city_needs_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "processes/case.bpmn",
        "processes/decisions/dispatch.dmn",
        "processes/forms/accept.json",
        "processes/translations/en.csv",
        "processes/catalogue/conditions.csv",
        "processes/roles.csv",
        "processes/documents/delivery_receipt.toml",
        "processes/documents/delivery_receipt.docx",
        "engine/documents/layout.typ",
        "cities/yunhe/city.toml",
        "cities/yunhe/ground/unit_grids.geojson",
        "cities/boston/imports/boston311.toml",
        "engine/simulation/simulation.toml",
    ):
        assert needed in names
    assert any(name.startswith("engine/migrations/versions/") for name in names)
    assert any(name.startswith("api/templates/") for name in names)
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.startswith("wangge-")} == {
        "api",
        "cities",
        "engine",
        "plugins",
        "processes",
    }


def test_a_city_is_checked_and_made_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(home)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(home)}

    def wangge(*words: str) -> str:
        command = [sys.executable, "-m", "api.cli", *words]
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = subprocess.run(
        [sys.executable, "-c", "import engine, api; print(engine.__file__, api.__file__)"],
        cwd=elsewhere, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all(path.startswith(str(home)) for path in where.stdout.split())
    wangge("check", "--city", "yunhe")
    wangge("demo", "--days", "1", "--cases-per-day", "3")
    assert (elsewhere / "var").is_dir()
