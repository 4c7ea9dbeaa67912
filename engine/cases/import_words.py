"""The words of an import profile: its TOML file and the two tables beside it, read and checked once."""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import CityBroken

_COLUMNS = {
    "external_id", "opened_at", "due_at", "closed_at", "type", "title", "address", "lon", "lat", "source", "state",
    "closing", "verdict",
}  # fmt: skip
_NEEDED = ("external_id", "opened_at", "closed_at", "type", "source", "state")


class ImportProfileBroken(CityBroken):
    """A profile cannot be used; the message names the file, the key and what to write."""


@dataclass(frozen=True)
class Condition:
    """Which filing condition a row meets: ``pattern`` found in ``column``, unless a column holds one of some values."""

    full_code: str
    number: int
    column: str
    pattern: re.Pattern[str]
    unless: Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Words:
    """Everything a profile says."""

    columns: Mapping[str, str]
    time_format: str
    time_zone: str
    cut_to_minute: bool
    types: Mapping[str, tuple[str, str]]
    types_file: Path
    conditions: tuple[Condition, ...]
    department_columns: tuple[str, ...]
    departments: Mapping[tuple[str, str], str]
    departments_file: Path
    other_type: tuple[str, str] | None
    other_department: str | None
    other_source: str | None
    sources: Mapping[str, str]
    states: Mapping[str, bool]
    verdicts: Mapping[str, bool]
    boilerplate: re.Pattern[str]
    original: re.Pattern[str]
    outcomes: tuple[tuple[re.Pattern[str], str], ...]
    otherwise: str


def read_words(path: Path, outcomes: frozenset[str]) -> Words:
    """Read a profile; ``outcomes`` are the words an outcome may be.

    :raises ImportProfileBroken: naming the file, the key and what to write.
    """
    try:
        toml = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ImportProfileBroken(f"{path}: {error}; a profile is a TOML file in UTF-8") from error
    try:
        return _words(path, toml, outcomes)
    except KeyError as error:
        raise ImportProfileBroken(
            f"{path}: {error} is missing; docs/how-to/import-cases.md shows a whole profile"
        ) from error
    except re.error as error:
        raise ImportProfileBroken(f"{path}: pattern {error.pattern!r}: {error}; correct the expression") from error


def _words(path: Path, toml: Mapping[str, Any], outcomes: frozenset[str]) -> Words:
    columns: dict[str, str] = toml["columns"]
    unknown, missing = sorted(set(columns) - _COLUMNS), [name for name in _NEEDED if name not in columns]
    if unknown or missing:
        said = f"[columns] does not know {unknown}" if unknown else f"[columns] lacks {missing}"
        raise ImportProfileBroken(f"{path}: {said}; it has {sorted(_COLUMNS)}")
    closing = toml.get("closing", {})
    rules = tuple(
        (re.compile(rule["pattern"], re.IGNORECASE), str(rule["outcome"])) for rule in closing.get("outcomes", ())
    )
    otherwise = str(closing.get("otherwise", "solved"))
    for word in (*(word for _, word in rules), otherwise):
        if word not in outcomes:
            raise ImportProfileBroken(f"{path}: outcome {word!r} is unknown; use one of {', '.join(sorted(outcomes))}")
    state, verdict, departments = toml["state"], toml.get("verdict", {}), toml["departments"]
    types_file = path.parent / toml["types"]["file"]
    departments_file = path.parent / departments["file"]
    return Words(
        columns=columns,
        time_format=toml["times"]["format"],
        time_zone=toml["times"]["zone"],
        cut_to_minute=bool(toml["times"].get("cut_to_minute", False)),
        types={
            row["value"]: (row["kind"], row["full_code"]) for row in _table(types_file, "value", "kind", "full_code")
        },
        types_file=types_file,
        conditions=tuple(_condition(rule) for rule in toml.get("conditions", ())),
        department_columns=tuple(departments["columns"]),
        departments={
            (row["column"], row["value"]): row["department"]
            for row in _table(departments_file, "column", "value", "department")
        },
        departments_file=departments_file,
        other_type=_other_type(path, toml["types"].get("otherwise")),
        other_department=departments.get("otherwise"),
        other_source=toml.get("source", {}).get("otherwise"),
        sources=toml["sources"],
        states=dict.fromkeys(state["open"], False) | dict.fromkeys(state["closed"], True),
        verdicts=dict.fromkeys(verdict.get("on_time", ()), True) | dict.fromkeys(verdict.get("overdue", ()), False),
        boilerplate=re.compile(closing.get("boilerplate", r"^(?!)")),
        original=re.compile(closing.get("original", r"^(?!)")),
        outcomes=rules,
        otherwise=otherwise,
    )


def _other_type(path: Path, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    kind, _, full_code = text.partition("/")
    if kind not in ("component", "event") or not full_code:
        raise ImportProfileBroken(f"{path}: [types] otherwise is {text!r}; write it as event/9901")
    return kind, full_code


def _condition(rule: Mapping[str, Any]) -> Condition:
    return Condition(
        full_code=rule["full_code"],
        number=int(rule["number"]),
        column=rule["column"],
        pattern=re.compile(rule["pattern"], re.IGNORECASE),
        unless={column: frozenset(values) for column, values in rule.get("unless", {}).items()},
    )


def _table(path: Path, *header: str) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if list(reader.fieldnames or ()) != list(header):
                raise ImportProfileBroken(f"{path}: the header is {reader.fieldnames}; write {','.join(header)}")
            return list(reader)
    except OSError as error:
        raise ImportProfileBroken(f"{path}: {error.strerror}; add the file the profile names") from error
