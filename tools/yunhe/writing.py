"""Writing the pack: one GeoJSON feature a line, CSV with a header, the same bytes every time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping


def write_features(path: Path, features: Iterable[tuple[dict[str, str], shapely.Geometry]]) -> None:
    """A FeatureCollection with a line for each feature; coordinates with at most 6 decimals."""
    lines = []
    for properties, shape in features:
        geometry = mapping(shape)
        feature = {
            "type": "Feature",
            "properties": properties,
            "geometry": {"type": geometry["type"], "coordinates": _rounded(geometry["coordinates"])},
        }
        lines.append(json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _rounded(coordinates: Any) -> Any:
    if isinstance(coordinates, float | int):
        return round(float(coordinates), 6)
    return [_rounded(part) for part in coordinates]


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Any]) -> None:
    """Dataclass values as CSV under the given header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="raise")
        writer.writeheader()
        for row in rows:
            writer.writerow(asdict(row))
