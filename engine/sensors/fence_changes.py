"""Fences added while the city runs, such as the route of a permit: written here, read again by every process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.database import begin_write, dumps
from engine.errors import Invalid, NotFound
from engine.models import SensorFence
from engine.sensors.declaring import FENCE_KEYS, Declared, read_fence
from engine.sensors.sensing import Sensing, count_revision

POINTS_LIMIT = 100_000
"""Characters of a fence's geometry."""


def put_fence(
    session: Session, sensing: Sensing, code: str, properties: Mapping[str, Any], geometry: Any, now: datetime
) -> SensorFence:
    """Add a fence or replace it; commits. It wins over one of the files with the same code. Raises Invalid."""
    begin_write(session)
    row = write_fence(session, sensing, code, properties, geometry, now)
    session.commit()
    return row


def write_fence(
    session: Session, sensing: Sensing, code: str, properties: Mapping[str, Any], geometry: Any, now: datetime
) -> SensorFence:
    """As ``put_fence``; the caller commits: plugins write a permit and its route in one transaction."""
    values = {key: value for key, value in properties.items() if key in FENCE_KEYS or value is not None}
    declared = Declared(dict(sensing.kinds))
    read_fence({**values, "code": code}, geometry, declared)
    text = dumps(geometry)
    if declared.faults:
        fault = declared.faults[0]
        raise Invalid(f"{fault.element}: {fault.message}; {fault.remedy}", field=fault.element.split(".")[-1])
    if len(text) > POINTS_LIMIT:
        raise Invalid(f"the geometry has more than {POINTS_LIMIT} characters; simplify it", field="geometry")
    row = session.get(SensorFence, code)
    if row is None:
        row = SensorFence(code=code)
        session.add(row)
    row.properties, row.geometry, row.changed_at = dict(values), text, now
    session.flush()
    count_revision(session)
    return row


def remove_fence(session: Session, code: str) -> None:
    """Remove a fence of the database; commits. Raises NotFound, also for one of the files."""
    begin_write(session)
    row = session.get(SensorFence, code)
    if row is None:
        raise NotFound(
            f"no fence {code} was added while the city runs; change sensors/fences.geojson for one of a file"
        )
    session.delete(row)
    session.flush()
    count_revision(session)
    session.commit()
