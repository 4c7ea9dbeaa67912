"""A survey as a GeoPackage: one layer of points with the columns of a component, read in pieces, never whole."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from pyogrio import raw
from pyogrio.errors import DataLayerError, DataSourceError

from engine.errors import CityBroken, Invalid
from engine.ground.datums import WGS84, CoordinateSystem, convert_geometries
from engine.ground.vector_files import declared_system
from engine.ground.vector_safety import look_at
from engine.loading.survey_file import SurveyFile, fingerprint, open_survey, refuse_header
from engine.loading.tables import Rejection

PIECE = 10_000
"""Features in memory at a time."""


@dataclass(frozen=True)
class SurveyPackage(SurveyFile):
    """The only layer of a GeoPackage. Its points give longitude and latitude; fields of these names are not read."""

    layer: str = ""
    system: CoordinateSystem = WGS84

    def read(self) -> Iterator[tuple[int, dict[str, str] | Rejection]]:
        """(number of the feature, row); one without a point is a Rejection."""
        number = 0
        # A converted position is not more exact for more digits; one that was given is kept to the last.
        write_degrees = repr if self.system == WGS84 else "{:.8f}".format
        fields = [name for name in self.header if name not in ("lon", "lat")]
        while number < self.rows:
            meta, _, geometry, columns = raw.read(
                str(self.path), layer=self.layer, columns=fields, skip_features=number, max_features=PIECE
            )
            values = dict(zip(meta["fields"].tolist(), columns, strict=True))
            shapes = shapely.from_wkb(geometry, on_invalid="ignore")
            points = convert_geometries(shapes, self.system, WGS84)
            for at, point in enumerate(points):
                number += 1
                if point is None or point.geom_type != "Point" or point.is_empty:
                    yield number, self.refuse(number, "the feature has no point")
                    continue
                row = {name: as_text(values[name][at]) for name in fields}
                yield number, row | {"lon": write_degrees(point.x), "lat": write_degrees(point.y)}
            if not len(points):
                return


def open_any(path: Path, fields: frozenset[str]) -> SurveyFile:
    """A survey by its file's ending: GeoPackage (``.gpkg``), otherwise CSV. Raises CityBroken like ``open_survey``."""
    if path.suffix.lower() != ".gpkg":
        return open_survey(path, fields)
    try:
        look_at(path)
        refuse_broken(path)
        layers = [str(name) for name, _ in pyogrio.list_layers(str(path))]
        if len(layers) != 1:
            raise CityBroken(f"{path} has {len(layers)} layers ({', '.join(layers)}); export the components alone")
        info: dict[str, Any] = pyogrio.read_info(str(path), layer=layers[0], force_feature_count=True)
        system = declared_system(path, layers[0], info["crs"])
    except (Invalid, DataSourceError, DataLayerError, sqlite3.DatabaseError) as error:
        raise CityBroken(f"{path}: {error}") from error
    names = [str(name) for name in info["fields"] if name not in ("lon", "lat")]
    header = (*names, "lon", "lat")
    refuse_header(path, header, fields)
    return SurveyPackage(path, header, int(info["features"]), fingerprint(path), layer=layers[0], system=system)


def refuse_broken(path: Path) -> None:
    """Raise CityBroken when a page of the file is broken, before anything of it is taken."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as package:
        [found] = package.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise CityBroken(f"{path} is broken ({found}); export it again")


def as_text(value: Any) -> str:
    """A value of a field as a CSV file would have it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value.astype("datetime64[D]"))
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return str(value).strip()
