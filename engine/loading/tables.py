"""Read a city's CSV and GeoJSON files row by row, with the line at hand for every complaint."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from engine.errors import CityBroken


@dataclass(frozen=True)
class Rejection:
    """A row that was not taken: where, why, and what to do."""

    source: str
    line: int
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.source}, line {self.line}: {self.reason}; {self.remedy}"


def read_csv(
    path: Path, columns: Iterable[str], *, encoding: str = "utf-8-sig"
) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row) of a CSV file. Raises CityBroken when the file or a column is missing."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = csv.DictReader(file)
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise CityBroken(f"{path}: no column {', '.join(missing)}; the header must name {', '.join(columns)}")
            for row in reader:
                yield reader.line_num, {key: (value or "").strip() for key, value in row.items() if key is not None}
    except FileNotFoundError as error:
        raise CityBroken(f"{path} is missing; see docs/reference/city-pack.md for its columns") from error
    except UnicodeDecodeError as error:
        raise CityBroken(f"{path} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except csv.Error as error:
        raise CityBroken(f"{path} is no readable CSV ({error}); export it again") from error


def read_features(path: Path, properties: Iterable[str]) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """(number, properties, geometry) of a GeoJSON FeatureCollection, counted from 1."""
    try:
        collection = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CityBroken(f"{path} is missing; see docs/reference/city-pack.md for its properties") from error
    except ValueError as error:
        raise CityBroken(f"{path} is not readable GeoJSON: {error}; export it again") from error
    if not isinstance(collection, dict) or not isinstance(collection.get("features"), list):
        raise CityBroken(f"{path} is no GeoJSON FeatureCollection; export it again as one")
    for number, feature in enumerate(collection["features"], 1):
        values = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(values, dict):
            raise CityBroken(f"{path}, feature {number} is no GeoJSON feature with properties; export the file again")
        missing = [name for name in properties if name not in values]
        if missing:
            raise CityBroken(f"{path}, feature {number}: no property {', '.join(missing)}; add it")
        yield number, values, feature.get("geometry") or {}


def optional_date(text: str) -> date | None:
    """An ISO date, none when empty. Raises ValueError."""
    return date.fromisoformat(text) if text else None


Row = Mapping[str, str]
Progress = Callable[[int], None]


def no_progress(done: int) -> None:
    """For callers that show none."""
