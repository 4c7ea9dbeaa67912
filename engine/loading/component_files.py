"""The register as a file that a survey would be: CSV or GeoPackage, written in pieces, never half.

What is written is read again as it was (``wangge import components``): the same codes, texts, days, numbers and
coordinates to the last digit. ``code_source`` says where the code of the class comes from; it is not read again.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyogrio import raw
from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import Session

from engine.catalogue.provenance import class_sources
from engine.components.listing import ComponentFilter
from engine.components.register import COMPONENT
from engine.components.rules import Attribute
from engine.errors import Invalid
from engine.loading.plain_cells import mark
from engine.loading.survey_file import DERIVED
from engine.loading.tables import Progress, no_progress
from engine.models import Component

PIECE = 10_000
"""Rows in memory at a time."""
LAYER = "components"
PLAIN = frozenset({"code", "lon", "lat"})
"""Columns of digits; a minus there is no formula."""
FORMATS = {".csv": "text/csv; charset=utf-8", ".gpkg": "application/geopackage+sqlite3"}
Row = dict[str, Any]


def export_components(
    session: Session, path: Path, wanted: ComponentFilter, numbers: frozenset[str], progress: Progress = no_progress
) -> int:
    """Write the components that fit, by code, and replace the file when all is written. Returns how many.

    :param numbers: attributes that are numbers (``number_fields``).
    :raises Invalid: the file's name ends otherwise than in .csv or .gpkg, or nothing fits.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise Invalid(f"{path.name} is of no known kind; write .csv or .gpkg", field="format")
    header = tuple(dict.fromkeys((*COMPONENT, "photo", *DERIVED, *attribute_fields(session, wanted))))
    pieces = read_pieces(session, wanted, class_sources(session, "component"))
    write: Callable[[Path, Sequence[str], Iterator[list[Row]], frozenset[str], Progress], int] = (
        write_csv if ending == ".csv" else write_package
    )
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".wangge-") as folder:
        made = Path(folder) / path.name
        count = write(made, header, pieces, numbers, progress)
        if not count:
            raise Invalid("no component fits; ask for another class, grid or state", field="filter")
        made.replace(path)
    return count


def number_fields(attributes: dict[tuple[str, str], Attribute]) -> frozenset[str]:
    """The attributes that are numbers in every class that has them."""
    other = {field for (_, field), attribute in attributes.items() if attribute.type != "number"}
    return frozenset(field for _, field in attributes) - other


def attribute_fields(session: Session, wanted: ComponentFilter) -> list[str]:
    """The attributes that any of the components has, by name."""
    if session.get_bind().dialect.name == "postgresql":
        query: Select[Any] = select(func.json_object_keys(Component.attributes).label("key"))
    else:
        keys = func.json_each(Component.attributes).table_valued("key")
        query = select(keys.c.key).select_from(Component).join(keys, true())
    return sorted(session.scalars(query.where(*wanted.conditions()).distinct()))


def read_pieces(session: Session, wanted: ComponentFilter, sources: Mapping[str, str]) -> Iterator[list[Row]]:
    """The components that fit as texts and numbers by column, in one statement: nothing changes meanwhile.

    :param sources: where the codes of classes come from.
    """
    columns = [column for column in Component.__table__.columns if column.name not in ("cell", "present")]
    query = select(*columns).where(*wanted.conditions()).order_by(Component.code)
    for part in session.execute(query.execution_options(yield_per=PIECE)).partitions():
        yield [file_row(row._mapping, sources) for row in part]


def file_row(row: Any, sources: Mapping[str, str]) -> Row:
    """A component under the names of a file's columns."""
    found = {name: row["grid_code" if name == "grid" else name] for name in (*COMPONENT, "photo")}
    for name in ("initial_date", "change_date"):
        found[name] = found[name].isoformat() if found[name] else ""
    return {**found, "code_source": sources.get(row["full_code"], ""), **row["attributes"]}


def as_text(value: Any) -> str:
    """A value as a survey has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def write_csv(
    path: Path, header: Sequence[str], pieces: Iterator[list[Row]], numbers: frozenset[str], progress: Progress
) -> int:
    """UTF-8 with the mark spreadsheets need; what they would take for a formula is marked."""
    count, plain = 0, PLAIN | numbers
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for rows in pieces:
            writer.writerows(
                [
                    text if name in plain else mark(text)
                    for name, text in ((name, as_text(row.get(name))) for name in header)
                ]
                for row in rows
            )
            count += len(rows)
            progress(len(rows))
    return count


def write_package(
    path: Path, header: Sequence[str], pieces: Iterator[list[Row]], numbers: frozenset[str], progress: Progress
) -> int:
    """One layer of points in WGS-84; numbers are numbers, everything else is text."""
    count = 0
    fields = [name for name in header if name not in ("lon", "lat")]
    for rows in pieces:
        points = shapely.points([(row["lon"], row["lat"]) for row in rows])
        columns = [
            np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)
            if name in numbers
            else np.array([as_text(row.get(name)) or None for row in rows], dtype=object)
            for name in fields
        ]
        raw.write(
            str(path), shapely.to_wkb(points), columns, fields, layer=LAYER, driver="GPKG", crs="EPSG:4326",
            geometry_type="Point", append=count > 0,
        )  # fmt: skip
        count += len(rows)
        progress(len(rows))
    return count
