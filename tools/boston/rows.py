"""The published requests, read once: what the scripts beside this file derive the Boston pack from."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

BOSTON = ZoneInfo("America/New_York")
STAMP = "%m/%d/%Y %I:%M:%S %p"


@dataclass(frozen=True)
class Request:
    """One request. Times are aware, coordinates WGS-84."""

    type: str
    reason: str
    department: str
    queue: str
    title: str
    neighborhood: str
    ward: str
    zip_code: str
    lon: float
    lat: float
    opened: datetime
    due: datetime | None


def read_requests(path: Path) -> Iterator[Request]:
    """Read the gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            opened = _moment(row["OPEN_DT"])
            if opened is None:
                raise ValueError(f"request {row['CASE_ENQUIRY_ID']} has no OPEN_DT")
            yield Request(
                row["TYPE"],
                row["REASON"],
                row["Department"],
                row["QUEUE"],
                row["CASE_TITLE"],
                row["neighborhood"],
                row["ward"].removeprefix("Ward").strip().lstrip("0"),
                row["LOCATION_ZIPCODE"].removesuffix(".0").zfill(5) if row["LOCATION_ZIPCODE"] else "",
                float(row["LONGITUDE"]),
                float(row["LATITUDE"]),
                opened,
                _moment(row["TARGET_DT"]),
            )


def _moment(text: str) -> datetime | None:
    return datetime.strptime(text, STAMP).replace(tzinfo=BOSTON).astimezone(UTC) if text else None
