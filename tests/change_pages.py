"""Pages of change requests: read what a page says to change, and change a copy of a city accordingly.

A fenced block whose second word is a path is about that file of the city's folder:

* ``diff``: in the file that is in force there (copied into the folder first, as ``wangge where FILE --copy`` does) the
  lines that begin with a blank or ``-`` give way to those that begin with a blank or ``+``. They must stand there once.
  A line ``@@`` parts one place from the next.
* ``csv``: rows put below those the city's file has; it begins with this header when the city has none.
* ``toml city.toml``: keys set table by table; ``plugins.enabled`` gets longer.
* ``text documents/…``: a document's text, made into template and declaration as ``tools/documents/make`` does.
* anything else: the whole file.

A block ``sh`` holds a command ``wangge …`` whose output has every line of the block ``text`` after it. ``my-city`` is
the changed city's folder, ``yunhe`` the city as it was.
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))  # tools are not shipped, so not installed either

from api.cli import main
from engine.city import load_city
from tools.documents.make import read_texts, write

BLOCK = re.compile(r"^```(?P<language>\w+) (?P<path>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^```sh\nwangge (?P<command>[^\n]+)\n```\n+```text\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SCENARIOS = "scenarios/"
CITY_FILE = "city.toml"


@dataclass(frozen=True)
class Change:
    """One block: what is to stand in a file."""

    path: str
    language: str
    text: str

    @property
    def proves(self) -> bool:
        """Whether it is a scenario file."""
        return self.path.startswith(SCENARIOS)


@dataclass(frozen=True)
class Command:
    """A command and lines it prints."""

    words: tuple[str, ...]
    lines: tuple[str, ...]

    def missing(self, city: Path, before: Path) -> list[str]:
        """The lines it does not print for a city."""
        places = {"my-city": str(city), "yunhe": str(before)}
        done = CliRunner().invoke(main, [places.get(word, word) for word in self.words])
        printed = " ".join(done.output.split())
        return [line for line in self.lines if " ".join(line.split()) not in printed]


@dataclass(frozen=True)
class Page:
    """A page: its changes in their order, and its commands."""

    path: Path
    changes: tuple[Change, ...]
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        """The file's name without ending."""
        return self.path.stem

    @property
    def scenarios(self) -> list[str]:
        """The names of its scenario files."""
        return [Path(each.path).name.split(".")[0] for each in self.changes if each.proves]


def read_page(path: Path) -> Page:
    """What a page says to do."""
    text = path.read_text(encoding="utf-8")
    changes = tuple(Change(each["path"], each["language"], each["text"]) for each in BLOCK.finditer(text))
    commands = tuple(
        Command(tuple(shlex.split(each["command"])), tuple(filter(None, each["text"].splitlines())))
        for each in COMMAND.finditer(text)
    )
    return Page(path, changes, commands)


def make_changes(changes: Iterable[Change], city: Path) -> None:
    """Write them into a city's folder."""
    for change in changes:
        target = city / change.path
        target.parent.mkdir(parents=True, exist_ok=True)
        match change.language:
            case "diff":
                text = replaced(change, in_force(city, change.path))
            case "csv":
                text = with_rows(target, change.text)
            case "toml" if change.path == CITY_FILE:
                text = with_keys(target, change.text)
            case _:
                text = change.text
        target.write_text(text, encoding="utf-8")
        if change.path.startswith("documents/") and target.suffix == ".txt":
            for each in read_texts(change.text):
                write(each, target.parent)
            target.unlink()


def in_force(city: Path, path: str) -> str:
    """The text of a file as the city has it now, from whatever layer."""
    own = city / path
    if own.is_file():
        return own.read_text(encoding="utf-8")
    found = load_city(str(city)).layers.find(path)
    assert found is not None, f"no layer has {path}"
    return found.read()


def replaced(change: Change, text: str) -> str:
    """The text with each part of a diff in its place."""
    for part in re.split(r"^@@\n", change.text, flags=re.MULTILINE):
        lines = part.splitlines()
        wrong = [line for line in lines if line and line[0] not in " +-"]
        assert not wrong, f"{change.path}: a line of a diff begins with a blank, + or -: {wrong}"
        before = "\n".join(line[1:] for line in lines if not line.startswith("+")) + "\n"
        after = "\n".join(line[1:] for line in lines if not line.startswith("-")) + "\n"
        assert text.count(before) == 1, f"{change.path} has {text.count(before)} times:\n{before}"
        text = text.replace(before, after)
    return text


def with_rows(target: Path, rows: str) -> str:
    """A table with more rows."""
    if not target.is_file():
        return rows
    text, header = target.read_text(encoding="utf-8"), rows.partition("\n")[0]
    assert text.startswith(header + "\n"), f"{target.name} begins with {text.partition(chr(10))[0]}, not with {header}"
    return text + rows.partition("\n")[2]


def with_keys(target: Path, keys: str) -> str:
    """A TOML file with these keys set."""
    document = tomlkit.parse(target.read_text(encoding="utf-8"))
    _set(document, tomllib.loads(keys))
    return tomlkit.dumps(document)


def _set(table: Any, keys: Mapping[str, Any]) -> None:
    for key, value in keys.items():
        if isinstance(value, dict) and key in table:
            _set(table[key], value)
        elif key == "enabled" and isinstance(value, list):
            table[key] = sorted({*table[key], *value})
        else:
            table[key] = value
