"""One file of grids or catalogue rows into a running city's database: all good rows, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from shapely.errors import ShapelyError
from shapely.geometry import shape
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from engine.calendar import LimitError
from engine.catalogue.lookup import limit_for, version_in_force
from engine.city import City
from engine.database import begin_write
from engine.errors import CityBroken
from engine.ground.feature import Feature
from engine.ground.layer_kinds import CORE
from engine.ground.versions import (
    Change,
    begin_change,
    begin_history,
    effect_moment,
    lineage_now,
    record_version,
    state_of,
    take_effect,
)
from engine.loading.catalogue import CLASS, CONDITION, rules_of
from engine.loading.encodings import encoding_of
from engine.loading.ground import read_unit_grids
from engine.loading.ground_layers import compare, file_digest
from engine.loading.tables import Progress, Rejection, no_progress, read_csv
from engine.models import (
    Base,
    CatalogueVersion,
    Division,
    DutyGrid,
    FilingCondition,
    Subclass,
)

BATCH = 2_000


@dataclass
class FileReport:
    """What became of a file's rows; ``note`` says what is to be known of the file itself."""

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    note: str = ""


def import_grids(
    session: Session, city: City, path: Path, now: datetime, *, progress: Progress = no_progress, dry_run: bool = False
) -> FileReport:
    """Add or change unit grids of a GeoJSON file in WGS-84, row by row; how they lie together is not checked."""
    rows, rejected = read_unit_grids(path, city)
    report = FileReport(len(rows) + len(rejected), rejected=rejected)
    communities = set(session.scalars(select(Division.code)))
    duty_grids = set(session.scalars(select(DutyGrid.code)))
    good = []
    for number, row in enumerate(rows, 1):
        progress(1)
        try:
            refuse_grid(row, communities, duty_grids)
        except ValueError as error:
            remedy = "correct the feature and import the file again"
            report.rejected.append(Rejection(path.name, number, f"grid {row['code']}: {error}", remedy))
            continue
        good.append(row)
    change = Change("import", f"rows of {path.name}", sources={"unit_grids": (path.name, file_digest(path))})
    settle(session, city, good, report, change, now, dry_run=dry_run)
    return report


def refuse_grid(row: dict[str, Any], communities: set[str], duty_grids: set[str]) -> None:
    """Raise ValueError naming what does not hold."""
    if row["area_class"] not in ("A", "B", "C"):
        raise ValueError(f"area class {row['area_class']!r} is not A, B or C")
    if row["community_code"] not in communities:
        raise ValueError(f"there is no community {row['community_code']}")
    if row["duty_grid_code"] and row["duty_grid_code"] not in duty_grids:
        raise ValueError(f"there is no duty grid {row['duty_grid_code']}")
    try:
        polygon = area_of(row)
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"its geometry cannot be read: {error}") from error
    if polygon.geom_type not in ("Polygon", "MultiPolygon") or polygon.is_empty or not polygon.is_valid:
        raise ValueError(f"its geometry is no valid polygon but {polygon.geom_type}")
    west, south, east, north = polygon.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise ValueError("its coordinates are not degrees; export it in WGS-84")


def settle(
    session: Session, city: City, rows: list[dict[str, Any]], report: FileReport, change: Change, now: datetime, *,
    dry_run: bool,
) -> None:  # fmt: skip
    """Add what is new and change what differs, by ``code``, as a version of the ground; none with ``dry_run``."""
    take_effect(session, now)
    begin_change(session)
    begin_history(session, city.time_zone, now)
    layer = CORE["unit_grids"]
    columns = {column: name for name, column in layer.columns.items()}
    coming = [
        Feature(0, {columns[name]: value for name, value in row.items() if name in columns}, area_of(row))
        for row in rows
    ]
    deltas = compare(layer, state_of(session, layer, lineage_now(session)), coming, replace=False)
    kinds = [each.change for each in deltas]
    report.added, report.changed = kinds.count("whole"), kinds.count("part")
    report.unchanged = len(rows) - len(deltas)
    if dry_run or not deltas:
        session.rollback()
        return
    record_version(session, city.time_zone, change, deltas, effect_moment(session, city.time_zone, None, now), now)
    session.commit()


def area_of(row: dict[str, Any]) -> Any:
    """The shape of a row of grids."""
    return shape(orjson.loads(row["geometry"]))


def batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in lists of ``BATCH``."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def import_catalogue(
    session: Session,
    path: Path,
    now: datetime,
    *,
    name: str,
    valid_from: date,
    progress: Progress = no_progress,
    dry_run: bool = False,
) -> FileReport:
    """Merge a CSV file of classes or of filing conditions over the catalogue in force, as a version of its own.

    Cases filed before ``valid_from`` keep the version they were filed under.

    :raises CityBroken: the header is neither that of ``classes.csv`` nor that of ``conditions.csv``, or the file is
        neither UTF-8 nor GB18030.
    """
    before = version_in_force(session, valid_from)
    classes = {(row.kind, row.full_code): columns_of(row) for row in session.scalars(_of(Subclass, before))}
    conditions = {
        (row.kind, row.full_code, row.condition_no): columns_of(row)
        for row in session.scalars(_of(FilingCondition, before))
    }
    encoding = encoding_of(path)
    report = FileReport(note=encoding.note)
    with path.open(encoding=encoding.name, newline="") as file:
        header = file.readline()
    rows = partial(read_csv, path, encoding=encoding.name)
    if "condition_no" in header:
        merge(path, rows(CONDITION), lambda row: condition_values(row, classes), conditions, report, progress)
    elif "subclass_name" in header:
        merge(path, rows(CLASS), class_values, classes, report, progress)
    else:
        raise CityBroken(
            f"{path}: the header is neither that of classes.csv ({', '.join(CLASS)}) nor of conditions.csv"
        )
    if dry_run or not (report.added or report.changed):
        session.rollback()
        return report
    begin_write(session)
    content = orjson.dumps([list(classes.values()), list(conditions.values()), name, valid_from.isoformat()])
    version = CatalogueVersion(
        name=name, digest=hashlib.sha256(content).hexdigest(), valid_from=valid_from, valid_to=before.valid_to,
        note=f"{path.name} over {before.name}", loaded_at=now, plugins=before.plugins,
    )  # fmt: skip
    if before.valid_from < valid_from:
        session.get_one(CatalogueVersion, before.id).valid_to = valid_from
    session.add(version)
    session.flush()
    session.execute(insert(Subclass), [{**row, "version_id": version.id} for row in classes.values()])
    session.execute(insert(FilingCondition), [{**row, "version_id": version.id} for row in conditions.values()])
    session.commit()
    return report


def merge(
    path: Path, rows: Iterable[tuple[int, dict[str, str]]],
    values: Callable[[dict[str, str]], tuple[Any, dict[str, Any]]], into: dict[Any, dict[str, Any]],
    report: FileReport, progress: Progress,
) -> None:  # fmt: skip
    """Put a file's good rows over the present ones, by key."""
    seen: set[Any] = set()
    for line, row in rows:
        report.read += 1
        progress(1)
        try:
            key, found = values(row)
            if key in seen:
                raise ValueError(f"{'/'.join(map(str, key))} stands twice")
        except (ValueError, LimitError) as error:
            report.rejected.append(Rejection(path.name, line, str(error), "correct the row and import the file again"))
            continue
        seen.add(key)
        if key not in into:
            report.added += 1
        elif into[key] == found:
            report.unchanged += 1
        else:
            report.changed += 1
        into[key] = found


def class_values(row: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """Key and columns of a class row. Raises ValueError."""
    if row["kind"] not in ("component", "event"):
        raise ValueError(f"kind {row['kind']!r} is neither component nor event")
    if not row["full_code"]:
        raise ValueError("full_code is empty")
    found = {name: row[name] for name in CLASS if not name.startswith("subclass_name")}
    return (row["kind"], row["full_code"]), {**found, "name": row["subclass_name"], "name_en": row["subclass_name_en"]}


def condition_values(row: dict[str, str], classes: dict[Any, Any]) -> tuple[Any, dict[str, Any]]:
    """Key and columns of a condition row. Raises ValueError or LimitError."""
    if (row["kind"], row["full_code"]) not in classes:
        raise ValueError(f"the catalogue has no {row['kind']} subclass {row['full_code']}")
    if not row["condition_no"].isdigit():
        raise ValueError(f"condition_no {row['condition_no']!r} is no number")
    limit_for(row["limit"], "A")
    number = int(row["condition_no"])
    return (row["kind"], row["full_code"], number), {
        "kind": row["kind"], "full_code": row["full_code"], "condition_no": number, "defect_code": row["defect_code"],
        "text": row["filing_condition"], "text_en": row["filing_condition_en"], "limit": row["limit"],
        "closing_condition": row["closing_condition"], "source": row["source"], **rules_of(row),
    }  # fmt: skip


def columns_of(row: Base) -> dict[str, Any]:
    """A row's columns without its version."""
    names = (column.name for column in row.__table__.columns)
    return {name: getattr(row, name) for name in names if name != "version_id"}


def _of(model: type[Subclass] | type[FilingCondition], version: CatalogueVersion) -> Any:
    return select(model).where(model.version_id == version.id)
