"""Addresses of a running city as a CSV file: in, all good rows in one transaction or nothing, and out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.ground.address_index import index_addresses, index_if_stale
from engine.ground.index import Ground
from engine.loading.address_rows import ADDRESS, BATCH, batches, distinct_rows
from engine.loading.encodings import encoding_of
from engine.loading.plain_cells import mark
from engine.loading.single_files import FileReport
from engine.loading.tables import Progress, no_progress
from engine.models import Address

COLUMNS = tuple(column.name for column in Address.__table__.columns)


def import_addresses(
    session: Session, path: Path, *, progress: Progress = no_progress, dry_run: bool = False
) -> FileReport:
    """Add or change addresses of a CSV file with the columns of ``ground/addresses.csv``; empty grids are found.

    One transaction: a file that cannot be read to its end leaves nothing behind. The same file again changes nothing.

    :raises CityBroken: the file is neither UTF-8 nor GB18030, no CSV or lacks a column.
    """
    encoding = encoding_of(path)
    begin_write(session)
    report = FileReport(note=encoding.note)

    def count(rows: int) -> None:
        report.read += rows
        progress(rows)

    try:
        ground = Ground.load(session)
        index_if_stale(session)
        for batch in batches(distinct_rows(path, report.rejected, ground, count, encoding.name)):
            settle_batch(session, batch, report)
        if dry_run:
            session.rollback()
            return report
        if report.added or report.changed:
            index_addresses(session)
    except BaseException:
        session.rollback()
        raise
    session.commit()
    return report


def settle_batch(session: Session, batch: list[dict[str, Any]], report: FileReport) -> None:
    """Add what is new and change what differs."""
    columns = list(Address.__table__.columns)
    codes = [row["code"] for row in batch]
    known = {row.code: tuple(row) for row in session.execute(select(*columns).where(Address.code.in_(codes)))}
    fresh = [row for row in batch if row["code"] not in known]
    changes = [
        row for row in batch if row["code"] in known and tuple(row[name] for name in COLUMNS) != known[row["code"]]
    ]
    report.added += len(fresh)
    report.changed += len(changes)
    report.unchanged += len(batch) - len(fresh) - len(changes)
    if fresh:
        session.execute(insert(Address), fresh)
    if changes:
        session.execute(update(Address), changes)


def export_addresses(session: Session, path: Path, progress: Progress = no_progress) -> int:
    """Write all addresses as a file that ``import_addresses`` takes; it is there whole or not at all. Returns how many.

    What a spreadsheet would take for a formula is marked, and unmarked when it comes back.
    """
    query = select(
        Address.code, Address.name, Address.kind, Address.lon, Address.lat, Address.grid_code, Address.class_code
    ).order_by(Address.code)
    partial, written = path.with_name(f"{path.name}.part"), 0
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow((*ADDRESS, "class"))
            for rows in session.execute(query.execution_options(yield_per=BATCH)).partitions():
                writer.writerows(
                    (mark(row.code), mark(row.name), row.kind, repr(row.lon), repr(row.lat), row.grid_code or "",
                     row.class_code)
                    for row in rows
                )  # fmt: skip
                written += len(rows)
                progress(len(rows))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return written
