"""A CSV file of addresses into a running city's database: all good rows in one transaction, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from engine.database import begin_write
from engine.ground.address_index import index_addresses, index_if_stale
from engine.ground.index import Ground
from engine.loading.address_rows import batches, distinct_rows
from engine.loading.single_files import FileReport
from engine.loading.tables import Progress, no_progress
from engine.models import Address

COLUMNS = tuple(column.name for column in Address.__table__.columns)


def import_addresses(
    session: Session, path: Path, *, progress: Progress = no_progress, dry_run: bool = False
) -> FileReport:
    """Add or change addresses of a CSV file with the columns of ``ground/addresses.csv``; empty grids are found.

    One transaction: a file that cannot be read to its end leaves nothing behind. The same file again changes nothing.

    :raises CityBroken: the file is not UTF-8, no CSV or lacks a column.
    """
    begin_write(session)
    report = FileReport()

    def count(rows: int) -> None:
        report.read += rows
        progress(rows)

    try:
        ground = Ground.load(session)
        index_if_stale(session)
        for batch in batches(distinct_rows(path, report.rejected, ground, count)):
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
