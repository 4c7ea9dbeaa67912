"""Standard texts and scripts of the intake desk by class: what to ask a caller, what to write, what to answer.

``intake_texts.csv``: ``kind,code,use,text,text_en``, merged from all layers. ``code`` is a subclass, a class (its first
two digits) or ``*``, or several of them with ``;`` between; ``use`` is ask, write or answer. What a higher layer says
for one kind, code and use replaces all that the layers below say for it; one row with an empty text takes it away. A
city with a catalogue of its own takes from the core only what holds for every class: its codes mean something else.
Files are read again when they change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.city import City
from engine.errors import CityBroken
from engine.layers import Found
from engine.loading.tables import read_csv

FILE = "intake_texts.csv"
COLUMNS = ("kind", "code", "use", "text", "text_en")
KINDS = ("component", "event", "*")
USES = ("ask", "write", "answer")
CLASS_DIGITS = 2
ANY = "*"
Key = tuple[str, str, str]


@dataclass(frozen=True)
class IntakeText:
    """A sentence; ``use`` is ask, write or answer. ``text_en`` may be empty."""

    use: str
    text: str
    text_en: str

    def said(self, language: str) -> str:
        """The sentence in a language, in the city's own where it has no other."""
        return self.text if language == "zh" else self.text_en or self.text


def read_row(row: Mapping[str, str]) -> tuple[list[Key], IntakeText]:
    """A row's keys and text. Raises ValueError naming what does not hold."""
    if row["kind"] not in KINDS:
        raise ValueError(f"kind {row['kind']!r} is none of {', '.join(KINDS)}")
    if row["use"] not in USES:
        raise ValueError(f"use {row['use']!r} is none of {', '.join(USES)}")
    codes = [code.strip() for code in row["code"].split(";")]
    for code in codes:
        if code != ANY and not (code.isascii() and code.isdigit() and len(code) in (CLASS_DIGITS, 2 * CLASS_DIGITS)):
            raise ValueError(f"code {code!r} is no subclass (4 digits), no class (2 digits) and not {ANY}")
    if row["text_en"] and not row["text"]:
        raise ValueError("text is empty beside text_en")
    return [(row["kind"], code, row["use"]) for code in codes], IntakeText(row["use"], row["text"], row["text_en"])


def files_of(city: City) -> list[Found]:
    """The files of all layers, lowest first."""
    return city.layers.all_of(FILE)


def texts_for(city: City, kind: str, full_code: str) -> list[IntakeText]:
    """What the desk may say and write for a class, the most exact first; without a class what holds for all.

    Raises CityBroken naming file and line when a file cannot be read.
    """
    table = _load(
        tuple(
            (str(found.path), found.path.stat().st_mtime_ns, found.layer.flat and not city.inherit_catalogue)
            for found in files_of(city)
        )
    )
    codes = dict.fromkeys(code for code in (full_code, full_code[:CLASS_DIGITS], ANY) if code)
    kinds = (kind, ANY) if kind else (ANY,)
    keys = [(each, code, use) for use in USES for code in codes for each in kinds]
    return [text for key in keys for text in table.get(key, ()) if text.text]


@lru_cache(maxsize=16)
def _load(files: tuple[tuple[str, int, bool], ...]) -> Mapping[Key, tuple[IntakeText, ...]]:
    table: dict[Key, tuple[IntakeText, ...]] = {}
    for name, _changed, foreign in files:
        layer: dict[Key, tuple[IntakeText, ...]] = {}
        for line, row in read_csv(Path(name), COLUMNS):
            try:
                keys, text = read_row(row)
            except ValueError as error:
                raise CityBroken(f"{name}, line {line}: {error}; correct the row") from error
            for key in keys:
                if not foreign or key[1] == ANY:
                    layer[key] = (*layer.get(key, ()), text)
        table |= layer
    return table
