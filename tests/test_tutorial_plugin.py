"""The tutorial of a plugin, from an empty folder to a wheel in another environment: its blocks are what runs here.

Blocks are read as ``change_pages`` says, one after the other: one whose second word is a path is about that file of the
plugin's package, ``sh`` runs, and every line of a ``text`` block was printed by the block before. Only ``console`` is
left out: the two environments it makes are made here with what is installed, and nothing comes over the network.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import free_port

sys.path.insert(0, str(Path(__file__).parents[1]))  # change_pages uses tools, which are not installed

from change_pages import Change, replaced, with_rows

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/tutorial/first-plugin.md"
PACKAGE = "wangge-toilets/wangge_toilets"
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<path>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"wangge": "api.cli", "pip": "pip", "pytest": "pytest"}
DONE = "-- done --"


class Shell:
    """A shell that is given one block after the other, as a reader's terminal is."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", start_new_session=True,
        )  # fmt: skip
        self.run("set -euo pipefail")

    def run(self, commands: str) -> str:
        """What the commands print; fails with that when one of them fails."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{{\n{commands}\n}} < /dev/null\necho '{DONE}'\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if line.strip() == DONE:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"{commands}\nfails:\n{''.join(printed)[-4000:]}")

    def close(self) -> None:
        """End it with whatever it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def make_environment(folder: Path) -> None:
    """What ``python3 -m venv`` and ``pip install`` would make: an environment with Wangge and what that needs."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    installed = sysconfig.get_paths()["purelib"]
    library = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (library / "wangge.pth").write_text(f"import site; site.addsitedir({installed!r})\n{ROOT}\n", encoding="utf-8")
    for name, module in PROGRAMS.items():
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m {module} "$@"\n', encoding="utf-8")
        program.chmod(0o755)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    for name in ("dev", "server"):
        make_environment(tmp_path / name)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("WANGGE_", "PYTHON", "PIP_"))}
    offline = {
        "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip
    opened = Shell(tmp_path, {**ours, **offline, "PORT": str(free_port())})
    yield opened
    opened.close()


def write_file(package: Path, change: Change) -> None:
    """What a block says of a file of the package."""
    target = package / change.path
    target.parent.mkdir(parents=True, exist_ok=True)
    match change.language:
        case "diff":
            text = replaced(change, target.read_text(encoding="utf-8"))
        case "csv":
            text = with_rows(target, change.text)
        case _:
            text = change.text
    target.write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_a_plugin_written_by_the_tutorial_works_in_another_environment(tmp_path: Path, shell: Shell) -> None:
    printed, server = "", tmp_path / "server"
    for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        match block["language"], block["path"]:
            case "console", None:
                pass
            case "sh", None:
                printed = shell.run(block["text"])
            case "text", None:
                told = " ".join(printed.split())
                missing = [line for line in block["text"].splitlines() if " ".join(line.split()) not in told]
                assert not missing, f"{missing} is not in\n{printed}"
            case language, str(path):
                write_file(tmp_path / PACKAGE, Change(path, language, block["text"]))
            case language, None:
                raise AssertionError(f"a block of {language} has no path")
    [installed] = server.rglob("wangge_toilets/plugin.py")
    assert server in installed.parents, "the wheel is what ran there"


def test_the_tutorial_names_every_file_it_writes() -> None:
    """The second word of a block is not shown to readers; the sentence before the block says it."""
    text = PAGE.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        if block["path"]:
            before = text[: block.start()].rstrip().rpartition("\n\n")[2]
            assert f"`{block['path'].removeprefix('../')}`" in before, block["path"]
