"""The pieces a file that merges is made of: rows of a table, tables of a TOML file, features of a map."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.errors import CityBroken
from engine.layers import Found
from engine.packs.kinds import Kind

Piece = Mapping[str, Any]
"""Columns, keys or properties -> value."""


def pieces_of(found: Found, kind: Kind) -> dict[str, Piece]:
    """The pieces of one file by key; parts of a key stand beside each other with ``/``.

    Rows that share a key in one file (texts of the intake desk) get ``#2``, ``#3`` behind it.

    :raises CityBroken: naming the file that cannot be read and the remedy.
    """
    try:
        return READERS[kind.how](found.path, kind)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError, csv.Error) as error:
        raise CityBroken(f"{found.path}: {error}; correct the file ('wangge check' says more)") from error


def _rows(path: Path, kind: Kind) -> dict[str, Piece]:
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
    missing = [name for name in kind.key if name not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(f"the header has no {', '.join(missing)}")
    rows: dict[str, Piece] = {}
    for row in reader:
        told = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        _add(rows, "/".join(told[name] for name in kind.key), told)
    return rows


def _tables(path: Path, kind: Kind) -> dict[str, Piece]:
    toml: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    found = toml.get(kind.inside, {}) if kind.inside else toml
    return {name: values for name, values in found.items() if isinstance(values, dict)}


def _features(path: Path, kind: Kind) -> dict[str, Piece]:
    collection = json.loads(path.read_text(encoding="utf-8"))
    features = collection.get("features") if isinstance(collection, dict) else None
    if not isinstance(features, list):
        raise ValueError("it is no GeoJSON FeatureCollection")
    found: dict[str, Piece] = {}
    for feature in features:
        values = dict(feature.get("properties") or {})
        _add(found, str(values.get(kind.key[0], values.get("name", ""))), {**values, "": feature.get("geometry")})
    return found


def _add(rows: dict[str, Piece], key: str, row: Piece) -> None:
    name, number = key, 1
    while name in rows:
        number += 1
        name = f"{key}#{number}"
    rows[name] = row


def _city(path: Path, kind: Kind) -> dict[str, Piece]:
    if path.suffix == ".toml":
        return _tables(path, kind)
    if not kind.key:
        return {}
    return _features(path, kind) if path.suffix == ".geojson" else _rows(path, kind)


READERS: Mapping[str, Callable[[Path, Kind], dict[str, Piece]]] = MappingProxyType(
    {"rows": _rows, "tables": _tables, "features": _features, "city": _city}
)


def merged(files: list[Found], kind: Kind) -> dict[str, Piece]:
    """The pieces in force of the layers' files, lowest first: as the loaders of each kind merge them."""
    pieces: dict[str, Piece] = {}
    for found in files:
        own = pieces_of(found, kind)
        if kind.how == "tables" and not kind.inside:
            own = {name: {**pieces.get(name, {}), **values} for name, values in own.items()}
        if kind.pattern == "roles.csv":
            own = {name: _role(pieces.get(name), row) for name, row in own.items()}
        if kind.pattern == "translations/*.csv":
            own = {name: row for name, row in own.items() if row.get("text")}
        if kind.pattern == "catalogue/synonyms.csv":
            own = {name: _synonyms(pieces.get(name), row) for name, row in own.items()}
        base = {name.partition("#")[0] for name in own}
        pieces = {name: row for name, row in pieces.items() if name.partition("#")[0] not in base} | pieces_in_place(
            pieces, own
        )
    return pieces


def pieces_in_place(before: Mapping[str, Piece], own: Mapping[str, Piece]) -> dict[str, Piece]:
    """A layer's pieces, those that replace others first and in their order."""
    return {**{name: own[name] for name in before if name in own}, **own}


def _role(known: Piece | None, row: Piece) -> Piece:
    permissions = str(row.get("permissions", ""))
    if known is None or not permissions.startswith("+"):
        return {**row, "permissions": permissions.removeprefix("+").strip()}
    names = dict.fromkeys([*str(known["permissions"]).split(), *permissions.removeprefix("+").split()])
    return {
        **{name: row.get(name) or known.get(name, "") for name in {**known, **row}},
        "permissions": " ".join(names),
    }


def _synonyms(known: Piece | None, row: Piece) -> Piece:
    words = dict.fromkeys(str((known or {}).get("words", "")).split(";")) if known else {}
    for word in str(row.get("words", "")).replace("；", ";").split(";"):
        if word.strip().startswith("-"):
            words.pop(word.strip()[1:].strip(), None)
        elif word.strip():
            words[word.strip()] = None
    return {**row, "words": ";".join(words)}
